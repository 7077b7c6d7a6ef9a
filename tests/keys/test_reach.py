"""A key that is only for some paths: which those are, and that it neither seals nor opens elsewhere."""

from __future__ import annotations

import pytest

from sealkit import jobs
from sealkit.context import PATH, PROBE, UNBOUND, Context
from sealkit.errors import ConfigError, DisabledKey, StoreError
from sealkit.keys import ringfile
from sealkit.keys.key import Key
from sealkit.keys.reach import Reach
from sealkit.keys.ring import KeyRing
from sealkit.records.identity import Binding, Place
from sealkit.records.record import Record
from sealkit.sealer import Sealer

PAYLOAD = b"a payload of more than one block"
RECORD = Record.parse(b"---\ntitle: t\nsecured: plaintext of two blocks or so\n---\n", kind="frontmatter")


@pytest.mark.parametrize(
    ("globs", "inside", "outside"),
    [
        (["posts/**"], ["posts/a.md", "posts/deep/b.md"], ["a.md", "drafts/posts/a.md", "postscript/a.md", "Posts/a.md"]),
        (["posts"], ["posts/a.md", "deep/posts/a.md"], ["a.md", "posts.md"]),
        (["*.md", "data/x.yml"], ["a.md", "deep/a.md", "data/x.yml"], ["x.yml", "data/y.yml"]),
        (["caf\u00e9/**"], ["caf\u00e9/a.md", "cafe\u0301/a.md"], ["cafe/a.md"]),
    ],
)
def test_paths(globs, inside, outside):
    reach = Reach(globs)
    assert [path for path in [*inside, *outside] if reach.covers(path)] == inside


@pytest.mark.parametrize("glob", ["", "/a", "~/a", "../a", "a/../b", "./a", "a//b", "a\\b", "a[b", "a\nb", "x" * 129])
def test_globs_that_are_none(failure, glob):
    assert type(failure(Reach, [glob])) is ConfigError


def test_globs_are_bounded(failure):
    failure(Reach, [str(number) for number in range(33)])
    failure(Reach, ["*" * 40, "?" * 25])


def key(key_id="k1", byte=0x41, only=("posts/**",), form="plain"):
    return Key(key_id, bytes([byte]) * 32, format=form, only=only)


def place(file, bind=None):
    return Place(RECORD, file=file, bind=bind)


FORMS = ["plain", "tagged", "synthetic"]


@pytest.mark.parametrize("form", FORMS)
def test_sealing_and_opening_inside(form):
    sealer = Sealer(KeyRing([key(form=form)], primary="k1"))
    inside = place("posts/a.md")
    blob = sealer.seal(PAYLOAD, inside.demanded(), at=inside)
    assert sealer.unseal(blob, inside).payload == PAYLOAD
    bound = Context(bind=PATH, identity=(b"posts/a.md",))
    assert sealer.unseal(sealer.seal(PAYLOAD, bound), bound).payload == PAYLOAD


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("file", "said"), [("drafts/a.md", "this is drafts/a.md"), (None, "not known where this stands")])
def test_neither_sealing_nor_opening_outside(failure, form, file, said):
    sealer = Sealer(KeyRing([key(form=form)], primary="k1"))
    anywhere = Sealer(KeyRing([key(form=form, only=())], primary="k1"))
    outside = place(file)
    blob = anywhere.seal(PAYLOAD, outside.demanded())
    for call in (
        lambda: sealer.seal(PAYLOAD, outside.demanded(), at=outside),
        lambda: sealer.unseal(blob, outside),
        lambda: sealer.check_place(outside),
    ):
        error = failure(call, canary=b"\x41" * 32)
        assert type(error) is DisabledKey
        assert "key k1 is only for posts/**" in error.problem
        assert said in error.problem
    if form == "tagged":
        assert type(failure(sealer.check, blob, outside)) is DisabledKey


def test_without_a_word_about_the_place_it_does_nothing(failure):
    sealer = Sealer(KeyRing([key()], primary="k1"))
    assert type(failure(sealer.seal, PAYLOAD)) is DisabledKey
    assert type(failure(sealer.unseal, Sealer(KeyRing([key(only=())], primary="k1")).seal(PAYLOAD))) is DisabledKey
    assert sealer.unseal_own(sealer.seal(PAYLOAD, at=PROBE)) == PAYLOAD, "it works, wherever it is for"


