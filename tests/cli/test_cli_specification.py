"""The specification written a second time, from its own words alone: what either makes, the other opens; through files, rings and policies."""

from __future__ import annotations

import hmac
import json
import struct
import unicodedata
from base64 import b64decode, b64encode
from itertools import product

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

# --- the specification, a second time --------------------------------------------------------------------------------


def pae(parts):
    return struct.pack("<Q", len(parts)) + b"".join(struct.pack("<Q", len(part)) + part for part in parts)


def derived(key, mac, what, length):
    prk = hmac.digest(b"sealkit/v1+mac" if mac else b"sealkit/v1", key + mac, "sha256")
    return hmac.digest(prk, b"sealkit/v1 " + what + b"\1", "sha256")[:length]


def aes(key, iv, data, way):
    context = getattr(Cipher(algorithms.AES(key), modes.CBC(iv)), way)()
    return context.update(data) + context.finalize()


def place_of(path, identity):
    steps = [b"i%d" % step if isinstance(step, int) else b"k" + step.encode() for step in path]
    return pae([one.encode() for one in identity]), pae(steps)


def sealed(key, mac, form, bind, identity, path, payload, iv):
    places = place_of(path, identity)
    if form == "synthetic":
        iv = hmac.digest(derived(key, mac, b"siv", 32), pae([b"sealkit/v1 siv", *places, payload]), "sha256")[:16]
    pad = 16 - len(payload) % 16
    parts = [aes(key, iv, payload + bytes([pad]) * pad, "encryptor"), iv]
    if form == "tagged":
        head = bytes([1, bind]) + derived(key, mac, b"kid", 8)
        data = pae([b"sealkit/v1", head, *places])
        tag = hmac.digest(derived(key, mac, b"mac", 32), data + iv + parts[0] + struct.pack(">Q", 8 * len(data)), "sha256")
        parts.append(head + tag)
    return ";".join(b64encode(part).decode() for part in parts)


def opened(text, key):
    ciphertext, iv, *_ = map(b64decode, text.split(";"))
    padded = aes(key, iv, ciphertext, "decryptor")
    return padded[: -padded[-1]], iv


# --- records ---------------------------------------------------------------------------------------------------------
KEYS = {
    f"{form[:1]}{size}{'m' * bool(mac)}": (bytes(range(size + len(form) + len(mac), 2 * size + len(form) + len(mac))), mac, form)
    for form, size, mac in product(["tagged", "synthetic"], [16, 24, 32], [b"", bytes(range(90, 122))])
}
RING = "version: 1\nprimary: t32\nkeys:\n" + "".join(
    f'  - id: {name}\n    source: {{hex: "{key.hex()}"}}\n    format: {form}\n'
    + (f'    mac: {{hex: "{mac.hex()}"}}\n' if mac else "")
    for name, (key, mac, form) in KEYS.items()
)
FIELDS = ["id", "meta.when", "größe", "list[1]"]
VALUES = ["0x1F", "2020-01-01", "1.10", "é"]  # the text of each scalar as it stands there, whatever its type
POLICY = "version: 1\nrecords:\n" + "".join(
    f"  - include: ['{bind}/**']\n    fields:\n"
    + "".join(f"      - {{path: '{path}', required: false, bind: {told}}}\n" for path in ("secured", "a.b", "l[].c", "wörter[].x"))
    for bind, told in (("none", "none"), ("path", "path"), ("fields", json.dumps(FIELDS, ensure_ascii=False)))
)
WAYS = {
    "secured": (["secured"], "secured: {}", '"secured": {}'),
    "a.b": (["a", "b"], "a: {{x: 1, b: {}}}", '"a": {{"x": 1, "b": {}}}'),
    "l[1].c": (["l", 1, "c"], "l:\n  - {{d: 1}}\n  - c: {}", '"l": [{{"d": 1}}, {{"c": {}}}]'),
    "wörter[0].x": (["wörter", 0, "x"], "wörter:\n- x: {}", '"w\\u00f6rter": [{{"x": {}}}]'),
}
PUBLIC_YAML = 'id: 0x1F\nmeta: {when: 2020-01-01}\n"gr\\u00f6ße": 1.10\nlist:\n  - no\n  - "\\u00e9"\n'
PUBLIC_JSON = '"id": "0x1F", "meta": {"when": "2020-01-01"}, "größe": 1.10, "list": [false, "\\u00e9"], '
PAYLOAD = "the payload of more than one block: „Fog“ in {}"


def content(kind, yaml, jsonish, value):
    if kind in ("json", "jsonl"):
        record = "{" + PUBLIC_JSON + jsonish.format(json.dumps(value)) + "}"
        return f"{record}\n" if kind == "json" else '{"id": 1}\n' + record + "\n"
    text = PUBLIC_YAML + yaml.format(json.dumps(value, ensure_ascii=False)) + "\n"
    return f"---\n{text}---\nbody\n" if kind == "md" else text


