"""Editing the text of a ring: only what is meant changes, whatever the style of the file; else it is refused."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealkit.errors import ConfigError
from sealkit.keys import ringedit, ringfile

SECRET = bytearray(range(16))
TEXT = base64.b64encode(SECRET).decode()
A = "{hex: '" + "aa" * 16 + "'}"


def test_a_new_ring():
    data = ringfile.new_ring("k1", SECRET)
    lines = data.decode().splitlines()
    assert lines[0].startswith("# ")
    assert lines[1:] == ["version: 1", "primary: k1", "keys:", "  - id: k1", f'    source: {{base64: "{TEXT}"}}']
    assert ringfile.parse(data, "").primary == "k1"
    assert ringfile.new_ring("k1", SECRET, format="tagged").endswith(b"\n    format: tagged\n")


@pytest.mark.parametrize(
    "key_id", ["1", "1.5", "null", "no", "2024-01-01", "0x1f", "-", "-x", ".inf", "_", "~k", "y", "e1", "k2", "on"]
)
def test_ids_that_other_readers_would_take_for_something_else_are_quoted(key_id):
    if key_id == "~k":
        with pytest.raises(ConfigError):
            ringfile.new_ring(key_id, SECRET)
        return
    data = ringfile.new_ring(key_id, SECRET)
    assert ringfile.parse(data, "").primary == key_id
    assert (f"- id: {key_id}\n".encode() in data) == (key_id in {"e1", "k2"})


def entry(indent="  ", key_id="new", eol="\n"):
    return f'{indent}- id: {key_id}{eol}{indent}  source: {{base64: "{TEXT}"}}'


HEAD = "version: 1\nprimary: a\n"
ADDED = {
    # what stands before the new entry, what after it
    "plain": (f"{HEAD}keys:\n  - id: a\n    source: {A}\n", ""),
    "no indentation": (f"{HEAD}keys:\n- id: a\n  source: {A}\n", ""),
    "deep indentation": (f"{HEAD}keys:\n      - id: a\n        source: {A}\n", ""),
    "comment at the end": (f"{HEAD}keys:\n  - id: a\n    source: {A}  # mine\n", "# end\n"),
    "blank lines at the end": (f"{HEAD}keys:\n  - id: a\n    source: {A}\n", "\n\n"),
    "something after the keys": (f"version: 1\nkeys:\n  - id: a\n    source: {A}\n", "\n# the primary\nprimary: a\n"),
    "flow entries": (f"{HEAD}keys:\n  - {{id: a, source: {A}}}\n", "# end\n"),
    "flow entry over lines": (f"{HEAD}keys:\n  - {{id: a,\n     source: {A}\n    }} # x\n", ""),
    "source in block style": (f"{HEAD}keys:\n  - source:\n      hex: {'aa' * 16}\n    id: a\n", ""),
    "quoted": (f'"version": 1\n"primary": "a"\n"keys":\n  - "id": "a"\n    "source": {A}\n', ""),
    "block scalar last": (f"{HEAD}keys:\n  - source: {A}\n    id: |-\n      a\n", "# end\n"),
    "document marks": (f"%YAML 1.1\n---\n{HEAD}keys:\n  - id: a\n    source: {A}\n", "...\n"),
    "CRLF": (f"{HEAD}keys:\n  - id: a\n    source: {A}\n".replace("\n", "\r\n"), "# end\r\n"),
    "byte order mark": (f"\ufeff{HEAD}keys:\n  - id: a\n    source: {A}\n", "# end\n"),
    "not ASCII": (f"# Schlüssel 🔑\n{HEAD}keys:\n  - id: a # ключ\n    source: {A} # 鍵\n", "# 🔑\n"),
}


@pytest.mark.parametrize(("before", "after"), ADDED.values(), ids=ADDED)
def test_with_key_only_adds(before, after):
    eol = "\r\n" if "\r\n" in before else "\n"
    stem = before.removesuffix(eol)
    indent = next(line for line in before.splitlines() if line.lstrip().startswith("- ")).split("-")[0]
    expected = stem + eol + entry(indent, eol=eol) + eol + after
    changed = ringedit.with_key((before + after).encode(), "new", SECRET)
    assert changed.decode() == expected
    ring = ringfile.parse(changed, "")
    assert (ring.primary, [key.id for key in ring.keys]) == ("a", ["a", "new"])


def test_with_key_to_a_file_without_a_final_line_ending():
    before = f"{HEAD}keys:\n  - id: a\n    source: {A}"
    assert ringedit.with_key(before.encode(), "new", SECRET).decode() == f"{before}\n{entry()}"


def test_with_key_says_the_format():
    before = f"{HEAD}keys:\n  - id: a\n    source: {A}\n"
    assert (
        ringedit.with_key(before.encode(), "new", SECRET, format="synthetic").decode()
        == f"{before}{entry()}\n    format: synthetic\n"
    )


NOT_ADDED = {
    "flow list": f"{HEAD}keys: [{{id: a, source: {A}}}]\n",
    "flow file": f"{{version: 1, primary: a, keys: [{{id: a, source: {A}}}]}}\n",
    "block list in a flow file is no YAML": f"{{version: 1, primary: a, keys:\n  - id: a\n    source: {A}\n}}\n",
    "taken": f"{HEAD}keys:\n  - id: a\n    source: {A}\n  - id: new\n    source: {A}\n",
    "taken by a disabled key": f"{HEAD}keys:\n  - id: a\n    source: {A}\n  - id: new\n    source: {A}\n    state: disabled\n",
    "not a ring": "version: 2\n",
    "empty": "",
    "lone carriage returns": f"{HEAD}keys:\n  - id: a\n    source: {A}\n".replace("\n", "\r"),
}


@pytest.mark.parametrize("text", NOT_ADDED.values(), ids=NOT_ADDED)
def test_with_key_refuses(failure, text):
    error = failure(ringedit.with_key, text.encode(), "new", SECRET, canary=bytes(SECRET))
    assert type(error) is ConfigError


@pytest.mark.parametrize(("key_id", "form"), [("NEW", "plain"), ("", "plain"), ("a b", "plain"), ("new", "fancy")])
def test_with_key_refuses_attributes(failure, key_id, form):
    data = f"{HEAD}keys:\n  - id: a\n    source: {A}\n".encode()
    assert type(failure(ringedit.with_key, data, key_id, SECRET, format=form, canary=bytes(SECRET))) is ConfigError
    assert type(failure(ringfile.new_ring, key_id, SECRET, format=form, canary=bytes(SECRET))) is ConfigError


KEYS = f"keys:\n  - id: a\n    source: {A}\n  - id: b.2\n    source: {{base64: {TEXT}}}\n  - id: '3'\n    source: {{env: X, encoding: hex}}\n"
PRIMARY = [
    (f"version: 1\nprimary: a\n{KEYS}", "b.2", "primary: b.2\n"),
    (f"version: 1\nprimary: a\n{KEYS}", "3", 'primary: "3"\n'),
    (f"version: 1\nprimary: a  # seals\n{KEYS}", "b.2", "primary: b.2  # seals\n"),
    (f'version: 1\nprimary: "a" # seals\n{KEYS}', "b.2", 'primary: "b.2" # seals\n'),
    (f"version: 1\n'primary':   'a'\n{KEYS}", "3", "'primary':   '3'\n"),
    (f"version: 1\nprimary:\n  a\n{KEYS}", "b.2", "primary:\n  b.2\n"),
    (f"\ufeff# 🔑\nversion: 1\nprimary: a\n{KEYS}", "b.2", "primary: b.2\n"),
    (f"{KEYS}version: 1\nprimary: a", "b.2", "primary: b.2"),
    (f"version: 1\r\nprimary: a\r\n{KEYS}", "b.2", "primary: b.2\r\n"),
    (f"{{version: 1, primary: a, keys: [{{id: a, source: {A}}}, {{id: b.2, source: {A}}}]}}", "b.2", " primary: b.2,"),
]


@pytest.mark.parametrize(("text", "key_id", "part"), PRIMARY)
def test_with_primary_changes_one_scalar(text, key_id, part):
    changed = ringedit.with_primary(text.encode(), key_id).decode()
    assert part in changed
    at = next(at for at in range(len(text)) if text[at] != changed[at])
    tail = next(at for at in range(1, len(text)) if text[-at] != changed[-at])
    assert len(text) - at - tail < 3, "one short scalar"
    assert ringfile.parse(changed.encode(), "").primary == key_id


def test_with_primary_as_it_is():
    data = f"version: 1\nprimary: a\n{KEYS}".encode()
    assert ringedit.with_primary(data, "a") == data


@pytest.mark.parametrize(
    ("text", "key_id", "problem"),
    [
        (f"version: 1\nprimary: a\n{KEYS}", "c", "none of the keys"),
        (f"version: 1\nprimary: a\n{KEYS}    state: disabled\n", "3", "disabled"),
        (f"version: 1\nprimary: |-\n  a\n{KEYS}", "b.2", "cannot be changed"),
    ],
)
def test_with_primary_refuses(failure, text, key_id, problem):
    error = failure(ringedit.with_primary, text.encode(), key_id)
    assert type(error) is ConfigError
    assert problem in error.problem


IDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789._-", min_size=1, max_size=64)


@given(st.lists(IDS, min_size=2, max_size=5, unique=True), st.sampled_from([16, 24, 32]))
def test_rings_grow_byte_by_byte(ids, size):
    data = ringfile.new_ring(ids[0], bytearray(size))
    for number, key_id in enumerate(ids[1:]):
        grown = ringedit.with_key(data, key_id, bytearray([number + 1]) * size)
        assert grown.startswith(data)
        data = ringedit.with_primary(grown, key_id)
    ring = ringfile.parse(data, "")
    assert [key.id for key in ring.keys] == ids
    assert ring.primary == ids[-1]
