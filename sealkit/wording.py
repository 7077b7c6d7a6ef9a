"""Counts and commands as they stand in sentences: one way to say how many, and commands that do the thing when they are typed as printed."""

from __future__ import annotations

_USUAL_FIELD = "secured"


def plural(number: int, noun: str) -> str:
    """Return a count with its noun in the singular or the plural, as in "1 file" and "12,000 files"."""
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"


def quoted(path: str) -> str:
    """Return a path as a shell takes it for one word, and no program for an option."""
    from shlex import quote

    return quote(f"./{path}" if path.startswith("-") and path != "-" else path)


def within(folder: str, name: str) -> str:
    """Return the path of what is in a folder, as somebody who named the folder would name it: in ``.`` it is the bare name."""
    bare = folder.rstrip("/") or folder[:1]
    return name if bare in {"", "."} else f"{bare.rstrip('/')}/{name}"


def filled(hint: str, path: str | None, field: str | None) -> str:
    """Return a hint with the commands in it made whole: ``{FILE}`` is the path, ``{FIELD}`` the option for a field that is not the usual one.

    ``{TREE}`` is the folder that a journal is about. What is not known stays a word for people to replace.
    """
    if "{F" not in hint and "{TREE}" not in hint:
        return hint
    file = quoted(path) if path is not None else "FILE"
    tree = quoted(path.rpartition("/")[0].rpartition("/")[0] or ".") if path is not None else "PATH"
    option = f" --field {quoted(field)}" if field is not None and field != _USUAL_FIELD else ""
    return hint.replace("{FIELD}", option).replace("{TREE}", tree).replace("{FILE}", file)
