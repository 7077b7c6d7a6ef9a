"""The bounded YAML tree: bombs end quickly in little memory, positions are right, nothing but SealkitError comes out."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sealkit import yamltree
from sealkit.errors import BadSyntax, OverLimit, SealkitError
from sealkit.tree import Alias, Mapping, Scalar, Sequence, flatten, walk

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

MIB = 1 << 20


def _chain(count: int, link: str, width: int) -> str:
    """Return anchors, each made of several aliases of the one before."""
    lines = ["x0: &x0 [lol, lol]" if link == "[" else "x0: &x0 {k0: v}"]
    for i in range(1, count):
        links = ",".join([f"*x{i - 1}"] * width)
        lines.append(f"x{i}: &x{i} [{links}]" if link == "[" else f"x{i}: &x{i} {{<<: [{links}]}}")
    return "\n".join(lines) + "\n"


def _nested_merges() -> str:
    lines = ["a0: &a0 {b: c}"]
    lines += [f"a{i}: &a{i} " + "{<<: " * 90 + f"*a{i - 1}" + "}" * 90 for i in range(1, 99)]
    return "\n".join([*lines, "<<: *a98", ""])


def _nested_merge_lists() -> str:
    lines = ["a0: &a0 {b: c}"]
    lines += [f"a{i}: &a{i} {{<<: " + "[" * 90 + f"*a{i - 1}" + "]" * 90 + "}" for i in range(1, 99)]
    return "\n".join([*lines, "<<: *a98", ""])


def _wide_through_aliases() -> str:
    wide = "m: &m {" + ",".join(f"k{i}: 1" for i in range(30_000)) + "}\n"
    return wide + "a: &a [" + ",".join(["*m"] * 49) + "]\nsecured: [" + ",".join(["*a"] * 49) + "]\n"


BOMBS = {
    # name: (YAML, field path, code of the error or None for a plain answer)
    "brackets": ("[" * 100_000, "secured", "limit"),
    "brackets-closed": ("a: " + "[" * 50_000 + "]" * 50_000, "secured", "limit"),
    "braces": ("{a: " * 50_000, "secured", "limit"),
    "braces-alone": ("{" * 100_000, "secured", "limit"),
    "dashes": ("- " * 100_000, "secured", "limit"),
    "question-marks": ("? " * 100_000, "secured", "limit"),
    "staircase": ("".join(" " * i + "a:\n" for i in range(1200)), "secured", "limit"),
    "mixed-nesting": ("[{a: " * 50_000, "secured", "limit"),
    "wide-flow-list": ("a: [" + "a," * 400_000 + "]", "secured", "limit"),
    "wide-flow-mapping": ("{" + "a: b," * 150_000 + "}", "secured", "limit"),
    "wide-block-mapping": ("".join(f"k{i}: v\n" for i in range(60_000)), "secured", "limit"),
    "wide-block-list": ("- a\n" * 200_000, "secured", "limit"),
    "many-empty": ("a: [" + "[]," * 200_000 + "]", "secured", "limit"),
    "alias-chain": (_chain(13, "[", 9), "secured", "limit"),
    "alias-chain-within-the-limit": (_chain(10, "[", 9), "secured", None),
    "alias-chain-expanded": (_chain(10, "[", 9), "x9" + "[]" * 10, "limit"),
    "alias-many": ("a: &a 1\nb: [" + "*a," * 1000 + "]", "secured", "limit"),
    "alias-of-itself": ("a: &a [*a, *a, *a, *a]\nsecured: 1\n", "a" + "[]" * 30, "limit"),
    "alias-of-root": ("&r\na: *r\nb: *r\n", ".".join(["a"] * 3000), "not_a_string"),
    "merge-chain": (_chain(10, "{", 9), "secured", None),
    "merge-many": ("a: &a {b: 1}\n<<: [" + "*a," * 1000 + "]", "secured", "limit"),
    "merge-of-itself": ("&r\n<<: *r\na: 1\n", "secured", None),
    "merge-nested": (_nested_merges(), "secured", None),
    "merge-nested-lists": (_nested_merge_lists(), "secured", None),
    "wide-through-aliases": (_wide_through_aliases(), "secured[][].k1", None),
    "huge-integer": ("a: " + "9" * 500_000 + "\nsecured: " + "9" * 400_000, "secured", "not_a_string"),
    "huge-float": ("secured: 1e" + "9" * 400_000, "secured", "not_a_string"),
    "huge-base-60": ("secured: 1" + ":1" * 400_000, "secured", "not_a_string"),
    "bad-date": ("a: 2020-13-45\nsecured: 2020-13-45\n", "secured", "not_a_string"),
    "long-key": ("k" * 900_000 + ": v", "secured", "syntax"),
    "long-explicit-key": ("? " + "k" * 900_000 + "\n: v", "secured", None),
    "long-quoted-key": ('"' + "k" * 900_000 + '": v', "secured", "syntax"),
    "long-anchor": ("a: &" + "x" * 900_000 + " v", "secured", None),
    "long-tag": ("a: !" + "x" * 900_000 + " v", "secured", None),
    "long-comment": ("# " + "x" * 900_000, "secured", None),
    "many-comments": ("#\n" * 400_000, "secured", None),
    "many-blank-lines": ("a: |\n" + "\n" * 900_000 + "secured: x\n", "secured", "value"),
    "many-line-ends-in-quotes": ('a: "' + "\n" * 900_000 + '"\n', "secured", None),
    "many-line-ends-plain": ("a: x\n" + "  x\n" * 200_000, "secured", None),
    "many-escapes": ('a: "' + "\\u0041" * 150_000 + '"', "secured", None),
    "tabs": ("\t" * 1_000_000, "secured", "syntax"),
    "tabs-after-colon": ("a:" + "\t" * 1_000_000 + "b", "secured", None),
    "spaces": (" " * 1_000_000, "secured", None),
    "tag-directives": ("".join(f"%TAG !{i}! x\n" for i in range(60_000)) + "---\na: 1\n", "secured", "limit"),
    "unknown-directives": ("%FOO\n" * 150_000 + "---\na: 1\n", "secured", "limit"),
    "documents": ("---\n" * 200_000, "secured", "syntax"),
    "document-ends": ("...\n" * 200_000, "secured", "syntax"),
    "line-separators": ("a: x" + "\u2028" * 300_000 + "\nb: [\n", "secured", "syntax"),
    "carriage-returns": ("".join(f"k{i}: v\r" for i in range(30_000)), "secured", None),
    "one-byte-too-many": ("a: " + "x" * MIB, "secured", "limit"),
}

CHILD = """
    import resource, sys, time
    resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
    from sealkit.errors import SealkitError
    from sealkit.records.record import Record
    data, path = sys.stdin.buffer.read(), sys.argv[1]
    try:
        record = Record.parse(data, kind="yaml")
        record.blob_text(path) if "[]" not in path else None
        values = record.values(path)
        print("value" if record.paths(path) and values and "[]" not in path and record.value(path) is not None else "nothing")
    except SealkitError as error:
        print(error.code)
