"""Every error sealkit raises, drawn as a tree.

SealkitError
├── Usage                      usage                2  the request itself makes no sense
│   ├── BadFieldPath           field_path
│   └── NothingMatched         nothing_matched
├── ConfigError                config               2  a ring or policy file that says something impossible
│   └── TooCostly              limit                   a ring, or globs, that ask for more work than is done for them
├── NoUsableKey                no_usable_key        3  no ring, or a key whose bytes cannot be had
├── BlobError                                       1  a field's value, as a blob
│   ├── Malformed              malformed
│   │   └── NonCanonical       noncanonical
│   ├── UnsupportedVersion     unsupported_version
│   ├── UnknownKey             unknown_key
│   ├── DisabledKey            disabled_key
│   ├── Tampered               tampered
│   ├── Misbound               misbound
│   ├── Downgraded             downgraded
│   ├── NotBlessed             not_blessed
│   ├── CannotDecrypt          cannot_decrypt
│   ├── AmbiguousKey           ambiguous_key
│   ├── WrongKey               wrong_key
│   └── PayloadCheck           payload_check
├── RecordError                                     1  a record that cannot be read or changed without a guess
│   ├── UnsupportedRecord      unsupported_record
│   ├── BadFrontMatter         frontmatter
│   ├── BadSyntax              syntax
│   ├── OverLimit              limit
│   ├── FieldAbsent            absent
│   ├── DuplicateKey           duplicate_key
│   ├── NotAString             not_a_string
│   ├── MergedField            merged_field
│   ├── SharedNode             shared_node
│   ├── LookAlikeKey           lookalike_key
│   ├── LineBreakDispute       line_break
│   ├── Unbound                unbound
│   ├── Unsealed               unsealed
│   │   └── ForeignCiphertext  foreign
│   ├── NotEncrypted           not_encrypted
│   ├── BrokenBlob             broken_blob
│   ├── RefusedEdit            refused_edit
│   └── ProofFailed            proof_failed
└── StoreError                 io                   4  a file that cannot be read or replaced
    ├── TooLarge               limit                   no record, and larger, or more costly to read, than is read
    ├── NotRegular             not_regular
    ├── IsLink                 link
    ├── HardLinked             hardlinked
    ├── OtherMount             other_mount
    ├── ChangedUnderneath      changed_underneath
    ├── JournalError           journal
    └── TreeBusy               busy                75

``WrongTypeError`` stands aside: it is a ``TypeError``, for a mistake in the program that calls sealkit.

An error has a stable ``code``, an ``exit_status``, a ``problem`` (one sentence, never key or payload text), a ``hint`` (what to do
next), and where it is known the ``path``, ``line`` (from 1) and ``field``. ``str()`` gives all of it in one line; a command in the hint is
about that path and field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from sealkit.printable import line as printable_line
from sealkit.wording import filled

if TYPE_CHECKING:
    from collections.abc import Callable


def _rebuild(cls: type[SealkitError], state: dict[str, Any]) -> SealkitError:
    error = cls.__new__(cls)
    Exception.__init__(error)
    error.__dict__.update(state)
    return error


class SealkitError(Exception):
    """The base of all errors; catch this one to catch them all."""

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1
    default_hint: ClassVar[str | None] = None

    def __init__(
        self, *, problem: str, hint: str | None = None, path: str | None = None, line: int | None = None, field: str | None = None
    ) -> None:
        super().__init__()
        self._hint = hint if hint is not None else self.default_hint
        self.problem = printable_line(problem)
        self.path, self.line, self.field = path, line, field

    @property
    def hint(self) -> str | None:
        """What to do next; a command in it is about the file and the field where it happened, as far as they are known."""
        return printable_line(filled(self._hint, self.path, self.field)) if self._hint is not None else None

    @hint.setter
    def hint(self, text: str | None) -> None:
        self._hint = text

    def __str__(self) -> str:
        """Return where it happened, what is wrong and what to do next, in one line."""
        place = "" if self.path is None else f"{self.path}: " if self.line is None else f"{self.path}:{self.line}: "
        return printable_line(f"{place}{self.problem}" + (f"; {self.hint}" if self.hint is not None else ""))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.problem!r})"

    def __reduce__(self) -> tuple[Callable[..., SealkitError], tuple[type[SealkitError], dict[str, Any]]]:
        return _rebuild, (type(self), dict(self.__dict__))

    def at(self, *, path: str | None = None, line: int | None = None, field: str | None = None) -> Self:
        """Fill in where it happened, keeping what is known already; return the error itself."""
        self.path = self.path if self.path is not None else path
        self.line = self.line if self.line is not None else line
        self.field = self.field if self.field is not None else field
        return self


class Usage(SealkitError):
    """The request makes no sense as it stands."""

    code = "usage"
    exit_status = 2


class BadFieldPath(Usage):
    """A field path that is not of the form ``a.b``, ``a[].b``, ``a[0].b`` or ``"a.b".c``."""

    code = "field_path"
    default_hint = 'write it as a.b, a[].b or a[0].b; a key with a dot, a blank or a sign in quotes: "a.b".c'


class NothingMatched(Usage):
    """No record, or no record with the field, among what was given."""

    code = "nothing_matched"


class ConfigError(SealkitError):
    """A ring or policy file that is not of the documented form; of a policy, ``source`` is the line and ``caret`` the place in it (from 1)."""

    code = "config"
    exit_status = 2
    source: str | None = None
    caret: int | None = None


class TooCostly(ConfigError):
    """A ring whose keys would take too long or too much memory to derive, or globs that would take too long to compare: none of it is done."""

    code = "limit"


class NoUsableKey(SealkitError):
    """There is no ring, or a key's bytes cannot be had or are not a key."""

    code = "no_usable_key"
    exit_status = 3


