"""Git as a program: the one module that starts it.

What a repository says may come from anybody, so git is started in one way alone
- from the top of the work tree that the operating system shows: the nearest folder upwards in which ``.git`` is a folder with a
  repository in it, or a file. Git is never left to look for a repository in a folder that somebody named: there, tracked files called
  ``HEAD``, ``config``, ``objects`` and ``refs`` would be one;
- by its absolute path, found in absolute folders of PATH;
- with the settings and variables below, which win over those of the repository, so that git starts no other program, and reads no
  object from elsewhere;
- for commands that read git's own database and index, and never hash or convert a file of the work tree (that would start filters).

Git still refuses a repository of another user's (``safe.directory``). What of the caller's environment reaches it: ``_environment``.
"""

from __future__ import annotations

import os
import stat
from typing import IO, TYPE_CHECKING, Final, NamedTuple

from sealkit.keys.process import absolute_folders, found_on, own_environment
from sealkit.trees.folders import real_path

if TYPE_CHECKING:
    from typing import Self

_SETTINGS: Final = (
    "safe.bareRepository=explicit",  # no folder is a repository because of what lies in it
    "core.fsmonitor=",  # empty is "off" to every version; older ones would run a program called false
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "core.warnAmbiguousRefs=true",
    "core.pager=cat",
    "core.editor=false",
    "core.askPass=false",
    "core.sshCommand=false",
    "core.gitProxy=",
    "core.alternateRefsCommand=false",
    "credential.helper=",
    "protocol.allow=never",
    "interactive.diffFilter=cat",
    "sequence.editor=false",
    "gpg.program=false",
    "uploadpack.packObjectsHook=",
    "log.showSignature=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.graftFileDeprecated=false",
)
_BARE: Final = ("safe.bareRepository=explicit",)
_VARIABLES: Final = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",  # a partial clone's missing objects are missing: fetching them starts programs
    "GIT_ALLOW_PROTOCOL": "none",  # the same for versions that do not know the variable above: no transport works
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",  # what somebody let stand for other objects, or for a commit's parents, hides nothing
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_PAGER": "cat",
    "GIT_EDITOR": "false",
}
_CONFIGURATION: Final = "GIT_CONFIG_"
"""Variables that say where the user's own settings are, and hold some: ``safe.directory`` among them."""
_OF_A_REPOSITORY: Final = ("GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES")
"""Variables that git sets for its hooks: which index and objects the commit is being made of."""
_DOT_GIT: Final = ".git"
_MOST_LINES_HEARD: Final = 20

_heard: list[str] = []


class GitFailedError(Exception):
    """Git is missing or refused; the text is its own."""


# --- the work tree -----------------------------------------------------------------------------------------------------
def top_of(folder: str) -> str | None:
    """Return the top of the work tree that a folder is in, absolute and without links; None if it is in none. Raises ``StoreError``."""
    top = real_path(folder)
    while not is_top(top):
        above = os.path.dirname(top)
        if above == top:
            return None
        top = above
    return top


def is_top(folder: str) -> bool:
    """Say whether a work tree begins in this folder: its ``.git`` is a repository, a file that leads to one, or a link.

    A folder ``.git`` that is no repository does not count, as in git. A link counts, but git is not asked there (``git``).
    """
    dot_git = os.path.join(folder, _DOT_GIT)
    mode = _mode(dot_git)
    if stat.S_ISDIR(mode):
        return all(_mode(os.path.join(dot_git, name)) for name in ("HEAD", "objects", "refs"))
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def _mode(path: str) -> int:
    try:
        return os.lstat(path).st_mode
    except (OSError, ValueError):
        return 0


def git_folder(top: str) -> str:
    """Return the folder that holds what git keeps of a work tree: ``.git`` itself, or what a file ``.git`` leads to."""
    dot_git = os.path.join(top, _DOT_GIT)
    return os.path.join(top, _first_line(dot_git).removeprefix("gitdir: ")) if stat.S_ISREG(_mode(dot_git)) else dot_git


def common_folder(top: str) -> str:
    """Return the folder that all work trees of a repository share (gitrepository-layout(5))."""
    folder = git_folder(top)
    return os.path.join(folder, _first_line(os.path.join(folder, "commondir")))


def _first_line(path: str) -> str:
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return ""
    try:
        return os.fsdecode(os.read(opened, 4096).rstrip(b"\r\n"))
    except OSError:
        return ""
    finally:
        os.close(opened)


# --- git ---------------------------------------------------------------------------------------------------------------
class Answer(NamedTuple):
    """What git printed, what it said besides, line by line, and its exit status."""

    out: bytes
    said: list[str]
    status: int


