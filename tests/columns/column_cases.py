"""Rings, rows of every kind, and what the scalar path says of them: the oracle that columns are compared with."""

from __future__ import annotations

import base64

import pyarrow as pa
from hypothesis import strategies as st

from sealkit.crypto.blob import Blob
from sealkit.errors import SealkitError
from sealkit.jobs import FIELD
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.records.identity import Place
from sealkit.records.record import Record
from sealkit.sealer import Sealer

SECRETS = {"k1": bytes(range(32)), "k2": bytes(range(0xF0, 0x100)), "k3": bytes(range(60, 84)), "k4": bytes(range(7, 39))}
STRANGER = Key("x", bytes(range(100, 132)))


def ring(*keys, primary=None):
    """A ring of keys given as (id, attributes)."""
    made = [Key(name, SECRETS[name], **attributes) for name, attributes in keys]
    return KeyRing(made, primary=primary or made[0].id)


RINGS = {
    "one": ring(("k1", {})),
    "several": ring(("k1", {}), ("k2", {}), ("k3", {"state": "disabled"})),
    "tagged": ring(("k1", {"format": "tagged"})),
    "strict": ring(("k1", {"format": "tagged", "accept": "authentic"}), ("k2", {})),
    "synthetic": ring(("k2", {"format": "synthetic"}), ("k1", {})),
    "demanding": ring(("k2", {"format": "synthetic", "accept": "authentic"})),
    "verify-only": KeyRing(
        [
            Key("k1", SECRETS["k1"]),
            Key.verify_only("k4", bytes.fromhex(Key("k4", SECRETS["k4"]).kid), Key("k4", SECRETS["k4"]).derived().mac),
        ],
        primary="k1",
    ),
}
RINGS["for some"] = ring(("k1", {"format": "tagged", "only": ["posts/**"]}), ("k2", {}))
SEALERS = {
    **{name: Sealer(one) for name, one in RINGS.items()},
    "json": Sealer(RINGS["one"], payload="json"),
    "binary": Sealer(RINGS["several"], payload="binary", key_id="k1"),
    "named": Sealer(RINGS["several"], key_id="k2"),
    "two named": Sealer(RINGS["several"], opens=("k1", "k2")),
    "required": Sealer(RINGS["tagged"], require_authentic=True),
    "policy tagged": Sealer(RINGS["tagged"]).under(payload="text", least="tagged", opens=True),
    "policy synthetic": Sealer(RINGS["synthetic"]).under(payload="text", least="synthetic", opens=True),
}
MAKERS = [
    *(Sealer(RINGS[name]) for name in ("one", "several", "tagged", "synthetic", "demanding")),
    Sealer(RINGS["several"], payload="binary", key_id="k1"),
    Sealer(RINGS["several"], payload="binary", key_id="k2"),
    Sealer(KeyRing([STRANGER], primary="x"), payload="binary", key_id="x"),
    Sealer(KeyRing([STRANGER], primary="x"), format="tagged"),
    Sealer(KeyRing([Key("k3", SECRETS["k3"], format="tagged")], primary="k3")),
    Sealer(KeyRing([Key("k4", SECRETS["k4"], format="tagged")], primary="k4")),
]


# --- rows ------------------------------------------------------------------------------------------------------------
PAYLOADS = st.one_of(
    st.sampled_from(
        [b"", b"{}", b'{"a": 1}', b"15 bytes, there", b"16 bytes, here..", "„Fog“, sagt sie, und öffnet die Tür".encode(), b"NaN"]
    ),
    st.binary(max_size=60),
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from([b"\x80start of nothing", b"end of something \xc3", b"c1 \xc2\x85", b"nul \0", b"e\xcc\x81" * 9]),
)


@st.composite
def blobs(draw):
    """The text of a blob, of any maker, bound or not."""
    maker = draw(st.sampled_from(MAKERS))
    payload = draw(PAYLOADS)
    try:
        return str(maker.seal(payload, draw(st.sampled_from(CONTEXTS))))
    except SealkitError:
        return str(MAKERS[5].seal(payload))


CONTEXTS = [
    Place(Record.parse(b"---\nid: r1\nsecured: x\n---\n", kind="frontmatter"), FIELD, bind=bind, file="posts/a.md").demanded()
    for bind in (None, "path", ("id",))
]


