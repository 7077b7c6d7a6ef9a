"""What stands open beside a field: keys whose name says that they hold its payload unsealed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sealkit.crypto.blob import Blob
from sealkit.errors import SealkitError
from sealkit.records import fieldpath, locate
from sealkit.tree import Alias, Mapping, Scalar

if TYPE_CHECKING:
    from sealkit.records.record import Record
    from sealkit.tree import Node

ALONE = ("unsealed", "unsecured", "unencrypted", "decrypted", "plaintext", "cleartext")
"""Names that say it by themselves; ``-``, ``_`` and case do not count."""

WITH_NAME = (*ALONE, "plain", "clear", "raw", "open")
"""Words that say it before or behind the field's own name, as in ``secured_plain`` and ``plain-secured``."""

_WORDS = b"|".join(b"[-_ ]*".join(bytes((byte,)) for byte in word.encode()) for word in WITH_NAME)
# Such a word in a key, or a key that is written with a question mark in front and may be anything.
_MAY_BE = re.compile(rb"(?i)(?:" + _WORDS + rb")[-_ \w]*[\"']?[ \t]*:|^[ \t]*\?[ \t]", re.MULTILINE)
_SEPARATORS = str.maketrans("", "", "-_ ")


def beside(record: Record, path: str) -> tuple[str, int] | None:
    """Return the name and line (from 1) of a key in the field's own mapping that holds the payload open; None if there is none.

    What is empty, null or a blob is not open. Raises the ``RecordError`` of a record that cannot be read.
    """
    region = record.region
    if region is None or _MAY_BE.search(record.raw, region.start, region.end) is None:
        return None
    *above, name = fieldpath.parse(path)
    if not isinstance(name, str):
        return None
    names = _names(name)
    try:
        root = record.document.root
    except SealkitError as error:
        raise record.placed(error, path) from None
    mappings = [field.node for field in locate.fields(root, fieldpath.join(tuple(above)))] if above else [root]
    for mapping in mappings:
        for key, value in mapping.pairs if isinstance(mapping, Mapping) else ():
            text = key.text if isinstance(key, Scalar) else ""
            if text.lower().translate(_SEPARATORS) in names and text != name and _is_open(value):
                return text, record.file_line(key.line)
    return None


def _names(field: str) -> frozenset[str]:
    bare = field.lower().translate(_SEPARATORS)
    return frozenset(ALONE) | {bare + word for word in WITH_NAME} | {word + bare for word in WITH_NAME}


def _is_open(value: Node) -> bool:
    node = value.target if isinstance(value, Alias) else value
    if not isinstance(node, Scalar):
        return True
    if locate.scalar_type(node) == locate.NULL or not node.text.strip():
        return False
    try:
        Blob.parse(node.text.strip())
    except SealkitError:
        return True
    return False