def test_other_keys_of_the_ring_open_as_before(failure):
    ring = KeyRing([key(), key("k2", 0x42, ())], primary="k2")
    sealer, old = Sealer(ring), Sealer(KeyRing([key(only=())], primary="k1"))
    outside, inside = place("a.md"), place("posts/a.md")
    assert sealer.unseal(sealer.seal(PAYLOAD), outside).key_id == "k2"
    blob = old.seal(PAYLOAD)
    assert sealer.unseal(blob, inside).key_id == "k1"
    assert failure(sealer.unseal, blob, outside).code == "cannot_decrypt", "a key that is not for this place is never tried there"


def test_a_blob_is_not_moved_out(failure):
    for form in ("tagged", "synthetic"):
        sealer = Sealer(KeyRing([key(form=form)], primary="k1"))
        was, now = place("posts/a.md", "path"), place("a.md", "path")
        blob = sealer.seal(PAYLOAD, was.demanded(), at=was)
        assert type(failure(sealer.retag, blob, was, now.demanded(), at=now)) is DisabledKey
        near = place("posts/b.md", "path")
        assert sealer.unseal(sealer.retag(blob, was, near.demanded(), at=near), near).payload == PAYLOAD


def test_jobs(failure):
    sealer = Sealer(KeyRing([key()], primary="k1"))
    sealed = jobs.seal(RECORD, sealer, binding=Binding(file=lambda: "posts/a.md"))
    error = failure(jobs.seal, RECORD, sealer, binding=Binding(file=lambda: "a.md"))
    assert (error.field, error.line) == ("secured", 3)
    error = failure(jobs.decrypt, sealed, sealer, binding=Binding(file=lambda: "a.md"))
    assert (error.field, error.line) == ("secured", 3)


def test_a_place_that_cannot_be_found_out(failure):
    def lost():
        raise StoreError(problem="its tree cannot be found", hint="mend it")

    sealer = Sealer(KeyRing([key()], primary="k1"))
    assert type(failure(sealer.seal, PAYLOAD, UNBOUND, at=place(lost))) is StoreError
    free = Sealer(KeyRing([key(only=())], primary="k1"))
    assert free.seal(PAYLOAD, UNBOUND, at=place(lost)), "nobody asks where no key cares"


# --- the ring file ---------------------------------------------------------------------------------------------------
def ring_text(only):
    return f"version: 1\nprimary: a\nkeys:\n  - id: a\n    source: {{hex: '{'aa' * 16}'}}\n    only: {only}\n".encode()


def test_a_ring_says_it(tmp_path):
    path = tmp_path / "keys.yaml"
    path.write_bytes(ring_text('["posts/**", notes.md]'))
    path.chmod(0o600)
    assert KeyRing.load(path).get("a").reach.only == ("posts/**", "notes.md")


@pytest.mark.parametrize("only", ["[]", "posts", "[{a: b}]", "[/a]", "[[a]]", '["a[b"]'])
def test_a_ring_that_says_it_wrongly(failure, only):
    error = failure(ringfile.parse, ring_text(only), "")
    assert error.line == 6
    assert error.problem.replace("'", "").startswith("key a: only")


def test_the_globs_of_a_ring_are_bounded_together(failure):
    entries = [f"  - id: k{number}\n    source: {{env: A, encoding: hex}}\n    only: {list('abcdefgh')}\n" for number in range(17)]
    head = "version: 1\nprimary: k0\nkeys:\n"
    assert len(ringfile.parse((head + "".join(entries[:16])).encode(), "").keys) == 16
    assert "at most 128 globs" in failure(ringfile.parse, (head + "".join(entries)).encode(), "").problem


def test_verify_only_keys_keep_it(tmp_path):
    ring = KeyRing([key(form="tagged", only=("posts/**", "caf\u00e9 1/*"))], primary="k1")
    text = ring.export_verify_only()
    path = tmp_path / "verify.yaml"
    path.write_bytes(text)
    path.chmod(0o600)
    assert KeyRing.load(path).get("k1").reach.only == ("posts/**", "caf\u00e9 1/*")
