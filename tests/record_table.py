"""Small records, one difficulty each, and what the rules of the record format make of them.

``@`` stands for the blob in every template. Each row is read as it stands and, where it has no carriage return of its own, with CRLF.
"""

from __future__ import annotations

from typing import NamedTuple

OLD = "QUJDREVGR0hJSktMTU5PUA==;cXdlcnR5dWlvcGFzZGZnaA=="
NEW = "enp6enp6enp6enp6enp6eg==;MTIzNDU2Nzg5MGFiY2RlZg==;QUJD"


class Row(NamedTuple):
    """``outcome`` is ``value``, ``shared`` (a value that may not be edited), ``absent`` or an error's code."""

    name: str
    outcome: str
    data: bytes
    path: str = "secured"
    kind: str = "frontmatter"
    value: str | None = None
    after: bytes | None = None
    line: int | None = None


def _bytes(template: str | bytes, blob: str) -> bytes:
    data = template.encode() if isinstance(template, str) else template
    return data.replace(b"@", blob.encode())


def _row(name, outcome, template, *, path="secured", kind="frontmatter", value="@", after=None, line=None) -> Row:
    if outcome not in ("value", "shared"):
        return Row(name, outcome, _bytes(template, OLD), path, kind, line=line)
    return Row(
        name,
        outcome,
        _bytes(template, OLD),
        path,
        kind,
        value.replace("@", OLD),
        _bytes(after if after is not None else template, NEW) if outcome == "value" else None,
        line,
    )


def page(yaml: str) -> str:
    """Return a page with this front matter."""
    return f"---\n{yaml}---\n\nBODY: text\n"


_PAGES_WITH_VALUE = {
    # a: styles
    "a-double": 'secured: "@"\n',
    "a-single": "secured: '@'\n",
    "a-plain": "secured: @\n",
    "a-double-comment": 'secured: "@" # "note"\n',
    "a-single-comment": "secured: '@' # it's\n",
    "a-plain-comment": "secured: @ # note\n",
    "a-plain-comment-next-line": "secured: @\n# note\n",
    "a-double-spaces": 'secured:   "@"   \ntitle: x\n',
    "a-plain-spaces": "secured:  @  \ntitle: x\n",
    "a-double-tab": 'secured:\t"@"\t\n',
    "a-next-line": 'secured:\n  "@"\n',
    "a-next-line-plain": "secured:\n  @\nb: 1\n",
    "a-next-line-comment": "secured: # note\n  '@'\n",
    "a-next-line-blank": 'secured:\n\n\n   "@"\n\n',
    "a-space-before-colon": "secured  : @\n",
    "a-first": 'secured: "@"\ntitle: x\n',
    "a-middle": 'title: x\nsecured: "@"\nz: 1\n',
    "a-last": 'title: x\nz: 1\nsecured: "@"\n',
    "a-nested": 'a:\n  b:\n    secured: "@"\n',
    # b: anchors and tags that stay
    "b-anchor": 'secured: &x "@"\n',
    "b-anchor-plain": "secured: &x @\n",
    "b-anchor-single": "secured: &x   '@'\n",
    "b-tag": 'secured: !!str "@"\n',
    "b-tag-plain": "secured: !!str @\n",
    "b-tag-nonspecific": "secured: ! '@'\n",
    "b-tag-verbatim": "secured: !<tag:yaml.org,2002:str> @\n",
    "b-tag-anchor": 'secured: !!str &x "@"\n',
    "b-anchor-tag": "secured: &x !!str '@'\n",
    "b-anchor-next-line": 'secured: &x\n  "@"\n',
    "b-tag-next-line": "secured: !!str\n  @\n",
    "b-anchor-elsewhere": 'a: &x 1\nb: *x\nsecured: "@"\n',
    "b-anchor-on-key": '&k secured: "@"\n',
    "b-anchor-redefined": 'secured: &x "@"\na: &x 1\nb: *x\n',
    "b-alias-key": 'k: &k secured\n*k : "@"\n',
    "b-tag-on-key": '!!str secured: "@"\n',
    "b-merge-before-own": 'd: &d {secured: "x;y"}\n<<: *d\nsecured: "@"\n',
    "b-merge-without-it": 'd: &d {a: 1}\nsecured: "@"\n<<: *d\n',
    "b-merge-list-without-it": 'd: &d {a: 1}\nsecured: "@"\n<<: [*d, {b: 2}]\n',
    "b-merge-in-other-mapping": 'd: &d {secured: "x;y"}\ne:\n  <<: *d\nsecured: "@"\n',
    "b-recursive-alias": 'a: &a [*a]\nsecured: "@"\n',
    "b-root-anchor": '&r\nsecured: "@"\n',
    "b-root-tag": '!!map\nsecured: "@"\n',
    # c: keys and syntax
    "c-double-quoted-key": '"secured": "@"\n',
    "c-single-quoted-key": "'secured': @\n",
    "c-escaped-key": '"s\\x65c\\u0075red": "@"\n',
    "c-explicit-key": '? secured\n: "@"\n',
    "c-explicit-quoted-key": "? \"secured\"\n: '@'\nb: 1\n",
    "c-explicit-folded-key": "? >-\n  secured\n: @\n",
    "c-flow-root": '{secured: "@"}\n',
    "c-flow-root-plain": "{secured: @}\n",
    "c-flow-root-plain-comma": "{secured: @, a: 1}\n",
    "c-flow-json-like": '{"secured":"@"}\n',
    "c-flow-lines": '{\n  a: 1,\n  secured: "@",\n}\n',
    "c-flow-explicit": '{? secured : "@"}\n',
    "c-indented-root": '  a: 1\n  secured: "@"\n',
    "c-null-key": '~: 1\nsecured: "@"\n',
    "c-complex-keys": '? {a: b}\n: 1\n? - x\n: 2\nsecured: "@"\n',
    "c-other-duplicates": 'a: 1\na: 2\nsecured: "@"\n',
    "c-duplicates-below": 'a:\n  b: 1\n  b: 2\nsecured: "@"\n',
    "c-blank-lines": '\n\n# c\n\nsecured: "@"\n\n\n',
    "c-long-key-after": 'secured: "@"\n? ' + "k" * 2000 + "\n: v\n",
    "c-nested-same-name": 'a:\n  secured: no\nsecured: "@"\n',
    "c-similar-names": 'secured2: 1\nxsecured: 2\nsecured-x: 3\nsecure: 4\nsecured: "@"\n',
    "c-indentless-list": 'a:\n- b\n- c: d\nsecured: "@"\n',
    # d: decoys
    "d-comment": '# secured: "x;y"\nsecured: "@"\n',
    "d-comment-indented": '  # secured: "x;y"\nsecured: "@" #secured: "x;y"\n',
    "d-literal": 'a: |\n  secured: "x;y"\nsecured: "@"\n',
    "d-literal-deep": 'a:\n  b: |\n    x\n    secured: "x;y"\nsecured: "@"\n',
    "d-folded": 'a: >\n secured: "x;y"\nsecured: "@"\n',
    "d-double-lines": 'a: "x\nsecured: \'x;y\'\nz"\nsecured: "@"\n',
    "d-double-lines-indented": 'a: "x\n  secured: \'x;y\'\n  z"\nsecured: "@"\n',
    "d-single-lines": "a: 'x\nsecured: \"x;y\"\nz'\nsecured: '@'\n",
    "d-single-lines-plain": "a: 'x\nsecured: x;y\nz'\nsecured: @\n",
    "d-quote-pairs": "a: 'it''s\nsecured: x;y\n'''\nsecured: @\n",
    "d-double-escaped-quote": 'a: "x\\"\nsecured: x;y\n\\""\nsecured: "@"\n',
    "d-flow-mapping": 'a: {b: 1,\nsecured: "x;y",\nc: 2}\nsecured: "@"\n',
    "d-flow-list": 'a: [\nsecured: "x;y"\n]\nsecured: "@"\n',
    "d-flow-nested": 'a: [{\nsecured: x;y\n}]\nsecured: "@"\n',
    "d-plain-lines": "a: x\n  secured x;y\nsecured: @\n",
    "d-explicit-key": '? |\n  secured: "x;y"\n: 1\nsecured: "@"\n',
    "d-string-with-colon": 'a: "secured: x;y"\nsecured: "@"\n',
    "d-list-item": "- secured: x;y\n".replace("- ", "a:\n- ") + 'secured: "@"\n',
    "d-key-in-value": "a: secured\nb: [secured]\nsecured: @\n",
    "d-body-value": 'secured: "@"\n',
    "d-url": 'a: http://x/?secured:x;y\nsecured: "@"\n',
    "d-glued-comment": 'a: "b"#"\nsecured: "@"\n# "\n'.replace('"b"#"', "b#'") + "# '\n",
    "d-unbalanced-apostrophe": "a: it's\nsecured: '@'\nb: don't\n",
    "d-unbalanced-brackets": 'a: x ] } [ {\nsecured: "@"\nb: ] }\n'.replace("b: ] }", "b: x] }"),
    # e: Unicode
    "e-astral": 'a: "🎉🎉"\nsecured: "@"\n',
    "e-astral-plain": "🎉: 🎉\nsecured: @ # 🎉\n",
    "e-cjk-single": "標題: 日本語\nsecured: '@'\n",
    "e-combining": 'a: "e\u0301 \u05e9\u05dc \u202eabc"\nsecured: "@"\n',
    "e-nbsp": 'a: x\u00a0y\nsecured: "@"\n',
    "e-zero-width": 'a: "x\u200by\u2060z"\nsecured: "@"\n',
    "e-bom-in-text": 'a: "x\ufeffy"\nsecured: "@"\n',
    "e-line-separator-in-quotes": 'a: "x\u2028y"\nsecured: "@"\n',
    "e-paragraph-separator-in-quotes": 'a: "x\u2029y"\nsecured: "@"\n',
    "e-nel-in-quotes": 'a: "x\u0085y"\nsecured: "@"\n',
    "e-line-separator-escaped": 'a: "x\\Ly\\P\\N"\nsecured: "@"\n',
    "e-line-separator-after": 'secured: "@"\na: "x\u2028y"\n',
    "e-noncharacter-astral": 'a: "\U0001fffe"\nsecured: "@"\n',
    "e-replacement-character": 'a: "\ufffd"\nsecured: "@"\n',
    "e-other-alphabets": 'ключ: 1\nκλειδί: 2\nsecured: "@"\n',
    # f: white space at line ends and blank lines
    "f-blank-line-with-spaces": 'a: 1\n   \nsecured: "@"\n  \n',
    "f-trailing-spaces-everywhere": 'a: 1  \nsecured: "@"  \nb: 2  \n',
    # k
    "k-long-line": 'a: "' + "x" * 5000 + '"\nsecured: "@"\n',
    "k-many-lines": "".join(f"k{i}: v\n" for i in range(2000)) + 'secured: "@"\n',
    "k-depth-100": "a: " + "[" * 99 + "]" * 99 + '\nsecured: "@"\n',
    "k-aliases-100": "a: &a 1\nb: [" + ", ".join(["*a"] * 100) + ']\nsecured: "@"\n',
}

