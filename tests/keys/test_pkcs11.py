"""Keys in a real SoftHSM token: the same blobs as the key itself makes, and never its bytes."""

from __future__ import annotations

import os
import pickle
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keys_canary import CANARY, everything_said, leaks
from softhsm import LIBRARY, MISSING, PIN, configured, initialized

from sealkit import config
from sealkit.context import Context
from sealkit.errors import ConfigError, NoUsableKey, SealkitError, Usage
from sealkit.installing import how_to_install
from sealkit.keys import pkcs11, ringedit, ringstore, session, sources
from sealkit.keys.access import Access
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing
from sealkit.sealer import Sealer

if not os.environ.get("SEALKIT_CI"):
    pytest.importorskip("pkcs11")
    if MISSING:
        pytest.skip("needs the program softhsm2-util", allow_module_level=True)

VARIABLE = "SEALKIT_SECRET_PIN"
TOKEN = "press"
WITH_PIN = {VARIABLE: PIN}


@pytest.fixture(scope="module")
def hsm(tmp_path_factory):
    """The variables of a SoftHSM with one token; the library reads them once a process, so all tests of this module share it."""
    variables = configured(tmp_path_factory.mktemp("hsm"))
    initialized(variables, TOKEN)
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    yield variables
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


_numbers = iter(range(1000))


def put(secret=CANARY, **attributes):
    """A key, and where it was put in the token."""
    key = Key("k1", secret, **attributes)
    place = session.Place(LIBRARY, TOKEN, f"object {next(_numbers)}")
    return key, pkcs11.put(key, place, bytearray(PIN.encode()))


def text_of(place, pin="{env: SEALKIT_SECRET_PIN}"):
    return pkcs11.source_text(place, pin)


def source(place, **given):
    return pkcs11.declared(text_of(place, **given), "key k1")


def ring(tmp_path, *entries, name="keys.yaml", primary="k1"):
    path = tmp_path / name
    path.write_text(f"version: 1\nprimary: {primary}\nkeys:\n" + "".join(f"  - {entry}\n" for entry in entries))
    path.chmod(0o600)
    return path


def entry(place, key_id="k1", more=", format: tagged"):
    return f"{{id: {key_id}, source: {text_of(place)}{more}}}"


# --- the same blobs -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [16, 24, 32])
def test_a_key_in_a_token_does_what_the_key_does(hsm, tmp_path, size):
    key, place = put(CANARY[:size])
    with KeyRing.load(ring(tmp_path, entry(place)), environ=WITH_PIN) as loaded:
        held = loaded.primary
        assert (held.bits, held.kid) == (8 * size, key.kid)
        iv, context = bytes(range(16)), Context()
        for payload in (b"", b"x", b"y" * 15, b"z" * 16, os.urandom(5000)):
            ciphertext = held.cbc().encrypt(payload, iv)
            assert ciphertext == key.cbc().encrypt(payload, iv)
            assert held.cbc().decrypt(ciphertext, iv) == payload
            assert held.tagger().tag(bytes(10), context, iv, ciphertext) == key.tagger().tag(bytes(10), context, iv, ciphertext)
            assert held.cbc().encrypt_blocks(ciphertext) == key.cbc().encrypt_blocks(ciphertext)
            assert held.cbc().decrypt_rows((iv + ciphertext) * 3, 16 + len(ciphertext)) == key.cbc().decrypt_rows(
                (iv + ciphertext) * 3, 16 + len(ciphertext)
            )
            assert held.synthesizer().iv(context, payload) == key.synthesizer().iv(context, payload)


@pytest.mark.parametrize("form", ["plain", "tagged", "synthetic"])
def test_blobs_of_the_one_open_under_the_other(hsm, tmp_path, form):
    key, place = put(format=form)
    inside = KeyRing.load(ring(tmp_path, entry(place, more=f", format: {form}")), environ=WITH_PIN)
    outside = KeyRing([key], primary="k1")
    with inside, outside:
        for one, other in ((inside, outside), (outside, inside)):
            blob = Sealer(one).seal(b"a payload of more than one block")
            opened = Sealer(other).unseal(blob)
            assert (opened.payload, opened.format) == (b"a payload of more than one block", form)
            assert Sealer(other).reproduces(blob, opened)


