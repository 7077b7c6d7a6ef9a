"""What git must be told so that records are diffed, merged and checked by sealkit: told, taken back, and looked at.

Three things: lines in ``.gitattributes`` (committed, so that everybody has them), settings of this clone, and a ``pre-commit`` hook.
"""

from __future__ import annotations

import os
import re
import stat
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from sealkit.git import starting, trial
from sealkit.outfile import write_new
from sealkit.policy import NAME, Policy
from sealkit.records.kinds import SUFFIXES
from sealkit.trees.exchange import Write
from sealkit.trees.replace import replace_one
from sealkit.trees.store import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealkit.git.plumbing import Repository
    from sealkit.git.starting import Program

_AS_MODULE: Final = re.compile(r"-m\s+sealkit\b")
_CACHES: Final = "refs/notes/textconv/"
_ATTRIBUTES: Final = "diff=sealkit merge=sealkit"
_TEXTCONV: Final = "diff.sealkit.textconv"
_DRIVER: Final = "merge.sealkit.driver"
_NAMES: Final = (_TEXTCONV, "diff.sealkit.cachetextconv", "merge.sealkit.name", _DRIVER)
_INSTALL: Final = "run: sealkit git install"
_REINSTALL: Final = "install sealkit again, and run: sealkit git install"
_SECTIONS: Final = ("diff.sealkit", "merge.sealkit")
_BEGIN, _END = b"# sealkit: begin (sealkit git uninstall removes these lines)", b"# sealkit: end"
_BEGIN_AFTER_HALF_A_LINE = b"# sealkit: begin (sealkit git uninstall removes these lines and the line end before them)"
_HOOK_MARK: Final = b"#!/bin/sh\n# Written by sealkit git install; sealkit git uninstall removes it.\n"
_EXECUTABLE = 0o755
_PLAIN = 0o644


class Finding(NamedTuple):
    """One thing that ``doctor`` looked at: whether it is in order, what there is to say, and what to do."""

    is_good: bool
    text: str
    hint: str | None = None


def settings(program: Program) -> dict[str, str]:
    """Return the settings of a clone."""
    return {
        _TEXTCONV: program.textconv(),
        "diff.sealkit.cachetextconv": "false",
        "merge.sealkit.name": "payloads merged by sealkit, the text by git",
        _DRIVER: program.merge_driver(),
    }


