"""Front matter as other site generators read it, which sealkit does not: TOML, JSON, Hexo's, and metadata without delimiters.

What stands in it is published by them, or taken for the field; so a file in which one of these readings has the field as a key is never
"absent". Where a reading can be followed to its end and has no such key, it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

from sealkit import limits
from sealkit.errors import BadFrontMatter, SealkitError, UnsupportedRecord
from sealkit.records import frontmatter, loosejson, metadata, places
from sealkit.records.kinds import is_page_name, is_rendered_name
from sealkit.tree import Alias, Mapping, Scalar, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealkit.errors import RecordError
    from sealkit.records.spelling import Spelling

    Values = Callable[[bytes], object]

_TOML_OPENER = re.compile(rb"\+{3,}[ \t]*\r?\n")
_TOML_END = re.compile(rb"(?m)^\+\+\+[ \t]*\r?$")
_JSON_OPENER = re.compile(rb"\{(?:[\s\"'}]|\Z|//|/\*|[A-Za-z_$][\w$]*[ \t]*:)")
# Hexo: all before the first line that starts so is front matter, YAML or the members of a JSON object.
_HEXO_END = re.compile(rb"\n(?P<sign>---|;;;)")
_HEXO_JSON = re.compile(rb";{3,}[ \t]*\r?\n")
# front-matter (npm) and DocPad: a first line of signs, and the same once more.
_FENCE = re.compile(
    rb"(?P<fence>= yaml =|(?P<sign>[^\w\s`~\x80-\xff])(?P=sign){2,%d})[ \t]*[a-z]*[ \t]*\r?\n" % (limits.FENCE_SIGNS - 1)
)
# Pandoc, Quarto: a block between lines, behind an empty line anywhere in the text.
_BLOCK = re.compile(rb"(?:\n[ \t]*\r?|\A)\n---[ \t]*\r?\n(?=[^\s-])(?P<text>(?:[^\n]*\n)*?)(?:---|\.\.\.)[ \t]*\r?(?:\n|\Z)")
# Slidev: the same, whatever stands before it; a line under a heading may begin one, too, so it counts only if it reads.
_SLIDE = re.compile(rb"(?m:^)---[ \t]*\r?\n(?=[^\s-])(?P<text>(?:[^\n]*\n)*?)---[ \t]*\r?(?:\n|\Z)")
_CLOSER = re.compile(rb"---[ \t]*\r?\n")
_CODE = re.compile(rb"(?m:^) {0,3}(?P<fence>`{3,}|~{3,})")
# What was meant for YAML, or for members of an object, and may not read: no lines of prose.
_LINES_OF_KEYS = re.compile(
    rb"(?=[{\"'\w\x80-\xff#])(?:(?:[ \t#\]}{,-][^\n]*+|[\"'\w\x80-\xff][^\n:]{0,100}+:[^\n]*+|\r?)(?:\n|\Z))++\Z"
)
_JSON = "JSON ('{')"
_SIGNS = b":="
_REFUSED = "front matter that is read by some generators, not by sealkit"


WITHOUT: Final = "without"
"""The front matter of a file reads as other generators read it, and none of its keys is the field's name."""


def problem(path: str, data: bytes, spelling: Spelling) -> RecordError | Literal["without"] | None:
    """Return what is wrong with a file without front matter of our form, in which the bytes can spell the field.

    ``WITHOUT`` if it has front matter of another form without the field, None if it has none. In a page, by its name, whatever is nearly
    front matter counts, and a key of that name at any depth; in other files only what reads, or stands like a key, in the field's place.
    """
    start, page = frontmatter.lead(data), is_page_name(path)
    if data.startswith(b"---", start):
        return _nearly(data, start, spelling, page=page)
    found = _delimited(data, start, spelling, page=page)
    if found is not None:
        return found
    found = _fenced(data, start, spelling)
    if found is None and is_rendered_name(path):
        found = _hexo(data, spelling)
    return found or (_metadata(path, data, spelling) or in_the_text(data, 0, spelling) if page else None)