@pytest.mark.parametrize("form", ["plain", "tagged", "synthetic"])
def test_columns_open_and_seal_in_the_token(hsm, tmp_path, form):
    import pyarrow as pa

    from sealkit.columns import decrypt_column, seal_column, verify_column

    key, place = put(format=form)
    payloads = [f"a payload, {'long' * (number % 4)}" for number in range(60)]
    inside = KeyRing.load(ring(tmp_path, entry(place, more=f", format: {form}")), environ=WITH_PIN)
    with inside, KeyRing([key], primary="k1") as outside:
        for one, other in ((inside, outside), (outside, inside)):
            blobs = seal_column(pa.array(payloads), Sealer(one)).field("blob")
            assert decrypt_column(blobs, Sealer(other)).field("payload").to_pylist() == payloads
            verdict = "unauthenticated" if form == "plain" else "authentic"
            assert set(verify_column(blobs, Sealer(other)).field("status").to_pylist()) == {verdict}


def test_what_is_damaged_is_told_as_elsewhere(hsm, tmp_path):
    key, place = put()
    with KeyRing.load(ring(tmp_path, entry(place)), environ=WITH_PIN) as loaded:

        @settings(max_examples=60, deadline=None)
        @given(st.binary(max_size=70), st.binary(min_size=14, max_size=18))
        def same(ciphertext, iv):
            assert loaded.primary.cbc().decrypt(ciphertext, iv) == key.cbc().decrypt(ciphertext, iv)

        same()
        with pytest.raises(Usage):
            loaded.primary.cbc().encrypt(b"x", b"short")
        with pytest.raises(Usage):
            loaded.primary.cbc().decrypt("x", bytes(16))


def test_keys_wrapped_under_a_key_in_a_token(hsm, tmp_path):
    _, place = put()
    path = ring(tmp_path, entry(place, "hsm", more=""), primary="hsm")
    os.environ[VARIABLE] = PIN
    ringstore.add_wrapped(path, "k2", "hsm", 192, primary=True)
    ringstore.set_attribute(path, "hsm", "state", "disabled")
    with KeyRing.load(path) as loaded:
        assert (loaded.primary.id, loaded.primary.bits) == ("k2", 192)
        wrapped = bytes(loaded.primary.encoded("raw"))
    from sealkit.crypto.wrap import unwrap

    stated = path.read_text().partition('wrapped: "')[2].partition('"')[0]
    assert unwrap(CANARY, __import__("base64").b64decode(stated), "kw") == wrapped
    path.write_text(path.read_text().replace(stated, "A" * 43 + "="))
    with pytest.raises(NoUsableKey, match="does not unwrap"):
        KeyRing.load(path)


# --- processes and threads --------------------------------------------------------------------------------------------
def test_a_forked_process_opens_a_session_of_its_own(hsm, tmp_path):
    key, place = put()
    other, second = put(bytes(reversed(CANARY)))
    with KeyRing.load(ring(tmp_path, entry(place), entry(second, "k2")), environ=WITH_PIN) as loaded:
        iv = bytes(16)
        expected = key.cbc().encrypt(b"x" * 100, iv)
        assert loaded.primary.cbc().encrypt(b"x" * 100, iv) == expected
        for _ in range(3):
            child = os.fork()
            if not child:
                good = False
                try:
                    good = loaded.primary.cbc().encrypt(b"x" * 100, iv) == expected
                    good &= loaded.get("k2").cbc().encrypt(b"y", iv) == other.cbc().encrypt(b"y", iv)
                    loaded.close()
                finally:
                    os._exit(0 if good else 1)
            assert os.waitpid(child, 0)[1] == 0
            assert loaded.primary.cbc().encrypt(b"x" * 100, iv) == expected


def test_processes_that_open_at_once(hsm, tmp_path):
    key, place = put()
    with KeyRing.load(ring(tmp_path, entry(place)), environ=WITH_PIN) as loaded:
        expected = key.cbc().encrypt(b"x", bytes(16))
        for _ in range(12):
            children = []
            for _ in range(3):
                child = os.fork()
                if not child:
                    good = False
                    try:
                        good = loaded.primary.cbc().encrypt(b"x", bytes(16)) == expected
                    finally:
                        os._exit(0 if good else 1)
                children.append(child)
            assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]


def test_threads_share_a_session(hsm, tmp_path):
    _, place = put()
    with KeyRing.load(ring(tmp_path, entry(place)), environ=WITH_PIN) as loaded:
        wrong = []

        def work(number):
            for turn in range(40):
                payload, iv = bytes([number]) * (turn + 1), bytes([turn]) * 16
                if loaded.primary.cbc().decrypt(loaded.primary.cbc().encrypt(payload, iv), iv) != payload:
                    wrong.append(number)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


