"""AES-CBC on kept contexts: the same bytes as fresh ones, from any thread, after any failure, and no key in sight."""

import copy
import hmac
import pickle
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from hypothesis import given
from hypothesis import strategies as st

from sealkit.crypto.cipher import CBC, Derived, derive, random_iv
from sealkit.errors import NoUsableKey, SealkitError, Usage

KEY = bytes(range(32))
IV = bytes(range(16))
CANARY = b"canary-KEY-16byt"
key_sizes = pytest.mark.parametrize("size", [16, 24, 32])


def fresh_encrypt(key, payload, iv):
    """The same by a context that was never used, and another padding code."""
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(padder.update(payload) + padder.finalize()) + encryptor.finalize()


def raw_encrypt(key, blocks, iv):
    """Encipher whole blocks as they are, without padding."""
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(blocks) + encryptor.finalize()


# --- round trips -----------------------------------------------------------------------------------------------------
@key_sizes
@given(st.integers(0, 100_000), st.integers(0, 2**32))
def test_round_trip(size, length, seed):
    source = random.Random(seed)
    key, iv, payload = source.randbytes(size), source.randbytes(16), source.randbytes(length)
    cbc = CBC(key)
    ciphertext = cbc.encrypt(payload, iv)
    assert len(ciphertext) == length // 16 * 16 + 16
    assert ciphertext == fresh_encrypt(key, payload, iv)
    assert cbc.decrypt(ciphertext, iv) == payload


@key_sizes
def test_every_short_length(size):
    key = KEY[:size]
    cbc = CBC(bytearray(key))
    for length in range(100):
        payload = bytes(length)
        assert cbc.encrypt(payload, IV) == fresh_encrypt(key, payload, IV)
        assert cbc.decrypt(cbc.encrypt(payload, IV), IV) == payload


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 200), st.booleans()), min_size=2, max_size=40), st.integers(0, 2**32))
def test_kept_contexts_equal_fresh_ones(calls, seed):
    source = random.Random(seed)
    cbc = CBC(KEY)
    for encrypting, length, damaged in calls:
        iv, payload = source.randbytes(16), source.randbytes(length)
        ciphertext = fresh_encrypt(KEY, payload, iv)
        if damaged:  # a refusal in between must leave no trace either
            assert cbc.decrypt(raw_encrypt(KEY, bytes(32), iv), iv) is None
        if encrypting:
            assert cbc.encrypt(payload, iv) == ciphertext
        else:
            assert cbc.decrypt(ciphertext, iv) == payload


def test_equal_ivs_and_repeated_messages():
    cbc = CBC(KEY)
    assert {cbc.encrypt(b"same", IV) for _ in range(10)} == {fresh_encrypt(KEY, b"same", IV)}


# --- refusals --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("length", [0, 1, 15, 17, 31, 33])
def test_a_wrong_length_is_none(length):
    cbc = CBC(KEY)
    assert cbc.decrypt(bytes(length), IV) is None
    assert cbc.decrypt(fresh_encrypt(KEY, b"x", IV), IV) == b"x"


@pytest.mark.parametrize("length", [0, 12, 15, 17, 32])
def test_a_wrong_iv_length_is_none_or_refused(length):
    cbc = CBC(KEY)
    assert cbc.decrypt(bytes(16), bytes(length)) is None
    with pytest.raises(Usage):
        cbc.encrypt(b"payload", bytes(length))


@pytest.mark.parametrize("value", [None, "text", 5, bytearray(16), memoryview(bytes(16))], ids=lambda value: type(value).__name__)
def test_what_is_not_bytes_is_refused(value):
    cbc = CBC(KEY)
    for call in (cbc.encrypt, cbc.decrypt):
        for arguments in ((value, IV), (bytes(16), value)):
            with pytest.raises(Usage):
                call(*arguments)


def test_padding_is_checked_whole():
    cbc = CBC(KEY)
    for last in range(256):
        valid = 1 <= last <= 16
        blocks = bytes([0xAA]) * (32 - last) + bytes([last]) * last if valid else bytes([0xAA]) * 31 + bytes([last])
        assert cbc.decrypt(raw_encrypt(KEY, blocks, IV), IV) == (blocks[:-last] if valid else None)
        for at in range(2, last + 1) if valid else ():
            wrong = bytearray(blocks)
            wrong[-at] ^= 0x80 if at % 2 else 0x01
            assert cbc.decrypt(raw_encrypt(KEY, bytes(wrong), IV), IV) is None


def test_the_byte_before_the_padding_is_payload():
    cbc = CBC(KEY)
    for count in range(1, 16):
        blocks = bytes([count]) * 16  # more such bytes than the last one says
        assert cbc.decrypt(raw_encrypt(KEY, blocks, IV), IV) == blocks[:-count]