_BLOCKS = {
    # name: front matter, value, front matter after
    "a-literal": ("secured: |\n  @\nb: 1\n", "@\n"),
    "a-literal-strip": ("secured: |-\n  @\nb: 1\n", "@"),
    "a-literal-keep": ("secured: |+\n  @\n\n\nb: 1\n", "@\n\n\n"),
    "a-literal-last": ("b: 1\nsecured: |\n  @\n", "@\n"),
    "a-literal-indicator": ("secured: |2-\n  @\n", "@"),
    "a-literal-indicator-deep": ("secured: |2\n    @\n", "  @\n"),
    "a-literal-comment": ("secured: | # note\n  @\n", "@\n"),
    "a-literal-blank-before": ("secured: |\n\n  @\n\nb: 1\n", "\n@\n"),
    "a-literal-anchor": ("secured: &x |-\n  @\n", "@"),
    "a-literal-tag": ("secured: !!str |\n  @\n", "@\n"),
    "a-literal-trailing-spaces": ("secured: |\n  @  \nb: 1\n", "@  \n"),
    "a-literal-comment-after": ("secured: |\n  @\n# note\nb: 1\n", "@\n"),
    "a-literal-one-space": ("secured: |\n @\n", "@\n"),
    "a-literal-nested": ("a:\n  - secured: |-\n      @\n    b: 1\n", "@"),
    "a-folded": ("secured: >\n  @\nb: 1\n", "@\n"),
    "a-folded-strip": ("secured: >-\n  @\n", "@"),
    "a-folded-keep": ("secured: >+\n  @\n\nb: 1\n", "@\n\n"),
    "a-folded-blank-before": ("secured: >-\n\n  @\n", "\n@"),
}

