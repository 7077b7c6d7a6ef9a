"""Three versions of a record file made into one: the text as git merges it, the payloads by themselves. Plaintext stays in memory.

Each blob is covered by a word that is the same in all three versions, so that git's merge of the text sees no change in it; then the
word makes place for the blob that was decided on, or for a field in conflict.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from sealkit import jobs
from sealkit.conflict import Conflict
from sealkit.errors import ProofFailed, SealkitError
from sealkit.git import threeway
from sealkit.git.payloads import NO_KEY, Decision, Merger, Trio, Version, without_keys
from sealkit.opaque import opaque
from sealkit.trees.fields import Content, Orders, Site, new_token

if TYPE_CHECKING:
    from sealkit.keys.ring import KeyRing

    Text = Callable[[bytes, bytes, bytes], tuple[bytes, bool]]
    """Merges three texts (base, ours, theirs) as git does: the result, and whether it is without conflicts."""


_OURS, _THEIRS = 1, 2
_CHANGED = "Changed"  # behind the word of a blob that one side changed where the other took the field away


class Merged(NamedTuple):
    """The merged content of a file, whether its text is without conflicts, what kept fields from being merged, and keys that changed."""

    data: bytes
    is_clean: bool
    problems: list[str]
    moves: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to be resolved."""
        return self.is_clean and not self.problems


class _Field(NamedTuple):
    """One field through the three versions (base, ours, theirs); None where a version lacks it."""

    token: str
    sites: tuple[Site | None, Site | None, Site | None]

    @property
    def base(self) -> Site | None:
        """The field in the base."""
        return self.sites[0]

    @property
    def ours(self) -> Site | None:
        """The field on our side."""
        return self.sites[1]

    @property
    def theirs(self) -> Site | None:
        """The field on their side."""
        return self.sites[2]

    def having(self, which: int, site: Site) -> _Field:
        """Return the field with what it is in one of the versions."""
        sites = list(self.sites)
        sites[which] = site
        return _Field(self.token, (sites[0], sites[1], sites[2]))


@opaque
def merge(base: bytes, ours: bytes, theirs: bytes, orders: Orders, text: Text, ring: KeyRing | None = None) -> Merged:
    """Merge three versions of one file; without a ring, blobs that both sides changed are in conflict.

    A version that cannot be read without a guess is merged as text, its blobs too.
    """
    if ours == theirs or theirs == base:
        return Merged(ours, is_clean=True, problems=[])
    if ours == base:
        return Merged(theirs, is_clean=True, problems=[])
    try:
        return _Merge(base, ours, theirs, orders, ring).run(text)
    except SealkitError as error:
        merged, is_clean = text(base, ours, theirs)
        return Merged(merged, is_clean, [] if is_clean else [f"merged as text: {error.problem}"])


class _Merge:
    """One merge: the three versions, and the fields through them."""

    def __init__(self, base: bytes, ours: bytes, theirs: bytes, orders: Orders, ring: KeyRing | None) -> None:
        self.orders = orders
        self.ring = ring
        self.base, self.ours, self.theirs = (Content(data, orders) for data in (base, ours, theirs))
        self.fields = self._fields()

    def __repr__(self) -> str:
        return f"<merge of {len(self.fields)} fields>"

    def run(self, text: Text) -> Merged:
        """Merge the text, decide on each blob, and put the two together. Raises ``ProofFailed``."""
        covers = [self._covered(content, which) for which, content in enumerate((self.base, self.ours, self.theirs))]
        data, is_clean = _merge_text(covers, text)
        frame = self._frame(data, is_clean)
        places = _marked(frame) if frame is not None else {}
        problems = [] if frame is not None or not is_clean else ["the merged text does not read as a record"]
        texts: dict[str, str] = {}
        moves = []
        for field in self.fields:
            trio = self._trio(field)
            if trio is None:
                texts |= _of_one_side(field)
                continue
            decision = self._decision(field, trio, frame, places.get(field.token))
            if decision.text is None:
                problems.append(decision.reason)
            moves += [decision.move] if decision.move is not None else []
            texts[field.token] = decision.text if decision.text is not None else str(_conflict(trio))
        for token in sorted(texts, key=len, reverse=True):
            data = data.replace(token.encode(), texts[token].encode())
        if frame is not None:
            self._prove(data, {place: texts[mark] for mark, place in places.items() if mark in texts})
        return Merged(data, is_clean, problems, tuple(moves))

    def _fields(self) -> list[_Field]:
        """Pair the blobs of the versions: what is the same blob, or stands in the same place, is the same field.

        The same place is the same path; where that counts items or lines, it is a line that stayed, but for its blob.
        """
        fields = [_Field(new_token(), (site, None, None)) for site in self.base.sites]
        new: dict[tuple[int, str], _Field] = {}
        for which, content in ((_OURS, self.ours), (_THEIRS, self.theirs)):
            left = _paired(fields, content.sites, which, lambda site: site.text, lambda site: site.text)
            places, lines = _places(self.base), _places(content, _stayed(self.base, content))
            for site in _paired(fields, left, which, places, lines):
                known = new.get((site.record, site.field), _Field(new_token(), (None, None, None)))
                new[site.record, site.field] = known.having(which, site)
        return fields + list(new.values())

    def _covered(self, content: Content, which: int) -> bytes:
        marks = {}
        for field in self.fields:
            site = field.sites[which]
            if site is not None:
                marks[site.record, site.field] = field.token + (_CHANGED if _goes_with_a_change(field, site) else "")
        return content.covered(marks)

    def _frame(self, data: bytes, is_clean: bool) -> Content | None:
        """Return the merged text as records, with words in the place of blobs; None where it has conflicts or does not read."""
        try:
            return Content(data, self.orders) if is_clean else None
        except SealkitError:
            return None

    def _decision(self, field: _Field, trio: Trio, frame: Content | None, at: tuple[int, str] | None) -> Decision:
        decision = without_keys(trio)
        if decision is not NO_KEY or self.ring is None or field.ours is None:
            return decision
        order = field.ours.order
        record, path = self.ours.records[field.ours.record], field.ours.field
        if frame is not None and at is not None:
            record, path = frame.records[at[0]], at[1]
        return Merger(order, self.ring).decide(trio, self.orders.place(record, path, order))

    def _trio(self, field: _Field) -> Trio | None:
        if field.ours is None or field.theirs is None:
            return None
        base = None if field.base is None else Version(field.base.found, self.base.place(field.base))
        return Trio(
            base,
            Version(field.ours.found, self.ours.place(field.ours)),
            Version(field.theirs.found, self.theirs.place(field.theirs)),
        )

    def _prove(self, data: bytes, intended: dict[tuple[int, str], str]) -> None:
        """Raise ``ProofFailed`` unless the fields of the merged file hold what was decided on."""
        merged = Content(data, self.orders)
        for (number, path), text in intended.items():
            found = merged.records[number].blob_text(path)
            if found is None or found[0] != text:
                raise ProofFailed(problem="the merged record does not read as intended", field=path)
            if Conflict.parse(text) is None:
                jobs.find(merged.records[number], path)