def test_a_wrong_key_passes_the_padding_once_in_255():
    source = random.Random(7)
    ciphertext = fresh_encrypt(KEY, b"some payload of two blocks", IV)
    trials = 20_000
    passed = sum(CBC(source.randbytes(16)).decrypt(ciphertext, IV) is not None for _ in range(trials))
    assert 0.6 / 255 < passed / trials < 1.5 / 255


@pytest.mark.parametrize("length", [0, 1, 15, 17, 20, 31, 33, 64, 128])
def test_a_key_of_a_wrong_length_is_no_key(length):
    for make in (CBC, derive):
        for key in (bytes(length), bytearray(length)):
            with pytest.raises(NoUsableKey):
                make(key)


@pytest.mark.parametrize("key", [None, "0123456789abcdef", 16, memoryview(bytes(16)), [0] * 16], ids=lambda key: type(key).__name__)
def test_what_is_not_bytes_is_no_key(key):
    for make in (CBC, derive):
        with pytest.raises(NoUsableKey):
            make(key)


# --- failures in the middle ------------------------------------------------------------------------------------------
class Breaking:
    """A context that does its work and then fails, as an interrupted one would: its state has moved on, unnoticed."""

    def __init__(self, context):
        self.context = context

    def update(self, data):
        self.context.update(data)
        raise KeyboardInterrupt


def test_a_context_is_dropped_after_any_exception():
    cbc = CBC(KEY)
    ciphertext = cbc.encrypt(b"first", IV)
    assert cbc.decrypt(ciphertext, IV) == b"first"
    cbc._encryptors[:] = [(Breaking(context), last) for context, last in cbc._encryptors]
    cbc._decryptors[:] = [Breaking(context) for context in cbc._decryptors]
    with pytest.raises(KeyboardInterrupt):
        cbc.encrypt(b"second", IV)
    with pytest.raises(KeyboardInterrupt):
        cbc.decrypt(ciphertext, IV)
    assert (cbc._encryptors, cbc._decryptors) == ([], [])
    assert cbc.encrypt(b"first", IV) == ciphertext
    assert cbc.decrypt(ciphertext, IV) == b"first"


def test_one_context_serves_one_thread():
    cbc = CBC(KEY)
    for length in range(50):
        cbc.decrypt(cbc.encrypt(bytes(length), IV), IV)
    assert (len(cbc._encryptors), len(cbc._decryptors)) == (1, 1)


@pytest.fixture
def hasty_threads():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty_threads")
def test_threads_share_a_cbc():
    cbc = CBC(KEY)
    wrong = []

    def work(number):
        source = random.Random(number)
        for _ in range(1_500):
            # Now and then a payload for which the interpreter lock is released.
            payload, iv = source.randbytes(source.choice([5, 16, 100, 100, 5_000])), source.randbytes(16)
            ciphertext = cbc.encrypt(payload, iv)
            if ciphertext != fresh_encrypt(KEY, payload, iv) or cbc.decrypt(ciphertext, iv) != payload:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


FORK = """
import os, sys
from sealkit.crypto.cipher import CBC
key, iv = bytes(range(32)), bytes(16)
cbc = CBC(key)
cbc.decrypt(cbc.encrypt(b"before the fork", iv), iv)
child = os.fork()
results = [cbc.encrypt(bytes([n]) * n, iv) for n in range(100)]
right = all(cbc.decrypt(c, iv) == bytes([n]) * n and c == CBC(key).encrypt(bytes([n]) * n, iv) for n, c in enumerate(results))
if child == 0:
    os._exit(0 if right else 1)
sys.exit(not right or os.waitpid(child, 0)[1])
"""


