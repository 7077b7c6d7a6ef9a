"""Whose ciphertext a text is that is no blob: which program wrote it, by its mark or its shape, and what opens it.

Sealed again it would be lost to the program that wrote it, and would count as sealed while its key is somebody else's. No key is known here,
nothing is opened, and no word is said of tokens that are secrets themselves: those people seal.
"""

from __future__ import annotations

import binascii
import json
import re
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Final, NamedTuple

from sealkit.crypto.blob import Blob

if TYPE_CHECKING:
    from collections.abc import Iterator


class Program(NamedTuple):
    """A program that writes ciphertext: its name, and what opens what it wrote."""

    name: str
    opens: str


_OWN: Final = "decrypt it with the program that wrote it"
_SALTED: Final = Program(
    "openssl enc or CryptoJS (Salted__)", "under its passphrase it becomes a blob: sealkit import --openssl-legacy {FILE}"
)
_SOPS: Final = Program("SOPS", "decrypt it with: sops decrypt {FILE}")
_AGE: Final = Program("age", "decrypt it with: age --decrypt")
_RAILS: Final = Program("Rails (ActiveSupport)", "decrypt it with: rails credentials:edit, or MessageEncryptor")
_LARAVEL: Final = Program("Laravel", "decrypt it with: Crypt::decryptString, or php artisan env:decrypt")
_JWE: Final = Program("JWE (an encrypted JSON Web Token)", "decrypt it with the key of who it was made for: jose jwe dec")
_WITH_IV: Final = Program("a program that writes JSON with the IV beside the ciphertext", _OWN)
_PAIR: Final = Program("a program that writes ciphertext and IV side by side", _OWN)

_B: Final = "[A-Za-z0-9+/_-]"
_MARKS: Final = (
    (r"ENC\[AES256_GCM,", _SOPS),
    (
        r"ENC\[(?:[A-Z][A-Z0-9_]{1,15},[A-Za-z0-9+/=]{4}|[A-Za-z0-9+/=]{16})",
        Program("hiera-eyaml", "decrypt it with: eyaml decrypt"),
    ),
    (r"\$ANSIBLE_VAULT;", Program("Ansible Vault", "decrypt it with: ansible-vault decrypt")),
    (r"vault:v[0-9]+:", Program("HashiCorp Vault (transit)", "decrypt it with: vault write transit/decrypt/KEY ciphertext=-")),
    (rf"encrypted:B{_B}{{16,}}", Program("dotenvx", "decrypt it with: dotenvx decrypt")),
    (rf"gAAAA{_B}{{20,}}={{0,2}}\Z", Program("Fernet", "decrypt it with the Fernet key: cryptography.fernet, in Python")),
    (rf"eyJ{_B}+(?:\.{_B}*){{2}}\.{_B}+\.{_B}+\Z", _JWE),
    (rf"Q[A-Za-z0-9]{{6,11}}(?:\.{_B}+){{4}}\Z", Program("Phoenix (Plug.Crypto)", _OWN)),
    (r"v[1-4]\.local\.", Program("PASETO", "decrypt it with the PASETO key")),
    (r"Fe26\.2\*", Program("iron (hapi)", _OWN)),
    (r"-----BEGIN AGE ENCRYPTED FILE-----|age-encryption\.org/v", _AGE),
    (r"-----BEGIN PGP MESSAGE-----", Program("PGP", "decrypt it with: gpg --decrypt")),
    (r"BEGIN (?:[A-Z0-9]+ )?SALTPACK ENCRYPTED MESSAGE\.", Program("Saltpack", "decrypt it with: keybase decrypt")),
    (r"U2FsdGVkX1|Salted__[\s\S]{24}|53616[cC]7465645[fF]5[fF]", _SALTED),
    (r"\{cipher\}", Program("Spring Cloud Config", "decrypt it with: spring decrypt, or the server's /decrypt")),
    (rf"ENC\({_B}{{16,}}={{0,2}}\)\Z", Program("Jasypt", "decrypt it with: jasypt decrypt")),
    (r"\{AES(?:256|-256)?\}", Program("WebLogic", _OWN)),
    (
        rf"\{{(?=[^}}]*[a-z])(?=[^}}]*[A-Z])(?=[^}}]*[0-9])(?:{_B}{{4}}){{9,}}{_B}{{2,4}}={{0,2}}\}}\Z",
        Program("Maven or Jenkins", _OWN),
    ),
    (r"k8s:enc:", Program("Kubernetes (encryption at rest)", "read it through the API server")),
    (r"\x00GITCRYPT\x00", Program("git-crypt", "decrypt it with: git-crypt unlock")),
    (rf"AQICAH{_B}{{90,}}={{0,2}}\Z", Program("AWS KMS", "decrypt it with: aws kms decrypt")),
)
_LOOKED_AT: Final = 96  # characters of base64 that are decoded to look for a mark
_IN_JSON: Final = r'"\s*(?:ENC|\$ANSIBLE_VAULT;|vault:v|encrypted:B|gAAAA|U2FsdGVkX1|\{cipher\}|-----BEGIN)'
_IV_NAMES: Final = frozenset({"iv", "nonce", "initvector", "initializationvector", "init_vector", "initialization_vector"})
_OF_A_KEY: Final = re.compile(r"(?i)key|secret|pass|salt")
_HOLDS_CIPHERTEXT: Final = re.compile(r"(?i)c(?:ipher_?)?t(?:ext)?\Z|(?:encrypted|cipher)|(?:data|content|payload|value)\Z")
_OF_A_CIPHERTEXT: Final = re.compile(r"(?i)encrypted|wrapped|sealed")
_LAN_MANAGER: Final = "aad3b435b51404ee"  # half a LAN Manager hash, of no letters: all that Windows writes today begin or end so
_IV_SIZES: Final = (12, 16)
_TAG_SIZES: Final = (16, 20, 32, 48, 64)
_BLOCK: Final = 16


