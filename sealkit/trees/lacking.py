"""Files that surely have none of a task's fields, told of many in one look: nothing is done for them but to read and count them.

Most files of most trees are such. What a look at each of them costs, one after the other, is a multiple of reading it; so the bytes of all
that were read together, and of which the very same is demanded, are joined and asked once (``Spelling.could_any``). "No" is certain for each
of them; where it is "yes", parts of them are asked, and files that are left over go the way of all records. ``content.run`` says the same
of each file, and tests compare both.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sealkit.errors import OverLimit, SealkitError
from sealkit.records import frontmatter, visit
from sealkit.records.kinds import POLICY, is_record_name
from sealkit.records.spelling import JOINT
from sealkit.report import counted
from sealkit.trees import orders
from sealkit.trees.result import absent
from sealkit.trees.store import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sealkit.trees.batch import Piece
    from sealkit.trees.found import Found
    from sealkit.trees.orders import Sought, Task
    from sealkit.trees.store import Store

    Read = tuple[Found, Snapshot | SealkitError]
    _Given = tuple[int, str, bytes]  # the number of a file among those that were read, its path, what it holds

_TOGETHER: Final = 48
_BYTES: Final = 256 << 10
"""How many files, and bytes of them, are read before they are looked at: memory for more is had from the system anew each time."""

_SMALL: Final = 32 << 10
"""Files that are read whatever they begin with."""

_PART = 16
"""How many files are asked together where all were not in vain."""

_PAUSE = 8
"""How many times files are not asked together after most parts of some were asked in vain: where records are, there are more."""

_FEWEST = 4
_COUNTED: Final = counted(absent("", ""))
_MAYBE_FRONT_MATTER = (b"---", frontmatter.BOM)


class Lacking:
    """Takes files that lack the fields of a task out of those that were read, and counts them: ``files``, and in them ``fields``."""

    __slots__ = ("_is_gate", "_pause", "_task", "fields", "files")

    def __init__(self, task: Task) -> None:
        self._task = task
        self._is_gate = task.verb == orders.CHECK
        self._pause = 0
        self.files = self.fields = 0

    def added_to(self, piece: Piece) -> Piece:
        """Return a piece with the counts of the files that were taken out since this was asked last."""
        if self.fields:
            piece.counts[_COUNTED] = piece.counts.get(_COUNTED, 0) + self.fields
        files, self.files, self.fields = self.files, 0, 0
        return piece._replace(files=piece.files + files)

    def ahead(self, found: Iterable[Found], store: Store, read: Callable[[Found], Snapshot | SealkitError]) -> Iterator[Read]:
        """Read files, some before any of them is looked at, and yield all but those that are taken out; ``read`` reads what is not small."""
        group: list[Read] = []
        size = 0
        for one in found:
            path, root, named, problem = one
            snapshot: Snapshot | SealkitError
            try:
                snapshot = store.read(path, root, limit=_SMALL) if problem is None and not named else read(one)
            except OverLimit:
                snapshot = read(one)
            except SealkitError as error:
                snapshot = error
            group.append((one, snapshot))
            if isinstance(snapshot, Snapshot):
                size += len(snapshot.data)
            if len(group) == _TOGETHER or size > _BYTES:
                yield from self.sift(group)
                group, size = [], 0
        yield from self.sift(group)

    def sift(self, read: list[Read]) -> list[Read]:
        """Return those of some files that were read that may have one of the fields, or of which something is to be said by name."""
        if self._pause or isinstance(self._task.payload, bytes):
            self._pause = max(0, self._pause - 1)
            return read
        taken: set[int] = set()
        for sought, *groups in self._alike(read):
            for group in groups:
                self._take(sought, group, taken)
        if not taken:
            return read
        return [one for number, one in enumerate(read) if number not in taken]

    def _alike(self, read: list[Read]) -> Iterable[tuple[Sought, list[_Given], list[_Given]]]:
        """Put files together of which the very same is demanded, those with backslashes apart; some are left out of which more is said."""
        groups: dict[int, tuple[Sought, list[_Given], list[_Given]]] = {}
        folder, alike = "", None
        for number, ((path, _, named, _), snapshot) in enumerate(read):
            if named or not isinstance(snapshot, Snapshot):
                continue
            try:
                if not number or path[: path.rfind("/") + 1] != folder:
                    folder, alike = path[: path.rfind("/") + 1], self._task.sought_by_all(path)
                sought = alike or self._task.sought(path)
            except SealkitError:  # said where the file is looked at by itself
                folder = "\0"
                continue
            group = groups.get(id(sought))
            if group is None:
                if self._is_gate and sought.is_required:
                    continue
                groups[id(sought)] = group = sought, [], []
            data = snapshot.data
            _, plain, escaped = group
            (escaped if b"\\" in data else plain).append((number, path, data))
        return groups.values()

    def _take(self, sought: Sought, some: list[_Given], taken: set[int]) -> None:
        """Take out of some files those that are told together to lack what is sought."""
        if len(some) < _FEWEST:
            return
        if all(self._may_have(sought, [one]) for one in (some[0], some[len(some) // 2], some[-1])):  # as where records are
            self._pause = _PAUSE
            return
        if not self._may_have(sought, some):
            self._count(sought, some, taken)
            return
        parts = [some[start : start + _PART] for start in range(0, len(some), _PART)]
        left = [part for part in parts if self._may_have(sought, part)]
        for part in parts:
            if part not in left:
                self._count(sought, part, taken)
        if 2 * len(left) > len(parts):
            self._pause = _PAUSE

    def _may_have(self, sought: Sought, some: list[_Given]) -> bool:
        """Say whether one of some files may have what is looked for, by all of their bytes; False is certain of each."""
        data = JOINT.join([data for _, _, data in some])
        if (sought.with_open if self._is_gate else sought.spelling).could_any(data):
            return True
        return self._is_gate and visit.may_hold_blobs(data) > 0

    def _count(self, sought: Sought, some: list[_Given], taken: set[int]) -> None:
        """Count files that lack what is sought, and note that they are taken out."""
        taken.update([number for number, _, _ in some])
        self.files += len(some)
        told = len(sought.told)
        if told:
            self.fields += told * (len(some) if sought.is_covered else sum([_is_counted(path, data) for _, path, data in some]))


def _is_counted(path: str, data: bytes) -> bool:
    """Say whether a file that no rule matches counts as a record: by its name, or by what it holds."""
    if _has_records_suffix(path[path.rfind(".") :]) and path[path.rfind("/") + 1 :] != POLICY:
        return True
    return (path[-1] in "~." or data.startswith(_MAYBE_FRONT_MATTER)) and visit.kind(path, data) is not None


@lru_cache(maxsize=256)
def _has_records_suffix(suffix: str) -> bool:
    return is_record_name(suffix)
