"""``sealkit check``: the gate. It lets nothing unsealed, broken or forged through, and needs no key."""

from __future__ import annotations

import os
from contextlib import nullcontext
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from sealkit.cli import options, run, show
from sealkit.cli.options import Output, Where
from sealkit.demands import Asked
from sealkit.errors import SealkitError, StoreError, Unsealed, Usage
from sealkit.keys.key import STRENGTH
from sealkit.records.kinds import POLICY
from sealkit.report import CHECKED, FINDING, Outcome, Report, failure
from sealkit.trees import batch, content, orders
from sealkit.trees.batch import Done, Mode
from sealkit.trees.folders import from_here
from sealkit.trees.found import LINKS, Found, Left
from sealkit.trees.links import Links
from sealkit.trees.walk import is_any
from sealkit.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sealkit.keys.ring import KeyRing
    from sealkit.trees.batch import Piece
    from sealkit.trees.demanded import Demanded, Reading
    from sealkit.trees.gate import Watch
    from sealkit.trees.ivs import Ivs
    from sealkit.trees.versions import Repository, Version

F = TypeVar("F", bound="Callable[..., Any]")

_FOUND_TWICE = frozenset({"inner_work_tree", "nested_policy", "repeated_blob"})
_COMMITTED_OPEN = "it stays in the history: if that was pushed, take it for published; if not, rewrite the commit"
_FORMATS = ("text", "json", "sarif", "github", "junit")


class What(NamedTuple):
    """What is looked at instead of the work tree, and what else is asked."""

    staged: bool
    if_present: bool
    history: bool
    self_test: bool
    i_know: bool
    require_authentic: bool
    form: str | None
    out: str | None


def what(function: F) -> F:
    """Add what is looked at, and how it is printed."""
    return options.group(
        What,
        "what",
        {
            "staged": click.option("--staged", is_flag=True, help="Look at what git would commit: the index, not the work tree."),
            "if_present": click.option(
                "--if-present", is_flag=True, help="With --staged: an index without any record is in order (for hooks)."
            ),
            "history": click.option(
                "--history", is_flag=True, help="Look at every version in every commit: was anything ever committed open?"
            ),
            "self_test": click.option(
                "--self-test", is_flag=True, help="Plant unsealed records in a temporary copy; fail if the gate lets one through."
            ),
            "i_know": click.option(
                "--i-know", is_flag=True, help="Read keys that decrypt although a pull request from elsewhere is being built."
            ),
            "require_authentic": click.option(
                "--require-authentic",
                is_flag=True,
                envvar="SEALKIT_REQUIRE_AUTHENTIC",
                help="Let no two-part blob through, whatever the policy says; also $SEALKIT_REQUIRE_AUTHENTIC.",
            ),
            "form": click.option(
                "--format",
                "form",
                type=click.Choice(_FORMATS),
                help="What is printed: text (the default), or findings for a program.",
            ),
            "out": click.option(
                "-o",
                "out",
                metavar="FILE",
                help="Write what is printed on stdout to this file, which is never reached through a link.",
            ),
        },
    )(function)


@click.command()
@options.where
@options.fields
@options.ring
@what
@options.output
def check(
    where: Where,
    fields: tuple[str, ...],
    ring: options.Ring,
    what: What,
    output: Output,
) -> int:
    """Let nothing unsealed, broken or forged through: every record as the policy demands, or exit 1. No key is needed.

    Every record that a rule matches must read without a guess and hold a well-formed blob in each required field, of the format and
    binding that the policy demands; nothing may stand open in it, beside it, or in records that no rule matches. What cannot be looked at
    is a finding, and so is a rule that matches nothing, or a policy inside a tree that has one. IVs are compared over the whole tree. With
    --since, only what changed is looked at: nothing in it may be weaker than it was, no blob copied or brought back, and no policy may
    demand less.

    With --keys, tags are checked too: give a ring of verify-only keys (sealkit keys export --verify-only), and only where no stranger's
    code runs, for who has it can make tags.

    \b
    Example:
      sealkit check .
      sealkit check --staged .
      sealkit check --since origin/main --format github .
      sealkit check --history --format sarif -o sealkit.sarif .
    """
    _refuse(what, where)
    output = output._replace(json=output.json or what.form == "json")
    from sealkit.cli.reportfile import redirected

    with redirected(what.out):
        opener = _ring(ring, i_know=what.i_know, reads_stdin=where.is_stdin) if ring.is_given else None
        if what.self_test:
            from sealkit.cli.selftest import self_test as test_the_gate

            return test_the_gate(where, output)
        asked = Asked(fields or None, format=STRENGTH[-1] if what.require_authentic else STRENGTH[0])
        return Gate(where, asked, opener, what, output).look()