def cases():
    """Every kind of record, path and binding; keys of all sizes, with a MAC secret and without, in turn."""
    names = list(KEYS)
    for number, (kind, (field, way), bind) in enumerate(
        product(["md", "yml", "json", "jsonl"], WAYS.items(), ["none", "path", "fields"])
    ):
        if bind == "path" and kind == "jsonl":  # its lines share the path: refused
            continue
        for form in ("tagged", "synthetic"):
            fitting = [name for name in names if KEYS[name][2] == form]
            folder = "ver\u0308schieden/a b" if number % 2 else "x"
            path = f"{bind}/{folder}/{form}-{number}.{kind}"
            yield path, field, way, bind, kind, fitting[(number // 3 + number) % len(fitting)]


def identity_of(bind, path):
    if bind == "path":
        return [unicodedata.normalize("NFC", path)]
    return [text for pair in zip(FIELDS, VALUES, strict=True) for text in pair] if bind == "fields" else []


CASES = list(cases())
BINDS = ["none", "path", "fields"]


@pytest.fixture
def tree(desk):
    desk.write("ring.yaml", RING.encode())
    (desk.path / "ring.yaml").chmod(0o600)
    desk.env["SEALKIT_KEYS"] = str(desk.path / "ring.yaml")
    desk.write("tree/sealkit.yaml", POLICY.encode())
    return desk


def fill(tree):
    """Write the tree with blobs that the second implementation made; return the expected payload and key for each file."""
    expected = {}
    for path, _, (steps, yaml, jsonish), bind, kind, name in CASES:
        key, mac, form = KEYS[name]
        payload = PAYLOAD.format(path)
        blob = sealed(key, mac, form, BINDS.index(bind), identity_of(bind, path), steps, payload.encode(), bytes(range(16)))
        tree.write(f"tree/{path}", content(kind, yaml, jsonish, blob).encode())
        expected[f"tree/{path}"] = (payload, name, form, "authentic")
    return expected


def test_all_is_there():
    assert {name for *_, name in CASES} == set(KEYS)
    assert len(CASES) == 2 * (4 * 4 * 3 - 4)


def test_what_the_other_made_opens(tree):
    expected = fill(tree)
    ran = tree.run("decrypt", "--json", "tree")
    assert ran.status == 0, ran
    found = {
        one["path"]: tuple(one[name] for name in ("payload", "key", "format", "code"))
        for one in ran.lines
        if "code" in one and one["status"] != "absent"
    }
    assert found == expected
    ran = tree.run("verify", "--json", "--require-authentic", "tree")
    assert (ran.status, ran.summary["verified"]) == (0, len(CASES))


def test_what_the_other_made_does_not_open_elsewhere(tree):
    """Every record's blob under a path, an identity or a binding that differs in one element; the other's own, so that only that differs."""
    wrong = {}
    for number, (path, _, (steps, yaml, jsonish), bind, kind, name) in enumerate(CASES):
        key, mac, form = KEYS[name]
        identity, steps = identity_of(bind, path), list(steps)
        if number % 3 == 0 or not identity:
            steps[-1] += "x"
        elif number % 3 == 1:
            identity[-1] += "x"
        else:
            identity.append("")
        blob = sealed(key, mac, form, BINDS.index(bind), identity, steps, b"a payload of more than one block", bytes(range(16)))
        tree.write(f"tree/{path}", content(kind, yaml, jsonish, blob).encode())
        wrong[f"tree/{path}"] = "tampered" if form == "tagged" else "downgraded"
    ran = tree.run("decrypt", "--json", "--require-authentic", "tree")
    assert ran.status == 1
    assert {one["path"]: one["code"] for one in ran.lines if one["status"] != "absent"} == wrong
    assert "payload" not in {name for one in ran.lines for name in one}


def test_the_other_opens_what_is_sealed_here(tree):
    """Each key seals its records; the second implementation makes the very same blob of payload and IV."""
    for path, _, (_, yaml, jsonish), _, kind, _ in CASES:
        tree.write(f"tree/{path}", content(kind, yaml, jsonish, PAYLOAD.format(path)).encode())
    for name in KEYS:
        chosen = [part for path, *_, key in CASES if key == name for part in ("--include", path)]
        ran = tree.run("seal", "--key-id", name, *chosen, "tree")
        assert ran.status == 0, ran
    blobs = {}
    for path, _, (steps, _, _), bind, _, name in CASES:
        key, mac, form = KEYS[name]
        text = blobs[path] = next(part for part in tree.read(f"tree/{path}").decode().split('"') if ";" in part)
        payload, iv = opened(text, key)
        assert payload.decode() == PAYLOAD.format(path)
        assert sealed(key, mac, form, BINDS.index(bind), identity_of(bind, path), steps, payload, iv) == text
    assert len(set(blobs.values())) == len(CASES)