def named(value: str) -> Program | None:
    """Say whose ciphertext a text is; None for plaintext, and for what nobody could tell from a secret of another kind.

    White space and quotation marks around it do not count, nor that it is in base64 once more. What looks like a blob of ours
    that was damaged (ciphertext, then IV, with another separator) is taken for that.
    """
    text = value.strip().strip("\"'").strip()
    found = _marked(text) or _in_json(text) or _in_base64(text) or _side_by_side(text)
    return None if found is _PAIR and Blob.resembles(value) else found


def named_payload(payload: bytes) -> Program | None:
    """Say whose ciphertext a payload is, as ``named``; bytes that are no text have a mark, or nothing."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return _marked(payload[:_LOOKED_AT].decode("latin-1"))
    return named(text)


# --- marks -----------------------------------------------------------------------------------------------------------
@cache
def _patterns() -> tuple[re.Pattern[str], list[Program]]:
    """Return one pattern for all marks, a group for each: compiled when it is first needed."""
    return re.compile("|".join(f"({mark})" for mark, _ in _MARKS)), [program for _, program in _MARKS]


def _marked(text: str) -> Program | None:
    pattern, programs = _patterns()
    found = pattern.match(text)
    return programs[found.lastindex - 1] if found is not None and found.lastindex is not None else None


def _in_base64(text: str) -> Program | None:
    """Say whose mark stands in what a text of base64 holds, as in a Secret of Kubernetes, or Laravel's JSON."""
    if not re.match(f"{_B}{{16}}", text):
        return None
    head = _decoded("".join(text[:_LOOKED_AT].split()))
    if head is None:
        return None
    if head.startswith(b"{") and (whole := _decoded("".join(text.split()))) is not None:
        found = _in_json(whole.decode("utf-8", "replace"))
        return _LARAVEL if found is _WITH_IV and b'"mac"' in whole else found
    inner = head.decode("latin-1")
    if re.fullmatch(r"[A-Za-z0-9+/=]+--[0-9a-f]{40,128}", text) and re.match(f"{_B}+={{0,2}}(?:--|$)", inner):
        return _RAILS
    return _marked(inner)