def _refuse(what: What, where: Where) -> None:
    if sum((what.staged, what.history, what.self_test, where.is_stdin)) > 1:
        raise Usage(
            problem="stdin, --staged, --history and --self-test are different things to look at", hint="ask for one of them"
        )
    if what.if_present and not what.staged:
        raise Usage(problem="--if-present is for the index", hint="give it with --staged, or leave it out")
    if where.since is not None and what.history:
        raise Usage(problem="--history is all that ever was, --since is what changed", hint="give one of them")
    if what.require_authentic and where.is_stdin and where.as_name is None:
        raise Usage(problem="--require-authentic is for the records of a tree", hint="say what stdin is: --as NAME")


def _ring(asked: options.Ring, *, i_know: bool, reads_stdin: bool) -> KeyRing:
    """Return the ring whose keys check tags. Who may change blobs must not learn what keys that decrypt make of them."""
    ring = options.load_ring(asked, reads_stdin=reads_stdin)
    if i_know or not _is_from_elsewhere() or all(key.is_verify_only for key in ring.openers):
        return ring
    raise Usage(
        problem="a pull request is being built, and this ring holds keys that decrypt",
        hint="give the build a ring of verify-only keys (sealkit keys export --verify-only); or say --i-know",
    )


def _is_from_elsewhere() -> bool:
    if os.environ.get("GITHUB_EVENT_NAME", "").startswith("pull_request"):
        return True
    source = os.environ.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID")
    return source is not None and source != os.environ.get("CI_PROJECT_ID")


