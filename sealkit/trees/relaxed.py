"""In what respects the policies of a tree demand less than they did: found in the rules themselves, whatever records there are. Pure."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from sealkit import coverage
from sealkit.coverage import Globbed
from sealkit.keys.key import STRENGTH
from sealkit.policy import LAXEST_FIRST, Policies, as_globbed
from sealkit.records import fieldpath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sealkit.demands import FieldRule
    from sealkit.policy import Policy, Rule

    Tree = Mapping[str, Policy]
    """The policies of a work tree, by the path of the folder each stands in, below the top (``""``, ``a/b``)."""


class Relaxed(NamedTuple):
    """A respect in which less is demanded: of the policy in which folder, what, and a path of which it is so."""

    folder: str
    reason: str
    example: str | None = None


class _Respect(NamedTuple):
    """One thing that may be demanded of a field: whether it was, whether another rule demands it as much, and the words if none does."""

    is_demanded: Callable[[FieldRule], bool]
    is_met: Callable[[FieldRule, FieldRule], bool]
    words: Callable[[FieldRule, FieldRule], str]


def _binds_as_much(then: FieldRule, now: FieldRule) -> bool:
    if isinstance(then.bind, tuple) and isinstance(now.bind, tuple):
        return set(then.bind) <= set(now.bind)
    return then.bind == now.bind


def _bind_words(then: FieldRule, now: FieldRule) -> str:
    if now.bind is None:
        return "is not bound any more"
    if isinstance(then.bind, tuple) and isinstance(now.bind, tuple) and set(now.bind) < set(then.bind):
        return "is bound to fewer fields"
    return f"is not bound to {_bound(then)} any more, but to {_bound(now)}"


def _bound(field: FieldRule) -> str:
    return ", ".join(field.bind) if isinstance(field.bind, tuple) else f"the {field.bind}"


_RESPECTS = (
    _Respect(lambda then: then.required, lambda then, now: now.required, lambda then, now: "is not required any more"),
    _Respect(
        lambda then: then.format != STRENGTH[0],
        lambda then, now: then.is_met_by(now.format),
        lambda then, now: f"need not be {then.format} any more, but {now.format}",
    ),
    _Respect(
        lambda then: then.payload != LAXEST_FIRST[0],
        lambda then, now: LAXEST_FIRST.index(now.payload) >= LAXEST_FIRST.index(then.payload),
        lambda then, now: f"need not hold {then.payload} any more, but {now.payload}",
    ),
    _Respect(lambda then: then.bind is not None, _binds_as_much, _bind_words),
    _Respect(
        lambda then: bool(then.keys),
        lambda then, now: bool(now.keys),
        lambda then, now: "may be sealed by any key, not by those named",
    ),
    _Respect(
        lambda then: then.everywhere, lambda then, now: now.everywhere, lambda then, now: "is not looked for everywhere any more"
    ),
    _Respect(
        lambda then: then.kind is not None,
        lambda then, now: now.kind == then.kind,
        lambda then, now: f"is not looked for in files that are {then.kind} any more",
    ),
)


def relaxed(then: Tree, now: Tree, within: Iterable[str] = (), names: Iterable[str] = ()) -> Iterator[Relaxed]:
    """Yield in what respects the policies of ``now`` demand less than those of ``then``.

    ``within``: the paths below the top that count, all if there are none. ``names``: paths of files, from which examples are taken first.
    """
    yield from _moved_roots(then, now)
    search = _Search(now, tuple(within), tuple(names))
    for folder, policy in then.items():
        if folder in now and now[folder].rules == policy.rules:
            continue
        for rule in policy.rules:
            for field in rule.fields:
                yield from search.less(folder, rule, field)


def root_of(tree: Iterable[str], folder: str) -> str | None:
    """Return the folder of the outermost policy on the way to a folder, None if there is none."""
    on_the_way = [one for one in tree if not one or folder == one or folder.startswith(one + "/")]
    return min(on_the_way, key=len, default=None)


def _moved_roots(then: Tree, now: Tree) -> Iterator[Relaxed]:
    """Yield where paths that blobs are bound to count from another folder than they did."""
    moved = {(root_of(then, folder), root_of(now, folder)) for folder in (*then, *now)}
    for before, after in sorted((one, other) for one, other in moved if one is not None and other is not None and one != other):
        yield Relaxed(
            after, f"the root of the tree, from which bound paths count, was {before or 'the top'} and is {after or 'the top'} now"
        )


class _Search:
    """Looks for paths of which less is demanded than was."""

    def __init__(self, now: Tree, within: tuple[str, ...], names: tuple[str, ...]) -> None:
        self._now = [(folder, rule, field) for folder, policy in now.items() for rule in policy.rules for field in rule.fields]
        self._tree = now
        self._within = [] if "." in within else [Globbed((coverage.literal(_encoded(path)),)) for path in within]
        self._names = names
        self._budget = coverage.Budget()

    def less(self, folder: str, rule: Rule, field: FieldRule) -> Iterator[Relaxed]:
        """Yield in what respects less is demanded of one field than a rule in a folder did."""
        of = as_globbed(rule, folder)
        still = [as_globbed(other, place) for place, other, _ in self._there(field)]
        example = self._left_out(of, still, [])
        if example is not None:
            yield _said(folder, field, "is not demanded any more", example)
        for respect in _RESPECTS:
            if not still or not respect.is_demanded(field):
                continue
            by = [as_globbed(other, place) for place, other, one in self._there(field) if respect.is_met(field, one)]
            example = self._left_out(of, by, still) if len(by) < len(still) else None
            if example is not None:
                yield _said(folder, field, respect.words(field, self._demanded(field, example)), example)

    def _there(self, field: FieldRule) -> Iterator[tuple[str, Rule, FieldRule]]:
        return ((folder, rule, one) for folder, rule, one in self._now if _names_all_of(one.path, field.path))

    def _left_out(self, of: Globbed, by: list[Globbed], still: list[Globbed]) -> str | None:
        """Return a path, the first known one if there is any; an empty one where it cannot be told."""
        if any(
            set(of.include) <= set(one.include) and set(one.exclude) <= set(of.exclude) and of.folder == one.folder for one in by
        ):
            return None
        known = (name for name in self._names if coverage.is_left_out(_encoded(name), of, by, still, self._within))
        example = next(known, None)
        if example is not None:
            return example
        found = coverage.left_out(of, by, still, self._within, budget=self._budget)
        return found.decode("utf-8", "surrogateescape") if found is not None else None

    def _demanded(self, field: FieldRule, example: str) -> FieldRule:
        """Return what is demanded now of the field in a file; of one that is not known, the least that is demanded anywhere."""
        there = list(self._there(field))
        if example:
            levels = (
                (folder + "/" if folder else "", policy)
                for folder, policy in self._tree.items()
                if not folder or example.startswith(folder + "/")
            )
            rule = Policies(levels).rule(example, writes=False)
            found = next((one for one in rule.fields if _names_all_of(one.path, field.path)), None) if rule is not None else None
            if found is not None:
                return found
        return there[0][2]


def _said(folder: str, field: FieldRule, words: str, example: str) -> Relaxed:
    if example:
        return Relaxed(folder, f"field {field.path} {words}", example)
    return Relaxed(folder, f"the globs changed so much that it cannot be told whether field {field.path} {words}")


def _encoded(path: str) -> bytes:
    """Return a path as rules compare it."""
    return unicodedata.normalize("NFC", path).encode("utf-8", "surrogateescape")


def _names_all_of(pattern: str, other: str) -> bool:
    """Say whether a field path names all the fields that another one does."""
    mine, theirs = fieldpath.parse(pattern), fieldpath.parse(other)
    if len(mine) != len(theirs):
        return False
    return all(one == two or (one is fieldpath.EVERY and not isinstance(two, str)) for one, two in zip(mine, theirs, strict=True))