_REWRITTEN = {
    # name: front matter, value, front matter after
    "a-double-escaped-blob": ('secured: "QUJD\\/w==;\\x51UJD"\n', "QUJD/w==;QUJD", 'secured: "@"\n'),
    "a-double-escapes": ('secured: "\\x51UJD;x\\/y"\n', "QUJD;x/y", 'secured: "@"\n'),
    "a-double-continued": ('secured: "QUJD;\\\n  x"\n', "QUJD;x", 'secured: "@"\n'),
    "a-double-folded": ('secured: "QUJD;\n  x"\n', "QUJD; x", 'secured: "@"\n'),
    "a-double-folded-column-0": ('secured: "QUJD;\nx"\n', "QUJD; x", 'secured: "@"\n'),
    "a-single-folded": ("secured: 'QUJD;\n  x'\n", "QUJD; x", "secured: '@'\n"),
    "a-single-pairs": ("secured: 'it''s'\n", "it's", "secured: '@'\n"),
    "a-plain-folded": ("secured: QUJD;\n  x\n", "QUJD; x", "secured: @\n"),
    "a-plain-words": ("secured: some text, really\n", "some text, really", "secured: @\n"),
    "a-empty-double": ('secured: ""\n', "", 'secured: "@"\n'),
    "a-empty-single": ("secured: ''\n", "", "secured: '@'\n"),
    "a-literal-lines": ("secured: |\n  two\n  lines\nb: 1\n", "two\nlines\n", "secured: |\n  @\nb: 1\n"),
    "a-folded-lines": ("secured: >-\n  two\n  lines\n", "two lines", "secured: >-\n  @\n"),
    "a-literal-inner-blank": ("secured: |\n  two\n\n  parts\n\nb: 1\n", "two\n\nparts\n", "secured: |\n  @\n\nb: 1\n"),
    "a-literal-empty": ("secured: |\nb: 1\n", "", 'secured: "@"\nb: 1\n'),
    "a-literal-empty-comment": ("secured: | # note\nb: 1\n", "", 'secured: "@" # note\nb: 1\n'),
    "b-tag-number": ("secured: !!str 12\n", "12", "secured: !!str @\n"),
    "b-tag-empty": ("secured: !!str ''\n", "", "secured: !!str '@'\n"),
    "g-quoted-number": ('secured: "12"\n', "12", 'secured: "@"\n'),
    "g-quoted-null": ("secured: 'null'\n", "null", "secured: '@'\n"),
    "g-nearly-number": ("secured: 12a\n", "12a", "secured: @\n"),
    "g-version": ("secured: 1.2.3\n", "1.2.3", "secured: @\n"),
    "g-nearly-date": ("secured: 2020-01\n", "2020-01", "secured: @\n"),
    "g-date-and-words": ("secured: 2020-01-01 10:00:00 tea\n", "2020-01-01 10:00:00 tea", "secured: @\n"),
    "g-nearly-bool": ("secured: nope\n", "nope", "secured: @\n"),
    "g-nearly-null": ("secured: nil\n", "nil", "secured: @\n"),
    "g-nearly-inf": ("secured: inf\n", "inf", "secured: @\n"),
}

_LISTED = {
    "c-list-first": ('a:\n  - secured: "@"\n  - secured: no;no\n', "a[0].secured"),
    "c-list-second": ('a:\n- secured: no;no\n- b: 1\n  secured: "@"\n', "a[1].secured"),
    "c-list-every": ('a:\n- b: 1\n- secured: "@"\n', "a[].secured"),
    "c-list-of-lists": ("a:\n- - x\n  - '@'\n", "a[0][1]"),
    "c-list-flow": ('a: [{b: 1}, {secured: "@"}]\n', "a[1].secured"),
    "c-list-item-itself": ("a:\n- x\n- @\n", "a[1]"),
    "c-deep": ('a:\n  b:\n    - c:\n        secured: "@"\n', "a.b[0].c.secured"),
    "c-other-name": ("pay load: '@'\n", '"pay load"'),
    "c-other-alphabet": ("ключ: @\n", "ключ"),
    "c-number-as-name": ('1: "@"\n', "1"),
    "b-anchored-parent": ('a: &p\n  secured: "@"\n', "a.secured"),
    "b-list-anchored": ('a: &p\n- "@"\n', "a[0]"),
}

_SHARED = {
    "b-alias": ('a: &x "@"\nsecured: *x\n', "secured"),
    "b-anchor-used": ('secured: &x "@"\na: *x\n', "secured"),
    "b-anchor-used-in-list": ("secured: &x @\na:\n- *x\n", "secured"),
    "b-parent-used": ('p: &p\n  secured: "@"\nq: *p\n', "p.secured"),
    "b-through-parent-alias": ('p: &p\n  secured: "@"\nq: *p\n', "q.secured"),
    "b-parent-merged": ('p: &p\n  secured: "@"\nq:\n  <<: *p\n', "p.secured"),
    "b-list-used": ('p: &p ["@"]\nq: *p\n', "p[0]"),
    "b-anchor-used-as-key": ('secured: &x "@"\n*x : 1\n', "secured"),
    "b-root-used": ('&r\nsecured: "@"\nself: *r\n', "secured"),
}

