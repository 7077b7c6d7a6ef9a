"""The ``sealkit`` program: its verbs, loaded when they are asked for, and the one place where errors become sentences and statuses."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import click

from sealkit import __version__
from sealkit.cli import INTERRUPTED, show
from sealkit.cli.group import Group
from sealkit.cli.usage import usage
from sealkit.desk.scratch import sweep
from sealkit.errors import SealkitError, Usage

if TYPE_CHECKING:
    from types import FrameType

# The verbs, in the order in which --help lists them; each is the command of that name in the module of that name.
VERBS = {
    "inspect": "Show each blob's parts and defects; needs no key.",
    "decrypt": "Write payloads to stdout.",
    "seal": "Turn plaintext fields into blobs, in place.",
    "rotate": "Re-encrypt blobs under another key, in place.",
    "verify": "Prove that every blob survives the round trip.",
    "check": "The gate: nothing unsealed, broken or forged; needs no key.",
    "init": "Write a policy for a tree, by looking at it.",
    "retag": "Bind authentic blobs anew, after a rename or an edit.",
    "edit": "Open a payload in an editor, and seal what was saved.",
    "set": "Seal the payload that comes from stdin.",
    "grep": "Search payloads, and print the lines that match.",
    "diff": "Show what changed in payloads, since a revision or between files.",
    "resolve": "Make one blob of a field that a merge left in conflict.",
    "git": "Let git show, merge and check records.",
    "import": "Turn blobs of openssl enc and CryptoJS into ours.",
    "columns": "The same on a column of a table: Parquet, Arrow, CSV, JSON Lines.",
    "export": "Write the records of a tree to a table.",
    "keygen": "Make a key, in a new ring or an existing one.",
    "keys": "List the keys of the ring; say which one records are under.",
    "doctor": "Say whether machine, ring and folder are fit for keys.",
    "compat": "Show how other programs open what sealkit seals.",
    "completion": "Print the completion script for a shell.",
}

_SIGNALLED = 128
_UNWRITTEN_HINT = "what was done until then is whole, and stays; make room, or send the output elsewhere"


class Program(Group):
    """The group of verbs; it imports a verb's module when that verb is asked for."""

    def verbs(self) -> dict[str, str]:
        """Return the verbs in their order."""
        return VERBS

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a verb's command, or None."""
        if cmd_name not in VERBS:
            return None
        name = "import_" if cmd_name == "import" else cmd_name  # a word of Python's own
        command = getattr(importlib.import_module(f"sealkit.cli.{name}"), name)
        return command if isinstance(command, click.Command) else None

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the command line, which may print help; click would end with 1, which means findings, where nobody reads on."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except BrokenPipeError:
            raise _ReaderGoneError from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; click would end with 1 here, too."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _ReaderGoneError from None


class _ReaderGoneError(Exception):
    """Nobody reads what is printed on stdout any more; click is not told."""


@click.command(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", message="sealkit %(version)s")
def sealkit() -> None:
    """Seal, decrypt, verify and rotate secured fields in text records, byte-exactly.

    \b
    Example:
      sealkit decrypt --keys keys.example tests/records/article.md

    Exit status: 0 done; 1 findings; 2 usage or configuration; 3 no usable key; 4 some records failed, or output could not be
    written; 75 another sealkit holds this tree; 129, 130, 143 hung up, interrupted, terminated; 141 nobody reads the output.
    """


def run_alone(arguments: list[str]) -> int:
    """Run a command line as the last thing that this process does: signals that come after it, as Python shuts down, change nothing."""
    try:
        status = run(arguments)
        _wind_up()
    except (_TerminatedError, KeyboardInterrupt) as error:  # behind the verb's end
        _wind_up()
        return _SIGNALLED + error.number if isinstance(error, _TerminatedError) else INTERRUPTED
    return status


def _wind_up() -> None:
    """Let signals change nothing any more, and Python look for no cycles to take apart in a process that ends with all it holds."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    gc.freeze()


def run(arguments: list[str]) -> int:
    """Run a command line and return its exit status; every error is one sentence on stderr, perhaps with a hint."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it
            signal.signal(number, _terminate)
    try:
        show.mend_streams()
        status = _run(arguments)
        _say_what_git_said()
        show.flush()
    except (BrokenPipeError, _ReaderGoneError):
        show.drop_stdout()
        return show.BROKEN_PIPE
    except OSError as error:
        show.drop_stdout()
        problem = f"the output cannot be written: {os.strerror(error.errno or 0)}"
        show.error(SealkitError(problem=problem, hint=_UNWRITTEN_HINT))
        return show.UNWRITTEN
    return show.settled(status)


def _run(arguments: list[str]) -> int:
    sweep()
    try:
        result = sealkit.main(arguments, prog_name="sealkit", standalone_mode=False)
    except SealkitError as error:
        show.error(error)
        return error.exit_status
    except click.ClickException as error:
        show.error(usage(error))
        return Usage.exit_status
    except (KeyboardInterrupt, click.Abort):
        show.note("interrupted; nothing is half done, and the same command finishes it")
        return INTERRUPTED
    except _TerminatedError as error:
        show.note("terminated; nothing is half done, and the same command finishes it")
        return _SIGNALLED + error.number
    return result if isinstance(result, int) else 0


def _say_what_git_said() -> None:
    """Show what git had to say besides its answers, if it was asked anything."""
    program = sys.modules.get("sealkit.git.program")
    for text in program.take_warnings() if program is not None else ():
        show.warning(f"git says: {text.removeprefix('warning: ')}")


class _TerminatedError(BaseException):
    """SIGTERM or SIGHUP arrived."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def _terminate(number: int, frame: FrameType | None) -> None:
    raise _TerminatedError(number)