class Gate:
    """One run of the gate."""

    def __init__(self, where: Where, asked: Asked, ring: KeyRing | None, what: What, output: Output) -> None:
        self._where = where
        self._what = what
        self._output = output
        more: dict[str, object] = {}
        if ring is not None:
            from sealkit.sealer import Sealer

            more["opener"] = Sealer(ring)
        if where.is_stdin:
            self.task = run.task(orders.CHECK, where, asked, **more)
            return
        from sealkit.trees.demanded import Reading

        self._repository: Repository | None = None
        policies = Reading(leniently=what.history)
        if what.staged or what.history:
            from sealkit.trees.versions import Repository

            self._repository = Repository(where.paths)
            if what.staged:
                policies = Reading(self._repository.staged_file, holds=self._repository.holds_policy)
        else:
            policies = _with_kept_out(where.paths)
        self.task = run.task(orders.CHECK, where, asked, policies=policies, **more)
        if self._demanded.has_policy():
            self._where = where._replace(hidden=True)
        self._left = Left()

    @property
    def _demanded(self) -> Demanded:
        from sealkit.trees.tasks import demanded_by

        return demanded_by(self.task)

    def look(self) -> int:
        """Look at everything, print what is wrong, and return the exit status."""
        printer = Printer(self._output, "check", self._what.form)
        maker = run.Maker(self._output, run.no_text)
        if self._where.is_stdin:
            return run.printed([maker([run.stdin(self.task, self._where)])], printer, self._where)
        from sealkit.trees.gate import Watch
        from sealkit.trees.ivs import Ivs
        from sealkit.trees.roots import is_folder

        whole = all(map(is_folder, self._where.paths)) and self._where.since is None and not self._what.history
        whole = whole and not (self._where.include or self._where.exclude)
        watch, ivs = Watch(self._demanded, whole=whole, left=self._left), Ivs(repeats=not self._what.history)
        for piece in self._pieces(watch, _WithIvs(maker)):
            ivs.add(piece.ivs)
            printer.add(piece)
        for outcome in self._afterwards(watch, ivs):
            printer.add(maker([Done(Found(outcome.path, ""), [outcome])]))
        for folder in self._demanded.passed_over():
            show.warning(
                f"{os.path.join(folder, POLICY)} is above the tree, and somebody else may have written it: it does not count"
            )
        return self._closed(printer)

    def _closed(self, printer: run.Printer) -> int:
        printer.progress.clear()
        printer.left = self._left
        if printer.report.exit_status:
            return printer.close()
        if self._where.since is None and not self._what.if_present:
            run.refuse_nothing(printer.report, self._where)
        elif self._where.since is not None and not printer.report.total:
            self._refuse_an_empty_tree()
            show.note(f"no record changed since {self._where.since}")
        return printer.close()

    def _refuse_an_empty_tree(self) -> None:
        from sealkit.trees import visitor
        from sealkit.trees.gate import Watch

        everything = run.walk(self._where._replace(since=None), is_record=is_any)
        watch = Watch(self._demanded, whole=False)
        files = visitor.files(watch.passing(everything), self._demanded)
        if not any(map(visitor.may_be_record, files)) and not watch.findings():
            run.refuse_nothing(Report(), self._where)

    def _pieces(self, watch: Watch, maker: _WithIvs) -> Iterator[Piece]:
        repository = self._repository
        if repository is None:
            mode = Mode(workers=self._output.workers, fail_fast=self._output.fail_fast)
            found = run.walk(self._where, is_record=is_any, left=self._left)
            pieces = batch.pieces(self.task, watch.passing(found), mode, maker, tells_absent=maker.tells_absent)
            return chain(pieces, self._sparse(watch, maker))
        return (maker([done]) for done in self._versions(watch, repository))

    def _sparse(self, watch: Watch, maker: Callable[[Sequence[Done]], Piece]) -> Iterator[Piece]:
        """Look at what git keeps out of the work tree (``skip-worktree``): it is in the index, and would be committed with the rest."""
        from sealkit.trees.versions import repositories

        try:
            found = [(one, list(one.sparse(self._commit(one)))) for one in repositories(self._where.paths)]
        except Usage:  # git refuses: that is a finding of what git tracks
            return
        for repository, versions in found:
            with repository.objects() if versions else nullcontext(_nothing) as read:
                yield from (maker([done]) for done in self._each(watch, repository, read, versions))

    def _commit(self, repository: Repository) -> str | None:
        """Return the commit that is compared with, if one is."""
        return repository.commit(self._where.since) if self._where.since is not None else None

    def _walk(self) -> Iterator[Found]:
        return run.walk(self._where, is_record=is_any)

    def _versions(self, watch: Watch, repository: Repository, *, again: bool = False) -> Iterator[Done]:
        """Do the task to what git holds; ``again``: for a second time, and what is in order says in which commit, too."""
        if self._what.history:
            repository.refuse_shallow()
        versions = repository.staged(is_any) if self._what.staged else repository.history(is_any)
        with repository.objects() as read:
            yield from self._each(watch, repository, read, versions, again=again)

    def _each(
        self,
        watch: Watch,
        repository: Repository,
        read: Callable[[str], bytes],
        versions: Iterable[Version],
        *,
        again: bool = False,
    ) -> Iterator[Done]:
        for version in versions:
            problem = self._link(version, repository, read) if version.is_link else version.problem
            if version.is_link and problem is None:
                self._left.add(LINKS)
                continue
            found = Found(version.path, repository.top, problem=problem)
            for one in watch.passing([found]):
                done = self._looked_at(one, read, version)
                if version.commit is not None:
                    done = _in_commit(done, version.commit, every=again)
                yield _to_stage(done) if self._what.staged else done

    def _link(self, version: Version, repository: Repository, read: Callable[[str], bytes]) -> StoreError | None:
        """Return what is wrong with a link in the index: one out of its tree where a record is expected."""
        root = self._demanded.root_above(version.path)

        def target_of(below: str) -> str | None:
            name = repository.link(os.path.join(root, below))
            return os.fsdecode(read(name)) if name is not None else None

        return Links(self._where.paths, self._demanded).staged(version.path, target_of)

    def _looked_at(self, found: Found, read: Callable[[str], bytes], version: Version) -> Done:
        try:
            if found.problem is not None:
                raise found.problem
            data = read(version.object)
        except SealkitError as error:
            return Done(found, [failure(found.path, error)])
        return Done(found, content.run(self.task, found.path, data, named=found.named).outcomes, data)

    def _afterwards(self, watch: Watch, ivs: Ivs) -> Iterator[Outcome]:
        """Yield what is wrong with the tree as a whole; what two of those who look find, once."""
        said: set[tuple[str, str | None, str | None]] = set()
        for outcome in self._of_the_whole(watch, ivs):
            mark = outcome.path, outcome.code, outcome.iv
            if outcome.code not in _FOUND_TWICE or mark not in said:
                yield outcome
            said.add(mark)

    def _of_the_whole(self, watch: Watch, ivs: Ivs) -> Iterator[Outcome]:
        yield from watch.findings()
        yield from _kept_by_git(self._where.paths)
        if not self._what.history:
            yield from self._submodules()
        if self._where.since is not None:
            yield from self._weakened(self._where.since)
        if ivs.suspects:
            yield from ivs.findings(self._again(), self._demanded)

    def _submodules(self) -> Iterator[Outcome]:
        """Yield the submodules that hide records of the policy; what git refuses is a finding of what git tracks."""
        from sealkit.trees import submodules
        from sealkit.trees.versions import repositories

        try:
            for one in repositories(self._where.paths):
                yield from submodules.findings(one, self._demanded, self._left, self._commit(one))
        except Usage:
            return

    def _weakened(self, revision: str) -> Iterator[Outcome]:
        from sealkit.cli.since import weakened
        from sealkit.trees.versions import Repository

        repository = self._repository if self._repository is not None else Repository(self._where.paths)
        return weakened(repository, revision, self._what.staged, self._demanded, self._walk)

    def _again(self) -> Iterable[Done]:
        from sealkit.trees.gate import Watch

        watch = Watch(self._demanded, whole=False)
        if self._repository is not None:
            return self._versions(watch, self._repository, again=True)
        return batch.each(self.task, watch.passing(self._walk()), Mode())


