"""The grammar of a blob: ``b64(ciphertext) ";" b64(iv) [ ";" b64(auth) ]``, strict, canonical, and its own inverse.

This room knows no key. It accepts one spelling of every blob and no other: for every accepted text ``t``,
``str(Blob.parse(t)) == t``. Base64 is that of RFC 4648 section 4, padded; whether it is canonical is decided by encoding again,
because decoders, strict ones too, accept several spellings of the same bytes.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from typing import Any, NamedTuple, NoReturn

from sealkit.door import refuse, typed
from sealkit.errors import Malformed, NonCanonical

_BLOCK = 16
_IV_BYTES = 16
_AUTH_BYTES = 42
_VERSION, _BINDS = 1, 3
_PARTS = ("ciphertext", "iv", "auth")
_EXACT_BYTES = {"iv": _IV_BYTES, "auth": _AUTH_BYTES}


class Blob:
    """One sealed payload: immutable, compared and hashed by value.

    ``ciphertext``: bytes, a whole number of 16-byte blocks, at least one. ``iv``: 16 bytes. ``auth``: 42 bytes
    (version, bind, kid[8], tag[32]), or None in a blob of two parts. What version and bind say is checked when it is opened.
    """

    __slots__ = ("auth", "ciphertext", "iv")

    ciphertext: bytes
    iv: bytes
    auth: bytes | None

    @typed
    def __init__(self, ciphertext: bytes, iv: bytes, auth: bytes | None = None) -> None:
        _check_part("ciphertext", ciphertext)
        _check_part("iv", iv)
        if auth is not None:
            _check_part("auth", auth)
        _set_ciphertext(self, ciphertext)
        _set_iv(self, iv)
        _set_auth(self, auth)

    @classmethod
    def parse(cls, text: str) -> Blob:
        """Read a blob from the whole of ``text``.

        Raises ``NonCanonical`` if the text is a blob written loosely (white space, the URL-safe alphabet, padding missing or in
        excess, bits set after the last byte), and ``Malformed`` if it is no blob; both name the part and the offset in
        ``text`` of the first character that is wrong. Where something is missing, that is the offset where it should stand.
        """
        if not isinstance(text, str):
            kind, text = type(text), ""  # as below
            refuse("Blob.parse: text", "str", kind)
        else:
            auth = None
            # At most four pieces: a text of nothing but ";" must not become a list of its length.
            pieces = text.split(";", 3)
            try:
                if len(pieces) == 3:
                    auth = a2b_base64(pieces.pop())
                first, second = pieces
                ciphertext = a2b_base64(first)
                iv = a2b_base64(second)
            except ValueError:  # not base64, not ASCII, or not two or three pieces
                ciphertext = iv = b""
            if (
                len(iv) == _IV_BYTES
                and ciphertext
                and not len(ciphertext) % _BLOCK
                and (auth is None or len(auth) == _AUTH_BYTES)
                and _spell(ciphertext, iv, auth) == text
            ):
                blob = _new(cls)
                _set_ciphertext(blob, ciphertext)
                _set_iv(blob, iv)
                _set_auth(blob, auth)
                return blob
        error = _diagnose(text)
        text, pieces, first, second = "", [], "", ""  # tracebacks can show locals, and this may be plaintext
        raise error

    @staticmethod
    @typed
    def resembles(text: str) -> bool:
        """Tell whether ``text`` is no blob but looks like a damaged one, so that sealing it as plaintext would bury the damage.

        White space and quotation marks around the text are ignored; ``ciphertext``, ``iv`` and ``tag part`` below mean text of
        just the shape of those parts, in the standard or the URL-safe alphabet. It resembles a blob if

        1. it starts as the ``Salted__`` form of ``openssl enc`` does (``U2FsdGVkX1``), or
        2. it is a blob inside quotation marks or white space, or a blob written loosely (what ``parse`` calls ``NonCanonical``), or
        3. it is two to five pieces at ``;`` that hold, all together, at most one character base64 lacks and few white spaces, and
           a. one piece is an iv, and another is empty, ends in ``=`` or has 16 characters or more, or
           b. it starts with a ciphertext and ``;`` (a ciphertext without ``=`` that is all hexadecimal digits does not count), or
           c. it ends with an iv, ``;`` and a tag part, or
        4. it is a ciphertext, an iv and perhaps a tag part with up to three characters of something else between and after them.

        Prose, JSON, URLs, ordinary values joined by ``;``, and one hexadecimal or base64 token are none of these.

        What that covers: every change, insertion or removal of one character of a blob leaves a blob or a text that resembles
        one, and so does cutting off its end anywhere after the first ``;``, or its start as long as 16 characters of the
        ciphertext part, its padding, or just the ``;`` remain. Not covered, because what is left is one base64 token, or as good
        as one: the first ``;`` of a two-part blob lost, or turned into a letter of the alphabet, when the ciphertext has no
        padding; and damage to the iv after a ciphertext of nothing but hexadecimal digits.
        """
        if _is_blob(text):
            return False
        core = text.strip().strip(_QUOTES).strip()
        if core.startswith(_SALTED) or _is_blob(core):
            return True
        return _damaged_at_semicolons(core) or re.fullmatch(_OTHERWISE_JOINED, core, re.DOTALL) is not None

    @property
    def is_tagged(self) -> bool:
        """Whether the blob has the third part."""
        return self.auth is not None

    @property
    def version(self) -> int | None:
        """The version of the third part, as written; None in a blob of two parts."""
        return None if self.auth is None else self.auth[0]

    @property
    def is_known(self) -> bool:
        """Whether there is no third part, or one whose version and binding this version of sealkit knows how to check."""
        return self.auth is None or (self.auth[0] == _VERSION and self.auth[1] < _BINDS)

    @property
    def bind(self) -> int | None:
        """The kind of binding, as written (0 none, 1 path, 2 fields, others unknown); None in a blob of two parts."""
        return None if self.auth is None else self.auth[1]

    @property
    def kid(self) -> str | None:
        """The id of the key that made the tag, 16 hex digits, as written; None in a blob of two parts."""
        return None if self.auth is None else self.auth[2:10].hex()

    def __str__(self) -> str:
        return _spell(self.ciphertext, self.iv, self.auth)

    def __repr__(self) -> str:
        kind = "untagged" if self.auth is None else f"tagged kid={self.kid}"
        return f"<Blob {len(self.ciphertext)} bytes {kind}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Blob):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __reduce__(self) -> tuple[type[Blob], tuple[bytes, bytes, bytes | None]]:
        return type(self), self._values()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        problem = "a Blob is immutable"
        raise AttributeError(problem)

    def __delattr__(self, name: str) -> NoReturn:
        problem = "a Blob is immutable"
        raise AttributeError(problem)

    def _values(self) -> tuple[bytes, bytes, bytes | None]:
        return self.ciphertext, self.iv, self.auth


# The slots' own setters: what an immutable class leaves to its constructors, and three times faster than object.__setattr__.
_set_ciphertext: Any = Blob.__dict__["ciphertext"].__set__
_set_iv: Any = Blob.__dict__["iv"].__set__
_set_auth: Any = Blob.__dict__["auth"].__set__
_new = object.__new__


def of_parts(ciphertext: bytes, iv: bytes, auth: bytes | None = None) -> Blob:
    """Return the blob of parts that are as they must be, since they were just made; everybody else makes a ``Blob``."""
    blob = _new(Blob)
    _set_ciphertext(blob, ciphertext)
    _set_iv(blob, iv)
    _set_auth(blob, auth)
    return blob


def _spell(ciphertext: bytes, iv: bytes, auth: bytes | None) -> str:
    """Write the parts in the one spelling there is."""
    two = f"{b2a_base64(ciphertext, newline=False).decode()};{b2a_base64(iv, newline=False).decode()}"
    return two if auth is None else f"{two};{b2a_base64(auth, newline=False).decode()}"


def _check_part(name: str, value: bytes) -> None:
    if name in _EXACT_BYTES:
        problem = "" if len(value) == _EXACT_BYTES[name] else f"{len(value)} bytes where {_EXACT_BYTES[name]} belong,"
    else:
        problem = "" if value and not len(value) % _BLOCK else f"{len(value)} bytes where blocks of 16 belong,"
    if problem:
        raise Malformed(part=name, offset=0, problem=problem)


# --- what is wrong with a text: only on the way to an error ----------------------------------------------------------
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_SALTED = "U2FsdGVkX1"
_SALTED_HINT = (
    "this is the 'Salted__' form that `openssl enc` and CryptoJS write under a passphrase, which is no blob: "
    "sealkit import --openssl-legacy{FIELD} {FILE} turns it into one"
)
_ALONE_HINT = "the value must be the blob and nothing else: no space, no line break, no quotation mark"
_URL_SAFE_HINT = "this is the URL-safe alphabet (RFC 4648 section 5); a blob has + and / where that has - and _"
_JOINED_HINT = "the parts of a blob are joined by ';'"


class _Flaw(NamedTuple):
    offset: int  # characters, from the start of the part while a part is looked at, then of the text
    problem: str
    hint: str | None = None


def _diagnose(text: str) -> Malformed:
    """Build the error for a text that is not a blob; ``text`` itself never goes into it."""
    part, flaw = _first_flaw(text)
    kind = NonCanonical if _is_loose_blob(text) else Malformed
    hint = _SALTED_HINT if text.lstrip().lstrip(_QUOTES).startswith(_SALTED) else flaw.hint
    return kind(part=part, offset=flaw.offset, problem=flaw.problem, hint=hint)


def _first_flaw(text: str) -> tuple[str, _Flaw]:
    if not text:
        return "blob", _Flaw(0, "empty text")
    pieces = text.split(";", 3)
    if len(pieces) == 1:
        lone = _base64_flaw(text)
        if lone is not None and lone.offset < len(text):
            return "ciphertext", lone
        return "blob", _Flaw(len(text), "no ';' and iv", _JOINED_HINT)
    start = 0
    for name, piece in zip(_PARTS, pieces, strict=False):
        flaw = _base64_flaw(piece) or _size_flaw(name, piece)
        if flaw is not None:
            return name, flaw._replace(offset=start + flaw.offset)
        start += len(piece) + 1
    return "blob", _Flaw(start - 1, "a fourth part", "a blob has two or three parts")


def _base64_flaw(piece: str) -> _Flaw | None:
    """Find the first thing in one part that is not canonical base64, reading from the left."""
    rest = piece.lstrip(_LETTERS)
    body = len(piece) - len(rest)
    after = rest.lstrip("=")
    pads = len(rest) - len(after)
    wanted = (0, 0, 2, 1)[body % 4]
    if after and not pads:
        return _Flaw(body, *_describe(after[0]))
    if pads > wanted:
        return _Flaw(body + wanted, "padding where none belongs")
    if after:
        return _Flaw(body + pads, *_describe(after[0]))
    if body % 4 == 1:
        return _Flaw(body, "incomplete base64, one character over")
    if pads < wanted:
        return _Flaw(body + pads, "padding missing")
    if wanted and _LETTERS.index(piece[body - 1]) % (4**wanted):
        return _Flaw(body - 1, "bits set after the last byte")
    return None


def _describe(character: str) -> tuple[str, str | None]:
    """Name the kind of a character that should not be there, and never the character."""
    if character in _LETTERS:
        return "text after the padding", None
    if character.isspace():
        return "white space", _ALONE_HINT
    if not character.isascii():
        return "a character outside ASCII", None
    if character in "-_":
        return "a character of another alphabet", _URL_SAFE_HINT
    if character in _QUOTES:
        return "a quotation mark", _ALONE_HINT
    if character in ",:|":
        return "a separator other than ';'", _JOINED_HINT
    return "a character that base64 does not have", None


def _size_flaw(name: str, piece: str) -> _Flaw | None:
    """Find where one part, canonical base64 as it is, ends too early or goes on too long."""
    body = len(piece.rstrip("="))
    size = body * 3 // 4
    if not size:
        hint = "a tag was cut off, or there is a ';' too many" if name == "auth" else None
        return _Flaw(0, "nothing here", hint)
    if name not in _EXACT_BYTES:
        return _Flaw(body, "ends inside a block of 16 bytes") if size % _BLOCK else None
    wanted = _EXACT_BYTES[name]
    if size < wanted:
        return _Flaw(body, f"ends after {size} of {wanted} bytes")
    # The characters that `wanted` bytes take, without padding: the next one is the first too many.
    return _Flaw(-(-wanted * 4 // 3), f"{size} bytes, more than {wanted},") if size > wanted else None


def _is_loose_blob(text: str) -> bool:
    """Tell whether the text, read as a lenient decoder does, has the parts of a blob."""
    if not text.isascii():
        return False
    plain = text.encode().translate(bytes.maketrans(b"-_", b"+/"), b" \t\r\n\v\f")
    bodies = [piece.rstrip(b"=") for piece in plain.split(b";", 3)]
    if any(body.strip(_LETTERS.encode()) or len(body) % 4 == 1 for body in bodies):
        return False
    sizes = [len(body) * 3 // 4 for body in bodies]
    return sizes[1:] in ([_IV_BYTES], [_IV_BYTES, _AUTH_BYTES]) and sizes[0] > 0 and not sizes[0] % _BLOCK


# --- what looks like a damaged blob ----------------------------------------------------------------------------------
# Patterns are compiled when first used (re keeps them): most runs never ask. Their repeats give nothing back (``*+``), so that a
# payload of megabytes costs one pass.
_B = "[A-Za-z0-9+/_-]"
_PADDED = f"(?:{_B}{{64}})*+(?:{_B}{{22}}==|{_B}{{43}}=)"
_UNPADDED = f"(?:{_B}{{64}})++"
_IV = f"{_B}{{22}}=="
_TAG_PART = f"{_B}{{56}}"
_GAP = "[^A-Za-z0-9+/_-]"
_MOSTLY_BASE64 = r"[A-Za-z0-9+/=_;\s-]*+[^A-Za-z0-9+/=_;\s-]?+[A-Za-z0-9+/=_;\s-]*+"
_STARTS_WITH_CIPHERTEXT = f"(?:{_PADDED}|(?![0-9A-Fa-f]++;){_UNPADDED});"
_ENDS_WITH_TAG_PART = f".*{_IV};{_TAG_PART}"
_OTHERWISE_JOINED = f"(?:{_PADDED}.{{0,3}}|{_UNPADDED}{_GAP}{{1,3}}){_IV}(?:{_GAP}{{1,3}}{_TAG_PART})?{_GAP}{{0,3}}"


def _is_blob(text: str) -> bool:
    if ";" not in text:  # most plaintext; to say what is wrong with it takes long
        return False
    try:
        Blob.parse(text)
    except Malformed:
        return False
    return True


def _damaged_at_semicolons(core: str) -> bool:
    if not 1 <= core.count(";") <= 4 or not re.fullmatch(_MOSTLY_BASE64, core):
        return False
    # Line breaks every 64 or 76 characters and a stray space are few; the spaces of prose are many.
    chunks_at_most = 2 + len(core) // 32
    chunks = core.split(maxsplit=chunks_at_most)
    if len(chunks) > chunks_at_most:
        return False
    joined = "".join(chunks)
    return (
        _has_iv_and_more(joined.split(";"))
        or re.match(_STARTS_WITH_CIPHERTEXT, joined) is not None
        or re.fullmatch(_ENDS_WITH_TAG_PART, joined) is not None
        or _is_loose_blob(joined)
    )


def _has_iv_and_more(pieces: list[str]) -> bool:
    parts = [piece for piece in pieces if not piece or piece.endswith("=") or len(piece) >= 16]
    return len(parts) >= 2 and any(re.fullmatch(_IV, part) for part in parts)
