"""The door of the public functions: what is given is of the type that the parameter's annotation names, or it is a ``TypeError``.

``typed`` reads the annotations of a function once, when it is first called. ``bytearray`` and ``memoryview`` are taken where bytes are. The
error names the function and the parameter and what was given, by its type alone: a value may be a payload or a key, and no frame that the
error leaves behind here holds one.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, NoReturn, ParamSpec, TypeVar, cast

from sealkit.errors import SealkitError, WrongTypeError
from sealkit.opaque import bare

if TYPE_CHECKING:
    from types import FunctionType

P = ParamSpec("P")
R = TypeVar("R")

_TEXTS = (str, bytes, bytearray, memoryview)
_ALIASES = {
    "Bind": "str | tuple[str, ...] | None",
    "Column": "Array | ChunkedArray",
    "Keys": "Sealer | Reference | str",
    "Paths": "Sequence[str | os.PathLike[str]]",
}
"""What the package's own names for types stand for."""
_PLAIN: dict[str, Callable[[object], bool]] = {
    "None": lambda value: value is None,
    "str": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "bytes": lambda value: isinstance(value, bytes | bytearray | memoryview),
    "bytearray": lambda value: isinstance(value, bytearray),
    "PathLike": lambda value: hasattr(type(value), "__fspath__"),
    "Callable": callable,
    "Mapping": lambda value: isinstance(value, Mapping),
    "MutableMapping": lambda value: isinstance(value, MutableMapping),
    "dict": lambda value: isinstance(value, dict),
    "Iterable": lambda value: isinstance(value, Iterable) and not isinstance(value, _TEXTS),
    "Sequence": lambda value: isinstance(value, Sequence) and not isinstance(value, _TEXTS),
    "tuple": lambda value: isinstance(value, tuple),
    "Any": lambda _: True,
    "object": lambda _: True,
    "Binder": lambda value: hasattr(type(value), "of_kind"),
    "Known": lambda value: hasattr(value, "key_id"),
}
_GENERIC = re.compile(r"([\w.]+)(?:\[(.*)\])?", re.DOTALL)
_MANY = frozenset({"Sequence", "Iterable", "tuple"})
_ALWAYS_LOOKED_AT = frozenset({list, tuple, bytearray, memoryview})
"""Values of these types are looked into, or become bytes."""
_MOST_SHAPES = 256


class _Kind(NamedTuple):
    """One of the types that an annotation names: its name, and what its items are, None for what has none that are looked at."""

    name: str
    items: tuple[_Kind, ...] | None

    def takes(self, value: object) -> bool:
        """Tell whether a value is of this type; a class of ours or of another package is known by its name, and never imported."""
        plain = _PLAIN.get(self.name)
        if plain is None:
            return any(one.__name__ == self.name for one in type(value).__mro__)
        if not plain(value):
            return False
        looked_at = value if isinstance(value, list | tuple) and self.items is not None else ()
        return all(any(kind.takes(item) for kind in self.items or ()) for item in looked_at)


class _Taken:
    """What a parameter takes."""

    __slots__ = ("_is_bytes", "_keeps_bytearray", "_kinds", "words")

    def __init__(self, annotation: str) -> None:
        self._kinds = _kinds(annotation)
        names = [kind.name for kind in self._kinds]
        self.words = " or ".join(dict.fromkeys(names))
        self._is_bytes = "bytes" in names
        self._keeps_bytearray = "bytearray" in names

    def takes(self, value: object) -> bool:
        """Tell whether a value is taken."""
        return any(kind.takes(value) for kind in self._kinds)

    def given(self, value: object) -> object:
        """Return a value that is taken, as bytes if it stands for them."""
        stands_for = memoryview if self._keeps_bytearray else bytearray | memoryview
        return bytes(value) if self._is_bytes and isinstance(value, stands_for) else value


def _kinds(annotation: str) -> tuple[_Kind, ...]:
    found: list[_Kind] = []
    for part in _split(annotation, "|"):
        match = _GENERIC.fullmatch(part)
        name = match[1].rpartition(".")[2] if match is not None else "object"
        if name in _ALIASES:
            found += _kinds(_ALIASES[name])
            continue
        inside = match[2] if match is not None and name in _MANY else None
        items = [one for one in _split(inside, ",") if one != "..."] if inside else []
        found.append(_Kind(name, _kinds(items[0]) if len(items) == 1 else None))
    return tuple(found)


