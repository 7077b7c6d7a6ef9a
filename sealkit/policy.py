"""Which fields of which records must be sealed, and how: the policy of a tree.

A policy is the file ``sealkit.yaml`` in the root of a tree. It travels with the tree, so it is untrusted: it can only demand more than the
key ring does, never less. Every rule that matches a record counts; a rule can add demands, and none can take one away.
"""

from __future__ import annotations

import os
import unicodedata
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from sealkit import config
from sealkit.coverage import Globbed, left_out, literal
from sealkit.demands import FieldRule, Rule, check_together, kind_among
from sealkit.errors import ConfigError, Usage
from sealkit.globs import Globs
from sealkit.keys.key import STRENGTH
from sealkit.opaque import opaque
from sealkit.policyfile import parse, write

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DEFAULT", "NAME", "FieldRule", "Policies", "Policy", "Rule", "as_globbed", "strictest", "write"]

NAME: Final = "sealkit.yaml"
"""The name of a policy, in the root of its tree."""

DEFAULT: Final = Rule(("**",), (), (FieldRule(required=False),))
"""The one rule where there is no policy: the field ``secured``, if a record has it, as text, in any format, bound to nothing."""

LAXEST_FIRST: Final = ("binary", "text", "json")
"""The kinds of payload, from the one that allows anything to the strictest."""

ROOT_ONLY: Final = "*/**"
"""The ``exclude`` glob by which a rule says that it speaks of files in the root only: it spares nothing, as other globs do."""

_MAX_KNOWN = 1024
_ODD_ENDS = ("", ".", "/")


class Verdict(NamedTuple):
    """The numbers of the rules that match a path, and of those whose ``exclude`` globs leave it out though their ``include`` globs cover it."""

    matching: frozenset[int]
    left_out: frozenset[int]


_NO_RULE: Final = Verdict(frozenset(), frozenset())


class Policy:
    """The rules of a tree; without any given, the ``DEFAULT`` rule.

    Raises ``ConfigError`` where two rules contradict each other on every record that one of them matches.
    """

    __slots__ = ("_asked", "_data", "_known", "_matchers", "rules")

    rules: tuple[Rule, ...]

    @opaque
    def __init__(self, rules: Iterable[Rule] = (DEFAULT,)) -> None:
        self.rules = tuple(rules)
        self._data = b""
        self._matchers: list[_Matcher] | None = None
        self._known: dict[frozenset[int], Rule] = {}
        self._asked: tuple[str | bytes | None, Verdict] = None, _NO_RULE
        for number, rule in enumerate(self.rules):
            for before in self.rules[:number]:
                if _meet_surely(before, rule):
                    _merged((before, rule))

    @classmethod
    @opaque
    def parse(cls, data: bytes) -> Self:
        """Return the policy that a ``sealkit.yaml`` of at most 32 KiB says.

        Nothing is opened and nothing run. Raises ``ConfigError`` with the line, its text and, where it is known, the place in it.
        """
        rules = parse(data)
        try:
            policy = cls(rules)
        except ConfigError as error:
            failure = config.with_caret(error, data)
        else:
            policy._data = data
            return policy
        raise failure

    def __repr__(self) -> str:
        return f"<Policy {len(self.rules)} rules>"

    @opaque
    def rule(self, path: str | bytes) -> Rule | None:
        """Return what is demanded of the record file with this path below the tree's root, None if nothing is.

        The path is ``/``-separated; its bytes, and the globs, are compared in NFC. Where several rules match, the one that is returned
        has the fields of all, in the order of the policy. Raises ``ConfigError`` where they contradict each other, and ``Usage`` for
        a path that does not lead down from the root.
        """
        matching = self.verdict(path).matching
        if not matching:
            return None
        if matching not in self._known:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[matching] = self._together(tuple(sorted(matching)))
        return self._known[matching]

    @opaque
    def matching(self, path: str | bytes) -> frozenset[int]:
        """Return the numbers of the rules, from 0, that the path of a file matches. Raises ``Usage`` as ``rule``."""
        return self.verdict(path).matching

    @opaque
    def reaches(self, path: str | bytes, *, leads_on: bool, is_folder: bool = False) -> bool:
        """Say whether a rule matches a path, unless it ``is a folder``, or may match one below it where it may ``lead on`` to one."""
        below = _below_root(path)
        matchers = self._matched()
        return any((not is_folder and one.covers(below)) or (leads_on and one.reaches(below)) for one in matchers)

    def verdict(self, path: str | bytes) -> Verdict:
        """Return which rules match a path, and which leave it out: asked of the same path again, at once. Raises ``Usage`` as ``rule``."""
        if path == self._asked[0]:
            return self._asked[1]
        below = _below_root(path)
        covered = [(number, matcher) for number, matcher in enumerate(self._matched()) if matcher.includes(below)]
        verdict = _NO_RULE
        if covered:
            verdict = Verdict(
                frozenset([number for number, matcher in covered if not matcher.excludes(below)]),
                frozenset([number for number, matcher in covered if matcher.leaves_out(below)]),
            )
        self._asked = path, verdict
        return verdict

    def _matched(self) -> list[_Matcher]:
        if self._matchers is None:
            self._matchers = [_Matcher(rule) for rule in self.rules]
        return self._matchers

    def _together(self, matching: tuple[int, ...]) -> Rule:
        try:
            return _merged(tuple(self.rules[number] for number in matching))
        except ConfigError as error:
            failure = config.with_caret(error, self._data) if self._data else error
        raise failure