"""


@pytest.mark.parametrize("name", BOMBS)
def test_bomb(name):
    text, path, code = BOMBS[name]
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CHILD), path], input=text.encode(), capture_output=True, timeout=60, check=False
    )
    assert (child.returncode, child.stderr) == (0, b"")
    assert child.stdout.decode().strip() == (code or "nothing")


def test_limits_are_exact():
    assert yamltree.compose(b"[" * 100 + b"]" * 100) is not None
    with pytest.raises(OverLimit):
        yamltree.compose(b"[" * 101 + b"]" * 101)
    assert yamltree.compose(b"a: &a 1\nb: [" + b"*a," * 100 + b"]") is not None
    with pytest.raises(OverLimit):
        yamltree.compose(b"a: &a 1\nb: [" + b"*a," * 101 + b"]")
    assert yamltree.compose(b"#" * MIB) is None
    with pytest.raises(OverLimit):
        yamltree.compose(b"#" * (MIB + 1))
    # start and end of the stream, the document and the list are events too
    assert yamltree.compose(b"[" + b"a," * (100_000 - 6) + b"]") is not None
    with pytest.raises(OverLimit):
        yamltree.compose(b"[" + b"a," * 100_001 + b"]")


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"a: 1\nb: [\n", 3),
        (b'a: 1\nb: "\xc3\xa9\x01"\n', 2),
        (b"a: 1\n" * 30_000 + b"\x01", 30_001),
        (b"a: x\xe2\x80\xa8\xe2\x80\xa8  y\nb: @\n", 2),
        (b"a: x\r\r\r\nb: @\n", 2),
        (b"a: x\r\nb: @\r\n", 2),
        (b"a: x\r\r\nb: *c\n", 2),
        (b"a: 1\n---\nb: 1\n", 2),
        (b'a: "\xc2\x85"\n---\nb: 1\n', 2),
        (b"a: &a 1\n" + b"b: *c\n", 2),
    ],
)
def test_lines_count_line_feeds(data, line):
    with pytest.raises(BadSyntax) as failure:
        yamltree.compose(data)
    assert failure.value.line == line


def test_lines_of_nodes_count_line_feeds():
    root = yamltree.compose('a: "x\u2028\u2028y"\nb: x\r\rc: 1\nd: \u0085\ne: 1\n'.encode())
    assert [(key.text, key.line) for key, _ in root.pairs] == [("a", 1), ("b", 2), ("c", 2), ("d", 3), ("e", 4)]


def test_no_message_quotes_the_source():
    with pytest.raises(BadSyntax) as failure:
        yamltree.compose(b"secret: 'my plaintext\n")
    assert "plaintext" not in f"{failure.value} {failure.value!r} {failure.value.__dict__}"
    assert failure.value.__context__ is None


@pytest.mark.parametrize(
    "text",
    [
        "V",
        "&a V",
        "!!str V",
        "!!str &a V",
        "&a   !!str\n  V",
        '&a "V"',
        "&a 'V'",
        "&a |\n  V\n",
        "!<tag:yaml.org,2002:str> >-\n  V",
        "&a # c\n  V",
    ],
)
@pytest.mark.parametrize("before", ["", "é🎉: 1\n", "x: &b 'y'\n", "? &a !!str k\n: v\n"])
def test_scalar_start(text, before):
    source = f"{before}secured: {text}\nz: 1\n"
    root = yamltree.compose(source.encode())
    (node,) = [value for key, value in root.pairs if key.text == "secured"]
    start = yamltree.scalar_start(yamltree.scalar_tokens(source.encode()), node)
    rest = source[start:]
    assert rest[0] == {"": "V", '"': '"', "'": "'", "|": "|", ">": ">"}[node.style]


@pytest.mark.parametrize("text", ["&a", "!!str", "&a !!str"])
def test_scalar_start_of_nothing(text):
    source = f"secured: {text}\nz: 1\n"
    root = yamltree.compose(source.encode())
    assert yamltree.scalar_start(yamltree.scalar_tokens(source.encode()), root.pairs[0][1]) == source.index("\n")


def test_flatten_and_walk():
    source = b"a: &x [1, 'b', {c: *x}]\n? [d]\n: |\n  e\n"
    root = yamltree.compose(source)
    flat = list(flatten(root))
    assert flat == list(flatten(yamltree.compose(b"# c\n\n" + source)))
    assert flat[0] == ("mapping", False, None, None)
    assert ("alias", "x") in flat
    kinds = [type(node) for node in walk(root)]
    assert (kinds.count(Mapping), kinds.count(Sequence), kinds.count(Alias)) == (2, 2, 1)
    for node in walk(root):
        if isinstance(node, Scalar):
            other = list(flatten(root, node))
            assert other.count(("hole",)) == 1
            assert [here for here in zip(flat, other, strict=True) if here[0] != here[1]] == [
                (("scalar", node.text, node.style, node.tag, node.anchor), ("hole",))
            ]
    assert list(flatten(None)) == [(None,)]


def test_flatten_tells_shapes_apart():
    shapes = [
        b"[a, [b]]",
        b"[[a], b]",
        b"[a, b, []]",
        b"[[a, b]]",
        b"{a: b}",
        b"[a, b]",
        b"['a', b]",
        b"- a\n- b\n",
        b"{a: [b]}",
        b"{? [a] : b}",
    ]
    assert len({tuple(flatten(yamltree.compose(shape))) for shape in shapes}) == len(shapes)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_only_sealkit_errors(data):
    try:
        yamltree.compose(data)
    except SealkitError:
        pass


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.one_of(st.text(max_size=8), st.integers(), st.none(), st.booleans()),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
        max_leaves=8,
    ),
    st.sampled_from([None, '"', "'", "|", ">"]),
    st.booleans(),
)
def test_scalars_are_what_libyaml_says(value, style, flow):
    data = yaml.dump(value, default_style=style, default_flow_style=flow, allow_unicode=True, Dumper=yaml.CSafeDumper).encode()
    expected = [event.value for event in yaml.parse(data, Loader=yaml.CSafeLoader) if isinstance(event, yaml.ScalarEvent)]
    root = yamltree.compose(data)
    assert [node.text for node in walk(root) if isinstance(node, Scalar)] == expected
    text = data.decode()
    for node in walk(root):
        if isinstance(node, Scalar):
            assert node.line == text.count("\n", 0, node.start) + 1
