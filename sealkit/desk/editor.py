"""Somebody's own editor, started on one file in memory: no shell, no secrets in its environment, no copies where it can be told so."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from typing import TYPE_CHECKING, Final

from sealkit.errors import Usage
from sealkit.keys.process import absolute_folders, found_on

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

_VIM = ("-n", "-i", "NONE", "-c", "set nobackup nowritebackup noundofile")
_EMACS = ("--eval", "(setq make-backup-files nil auto-save-default nil create-lockfiles nil)")
_FLAGS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(("vim", "vim.basic", "vim.tiny", "vim.nox", "vim.gtk3", "nvim"), (*_VIM, "--")),
    "gvim": ("-f", *_VIM, "--"),
    "nano": ("-I", "--"),
    "emacs": _EMACS,
}
_INTERRUPTED: Final = (-signal.SIGINT, 128 + signal.SIGINT)  # as a program ends by Ctrl-C, and as a shell says that one did
_PATIENCE = 2.0  # seconds for an editor to end when sealkit is told to


class Editor:
    """The editor that ``$VISUAL`` or ``$EDITOR`` names, with arguments; ``vi`` otherwise. Raises ``Usage``."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        named = environ.get("VISUAL") or environ.get("EDITOR") or "vi"
        try:
            self._words = shlex.split(named)
        except ValueError:
            self._words = []
        if not self._words:
            raise Usage(problem="$VISUAL or $EDITOR is no command", hint="set EDITOR to an editor, such as vim")
        program = _found(self._words[0])
        if program is None:
            hint = "set EDITOR to one, such as vim; it is looked for in the absolute folders of PATH"
            raise Usage(problem=f"there is no editor {self._words[0]!r}", hint=hint)
        self.name = os.path.basename(self._words[0])
        self._words[0] = program
        known = _FLAGS.get(self.name) or _FLAGS.get(os.path.basename(os.path.realpath(program)))
        self.is_known = known is not None
        self._flags = known or ()

    def command(self, path: str) -> list[str]:
        """Return the command line for a file; its path is absolute, so that no editor takes it for an option."""
        return [*self._words, *self._flags, path]

    def run(self, path: str) -> None:
        """Let somebody edit a file, and wait. Raises ``Usage`` if the editor fails; what interrupts sealkit ends the editor.

        Raises ``KeyboardInterrupt`` where Ctrl-C ended the editor: that was meant for sealkit, too.
        """
        before = {number: signal.signal(number, _leave_it) for number in (signal.SIGINT, signal.SIGQUIT)}
        try:
            status = self._run(path)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if status in _INTERRUPTED:
            raise KeyboardInterrupt
        if status:
            how = f"with {status}" if status > 0 else f"by signal {-status}"
            raise Usage(problem=f"the editor {self.name!r} ended {how}; nothing was changed")

    def _run(self, path: str) -> int:
        held = _Held()
        try:
            running = subprocess.Popen(self.command(path), env=environment(os.path.dirname(path)))
        except OSError as error:
            held.let_go()
            raise Usage(problem=f"the editor cannot be started: {os.strerror(error.errno or 0)}") from None
        try:
            held.let_go()
            return running.wait()
        except BaseException:
            running.terminate()
            try:
                running.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()
            raise


def _found(word: str) -> str | None:
    """Return the program that a word names, as it is with a slash in it; else one that nobody can have put into the working folder."""
    if "/" in word:
        return word if os.path.isfile(word) and os.access(word, os.X_OK) else None
    return found_on(os.environ.get("PATH", os.defpath), word)


class _Held:
    """Signals that end sealkit, held back while the editor starts: one that came in between would leave it running, known to nobody."""

    def __init__(self) -> None:
        self._came: list[int] = []
        self._before: dict[int, Callable[[int, FrameType | None], object]] = {}
        for number in (signal.SIGTERM, signal.SIGHUP):
            handler = signal.getsignal(number)
            if callable(handler):  # what is ignored stays so, for the editor too
                self._before[number] = handler
                signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came.append(number)

    def let_go(self) -> None:
        """Put the handlers back, and let them do what they would have done."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for number in self._came:
            self._before[number](number, None)


def environment(temp: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of an editor: nothing of sealkit's own, no secrets, temporary files in ``temp``."""
    kept = {name: value for name, value in environ.items() if not name.startswith("SEALKIT_") and "SECRET" not in name.upper()}
    path = os.pathsep.join(absolute_folders(kept.get("PATH", os.defpath)))
    return kept | {"PATH": path, "TMPDIR": temp, "TMP": temp, "TEMP": temp}


def _leave_it(number: int, frame: FrameType | None) -> None:
    """Leave a key of the terminal to the editor, which gets it too."""
