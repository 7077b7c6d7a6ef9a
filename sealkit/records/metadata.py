"""Metadata without delimiters, as generators read it at the top of a page: what each of them takes for a key, by the page's suffix."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from sealkit.records.kinds import MARKDOWN, is_page_name, suffix_of

if TYPE_CHECKING:
    from sealkit.records.spelling import Spelling


class Found(NamedTuple):
    """Where the field's name stands as a key of metadata, and ``what`` that is."""

    line: int
    what: str


class _Top(NamedTuple):
    """Metadata of one form: the ``block`` that it is, and what a key in it looks like (see ``Spelling.line_where``)."""

    what: str
    block: re.Pattern[bytes]
    key: bytes


_BLANKS: Final = rb"(?:\xef\xbb\xbf)?(?:[ \t\xa0\xc2\f]*+\r?\n)*+"
# MultiMarkdown, MkDocs, Pelican: a line "Key: value", and whatever follows up to an empty line.
_LINES: Final = _Top(
    "lines of 'key: value' without delimiters",
    re.compile(_BLANKS + rb"[A-Za-z0-9_][^\n:]{0,100}+:(?!//)[^\n]*+(?:\n(?![ \t]*\r?(?:\n|\Z))[^\n]*+)*+"),
    rb"(?m)^[ ]{0,3}[\"']?(?:NAMES)[\"']?[ \t]*:",
)
# Nikola: lines that begin with "..", in a comment of HTML or not.
_DOTTED: Final = _Top(
    "lines of '.. key: value', as Nikola reads them",
    re.compile(_BLANKS + rb"(?:<!--[ \t]*\r?\n)?(?:\.\.[^\n]*+(?:\n|\Z)|[ \t]*+\r?\n)++"),
    rb"(?m)^\.\.[ \t]+(?:NAMES)[ \t]*:",
)
# Hugo, Pelican: lines that begin with "#" up to the first that does not.
_ORG: Final = _Top(
    "lines of '#+key: value', as Hugo reads them",
    re.compile(_BLANKS + rb"(?:[ \t]*+\#[^\n]*+(?:\n|\Z)|[ \t]*+\r?\n)++"),
    rb"(?m)^[ \t]*\#\+(?:NAMES)(?:\[\])?[ \t]*:",
)
# Pelican, Nikola: the list of fields behind comments and the title.
_FIELDS: Final = _Top(
    "a list of fields (docinfo), as Pelican reads it",
    re.compile(
        rb"(?:(?:[ \t]*\r?\n|\.\.[ \t][^\n]*\n(?:[ \t]+[^\n]*\n)*+|[!-/=\x3b-@\[-`{-~]{2,200}+[ \t]*\r?\n|[^\n:.][^\n]{0,200}\n[!-/=\x3b-@\[-`{-~]{2,200}+[ \t]*\r?\n)){0,50}+"
        rb"(?P<keys>(?::[^:\n]{1,100}:[^\n]*+(?:\n|\Z)(?:[ \t]+[^\n]*+(?:\n|\Z))*+)++)"
    ),
    rb"(?m)^:(?:NAMES):",
)
_PAGE_ATTRIBUTES: Final = _Top("an attribute ':page-…:', as Jekyll reads it", re.compile(rb"(?s).*"), rb"(?m)^:page-(?:NAMES)!?:")
_META: Final = _Top(
    "<meta name=…>, as Pelican reads it", re.compile(rb"(?s).*"), rb"<meta\s(?:[^<>]{0,300}\s)?name\s*=\s*[\"']?(?:NAMES)[\"'\s/>]"
)
_EXPORTS: Final = _Top(
    "an export of MDX",
    re.compile(rb"(?m)^export[ \t]+(?:const|let|var|default)\b[^\n]*+(?:\n(?![ \t]*\r?(?:\n|\Z))[^\n]*+)*+"),
    rb"[\s{,(\"'](?:NAMES)[\"']?\s*:",
)

_TOPS: Final[dict[str, tuple[_Top, ...]]] = {
    **dict.fromkeys(MARKDOWN, (_LINES,)),
    "mdx": (_LINES, _EXPORTS),
    "org": (_ORG,),
    "rst": (_FIELDS,),
    **dict.fromkeys(("adoc", "asciidoc"), (_PAGE_ATTRIBUTES,)),
    **dict.fromkeys(("html", "htm", "xhtml"), (_META,)),
}
_FENCED: Final = re.compile(
    rb"(?ms)^[ \t>]*(?P<fence>(?P<sign>[`~])(?P=sign){2,100})[^\n]*\n.*?(?:^[ \t>]*(?P=fence)(?P=sign)*[ \t]*\r?$|\Z)"
)


def find(path: str, data: bytes, spelling: Spelling) -> Found | None:
    """Return where a generator that reads files of this name finds the field's name as a key of metadata; None if none does."""
    if not is_page_name(path):
        return None
    for top in (*_TOPS.get(suffix_of(path), ()), _DOTTED):
        text = without_code(path, data) if top is _EXPORTS else data
        for block in top.block.finditer(text) if top is _EXPORTS else filter(None, [top.block.match(text)]):
            line = spelling.line_where(block[0], top.key)
            if line is not None:
                return Found(text.count(b"\n", 0, block.start()) + line, top.what)
    return None


def without_code(path: str, data: bytes) -> bytes:
    """Return the text of a page with its lines, and without those between fences: an example is no field."""
    if suffix_of(path) not in MARKDOWN or (b"```" not in data and b"~~~" not in data):
        return data
    return _FENCED.sub(lambda found: b"\n" * found[0].count(b"\n"), data)
