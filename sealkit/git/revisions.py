"""Which commit a revision names: exactly one, or an error that shows what the name could mean.

Git takes the first that fits of a tag, a branch, a remote branch and an abbreviated id, and warns. Tags come with a fetch, so whoever
may push one could choose what ``origin/main`` stands for: such a name is refused here.
"""

from __future__ import annotations

import os
import re
import shlex
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from sealkit.errors import Usage
from sealkit.git.program import GitFailedError, ask, git, git_folder, top_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME: Final = re.compile(r"(?:(?!@\{)[^\^~:])*")  # a ref's name, before what is counted from it (git-check-ref-format(1))
_EARLIER: Final = re.compile(r"@\{-[0-9]+\}")
_REMOTE: Final = re.compile(r"@\{(u|upstream|push)\}", re.IGNORECASE)
_BRANCHES: Final = "refs/heads/"
_ID: Final = re.compile(r"[0-9a-f]{4,64}", re.IGNORECASE)
_DESCRIBED: Final = re.compile(r".+-g([0-9a-f]{4,64})")
_WHOLE: Final = {b"sha1": 40, b"sha256": 64}
_PLACES: Final = ("refs/{}", "refs/tags/{}", "refs/heads/{}", "refs/remotes/{}", "refs/remotes/{}/HEAD")
_SHOWN: Final = 12  # hex digits
_MOST_SHOWN: Final = 8
_OF_ANOTHER: Final = "dubious ownership"
_UNKNOWN: Final = "Needed a single revision"
_HINT: Final = "name a commit, branch or tag, such as HEAD"


class Meaning(NamedTuple):
    """Something that a name stands for: its full name (or id), and the object."""

    name: str
    object: str

    def __str__(self) -> str:
        return f"{self.name} ({self.object[:_SHOWN]})" if self.name != self.object else f"the commit {self.object[:_SHOWN]}"


def commit_of(revision: str, folder: str) -> str:
    """Return the id of the commit that a revision names in the work tree that a folder is in. Raises ``Usage``.

    A revision is a commit's id, or a branch, tag or other ref, with what is counted from it (``HEAD~2``, ``v1^2``, ``main@{1}``).
    """
    top = top_of(folder)
    reason, hint = "not in a git work tree", "go into one, or name a folder of one"
    if top is not None:
        try:
            return _Resolution(top, revision).commit()
        except GitFailedError as failed:
            reason, hint = _in_words(str(failed), top, revision)
    raise Usage(problem=f"no revision {revision!r}: {reason}", hint=hint, path=folder or ".")


def _in_words(reason: str, top: str, revision: str) -> tuple[str, str]:
    """Return why git gave no commit, and what to do; git's words for a name that it does not know are not for people."""
    if _OF_ANOTHER in reason:
        return reason, f"if you trust it: git config --global --add safe.directory {shlex.quote(top)}"
    if reason == _UNKNOWN and revision in {"HEAD", "@"}:
        return (
            "nothing is committed yet",
            "commit something first; what would be committed is looked at with: sealkit check --staged",
        )
    return ("there is none of that name" if reason == _UNKNOWN else reason), _HINT


