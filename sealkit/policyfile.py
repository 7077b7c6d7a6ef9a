"""The text of a policy (``sealkit.yaml``): read into rules, and written from them.

Pure functions from bytes to values and back. A policy comes with a tree, so anybody may have written it: it can name globs, fields,
demands and key ids, nothing else; everything in it is counted before it costs anything, and nothing in it is ever run or opened.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sealkit import config
from sealkit.config import Table, Text, shown
from sealkit.demands import PAYLOADS, FieldRule, Rule, check_together, kind_among
from sealkit.errors import BadFieldPath, ConfigError
from sealkit.globs import Glob
from sealkit.keys.key import FORMATS, check_id
from sealkit.opaque import opaque
from sealkit.records import fieldpath
from sealkit.records.identity import BIND_PATH, Bind, check_bound
from sealkit.records.kinds import KINDS
from sealkit.records.locate import STRING, scalar_type
from sealkit.tree import PLAIN, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BYTES = 32 * 1024
MAX_SEPARATORS = 1500
MAX_RULES = 32
MAX_GLOBS = 128
MAX_FIELDS = 64
MAX_NAMES = 8
MAX_LENGTH = 256
MAX_STEPS = 16
MAX_BOUND = 64
MAX_WILDCARDS = 256
"""Limits of a policy: its size, the colons, commas, dashes and line ends in it (what YAML costs goes with their number); its rules, their
globs and fields; the names in one list; the characters of a glob or a field path; the steps of a field path; the names in all
``bind``; the ``*``, ``?`` and sets
in all globs."""

_POLICY = "policy"
_TOP = ("version", "records")
_RULE = ("include", "exclude", "kind", "fields")
_FIELD = ("path", "required", "everywhere", "payload", "format", "bind", "keys")
_NEVER = frozenset(
    [
        "base64",
        "command",
        "editor",
        "encoding",
        "env",
        "exec",
        "fd",
        "file",
        "hex",
        "hook",
        "key",
        "key-command",
        "keyring",
        "pager",
        "passphrase",
        "pkcs11",
        "primary",
        "ring",
        "run",
        "secret",
        "shell",
        "source",
        "wrapped",
    ]
)
_NEVER_HINT = "a policy may come from anybody: it names no keys, sources of keys, commands or files outside the tree"
_SETS = re.compile(r"\[[!^]?\]?(?:\[:[a-z]*:\]|[^\]])*\]")
# Persian writes U+200C, emoji are joined by U+200D; between letters of ASCII nobody means them.
_JOINER = re.compile("(?<=[^\x00-\x7f])[\u200c\u200d](?=[^\x00-\x7f])")
_UNQUOTED_GLOB = re.compile(r"(?:^|[\[,\s-])\*")
_BARE_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_NOT_TEXT_ELSEWHERE = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


# --- reading ---------------------------------------------------------------------------------------------------------
@opaque
def parse(data: bytes) -> tuple[Rule, ...]:
    """Return the rules of a policy. Raises ``ConfigError`` with the line, its text and, where it is known, the place in it."""
    try:
        return _parse(data)
    except ConfigError as error:
        failure = config.with_caret(error, data)
    if failure.source is not None and failure.caret is None and _UNQUOTED_GLOB.search(failure.source):
        failure.hint = 'put globs into quotes, as in include: ["*.md"]'
    raise failure


def _parse(data: bytes) -> tuple[Rule, ...]:
    if sum(map(data.count, (b",", b":", b"- ", b"\n", b"\r"))) > MAX_SEPARATORS:
        raise ConfigError(
            problem=f"{_POLICY}: more than {MAX_SEPARATORS} lines, colons, commas and dashes", hint="say it in fewer rules"
        )
    table = config.load(data, what=_POLICY, most=MAX_BYTES)
    _only(table, _TOP, of=_POLICY)
    version = table.text("version", of=_POLICY)
    if version != "1" or version.quoted:
        hint = "write version: 1; a later version needs a later sealkit"
        raise ConfigError(problem=f"{_POLICY}: version must be 1", hint=hint, line=version.line)
    entries = table.items_of("records", of=_POLICY)
    _bounded(entries, MAX_RULES, "rules", line=table.lines["records"])
    rules = tuple(_rule(config.as_table(entry, of="an entry of records", line=entry.line)) for entry in entries)
    _count(rules, table.lines["records"])
    for rule in rules:
        check_together(rule.fields)
    return rules


def _count(rules: tuple[Rule, ...], line: int) -> None:
    globs = sum(len(rule.include) + len(rule.exclude) for rule in rules)
    if globs > MAX_GLOBS:
        raise ConfigError(problem=f"{_POLICY}: {globs} globs; at most {MAX_GLOBS}", hint="name folders", line=line)
    wildcards = sum(glob.count(sign) for rule in rules for glob in (*rule.include, *rule.exclude) for sign in "*?[")
    if wildcards > MAX_WILDCARDS:
        problem = f"{_POLICY}: {wildcards} wildcards in its globs; at most {MAX_WILDCARDS}"
        raise ConfigError(problem=problem, hint="name folders", line=line)
    fields = sum(len(rule.fields) for rule in rules)
    if fields > MAX_FIELDS:
        raise ConfigError(problem=f"{_POLICY}: {fields} fields; at most {MAX_FIELDS}", hint="use a[] for every item", line=line)
    bound = sum(len(field.bind) for rule in rules for field in rule.fields if isinstance(field.bind, tuple))
    if bound > MAX_BOUND:
        raise ConfigError(
            problem=f"{_POLICY}: {bound} bound fields; at most {MAX_BOUND}", hint="bind to one or two each", line=line
        )


def _only(table: Table, known: tuple[str, ...], *, of: str) -> None:
    """Refuse unknown attributes; say why where they are what a policy must not have."""
    for name in table:
        if name not in (*known, *_FIELD) and name.lower().replace("_", "-").removesuffix("s") in _NEVER:
            raise ConfigError(problem=f"{of}: a policy has no {shown(name)}", hint=_NEVER_HINT, line=table.lines[name])
    table.only(known, of=of)


def _bounded(items: list[config.Value], most: int, what: str, *, line: int) -> None:
    if not items:
        raise ConfigError(problem=f"{_POLICY}: an empty list of {what}", hint="name one at least", line=line)
    if len(items) > most:
        raise ConfigError(problem=f"{_POLICY}: {len(items)} {what} in a list; at most {most}", hint="say it in fewer", line=line)


def _rule(entry: Table) -> Rule:
    of = "records"
    _only(entry, _RULE, of=of)
    include = tuple(map(_glob, _texts(entry, "include", MAX_GLOBS, of=of)))
    exclude = tuple(map(_glob, _texts(entry, "exclude", MAX_GLOBS, of=of))) if "exclude" in entry else ()
    items = entry.items_of("fields", of=of)
    _bounded(items, MAX_FIELDS, "fields", line=entry.lines["fields"])
    kind = entry.choice("kind", KINDS, of=of, default="") or None
    fields = tuple(
        _field(config.as_table(item, of="an entry of fields", line=item.line, first="path"))._replace(kind=kind) for item in items
    )
    return Rule(include, exclude, fields, entry.line)


def _texts(table: Table, name: str, most: int, *, of: str) -> list[Text]:
    """Return a list of texts, none of them empty, too long, or with characters that do not print."""
    items = table.items_of(name, of=of)
    _bounded(items, most, name, line=table.lines[name])
    texts = []
    for item in items:
        if not isinstance(item, Text):
            hint = _NEVER_HINT if name == "keys" else f"write {name}: [TEXT, TEXT]"
            raise ConfigError(problem=f"{of}: {name!r} is a list of texts", hint=hint, line=item.line)
        texts.append(_decent(item, f"{of}: {name!r}"))
    return texts


def _decent(text: Text, of: str) -> Text:
    if not text:
        raise ConfigError(problem=f"{of} has an empty text", hint="remove it, or say what it is", line=text.line)
    if len(text) > MAX_LENGTH:
        raise ConfigError(
            problem=f"{of} has a text of {len(text)} characters; at most {MAX_LENGTH}", hint="shorten it", line=text.line
        )
    if not _JOINER.sub("", text).isprintable():
        hint = "remove line breaks, NUL and other control characters, and characters without width"
        raise ConfigError(problem=f"{of} has a text with characters that do not print", hint=hint, line=text.line)
    if not text.quoted and scalar_type(Scalar(0, 0, 0, str(text), PLAIN)) != STRING:
        problem = f"{of}: {shown(text)} is no text for other readers of YAML"
        raise ConfigError(problem=problem, hint="put it into quotes", line=text.line)
    return text


def _glob(text: Text) -> str:
    """Return a glob, if it can only mean files below the root and matches what it seems to."""
    fault = _fault(str(text))
    if fault is not None:
        problem, hint = fault
        raise ConfigError(problem=f"records: the glob {shown(text)} {problem}", hint=hint, line=text.line)
    parsed = Glob(text.rstrip("/").encode("utf-8", "surrogatepass"))
    if parsed.step is None and parsed.path is None:
        raise ConfigError(problem=f"records: the glob {shown(text)} matches nothing", hint="close the bracket", line=text.line)
    return str(text)


def _fault(glob: str) -> tuple[str, str] | None:
    """Return what is wrong with a glob and what to do, None if nothing is."""
    steps = glob.rstrip("/").split("/")
    outside_sets = _SETS.sub("", glob)
    if glob.startswith(("/", "~")) or re.match(r"[A-Za-z]:", glob):
        return "is absolute", "write it from the folder of sealkit.yaml on, as in posts/*.md"
    if ".." in steps:
        return "leads out of the tree", "a policy speaks of the tree that it stands in"
    if "\\" in glob:
        return "has a backslash", "put / between folders; a set such as [*] stands for the character itself"
    if "." in steps or "" in steps:
        return "has a step that is empty or a dot", "write it from the folder of sealkit.yaml on, as in posts/*.md"
    if glob.startswith("!"):
        return "starts with '!'", "use exclude"
    if "{" in outside_sets or "}" in outside_sets:
        return "has braces, which stand for themselves", "write a glob for each of the cases, or [{] for the character"
    if any(step != step.strip() for step in steps):
        return "has a blank at the edge of a name", "remove it, or write ? for it"
    if any(not part.isascii() for part in _SETS.findall(glob)):
        return "has a set of characters beyond ASCII, which are several bytes", "write * for the character"
    return None


def _field(entry: Table) -> FieldRule:
    _only(entry, _FIELD, of="fields")
    path = _path(_decent(entry.text("path", of="fields"), "fields: 'path'"))
    of = f"field {shown(path)}"
    bind = _bind(entry, path, of)
    form = entry.choice("format", FORMATS, of=of, default="synthetic" if bind is not None else "plain")
    if bind is not None and form == "plain":
        hint = "leave format out, or make it tagged or synthetic: a plain blob is bound to nothing"
        raise ConfigError(problem=f"{of}: bound, but its format may be plain", hint=hint, line=_place(entry, "format"))
    required = entry.flag("required", of=of, default=True)
    payload = entry.choice("payload", PAYLOADS, of=of, default="text")
    everywhere = entry.flag("everywhere", of=of, default=False)
    return FieldRule(path, required, payload, form, bind, _key_ids(entry, of), entry.line, everywhere)


def _path(text: Text) -> str:
    hint: str | None = f"write it as a.b, a[].b or a[0].b, in {MAX_STEPS} steps at most"
    try:
        steps = fieldpath.parse(str(text))
        text.encode()
        spelt = fieldpath.join(steps) if len(steps) <= MAX_STEPS else ""
    except BadFieldPath as error:
        spelt, hint = "", f"{error.hint}; in YAML, quotes go into quotes: 'TEXT'" if '"' in (error.hint or "") else error.hint
    except UnicodeEncodeError:
        spelt = ""
    if spelt != text:
        hint = f"write {spelt}" if spelt else hint
        raise ConfigError(problem=f"fields: {shown(text)} is not a field path", hint=hint, line=text.line)
    return spelt


def _bind(entry: Table, path: str, of: str) -> Bind:
    value = entry.get("bind")
    if value is None or (isinstance(value, Text) and value == "none"):
        return None
    if isinstance(value, Text):
        if value == BIND_PATH:
            return BIND_PATH
        hint = (
            config.did_you_mean(value, ("none", BIND_PATH)) if len(value) < 5 else "write fields as a list, as in bind: [sourceUrl]"
        )
        raise ConfigError(problem=f"{of}: 'bind' cannot be {shown(value)}", hint=hint, line=_place(entry, "bind"))
    names = _texts(entry, "bind", MAX_NAMES, of=of)
    try:
        check_bound(tuple(map(str, names)), path)
    except BadFieldPath as error:
        failure = error
    else:
        return tuple(map(str, names))
    raise ConfigError(problem=f"{of}: 'bind': {failure.problem}", hint=failure.hint, line=_place(entry, "bind"))


def _key_ids(entry: Table, of: str) -> tuple[str, ...]:
    if "keys" not in entry:
        return ()
    names = _texts(entry, "keys", MAX_NAMES, of=of)
    for number, name in enumerate(names):
        try:
            check_id(str(name))
        except ConfigError as error:
            raise error.at(line=name.line) from None
        if name in names[:number]:
            raise ConfigError(problem=f"{of}: a key is named twice", hint="remove one of them", line=name.line)
    return tuple(map(str, names))


def _place(entry: Table, name: str) -> int:
    """Return the line of an attribute's value if it is a text, so that a caret stands under it, else that of its name."""
    value = entry.get(name)
    return value.line if isinstance(value, Text) and value else entry.lines.get(name, entry.line)


