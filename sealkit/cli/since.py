"""What ``check --since`` compares: each record that changed, and the policies, with what they were."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from sealkit.cli import run
from sealkit.errors import SealkitError
from sealkit.policy import NAME, Policy
from sealkit.report import FINDING, Outcome, failure
from sealkit.trees.roots import real
from sealkit.trees.store import read
from sealkit.trees.versions import Missing, Repository
from sealkit.trees.weakened import Blobs, blobs_in, less, new_in, old_again, weaker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sealkit.cli.options import Where
    from sealkit.trees.demanded import Demanded
    from sealkit.trees.found import Found


def weakened(where: Where, staged: bool, demanded: Demanded, walk: Callable[[], Iterator[Found]]) -> Iterator[Outcome]:
    """Yield what is weaker than it was in the revision, or was brought back from before it. Raises ``Usage`` and ``StoreError``."""
    repository = Repository(where.paths)
    commit = repository.commit(where.since or "HEAD")
    repository.refuse_shallow()
    with repository.objects() as objects:
        compared = _Compared(repository, commit, objects, demanded)
        for found in walk():
            if found.problem is None and os.path.basename(found.path) != NAME:
                try:
                    yield from compared.file(found.path, staged)
                except SealkitError as error:
                    yield failure(found.path, error)
        yield from compared.older()
        policies = _Policies(repository, commit, objects, demanded)
        yield from policies.weaker(where)


class _New(NamedTuple):
    """The blobs of a file that were not in it then, and those that were."""

    then: Blobs
    blobs: Blobs


class _Compared:
    """Records compared with what they were in a revision, and with all that they were before it."""

    def __init__(self, repository: Repository, commit: str, objects: Callable[[str], bytes], demanded: Demanded) -> None:
        self._repository = repository
        self._commit = commit
        self._objects = objects
        self._demanded = demanded
        self._new: dict[str, tuple[str, _New]] = {}

    def file(self, path: str, staged: bool) -> Iterator[Outcome]:
        """Yield what is weaker in a file than it was in the revision."""
        now = self._repository.staged_file(path) if staged else read(path).data
        then = self._then(path)
        if now is None or now == then:
            return
        fields = self._demanded(path)
        before, after = blobs_in(path, then or b"", fields), blobs_in(path, now, fields)
        yield from weaker(path, before, after)
        blobs = new_in(before, after)
        if blobs:
            self._new[self._repository.shown(self._name(path))] = path, _New(before, blobs)

    def older(self) -> Iterator[Outcome]:
        """Yield which new blobs are old ones: all files are looked for in one pass over the history."""
        versions: dict[str, list[Blobs]] = {shown: [new.then] for shown, (_, new) in self._new.items()}
        if self._new:
            for version in self._repository.history(lambda name: True, self._commit, among=self._new):
                path = self._new[version.path][0]
                versions[version.path].append(blobs_in(path, self._objects(version.object), self._demanded(path)))
        for shown, (path, new) in self._new.items():
            yield from old_again(path, new.blobs, versions[shown])

    def _name(self, path: str) -> str:
        return os.path.relpath(real(path), self._repository.top)

    def _then(self, path: str) -> bytes | None:
        """Return what a file held then, None if it was not there."""
        name = self._name(path)
        if "\n" in name:
            return self._repository.content(self._commit, name)
        try:
            return self._objects(f"{self._commit}:{name}")
        except Missing:
            return None


class _Policies:
    """The policies in a revision, each for what was below its folder, compared with those of now."""

    def __init__(self, repository: Repository, commit: str, objects: Callable[[str], bytes], demanded: Demanded) -> None:
        self._demanded = demanded
        self._then: dict[str, Policy] = {}
        for folder, name in repository.named(commit, NAME).items():
            try:
                self._then[folder] = Policy.parse(objects(name))
            except SealkitError:  # it demanded nothing: the gate was shut
                continue

    def weaker(self, where: Where) -> Iterator[Outcome]:
        """Yield in what is demanded less of the records there are; the keys that may seal change with every rotation."""
        found: dict[tuple[str, str], tuple[str, int]] = {}
        for path in self._records(where):
            place = real(path)
            folder = self._root(os.path.dirname(place))
            if folder is None:
                continue
            now = self._demanded.policy(path)
            then = self._then[folder]
            if now is not None and now.rules == then.rules and self._demanded.root(path) == folder:
                continue
            after = now.rule(self._demanded.below(path)) if now is not None else None
            for reason in less(then.rule(os.path.relpath(place, folder)), after):
                first, count = found.get((folder, reason), (path, 0))
                found[folder, reason] = first, count + 1
        for (folder, reason), (first, count) in sorted(found.items()):
            more = f" and {count - 1} more records" if count > 1 else ""
            problem = f"since {where.since}: {reason} ({first}{more})"
            policy = os.path.relpath(os.path.join(folder, NAME))
            yield Outcome(policy, FINDING, None, "policy_weakened", message=problem, exit_status=1)

    def _records(self, where: Where) -> Iterable[str]:
        if not self._then:
            return ()
        return (found.path for found in run.walk(where._replace(since=None)) if found.problem is None)

    def _root(self, folder: str) -> str | None:
        """Return the nearest folder upwards that held a policy then."""
        while folder not in self._then:
            above = os.path.dirname(folder)
            if above == folder:
                return None
            folder = above
        return folder
