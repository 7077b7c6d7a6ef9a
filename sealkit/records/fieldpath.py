"""Field paths: ``secured``, ``a.b``, ``a[].b`` (every item), ``a[0].b`` (one item), ``"tls.key".b`` (a key with a dot in it).

A key that holds a dot, a blank, a quote, a bracket or a sign of patterns is put into double quotes, in which a backslash stands before each
quote and backslash. Unquoted, what looks like a pattern of another language (a glob, JSONPath, a JSON pointer) is refused: taken literally it would name
no field, and so demand nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache

from sealkit.errors import BadFieldPath

EVERY = None
"""The step ``[]``: every item of a sequence."""

Step = str | int | None
Steps = tuple[Step, ...]

# Letters, digits, what is beyond ASCII (but blanks), and the signs that no language of paths or patterns means something by.
_BARE = r"(?:[^\x00-,./:-@\[-^`{-\x7f\s]|\+|@(?=\w))+"
_QUOTED = r'"(?:[^"\\]|\\["\\])*"'
_STEP = re.compile(rf"\[(?P<index>[0-9]{{0,9}})\]|(?P<dot>\.?)(?P<key>{_BARE}|{_QUOTED})")
_IS_BARE = re.compile(_BARE)
_LISTED = r'((?:"(?:[^"\\]|\\.)*"|[^,])*),'
_ESCAPED = re.compile(r'\\(["\\])')
_TO_ESCAPE = r'["\\]'

# What other languages write, and what it is here: for hints, and so compiled when there is one.
_ITEMS = r"\[(?:\*|:|\.\.\.)\]"
_ESCAPED_DOTS = r"(?:[^.\\]|\\.)*\\\.(?:[^.\\]|\\.)*"
_BRACKET_KEY = r"""\.?\[(?:'([^'\]]*)'|"([^"\]]*)"|([A-Za-z_][\w-]*))\]"""
_IN_QUOTES = r"'([^']*)'|`([^`]*)`"
_POINTER = r"[^/]*(?:/[^/.\s]+)+"
_OTHER_DOTS = r"\s*(?:\.|::|->|=>|[:;,>|\\])\s*"


@lru_cache(maxsize=1024)
def parse(path: str) -> Steps:
    """Return the steps of a field path: text for a key, a number for an item (from 0), None for every item.

    Raises ``BadFieldPath``, which says what to write.
    """
    steps = _steps(path)
    if isinstance(steps, int):
        what = "no key or [number]" if steps == len(path) or path[steps] in ".[]" else "what is no part of a key without quotes"
        raise BadFieldPath(problem=f"field path {path!r}: {what} at character {steps}", hint=_hint(path))
    if not steps:
        raise BadFieldPath(problem="the field path is empty")
    return steps


def _steps(path: str) -> Steps | int:
    """Return the steps of a path, or where it is none."""
    steps: list[Step] = []
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None or bool(match["dot"]) != (at > 0 and match["key"] is not None):
            return at
        key = match["key"]
        if key is None:
            steps.append(int(match["index"]) if match["index"] else EVERY)
        else:
            steps.append(_ESCAPED.sub(r"\1", key[1:-1]) if key.startswith('"') else key)
        at = match.end()
    return tuple(steps)


def join(steps: Steps) -> str:
    """Return the text of a path; ``parse(join(steps)) == steps``."""
    return "".join(map(text_of, steps)).removeprefix(".")


def text_of(step: Step) -> str:
    """Return a step as it stands behind another one: ``.key``, ``."a key"``, ``[0]`` or ``[]``."""
    if isinstance(step, str):
        return f".{step}" if _IS_BARE.fullmatch(step) else f".{_quoted(step)}"
    return "[]" if step is EVERY else f"[{step}]"


def of_column(name: str) -> str:
    """Return the path of the field that a table's column of this name stands for: the name itself, or quoted if it is none."""
    steps = _steps(name)
    return name if steps and not isinstance(steps, int) else _quoted(name)


def column_of(path: str) -> str:
    """Return the name of the column that a path stands for in a table: a single key is it, without quotes."""
    steps = parse(path)
    return steps[0] if len(steps) == 1 and isinstance(steps[0], str) else path


def split_list(text: str) -> list[str]:
    """Return the paths of a list with commas between; a comma in quotes is part of a key."""
    return [path.strip() for path in re.findall(_LISTED, f"{text},")]


def _quoted(key: str) -> str:
    return '"' + re.sub(_TO_ESCAPE, r"\\\g<0>", key) + '"'


def _hint(path: str) -> str | None:
    """Return what to write instead of a text that is no field path; None where nothing better than the general hint is known."""
    meant = _meant(path)
    whole = _quoted(path) if path and len(path) <= MAX_HINT and path.isprintable() else None
    if meant is not None:
        return f"write {meant}" + (f"; if it is one key, {whole}" if whole is not None else "")
    if "*" in path or "?" in path or ".." in path:
        return f"a field path is no pattern: name each field, with [] for every item of a list; a key that is spelt so is quoted: {whole}"
    return f"if it is one key, write {whole}" if whole is not None else None


MAX_HINT = 80


def _meant(path: str) -> str | None:
    """Return the field path that a path of another language stands for, None for anything else."""
    text = re.sub(_BRACKET_KEY, lambda match: text_of(match[1] or match[2] or match[3] or ""), re.sub(_ITEMS, "[]", path.strip()))
    text = re.sub(
        _IN_QUOTES,
        lambda match: text_of(match[1] or match[2] or "")[1:],
        text.removeprefix("$").removeprefix("#").removeprefix("~"),
    )
    text = re.sub(_ESCAPED_DOTS, lambda match: _quoted(match[0].replace("\\.", ".")), text)
    if re.fullmatch(_POINTER, text):
        text = re.sub(r"/([0-9]{1,9})(?=/|\Z)", r"[\1]", text).replace("/", ".")
    if '"' not in text:
        text = re.sub(_OTHER_DOTS, ".", text)
    text = text.removeprefix("@").removeprefix(".")
    steps = _steps(text)
    return join(steps) if steps and not isinstance(steps, int) and join(steps) != path else None