_PAGES_WITH_ERROR = {
    # name: front matter, code, line in the file
    "b-merge-brings": ('d: &d {secured: "@"}\n<<: *d\n', "merged_field", 3),
    "b-merge-after-own": ('d: &d {secured: "@"}\nsecured: "@"\n<<: *d\n', "merged_field", 4),
    "b-merge-list": ('d: &d {secured: "@"}\n<<: [{a: 1}, *d]\n', "merged_field", 3),
    "b-merge-inline": ('<<: {secured: "@"}\n', "merged_field", 2),
    "b-merge-of-merge": ('d: &d {secured: "@"}\ne: &e {<<: *d}\n<<: *e\n', "merged_field", 4),
    "b-merge-quoted": ('"<<": {secured: "@"}\n', "merged_field", 2),
    "b-merge-by-tag": ('!!merge m: {secured: "@"}\n', "merged_field", 2),
    "b-merge-itself": ('&r\nsecured: "@"\n<<: *r\n', "merged_field", 4),
    "b-merge-two": ('d: &d {secured: "@"}\ne: &e {a: 1}\nsecured: "@"\n<<: *d\nb: 1\n<<: *e\n', "merged_field", 5),
    "b-merge-before-and-after": ('d: &d {secured: "@"}\n<<: *d\nsecured: "@"\n<<: *d\n', "merged_field", 5),
    "b-merge-look-alike": ("d: &d {Secured: x}\n<<: *d\n", "lookalike_key", 2),
    "b-tag-binary": ('secured: !!binary "QUJD"\n', "not_a_string", 2),
    "b-tag-own": ('secured: !vault "@"\n', "not_a_string", 2),
    "b-tag-int": ("secured: !!int 12\n", "not_a_string", 2),
    "b-tag-null": ('secured: !!null ""\n', "not_a_string", 2),
    "b-alias-to-list": ("a: &a [1]\nsecured: *a\n", "not_a_string", 2),
    "b-alias-unknown": ("secured: *a\n", "syntax", 2),
    "b-alias-before-anchor": ('a: *x\nsecured: &x "@"\n', "syntax", 2),
    "b-alias-unknown-elsewhere": ('secured: "@"\na: *x\n', "syntax", 3),
    "b-two-anchors": ('secured: &a &b "@"\n', "syntax", None),
    "b-tag-undefined-handle": ('secured: !e!t "@"\n', "syntax", 2),
    "c-duplicate": ('secured: "@"\nsecured: "@"\n', "duplicate_key", 3),
    "c-duplicate-null-last": ('secured: "@"\nsecured:\n', "duplicate_key", 3),
    "c-duplicate-quoted": ('secured: "@"\na: 1\n"secured": x\n', "duplicate_key", 4),
    "c-duplicate-escaped": ('secured: "@"\n"secure\\x64": x\n', "duplicate_key", 3),
    "c-duplicate-explicit": ('secured: "@"\n? secured\n: x\n', "duplicate_key", 3),
    "c-duplicate-explicit-alone": ('secured: "@"\n? secured\n', "duplicate_key", 3),
    "c-duplicate-alias-key": ('secured: "@"\nk: &k secured\n*k : x\n', "duplicate_key", 4),
    "c-duplicate-flow": ('{secured: "@", secured}\n', "duplicate_key", 2),
    "c-duplicate-three": ('secured: "@"\nsecured: "@"\nsecured: "@"\n', "duplicate_key", 3),
    "c-duplicate-space-before-colon": ('secured: "@"\nsecured : x\n', "duplicate_key", 3),
    "c-case": ('Secured: "@"\n', "lookalike_key", 2),
    "d-only-key-with-space": ('"secured ": "@"\n', "lookalike_key", 2),
    "c-case-beside": ('secured: "@"\nSECURED: x\n', "lookalike_key", 3),
    "c-key-with-fullwidth": ('\uff53ecured: "@"\n', "lookalike_key", 2),
    "c-no-space": ('secured:"@"\n', "syntax", 2),
    "c-no-space-more": ('a: 1\nsecured:"@"\nb: 1\n', "syntax", None),
    "c-nbsp-after-colon": ('a: 1\nsecured:\u00a0"@"\nb: 1\n', "syntax", None),
    "c-tab-indent": ('a:\n\tsecured: "@"\n', "syntax", 3),
    "c-tab-first": ('a: 1\n\tsecured: "@"\n', "syntax", None),
    "c-text-after-quote": ('secured: "@" x\n', "syntax", None),
    "c-quote-after-quote": ('secured: "@""\n', "syntax", None),
    "c-unclosed-double": ('secured: "@\n', "syntax", None),
    "c-unclosed-single": ("secured: '@\nb: 1\n", "syntax", None),
    "c-unclosed-elsewhere": ('a: "x\nsecured: "@"\n', "syntax", 3),
    "c-unclosed-flow": ('a: [x\nsecured: "@"\n', "syntax", 3),
    "c-unclosed-flow-mapping": ('a: {x: 1\nsecured: "@"\n', "syntax", 3),
    "c-stray-bracket": ('a: ]\nsecured: "@"\n', "syntax", 2),
    "c-two-colons": ('a: b: c\nsecured: "@"\n', "syntax", 2),
    "c-bad-indent": ('a: b\n c: d\nsecured: "@"\n', "syntax", 3),
    "c-dedent": ('  a: b\nsecured: "@"\n', "syntax", 3),
    "c-list-then-key": ('- a\nsecured: "@"\n', "syntax", 3),
    "c-key-then-list": ('secured: "@"\n- a\n', "syntax", 3),
    "c-reserved-at": ("a: \x40x\nsecured: x;y\n".replace("\x40", "`"), "syntax", 2),
    "c-percent": ('a: %x\nsecured: "@"\n', "syntax", 2),
    "c-bad-escape": ('a: "\\q"\nsecured: "@"\n', "syntax", 2),
    "c-bad-escape-in-value": ('secured: "\\q@"\n', "syntax", 2),
    "c-conflict-markers": ('<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> b\nsecured: "@"\n', "syntax", 3),
    "c-long-key": ("k" * 1025 + ': 1\nsecured: "@"\n', "syntax", 2),
    "c-continued-plain-key": ('secured: "@"\nplain\n', "syntax", None),
    "c-through-scalar": ("secured: x\n", None, 2),
    "c-list-root": ('- secured: "@"\n', "syntax", 2),
    "d-root-literal": ('|\n secured: "@"\n', "syntax", 2),
    "d-root-quoted": ('"secured: x"\n', "syntax", 2),
    "d-root-text": ("just text\n", "syntax", 2),
    "d-root-number": ("12\n", "syntax", 2),
    "e-line-separator-makes-key": ('a: x\u2028secured: "@"\n', "line_break", 2),
    "e-paragraph-separator-makes-key": ('a: x\u2029secured: "@"\n', "line_break", 2),
    "e-nel-makes-key": ('b: 1\na: x\u0085secured: "@"\n', "line_break", 3),
    "e-line-separator-in-comment": ('# x\u2028secured: "@"\n', "line_break", 2),
    "e-line-separator-in-value": ('secured: "@\u2028"\n', "line_break", 2),
    "e-nel-in-plain-value": ("secured: @\u0085\n", "line_break", 2),
    "e-line-separator-hides-key": ('a: |\n  x\n\u2028  y\nsecured: "@"\n', "line_break", 4),
    "e-delete": ('a: "\x7f"\nsecured: "@"\n', "syntax", 2),
    "e-c1": ('a: "\x9f"\nsecured: "@"\n', "syntax", 2),
    "e-escape-character": ('b: 1\na: \x1b[0m\nsecured: "@"\n', "syntax", 3),
    "e-noncharacter": ('a: "\uffff"\nsecured: "@"\n', "syntax", 2),
    "e-cyrillic-key": ('s\u0435cured: "@"\n', "lookalike_key", 2),
    "e-soft-hyphen-key": ('se\u00adcured: "@"\n', "lookalike_key", 2),
    "e-bom-key": ('a: 1\n\ufeffsecured: "@"\n', "frontmatter", 3),
    "e-bom-key-nested": ('a:\n\ufeffsecured: "@"\n', "frontmatter", 3),
    "e-bom-key-quoted": ('"\ufeffsecured": "@"\n', "lookalike_key", 2),
    "e-bom-first": ('\ufeffsecured: "@"\n', "frontmatter", 2),
    "e-nul": ('a: 1\nb: "\x00"\nsecured: "@"\n', "frontmatter", 3),
    "h-directive": ('%YAML 1.1\nsecured: "@"\n', "syntax", None),
    "k-depth-101": ("a: " + "[" * 100 + "]" * 100 + '\nsecured: "@"\n', "limit", 2),
    "k-aliases-101": ("a: &a 1\nb: [" + ", ".join(["*a"] * 101) + ']\nsecured: "@"\n', "limit", 3),
}
_PAGES_WITH_ERROR.pop("c-through-scalar")