class Installation:
    """What is installed in one repository, or is to be, of this version of sealkit.

    Raises ``ConfigError`` for a policy that is none, ``StoreError``, and ``Usage``.
    """

    def __init__(self, repository: Repository, version: str) -> None:
        self._repository = repository
        self._version = version
        self._attributes = os.path.join(repository.top, ".gitattributes")
        hooks = repository.path("hooks")
        self._hook = os.path.join(hooks, "pre-commit")
        self._beside = os.path.join(hooks, "pre-commit.sealkit")

    @cached_property
    def _program(self) -> Program:
        return starting.find(self._version)

    @cached_property
    def _settings(self) -> dict[str, str]:
        return settings(self._program)

    @property
    def _script(self) -> bytes:
        return _HOOK_MARK + os.fsencode(self._program.hook())

    # --- install ---------------------------------------------------------------------------------------------------------
    def install(self) -> Iterator[str]:
        """Tell git what is missing, and yield what was changed; nothing where all is as it should be."""
        wanted = self._settings
        before = _content(self._attributes)
        after = _with_block(_without_block(before), self._patterns())
        if after != before:
            _write(self._attributes, before, after)
            yield "wrote .gitattributes: records are diffed and merged by sealkit (commit it)"
        for name, value in wanted.items():
            if self._setting(name) != value:
                self._repository.set(name, value)
                yield f"set {name}"
        yield from self._install_hook()

    def _install_hook(self) -> Iterator[str]:
        there = _content(self._hook)
        target = self._hook if there is None or there.startswith(_HOOK_MARK) else self._beside
        if _content(target) == self._script:
            return
        os.makedirs(os.path.dirname(target), exist_ok=True)
        _write(target, _content(target), self._script, _EXECUTABLE)
        yield f"wrote the hook {self._below(target)}: nothing unsealed is committed"
        if target == self._beside:
            yield f"kept the hook {self._below(self._hook)}: add this line to it: {self._call()}"

    def _call(self) -> str:
        return '"$(git rev-parse --git-path hooks)"/pre-commit.sealkit || exit'

    def _patterns(self) -> list[str]:
        """Return which files are records: those of the policy in the repository's top, else by their suffixes."""
        data = _content(os.path.join(self._repository.top, NAME))
        if data is None:
            return [f"*.{suffix}" for suffix in SUFFIXES]
        included = dict.fromkeys(glob for rule in Policy.parse(data).rules for glob in rule.include)
        return [_pattern(glob) for glob in included]

    # --- uninstall -------------------------------------------------------------------------------------------------------
    def uninstall(self) -> Iterator[str]:
        """Take back what ``install`` did, and yield what was changed. What others wrote stays as it is, byte for byte."""
        before = _content(self._attributes)
        after = _without_block(before)
        if after != before:
            _write(self._attributes, before, after)
            yield "removed sealkit's lines from .gitattributes" if after is not None else "removed .gitattributes"
        for section in _SECTIONS:
            if any(self._setting(name) is not None for name in _NAMES if name.startswith(section)):
                self._repository.remove_settings(section)
                yield f"removed the settings {section}.*"
        for hook in (self._hook, self._beside):
            if (_content(hook) or b"").startswith(_HOOK_MARK):
                os.unlink(hook)
                yield f"removed the hook {self._below(hook)}"
                if hook == self._beside:
                    yield from self._calls_left()

    def _calls_left(self) -> Iterator[str]:
        """Yield the lines of somebody's own hook that call the one that was removed: with one of them, no commit goes through."""
        for one in (_content(self._hook) or b"").splitlines():
            if os.path.basename(self._beside).encode() in one:
                line = os.fsdecode(one.strip())
                yield f"kept the hook {self._below(self._hook)}: remove this line from it, or no commit goes through: {line}"

    # --- doctor ----------------------------------------------------------------------------------------------------------
    def examine(self) -> Iterator[Finding]:
        """Yield what is and what is not in order."""
        yield from self._examine_attributes()
        for name, value in self._settings.items():
            found = self._setting(name)
            yield Finding(found == value, f"{name} is {'set' if found == value else _what_else(found)}", _INSTALL)
        yield from examine_caches(self._repository)
        yield from self._examine_hook()
        yield from self._try()

    def _try(self) -> Iterator[Finding]:
        """Yield whether what is set does its work where nothing of this shell's environment helps it."""
        wanted = self._settings
        for name, works in ((_TEXTCONV, trial.shows), (_DRIVER, trial.merges)):
            if self._setting(name) == wanted[name]:
                is_good = works(wanted[name])
                yield Finding(is_good, f"{name} {'works' if is_good else 'does not work'} from a bare environment", _REINSTALL)

    def _examine_attributes(self) -> Iterator[Finding]:
        before = _content(self._attributes)
        is_good = before is not None and _with_block(_without_block(before), self._patterns()) == before
        yield Finding(is_good, f".gitattributes {'names' if is_good else 'does not name'} the records", _INSTALL)
        if is_good and not self._repository.tracks(".gitattributes"):
            yield Finding(False, ".gitattributes is not committed, so other clones do not have it", "run: git add .gitattributes")

    def _examine_hook(self) -> Iterator[Finding]:
        name = self._below(self._hook)
        there = _content(self._hook)
        ours = next((path for path in (self._hook, self._beside) if (_content(path) or b"").startswith(_HOOK_MARK)), None)
        if ours is not None and _content(ours) != self._script:
            text = f"the hook {self._below(ours)} is of an older form, or of another installation"
            yield Finding(False, text, _INSTALL)
            return
        runs = there is not None and (there.startswith(_HOOK_MARK) or b"pre-commit.sealkit" in there or b"sealkit check" in there)
        runs = runs and os.access(self._hook, os.X_OK)
        hint = _INSTALL if there is None else f"add this line to it, and make it executable: {self._call()}"
        yield Finding(runs, f"the hook {name} {'looks' if runs else 'does not look'} at what is committed", hint)

    def _setting(self, name: str) -> str | None:
        return self._repository.setting(name)

    def _below(self, path: str) -> str:
        return os.path.relpath(path, self._repository.top)


