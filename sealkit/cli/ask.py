"""Asking somebody at the terminal for a passphrase, which is not shown while it is typed."""

from __future__ import annotations

import os

from sealkit.errors import NoUsableKey

_answers: dict[str, str] = {}


def ask(question: str) -> str:
    """Return what somebody types, asked once a run. It is read from the terminal itself, whatever stdin is. Raises ``NoUsableKey``."""
    if question not in _answers:
        _answers[question] = _typed(question)
    return _answers[question]


def _typed(question: str) -> str:
    from getpass import getpass

    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        hint = "run it on a terminal, or take the passphrase from a variable, a file or a command"
        raise NoUsableKey(problem=f"{question}: no terminal to ask at", hint=hint) from None
    try:
        return getpass(f"{question}: ")
    except EOFError:
        raise NoUsableKey(problem=f"{question}: nothing was typed", hint="type it again") from None