_NO_STRINGS = (
    *(
        "",
        "~",
        "null",
        "Null",
        "NULL",
        "# c",
        "true",
        "True",
        "FALSE",
        "yes",
        "No",
        "ON",
        "off",
        "0",
        "12",
        "-1",
        "+1",
        "1_000",
        "0x1F",
        "0o17",
    ),
    *(
        "0b101",
        "017",
        "1.5",
        "-.5",
        "1.",
        "1e3",
        "1.5E-3",
        ".inf",
        "-.Inf",
        ".NaN",
        "190:20:30",
        "1:30.5",
        "2020-01-23",
        "2020-1-2",
    ),
    *("2020-01-23T15:01:00Z", "2020-01-23 15:01:00.5 +01:00", "2020-01-23t15:01:00-0130", "[]", "[a, b]", "{}", "{a: b}"),
    *("\n  a: b", "\n  - a", "\n- a", "&x", "&x 12", "!!int 12", "!x y", "!!binary QUJD", "!!set {a}"),
)

_ABSENT = {
    "d-only-comment": 'a: 1\n# secured: "@"\n',
    "d-only-comment-no-key": '# secured: "@"\n',
    "d-only-nested": 'a:\n  secured: "@"\n',
    "d-only-in-list": 'a:\n- secured: "@"\n',
    "d-only-literal": 'a: |\n  secured: "@"\n',
    "d-only-folded": 'a: >-\n  x\n  secured: "@"\n',
    "d-only-quoted": 'a: "secured: @"\n',
    "d-only-quoted-lines": "a: 'x\nsecured: @\nb'\n",
    "d-only-flow": 'a: {\nsecured: "@"\n}\n',
    "d-only-value": "a: secured\n",
    "d-only-longer-names": 'secured2: "@"\nunsecured: "@"\nsecured-by: "@"\nsecured_: "@"\n',
    "d-only-dotted": 'secured.x: "@"\nx.secured: "@"\n',
    "d-only-alias": 'a: &secured "@"\nb: *secured\n',
    "d-only-tag": 'a: !secured "@"\n',
    "b-other-merge": "d: &d {a: 1}\n<<: *d\n",
    "h-empty": "",
    "h-blank": "\n\n  \n",
    "h-comment": "# nothing\n",
    "g-root-null": "~\n",
    "g-root-empty-mapping": "{}\n",
    "e-accent": 'secúred: "@"\n',
    "e-escape-elsewhere": 'a: "\\x41\\u0042"\n',
}

_FILES_WITH_VALUE = {
    # whole front matter records
    "h-trailing-blanks": '--- \t\nsecured: "@"\n---  \nB\n',
    "h-dots": "a: 1\n".join(("---\n", 'secured: "@"\n...\nB\n')),
    "h-dots-blank": '---\nsecured: "@"\n... \nB\n',
    "h-no-body": '---\nsecured: "@"\n---\n',
    "h-no-body-no-newline": '---\nsecured: "@"\n---',
    "h-dots-no-newline": '---\nsecured: "@"\n...',
    "h-body-dashes": '---\nsecured: "@"\n---\n---\nsecured: "x;y"\n---\n',
    "h-body-near-misses": '---\nsecured: "@"\n---\n----\n... x\n--- x\n',
    "h-dots-glued": '---\na: "\n...x"\nsecured: "@"\n---\n',
    "h-dashes-indented": '---\na: |\n  ---\n  ...\nsecured: "@"\n---\n',
    "h-dashes-one-space": '---\na: "x\n --- y"\nsecured: "@"\n---\n',
    "h-two-dashes": '---\na: "\n-- x"\nsecured: "@"\n---\n',
    "h-bom": '\ufeff---\nsecured: "@"\n---\nB\n',
    "h-bom-trailing-blanks": '\ufeff---\t\nsecured: "@"\n---\nB\n',
    "d-body": '---\nsecured: "@"\n---\nsecured: "x;y"\n',
    "f-no-final-newline": '---\nsecured: "@"\n---\nbody',
    "f-body-odd-ends": b'---\nsecured: "@"\n---\na\rb\r\nc\n\r\n\r',
    "f-crlf": b'---\r\na: 1\r\nsecured: "@"\r\n---\r\nB\r\n',
    "f-crlf-dots": b'---\r\nsecured: "@"\r\n...\r\nB\r\n',
    "f-mixed": b'---\r\na: 1\nsecured: "@"\r\nb: 2\n---\nB\r\n',
    "f-mixed-plain": b"---\na: 1\r\nsecured: @\nb: 2\r\n---\r\nB\n",
    "f-crlf-end-cr": b'---\r\nsecured: "@"\r\n---\r',
    "f-lone-cr-between": b'---\na: 1\rsecured: "@"\rb: 2\n---\n',
    "f-cr-cr-lf": b'---\na: 1\r\r\nsecured: "@"\n---\n',
    "f-crlf-literal": b"---\r\nsecured: |-\r\n  @\r\nb: 1\r\n---\r\n",
    "f-crlf-plain-next": b"---\r\nsecured: @\r\n\r\nb: 1\r\n---\r\n",
    "k-latin-1-body": b'---\nsecured: "@"\n---\ncaf\xe9\n',
    "k-nul-body": b'---\nsecured: "@"\n---\n\x00\x01\xff\xfe\n',
    "k-utf-16-body": b'---\nsecured: "@"\n---\n' + "---\nB".encode("utf-16"),
    "k-c1-body": '---\nsecured: "@"\n---\n\x80\x85\u2028\n',
}