# --- writing ---------------------------------------------------------------------------------------------------------
_HEAD = """\
# What must be sealed in this tree, and how. Safe to publish: it holds no keys, and it can only raise what a key ring says.
# Every rule whose globs match a record counts; paths start at the folder of this file.
version: 1
records:
"""
_ABOUT = {
    "required": "true: every matching record must have it",
    "everywhere": "true: it may stand open in no other record, either",
    "payload": "text, json or binary",
    "format": "at least this: plain, synthetic or tagged",
    "bind": "a blob that was moved to another record is refused",
    "keys": "the keys that may seal here",
}


@opaque
def write(rules: Iterable[Rule]) -> bytes:
    """Return the text of a policy of these rules, with comments; reading it gives the same rules.

    Raises ``ConfigError`` for rules that a policy cannot say.
    """
    wanted = tuple(rules)
    data = (_HEAD + "".join(map(_rule_text, wanted))).encode("utf-8", "surrogatepass")
    if _bare(parse(data)) != _bare(wanted):
        raise ConfigError(
            problem=f"{_POLICY}: these rules cannot be written so that they read the same", hint="spell them as a policy does"
        )
    return data


def _bare(rules: Iterable[Rule]) -> list[Rule]:
    """Return rules without their lines."""
    return [rule._replace(fields=tuple(field._replace(line=0) for field in rule.fields), line=0) for rule in rules]


