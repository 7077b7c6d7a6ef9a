"""What is said of a command line that cannot be run: one sentence, the same under every version of click that is allowed."""

from __future__ import annotations

import click

from sealkit.errors import Usage

_OF_KEYS = frozenset(
    ["keys", "key-id", "key-file", "key-env", "key-fd", "key-stdin", "key-command", "key-encoding", "unsafe-key-files"]
)
_KEY_HINT = "keys are never given as arguments, which every local user can read: use --keys FILE, --key-env NAME or --key-file FILE, or put it into a ring: sealkit keys add --help"


def usage(error: click.ClickException) -> Usage:
    """Turn click's error into ours, without repeating what was typed where that may be a key."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context is not None else "sealkit"
    see = f"see {command} --help"
    if isinstance(error, click.NoSuchOption):
        return _no_such_option(error, command, is_before_the_verb=context is None or context.parent is None)
    if isinstance(error, click.BadParameter):
        return Usage(problem=_of_parameter(error), hint=see)
    text = error.format_message()
    if "unexpected extra argument" in text:
        return Usage(problem="more arguments than the verb takes", hint=see)
    return Usage(problem="no verb is named" if text == "Missing command." else text.rstrip("."), hint=see)


def _no_such_option(error: click.NoSuchOption, command: str, *, is_before_the_verb: bool) -> Usage:
    typed = error.option_name.lstrip("-")
    if typed in _OF_KEYS and is_before_the_verb:
        return Usage(problem=f"--{typed} stands after the verb", hint=f"as in: sealkit decrypt --{typed} …")
    if typed in _OF_KEYS:
        return Usage(problem=f"{command} takes no --{typed}", hint=f"see {command} --help")
    for word in ("key", "secret", "pass"):
        if typed.startswith(word):  # what follows may be the key itself, run together with the option
            return Usage(problem=f"no such option: --{word}{'…' if typed != word else ''}", hint=_KEY_HINT)
    like = sorted(error.possibilities or ())
    meant = f"did you mean {' or '.join(like)}? " if like else ""
    return Usage(problem=f"no such option: {error.option_name}", hint=f"{meant}see {command} --help")


def _of_parameter(error: click.BadParameter) -> str:
    """Say which parameter is missing or wrong, and what it can be: click puts a list of line ends and tabs there."""
    parameter = error.param
    if parameter is None:
        return error.format_message().rstrip(".")
    is_option, is_choice = isinstance(parameter, click.Option), isinstance(parameter.type, click.Choice)
    name = max(parameter.opts, key=len)
    if not is_option:
        name = name.upper() if is_choice or parameter.metavar is None else parameter.metavar
    if isinstance(error, click.MissingParameter):
        choices = f": {', '.join(map(str, parameter.type.choices))}" if isinstance(parameter.type, click.Choice) else ""
        return f"Missing {'option' if is_option else 'argument'} '{name}'{choices}"
    return f"Invalid value for '{name}': {error.message.rstrip('.').replace('a valid integer range', 'a whole number')}"