_FILES_WITH_ERROR = {
    # whole front matter records: data, code, line
    "h-unclosed": ('---\nsecured: "@"\n\nB\n', "frontmatter", 1),
    "h-unclosed-empty": ("---\n", "frontmatter", 1),
    "h-opener-alone": ("---", "frontmatter", 1),
    "h-close-four-dashes": ('---\nsecured: "@"\n----\nB\n', "frontmatter", 3),
    "h-close-glued": ('---\nsecured: "@"\n---x\nB\n', "frontmatter", 3),
    "h-close-text": ('---\nsecured: "@"\n--- x\n---\nB\n', "frontmatter", 3),
    "h-close-comment": ('---\nsecured: "@"\n--- # c\n---\n', "frontmatter", 3),
    "h-dots-text": ('---\nsecured: "@"\n... x\n---\nB\n', "frontmatter", 3),
    "h-dots-tab-text": ('---\na: 1\nsecured: "@"\n...\tx\n---\nB\n', "frontmatter", 4),
    "h-close-cr": (b'---\nsecured: "@"\n---\rB\n', "frontmatter", 3),
    "h-dashes-in-quotes": ('---\na: "x\n---y"\nsecured: "@"\n---\n', "frontmatter", 3),
    "h-close-indented": ('---\nsecured: "@"\n ---\nB\n', "frontmatter", 1),
    "h-close-nbsp": ('---\nsecured: "@"\n---\u00a0\nB\n', "frontmatter", 3),
    "h-open-blank-line": ('\n---\nsecured: "@"\n---\n', "frontmatter", 2),
    "h-open-blank-lines": ('\n \r\n\t\n---\nsecured: "@"\n---\n', "frontmatter", 4),
    "h-open-space": (' ---\nsecured: "@"\n---\n', "frontmatter", 1),
    "h-open-nbsp": ('\u00a0---\nsecured: "@"\n---\n', "frontmatter", 1),
    "h-open-zero-width": ('\u200b---\nsecured: "@"\n---\n', "frontmatter", 1),
    "h-open-line-separator": ('\u2028---\nsecured: "@"\n---\n', "frontmatter", 1),
    "h-open-form-feed": ('\f---\nsecured: "@"\n---\n', "frontmatter", 1),
    "h-open-bom-blank-line": ('\ufeff\n---\nsecured: "@"\n---\n', "frontmatter", 2),
    "h-open-two-boms": ('\ufeff\ufeff---\nsecured: "@"\n---\n', "frontmatter", 1),
    "h-open-blank-bom": ('\n\ufeff---\nsecured: "@"\n---\n', "frontmatter", 2),
    "h-open-four-dashes": ('----\nsecured: "@"\n----\n', "frontmatter", 1),
    "h-open-yaml": ('---yaml\nsecured: "@"\n---\n', "frontmatter", 1),
    "h-open-json": ('---json\n{"secured": "@"}\n---\n', "frontmatter", 1),
    "h-open-text": ('--- x\nsecured: "@"\n---\n', "frontmatter", 1),
    "h-open-comment": ('--- # c\nsecured: "@"\n---\n', "frontmatter", 1),
    "h-open-cr": (b'---\rsecured: "@"\r---\r', "frontmatter", 1),
    "h-open-nbsp-after": ('---\u00a0\nsecured: "@"\n---\n', "frontmatter", 1),
    "h-toml": ('+++\nsecured = "@"\n+++\n', "unsupported_record", 1),
    "h-toml-bom": ('\ufeff+++\nsecured = "@"\n+++\n', "unsupported_record", 1),
    "h-toml-blank-line": ('\n+++\nsecured = "@"\n+++\n', "unsupported_record", 2),
    "h-json": ('{"secured": "@"}\n\nB\n', "unsupported_record", 1),
    "h-json-lines": ('{\n  "secured": "@"\n}\n', "unsupported_record", 1),
    "h-json-empty": ("{}\nB\n", "unsupported_record", 1),
    "h-json-space": ('{ "secured": "@" }\n', "unsupported_record", 1),
    "k-latin-1": (b'---\na: 1\nb: caf\xe9\nsecured: "@"\n---\n', "frontmatter", 3),
    "k-latin-1-first": (b'---\n\xe9: 1\nsecured: "@"\n---\n', "frontmatter", 2),
    "k-overlong": (b'---\na: "\xc0\xaf"\nsecured: "@"\n---\n', "frontmatter", 2),
    "k-surrogate": (b'---\na: "\xed\xa0\x80"\nsecured: "@"\n---\n', "frontmatter", 2),
    "k-cut-character": (b'---\nsecured: "@"\na: \xe2\x82\n---\n', "frontmatter", 3),
    "k-utf-16-le": ("\ufeff" + '---\nsecured: "@"\n---\n', None, 1),
    "k-big": ('---\nsecured: "@"\na: ' + "x" * (1 << 20) + "\n---\n", "limit", None),
    "k-many-events": ('---\nsecured: "@"\na: [' + "a," * 100_001 + "]\n---\n", "limit", None),
}
_FILES_WITH_ERROR.pop("k-utf-16-le")
_ENCODED = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")

_FILES_ABSENT = {
    "h-none": "# Title\n\nText\n",
    "h-none-empty": "",
    "h-none-blank": "\n\n",
    "h-none-later": 'Text\n---\nsecured: "@"\n---\n',
    "h-none-two-dashes": '--\nsecured: "@"\n--\n',
    "h-none-bom": "\ufeffText\n",
    "h-none-brace": "{% raw %}\n",
    "h-none-two-braces": "{{ page.title }}\n",
    "h-none-plus": '++ secured: "@"\n',
    "h-none-dots": '...\nsecured: "@"\n...\n',
    "h-none-underline": 'Title\n---\n\nsecured: "@"\n',
    "h-none-latin-1": b"caf\xe9\n",
    "h-empty-fields": '---\n---\nsecured: "@"\n',
    "h-empty-fields-no-newline": "---\n---",
    "h-empty-fields-dots": '---\n...\nsecured: "@"\n---\n',
    "h-body-only": '---\na: 1\n---\nsecured: "@"\n',
}

_YAML_WITH_VALUE = {
    "i-simple": 'secured: "@"\n',
    "i-start-marker": '---\nsecured: "@"\n',
    "i-start-marker-same-line": '--- {secured: "@"}\n',
    "i-start-marker-comment": '--- # c\nsecured: "@"\n',
    "i-end-marker": 'secured: "@"\n...\n',
    "i-both-markers": '---\nsecured: "@"\n...\n',
    "i-end-marker-comment": "secured: @\n... # c\n",
    "i-directive": '%YAML 1.1\n---\nsecured: "@"\n',
    "i-tag-directive": '%TAG !e! tag:e.org,2000:\n---\na: !e!x 1\nsecured: "@"\n',
    "i-bom": '\ufeffsecured: "@"\n',
    "i-bom-start-marker": '\ufeff---\nsecured: "@"\n',
    "i-no-newline": 'a: 1\nsecured: "@"',
    "i-no-newline-plain": "secured: @",
    "i-crlf": b'a: 1\r\nsecured: "@"\r\n',
    "i-leading-comment": '# c\n\nsecured: "@"\n',
    "i-json-like": '{"a": [1, 2], "secured": "@"}',
    "i-dashes-indented": 'a: |\n  ---\nsecured: "@"\n',
    "i-open-fence": 'a: 1\nb: "x\n  ---"\nsecured: "@"\n',
}