def _rule_text(rule: Rule) -> str:
    exclude = f"    exclude: {_list(rule.exclude)}\n" if rule.exclude else ""
    kind = kind_among(rule.fields)
    exclude += f"    kind: {kind}\n" if kind is not None else ""
    return f"  - include: {_list(rule.include)}\n{exclude}    fields:\n" + "".join(map(_field_text, rule.fields))


def _field_text(field: FieldRule) -> str:
    said = {"required": "true" if field.required else "false"}
    if field.everywhere:
        said["everywhere"] = "true"
    said["payload"] = field.payload
    if field.format != "plain" or field.bind is not None:
        said["format"] = field.format
    if field.bind is not None:
        said["bind"] = _list(field.bind) if isinstance(field.bind, tuple) else field.bind
    if field.keys:
        said["keys"] = _list(field.keys)
    width = max(len(f"{name}: {value}") for name, value in said.items())
    lines = [f"{name}: {value}".ljust(width) + f"  # {_ABOUT[name]}" for name, value in said.items()]
    return f"      - path: {_word(field.path)}\n" + "".join(f"        {line}\n" for line in lines)


def _list(texts: Iterable[str]) -> str:
    return "[" + ", ".join(map(_word, texts)) + "]"


def _word(text: str) -> str:
    """Quote what another YAML reader could take for anything but text."""
    if _BARE_WORD.fullmatch(text) and text.lower() not in _NOT_TEXT_ELSEWHERE:
        return text
    import json

    return json.dumps(text, ensure_ascii=False)
