"""The ring, or the one key in place of a ring, that the options ask for."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from sealkit.cli.ask import ask
from sealkit.errors import NoUsableKey, Usage
from sealkit.keys.access import Access
from sealkit.keys.encodings import ENCODINGS, STATED, STATED_HINT
from sealkit.keys.ring import KeyRing

if TYPE_CHECKING:
    from sealkit.cli.options import Ring
    from sealkit.keys.access import Source

_ONE = "--key-file, --key-env, --key-fd, --key-stdin, --key-command"


def loaded(ring: Ring, *, reads_stdin: bool) -> KeyRing:
    """Return the ring that was asked for. Raises ``Usage`` for options that contradict each other."""
    asked = [ring.key_file, ring.key_env, ring.key_fd, ring.key_command]
    count = sum(one is not None for one in asked) + ring.key_stdin
    if count + (ring.file is not None) > 1:
        raise Usage(problem="more than one place to take keys from", hint=f"give one of: --keys, {_ONE}")
    if not count:
        if ring.key_encoding is not None:
            raise Usage(problem="--key-encoding says how one key is written", hint=f"it goes with one of: {_ONE}")
        return KeyRing.find(ring.file, ask=ask, unsafe_files=ring.unsafe_key_files)
    if ring.key_encoding is not None and ring.key_encoding not in ENCODINGS:
        raise Usage(problem="no such --key-encoding", hint="known here: " + ", ".join(ENCODINGS))
    if reads_stdin and (ring.key_stdin or ring.key_fd == "0"):
        raise Usage(problem="stdin cannot give both the key and the record", hint="take the key from --key-fd 3, as in: 3< k1.key")
    access = Access(os.environ, ask=ask, unsafe_files=ring.unsafe_key_files)
    try:
        return KeyRing.single(_source(ring, ring.key_encoding or STATED), access)
    except NoUsableKey as error:
        if error.hint == STATED_HINT:  # the options have another way to say it
            error.hint = f"say it with --key-encoding {'|'.join(ENCODINGS)}, or {STATED_HINT}"
        raise


def _source(ring: Ring, encoding: str) -> Source:
    from sealkit.keys import command, given, streams

    if ring.key_file is not None:
        return given.KeyFile(ring.key_file, encoding, "--key-file")
    if ring.key_env is not None:
        if not given.is_variable_name(ring.key_env):
            raise Usage(problem="--key-env takes the name of a variable", hint="the name, not its value, such as SEALKIT_SECRET_K2")
        return given.Variable(ring.key_env, encoding, "--key-env", in_ring=False)
    if ring.key_command is not None:
        return command.Command(
            command.Program(arguments_of(ring.key_command, "--key-command"), "", command.SECONDS, frozenset()),
            encoding,
            "--key-command",
        )
    number = "0" if ring.key_stdin else ring.key_fd or ""
    if not (number.isascii() and number.isdecimal() and streams.may_be_read(int(number[:9]))):
        raise Usage(problem="--key-fd takes the number of an open descriptor", hint="3 and more, as in: --key-fd 3 3< k1.key")
    return streams.Descriptor(int(number), encoding, "--key-stdin" if ring.key_stdin else "--key-fd")


def arguments_of(text: str, option: str) -> tuple[str, ...]:
    """Return a program and its arguments, taken apart as a shell would, which no shell sees. Raises ``Usage``."""
    try:
        arguments = tuple(shlex.split(text))
    except ValueError:
        arguments = ()
    if not arguments:
        raise Usage(
            problem=f"{option} takes a program and its arguments",
            hint=f"quote them as one argument: {option} 'pass show k1'",
        )
    return arguments