def ask(
    top: str | None, *arguments: str, feed: bytes = b"", as_configured: bool = False, statuses: tuple[int, ...] = (0,)
) -> Answer:
    """Run git in the top of a work tree, with ``feed`` as its input. Raises ``GitFailedError``.

    ``top``: from ``top_of``; None for what needs no repository. ``as_configured``: settings are only read or written, so that they are
    seen as they are. ``statuses``: the exit statuses that are no failure.
    """
    import subprocess  # costs as much as all other imports of this module

    try:
        done = subprocess.run(
            _command(top, arguments, as_configured=as_configured),
            cwd=top or "/",
            env=_environment(top),
            capture_output=True,
            check=False,
            input=feed,
        )
    except (OSError, ValueError) as error:
        reason = str(error)
    else:
        said = os.fsdecode(done.stderr).strip().splitlines()
        if done.returncode in statuses:
            return Answer(done.stdout, said, done.returncode)
        reason = said[0].removeprefix("fatal: ") if said else f"git ended with {done.returncode}"
    raise GitFailedError(reason)


def git(top: str | None, *arguments: str, feed: bytes = b"", as_configured: bool = False) -> bytes:
    """Return what git prints; what it says besides is kept for ``take_warnings``. Raises ``GitFailedError``."""
    answer = ask(top, *arguments, feed=feed, as_configured=as_configured)
    _heard.extend(answer.said[: _MOST_LINES_HEARD - len(_heard)])
    return answer.out


def take_warnings() -> list[str]:
    """Return what git has said, besides its answers, since this was asked last: each line once."""
    said = list(dict.fromkeys(_heard))
    _heard.clear()
    return said


class Asked:
    """A git that answers one question after the other: ``cat-file --batch``. Raises ``GitFailedError``."""

    def __init__(self, top: str) -> None:
        import subprocess

        try:
            self._running = subprocess.Popen(
                _command(top, ("cat-file", "--batch")),
                cwd=top,
                env=_environment(top),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            reason = os.strerror(error.errno or 0)
        else:
            return
        raise GitFailedError(reason)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        """Where questions go, and where answers come from."""
        asked, answers = self._running.stdin, self._running.stdout
        if asked is None or answers is None:  # both were asked for
            reason = "git cannot be asked"
            raise GitFailedError(reason)
        return asked, answers

    def stop(self) -> None:
        """End git in the middle of an answer."""
        self._running.kill()

    def close(self) -> None:
        """End git, and wait for its end."""
        for pipe in self.pipes:
            try:
                pipe.close()
            except OSError:  # what was not written is not asked any more
                continue
        self._running.wait()


def _command(top: str | None, arguments: tuple[str, ...], *, as_configured: bool = False) -> list[str]:
    if top is not None and stat.S_ISLNK(_mode(os.path.join(top, _DOT_GIT))):
        reason = "its .git is a symbolic link, which may be pointed elsewhere"
        raise GitFailedError(reason)
    settings = _BARE if as_configured else _SETTINGS
    return [_program(), "--no-pager", *(word for setting in settings for word in ("-c", setting)), *arguments]


def is_there() -> bool:
    """Say whether there is a git to be started."""
    return _found() is not None


def _program() -> str:
    found = _found()
    if found is None:
        reason = "git is not installed, or in no absolute folder of PATH"
        raise GitFailedError(reason)
    return found


def _found() -> str | None:
    return found_on(os.environ.get("PATH", os.defpath), "git")


def _environment(top: str | None) -> dict[str, str]:
    """Return git's environment: the caller's without secrets and without git's variables, but for the user's settings.

    What says which index and objects count is kept too where it is of this repository, as git sets it for a hook: a ``pre-commit`` hook
    must see the index of the commit that is being made, which may be a temporary one.
    """
    own = own_environment()
    environment = {name: value for name, value in own.items() if not name.startswith("GIT_") or name.startswith(_CONFIGURATION)}
    environment |= _VARIABLES | {"PATH": os.pathsep.join(absolute_folders(own.get("PATH", os.defpath)))}
    if top is None:
        return environment | {"GIT_CEILING_DIRECTORIES": "/"}
    environment |= {"GIT_WORK_TREE": top, "GIT_CEILING_DIRECTORIES": os.path.dirname(top)}
    if any(name in own for name in _OF_A_REPOSITORY) and _is_the_callers(top, own.get("GIT_DIR")):
        environment |= {name: _absolutely(own[name]) for name in _OF_A_REPOSITORY if name in own}
    return environment


def _is_the_callers(top: str, git_dir: str | None) -> bool:
    """Say whether the caller's variables are of this repository: of the one that GIT_DIR names, else the one around the working folder."""
    if git_dir is not None:
        return os.path.realpath(git_dir) == os.path.realpath(git_folder(top))
    return top_of(".") == top


def _absolutely(paths: str) -> str:
    return os.pathsep.join(path if not path or path[0] == '"' else os.path.abspath(path) for path in paths.split(os.pathsep))
