"""The files of a tree with what they hold and the rules that apply to them: one way for everything that looks into a whole tree.

The rules of a folder are looked up before its files are read. Which fields a file's bytes hold under them, ``records.visit`` says.
"""

from __future__ import annotations

import os
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from sealkit.demands import kind_among
from sealkit.errors import OverLimit, SealkitError
from sealkit.records import packed, visit
from sealkit.records.kinds import is_record_name
from sealkit.trees.store import Snapshot, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sealkit.demands import FieldRule
    from sealkit.trees.found import Found

    Rules = Callable[[str], Sequence[FieldRule]]


class File(NamedTuple):
    """A file of a tree: what it holds, the rules for its fields, or the ``problem`` that kept it from being looked at.

    Of a ``large`` one, which is not read, ``data`` is how it begins.
    """

    found: Found
    data: bytes = b""
    rules: Sequence[FieldRule] = ()
    problem: SealkitError | None = None
    large: bool = False

    def __repr__(self) -> str:
        return f"<File {self.found.path} {len(self.data)} bytes>"


def files(found: Iterable[Found], rules: Rules) -> Iterator[File]:
    """Yield some files with what they hold, in the same order; those without text are empty."""
    with Store() as store:
        for one in found:
            try:
                if one.problem is not None:
                    yield File(one, problem=one.problem)
                    continue
                demanded = rules(one.path)
                yield File(one, snapshot(one, store, rules).data, demanded)
            except SealkitError as error:
                yield File(one, problem=error)


def whole_files(found: Iterable[Found]) -> Iterator[File]:
    """Yield some files with all that they hold, text or not, in the same order; one that is too large has a problem if a blob may be in it."""
    with Store() as store:
        for one in found:
            try:
                if one.problem is not None:
                    yield File(one, problem=one.problem)
                    continue
                yield _everything(one, store)
            except SealkitError as error:
                yield File(one, problem=error)


def snapshot(found: Found, store: Store, rules: Rules) -> Snapshot:
    """Read a file. Of one that holds no text, or is too large and cannot spell a field of its rules, nothing is read, or kept.

    Raises as ``Store.read``.
    """
    path, root = found.path, found.root
    try:
        return store.read(path, root, begins=None if found.named else _may_be_read)
    except OverLimit:
        demanded = rules(path)
        pieces = store.pieces(path, root)
        if found.named or visit.may_spell(pieces, tuple(rule.path for rule in demanded)):
            raise
    return Snapshot(b"", os.lstat(path))


def _may_be_read(path: str, beginning: bytes) -> bool:
    """Say whether a large file of this name, that begins like this, may be a record."""
    return is_record_name(os.path.basename(path)) or visit.may_be_record(beginning)


def _everything(found: Found, store: Store) -> File:
    """Read a file, whatever it holds; one that is too large, and holds no blob, as it begins. Raises as ``snapshot``."""
    path, root = found.path, found.root
    try:
        return File(found, store.read(path, root).data)
    except OverLimit:
        beginning, may_hold = beyond(store.pieces(path, root))
        if may_hold:
            raise
    return File(found, beginning, large=True)


def beyond(pieces: Iterator[bytes]) -> tuple[bytes, bool]:
    """Return of what is too large to be read how it begins, and whether a blob may stand in it."""
    first = next(pieces, b"")
    return first[: packed.BEGINNING], visit.may_hold_blobs_in(chain([first], pieces))


def may_be_record(file: File) -> bool:
    """Say whether a file is, or may be, a record: by what it holds, by its name, or because it cannot be looked at."""
    path = file.found.path
    return file.problem is not None or is_record_name(os.path.basename(path)) or _kind(file) is not None


def _kind(file: File) -> str | None:
    return visit.kind(file.found.path, file.data, kind_among(file.rules))
