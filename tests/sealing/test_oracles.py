"""Whoever changes blobs and sees what a key holder's program says of them learns nothing about what they open to.

The attacker has a blob with a tag, cuts the tag off, and asks about the rest with IVs and blocks of their own making. Where only what is
authentic is opened, all answers are the same, whatever would have come out: a padding oracle, and any other one, has nothing to ask.
"""

import gc
import sys

import pyarrow as pa
import pytest

from sealkit.candidates import candidates
from sealkit.columns import decrypt_column, verify_column
from sealkit.context import Context
from sealkit.crypto.blob import Blob
from sealkit.crypto.cipher import CBC
from sealkit.errors import CannotDecrypt, SealkitError
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.sealer import Sealer

SECRET, OTHER = bytes(range(32)), bytes(range(50, 82))
TEXT = b"a payload that nobody without the key is to know, of four blocks"
TARGET = CBC(SECRET)
VICTIM = TARGET.encrypt(TEXT, bytes(range(16)))
BLOCK = VICTIM[16:32]
INNER = bytes(
    one ^ other for one, other in zip(TEXT[16:32], VICTIM[:16], strict=True)
)  # what the block deciphers to, before the XOR


def key(id="k2", secret=SECRET, **attributes):
    return Key(id, secret, **attributes)


def ring(*keys):
    return KeyRing(keys, primary=keys[0].id)


STRICT, SYNTHETIC = {"format": "tagged", "accept": "authentic"}, {"format": "synthetic", "accept": "authentic"}


def old(**attributes):
    return Key("k1", OTHER, **attributes)


def demanding(least, *keys):
    return Sealer(ring(*keys)).under(payload="text", least=least, opens=True)


# Everything that makes a two-part blob have to be authentic: the ring, the run, the policy; with keys that prove by IV and without.
REFUSING = {
    "accept": Sealer(ring(key(**STRICT))),
    "accept, synthetic": Sealer(ring(key(**SYNTHETIC))),
    "accept, of one key that is named": Sealer(ring(key(**STRICT), old()), key_id="k2"),
    "accept, of all keys": Sealer(ring(key(**STRICT), old(**SYNTHETIC))),
    "accept, decrypt-only": Sealer(ring(old(**SYNTHETIC), key(state="decrypt-only", **STRICT))),
    "accept, for some files": Sealer(ring(key(only=("posts/**",), **STRICT))),
    "accept, binary": Sealer(ring(key(**STRICT)), payload="binary"),
    "accept, JSON": Sealer(ring(key(**STRICT)), payload="json"),
    "required": Sealer(ring(key()), require_authentic=True),
    "required, tagged": Sealer(ring(key(format="tagged")), require_authentic=True),
    "required, synthetic": Sealer(ring(key(format="synthetic")), require_authentic=True),
    "required, of a mixed ring": Sealer(ring(key(**STRICT), old()), require_authentic=True),
    "required, binary": Sealer(ring(key(), old()), require_authentic=True, payload="binary"),
    "policy tagged": demanding("tagged", key()),
    "policy tagged, synthetic": demanding("tagged", key(format="synthetic"), old()),
    "policy synthetic": demanding("synthetic", key()),
    "policy synthetic, synthetic": demanding("synthetic", key(format="synthetic"), old()),
}
# A ring in which another key takes what is not proved: what the strict key makes of a blob must not show.
MIXED = {
    "tagged": Sealer(ring(key(**STRICT), old())),
    "synthetic": Sealer(ring(key(**SYNTHETIC), old())),
    "tagged, not the primary": Sealer(ring(old(), key(**STRICT))),
    "JSON": Sealer(ring(key(**STRICT), old()), payload="json"),
}
PLACE = Context(bind=1, identity=(b"posts/a.md",))


def asked(plaintext):
    """A two-part blob of one block that opens to some 16 bytes, padding and all."""
    return Blob(BLOCK, bytes(one ^ other for one, other in zip(INNER, plaintext, strict=True)))


def longer(plaintext):
    """One of three blocks whose last one opens to some bytes; the one before it is garbled."""
    before = bytes(one ^ other for one, other in zip(INNER, plaintext, strict=True))
    return Blob(VICTIM[:16] + before + BLOCK, bytes(16))


PROBES = {
    "one that is padded by 1": asked(b"fifteen letters\1"),
    "one that is padded by 2": asked(b"fourteen chars\2\2"),
    "one that is padded by 16": asked(b"\x10" * 16),
    "JSON": asked(b"{}" + b"\x0e" * 14),
    "bytes that are no text": asked(b"\xff\xfe" + b"\x0e" * 14),
    "a control character": asked(b"a\0" + b"\x0e" * 14),
    "a control character of two bytes": asked(b"\xc2\x85" + b"\x0e" * 14),
    "text, not padded": asked(b"sixteen letters."),
    "bytes, not padded": asked(bytes(range(128, 144))),
    "padded wrongly": asked(b"fourteen chars\1\2"),
    "padded by 0": asked(b"fifteen letters\0"),
    "padded by 17": asked(b"fifteen letters\x11"),
    "three blocks, padded": longer(b"fifteen letters\1"),
    "three blocks, not padded": longer(b"sixteen letters."),
    "the whole, as it was": Blob(VICTIM, bytes(range(16))),
    "the whole, altered in the IV": Blob(VICTIM, bytes(range(1, 17))),
    "the whole, cut short": Blob(VICTIM[:-16], bytes(range(16))),
    "noise": Blob(bytes(range(48)), bytes(16)),
}


