"""Policies that are accepted and what they say; policies that are refused, with what is said and where."""

from __future__ import annotations

import textwrap

from sealkit.policy import FieldRule, Rule

SAMPLE = b"""\
version: 1
records:
  - include: ["_posts/**/*.md"]
    exclude: ["_posts/drafts/**"]
    fields:
      - path: secured
        required: true
        payload: json
        format: tagged
        bind: [sourceUrl]
        keys: [k2]
"""


def policy(text="", **attributes):
    """A policy: the text itself if it has a version; its ``records`` if it is a list; else one rule, or one field's attributes."""
    if isinstance(text, bytes):
        return text
    if "version" in text or text.startswith("%"):
        return text.encode()
    if text.startswith("- "):
        return ("version: 1\nrecords:\n" + textwrap.indent(text, "  ")).encode()
    if text.startswith(("include", "exclude", "fields")):
        rest = "".join(f"\n    {line}" for line in text.splitlines()[1:]) + (
            "" if "fields:" in text else "\n    fields: [{path: secured}]"
        )
        return f"version: 1\nrecords:\n  - {text.splitlines()[0]}{rest}\n".encode()
    lines = [*text.splitlines(), *(f"{name}: {value}" for name, value in attributes.items())]
    head = [] if any(line.startswith("path:") for line in lines) else ["path: secured"]
    first, *others = [*head, *lines]
    field = f"      - {first}\n" + "".join(f"        {line}\n" for line in others)
    return f'version: 1\nrecords:\n  - include: ["**"]\n    fields:\n{field}'.encode()


def said(*fields, include=("**",), exclude=()):
    return [Rule(include, exclude, fields or (FieldRule(),))]


def one(**attributes):
    return said(FieldRule(**attributes))


ACCEPTED = [
    # id, policy, its rules
    ("nothing but a path", "", one()),
    ("not required", "required: false", one(required=False)),
    ("required", "required: true", one()),
    ("json", "payload: json", one(payload="json")),
    ("binary", 'payload: "binary"', one(payload="binary")),
    ("tagged", "format: tagged", one(format="tagged")),
    ("synthetic", "format: synthetic", one(format="synthetic")),
    ("plain", "format: plain", one()),
    ("bound to nothing", "bind: none", one()),
    ("bound to the path", "bind: path", one(bind="path", format="synthetic")),
    ("bound to a field", "bind: [sourceUrl]\nformat: tagged", one(bind=("sourceUrl",), format="tagged")),
    ("bound to a field called path", "bind: [path]", one(bind=("path",), format="synthetic")),
    ("bound to fields in this order", "bind: [b, a.c, 'd[0]']", one(bind=("b", "a.c", "d[0]"), format="synthetic")),
    ("keys", "keys: [k2, k-1.x_y]", one(keys=("k2", "k-1.x_y"))),
    ("a nested field", "path: a.b", one(path="a.b")),
    ("every item", "path: a[].b", one(path="a[].b")),
    ("one item", "path: 'a[0].b'", one(path="a[0].b")),
    ("a field with a blank", """path: '"my field"'""", one(path='"my field"')),
    ("a key with a dot", """path: '"tls.key".secured'""", one(path='"tls.key".secured')),
    ("a key with a slash", """path: '"kubernetes.io/x"'""", one(path='"kubernetes.io/x"')),
    ("a key with brackets, bound to another", """path: x\nbind: ['"a[]"']""", one(path="x", bind=('"a[]"',), format="synthetic")),
    (
        "a Persian key",
        "path: \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        one(path="\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
    ),
    ("a field called no", "path: 'no'", one(path="no")),
    ("an accent", "path: sécurisé", one(path="sécurisé")),
    ("globs", 'include: ["*.md", "_posts/**", "a?[0-9][!x]/"]', said(include=("*.md", "_posts/**", "a?[0-9][!x]/"))),
    ("exclude", 'include: ["*.md"]\nexclude: ["drafts/**", x]', said(include=("*.md",), exclude=("drafts/**", "x"))),
    ("a brace in a set", 'include: ["[{]x[}]"]', said(include=("[{]x[}]",))),
    ("an accent in a glob", "include: [posé/x.md]", said(include=("posé/x.md",))),
    ("a dot file", "include: [.well-known/**]", said(include=(".well-known/**",))),
    ("three dots", "include: [.../x]", said(include=(".../x",))),
    ("blanks within", "include: [my posts/a b.md]", said(include=("my posts/a b.md",))),
    (
        "two fields",
        'include: ["**"]\nfields:\n  - path: a\n  - path: b\n    bind: [c]',
        said(FieldRule("a"), FieldRule("b", bind=("c",), format="synthetic")),
    ),
    (
        "two rules",
        "- {include: [a], fields: [{path: x}]}\n- {include: [b], fields: [{path: x, format: tagged}]}\n",
        [Rule(("a",), (), (FieldRule("x"),)), Rule(("b",), (), (FieldRule("x", format="tagged"),))],
    ),
    (
        "items beside each other",
        'include: ["**"]\nfields: [{path: "a[0]"}, {path: "a[1]"}]',
        said(FieldRule("a[0]"), FieldRule("a[1]")),
    ),
    ("a byte order mark", "\ufeffversion: 1\nrecords: [{include: ['**'], fields: [{path: secured}]}]\n", one()),
    ("CRLF", "version: 1\r\nrecords:\r\n- include: ['**']\r\n  fields:\r\n  - path: secured\r\n", one()),
    ("one line", "{version: 1, records: [{include: ['**'], fields: [{path: secured}]}]}", one()),
    ("a document mark", "---\nversion: 1\nrecords: [{include: ['**'], fields: [{path: secured}]}]\n", one()),
]

