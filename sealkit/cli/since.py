"""What ``check --since`` compares: each record that changed, and the policy, with what they were."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sealkit.errors import SealkitError, StoreError
from sealkit.policy import NAME, Policy
from sealkit.report import FINDING, Outcome, failure
from sealkit.trees.store import read
from sealkit.trees.versions import Repository
from sealkit.trees.weakened import Blobs, blobs_in, demands_less, weakened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealkit.cli.options import Where
    from sealkit.trees.demanded import Demanded
    from sealkit.trees.found import Found


def weaker(where: Where, staged: bool, demanded: Demanded, walk: Callable[[], Iterator[Found]]) -> Iterator[Outcome]:
    """Yield what is weaker than it was in the revision, or was brought back from before it. Raises ``Usage``."""
    repository = Repository(where.paths)
    commit = repository.commit(where.since or "HEAD")
    with repository.objects() as objects:
        was = _Was(repository, commit, objects)
        for found in walk():
            if found.problem is None and os.path.basename(found.path) != NAME:
                try:
                    yield from was.compared(found.path, staged, demanded)
                except SealkitError as error:
                    yield failure(found.path, error)
        yield from _policy(repository, was, demanded, where)


class _Was:
    """What files held in a revision, and before it."""

    def __init__(self, repository: Repository, commit: str, objects: Callable[[str], bytes]) -> None:
        self._repository = repository
        self._commit = commit
        self._objects = objects

    def content(self, path: str) -> bytes | None:
        """Return what a file held then, None if it was not there."""
        name = os.path.relpath(os.path.realpath(path), self._repository.top)
        try:
            return self._objects(f"{self._commit}:{name}") if "\n" not in name else None
        except StoreError:
            return None

    def compared(self, path: str, staged: bool, demanded: Demanded) -> Iterator[Outcome]:
        """Yield what is weaker in a file than it was then."""
        now = self._repository.staged_file(path) if staged else read(path).data
        then = self.content(path)
        if now is None or then is None or now == then:
            return
        fields = demanded(path)
        yield from weakened(path, blobs_in(path, then, fields), blobs_in(path, now, fields), lambda: self._older(path, demanded))

    def _older(self, path: str, demanded: Demanded) -> Iterator[Blobs]:
        fields = demanded(path)
        for version in Repository([path]).history(lambda name: True, self._commit):
            yield blobs_in(path, self._objects(version.object), fields)


def _policy(repository: Repository, was: _Was, demanded: Demanded, where: Where) -> Iterator[Outcome]:
    """Yield in what the policy demands less than it did, of the records there are."""
    from sealkit.cli import run

    root = demanded.root(where.paths[0])
    path = os.path.relpath(os.path.join(root, NAME))
    then = was.content(path)
    if then is None:
        return
    try:
        before = Policy.parse(then)
    except SealkitError:
        return
    now = demanded.policy_in(root)
    if now is not None and now.rules == before.rules:
        return
    records = (demanded.below(found.path) for found in run.walk(where._replace(since=None)) if found.problem is None)
    for reason, (first, count) in sorted(demands_less(before, now, records).items()):
        more = f" and {count - 1} more records" if count > 1 else ""
        problem = f"since {where.since}: {reason} ({first}{more})"
        yield Outcome(path, FINDING, None, "policy_weakened", message=problem, exit_status=1)
