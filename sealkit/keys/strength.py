"""Passphrases made, and typed ones weighed. Whoever has a blob can try passphrases against it for as long as they like."""

from __future__ import annotations

import os
from secrets import choice

from sealkit.errors import NoUsableKey
from sealkit.installing import how_to_install
from sealkit.opaque import opaque

WORDS = 8
"""How many of 1,296 words a passphrase is made of: 83 bits, and each guess costs a run of the key derivation function."""
ENOUGH_GUESSES = 14
"""The power of ten of guesses that a typed passphrase must withstand: 10^14 at 0.2 seconds each are 600,000 years on one processor."""
ENOUGH_CHARACTERS = 20
"""The length of a typed passphrase where ``zxcvbn`` is not installed, which alone can tell a clever one from a well-known one."""

_KINDS = 8
_WEIGHED = 72
_HINT = "take a longer one; the one that is offered is made of words, and strong"


def new_passphrase() -> str:
    """Return eight words of the EFF's short list, taken at random by the operating system."""
    with open(os.path.join(os.path.dirname(__file__), "words.txt"), encoding="ascii") as file:
        words = [word for line in file if (word := line.strip()) and not word.startswith("#")]
    return " ".join(choice(words) for _ in range(WORDS))


@opaque
def check_strength(passphrase: str) -> None:
    """Raise ``NoUsableKey`` for a typed passphrase that is easily guessed; ``zxcvbn`` weighs it where it is installed."""
    try:
        from zxcvbn import zxcvbn
    except ImportError:
        _check_length(passphrase)
        return
    guesses = float(zxcvbn(passphrase[:_WEIGHED])["guesses_log10"])
    if guesses < ENOUGH_GUESSES:
        problem = f"an easily guessed passphrase: about 10^{guesses:.0f} guesses find it, 10^{ENOUGH_GUESSES} are wanted"
        raise NoUsableKey(problem=problem, hint=_HINT)


def _check_length(passphrase: str) -> None:
    if len(passphrase) < ENOUGH_CHARACTERS or len(set(passphrase)) < _KINDS:
        problem = f"a short passphrase: {ENOUGH_CHARACTERS} characters of {_KINDS} kinds are wanted"
        raise NoUsableKey(problem=problem, hint=f"{_HINT}; with zxcvbn shorter ones are weighed: {how_to_install('passphrase')}")
