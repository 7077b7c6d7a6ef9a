"""What ``check --since`` compares: each record that changed, the blobs that are new in them, and the policies, with what they were."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sealkit.errors import SealkitError
from sealkit.policy import NAME, Policy
from sealkit.report import FINDING, Outcome, failure
from sealkit.trees.ancestry import Ancestry, Arrived, Base, arrived, base_of
from sealkit.trees.gate import nested
from sealkit.trees.relaxed import relaxed, root_of
from sealkit.trees.roots import real
from sealkit.trees.weakened import blobs_in, weaker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sealkit.trees.demanded import Demanded
    from sealkit.trees.found import Found
    from sealkit.trees.versions import Repository


def weakened(
    repository: Repository, revision: str, staged: bool, demanded: Demanded, walk: Callable[[], Iterator[Found]]
) -> Iterator[Outcome]:
    """Yield what is weaker than it was in the revision, copied, or brought back from before it. Raises ``Usage`` and ``StoreError``."""
    commit = repository.commit(revision)
    repository.refuse_shallow()
    with repository.objects() as objects:
        compared = _Compared(repository, base_of(repository, commit, objects, staged=staged), demanded)
        paths = compared.staged() if staged else (found.path for found in walk() if found.problem is None)
        for path in paths:
            try:
                yield from compared.file(path)
            except SealkitError as error:
                yield failure(path, error)
        yield from Ancestry(compared.new, compared.base).findings()
        yield from compared.policies(revision, repository.index() if staged else [*repository.index(), *compared.base.then])


class _Compared:
    """Records compared with what they were in a revision; ``new`` are the blobs that they did not hold."""

    def __init__(self, repository: Repository, base: Base, demanded: Demanded) -> None:
        self.base = base
        self.new: list[Arrived] = []
        self._repository = repository
        self._demanded = demanded
        self._policies: set[str] = set()

    def staged(self) -> Iterator[str]:
        """Yield the files of the index that are not what they were."""
        for name, sha in self._repository.index().items():
            if self.base.then.get(name) != sha and self._repository.holds(name):
                yield self._repository.shown(name)

    def file(self, path: str) -> Iterator[Outcome]:
        """Yield what is weaker in a file than it was in the revision, and note the blobs that are new in it."""
        folder, name = os.path.split(path)
        name = os.path.normpath(os.path.relpath(os.path.join(real(folder or "."), name), self._repository.top))
        if os.path.basename(path) == NAME:
            self._policies.add(name)
            return
        now, sha = self.base.now(name), self.base.then.get(name)
        then = self.base.objects(sha) if sha is not None else b""
        if now is None or now == then:
            return
        fields = self._demanded(path)
        before, after = blobs_in(path, then, fields), blobs_in(path, now, fields)
        yield from weaker(path, before, after)
        is_synthetic = any(field.format == "synthetic" for field in fields)
        self.new += arrived(path, (then, before), (now, after), synthetic=is_synthetic)

    def policies(self, revision: str, names: Iterable[str]) -> Iterator[Outcome]:
        """Yield in what the policies, which may be among the files of these names, demand less than they did."""
        shown, base = self._repository.shown, self.base
        then = dict(_parsed(base.then, lambda name: base.objects(base.then[name])))
        now = dict(_parsed({*names, *self._policies}, base.now))
        for folder in now:
            if _is_nested(now, folder) and not _is_nested(then, folder):
                outer = root_of(now, folder) or ""
                yield nested(os.path.join(self._repository.top, folder), os.path.join(self._repository.top, outer))
        for one in relaxed(then, now, self._repository.given, base.then):
            example = f" ({shown(one.example)})" if one.example else ""
            policy = shown(os.path.join(one.folder, NAME))
            problem = f"since {revision}: {one.reason}{example}"
            yield Outcome(policy, FINDING, None, "policy_weakened", message=problem, exit_status=1)


def _is_nested(tree: dict[str, Policy], folder: str) -> bool:
    return folder in tree and root_of(tree, folder) != folder


def _parsed(names: Iterable[str], read: Callable[[str], bytes | None]) -> Iterator[tuple[str, Policy]]:
    """Yield the policies among some files, each with its folder; one that is broken demands nothing: it shuts the gate."""
    for name in names:
        if os.path.basename(name) == NAME:
            data = read(name)
            try:
                if data is not None:
                    yield os.path.dirname(name), Policy.parse(data)
            except SealkitError:
                continue