class Policies:
    """All policies on the way from the root of a tree down to a folder, outermost first: each speaks of what is below its own folder.

    ``levels`` has the way from the root to that folder (``""`` or ``a/b/``) with each policy. Every rule of every one counts: one that
    stands further in, or further out, adds demands and takes none away.
    """

    __slots__ = ("_elsewhere", "_known", "levels")

    def __init__(self, levels: Iterable[tuple[str, Policy]]) -> None:
        self.levels = tuple(levels)
        self._known: dict[tuple[bool, tuple[Rule, ...]], Rule] = {}
        self._elsewhere: dict[tuple[frozenset[int], ...], tuple[str, ...]] = {}

    def __repr__(self) -> str:
        return f"<Policies {len(self.levels)}>"

    @opaque
    def rule(self, path: str, *, writes: bool) -> Rule | None:
        """Return what is demanded of the file with this path below the tree's root, None if nothing is.

        Where two policies contradict each other, ``ConfigError`` is raised for whoever ``writes``; who only reads meets the stricter
        demand of the two, or both.
        """
        rules = tuple(rule for prefix, policy in self.levels if (rule := policy.rule(path[len(prefix) :])) is not None)
        if len(rules) < 2:
            return rules[0] if rules else None
        if (writes, rules) not in self._known:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[writes, rules] = _merged(rules) if writes else _strictly(rules)
        return self._known[writes, rules]

    @opaque
    def elsewhere(self, path: str) -> tuple[str, ...]:
        """Return the fields that are looked for in a file whatever rules match it: ``secured``, and those whose rule says everywhere.

        Not where the rule that names the field leaves the file out.
        """
        left_out = tuple([policy.verdict(path[len(prefix) :]).left_out for prefix, policy in self.levels])
        if left_out not in self._elsewhere:
            if len(self._elsewhere) >= _MAX_KNOWN:
                self._elsewhere.clear()
            self._elsewhere[left_out] = self._unless_left_out(left_out)
        return self._elsewhere[left_out]

    def _unless_left_out(self, by: tuple[frozenset[int], ...]) -> tuple[str, ...]:
        """Return the fields that are looked for everywhere, but for those that are left out ``by`` these rules of each policy."""
        default = FieldRule().path
        looked_for, left_out = [default], set()
        for (_, policy), out in zip(self.levels, by, strict=True):
            for number, rule in enumerate(policy.rules):
                if number in out:
                    left_out |= {field.path for field in rule.fields}
                else:
                    looked_for += [field.path for field in rule.fields if field.everywhere]
        if default in left_out and default not in looked_for[1:]:
            del looked_for[0]
        return tuple(dict.fromkeys(looked_for))

    @opaque
    def reach(self, path: str, *, leads_on: bool, is_folder: bool = False) -> bool:
        """Say whether a rule matches a path, unless it ``is a folder``, or may match one below it where it may ``lead on`` to one."""
        return any(policy.reaches(path[len(prefix) :], leads_on=leads_on, is_folder=is_folder) for prefix, policy in self.levels)


def as_globbed(rule: Rule, folder: str = "") -> Globbed:
    """Return the paths that a rule matches, of a policy in a folder below the top from which they count."""
    return Globbed(tuple(map(_bare, rule.include)), tuple(map(_bare, rule.exclude)), _normal(folder))


def _bare(glob: str) -> bytes:
    return _normal(glob).rstrip(b"/")