def answer(ask):
    """All that can be seen of an answer."""
    try:
        return repr(ask())
    except SealkitError as error:
        return (
            type(error).__name__,
            str(error),
            repr(error),
            error.hint,
            error.exit_status,
            error.code,
            error.__cause__,
            error.__context__,
        )


def answers(sealer, blobs):
    """What every way to ask says of each of some blobs."""
    column = pa.array([str(blob) for blob in blobs for _ in range(9)])  # so many of one layout that they are done at once
    files = {"files": pa.array(["posts/a.md"] * len(column))}
    rows = [
        [tuple(row.values()) for row in made.to_pylist()]
        for made in (decrypt_column(column, sealer, **files), verify_column(column, sealer, **files))
    ]
    return [
        {
            "unseal": answer(lambda blob=blob: sealer.unseal(blob, PLACE)),
            "fits": answer(lambda blob=blob: sealer.fits(blob)(PLACE)),
            "retag": answer(lambda blob=blob: sealer.retag(blob, PLACE, Context(bind=1, identity=(b"posts/b.md",)))),
            "columns": {str(row[9 * number : 9 * number + 9]) for row in rows},
        }
        for number, blob in enumerate(blobs)
    ]


@pytest.mark.parametrize("name", REFUSING)
def test_where_blobs_have_to_be_authentic_all_that_are_not_get_one_answer(name):
    seen = answers(REFUSING[name], list(PROBES.values()))
    assert all(one == seen[0] for one in seen), seen
    assert seen[0]["unseal"][0] == seen[0]["retag"][0] == "Downgraded"
    assert seen[0]["fits"] == "False"


@pytest.mark.parametrize("name", MIXED)
def test_what_a_strict_key_of_a_mixed_ring_would_make_of_a_blob_does_not_show(name):
    seen = answers(MIXED[name], list(PROBES.values()))
    assert all(one == seen[0] for one in seen), seen
    assert seen[0]["unseal"][0] == "CannotDecrypt"


@pytest.mark.parametrize("name", [name for name, sealer in REFUSING.items() if not sealer.two_parts.provers])
def test_nothing_is_decrypted_where_nothing_could_prove_it(name, monkeypatch):
    def never(*_):
        raise AssertionError("it is decrypted")

    for method in ("decrypt_whole", "decrypt_rows"):
        monkeypatch.setattr(CBC, method, never)
    answers(REFUSING[name], list(PROBES.values()))


@pytest.mark.parametrize("name", [name for name, sealer in {**REFUSING, **MIXED}.items() if sealer.two_parts.provers])
def test_the_iv_is_computed_whatever_comes_out(name, monkeypatch):
    sealer, computed = {**REFUSING, **MIXED}[name], []
    for one in sealer.two_parts.provers:
        made = one.synthesizer()
        monkeypatch.setattr(one, "_synthesizer", Counted(made, computed))
    for blob in PROBES.values():
        answer(lambda blob=blob: sealer.unseal(blob, PLACE))
    assert len(computed) == len(PROBES) * len(sealer.two_parts.provers)


class Counted:
    def __init__(self, made, computed):
        self.made, self.computed = made, computed

    def iv(self, context, payload):
        self.computed.append(len(payload))
        return self.made.iv(context, payload)


# --- the attack ------------------------------------------------------------------------------------------------------
def last_byte(oracle):
    """The padding oracle attack on one byte (Vaudenay): which last byte of an IV is answered otherwise than nearly all others."""
    seen = {}
    for byte in range(256):
        seen.setdefault(oracle(Blob(BLOCK, bytes(15) + bytes([byte]))), []).append(byte)
    rare = [bytes_ for bytes_ in seen.values() if len(bytes_) <= 4]
    return [byte ^ 1 for bytes_ in rare for byte in bytes_]


def test_the_attack_works_on_what_tells_a_wrong_padding():
    """The test of the test: told whether the padding is right, the attacker has the byte."""
    assert INNER[15] in last_byte(lambda blob: TARGET.decrypt(blob.ciphertext, blob.iv) is None)


@pytest.mark.parametrize("name", [*REFUSING, *MIXED])
@pytest.mark.parametrize("way", ["unseal", "column", "tree"])
def test_the_attack_fails(name, way, tmp_path):
    sealer = {**REFUSING, **MIXED}[name]

    def by_column(blob):
        return str(decrypt_column(pa.array([str(blob)] * 9), sealer, files=pa.array(["posts/a.md"] * 9)).to_pylist())

    ways = {
        "unseal": lambda blob: answer(lambda: sealer.unseal(blob, PLACE)),
        "column": by_column,
        "tree": lambda blob: in_tree(sealer, blob),
    }
    assert last_byte(ways[way]) == []