_YAML_WITH_ERROR = {
    "i-two-documents": ('secured: "@"\n---\nsecured: "@"\n', "syntax", 2),
    "i-two-documents-null": ('secured: "@"\n---\n', "syntax", 2),
    "i-front-matter": ('---\nsecured: "@"\n---\nB\n', "syntax", 3),
    "i-text-after-end": ('secured: "@"\n...\nx: 1\n', "syntax", 3),
    "i-list-root": ('- "@"\n', "syntax", 1),
    "i-scalar-root": ("secured\n", "syntax", 1),
    "i-two-boms": ('\ufeff\ufeffsecured: "@"\n', "syntax", 1),
    "i-nul": ('a: 1\nsecured: "@\x00"\n', "syntax", 2),
    "i-latin-1": (b'a: caf\xe9\nsecured: "@"\n', "syntax", 1),
    "i-tab": ('a:\n\tb: 1\nsecured: "@"\n', "syntax", 2),
    "i-bad-directive": ('%YAML 9.9\n---\nsecured: "@"\n', "syntax", None),
    "i-duplicate": ('secured: "@"\nsecured: "@"\n', "duplicate_key", 2),
    "i-null": ("secured:\n", "not_a_string", 1),
    "i-literal-decoy": ('--- |\nsecured: "@"\n', "syntax", None),
}

_YAML_ABSENT = {
    "i-empty": "",
    "i-blank": "\n\n",
    "i-comment": "# c\n",
    "i-marker": "---\n",
    "i-null-root": "--- ~\n",
    "i-dots": "---\n...\n",
}

_JSON_WITH_VALUE = {
    "j-compact": ('{"a":1,"secured":"@"}', "secured"),
    "j-spaces": ('{ "secured" : "@" }\n', "secured"),
    "j-lines": ('{\n  "a": [1, 2],\n  "secured": "@"\n}\n', "secured"),
    "j-tabs": ('{\n\t"secured":\t"@"\n}\n', "secured"),
    "j-crlf": (b'{\r\n  "secured": "@"\r\n}\r\n', "secured"),
    "j-bom": ('\ufeff{"secured": "@"}', "secured"),
    "j-escaped-key": ('{"\\u0073ecured": "@"}', "secured"),
    "j-nested": ('{"a": {"b": {"secured": "@"}}}', "a.b.secured"),
    "j-list": ('{"a": [{"secured": "no;no"}, {"secured": "@"}]}', "a[1].secured"),
    "j-list-root": ('[{"x": 1}, {"secured": "@"}]', "[1].secured"),
    "j-every": ('[{"x": 1}, {"secured": "@"}]', "[].secured"),
    "j-decoys": ('{"a": "\\"secured\\": \\"x;y\\"", "b": ["secured"], "c": {"secured": 1}, "secured": "@"}', "secured"),
    "j-astral": ('{"a": "🎉", "b": "\\ud83c\\udf89", "secured": "@"}', "secured"),
    "j-lone-surrogate-elsewhere": ('{"a": "\\ud83c", "secured": "@"}', "secured"),
    "j-escapes-elsewhere": ('{"a": "\\b\\f\\n\\r\\t\\/\\\\\\"", "secured": "@"}', "secured"),
    "j-line-separator-elsewhere": ('{"a": "\u2028\u2029\u0085", "secured": "@"}', "secured"),
    "j-other-duplicates": ('{"a": 1, "a": 2, "secured": "@"}', "secured"),
    "j-numbers": ('{"a": [0, -0, 1.5, -2e10, 1E-5, 123456789012345678901234567890], "secured": "@"}', "secured"),
    "j-literals": ('{"a": [true, false, null], "secured": "@"}', "secured"),
    "j-empty-members": ('{"": "", "a": {}, "b": [], "secured": "@"}', "secured"),
    "j-delete-character": ('{"a": "\x7f", "secured": "@"}', "secured"),
    "j-depth-100": ('{"a": ' + "[" * 99 + "]" * 99 + ', "secured": "@"}', "secured"),
    "j-hash-in-string": ('{"a": "# no comment", "secured": "@"}', "secured"),
}

_JSON_REWRITTEN = {
    "j-escaped-value": ('{"secured": "\\u0051\\/x;y"}', "Q/x;y", '{"secured": "@"}'),
    "j-empty-value": ('{"secured": ""}', "", '{"secured": "@"}'),
    "j-surrogate-pair": ('{"secured": "\\ud83c\\udf89"}', "🎉", '{"secured": "@"}'),
    "j-line-separator-value": ('{"secured": "a\u2028b"}', "a\u2028b", '{"secured": "@"}'),
    "j-number-as-text": ('{"secured": "12"}', "12", '{"secured": "@"}'),
}