def test_rings_with_keys_of_one_token_come_and_go(hsm, tmp_path):
    _, place = put()
    path = ring(tmp_path, entry(place))
    first, second = (KeyRing.load(path, environ=WITH_PIN) for _ in range(2))
    first.close()
    assert second.primary.cbc().encrypt(b"x", bytes(16))
    with pytest.raises(NoUsableKey, match="wrong PIN"):
        KeyRing.load(path, environ={VARIABLE: "0000"})
    second.close()
    with pytest.raises(NoUsableKey, match="was closed"):
        second.primary.cbc()
    assert session._sessions == {}
    with KeyRing.load(path, environ=WITH_PIN) as third:
        assert third.primary.cbc().encrypt(b"x", bytes(16))


# --- what goes wrong ----------------------------------------------------------------------------------------------------
def refused(place, problem, environ=WITH_PIN, **given):
    with pytest.raises(NoUsableKey) as caught:
        source(place, **given).hold(Access(dict(environ)))
    assert problem in caught.value.problem, caught.value.problem
    assert caught.value.hint
    assert caught.value.exit_status == 3
    assert PIN not in "".join(everything_said(caught.value))


def test_each_failure_is_one_clear_error(hsm, tmp_path):
    _, place = put()
    refused(place._replace(module="/nowhere/lib.so"), "module '/nowhere/lib.so' cannot be loaded")
    text = tmp_path / "lib.so"
    text.write_text("no library")
    refused(place._replace(module=str(text)), "cannot be loaded")
    refused(place._replace(token="nobody"), "no token 'nobody' there")
    refused(place._replace(key="nothing"), "the token has no object 'nothing' that is an AES key")
    refused(place._replace(mac=place.key), "that is a key for HMAC")
    refused(place, "wrong PIN", {VARIABLE: "1111"})
    refused(place, "PIN: env 'SEALKIT_SECRET_PIN' is not set", {})
    refused(place, "an empty PIN", {VARIABLE: ""})
    refused(place, "nobody to ask", pin="prompt")
    assert session._sessions == {}


def test_a_key_without_a_mac_key_seals_plain_blobs(hsm, tmp_path):
    _, place = put()
    bare = place._replace(mac="", siv="", kid="")
    with KeyRing.load(ring(tmp_path, entry(bare)), environ=WITH_PIN) as loaded:
        assert Sealer(loaded).unseal(Sealer(loaded).seal(b"x" * 40, format="plain")).payload == b"x" * 40
        for form in ("tagged", "synthetic"):
            with pytest.raises(NoUsableKey, match=r"no kid|no key for"):
                Sealer(loaded).seal(b"x" * 40, format=form)


def test_it_is_put_there_once(hsm):
    key, place = put()
    with pytest.raises(NoUsableKey, match="has an object"):
        pkcs11.put(key, place._replace(mac="", siv="", kid=""), bytearray(PIN.encode()))


def test_the_same_key_in_a_file_and_in_the_token(hsm, tmp_path):
    _, place = put()
    with pytest.raises(ConfigError, match="are the same key"):
        KeyRing.load(ring(tmp_path, entry(place), f"{{id: k2, source: {{hex: '{CANARY.hex()}'}}}}"), environ=WITH_PIN)


def test_a_ring_in_a_tree_cannot_name_a_library(hsm, tmp_path):
    _, place = put()
    (tmp_path / "sealkit.yaml").write_text("version: 1\n")
    with pytest.raises(ConfigError, match="a ring in a tree cannot name"):
        KeyRing.load(ring(tmp_path, entry(place)), environ=WITH_PIN)


def test_disabled_keys_are_not_logged_in_to(hsm, tmp_path):
    _, place = put()
    other = f"{{id: k2, source: {{hex: '{'ab' * 16}'}}}}"
    with KeyRing.load(ring(tmp_path, entry(place, more=", state: disabled"), other, primary="k2"), environ={}) as loaded:
        assert loaded.get("k1").bits == 0


def test_without_the_package(hsm, monkeypatch, tmp_path):
    _, place = put()
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    with pytest.raises(NoUsableKey) as caught:
        source(place).hold(Access(dict(WITH_PIN)))
    assert caught.value.hint == how_to_install("pkcs11")


