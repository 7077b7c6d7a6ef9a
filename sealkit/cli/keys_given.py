"""The options that say where a key is that is not in the ring: a file, a variable, stdin; never the key itself."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import click

from sealkit.cli import options, show
from sealkit.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

F = TypeVar("F", bound="Callable[..., Any]")

_MOST = 8192


class Given(NamedTuple):
    """Where a key is: in a file, in a variable, or on stdin; and how it is written there."""

    from_file: str | None
    from_env: str | None
    from_stdin: bool
    encoding: str | None

    @property
    def is_given(self) -> bool:
        """Whether any of it was said."""
        return self.from_file is not None or self.from_env is not None or self.from_stdin

    def checked(self) -> str:
        """Return the encoding. Raises ``Usage`` unless one place and an encoding were given."""
        if sum((self.from_file is not None, self.from_env is not None, self.from_stdin)) != 1:
            raise Usage(problem="it is not said where the key is", hint="one of --from-file FILE, --from-env NAME, --from-stdin")
        if self.encoding is None:
            raise Usage(
                problem="it is not said how the key is written", hint="--encoding hex, base64, utf8 or raw: it is never guessed"
            )
        return self.encoding

    def source(self, ring: str) -> str:
        """Return the source as a ring file has it: a flow mapping whose text is quoted as in JSON, which is YAML."""
        from json import dumps

        encoding = self.checked()
        if self.from_env is not None:
            self._refuse_unset(self.from_env)
            return f"{{env: {dumps(self.from_env)}, encoding: {encoding}}}"
        path = self.from_file or ""
        folder = os.path.realpath(os.path.dirname(ring) or ".")
        place = os.path.join(os.path.realpath(os.path.dirname(path) or "."), os.path.basename(path))
        below = os.path.relpath(place, folder)
        shown = place if below.startswith("..") else below
        try:
            shown.encode()
        except UnicodeEncodeError:
            raise Usage(problem="a ring is UTF-8, and the path of the key file is not", hint="rename the file") from None
        return f"{{file: {dumps(shown, ensure_ascii=False)}, encoding: {encoding}}}"

    def _refuse_unset(self, name: str) -> None:
        """Raise ``NoUsableKey`` for a variable that is not there, which may also be a key that was typed in the place of a name."""
        from sealkit.errors import NoUsableKey

        if name.isidentifier() and name not in os.environ:  # of what is no name the ring says so
            hint = f"it takes a name, not a value: export the variable, set to the key as {self.encoding}, and run this again"
            raise NoUsableKey(problem="the variable that --from-env names is not set", hint=hint)

    def copied(self) -> str:
        """Return the source that holds the key itself."""
        from sealkit.keys.ringfile import literal_source
        from sealkit.wiping import wipe

        secret = self.read()
        try:
            return literal_source(secret)
        finally:
            wipe(secret)

    def read(self) -> bytearray:
        """Return the key, for the caller to wipe. Raises ``Usage`` and ``NoUsableKey``."""
        from sealkit.keys.access import Access
        from sealkit.keys.encodings import decode
        from sealkit.wiping import wipe

        encoding = self.checked()
        access = Access(os.environ)
        text, label = self._text()
        try:
            secret = decode(text, encoding, label, access)
        finally:
            wipe(text)
        for warning in access.warnings:
            show.warning(warning)
        return secret

    def _text(self) -> tuple[bytearray, str]:
        from sealkit.errors import NoUsableKey
        from sealkit.keys.access import Access, take_variable
        from sealkit.keys.encodings import encoded
        from sealkit.keys.files import MAX_KEY_FILE, read_trusted
        from sealkit.ownership import exposure

        if self.from_stdin:
            return bytearray(_stdin()), "the key on stdin"
        if self.from_env is not None:
            value = take_variable(self.from_env, os.environ)
            if value is None:
                raise NoUsableKey(problem="the variable that --from-env names is not set", hint="it takes a name, not a value")
            return encoded(value, "the variable"), "the variable"
        label = "the key file"
        content = read_trusted(self.from_file or "", label, Access(os.environ), limit=MAX_KEY_FILE)
        if (reason := exposure(content.status)) is not None:
            show.warning(f"{label} is {reason}: whoever read it has the key")
        return content.data, label


def _stdin() -> bytes:
    if sys.stdin.isatty():
        return show.asked("Key").encode()
    return sys.stdin.buffer.read(_MOST)


def given_key(function: F) -> F:
    """Add --from-file, --from-env, --from-stdin and --encoding."""
    return options.group(
        Given,
        "given",
        {
            "from_file": click.option(
                "--from-file", metavar="FILE", shell_complete=options.files, help="The key is in this file, which is only yours."
            ),
            "from_env": click.option("--from-env", metavar="NAME", help="The key is in the variable of this name."),
            "from_stdin": click.option("--from-stdin", is_flag=True, help="The key is read from stdin."),
            "encoding": click.option(
                "--encoding",
                type=click.Choice(["hex", "base64", "utf8", "raw"]),
                help="How the key is written there; it is never guessed.",
            ),
        },
    )(function)
