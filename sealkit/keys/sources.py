"""The kinds of sources that a ring entry may name, and the module that each lives in.

A source is one class (see ``access``), in a module that is imported when a ring names it: a ring without a passphrase never imports a
key derivation function, and optional packages are imported by the source that needs them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple, cast

from sealkit.errors import ConfigError
from sealkit.opaque import opaque

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.config import Table
    from sealkit.keys.access import Source


class Kind(NamedTuple):
    """Where a kind of source is declared: a module of ``sealkit.keys``, a function of it, and what its table may hold besides."""

    module: str
    function: str
    attributes: tuple[str, ...] = ()


KINDS = {
    "hex": Kind("given", "literal", ("encoding",)),
    "base64": Kind("given", "literal", ("encoding",)),
    "env": Kind("given", "variable", ("encoding",)),
    "file": Kind("given", "key_file", ("encoding",)),
    "fd": Kind("streams", "declare", ("encoding",)),
    "passphrase": Kind("passphrase", "declare", ("kdf", "salt", "bytes", "check", "t", "m", "p", "n", "r", "iterations")),
    "wrapped": Kind("wrapped", "declare", ("under", "algorithm")),
    "keyring": Kind("oskeyring", "declare", ("encoding",)),
    "age": Kind("age", "declare", ("encoding",)),
    "aws-kms": Kind("kms", "declare", ("key", "context")),
    "pkcs11": Kind("pkcs11", "declare"),
    "command": Kind("command", "declare", ("encoding", "timeout", "keep")),
}


@opaque
def declare(entry: Table, label: str, folder: str, *, beside: tuple[str, ...] = ()) -> Source:
    """Return the source that a table of a ring entry describes; ``label`` starts its messages, paths are relative to ``folder``.

    ``beside`` names what else may stand in the table.

    Raises ``ConfigError`` unless it is exactly one source with what that source needs.
    """
    kinds = [name for name in KINDS if name in entry]
    if len(kinds) != 1:
        attributes = {name for kind in KINDS.values() for name in kind.attributes}
        entry.only((*KINDS, *attributes, *beside), of=f"{label}: source")
        hint = "name exactly one of: " + ", ".join(KINDS)
        raise ConfigError(problem=f"{label}: {len(kinds)} sources", hint=hint, line=entry.line)
    kind = KINDS[kinds[0]]
    entry.only((kinds[0], *kind.attributes, *beside), of=f"{label}: source")
    module = importlib.import_module(f"sealkit.keys.{kind.module}")
    function = cast("Callable[[Table, str, str, str], Source]", getattr(module, kind.function))
    return function(entry, kinds[0], label, folder)