def _split(text: str, mark: str) -> list[str]:
    """Split a text at a mark, but not inside brackets."""
    parts, depth = [""], 0
    for character in text:
        depth += (character == "[") - (character == "]")
        if character == mark and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


class _Door(NamedTuple):
    """What a function takes by position (None for self, and what is not annotated) and by name, and whether it takes further names."""

    positions: tuple[tuple[str, _Taken | None], ...]
    names: dict[str, _Taken]

    def passed(self, args: tuple[object, ...], kwargs: dict[str, object]) -> str | None:
        """Return what is wrong with what was given, None if nothing is."""
        if len(args) > len(self.positions):
            by_name = ", ".join(name for name in self.names if name not in dict(self.positions))
            return f"more than {len(self.positions)} positional arguments" + (f"; by name alone: {by_name}" if by_name else "")
        for value, (name, taken) in zip(args, self.positions, strict=False):
            if taken is not None and not taken.takes(value):
                return f"{name} must be {taken.words}, not {type(value).__name__}"
        for name, value in kwargs.items():
            named = self.names.get(name)
            if named is not None and not named.takes(value):
                return f"{name} must be {named.words}, not {type(value).__name__}"
        return None

    def as_bytes(self, args: tuple[object, ...], kwargs: dict[str, object]) -> tuple[tuple[object, ...], dict[str, object]]:
        """Return what was given, with bytes for what stands for them."""
        given = [
            taken.given(value) if taken is not None else value for value, (_, taken) in zip(args, self.positions, strict=False)
        ]
        return tuple(given), {
            name: taken.given(value) if (taken := self.names.get(name)) else value for name, value in kwargs.items()
        }


def _door_of(function: Callable[..., object]) -> _Door:
    positions: list[tuple[str, _Taken | None]] = []
    names: dict[str, _Taken] = {}
    code = cast("FunctionType", function).__code__
    by_position = code.co_argcount
    for number, name in enumerate(code.co_varnames[: by_position + code.co_kwonlyargcount]):
        annotation = function.__annotations__.get(name)
        taken = _Taken(annotation) if isinstance(annotation, str) else None
        if number < by_position:
            positions.append((name, taken))
        if taken is not None:
            names[name] = taken
    return _Door(tuple(positions), names)


def typed(function: Callable[P, R]) -> Callable[P, R]:
    """Raise ``WrongTypeError`` for what a function is given and does not take; for public functions, which are ``opaque`` by it, too.

    What types were taken together once are remembered, so that a call costs less than half a microsecond more.
    """
    door: _Door | None = None
    shapes: set[tuple[object, ...]] = set()

    def looked_at(args: tuple[object, ...], kwargs: dict[str, object], shape: tuple[object, ...]) -> R:
        nonlocal door
        if door is None:
            door = _door_of(function)
        wrong = door.passed(args, kwargs)
        if wrong is not None:
            problem = f"{function.__qualname__}: {wrong}"
            raise WrongTypeError(problem)
        if _ALWAYS_LOOKED_AT.isdisjoint(shape) and len(shapes) < _MOST_SHAPES:
            shapes.add(shape)
        given, named = door.as_bytes(args, kwargs)
        return cast("Callable[..., R]", function)(*given, **named)

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            shape = (*map(type, args), *kwargs, *map(type, kwargs.values()))
            if shape in shapes:
                return function(*args, **kwargs)
            return looked_at(args, kwargs, shape)
        except (SealkitError, WrongTypeError) as error:
            failure = bare(error)
        del args, kwargs
        raise failure

    return wrapper


def refuse(where: str, wanted: str, given: type) -> NoReturn:
    """Raise ``WrongTypeError``; for functions that look at what they are given themselves, since they are called for each record."""
    error = WrongTypeError(f"{where} must be {wanted}, not {given.__name__}")
    raise error


def as_bytes(where: str, value: bytes | bytearray | memoryview) -> bytes:
    """Return the bytes that a value is or stands for; ``where`` names the parameter. Raises ``WrongTypeError``."""
    if isinstance(value, bytes):
        return value
    given = type(value)
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    del value
    refuse(where, "bytes", given)
