"""What a blob is bound to: the place of a field, and the identity of the record it is in.

A tag covers, beside the payload, the path of the field and an identity: nothing (bind 0), the path of the file below the root of its
tree (1), or the names and values of other fields of the record (2). Here they are read off a record, as elements of bytes.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from sealkit.context import BINDS, FIELDS, NONE, PATH, Context
from sealkit.errors import (
    BadFieldPath,
    BadSyntax,
    Downgraded,
    DuplicateKey,
    LineBreakDispute,
    LookAlikeKey,
    MergedField,
    RecordError,
    SealkitError,
    Unbound,
    UnsupportedVersion,
    Usage,
)
from sealkit.opaque import opaque
from sealkit.records import fieldpath
from sealkit.records.kinds import JSON_LINES
from sealkit.records.locate import NULL, TAGGED
from sealkit.records.lookalike import skeleton
from sealkit.tree import Scalar

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.records.fieldpath import Steps
    from sealkit.records.record import Record

BIND_PATH: Final = "path"
"""The demand that a blob is bound to the path of its file; a tuple of field paths demands these fields."""

Bind = str | tuple[str, ...] | None

_look = lru_cache(maxsize=1024)(skeleton)
_AMBIGUOUS = (DuplicateKey, MergedField, LookAlikeKey, LineBreakDispute)


@lru_cache(maxsize=1024)
def field_path(path: str) -> tuple[bytes, ...]:
    """Return the path of one field as a tag has it: for each step ``k`` and the UTF-8 key, or ``i`` and the decimal index.

    Raises ``BadFieldPath`` for a path that names several fields (``a[].b``) or is not Unicode text.
    """
    elements = []
    for step in fieldpath.parse(path):
        if step is fieldpath.EVERY:
            raise BadFieldPath(problem=f"{path!r} names every item of a list", hint="name one, as in a[0].b")
        element = _utf8(f"k{step}" if isinstance(step, str) else f"i{step}")
        if element is None:
            raise BadFieldPath(problem="a field path that is not UTF-8")
        elements.append(element)
    return tuple(elements)


def file_path(file: str) -> bytes:
    """Return the path of a file as an identity has it: below the tree's root, ``/`` between the steps, NFC (UAX 15), UTF-8.

    Raises ``Usage`` for a path that does not lead down from the root, and ``Unbound`` for a name that is not UTF-8.
    """
    if "\0" in file or not {"", ".", ".."}.isdisjoint(file.split("/")):
        raise Usage(problem=f"{file!r} is not a path below the root of a tree", hint="write it from the root on, as in posts/a.md")
    encoded = _utf8(unicodedata.normalize("NFC", file))
    if encoded is None:
        raise Unbound(problem="the name of the file, or of a folder it is in, is not UTF-8", hint="rename it, or bind to fields")
    return encoded


def overlap(one: Steps, other: Steps) -> bool:
    """Say whether two field paths may name the same field, look alike, or lead into each other."""
    return all(_same_step(left, right) for left, right in zip(one, other, strict=False))


def _same_step(one: fieldpath.Step, other: fieldpath.Step) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return _look(one) == _look(other)
    if isinstance(one, str) or isinstance(other, str):
        return False  # a mapping has keys, a list has items: one record cannot have both there
    return one is fieldpath.EVERY or other is fieldpath.EVERY or one == other


def check_bound(names: tuple[str, ...], field: str) -> None:
    """Raise ``BadFieldPath`` unless these fields can be what a blob in ``field`` is bound to.

    Each is one field, named once and in the one spelling, and neither the secured field itself nor around or within it.
    """
    if not names:
        raise BadFieldPath(problem="no field to bind to is named", hint="name one at least, or bind to none")
    secured = fieldpath.parse(field)
    for number, name in enumerate(names):
        steps = fieldpath.parse(name)
        field_path(name)
        if fieldpath.join(steps) != name:
            raise BadFieldPath(
                problem=f"the bound field {name!r} is spelt in an unusual way", hint=f"write {fieldpath.join(steps)}"
            )
        if overlap(steps, secured):
            raise BadFieldPath(
                problem=f"{field!r} cannot be bound to {name!r}, which is the secured field, around it or within it",
                hint="bind to a public field, such as an address or an id",
            )
        if any(overlap(steps, fieldpath.parse(before)) for before in names[:number]):
            raise BadFieldPath(problem=f"the bound field {name!r} is named before", hint="name each field once")


class Binding(NamedTuple):
    """What the blobs of a record are to be bound to (``bind``, as for ``Place``), and where its file is below the root of its tree."""

    bind: Bind = None
    file: str | Callable[[], str] | None = None

    def place(self, record: Record, field: str) -> Place:
        """Return the place of one field of a record. Raises as ``Place``."""
        return Place(record, field, file=self.file, bind=self.bind)


UNDEMANDED: Final = Binding()


def parse_bind(text: str | None) -> Bind:
    """Read what an option says: ``none``, ``path``, or paths of fields with commas between. Raises ``BadFieldPath``."""
    if text is None or text == BINDS[NONE]:
        return None
    return BIND_PATH if text == BIND_PATH else tuple(fieldpath.split_list(text))


class Place:
    """Where one field of one record is: the ``Binder`` of the blob in it.

    ``field`` is the path of that one field (``a[0].b``), ``file`` the path of the record's file below the root of its tree (None where
    that is not known, as for stdin; a function that returns it where finding it out costs something). ``bind`` is what is demanded: None
    (nothing), ``"path"``, or the paths of the fields in the policy's order. ``instead`` gives values that bound fields had, before they
    were edited, in the place of those that they have. Nothing is read off the record before a context is asked for, and then once. Raises ``Usage`` and ``BadFieldPath``.
    """

    __slots__ = ("_bind", "_file", "_instead", "_known", "_path", "_record", "field")

    @opaque
    def __init__(
        self,
        record: Record,
        field: str = "secured",
        *,
        file: str | Callable[[], str] | None = None,
        bind: Bind = None,
        instead: dict[str, str] | None = None,
    ) -> None:
        if isinstance(bind, tuple):
            check_bound(bind, field)
        elif bind not in (None, BIND_PATH):
            raise Usage(problem="no such binding", hint="one of None, 'path' and a tuple of field paths")
        self.field = field
        self._record = record
        self._path = field_path(field)
        self._file = file
        self._bind = bind
        self._instead = instead
        self._known: dict[int, Context] = {}

    def __repr__(self) -> str:
        return f"<Place {self.field}, bound to {BINDS[self.kind]}>"

    @property
    def kind(self) -> int:
        """The kind of binding that is demanded: 0 (none), 1 (path) or 2 (fields)."""
        if self._bind is None:
            return NONE
        return FIELDS if isinstance(self._bind, tuple) else PATH

    @property
    def context(self) -> Context:
        """The context to seal in: bound as demanded. Raises as ``of_kind`` does."""
        return self.of_kind(self.kind)

    def below(self) -> str | None:
        """Return the path of the file below the root of its tree, None where that is not known. Raises ``StoreError``."""
        return self._file if self._file is None or isinstance(self._file, str) else self._file()

    def demanded(self) -> Context:
        """Return the context that a new blob gets, and that a blob without a word about its binding is taken to be bound to."""
        return self.of_kind(self.kind)

    @opaque
    def of_kind(self, bind: int) -> Context:
        """Return the context of a blob that says it is bound in this way: 0 (none), 1 (path) or 2 (fields).

        Where nothing is demanded, a blob may be bound in every way that can be checked. Raises ``Downgraded`` for another binding than
        is demanded, ``Usage`` where the path or the names of the fields are not known, ``Unbound`` for a bound field that is missing,
        empty, ambiguous or no scalar, and for a name that is not UTF-8; ``UnsupportedVersion`` for a kind that does not exist.
        """
        if bind not in self._known:
            self._known[bind] = self._context(bind)
        return self._known[bind]

    def _context(self, bind: int) -> Context:
        if not NONE <= bind <= FIELDS:
            raise UnsupportedVersion(problem="a kind of binding that this version of sealkit does not know")
        if self._bind is not None and bind != self.kind:
            raise Downgraded(
                problem=f"the blob is bound to {BINDS[bind]}, and {BINDS[self.kind]} is demanded",
                hint="somebody may have put another blob there; if it is known to be good, seal its payload anew",
            ).at(line=self._record.line, field=self.field)
        if bind == NONE:
            return Context(self._path)
        return Context(self._path, bind, self._of_file() if bind == PATH else self._of_fields())

    def _of_file(self) -> tuple[bytes, ...]:
        if self._bind is not None and self._record.kind == JSON_LINES:
            raise Unbound(
                problem="the lines of a JSON Lines file share its path, so it cannot tell them apart",
                hint="bind to fields that differ from line to line, as in bind: [id]",
                line=self._record.line,
                field=self.field,
            )
        if self._file is None:
            raise Usage(problem="the path of the file below the root of its tree is not known", hint="say it with --as NAME")
        try:
            return (file_path(self._file if isinstance(self._file, str) else self._file()),)
        except Unbound as error:
            failure = error
        raise failure.at(line=self._record.line, field=self.field)

    def _of_fields(self) -> tuple[bytes, ...]:
        if not isinstance(self._bind, tuple):
            raise Usage(
                problem="the blob is bound to fields of the record, and which they are is not known",
                hint="name them in the policy, as in bind: [sourceUrl], or with --bind sourceUrl",
            )
        identity: list[bytes] = []
        for name in self._bind:
            identity += (name.encode(), self._value(name))
        return tuple(identity)

    def _value(self, name: str) -> bytes:
        """Return a bound field's value: the text of its scalar, as libyaml or the JSON scanner has it, in UTF-8."""
        record = self._record
        if self._instead is not None and name in self._instead:
            return self._instead[name].encode("utf-8", "replace")
        try:
            field = record.field(name)
        except SealkitError as error:
            failure = error
        else:
            if field is None:
                raise self._unbound(name, "is missing", record.line)
            line = record.values(name)[0].line
            if not isinstance(field.node, Scalar):
                raise self._unbound(name, f"is a {field.type}", line)
            if field.is_alias or field.shared:
                raise self._unbound(name, "is an alias, or has one", line)
            if field.type == TAGGED:
                raise self._unbound(name, "has a tag", line)
            if field.type == NULL or not field.node.text:
                raise self._unbound(name, "is empty", line)
            value = _utf8(field.node.text)
            if value is None:
                raise self._unbound(name, "holds half a surrogate pair, which is no character", line)
            return value
        raise self._failed(name, failure)

    def _failed(self, name: str, error: SealkitError) -> SealkitError:
        """Turn what makes the bound field itself doubtful into ``Unbound``; a record that is broken stays what it is."""
        if isinstance(error, _AMBIGUOUS) or (isinstance(error, BadSyntax) and self._reads()):
            return self._unbound(name, f"is not one field for every reader: {error.problem}", error.line or self._record.line)
        if isinstance(error, RecordError):
            error.field = self.field
        return error

    def _reads(self) -> bool:
        """Say whether the record reads as a whole, so that the trouble is on the way to the field."""
        try:
            return self._record.document.root is not None
        except RecordError:
            return False

    def _unbound(self, name: str, what: str, line: int) -> Unbound:
        hint = "give the record that field, with one plain value"
        return Unbound(problem=f"the bound field {name!r} {what}", hint=hint, line=line, field=self.field)


def _utf8(text: str) -> bytes | None:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None