def _with_kept_out(paths: Sequence[str]) -> Reading:
    """Return how policies are read in a work tree: as they stand there and, where git keeps one out of it, from the index."""
    from sealkit.trees.demanded import Reading, read_policy
    from sealkit.trees.roots import holds_policy
    from sealkit.trees.versions import repositories

    try:
        kept = {path: one for one in repositories(paths) for path in one.policies_kept_out()}
    except Usage:  # git refuses: that is a finding of what git tracks
        kept = {}
    if not kept:
        return Reading()

    def read(path: str) -> bytes | None:
        return kept[path].staged_file(path) if path in kept else read_policy(path)

    return Reading(read, holds=lambda folder: os.path.join(folder, POLICY) in kept or holds_policy(folder))


def _kept_by_git(paths: Sequence[str]) -> Iterator[Outcome]:
    """Yield what git keeps in the clear, or is told to, and what it tracks of our own, in the repositories that the paths are in."""
    from sealkit.trees.roots import is_folder
    from sealkit.trees.worktree import enclosing

    trees = (enclosing(path if is_folder(path) else os.path.dirname(path)) for path in paths)
    tops = dict.fromkeys(tree.top for tree in trees if tree is not None)
    if not tops:  # what speaks to git takes long to import
        return
    from sealkit.git.install import examine_caches
    from sealkit.git.plumbing import Repository

    for top in tops:
        place = from_here(os.path.join(top, ".git"))
        bad = (one for one in examine_caches(Repository(top)) if not one.is_good)
        yield from (Outcome(place, FINDING, None, "plaintext_kept", message=f.text, hint=f.hint, exit_status=1) for f in bad)
        yield from _tracked(top)


def _tracked(top: str) -> Iterator[Outcome]:
    """Yield what a repository tracks of our own: what comes with a tree must not be taken for what we wrote here."""
    from sealkit.git.program import is_there
    from sealkit.trees.versions import Repository

    if not is_there():
        return
    repository = Repository([top])
    problem = "git tracks this, which sealkit makes for itself in one work tree: somebody may have written it to mislead"
    try:
        for name in repository.own_files():
            path = repository.shown(name)
            yield Outcome(
                path, FINDING, None, "own_file_tracked", message=problem, hint=f"git rm --cached -- {quoted(path)}", exit_status=1
            )
    except Usage as error:
        yield failure(repository.shown("."), StoreError(problem=f"what git tracks cannot be looked at: {error.problem}"))


def _nothing(name: str) -> bytes:
    return b""


def _in_commit(done: Done, commit: str, *, every: bool) -> Done:
    """Say of what is wrong in which commit it is, and of ``every`` other outcome, too. What was committed open no sealing takes back."""
    where = f"in commit {commit[:12]}"
    outcomes = [
        one._replace(message=f"{where}: {one.message}", hint=_COMMITTED_OPEN if one.code == Unsealed.code else one.hint)
        if one.exit_status
        else one._replace(message=where)
        if every
        else one
        for one in done.outcomes
    ]
    return done._replace(outcomes=outcomes)


def _to_stage(done: Done) -> Done:
    """Say of what is to be sealed that git has to be told of it."""
    outcomes = [
        one._replace(hint=f"{one.hint} && git add {quoted(one.path)}") if one.code == Unsealed.code and one.hint else one
        for one in done.outcomes
    ]
    return done._replace(outcomes=outcomes)


class _WithIvs:
    """Makes what is printed, and hands on the IVs of blobs that are in order, to be compared."""

    def __init__(self, maker: run.Maker) -> None:
        self._maker = maker
        self.tells_absent = maker.tells_absent

    def __call__(self, some: Sequence[Done]) -> Piece:
        ivs = [one.iv for done in some for one in done.outcomes if one.status == CHECKED and one.iv is not None]
        return self._maker(some)._replace(ivs=ivs)


class Printer(run.Printer):
    """Prints findings as text or JSON lines as they come, or all of them at the end in the format that was asked for."""

    def __init__(self, output: Output, what: str, form: str | None) -> None:
        super().__init__(output, what)
        self._form = None if form in (None, "text", "json") else form
        self._problems: list[Outcome] = []

    def add(self, piece: Piece) -> None:
        """Take one piece."""
        if self._form is not None:
            self._problems += map(Outcome._make, piece.problems)
            piece = piece._replace(problems=[], out=b"")
        super().add(piece)

    def close(self) -> int:
        """Print what is left, and return the exit status."""
        if self._form is not None:
            from sealkit.cli.findings import FORMATS

            show.raw(FORMATS[self._form](self._problems, self.report.counts.get(CHECKED, 0)))
        return super().close()
