"""How git starts sealkit: commands for its shell that name this installation, and do without it where it is gone.

Git hands settings to ``sh``, wherever somebody works: in an editor, in another shell, after the package was removed. So a command here
- names a program by its absolute path, and nothing in it is looked for in the working folder;
- runs it without the variables that make Python take modules from elsewhere;
- has something to fall back on: the file as it is, git's own merge of texts, or a sentence.
"""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from sealkit.errors import Usage
from sealkit.git import trial

if TYPE_CHECKING:
    from collections.abc import Iterator

MERGED: Final = "merged"
CONFLICT: Final = "conflict"
"""The answers of the merge driver: OURS holds the result, whole; whatever else comes of it, it does not."""
BESIDE: Final = ".sealkit"
"""Behind the name of OURS: the result while it is written."""

_NOT_RUN: Final = 126  # what a shell says of a command that is not there; git counts as many conflicts, too
_NO_PYTHON_SETTINGS: Final = "PYTHONPATH= PYTHONHOME="
_AS_TEXT: Final = "sealkit: a record was merged as text, as sealkit did not start or did not finish (see: sealkit git doctor)"
_NOT_STARTED: Final = (
    "sealkit: error: sealkit does not start any more, so nobody has looked at what is committed",
    "sealkit: hint: install it again, and run: sealkit git install; to commit this once without it: git commit --no-verify",
)


class Program(NamedTuple):
    """A command, word by word, that starts this sealkit from anywhere."""

    words: tuple[str, ...]

    @property
    def file(self) -> str:
        """The program file, in quotation marks for a shell."""
        return shlex.quote(self.words[0])

    @property
    def command(self) -> str:
        """How a shell starts it."""
        return f"{_NO_PYTHON_SETTINGS} {shlex.join(self.words)}"

    # --- what git runs -------------------------------------------------------------------------------------------------
    def textconv(self) -> str:
        """Return the command that prints a file as it is to be shown: its name is put behind it."""
        show = f'test -x {self.file} && {self.command} git textconv -- "$1" || command -p cat -- "$1"'
        return f"sealkit_show() {{ {show}; }}; sealkit_show"

    def merge_driver(self) -> str:
        """Return the command that merges a file: ``%A`` holds the result, or both sides between marks.

        Only sealkit's own word for it counts: an exit status of 1 is also that of a Python without the package. Else git merges the
        lines; and where git cannot, whole files stand between the marks.
        """
        merge = f'{self.command} git merge-driver --answer -- "$1" "$2" "$3" "$4" "$5"'
        labels = "-L ours -L base -L theirs"
        whole = (
            'printf "<<<<<<< ours\\n"; command -p cat -- "$2"; printf "\\n=======\\n"; command -p cat -- "$3"; '
            'printf "\\n>>>>>>> theirs\\n"'
        )
        steps = [
            f"said=$(test -x {self.file} && {merge})",
            f'test "$said" = {MERGED} && return 0',
            f'test "$said" = {CONFLICT} && return 1',
            f'command -p rm -f -- "$2{BESIDE}"',
            f'echo "{_AS_TEXT}" >&2',
            f'git merge-file -q {labels} --marker-size="$4" "$2" "$1" "$3"',
            "status=$?",
            f"test $status -lt {_NOT_RUN} && return $status",
            f'{{ {whole}; }} > "$2{BESIDE}" && command -p mv -f -- "$2{BESIDE}" "$2"',
            "return 1",
        ]
        marks = "%O %A %B %L %P"  # what git puts values in the place of; any other % is doubled
        return f"sealkit_merge() {{ {'; '.join(steps)}; }}; sealkit_merge ".replace("%", "%%") + marks

    def hook(self) -> str:
        """Return the lines of a ``pre-commit`` hook: it lets nothing through that was not looked at, and says why."""
        return "\n".join(
            [
                f"if test -x {self.file}; then",
                f"{self.command} check --staged --if-present -q . && exit 0",
                "status=$?",
                f"{self.command} check --help >/dev/null 2>&1 && exit $status",
                "fi",
                *(f"echo {shlex.quote(line)} >&2" for line in _NOT_STARTED),
                "exit 1",
                "",
            ]
        )


def find(version: str) -> Program:
    """Return how this sealkit is started: its console script, else its Python, isolated. Raises ``Usage`` if neither starts it alone.

    ``version``: what it must say that it is; a script may be left of another one.
    """
    for words in _candidates():
        if trial.prints(words, "--version") == f"sealkit {version}\n".encode():
            return Program(words)
    raise Usage(
        problem="git could not start this sealkit: it is found only by way of the working folder or of PYTHONPATH",
        hint="install it (pip install, in an environment of its own), and use that one",
    )


def _candidates() -> Iterator[tuple[str, ...]]:
    python = os.path.abspath(sys.executable) if sys.executable else ""
    for folder in dict.fromkeys([*_script_folders(), os.path.dirname(python)]):
        script = os.path.join(folder, "sealkit")
        if os.path.isabs(script) and os.path.isfile(script) and os.access(script, os.X_OK):
            yield (script,)
    if python:
        yield python, "-I", "-m", "sealkit"


def _script_folders() -> Iterator[str]:
    """Yield where pip puts scripts for this Python: of its environment, then of its user."""
    import sysconfig

    for scheme in (sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user")):
        yield sysconfig.get_path("scripts", scheme)