def _delimited(data: bytes, start: int, spelling: Spelling, *, page: bool) -> RecordError | Literal["without"] | None:
    """Return what is wrong with TOML or JSON that begins the file; in what is no page, and does not read, the name has to be like a key."""
    if _TOML_OPENER.match(data, start) or (page and data.startswith(b"+++", start)):
        found = _toml(data, start, spelling, page=page)
        return found if page or found == WITHOUT or spelling.may_be_key(data, _SIGNS) else None
    if _HEXO_JSON.match(data, start):
        found = _hexo_json(data, start, spelling)
        return found if page or found == WITHOUT or spelling.may_be_key(data, _SIGNS) else None
    if not _JSON_OPENER.match(data, start):
        return None
    return _json(data, start, spelling) if page else _json_file(data[start:], spelling)


def in_the_text(data: bytes, start: int, spelling: Spelling) -> RecordError | None:
    """Return the finding for a block of metadata in the text of a page, from ``start`` on, that has the field's name as a key."""
    if data.find(b"---", start) < 0 or spelling.line_of(data[start:] if start else data) is None:
        return None
    for number, (reader, block) in enumerate(_blocks(data, start, spelling)):
        has = _has_yaml_key(block["text"], spelling) if number < limits.BLOCKS else None
        is_sure = has is True and not _is_shown(data, block.start())
        if number >= limits.BLOCKS or (is_sure if reader == "Slidev" else has is not False):
            above = data.count(b"\n", 0, block.start("text"))
            return _unsupported(block["text"], above, spelling, f"a block in the text, as {reader} reads it")
    return None


def _blocks(data: bytes, start: int, spelling: Spelling) -> Iterator[tuple[str, re.Match[bytes]]]:
    """Yield the blocks in the text of a page that spell the field's name at a line's start, each with a program that reads it."""
    closer = _CLOSER.match(data, start)
    behind = closer.end() if closer is not None else start
    for reader, blocks in (("Pandoc", _BLOCK.finditer(data, start)), ("Slidev", _SLIDE.finditer(data, behind))):
        for block in blocks:
            if spelling.could(block["text"]) and spelling.line_of(block["text"]) is not None:
                yield reader, block


def _is_shown(data: bytes, at: int) -> bool:
    """Say whether a place in a page is between the fences of an example."""
    fence = b""
    for line in _CODE.finditer(data, 0, at):
        if not fence:
            fence = line["fence"]
        elif line["fence"].startswith(fence):
            fence = b""
    return bool(fence)


def _fenced(data: bytes, start: int, spelling: Spelling) -> RecordError | None:
    fence = _FENCE.match(data, start)
    if fence is None:
        return None
    end = data.find(b"\n" + fence["fence"], fence.end() - 1)
    text = data[fence.end() : end] if end >= 0 else data[fence.end() :]
    if not spelling.could(text) or spelling.line_of(text) is None:
        return None
    return _unsupported(text, data.count(b"\n", 0, fence.end()), spelling, f"between lines {fence['fence'].decode()!r}")


def _nearly(data: bytes, start: int, spelling: Spelling, *, page: bool) -> RecordError | None:
    if (spelling.line_of(data) is None and not page) or not spelling.may_be_key(data, _SIGNS):
        return None
    return BadFrontMatter(
        problem="'---' does not stand alone on the first line: some readers take this for front matter, some publish it as text",
        hint="make '---' the first line, with nothing before and after it",
        line=data.count(b"\n", 0, start) + 1,
    )


def _toml(data: bytes, start: int, spelling: Spelling, *, page: bool) -> RecordError | Literal["without"]:
    first = data.find(b"\n", start) + 1 or len(data)
    end = _TOML_END.search(data, first)
    text = data[first : end.start() if end is not None else len(data)]
    return _unless_without(text, data.count(b"\n", 0, first), spelling, _has(text, spelling, _of_toml, deep=page), "TOML ('+++')")


def _hexo_json(data: bytes, start: int, spelling: Spelling) -> RecordError | Literal["without"]:
    opener = _HEXO_JSON.match(data, start)
    first = opener.end() if opener is not None else start
    end = data.find(b"\n;;;", first)
    text = data[first : end if end >= 0 else len(data)]
    return _unless_without(text, data.count(b"\n", 0, first), spelling, _has(text, spelling, _of_members), "JSON (';;;')")