_JSON_WITH_ERROR = {
    "j-duplicate": ('{"secured": "@", "secured": "@"}', "duplicate_key", 1),
    "j-duplicate-escaped": ('{\n"secured": "@",\n"secure\\u0064": "@"}', "duplicate_key", 3),
    "j-look-alike": ('{"Secured": "@"}', "lookalike_key", 1),
    "j-null": ('{"secured": null}', "not_a_string", 1),
    "j-number": ('{"a": 1,\n "secured": 12}', "not_a_string", 2),
    "j-true": ('{"secured": true}', "not_a_string", 1),
    "j-list-value": ('{"secured": ["@"]}', "not_a_string", 1),
    "j-object-value": ('{"secured": {"a": "@"}}', "not_a_string", 1),
    "j-nan": ('{"a": NaN, "secured": "@"}', "syntax", 1),
    "j-infinity": ('{"a": -Infinity, "secured": "@"}', "syntax", 1),
    "j-trailing-comma": ('{\n"secured": "@",\n}', "syntax", 3),
    "j-trailing-comma-list": ('{"a": [1,], "secured": "@"}', "syntax", 1),
    "j-two-commas": ('{"a": 1,, "secured": "@"}', "syntax", 1),
    "j-no-comma": ('{"a": 1 "secured": "@"}', "syntax", 1),
    "j-no-colon": ('{"a" 1, "secured": "@"}', "syntax", 1),
    "j-comment": ('{\n// c\n"secured": "@"}', "syntax", 2),
    "j-block-comment": ('{/* c */"secured": "@"}', "syntax", 1),
    "j-single-quotes": ("{'secured': '@'}", "syntax", 1),
    "j-bare-key": ('{secured: "@"}', "syntax", 1),
    "j-unclosed": ('{"secured": "@"', "syntax", 1),
    "j-unclosed-string": ('{"secured": "@', "syntax", 1),
    "j-text-after": ('{"secured": "@"} x', "syntax", 1),
    "j-two-values": ('{"secured": "@"}\n{"secured": "@"}\n', "syntax", 2),
    "j-control-character": ('{"a": "x\ny", "secured": "@"}', "syntax", 1),
    "j-tab-in-string": ('{"a": "x\ty", "secured": "@"}', "syntax", 1),
    "j-bad-escape": ('{"a": "\\x41", "secured": "@"}', "syntax", 1),
    "j-short-escape": ('{"a": "\\u12", "secured": "@"}', "syntax", 1),
    "j-leading-zero": ('{"a": 01, "secured": "@"}', "syntax", 1),
    "j-plus": ('{"a": +1, "secured": "@"}', "syntax", 1),
    "j-point-first": ('{"a": .5, "secured": "@"}', "syntax", 1),
    "j-point-last": ('{"a": 1., "secured": "@"}', "syntax", 1),
    "j-hex": ('{"a": 0x1, "secured": "@"}', "syntax", 1),
    "j-capital-true": ('{"a": True, "secured": "@"}', "syntax", 1),
    "j-nbsp": ('{"a":\u00a01, "secured": "@"}', "syntax", 1),
    "j-vertical-tab": ('{"a":\v1, "secured": "@"}', "syntax", 1),
    "j-nul": ('{"a": 1, "secured": "@"}\x00', "syntax", 1),
    "j-empty": ("", "syntax", 1),
    "j-blank": ("\n\n", "syntax", 3),
    "j-list-as-root": ('["@"]', "syntax", 1),
    "j-string-as-root": ('"secured"', "syntax", 1),
    "j-latin-1": (b'{"a": 1,\n"b": "\xe9", "secured": "@"}', "syntax", 2),
    "j-depth-101": ('{"a": ' + "[" * 100 + "]" * 100 + ', "secured": "@"}', "limit", 1),
    "j-deep": ("[" * 100_000, "limit", 1),
    "j-two-boms": ('\ufeff\ufeff{"secured": "@"}', "syntax", 1),
    "j-mismatched": ('{"a": [1}, "secured": "@"}', "syntax", 1),
}

_JSON_ABSENT = {
    "j-without": ('{"a": 1}', "secured"),
    "j-empty-object": ("{}", "secured"),
    "j-nested-only": ('{"a": {"secured": "@"}}', "secured"),
    "j-null-parent": ('{"a": null}', "a.secured"),
    "j-index-beyond": ('["@"]', "[1]"),
    "j-null-root": ("null", "secured"),
}


def _crlf(row: Row) -> Row | None:
    """Return the row with CRLF for LF, where its own text does not make that another case."""
    if b"\r" in row.data or b"\n" not in row.data or len(row.data) > 5000 or row.kind == "json" or "control" in row.name:
        return None
    return row._replace(
        name=f"{row.name}-crlf",
        data=row.data.replace(b"\n", b"\r\n"),
        after=row.after.replace(b"\n", b"\r\n") if row.after is not None else None,
    )


def _yaml_rows():
    for name, yaml in _PAGES_WITH_VALUE.items():
        yield _row(name, "value", page(yaml), path="a.b.secured" if name == "a-nested" else "secured")
    for name, (yaml, value) in _BLOCKS.items():
        yield _row(name, "value", page(yaml), value=value, path="a[0].secured" if "nested" in name else "secured")
    for name, (yaml, value, after) in _REWRITTEN.items():
        yield _row(name, "value", page(yaml), value=value, after=page(after))
    for name, (yaml, path) in _LISTED.items():
        yield _row(name, "value", page(yaml), path=path)
    for name, (yaml, path) in _SHARED.items():
        yield _row(name, "shared", page(yaml), path=path)
    for name, (yaml, code, line) in _PAGES_WITH_ERROR.items():
        yield _row(name, code, page(yaml), line=line)
    for text in _NO_STRINGS:
        yield _row(f"g-{text!r}", "not_a_string", page(f"secured: {text}\nb: 1\n".replace("secured: \n", "secured:\n")))
    for name, yaml in _ABSENT.items():
        yield _row(name, "absent", page(yaml))


def _file_rows():
    for name, data in _FILES_WITH_VALUE.items():
        yield _row(name, "value", data)
    for name, (data, code, line) in _FILES_WITH_ERROR.items():
        yield _row(name, code, data, line=line)
    for encoding in _ENCODED:
        yield _row(f"k-{encoding}", "unsupported_record", '---\nsecured: "x;y"\n---\n'.encode(encoding), line=1)
        for kind in ("yaml", "json"):
            yield _row(f"k-{encoding}-{kind}", "unsupported_record", '{"secured": "x;y"}'.encode(encoding), kind=kind, line=1)
    for name, data in _FILES_ABSENT.items():
        yield _row(name, "absent", data)
    for name, data in _YAML_WITH_VALUE.items():
        yield _row(name, "value", data, kind="yaml")
    for name, (data, code, line) in _YAML_WITH_ERROR.items():
        yield _row(name, code, data, kind="yaml", line=line)
    for name, data in _YAML_ABSENT.items():
        yield _row(name, "absent", data, kind="yaml")


def _json_rows():
    for name, (data, path) in _JSON_WITH_VALUE.items():
        yield _row(name, "value", data, path=path, kind="json")
    for name, (data, value, after) in _JSON_REWRITTEN.items():
        yield _row(name, "value", data, value=value, after=after, kind="json")
    for name, (data, code, line) in _JSON_WITH_ERROR.items():
        yield _row(name, code, data, kind="json", line=line)
    for name, (data, path) in _JSON_ABSENT.items():
        yield _row(name, "absent", data, path=path, kind="json")


_PLAIN_ROWS = [*_yaml_rows(), *_file_rows(), *_json_rows()]
ROWS = [*_PLAIN_ROWS, *(row for row in map(_crlf, _PLAIN_ROWS) if row is not None)]