@st.composite
def damaged(draw):
    """A blob with one thing done to it."""
    text = draw(blobs())
    at = draw(st.integers(0, len(text)))
    kind = draw(st.integers(0, 6))
    if kind == 0:
        return text[:at] + draw(st.sampled_from(["=", ";", "A", " ", "\n", "é", "-", "\0"])) + text[at:]
    if kind == 1:
        return text[:at] + text[at + 1 :]
    if kind == 2:
        return text[:at] + draw(st.sampled_from("=;A+/B é-")) + text[at + 1 :]
    if kind == 3:
        blob = Blob.parse(text)
        part = bytearray(blob.ciphertext)
        part[at % len(part)] ^= draw(st.integers(1, 255))
        return str(Blob(bytes(part), blob.iv, blob.auth))
    if kind == 4:
        blob = Blob.parse(text)
        auth = bytearray(blob.auth or bytes(42))
        auth[at % 42] ^= draw(st.integers(1, 3))
        return str(Blob(blob.ciphertext, blob.iv, bytes(auth)))
    if kind == 5:  # bits after the last byte: decodes, but is not canonical
        body, _, iv = text.partition(";")
        return f"{body};{iv[:21]}{'BCDE'[at % 4]}{iv[22:]}"
    return ";".join(text.split(";")[:2])


ROWS = st.one_of(
    st.none(),
    blobs(),
    blobs(),
    damaged(),
    st.sampled_from(["", ";", "plain text", '{"json": 1}', ";" * 120, "=" * 49, "A" * 49, "A" * 24 + ";" + "A" * 24]),
    st.binary(max_size=90).map(lambda data: base64.b64encode(data).decode()),
)


@st.composite
def tables(draw):
    """Rows of text; some of them often enough, and in layouts alike, so that they are done at once."""
    rows = draw(st.lists(ROWS, max_size=12))
    repeats = draw(st.integers(1, 12))
    rows = [row for row in rows for _ in range(repeats)]
    if draw(st.booleans()):  # many of one layout
        maker, payload = (
            draw(st.sampled_from(MAKERS[:5])),
            draw(st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=50)),
        )
        rows += [str(maker.seal(payload.encode())) for _ in range(draw(st.integers(8, 20)))]
    return draw(st.permutations(rows)) if len(rows) < 60 else rows


TYPES = [pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]


def array_of(rows, kind=TYPES[0]):
    """An Arrow array of rows: a slice of a longer one, so that its offsets do not begin at 0."""
    rows = ["before", None, *rows, "after"]
    if pa.types.is_dictionary(kind):
        return pa.array(rows, pa.string()).dictionary_encode()[2:-1]
    if pa.types.is_string_view(kind):
        return pa.array(rows, pa.string()).cast(kind)[2:-1]
    return pa.array([row if row is None else row.encode() for row in rows], pa.binary()).cast(kind)[2:-1]


# --- what the scalar path says ---------------------------------------------------------------------------------------
def scalar(row, sealer, binder):
    """What one row opens to, as the adapter's row: payload (bytes), status, key."""
    if row is None:
        return None, None, None
    try:
        opened = sealer.unseal(Blob.parse(row), binder)
    except SealkitError as error:
        return None, error.code, None
    return opened.payload, opened.verdict, opened.key_id


def scalar_verify(row, sealer, binder):
    """What ``verify`` says of one row: status and key."""
    if row is None:
        return None, None
    try:
        blob = Blob.parse(row)
        if blob.auth is not None and sealer.checks_only(blob):
            return "authentic", sealer.check(blob, binder)
        opened = sealer.unseal(blob, binder)
    except SealkitError as error:
        return error.code, None
    assert sealer.reproduces(blob, opened, binder)
    return opened.verdict, opened.key_id


def rows_of(result):
    """The rows of a result as tuples, payloads as bytes."""
    chunks = result.chunks if isinstance(result, pa.ChunkedArray) else [result]
    return [
        tuple(value.encode() if name == "payload" and isinstance(value, str) else value for name, value in row.items())
        for chunk in chunks
        for row in chunk.to_pylist()
    ]