class BlobError(SealkitError):
    """A value that is not a blob this ring may open."""


class Malformed(BlobError):
    """Not a blob: ``part`` (``blob``, ``ciphertext``, ``iv``, ``auth``) is wrong at character ``offset`` of the text (from 0)."""

    code = "malformed"

    def __init__(self, *, part: str, offset: int, problem: str, hint: str | None = None) -> None:
        super().__init__(problem=f"{part}: {problem} at character {offset}", hint=hint)
        self.part, self.offset = part, offset


class NonCanonical(Malformed):
    """Base64 that decodes, but is not the one spelling RFC 4648 section 4 gives those bytes."""

    code = "noncanonical"
    default_hint = "another program wrote it loosely: decrypt it there and seal it anew"


class UnsupportedVersion(BlobError):
    """A third part that this version of sealkit does not check; never read as if it had two parts."""

    code = "unsupported_version"


class UnknownKey(BlobError):
    """The blob names a key id (``kid``, 16 hex digits) that the ring does not hold."""

    code = "unknown_key"

    def __init__(self, *, kid: str, problem: str, hint: str | None = None) -> None:
        super().__init__(problem=problem, hint=hint)
        self.kid = kid


class DisabledKey(BlobError):
    """The key is in the ring, but its state is ``disabled``."""

    code = "disabled_key"


class Tampered(BlobError):
    """The tag does not fit: somebody without the key changed the blob."""

    code = "tampered"


class Misbound(BlobError):
    """Authentic, but for another record or field, which the problem names."""

    code = "misbound"
    default_hint = "move it back; or, if the record was renamed on purpose, bind it anew: sealkit retag{FIELD} {FILE}"


class Downgraded(BlobError):
    """A two-part blob under a key that demands authenticity (``accept: authentic``)."""

    code = "downgraded"


class NotBlessed(BlobError):
    """A blob that may have been altered, and is to get a tag, which would say that it was not."""

    code = "not_blessed"
    default_hint = "say in which git revision somebody has looked at these blobs: --bless REV (HEAD, if it was just reviewed)"


class CannotDecrypt(BlobError):
    """The one error for every way an untagged blob can fail to open: telling them apart is a padding oracle."""

    code = "cannot_decrypt"
    default_hint = "another key may have sealed it, or it was damaged: an untagged blob cannot tell these apart"

    def __init__(self) -> None:
        super().__init__(problem="cannot decrypt: none of the keys that may be used opens this blob")


class AmbiguousKey(BlobError):
    """More than one key fits, or the blob is too short to tell: the key must be named."""

    code = "ambiguous_key"
    default_hint = "name the key with --key-id ID"


class WrongKey(BlobError):
    """A tagged blob under a key that the policy does not let seal here: a finding of ``check --keys`` and ``verify``; it still opens."""

    code = "wrong_key"
    default_hint = "if that key was taken out of use, move it to one of the policy's: sealkit rotate --to ID{FIELD} {FILE}; else name it in the policy"


class PayloadCheck(BlobError):
    """A payload to be sealed that does not pass its own check (``text``, ``json``)."""

    code = "payload_check"


class RecordError(SealkitError):
    """A record that cannot be read or changed without a guess."""


class UnsupportedRecord(RecordError):
    """A form of record that sealkit does not read (TOML or JSON front matter, UTF-16)."""

    code = "unsupported_record"


class BadFrontMatter(RecordError):
    """Something that a site generator might take for front matter, but not by the rules."""

    code = "frontmatter"