REFUSED = [
    # id, policy, what the problem says, line, what the caret stands under (None: no place is known)
    ("empty", b"", "empty", 1, None),
    ("a list", b"- version: 1\n", "must be a mapping", 1, "-"),
    ("no version", b"records: []\n", "'version' is missing", 1, "records"),
    ("another version", "version: 2\nrecords: []\n", "version must be 1", 1, "2"),
    ("a quoted version", 'version: "1"\nrecords: []\n', "version must be 1", 1, '"1"'),
    ("no records", "version: 1\n", "'records' is missing", 1, "version"),
    ("no rule", "version: 1\nrecords: []\n", "an empty list of rules", 2, "records"),
    ("records is no list", "version: 1\nrecords: {}\n", "'records' must be a list", 2, "records"),
    ("a rule is text", "version: 1\nrecords: [a]\n", "must be a mapping", 2, "a]"),
    ("unknown at the top", "version: 1\nrecord: []\n", "unknown attribute 'record'", 2, "record"),
    ("unknown in a rule", "include: [a]\nexlude: [b]", "unknown attribute 'exlude'", 4, "exlude"),
    ("unknown in a field", "formt: tagged", "unknown attribute 'formt'", 6, "formt"),
    ("an attribute twice", "format: plain\nformat: tagged", "'format' stands twice", 7, "format"),
    ("an attribute of a field in a rule", "include: [a]\nbind: path", "unknown attribute 'bind'", 4, "bind"),
    ("an anchor", "format: &x tagged", "an anchor", 6, "&x"),
    ("an alias", "version: 1\nrecords: *x\n", "alias without its anchor", 2, None),
    ("a merge key", "<<: {format: tagged}", "a merge key", 6, "<<"),
    ("a tag", "path: !!str secured", "a tag", 5, "!!str"),
    ("python", "path: !!python/object/apply:os.system [id]", "a tag", 5, "!!python"),
    ("an unquoted glob", "include: [*.md]", "not YAML", 3, None),
    ("not UTF-8", b"version: 1\nrecords: \xff\n", "not UTF-8", 2, None),
    ("no include", "fields: [{path: a}]", "'include' is missing", 3, "fields"),
    ("include is text", "include: a", "'include' must be a list", 3, "include"),
    ("include is empty", "include: []", "an empty list of include", 3, "include"),
    ("exclude is empty", "include: [a]\nexclude: []", "an empty list of exclude", 4, "exclude"),
    ("a glob is a list", "include: [[a]]", "a list of texts", 3, "[a]"),
    ("a glob is empty", "include: ['']", "an empty text", 3, "''"),
    ("an absolute glob", "include: [/etc/passwd]", "is absolute", 3, "/etc"),
    ("a glob from home", 'include: ["~/x"]', "is absolute", 3, '"~/x"'),
    ("a glob with a drive", "include: ['C:/x']", "is absolute", 3, "'C:/x'"),
    ("a glob that leads out", "include: [a, ../b]", "leads out of the tree", 3, "../b"),
    ("a glob that leads out later", "include: [a/../../b]", "leads out of the tree", 3, "a/.."),
    ("an exclude that leads out", "include: [a]\nexclude: [..]", "leads out of the tree", 4, ".."),
    ("a backslash", r"include: ['a\b']", "has a backslash", 3, "'a"),
    ("NUL", 'include: ["a\\0"]', "do not print", 3, '"a'),
    ("a line break", 'include: ["a\\nb"]', "do not print", 3, '"a'),
    ("a bidi control", 'include: ["a\\u202eb"]', "do not print", 3, '"a'),
    ("a zero-width character", "include: ['a\u200bb']", "do not print", 3, "'a"),
    ("a glob from here", "include: [./a]", "empty or a dot", 3, "./a"),
    ("an empty step", "include: [a//b]", "empty or a dot", 3, "a//b"),
    ("a negated glob", 'include: ["!a"]', "starts with '!'", 3, '"!a"'),
    ("braces", "include: ['*.{md,yml}']", "has braces", 3, "'*."),
    ("a blank at the end", "include: ['*.md ']", "has a blank at the edge", 3, "'*"),
    ("a set beyond ASCII", "include: ['[é]']", "beyond ASCII", 3, "'[é]'"),
    ("an open bracket", "include: ['[a']", "matches nothing", 3, "'[a'"),
    ("no fields", "version: 1\nrecords:\n  - include: [a]\n", "'fields' is missing", 3, "include"),
    ("fields is empty", "include: [a]\nfields: []", "an empty list of fields", 4, "fields"),
    ("fields is text", "include: [a]\nfields: secured", "'fields' must be a list", 4, "fields"),
    ("a field is text", "include: [a]\nfields: [secured]", "must be a mapping", 4, "secured"),
    ("a field without a path", "include: [a]\nfields: [{format: tagged}]", "'path' is missing", 4, "{format"),
    ("an empty path", "path:", "'path' has no value", 5, "path"),
    ("a path that is a truth value elsewhere", "path: no", "no text for other readers", 5, "no"),
    ("a key id that is a number elsewhere", "keys: [k1, 2024]", "no text for other readers", 6, "2024]"),
    ("a glob that is a number elsewhere", "include: [a, 1.5]", "no text for other readers", 3, "1.5]"),
    ("a bound field that is null elsewhere", "bind: [Null]", "no text for other readers", 6, "Null]"),
    ("a bound field that is a date elsewhere", "bind: [2024-01-01]", "no text for other readers", 6, "2024-01-01]"),
    ("a path that is none", "path: a..b", "not a field path", 5, "a..b"),
    ("a glob", "path: '*.password'", "not a field path", 5, "'*.password'"),
    ("a slash", "path: db/password", "not a field path", 5, "db/password"),
    ("a blank before it", "path: ' db.password'", "not a field path", 5, "' db"),
    ("JSONPath", "path: $.db", "not a field path", 5, "$.db"),
    ("a field with a bare blank", "path: my field", "not a field path", 5, "my field"),
    ("quotes for nothing", """path: '"secured"'""", "not a field path", 5, "'\"sec"),
    ("an open index", "path: 'a[0'", "not a field path", 5, "'a[0'"),
    ("an unusual index", "path: 'a[00]'", "not a field path", 5, "'a[00]'"),
    ("a path with a control", 'path: "a\\tb"', "do not print", 5, '"a'),
    ("required is yes", "required: yes", "true or false", 6, "yes"),
    ("required is quoted", 'required: "true"', "true or false", 6, '"true"'),
    ("another payload", "payload: yaml", "cannot be 'yaml'", 6, "yaml"),
    ("another format", "format: taged", "cannot be 'taged'", 6, "taged"),
    ("bound, but plain", "bind: path\nformat: plain", "its format may be plain", 7, "plain"),
    ("bound to another word", "bind: pth", "cannot be 'pth'", 6, "pth"),
    ("bound to a bare field", "bind: sourceUrl", "cannot be 'sourceUrl'", 6, "sourceUrl"),
    ("bound to an empty list", "bind: []", "an empty list of bind", 6, "bind"),
    ("bound to a mapping", "bind: {a: b}", "'bind' must be a list", 6, "bind"),
    ("bound to itself", "bind: [secured]", "which is the secured field", 6, "bind"),
    ("bound to its look-alike", "bind: [Secured]", "which is the secured field", 6, "bind"),
    ("bound to every item", "bind: ['a[]']", "every item", 6, "bind"),
    ("bound twice", "bind: [a, a]", "named before", 6, "bind"),
    ("a key id that is none", "keys: [K2]", "not a key id", 6, "K2"),
    ("a key twice", "keys: [k2, k2]", "a key is named twice", 6, "k2]"),
    ("no key", "keys: []", "an empty list of keys", 6, "keys"),
    ("keys is text", "keys: k2", "'keys' must be a list", 6, "keys"),
    ("a source as a key", "keys: [{env: HOME}]", "a list of texts", 6, "{env"),
    ("a key's bytes", "keys: [k2]\nhex: 00112233", "a policy has no 'hex'", 7, "hex"),
    ("a command", "version: 1\nkey-command: curl\n", "a policy has no 'key-command'", 2, "key-command"),
    ("a ring's keys", "version: 1\nkeys: []\n", "unknown attribute 'keys'", 2, "keys"),
    (
        "one field, two demands",
        "include: [a]\nfields: [{path: a}, {path: a, format: tagged}]",
        "has other demands",
        4,
        "{path: a, f",
    ),
    ("a field within another", "include: [a]\nfields: [{path: a}, {path: a.b}]", "one within the other", 4, "{path: a.b"),
    ("bound to a secured field", "include: [a]\nfields: [{path: a}, {path: b, bind: [a]}]", "is sealed itself", 4, "{path: b"),
    (
        "two rules on the same records",
        "- {include: [x], fields: [{path: a}]}\n- {include: [x], fields: [{path: a, format: tagged}]}\n",
        "has other demands in line 3",
        4,
        "{path: a, f",
    ),
]

# What the schema cannot say: what YAML hides from it (quotes, comments on types), and what one part of a policy says about another.
BEYOND_THE_SCHEMA = {
    "bound to itself",
    "bound to its look-alike",
    "bound to a secured field",
    "one field, two demands",
    "a field within another",
    "two rules on the same records",
    "an anchor",
    "a merge key",
    "a tag",
    "an open bracket",
    "quotes for nothing",
    "a path that is a truth value elsewhere",  # in YAML 1.1; editors read 1.2
    "a bound field that is a date elsewhere",  # likewise
}