def in_tree(sealer, blob):
    """What a tree's verb says, but for the blob's own ciphertext, which the attacker knows."""
    from sealkit.records.identity import Binding
    from sealkit.trees import content, orders

    task = orders.Task(orders.VERIFY, opener=sealer, binding=Binding("path", lambda: "posts/a.md"))
    result = content.run(task, "posts/a.md", b'---\nid: a\nsecured: "%s"\n---\ntext\n' % str(blob).encode())
    return str([{**one.as_dict(), "iv": None} for one in result.outcomes])


def test_a_census_does_not_tell_what_comes_out_under_a_strict_key():
    """It counts too many, never too few, and the same whatever the padding."""
    for keys in (ring(key(**STRICT)), ring(key(**STRICT), old()), ring(old(), key(**SYNTHETIC))):
        for kind in ("text", "json", "binary"):
            named = {name: set(candidates(keys, blob, kind)) for name, blob in PROBES.items()}
            assert all("k2" in ids for ids in named.values()), named
    taken = Sealer(ring(old())).seal(TEXT)
    assert candidates(ring(key(**STRICT), old()), taken, "text") == ("k1",)
    assert set(candidates(ring(key(**STRICT), old()), taken, "binary")) == {"k1", "k2"}


# --- time ------------------------------------------------------------------------------------------------------------
class Steps:
    """The calls that Python makes, in order; what a refusal takes in time is mostly these."""

    def __init__(self):
        self.seen = []

    def __call__(self, frame, event, function):
        if event == "call":
            self.seen.append(frame.f_code.co_qualname)
        elif event != "return":
            self.seen.append((event, function.__qualname__))


def steps(sealer, blob):
    noted = Steps()
    gc.collect()
    gc.disable()  # a collection may fall anywhere, and what hangs on it (Hypothesis times them) would count as steps
    sys.setprofile(noted)
    try:
        sealer.unseal(blob, PLACE)
    except SealkitError:
        return tuple(noted.seen)
    finally:
        sys.setprofile(None)
        gc.enable()
    return None


# Told by their time alone: text with U+0080 to U+009F in it, which is looked for where all else is text.
OTHERWISE = {"a control character of two bytes"}


@pytest.mark.parametrize("kind", ["text", "json"])
@pytest.mark.parametrize("keys", [(key(),), (key(), old()), (key(**STRICT), old()), (key(format="synthetic"),)])
def test_plain_blobs_are_refused_in_the_same_steps_whatever_comes_out(keys, kind):
    """A padding that is wrong, bytes that are no text, a control character: one way to the error."""
    sealer = Sealer(ring(*keys), payload=kind)
    short = [blob for name, blob in PROBES.items() if name not in OTHERWISE and len(blob.ciphertext) == 16]
    for blob in short:
        steps(sealer, blob)  # what is made and imported once is there then
    taken = [one for one in (steps(sealer, blob) for blob in short) if one is not None]
    assert len(taken) > 6
    assert len(set(taken)) == 1, set(taken)
    assert any("is_text" in one or "_is_json" in one for one in taken[0])


# --- what is proved opens all the same ----------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [name for name, sealer in {**REFUSING, **MIXED}.items() if sealer.two_parts.provers])
@pytest.mark.parametrize("payload", [b"1", b"[1, 2]", b'{"a": "of more than one block"}', b'"' + b"x" * 500 + b'"'])
def test_what_a_synthetic_iv_proves_opens(name, payload):
    sealer = {**REFUSING, **MIXED}[name]
    synthesizer = Sealer(ring(key(format="synthetic")))
    if "k2" not in {one.id for one in sealer.two_parts.provers}:
        synthesizer = Sealer(ring(old(format="synthetic")))
    blob = synthesizer.seal(payload, PLACE)
    opened = sealer.unseal(blob, PLACE)
    assert (opened.payload, opened.verdict, opened.format) == (payload, "authentic", "synthetic")
    assert "'status': 'verified'" in in_tree(sealer, blob)
    moved = answer(lambda: sealer.unseal(blob, Context(bind=1, identity=(b"posts/b.md",))))
    assert moved[5] == ("cannot_decrypt" if name in MIXED else "downgraded")


def test_what_is_proved_and_of_another_kind_is_said_to_be_that():
    sealer = Sealer(ring(key(**SYNTHETIC)), payload="json")
    blob = Sealer(ring(key(format="synthetic")), payload="text").seal(b"no JSON", PLACE)
    assert answer(lambda: sealer.unseal(blob, PLACE))[5] == "payload_check"


def test_the_place_is_asked_for_before_anything_is_decrypted(monkeypatch):
    """A record without what a blob is bound to gets one answer, too."""

    class Nowhere:
        def demanded(self):
            raise CannotDecrypt  # stands for any error of a place

        def below(self):
            return "posts/a.md"

    monkeypatch.setattr(CBC, "decrypt_whole", None)
    for sealer in (REFUSING["accept"], MIXED["synthetic"], REFUSING["required, synthetic"]):
        for blob in PROBES.values():
            with pytest.raises(CannotDecrypt):
                sealer.unseal(blob, Nowhere())