def _decoded(text: str) -> bytes | None:
    """Return what a text of base64 holds, as far as it is base64; None where that is nothing of interest."""
    found = re.match(f"{_B}+", text)
    if found is None:
        return None
    body = found.group().translate(str.maketrans("-_", "+/"))
    try:
        return binascii.a2b_base64(body[: len(body) // 4 * 4])
    except ValueError:
        return None


# --- JSON ------------------------------------------------------------------------------------------------------------
def _in_json(text: str) -> Program | None:
    """Say whose ciphertext a JSON text is: a mark in all that it holds, or an IV beside something encoded."""
    if not text.startswith(("{", "[")):
        return None
    lower = text.lower()
    if not any(f'"{name}"' in lower for name in _IV_NAMES) and re.search(_IN_JSON, text) is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if _has_iv(value):
        return _LARAVEL if isinstance(value, dict) and {"iv", "value", "mac"} <= value.keys() else _WITH_IV
    leaves = [_marked(leaf.strip()) for leaf in _leaves(value) if leaf]
    return leaves[0] if leaves and all(leaves) else None


def _has_iv(value: object, depth: int = 3) -> bool:
    """Say whether an object has an IV (12 or 16 bytes, encoded) beside another value that is encoded, or one in it has.

    A value whose name says that it is a key is no ciphertext: a key and its IV are what people seal.
    """
    if not isinstance(value, dict) or not depth:
        return False
    ivs = {name for name, one in value.items() if name.lower() in _IV_NAMES and _size(one) & set(_IV_SIZES)}
    if ivs and any(_may_be_ciphertext(name, one) for name, one in value.items() if name not in ivs):
        return True
    if any(_has_iv(one, depth - 1) for one in value.values()):
        return True
    inner = value.get("h")  # Active Record: {"p": payload, "h": {"iv": …, "at": …}}
    return isinstance(inner, dict) and isinstance(value.get("p"), str) and bool(_size(inner.get("iv")) & set(_IV_SIZES))


def _may_be_ciphertext(name: str, value: object) -> bool:
    """Say whether a value is long enough for a block or a tag, or its name says what it is; not one whose name says that it is a key."""
    if _OF_A_KEY.search(name) is not None and _OF_A_CIPHERTEXT.search(name) is None:
        return False
    return max(_size(value), default=0) >= (1 if _HOLDS_CIPHERTEXT.match(name) else _BLOCK)


def _size(value: object) -> set[int]:
    """Return the numbers of bytes that a value may stand for: hex, base64, a list of bytes, or a Buffer of Node's."""
    if isinstance(value, dict) and value.get("type") == "Buffer":
        value = value.get("data")
    if isinstance(value, list):
        return {len(value)} if all(isinstance(one, int) and 0 <= one < 256 for one in value) else set()
    return set(_sizes("".join(value.split()))) if isinstance(value, str) else set()


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _leaves(one)


# --- ciphertext and IV side by side ----------------------------------------------------------------------------------
_SEPARATOR: Final = r"--|(?<==)[-_+/]|[^0-9A-Za-z+/=_-]{1,3}"
_SHORTEST: Final = 40  # 16 characters of base64 for an IV of 12 bytes, a separator, 23 for 17 bytes: no others are shorter
_LABEL: Final = r"(?i:v?[0-9]{1,2}|enc|encrypted|(?:x?chacha20|aes)[a-z0-9_-]*)"


def _side_by_side(text: str) -> Program | None:
    """Say whether a text is an IV and a ciphertext, in hex or base64, with a separator between them, and nothing else but a tag and a label.

    With an IV of 16 bytes the ciphertext is whole blocks, or both are padded base64; one of 12 bytes (GCM) has 16 bytes of a tag behind it or
    beside it. Three parts that begin as a JSON Web Token are one, 12 and 32 bytes in hex are a name and its key, as of Ghost, and what begins
    as a LAN Manager hash of nothing is a pair of hashes. Other pairs of 16 bytes and whole blocks (a salt and a hash, a name and its token)
    nobody could tell from an IV and a ciphertext.
    """
    if len(text) < _SHORTEST:
        return None
    pieces = _pieces(text)
    if not 2 <= len(pieces) <= 4 or text.startswith("eyJ") or _LAN_MANAGER in text[: 2 * _BLOCK].lower():
        return None
    if not any(_fits(sizes, pieces) for sizes in product(*map(_sizes, pieces))):
        return None
    return _RAILS if len(pieces) == 3 and text.count("--") == 2 else _PAIR


def _pieces(text: str) -> list[str]:
    """Return what stands between the separators of a text, without a label at either end; an empty list where it is not so made."""
    if _is_plain(text):
        return []
    for separator in (_SEPARATOR, r"[^0-9A-Za-z]{1,3}"):
        pieces = re.split(separator, text, maxsplit=6)
        if len(pieces) > 2 and re.fullmatch(_LABEL, pieces[0]):
            del pieces[0]
        if len(pieces) > 2 and re.fullmatch(_LABEL, pieces[-1]):
            del pieces[-1]
        if 2 <= len(pieces) <= 4 and all(_sizes(piece) for piece in pieces):
            return pieces
    return []


def _is_plain(text: str) -> bool:
    """Say at a glance of most texts that are not so made: they have more pieces, or a long one that is no encoded bytes and no label."""
    pieces = re.split(r"[^0-9A-Za-z+/=_-]{1,3}", text, maxsplit=6)
    return len(pieces) > 6 or any(
        len(piece) >= _IV_SIZES[1] and piece.isalnum() and not _sizes(piece) and not re.fullmatch(_LABEL, piece) for piece in pieces
    )


def _sizes(piece: str) -> list[int]:
    """Return how many bytes a piece is: in hex, in base64; an empty list if it is neither, or too plain to be encoded bytes."""
    found = []
    if len(piece) % 2 == 0 and re.fullmatch(r"[0-9a-f]+|[0-9A-F]+", piece) and (len(piece) < 24 or not piece.isdigit()):
        found.append(len(piece) // 2)
    body = piece.rstrip("=")
    is_mixed = len(body) < 16 or not (body.islower() or body.isupper() or body.isdigit())
    if is_mixed and len(body) % 4 != 1 and len(piece) - len(body) in (0, -len(body) % 4) and re.fullmatch(f"{_B}+", body):
        found.append(len(body) * 3 // 4)
    return found


def _fits(sizes: tuple[int, ...], pieces: list[str]) -> bool:
    """Say whether pieces of these sizes are an IV and a ciphertext, or these and tags or salts."""
    if len(sizes) == 2:
        return any(_is_pair(sizes[at], sizes[1 - at], pieces[at], pieces[1 - at]) for at in (0, 1))
    left = sorted(sizes)
    return any(
        iv in left and tag in left and (iv != tag or left.count(iv) > 1) and min(left) >= (4 if len(left) == 3 else 8)
        for iv, tag in product(_IV_SIZES, _TAG_SIZES)
    )


def _is_pair(iv: int, size: int, iv_text: str, text: str) -> bool:
    if iv == _IV_SIZES[1]:
        return size > 0 and (size % _BLOCK == 0 or (iv_text.endswith("==") and len(text) % 4 == 0 and size >= _BLOCK))
    is_name_and_key = size == 2 * _BLOCK and len(iv_text) == 24
    return iv == _IV_SIZES[0] and size > _BLOCK and not is_name_and_key
