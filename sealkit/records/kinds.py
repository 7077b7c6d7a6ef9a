"""What kind of record a file holds; its name says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, overload

from sealkit.records import frontmatter, packed, wide

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
MARKDOWN: Final = frozenset(
    ("md", "markdown", "mdown", "mkd", "mkdn", "mdx", "txt", "text", "qmd", "rmd", "rmarkdown", "mdoc", "markdoc", "svx")
)
"""The suffixes of pages in which MultiMarkdown, MkDocs and Pelican read lines of metadata, and which have code between fences."""

_TEMPLATES = (
    "ejs",
    "pug",
    "jade",
    "swig",
    "haml",
    "hbs",
    "handlebars",
    "mustache",
    "css",
    "styl",
    "less",
    "scss",
    "sass",
    "js",
    "coffee",
    "ts",
)
_MORE_PAGES = ("qmd", "rmd", "rmarkdown", "mdoc", "markdoc", "svx")
_KIND_BY_SUFFIX = {"yml": YAML, "yaml": YAML, "json": JSON, "jsonl": JSON_LINES, "ndjson": JSON_LINES}
_KIND_BY_SUFFIX |= dict.fromkeys(_PAGES, FRONT_MATTER)

SUFFIXES: Final = tuple(_KIND_BY_SUFFIX)
"""The suffixes of files that are taken for records when a folder is walked."""


_NOT_PACKED = (
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x7fELF", "a program"),
)
_PACKED = {
    "PDF": "a PDF document",
    "zip": "a ZIP archive, or a document in one",
    "gzip": "gzip data",
    "SQLite": "an SQLite database",
    packed.PARQUET: "a Parquet table, see: sealkit columns --help",
    packed.ARROW: "an Arrow table, see: sealkit columns --help",
}
"""In words what people name most often, and ``packed`` knows."""

_BEGINNING = 1 << 12


def described(data: bytes) -> str:
    """Say what a file is that is of no kind of record, by how it begins."""
    for mark, name in _NOT_PACKED:
        if data.startswith(mark):
            return name
    what = _PACKED.get(packed.kind(data[: packed.BEGINNING]) or "")
    if what is not None:
        return what
    if not data.strip():
        return "an empty file"
    return "text without front matter" if wide.is_text(data[:_BEGINNING]) else "no text"


@overload
def kind_of(path: str | os.PathLike[str]) -> str: ...
@overload
def kind_of(path: str | os.PathLike[str], data: bytes, declared: str | None = None) -> str | None: ...
def kind_of(path: str | os.PathLike[str], data: bytes | None = None, declared: str | None = None) -> str | None:
    """Return the kind of the record in a file of this name and content; None where it is of none.

    Front matter is told by the file's first line, under any suffix; YAML, JSON and JSON Lines by the suffix, or by the kind that a policy
    has ``declared``. YAML may begin as front matter does, and counts as YAML then. Of the name alone: front matter unless the suffix
    says otherwise.
    """
    by_name = _KIND_BY_SUFFIX.get(suffix_of(str(path)))
    if data is None:
        return by_name if by_name is not None else FRONT_MATTER
    kind = declared if declared is not None else by_name
    if kind != YAML and frontmatter.begins(data):
        return FRONT_MATTER
    return kind if kind != FRONT_MATTER or declared is not None else None


def is_record_name(name: str) -> bool:
    """Say whether a file of this name, without its folder, is taken for a record when a folder is walked; a policy is none."""
    return suffix_of(name) in _KIND_BY_SUFFIX and name != POLICY


def is_page_name(path: str) -> bool:
    """Say whether a file of this name is a page, which may have front matter."""
    suffix = suffix_of(path)
    return suffix in _PAGES or suffix in _MORE_PAGES


def is_rendered_name(path: str) -> bool:
    """Say whether Hexo renders a file of this name, and so reads front matter in it: pages, templates, styles and scripts."""
    return is_page_name(path) or suffix_of(path) in _TEMPLATES


def suffix_of(name: str) -> str:
    """Return the suffix of a file's name, in small letters and without its dot; empty for none."""
    dot = name.rfind(".")
    return name[dot + 1 :].lower() if dot >= 0 else ""
