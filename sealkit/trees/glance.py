"""The gate's glance at a file: in order, or no answer. Nearly all files of a tree are front matter that a glance is enough for.

It is ``jobs.gate`` put together anew from the same parts, without a ``Record``: in order is what is so by the rules, found in half the
time; whatever is not quite plain is left to the jobs, which say what is wrong. Tests compare both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealkit.context import PATH
from sealkit.crypto import shapes
from sealkit.crypto.blob import Blob
from sealkit.errors import SealkitError
from sealkit.jobs import Found
from sealkit.records import beside, document, frontmatter, scan
from sealkit.records.identity import BIND_PATH, file_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealkit.demands import FieldRule


def gate(data: bytes, demand: FieldRule, file: Callable[[], str] | None) -> Found | None:
    """Return the blob in the field of a file's front matter if ``jobs.gate`` would let it pass; None for no answer.

    ``file`` gives the file's path below its tree's root, if that is known.
    """
    try:
        return _gate(data, demand, file)
    except SealkitError:
        return None


def _gate(data: bytes, demand: FieldRule, file: Callable[[], str] | None) -> Found | None:
    region = frontmatter.region(data)
    if region is None:
        return None
    start, end, line = region
    yaml = data[start:end]
    alone = scan.alone(yaml, demand.path)
    if alone is None:
        return None
    at, after, rest, text = alone
    if not beside.nothing(text, demand.path):
        return None
    blob = Blob.parse(yaml[at:after].decode())
    if blob.auth is None:
        if demand.format == "tagged":
            return None
    elif not blob.is_known or (demand.bind is not None and not _is_bound(blob, demand, file)):
        return None
    if shapes.unencrypted(blob.ciphertext) is not None or not document.parses(rest):
        return None
    return Found(blob, yaml.count(b"\n", 0, at) + line)


def _is_bound(blob: Blob, demand: FieldRule, file: Callable[[], str] | None) -> bool:
    """Say whether a tagged blob says that it is bound to the path, as is demanded, and can be; other bindings are read off a ``Record``."""
    if demand.bind != BIND_PATH or blob.bind != PATH or file is None:
        return False
    file_path(file())
    return True
