"""What shows, without a key, that bytes which stand where a ciphertext belongs are not encrypted.

What a cipher gives looks like random bytes, and random bytes hardly ever look like text. So each sign below is one that random bytes show
with a probability of less than 10^-13, whatever their number (up to 16 MiB): none of these is a guess, and no real ciphertext is accused.
What shows no sign need not be encrypted: this finds mistakes (a cipher that was switched off, base64 taken for encryption), and nobody
who hides on purpose.

The signs of text are weighed as a bet. A model says how probable each byte is in text; if bytes are 2^46 times as probable in the model
as at random, then random bytes reach that with a probability of at most 2^-46 (Markov's inequality), however the model was made.
"""

from __future__ import annotations

import codecs
from functools import cache
from math import lgamma, log, log2
from struct import Struct
from typing import Final

BLOCK: Final = 16
_HEAD: Final = 256  # bytes that are read as text
_FIRST: Final = 48  # bytes that a first look takes in
_RUN: Final = 9  # zeros in a row: 2^-72 at each place
_PRIOR: Final = 1 / 32
_MOST_BLOCKS: Final = 64  # that are compared with each other
_ENOUGH: Final = 46.0  # bits: 2^-46 is 1.4 * 10^-14, and at most four models count for one sign

_TEXT: Final = "its bytes are readable text"
_UTF8: Final = "its bytes are text in UTF-8"
_UTF16: Final = "its bytes are text in UTF-16"
_UNEVEN: Final = "some of its bytes are far more frequent than others"
_SAME: Final = "two of its blocks are the same"
_ZEROS: Final = "it has runs of zeros"

_PRINTABLE: Final = bytes([9, 10, 13, *range(32, 127)])
_ZERO_RUN: Final = bytes(_RUN)
_EVERY: Final = bytes(range(256))
_STARTS: Final = [Struct("<" + "H14x" * count).unpack_from for count in range(_MOST_BLOCKS + 1)]  # two bytes of each block
# Fewer different values than this has at most one in thirty random heads of that size, and nearly all text: 0.87 of what is to be expected.
_FEWEST: Final = [0.87 * 256 * (1 - (255 / 256) ** size) for size in range(_FIRST + 1)]


