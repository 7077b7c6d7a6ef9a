"""What a payload must be: text, JSON, or anything; checked before it is sealed and after it was opened."""

from __future__ import annotations

from typing import Final, NoReturn

from sealkit import limits
from sealkit.errors import OverLimit, PayloadCheck
from sealkit.jsonsize import values_of

TEXT: Final = "text"
JSON: Final = "json"
BINARY: Final = "binary"
KINDS: Final = (TEXT, JSON, BINARY)

# Everything below the blank but tab, line feed and carriage return, and DEL; and, in UTF-8, U+0080 to U+009F.
_CONTROLS = bytes(byte for byte in range(0x20) if byte not in b"\t\n\r") + b"\x7f"
# Controls become a byte that is no UTF-8: so there is one way for all that is no text to be found.
_MARKED = bytes(0xFF if byte in _CONTROLS else byte for byte in range(256))
_BOM = b"\xef\xbb\xbf"
_TAILS = (b"\xff", b" ")
_C1 = tuple(b"\xc2" + bytes([byte]) for byte in range(0x80, 0xA0))
_FORMS = {TEXT: "text: strict UTF-8 without control characters but tab, CR and LF", JSON: "JSON", BINARY: "bytes"}
_FORM_HINT = "say what it is with --payload-kind binary --key-id ID, or json, or text"


def passes(payload: bytes, kind: str, *, unpads: bool = True) -> bool:
    """Say whether a payload is of a kind; never where it does not unpad, which takes the same steps as not being of the kind."""
    if kind == BINARY:
        return unpads
    tail = _TAILS[unpads]
    return (kind == TEXT or _is_json(payload, tail)) and is_text(payload, tail)


def check(payload: bytes | None, kind: str, *, sealed: bool = False) -> bytes:
    """Return a payload that is of a kind; None stands for one that did not unpad. Raises ``PayloadCheck``, and ``OverLimit``.

    ``sealed`` says that it comes out of a blob that was found authentic.
    """
    if payload is not None and passes(payload, kind):
        return payload
    if payload is not None and kind == JSON and values_of(payload, limits.PAYLOAD_VALUES) > limits.PAYLOAD_VALUES:
        raise OverLimit(
            problem=f"a JSON payload of more than {limits.PAYLOAD_VALUES} keys and values, which is not read to see whether it is JSON",
            hint="seal it as text: --payload-kind text",
        )
    what = "the payload, though authentic," if sealed else "the payload"
    raise PayloadCheck(problem=f"{what} is not {_FORMS[kind]}", hint=_FORM_HINT)


def is_text(payload: bytes, tail: bytes = b"") -> bool:
    """Say whether a payload, with ``tail`` behind it, is strict UTF-8 without control characters other than tab, CR and LF."""
    try:
        (payload.translate(_MARKED) + tail).decode()
    except UnicodeDecodeError:
        return False
    return b"\xc2" not in payload or not any(control in payload for control in _C1)


def _is_json(payload: bytes, tail: bytes) -> bool:
    """Say whether a payload is JSON as far as its form goes, whatever its characters: so there is one way for what is none to be found."""
    import json

    if values_of(payload, limits.PAYLOAD_VALUES) > limits.PAYLOAD_VALUES:
        return False
    try:
        text = (payload.removeprefix(_BOM).translate(_MARKED) + tail).decode("utf-8", "surrogateescape")
        json.loads(text, parse_constant=_no_constant, parse_int=str)  # Python limits the digits of a number, JSON does not
    except (ValueError, RecursionError):
        return False
    return True


def _no_constant(name: str) -> NoReturn:
    """``NaN`` and ``Infinity`` are not JSON, though Python reads them."""
    raise ValueError(name)