class BadSyntax(RecordError):
    """YAML or JSON that does not parse."""

    code = "syntax"


class OverLimit(RecordError):
    """Too large, too deep, too many values or aliases: refused before it costs anything."""

    code = "limit"
    default_hint = "divide it into smaller files, or move the field into one of its own; docs/format.md has the figures"


class FieldAbsent(RecordError):
    """The record has no such field."""

    code = "absent"


class DuplicateKey(RecordError):
    """The same key twice in one mapping on the way to the field: readers disagree which one counts."""

    code = "duplicate_key"
    default_hint = "remove one of them"


class NotAString(RecordError):
    """The field's value is null, a number, a truth value, a list or a mapping; ``type`` says which."""

    code = "not_a_string"

    def __init__(
        self, *, problem: str, type: str, hint: str | None = None, line: int | None = None, field: str | None = None
    ) -> None:
        super().__init__(problem=problem, hint=hint, line=line, field=field)
        self.type = type


class MergedField(RecordError):
    """The field comes, or may come, from a merge key (``<<``)."""

    code = "merged_field"
    default_hint = "write the field out in the mapping itself"


class SharedNode(RecordError):
    """The value is reached through an alias too: changing it would change another field."""

    code = "shared_node"
    default_hint = "write the value out instead of the anchor and alias"


class LookAlikeKey(RecordError):
    """A key that looks like the field's name but is spelt with other characters or case."""

    code = "lookalike_key"
    default_hint = "spell the key as the field's name, or rename it"


class LineBreakDispute(RecordError):
    """NEL, LS or PS make the field come or go: a line break for one YAML reader, text for another."""

    code = "line_break"
    default_hint = "remove U+0085, U+2028 and U+2029 from the front matter, or escape them"


class Unbound(RecordError):
    """A record without the identity that a blob is to be bound to: a bound field that is missing or empty, a name that is not UTF-8."""

    code = "unbound"


class Unsealed(RecordError):
    """Plaintext stands where a blob is expected."""

    code = "unsealed"
    default_hint = "seal it with: sealkit seal{FIELD} {FILE}"


class NotEncrypted(RecordError):
    """The shape of a blob, but what should be ciphertext shows that it is none: encoded text, equal blocks, runs of zeros."""

    code = "not_encrypted"
    default_hint = "whatever wrote it encoded it, and encrypted nothing: put the plaintext in its place and seal that"


class ForeignCiphertext(Unsealed):
    """Another program's ciphertext stands where a blob is expected; the problem names the program, and the hint says what opens it."""

    code = "foreign"
    default_hint = "decrypt it with the program that wrote it"


class BrokenBlob(RecordError):
    """The value is no blob but looks like a damaged one; sealing it would bury the damage."""

    code = "broken_blob"


class RefusedEdit(RecordError):
    """A change that cannot be made byte-exactly here."""

    code = "refused_edit"


class ProofFailed(RecordError):
    """The changed bytes do not prove to be the intended ones; nothing was written."""

    code = "proof_failed"


class StoreError(SealkitError):
    """A file that cannot be read or replaced."""

    code = "io"
    exit_status = 4


class TooLarge(StoreError):
    """Something that is no record (a table, an ignore file, stdin), and larger, or more costly to read, than is read: it was not looked at."""

    code = "limit"


class NotRegular(StoreError):
    """A folder, FIFO, socket or device where a record file is expected."""

    code = "not_regular"


class IsLink(StoreError):
    """A symbolic link; sealkit never follows one."""

    code = "link"
    default_hint = "name the file it points to"


class LeadsOut(IsLink):
    """A link out of its tree where a record is expected: what it leads to is no part of what was looked at."""

    exit_status = 1
    default_hint = "put the file itself there, or remove the link"


class HardLinked(StoreError):
    """A file with several names: replacing it under one name leaves the old content under the others."""

    code = "hardlinked"
    default_hint = "go on with --break-hardlinks; the other names keep the old content"


class OtherMount(StoreError):
    """A folder on another file system than the tree's root."""

    code = "other_mount"
    default_hint = "name it on the command line to include it"


class ChangedUnderneath(StoreError):
    """The file was changed by somebody else between reading and replacing it; theirs was kept."""

    code = "changed_underneath"
    default_hint = "run the command again"


class JournalError(StoreError):
    """The memory of a rotation cannot be read or written, or does not fit this tree."""

    code = "journal"


class TreeBusy(StoreError):
    """Another sealkit holds this tree."""

    code = "busy"
    exit_status = 75
    default_hint = "wait until it is done, or stop it"


class WrongTypeError(TypeError):
    """A public function was given something of a type that it does not take: a mistake in a program, and no ``SealkitError``."""