def test_parent_and_child_go_on_after_a_fork():
    done = subprocess.run([sys.executable, "-c", FORK], check=False, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


# --- closing ---------------------------------------------------------------------------------------------------------
def test_a_closed_cbc_has_no_key():
    cbc = CBC(KEY)
    ciphertext = cbc.encrypt(b"x", IV)
    secret = cbc._secret
    cbc.close()
    cbc.close()
    assert secret == bytes(32)
    with pytest.raises(NoUsableKey):
        cbc.encrypt(b"x", IV)
    with pytest.raises(NoUsableKey):
        cbc.decrypt(ciphertext, IV)


def test_the_caller_may_wipe_his_key():
    key = bytearray(KEY)
    cbc = CBC(key)
    key[:] = bytes(32)
    assert cbc.encrypt(b"x", IV) == fresh_encrypt(KEY, b"x", IV)


def test_closing_while_a_context_is_made_gives_no_context_under_zeros(monkeypatch):
    cbc = CBC(KEY)
    made = algorithms.AES

    def closes_meanwhile(secret):
        cbc.close()
        return made(secret)

    monkeypatch.setattr(algorithms, "AES", closes_meanwhile)
    with pytest.raises(NoUsableKey):
        cbc.encrypt(b"x", IV)


def test_a_call_under_way_while_closing_brings_nothing_back():
    cbc = CBC(KEY)
    cbc.decrypt(cbc.encrypt(b"x", IV), IV)

    class Closing:
        def __init__(self, context):
            self.context = context

        def update(self, data):
            cbc.close()
            return self.context.update(data)

    cbc._encryptors[:] = [(Closing(context), last) for context, last in cbc._encryptors]
    assert cbc.encrypt(b"x", IV) == fresh_encrypt(KEY, b"x", IV)
    assert (cbc._encryptors, cbc._decryptors) == ([], [])


# --- no key, no payload in sight -------------------------------------------------------------------------------------
def shown_by(error) -> str:
    """What a tool that prints tracebacks with locals would print, except the frames of this file."""
    shown = [repr(error), str(error), repr(vars(error))]
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename != __file__:
            shown.append(repr(dict(trace.tb_frame.f_locals)))
        trace = trace.tb_next
    assert error.__context__ is None
    assert error.__cause__ is None
    return "\n".join(shown)


def closed_encrypt():
    cbc = CBC(CANARY)
    cbc.close()
    cbc.encrypt(CANARY, IV)


@pytest.mark.parametrize(
    "call",
    [
        lambda: CBC(CANARY + b"x"),
        lambda: CBC(bytearray(CANARY + b"x")),
        lambda: derive(CANARY + b"x"),
        lambda: derive(CANARY, CANARY),
        lambda: CBC(KEY).encrypt(CANARY, b"short"),
        lambda: CBC(KEY).encrypt(bytearray(CANARY), IV),
        closed_encrypt,
    ],
)
def test_errors_show_neither_key_nor_payload(call, monkeypatch):
    monkeypatch.delenv("SEALKIT_DEBUG", raising=False)
    with pytest.raises(SealkitError) as caught:
        call()
    assert "canary" not in shown_by(caught.value)


@pytest.mark.parametrize("holder", [CBC(CANARY), derive(CANARY)], ids=lambda holder: type(holder).__name__)
def test_key_material_is_not_shown_copied_or_pickled(holder):
    assert "canary" not in f"{holder!r} {holder}"
    assert not hasattr(holder, "__dict__")
    for leave in (pickle.dumps, copy.copy, copy.deepcopy, lambda value: value.__getstate__()):
        with pytest.raises(Usage):
            leave(holder)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(Usage):
            pickle.dumps(holder, protocol)


def test_reprs():
    assert repr(CBC(KEY)) == "<CBC 256 bits>"
    derived = derive(KEY)
    assert repr(derived) == f"<Derived kid={derived.kid.hex()}>"
    assert derived.mac.hex() not in repr(derived)


# --- derivation and IVs ----------------------------------------------------------------------------------------------
def test_derived_keys_differ_from_each_other_and_the_key():
    derived = derive(KEY)
    assert isinstance(derived, Derived)
    assert (len(derived.kid), len(derived.mac), len(derived.siv), len(derived.journal)) == (8, 32, 32, 32)
    assert len({KEY, *map(bytes, (derived.mac, derived.siv, derived.journal))}) == 4
    assert derive(bytearray(KEY)).mac == derived.mac


def test_a_separate_mac_secret_changes_everything_derived():
    one, other = derive(KEY), derive(KEY, bytes(32))
    assert one.kid != other.kid
    assert one.mac != other.mac
    assert one.siv != other.siv
    assert one.journal != other.journal
    assert derive(KEY, bytearray(32)).mac == other.mac


@key_sizes
def test_derivation_with_a_mac_secret_is_hkdf_of_both(size):
    key, secret = KEY[:size], bytes(range(100, 132))
    extracted = hmac.digest(b"sealkit/v1+mac", key + secret, "sha256")
    derived = derive(key, secret)
    for name, value in (("kid", derived.kid), ("mac", derived.mac), ("siv", derived.siv), ("journal", derived.journal)):
        # One round of RFC 5869's expansion is enough for 32 bytes.
        assert value == hmac.digest(extracted, f"sealkit/v1 {name}\x01".encode(), "sha256")[: len(value)]


@pytest.mark.parametrize("secret", [b"", bytes(16), bytes(31), bytes(33), "x" * 32], ids=repr)
def test_a_mac_secret_has_32_bytes(secret):
    with pytest.raises(NoUsableKey):
        derive(KEY, secret)


def test_ivs_are_new_each_time():
    ivs = {random_iv() for _ in range(10_000)}
    assert len(ivs) == 10_000
    assert {len(iv) for iv in ivs} == {16}