def _json(data: bytes, start: int, spelling: Spelling) -> RecordError | Literal["without"] | None:
    """Return what is wrong with JSON that begins a page; what does not read as JSON, nor loosely, counts where the name is like a key."""
    text = data[start:]
    try:
        value, end = loosejson.begin(text.decode()) if len(text) <= limits.FRONT_JSON_BYTES else (None, len(text))
        text = text.decode()[:end].encode()
        is_named = places.has_key(value, spelling) if value is not None else None
    except (ValueError, RecursionError):
        is_named = _has(text, spelling, _of_loose_json)
    if is_named is None and not spelling.may_be_key(text, _SIGNS):
        return None
    return _unless_without(text, data.count(b"\n", 0, start), spelling, is_named, _JSON)


def _json_file(text: bytes, spelling: Spelling) -> RecordError | Literal["without"] | None:
    """Return what is wrong with a file of JSON under another name, if it is one from its beginning to its end."""
    is_named = _has(text, spelling, _of_loose_json, deep=False)
    return _unless_without(text, 0, spelling, is_named, _JSON) if is_named is not None else None


def _hexo(data: bytes, spelling: Spelling) -> RecordError | None:
    """Return the finding for front matter without an opening line: what stands before the first ``---`` or ``;;;``."""
    end = _HEXO_END.search(data)
    if end is None or not spelling.could(data[: end.start()]):
        return None
    head = data[: end.start()]
    named = _has(head, spelling, _of_members) if end["sign"] == b";;;" else _has_yaml_key(head, spelling)
    if named is None:  # Hexo does not read it either
        named = _LINES_OF_KEYS.match(head, frontmatter.lead(head)) is not None and spelling.line_of(head) is not None
    return (
        _unsupported(head, 0, spelling, f"closed by '{end['sign'].decode()}' and not opened, as Hexo reads it") if named else None
    )


def _metadata(path: str, data: bytes, spelling: Spelling) -> RecordError | None:
    found = metadata.find(path, data, spelling)
    return _refused(found.what, found.line) if found is not None else None


def _unless_without(
    text: bytes, lines_before: int, spelling: Spelling, is_named: bool | None, what: str
) -> RecordError | Literal["without"]:
    """Return the finding for some front matter, unless it reads and none of its keys is the field's name."""
    if is_named is False or not spelling.could(text):
        return WITHOUT
    return _unsupported(text, lines_before, spelling, what)


def _unsupported(text: bytes, lines_before: int, spelling: Spelling, what: str) -> RecordError:
    return _refused(what, lines_before + (spelling.line_of(text) or spelling.first_line(text)))


def _refused(what: str, line: int) -> RecordError:
    return UnsupportedRecord(problem=f"{_REFUSED}: {what}", hint="write it as YAML between lines '---', and seal that", line=line)


def _has(text: bytes, spelling: Spelling, read: Values, *, deep: bool = True) -> bool | None:
    """Say whether a key of it is the field's name or looks like that, anywhere or in the field's place; None where it does not read."""
    if len(text) > (limits.FRONT_JSON_BYTES if read is _of_loose_json else limits.FRONT_BYTES):
        return None
    try:
        return (places.has_key if deep else places.has_field)(read(text), spelling)
    except (SealkitError, ValueError, RecursionError):
        return None


def _has_yaml_key(text: bytes, spelling: Spelling) -> bool | None:
    """Say of YAML what ``_has`` says."""
    if len(text) > limits.FRONT_BYTES:
        return None
    try:
        return any(map(spelling.looks_like, _yaml_keys(text)))
    except SealkitError:
        return None


def _of_toml(text: bytes) -> object:
    import tomllib  # here, as it takes long to import, and few files need it

    return tomllib.loads(text.decode().replace("\r\n", "\n"))


def _of_loose_json(text: bytes) -> object:
    return loosejson.read(text.decode())


def _of_members(text: bytes) -> object:
    return loosejson.strict("{" + text.decode() + "}")


def _yaml_keys(text: bytes) -> Iterator[str]:
    from sealkit import yamltree  # here for the same reason

    root = yamltree.compose(text.replace(b"\t", b"  "))  # as Hexo does
    for node in walk(root) if root is not None else ():
        for key, _ in node.pairs if isinstance(node, Mapping) else ():
            named = key.target if isinstance(key, Alias) else key
            if isinstance(named, Scalar):
                yield named.text
