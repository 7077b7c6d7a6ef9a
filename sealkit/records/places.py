"""Whether a value that was read out of JSON, TOML or the like has a field where a path says; for what is no record, and told by its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealkit.records import fieldpath

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealkit.records.spelling import Spelling


class Pairs(list[tuple[str, object]]):
    """The pairs of an object, those with the same key too."""


def has_field(value: object, spelling: Spelling) -> bool:
    """Say whether a value has one of the fields in its place; in what is a list, or a list's item, any key of the name counts."""
    if not _is_object(value):
        return has_key(value, spelling)
    return any(_has(value, fieldpath.parse(path), spelling) for path in spelling.paths)


def has_key(value: object, spelling: Spelling) -> bool:
    """Say whether one of the names is a key anywhere in a value."""
    return any(map(spelling.looks_like, _keys(value)))


def _has(value: object, steps: fieldpath.Steps, spelling: Spelling) -> bool:
    """Say whether the keys of a path lead somewhere; which items of lists they lead through does not count."""
    found = [value]
    for step in steps:
        if isinstance(step, str):
            found = [under for one in found for key, under in _pairs(one) if spelling.looks_at(key, step)]
        else:
            found = [item for one in found for item in (one if isinstance(one, list) and not isinstance(one, Pairs) else [one])]
    return bool(found)


def _is_object(value: object) -> bool:
    return isinstance(value, (dict, Pairs))


def _pairs(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Pairs):
        yield from value
    elif isinstance(value, dict):
        yield from ((str(key), under) for key, under in value.items())


def _keys(value: object) -> Iterator[str]:
    pending = [value]
    while pending:
        one = pending.pop()
        if _is_object(one):
            for key, under in _pairs(one):
                yield key
                pending.append(under)
        elif isinstance(one, list):
            pending += one
