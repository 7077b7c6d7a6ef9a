"""Asking somebody at the terminal for a passphrase, which is not shown while it is typed."""

from __future__ import annotations

from sealkit.cli import show
from sealkit.errors import NoUsableKey

_answers: dict[str, str] = {}


def ask(question: str) -> str:
    """Return what somebody types, asked once a run. It is read from the terminal itself, whatever stdin is. Raises ``NoUsableKey``."""
    if question not in _answers:
        _answers[question] = typed(question)
    return _answers[question]


def remember(question: str, answer: str) -> None:
    """Know the answer to a question before it is asked."""
    _answers[question] = answer


def typed(question: str) -> str:
    """Return what somebody types now. Raises ``NoUsableKey``."""
    _check_terminal(question)
    try:
        return show.asked_at_terminal(question)
    except EOFError:
        raise NoUsableKey(problem=f"{question}: nothing was typed", hint="type it again") from None


def shown(text: str) -> None:
    """Show a text on the terminal itself, wherever stdout and stderr go. Raises ``NoUsableKey``."""
    _check_terminal("a new passphrase")
    show.on_terminal(text)


def _check_terminal(question: str) -> None:
    if not show.has_terminal():
        hint = "run it on a terminal, or take the passphrase from a variable, a file or a command"
        raise NoUsableKey(problem=f"{question}: no terminal to ask at", hint=hint)
