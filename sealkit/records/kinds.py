"""What kind of record a file holds; its name says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import os

FRONT_MATTER: Final = "frontmatter"
YAML: Final = "yaml"
JSON: Final = "json"
JSON_LINES: Final = "jsonl"
POLICY: Final = "sealkit.yaml"
"""The name of a policy, which is no record."""

KINDS: Final = (FRONT_MATTER, YAML, JSON, JSON_LINES)

_PAGES = (
    *("md", "markdown", "mdown", "mkd", "mkdn", "mdx", "html", "htm", "xhtml", "txt", "text"),
    *("adoc", "asciidoc", "rst", "org", "textile", "njk", "liquid"),
)
_KIND_BY_SUFFIX = {"yml": YAML, "yaml": YAML, "json": JSON, "jsonl": JSON_LINES, "ndjson": JSON_LINES}
_KIND_BY_SUFFIX |= dict.fromkeys(_PAGES, FRONT_MATTER)

SUFFIXES: Final = tuple(_KIND_BY_SUFFIX)
"""The suffixes of files that are taken for records when a folder is walked."""


def kind_of(path: str | os.PathLike[str]) -> str:
    """Return the kind of the record in a file of this name; front matter unless the suffix says otherwise."""
    return _KIND_BY_SUFFIX.get(_suffix(str(path)), FRONT_MATTER)


def is_record_name(name: str) -> bool:
    """Say whether a file of this name, without its folder, is taken for a record when a folder is walked; a policy is none."""
    return _suffix(name) in _KIND_BY_SUFFIX and name != POLICY


def _suffix(name: str) -> str:
    dot = name.rfind(".")
    return name[dot + 1 :].lower() if dot >= 0 else ""