def unencrypted(ciphertext: bytes) -> str | None:
    """Say what shows that these bytes are not encrypted, in words that tell nothing of them; None if nothing does.

    A look at the first bytes is enough for nearly all real ciphertexts: it costs a few microseconds, whatever their length.
    """
    if _ZERO_RUN in ciphertext:
        return _ZEROS
    count = min(len(ciphertext) // BLOCK, _MOST_BLOCKS)
    if len(set(_STARTS[count](ciphertext))) < count and _has_equal_blocks(ciphertext):
        return _SAME
    head = ciphertext[:_FIRST]
    if len(head.translate(None, _PRINTABLE)) * 3 > len(head) and _values_in(head) > _FEWEST[len(head)]:
        return None
    return _weighed(ciphertext)


def _values_in(data: bytes) -> int:
    """Return how many different values some bytes have; a set of them takes twice as long."""
    return 256 - len(_EVERY.translate(None, data))


def _has_equal_blocks(ciphertext: bytes) -> bool:
    """Say whether two whole blocks are the same: 2^-117 for the 2,016 pairs that are compared."""
    blocks = [ciphertext[at : at + BLOCK] for at in range(0, len(ciphertext), BLOCK)][:_MOST_BLOCKS]
    return len(set(blocks)) < len(blocks)


def _weighed(ciphertext: bytes) -> str | None:
    """Say as what the bytes read that a first look took for suspicious."""
    head = ciphertext[:_HEAD]
    body = _unpadded(head) if len(head) == len(ciphertext) else head
    told = 8 * (len(head) - len(body)) - log2(BLOCK + 1) if len(body) < len(head) else 0.0  # the padding was foretold
    if len(head) == len(body) >= 2 * BLOCK and not head.translate(None, _PRINTABLE):
        return _TEXT  # 32 bytes: (98 / 256)^32 = 4.5 * 10^-14
    if told + max(sum(map(model.__getitem__, body)) for model in (_prose(), _print())) >= _ENOUGH:
        return _TEXT
    if told + _as_utf8(body) >= _ENOUGH:
        return _UTF8
    if max(_as_utf16(body, low) for low in (0, 1)) + told >= _ENOUGH:
        return _UTF16
    return _UNEVEN if max(_unevenness(head, lanes) for lanes in (1, 2)) >= _ENOUGH else None


def _unpadded(data: bytes) -> bytes:
    """Return bytes without the PKCS#7 padding that they end in, if they do."""
    count = data[-1]
    return data[:-count] if 1 <= count <= BLOCK and data.endswith(bytes([count]) * count) else data


# --- models of text: for each byte, how many bits more probable it is than at random ----------------------------------
def _model(shares: dict[bytes, float]) -> list[float]:
    """Return a model that gives each group of bytes its share, evenly; the rest is for all bytes that are in no group."""
    others = bytes(byte for byte in range(256) if not any(byte in group for group in shares))
    rest = 1 - sum(shares.values())
    gains = [0.0] * 256
    for group, share in [*shares.items(), (others, rest)]:
        for byte in group:
            gains[byte] = log2(256 * share / len(group))
    return gains


@cache
def _prose() -> list[float]:
    """Return a model of prose and markup."""
    common, letters, capitals = b"etaoinsrhldcu", b"mpfgwybvkxjqz", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    marks = bytes(sorted(set(range(33, 127)) - set(common + letters + capitals + b"0123456789")))
    return _model({b" ": 0.13, common: 0.48, letters: 0.12, capitals: 0.06, b"0123456789": 0.07, marks: 0.11, b"\t\r\n": 0.01})


@cache
def _print() -> list[float]:
    """Return a model of whatever can be printed: digits in hex, base64, code."""
    return _model({bytes(range(32, 127)): 0.97, b"\t\r\n": 0.02})


def _as_utf8(data: bytes) -> float:
    """Return how many bits more probable bytes are as text in UTF-8 than at random; a character may be cut off at the end."""
    try:
        text = codecs.utf_8_decode(data, "strict", False)[0]
    except UnicodeDecodeError:
        return 0.0
    prose = _prose()
    gains = 0.0
    for character in text:
        point = ord(character)
        if point < 0x80:
            gains += prose[point] - 1.32  # two in five characters
        elif point < 0x800:
            gains += 3.36  # three in ten, one of 1,920
        else:
            gains += 6.09 if point < 0x10000 else 7.67  # a quarter, one of 61,440; one in twenty, one of 1,048,576
    return gains - 2  # and where it ends: in no character, or in one of three bytes


def _as_utf16(data: bytes, low: int) -> float:
    """Return how many bits more probable bytes are as UTF-16 of Latin text than at random; ``low``: where the letters stand, 0 or 1."""
    high = data[1 - low :: 2]
    zeros = high.count(0)
    return zeros * log2(256 * 0.9) + (len(high) - zeros) * log2(256 * 0.1 / 255) + sum(map(_prose().__getitem__, data[low::2])) - 1


def _unevenness(data: bytes, lanes: int) -> float:
    """Return how many bits more probable bytes are as ones that some values are frequent among, in each of the lanes, than at random.

    The model learns as it reads (Dirichlet's prior, 1/32 for each value): whatever the alphabet, the encoding, the fill.
    """
    gains = 0.0
    total = 256 * _PRIOR
    for lane in range(lanes):
        part = data[lane::lanes]
        gains += 8 * len(part) * log(2) + lgamma(total) - lgamma(len(part) + total)
        gains += sum(_gain(part.count(value)) for value in set(part))
    return gains / log(2)


@cache
def _gain(count: int) -> float:
    return lgamma(count + _PRIOR) - lgamma(_PRIOR)