class _Matcher:
    """The globs of one rule, compiled."""

    __slots__ = ("_exclude", "_excluded", "_include", "_spared")

    def __init__(self, rule: Rule) -> None:
        self._excluded = Globbed(tuple(map(_bare, rule.exclude)), (), b"")
        self._include = Globs(map(_normal, rule.include))
        self._exclude = Globs(map(_normal, rule.exclude)) if rule.exclude else None
        spared = [glob for glob in rule.exclude if glob != ROOT_ONLY]
        self._spared = Globs(map(_normal, spared)) if spared else None

    def covers(self, path: bytes) -> bool:
        """Say whether a path is among the records of the rule."""
        return self.includes(path) and not self.excludes(path)

    def includes(self, path: bytes) -> bool:
        """Say whether the ``include`` globs of the rule cover a path."""
        return self._include.covers(path)

    def excludes(self, path: bytes) -> bool:
        """Say whether the ``exclude`` globs of the rule cover a path."""
        return self._exclude is not None and self._exclude.covers(path)

    def reaches(self, path: bytes) -> bool:
        """Say whether a path below this one may be among the records of the rule."""
        if not self._include.reaches(path) or self._exclude is None:
            return self._include.reaches(path)
        return left_out(Globbed((literal(path) + b"/*",), (), b""), [self._excluded]) is not None

    def leaves_out(self, path: bytes) -> bool:
        """Say whether a path that is included is left out; not if that only keeps to the root."""
        return self._spared is not None and self._spared.covers(path)


def _normal(text: str) -> bytes:
    """Return the bytes of a path or a glob in NFC, those that are no UTF-8 as they are."""
    if text.isascii():
        return text.encode()
    try:
        return unicodedata.normalize("NFC", text).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        pass
    raise Usage(problem="a path with half a surrogate pair in it, which no file can have", hint="decode paths with os.fsdecode")


def _below_root(path: str | bytes) -> bytes:
    text = path.decode("utf-8", "surrogateescape") if isinstance(path, bytes) else os.fspath(path)
    may_be_odd = "\0" in text or "/." in text or "//" in text or text[:1] in _ODD_ENDS or text[-1:] == "/"
    if may_be_odd and ("\0" in text or not {"", ".", ".."}.isdisjoint(text.split("/"))):
        raise Usage(problem=f"{text!r} is not a path below the root of a tree", hint="write it from the root on, as in posts/a.md")
    return _normal(text)


def _merged(rules: tuple[Rule, ...]) -> Rule:
    """Return one rule with the fields of several, each once. Raises ``ConfigError`` where they contradict each other."""
    if len(rules) == 1:
        return rules[0]
    fields = [field for rule in rules for field in rule.fields]
    check_together(fields)
    kind = kind_among(fields)
    once = tuple(
        field._replace(kind=kind) for number, field in enumerate(fields) if not any(map(field.demands_as, fields[:number]))
    )
    include = tuple(dict.fromkeys(glob for rule in rules for glob in rule.include))
    exclude = tuple(dict.fromkeys(glob for rule in rules for glob in rule.exclude))
    return Rule(include, exclude, once, rules[0].line)


def _strictly(rules: tuple[Rule, ...]) -> Rule:
    """Return one rule that demands at least what each of several does, though they may contradict each other."""
    fields = strictest(field for rule in rules for field in rule.fields)
    include = tuple(dict.fromkeys(glob for rule in rules for glob in rule.include))
    return Rule(include, (), fields, rules[0].line)


@opaque
def strictest(fields: Iterable[FieldRule]) -> tuple[FieldRule, ...]:
    """Return demands with those of the same field made one that is as strict as each of them.

    Two bindings cannot both be met, nor two lists of keys that have none in common: of those both demands stay, and one of them fails.
    """
    made: list[FieldRule] = []
    for field in fields:
        for number, other in enumerate(made):
            both = _both(other, field) if other.path == field.path else None
            if both is not None:
                made[number] = both
                break
        else:
            made.append(field)
    return tuple(made)


def _both(one: FieldRule, other: FieldRule) -> FieldRule | None:
    """Return the demand that is met by what meets two on the same field, None where nothing can."""
    if one.bind is not None and other.bind is not None and one.bind != other.bind:
        return None
    keys = tuple(key for key in one.keys if key in other.keys) if one.keys and other.keys else one.keys or other.keys
    if not keys and (one.keys or other.keys):
        return None
    return FieldRule(
        one.path,
        one.required or other.required,
        max(one.payload, other.payload, key=LAXEST_FIRST.index),
        max(one.format, other.format, key=STRENGTH.index),
        one.bind if one.bind is not None else other.bind,
        keys,
        one.line,
        one.everywhere or other.everywhere,
        one.kind if one.kind is not None else other.kind,
    )


def _meet_surely(one: Rule, other: Rule) -> bool:
    """Say whether two rules match the same records in part, as far as their globs show it at sight."""
    for wide, narrow in ((one, other), (other, one)):
        if "**" in wide.include and not wide.exclude:
            return True
        if set(wide.include) & set(narrow.include) and set(wide.exclude) <= set(narrow.exclude):
            return True
    return False