def _what_else(value: str | None) -> str:
    """Say what a setting is that is not as it should be."""
    if value is None:
        return "not set"
    if _AS_MODULE.search(value) and "-I" not in value.split():
        return "of an older form, which lets Python take modules from the folder that git is used in"
    if value.startswith("sealkit "):
        return "of an older form, which works only where sealkit is on PATH; else a merge may leave one side alone"
    return "something else: of another installation, or set by somebody"


def examine_caches(repository: Repository) -> Iterator[Finding]:
    """Yield whether git is told to keep what textconv prints, and whether it holds any of it, for each diff driver that runs sealkit."""
    drivers = _drivers(repository)
    keeping = [f"diff.{driver}.cachetextconv" for driver in drivers if repository.says_yes(f"diff.{driver}.cachetextconv")]
    text = "git keeps what textconv prints: plaintext" if keeping else "git does not keep what textconv prints"
    names = " and ".join(keeping)
    yield Finding(not keeping, text, f"remove {names} from every git configuration, and: git gc --prune=now" if keeping else None)
    refs = repository.refs(_CACHES)
    for ref in (f"{_CACHES}{driver}" for driver in drivers):
        if ref in refs:
            hint = f"run: git update-ref -d {ref} && git reflog expire --expire=now --all && git gc --prune=now"
            yield Finding(False, f"the repository holds plaintext that textconv printed once, under {ref}", hint)


def _drivers(repository: Repository) -> list[str]:
    """Return the names of the diff drivers that run sealkit: our own, and those that somebody set up by hand."""
    others = (name for name, command in repository.matching(r"^diff\..*\.textconv$") if "sealkit" in command)
    return list(dict.fromkeys(["sealkit", *(name.removeprefix("diff.").removesuffix(".textconv") for name in others)]))


def _with_block(rest: bytes | None, patterns: list[str]) -> bytes:
    before = rest or b""
    begin = _BEGIN if not before or before.endswith(b"\n") else _BEGIN_AFTER_HALF_A_LINE
    lines = [f"{pattern} {_ATTRIBUTES}".encode() for pattern in patterns]
    return before + (b"" if begin is _BEGIN else b"\n") + b"\n".join([begin, *lines, _END, b""])


def _without_block(data: bytes | None) -> bytes | None:
    """Return what others wrote; None if there is nothing but the block, so that the file was not there before."""
    if data is None:
        return None
    for begin, adds_line_end in ((_BEGIN_AFTER_HALF_A_LINE, True), (_BEGIN, False)):
        start = data.find(begin + b"\n")
        end = data.find(_END + b"\n", start)
        if start >= 0 and end >= 0:
            rest = data[: start - 1 if adds_line_end else start] + data[end + len(_END) + 1 :]
            return rest or None
    return data


def _pattern(glob: str) -> str:
    """Return a policy's glob as gitattributes(5) writes it; one with a blank or a quotation mark stands in quotation marks."""
    if not any(character in glob for character in ' "\t') and not glob.startswith(("#", "[attr]")):
        return glob
    return '"' + glob.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _content(path: str) -> bytes | None:
    return read(path).data if os.path.lexists(path) else None


def _write(path: str, before: bytes | None, after: bytes | None, mode: int = _PLAIN) -> None:
    """Write a file, or remove it. Raises ``StoreError``."""
    if before is None and after is not None:
        write_new(path, after, mode=mode, root=os.path.dirname(path))
    elif after is not None:
        replace_one(Write(path, read(path), after))
        _make_executable(path, mode)
    elif before is not None:
        os.unlink(path)


def _make_executable(path: str, mode: int) -> None:
    if mode == _EXECUTABLE and not stat.S_IMODE(os.stat(path).st_mode) & stat.S_IXUSR:
        os.chmod(path, mode)