# --- what never comes out --------------------------------------------------------------------------------------------------
def test_nothing_comes_out(hsm, tmp_path):
    _, place = put()
    with KeyRing.load(ring(tmp_path, entry(place)), environ=WITH_PIN) as loaded:
        key = loaded.primary
        Sealer(loaded).seal(b"x" * 40)
        held = [key, key.cbc(), key.tagger(), key.synthesizer(), key._token, key._token._session, key.derived(), loaded]
        shown = [repr(one) for one in held]
        shown += [repr(getattr(key._token, name)) for name in key._token.__slots__]
        assert not leaks(CANARY, *shown)
        assert PIN not in "".join(shown)
        for one in held:
            assert not hasattr(one, "__dict__")
            with pytest.raises(SealkitError):
                pickle.dumps(one)
        for call in (lambda: key.encoded("hex"), lambda: loaded.export_verify_only(["k1"])):
            with pytest.raises(NoUsableKey, match="never leave"):
                call()
    import pkcs11 as library

    opened = session.shared(place, bytearray(PIN.encode()), "test")
    try:
        for label in (place.key, place.mac, place.siv):
            (found,) = opened.ready().get_objects({library.Attribute.LABEL: label})
            with pytest.raises(library.AttributeSensitive):
                found[library.Attribute.VALUE]
    finally:
        opened.leave()


WRONG = [
    "pkcs11: x\n",
    "pkcs11: {}\n",
    "pkcs11: {module: lib.so, token: t, key: k, pin: prompt}\n",
    "pkcs11: {module: /lib.so, token: t, key: k}\n",
    "pkcs11: {module: /lib.so, token: t, pin: prompt}\n",
    "pkcs11: {module: /lib.so, token: t, key: k, pin: '1234'}\n",
    "pkcs11: {module: /lib.so, token: t, key: k, pin: prompt, mac: m}\n",
    "pkcs11: {module: /lib.so, token: t, key: k, pin: prompt, mac: m, kid: 12}\n",
    "pkcs11: {module: /lib.so, token: t, key: k, pin: prompt, slot: 1}\n",
    f"pkcs11: {{module: /lib.so, token: t, key: {'k' * 65}, pin: prompt}}\n",
    "pkcs11: {module: /lib.so, token: t, key: k, pin: prompt}\nencoding: hex\n",
]


@pytest.mark.parametrize("text", WRONG)
def test_entries_that_make_no_sense(text):
    with pytest.raises(ConfigError):
        sources.declare(config.load(text.encode(), what="source"), "key k1", "")


# --- the command line --------------------------------------------------------------------------------------------------------
def test_a_tree_rotated_into_the_token_and_back(hsm, desk):
    mine = hsm | {"SEALKIT_KEYS": "mine.yaml", VARIABLE: PIN}

    def ran(*args, status=0, env=mine):
        done = desk.run(*args, env=env)
        assert done.status == status, done
        assert PIN not in done.text + done.err
        assert CANARY.hex() not in done.text + done.err
        return done

    ran("keygen", "--format", "tagged")
    ran("keygen", "--format", "tagged")
    for number in range(40):
        desk.write(f"tree/{number}.md", f"---\nsecured: 'payload {number} {'x' * 40}'\n---\nbody\n".encode())
    ran("seal", "tree")
    kid = next(line for line in ran("keys").text.splitlines() if line.startswith("k2"))
    moved = ran("keys", "to-token", "k2", "--module", LIBRARY, "--token", TOKEN, "--label", "mover", "--pin-env", VARIABLE)
    assert "still where it was" in moved.err
    assert "base64" not in desk.read("mine.yaml").decode().partition("id: k2")[2]
    assert next(line for line in ran("keys").text.splitlines() if line.startswith("k2")) == kid
    ran("rotate", "--to", "k2", "--workers", "2", "tree")
    assert ran("verify", "--key-id", "k2", "--workers", "2", "--json", "tree").summary["verified"] == 40
    assert "wrong PIN" in ran("verify", "tree", env=mine | {VARIABLE: "1"}, status=3).err
    ran("rotate", "--to", "k1", "tree")
    assert ran("verify", "--key-id", "k1", "--json", "tree").summary["verified"] == 40
    assert (
        "has an object"
        in ran(
            "keys", "to-token", "k1", "--module", LIBRARY, "--token", TOKEN, "--label", "mover", "--pin-env", VARIABLE, status=3
        ).err
    )
    assert ringedit.with_id(desk.read("mine.yaml"), "k2", "hsm").count(b"id: hsm") == 1