def _merge_text(covers: list[bytes], text: Text) -> tuple[bytes, bool]:
    base, ours, theirs = covers
    if ours == theirs or theirs == base:
        return ours, True
    return (theirs, True) if ours == base else text(base, ours, theirs)


Key = Callable[[Site], object]


def _paired(fields: list[_Field], sites: list[Site], which: int, key_of_base: Key, key: Key) -> list[Site]:
    """Give each field of the base the site of a side with the same key, if it is the only one; return the sites that are left."""
    alike: dict[object, list[Site]] = {}
    for site in sites:
        alike.setdefault(key(site), []).append(site)
    taken = set()
    for number, field in enumerate(fields):
        if field.base is None or field.sites[which] is not None:
            continue
        found = alike.get(key_of_base(field.base), [])
        if len(found) == 1 and id(found[0]) not in taken:
            taken.add(id(found[0]))
            fields[number] = field.having(which, found[0])
    return [site for site in sites if id(site) not in taken]


def _places(content: Content, lines: dict[int, int] | None = None) -> Key:
    """Return what says where a site is: its path, or, where that counts, its line, as ``lines`` translates it."""
    are_lines = len(content.records) > 1

    def place(site: Site) -> object:
        if not are_lines and "[" not in site.field:
            return site.field
        line = site.found.line if lines is None else lines.get(site.found.line)
        return (line, site.field.rpartition("]")[2]) if line is not None else site

    return place


def _stayed(base: Content, side: Content) -> dict[int, int]:
    """Return the lines (from 1) of a side that were there in the base, but for their blobs, and which they were."""
    found = threeway.matches(_bare_lines(base), _bare_lines(side))
    return {there + step + 1: here + step + 1 for here, there, size in found for step in range(size)}


def _bare_lines(content: Content) -> list[bytes]:
    lines = content.data.split(b"\n")
    for site in content.sites:
        lines[site.found.line - 1] = lines[site.found.line - 1].replace(site.text.encode(), b"")
    return lines


def _goes_with_a_change(field: _Field, site: Site) -> bool:
    """Say whether one side took a field away and this is the other's, with another blob: the text's merge must not pass over that."""
    return field.base is not None and (field.ours is None or field.theirs is None) and site.text != field.base.text


def _of_one_side(field: _Field) -> dict[str, str]:
    """Return what the words stand for of a field that a side lacks."""
    here = field.ours if field.ours is not None else field.theirs
    was = field.base if field.base is not None else here
    texts = {field.token: was.text} if was is not None else {}
    return texts | ({field.token + _CHANGED: here.text} if here is not None else {})


def _marked(frame: Content) -> dict[str, tuple[int, str]]:
    """Return where the words stand in the merged text: the number of the record, and the field."""
    found = {}
    for number, path, _ in frame.fields():
        try:
            text = frame.records[number].blob_text(path)
        except SealkitError:
            continue
        if text is not None:
            found[text[0]] = (number, path)
    return found


def _conflict(trio: Trio) -> Conflict:
    base = trio.base.found.blob if trio.base is not None else None
    return Conflict(trio.ours.found.blob, base, trio.theirs.found.blob)