class _Resolution:
    """One revision, in one work tree."""

    def __init__(self, top: str, revision: str) -> None:
        self._top = top
        self._revision = revision

    def commit(self) -> str:
        """Return the commit. Raises ``Usage`` and ``GitFailedError``."""
        self._refuse_what_is_no_name()
        match = _NAME.match(self._revision)
        base = match[0] if match is not None else ""
        rest = self._revision[len(base) :]
        if base == "@":
            base = "HEAD"
        earlier = _EARLIER.match(rest) if not base else None
        if earlier is not None:
            base, rest = self._earlier_branch(earlier[0]), rest[earlier.end() :]
        remote = _REMOTE.match(rest)
        if not base and remote is None:  # what is counted from the current branch, by its log: @{1}
            return self._ask(self._revision)
        meanings = list(self._meanings(base or self._current_branch()))
        if len({one.name for one in meanings}) > 1:
            self._refuse_ambiguous(meanings)
        if not meanings:
            return self._ask(self._revision)
        (name, start), *_ = meanings
        if remote is not None:
            start, rest = self._counterpart(name, remote[1].lower()), rest[remote.end() :]
        return self._ask((name if rest.startswith("@{") else start) + rest, is_certain=True)

    def _refuse_what_is_no_name(self) -> None:
        revision = self._revision
        reason = ""
        if revision.startswith("-"):
            reason = "it begins with a dash"
        elif not revision or "\0" in revision or "\n" in revision:
            reason = "no revision is called so"
        elif revision.startswith(":/") or "^{/" in revision:
            reason = "a search through messages, which anybody may write, names no one commit"
        elif ".." in revision:
            reason = "a range names no one commit"
        if reason:
            raise GitFailedError(reason)

    def _is_whole(self, base: str) -> bool:
        """Say whether this is a whole id here; what is one in other repositories may be short for one, or a name."""
        return _ID.fullmatch(base) is not None and len(base) == self._digits

    @cached_property
    def _digits(self) -> int | None:
        return _WHOLE.get(git(self._top, "rev-parse", "--show-object-format").strip())

    def _earlier_branch(self, counted: str) -> str:
        """Return the full name of a branch that was checked out before (``@{-1}``)."""
        name = git(self._top, "check-ref-format", "--branch", counted).decode("utf-8", "surrogateescape").strip()
        return name if self._is_whole(name) else _BRANCHES + name

    def _current_branch(self) -> str:
        return git(self._top, "symbolic-ref", "HEAD").decode("utf-8", "surrogateescape").strip()

    def _counterpart(self, branch: str, which: str) -> str:
        """Return the full name of the branch that one of ours is fetched from, or pushed to."""
        name = branch if branch != "HEAD" else self._current_branch()
        field = "%(push)" if which == "push" else "%(upstream)"
        found = git(self._top, "for-each-ref", f"--format={field}", name).decode("utf-8", "surrogateescape").split("\n")[0]
        if not found or not name.startswith(_BRANCHES):
            reason = f"{name} has no such branch elsewhere"
            raise GitFailedError(reason)
        return found

    def _meanings(self, base: str) -> Iterator[Meaning]:
        """Yield all that a name may stand for. A whole id, and a full name, stand for themselves."""
        if self._is_whole(base):
            yield Meaning(base.lower(), base.lower())
            return
        names = [base] if base.startswith("refs/") else []
        listed = self._refs([*names, *(place.format(base) for place in _PLACES)])
        if base in listed:
            yield Meaning(base, listed[base])
            return
        if "/" not in base and os.path.lexists(os.path.join(git_folder(self._top), base)):  # HEAD, FETCH_HEAD and their like
            try:  # that the name has other meanings too is known below
                yield Meaning(base, ask(self._top, "rev-parse", "--verify", "--end-of-options", base).out.decode().strip())
            except GitFailedError:
                pass
        for name, target in listed.items():
            yield Meaning(name, target)
        described = _DESCRIBED.fullmatch(base)
        abbreviated = described[1] if described is not None else base
        if _ID.fullmatch(abbreviated):
            yield from (Meaning(one, one) for one in self._commits(abbreviated))

    def _refs(self, names: list[str]) -> dict[str, str]:
        """Return which of some full names there are, and their objects."""
        listing = git(self._top, "for-each-ref", "--format=%(refname)%00%(objectname)", *names).decode("utf-8", "surrogateescape")
        found = dict(line.split("\0") for line in listing.split("\n") if line)
        return {name: found[name] for name in names if name in found}  # a name is a folder of names to git, too

    def _commits(self, abbreviated: str) -> list[str]:
        """Return the commits, and the tags as objects, whose id begins so."""
        ids = git(self._top, "rev-parse", f"--disambiguate={abbreviated.lower()}")
        kinds = git(self._top, "cat-file", "--batch-check=%(objectname) %(objecttype)", feed=ids).decode().split("\n")
        return [line.split()[0] for line in kinds if line.endswith((" commit", " tag"))]

    def _ask(self, revision: str, *, is_certain: bool = False) -> str:
        """Return the commit that git understands by a revision; what it says besides is a refusal, unless the name ``is_certain``."""
        answer = ask(
            self._top,
            *(("-c", "core.warnAmbiguousRefs=false") if is_certain else ()),
            *("rev-parse", "--verify", "--end-of-options", revision + "^{commit}"),
        )
        if answer.said:
            reason = f"git is not sure: {'; '.join(line.removeprefix('warning: ') for line in answer.said)}"
            raise GitFailedError(reason)
        return answer.out.decode("ascii").strip()

    def _refuse_ambiguous(self, meanings: list[Meaning]) -> None:
        shown = ", ".join(map(str, meanings[:_MOST_SHOWN]))
        more = f" and {len(meanings) - _MOST_SHOWN} more" if len(meanings) > _MOST_SHOWN else ""
        full = next((one.name for one in reversed(meanings) if one.name.startswith("refs/")), meanings[-1].object)
        raise Usage(
            problem=f"the revision {self._revision!r} is ambiguous; it could be: {shown}{more}",
            hint=f"write the full name of the one you mean, such as {full}, or the commit's whole id; or remove the tag",
            path=self._top,
        )
