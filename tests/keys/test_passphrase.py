"""Keys from passphrases: bounded before anything is computed, derived once a process, the same on every keyboard."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealkit import config
from sealkit.crypto import kdf
from sealkit.errors import ConfigError, NoUsableKey
from sealkit.installing import how_to_install
from sealkit.keys import passphrase, remembered, sources, strength
from sealkit.keys.access import Access
from sealkit.keys.key import Key
from sealkit.keys.ring import KeyRing

PASSPHRASE = "Fahrstuhl Zebra Zwiebel Kröte"
SALT = "AAECAwQFBgcICQoLDA0ODw=="
SMALL = f"kdf: argon2id, salt: '{SALT}', t: 1, m: 8, p: 1"


@pytest.fixture(autouse=True)
def fresh():
    remembered.forget()
    yield
    remembered.forget()


def declare(text, folder=""):
    return sources.declare(config.load(text.encode(), what="source"), "key k1", str(folder))


def ask(answer=PASSPHRASE):
    asked = []

    def answered(question):
        asked.append(question)
        return answer

    return Access({}, ask=answered), asked


# --- what it gives -------------------------------------------------------------------------------------------------------
GIVEN = [
    (SMALL, lambda text, salt: kdf.argon2id(text, salt, size=32, t=1, m=8, p=1)),
    (SMALL + ", bytes: 16", lambda text, salt: kdf.argon2id(text, salt, size=16, t=1, m=8, p=1)),
    (f"kdf: scrypt, salt: '{SALT}', n: 16, r: 2, p: 1", lambda text, salt: kdf.scrypt(text, salt, size=32, n=16, r=2, p=1)),
    (f"kdf: pbkdf2, salt: '{SALT}', iterations: 9", lambda text, salt: kdf.pbkdf2(text, salt, size=32, iterations=9)),
]


@pytest.mark.parametrize(("recipe", "derive"), GIVEN)
def test_what_the_functions_give(recipe, derive):
    reach, asked = ask()
    secret = declare(f"{{passphrase: prompt, {recipe}}}").read(reach)
    assert secret == derive(PASSPHRASE.encode(), bytes(range(16)))
    assert asked == ["passphrase of key k1"]
    assert reach.warnings == []


def test_where_the_passphrase_comes_from(tmp_path):
    expected = kdf.argon2id(PASSPHRASE.encode(), bytes(range(16)), size=32, t=1, m=8, p=1)
    (tmp_path / "p.txt").write_text(PASSPHRASE + "\n")
    (tmp_path / "p.txt").chmod(0o600)
    for where in ("{env: SEALKIT_SECRET_P}", "{file: p.txt}", f"{{command: [printf, '%s\\n', {json.dumps(PASSPHRASE)}]}}"):
        source = declare(f"passphrase: {where}\n" + SMALL.replace(", ", "\n"), tmp_path)
        assert source.read(Access({"SEALKIT_SECRET_P": PASSPHRASE, "PATH": "/usr/bin:/bin"})) == expected
        assert source.runs == ("command" in where)
        assert source.costly


def test_the_same_on_every_keyboard():
    source = declare(f"{{passphrase: prompt, {SMALL}}}")
    forms = {form: source.read(ask(unicodedata.normalize(form, PASSPHRASE))[0]) for form in ("NFC", "NFD")}
    assert forms["NFC"] == forms["NFD"]
    assert source.read(ask(PASSPHRASE + "\r\n")[0]) == forms["NFC"]
    assert source.read(ask(PASSPHRASE + " ")[0]) != forms["NFC"]


def test_a_function_runs_once_a_process(monkeypatch):
    runs = []
    real = kdf.argon2id
    function = passphrase.FUNCTIONS["argon2id"]

    def counted(*args, **kwargs):
        runs.append(1)
        return real(*args, **kwargs)

    monkeypatch.setitem(passphrase.FUNCTIONS, "argon2id", function._replace(derive=counted))
    first = declare(f"{{passphrase: prompt, {SMALL}}}").read(ask()[0])
    again = declare(f"{{passphrase: prompt, {SMALL}}}").read(ask()[0])
    assert first == again
    assert first is not again
    assert len(runs) == 1
    declare(f"{{passphrase: prompt, {SMALL}}}").read(ask("another passphrase")[0])
    declare(f"{{passphrase: prompt, {SMALL.replace('t: 1', 't: 2')}}}").read(ask()[0])
    assert len(runs) == 3
    remembered.forget()
    declare(f"{{passphrase: prompt, {SMALL}}}").read(ask()[0])
    assert len(runs) == 4


def test_a_wrong_passphrase_is_told_by_the_check(failure):
    secret = declare(f"{{passphrase: prompt, {SMALL}}}").read(ask()[0])
    source = declare(f"{{passphrase: prompt, {SMALL}, check: '{Key('k', secret).kid}'}}")
    assert source.read(ask()[0]) == secret
    error = failure(source.read, ask("Fahrstuhl Zebra Zwiebel Krote")[0], canary=PASSPHRASE.encode())
    assert error.problem == "key k1: wrong passphrase"


def test_nobody_to_ask(failure):
    assert failure(declare(f"{{passphrase: prompt, {SMALL}}}").read, Access({})).problem == "passphrase of key k1: nobody to ask"


@pytest.mark.parametrize("text", ["", "\n", "x" * 1025])
def test_what_is_no_passphrase(failure, text):
    assert type(failure(declare(f"{{passphrase: prompt, {SMALL}}}").read, ask(text)[0])) is NoUsableKey


# --- what a ring may ask for ---------------------------------------------------------------------------------------------
def recipe(**changes):
    values = {"kdf": "argon2id", "salt": SALT, "t": 3, "m": 65536, "p": 4} | changes
    return "{passphrase: prompt, " + ", ".join(f"{name}: {value}" for name, value in values.items() if value is not None) + "}"


SCRYPT = {"kdf": "scrypt", "t": None, "m": None, "n": 16, "r": 8, "p": 1}
PBKDF2 = {"kdf": "pbkdf2", "t": None, "m": None, "p": None}
REFUSED = [
    (recipe(m=1 << 31), "m is a number from 8 to 4194304"),
    (recipe(m=(4 << 20) + 1), "m is a number from 8 to 4194304"),
    (recipe(m=10**400), "m is a number"),
    (recipe(m=7), "m is a number"),
    (recipe(m=31), "m is less than 8 p"),
    (recipe(m="-1"), "m is a number"),
    (recipe(m="0x10000"), "m is a number"),
    (recipe(t=0), "t is a number from 1 to 16"),
    (recipe(t=17), "t is a number from 1 to 16"),
    (recipe(p=65), "p is a number from 1 to 64"),
    (recipe(p=None), "'p' is missing"),
    (recipe(n=16), "unknown attribute 'n'"),
    (recipe(kdf="argon2i"), "did you mean 'argon2id'?"),
    (recipe(kdf=None), "'kdf' is missing"),
    (recipe(salt=None), "'salt' is missing"),
    (recipe(salt="AAAA"), "not a salt"),
    (recipe(salt="AAECAwQFBgcICQoLDA0ODx=="), "not a salt"),
    (recipe(salt="é" * 20), "not a salt"),
    (recipe(salt="A" * 88), "not a salt"),
    (recipe(bytes=31), "16, 24 or 32 bytes"),
    (recipe(bytes=64), "bytes is a number"),
    (recipe(check="x"), "check is 16 hex digits"),
    (recipe(encoding="hex"), "unknown attribute 'encoding'"),
    (recipe(**SCRYPT | {"n": 1 << 21}), "n is a number from 2 to 1048576"),
    (recipe(**SCRYPT | {"n": 1000}), "n is not a power of two"),
    (recipe(**SCRYPT | {"n": 1}), "n is a number"),
    (recipe(**SCRYPT | {"r": 17}), "r is a number from 1 to 16"),
    (recipe(**SCRYPT | {"p": 17}), "p is a number from 1 to 16"),
    (recipe(**PBKDF2 | {"iterations": 10**7 + 1}), "iterations is a number from 1 to 10000000"),
    (recipe(**PBKDF2), "'iterations' is missing"),
    (recipe().replace("prompt", "'correct horse'"), "it is not said where the passphrase comes from"),
    (recipe().replace("prompt", "{}"), "0 places"),
    (recipe().replace("prompt", "{env: A, file: b}"), "2 places"),
    (recipe().replace("prompt", "{prompt: true}"), "unknown attribute 'prompt'"),
    (recipe().replace("prompt", "{command: x}"), "must be a list"),
    (recipe().replace("prompt", "[env]"), "it is not said where"),
]


@pytest.fixture
def derives_nothing(monkeypatch):
    """No key is derived: what a hostile ring asks for costs nothing, however much it is."""
    for name, function in passphrase.FUNCTIONS.items():
        never = function._replace(derive=lambda *_, **__: pytest.fail("a key is derived"))
        monkeypatch.setitem(passphrase.FUNCTIONS, name, never)


@pytest.mark.parametrize(("text", "problem"), REFUSED)
def test_declared_wrongly(failure, text, problem, derives_nothing):
    error = failure(declare, text)
    assert type(error) is ConfigError
    assert problem in f"{error.problem} {error.hint}"
    assert "correct horse" not in f"{error.problem} {error.hint}"
    assert error.line == 1


@settings(deadline=None)
@given(st.sampled_from(["t", "m", "p", "n", "r", "iterations", "bytes"]), st.integers() | st.text("0123456789eE+-._x", max_size=30))
def test_whatever_the_number_it_is_refused_or_within_bounds(name, value):
    kind = "scrypt" if name in "nr" else "pbkdf2" if name == "iterations" else "argon2id"
    values = {"kdf": kind, "salt": SALT} | passphrase.FUNCTIONS[kind].defaults | {name: value}
    text = "{passphrase: prompt, " + ", ".join(f"{key}: '{value}'" for key, value in values.items()) + "}"
    try:
        source = declare(text)
    except ConfigError:
        return
    parameters = dict(source._recipe.parameters)
    for parameter, (least, most) in passphrase.FUNCTIONS[kind].bounds.items():
        assert least <= parameters[parameter] <= most


def test_a_hostile_ring_costs_nothing(tmp_path, derives_nothing):
    """T9: a ring that asks for 2 TiB is refused before anything is asked or derived."""
    ring = tmp_path / "keys.yaml"
    ring.write_text(f"version: 1\nprimary: k1\nkeys:\n  - id: k1\n    source: {recipe(m=1 << 31)}\n")
    with pytest.raises(ConfigError):
        KeyRing.load(ring, ask=lambda question: pytest.fail("asked"))


# --- made and weighed ----------------------------------------------------------------------------------------------------
def test_a_new_passphrase():
    made = {strength.new_passphrase() for _ in range(50)}
    assert len(made) == 50
    words = {word for one in made for word in one.split(" ")}
    assert len(words) > 200
    assert all(len(one.split(" ")) == strength.WORDS for one in made)
    for one in list(made)[:5]:
        strength.check_strength(one)


WEAK = ["password", "hunter2hunter2hunter2", "Tr0ub4dour&3", "a" * 100, "12345678901234567890", "qwertyuiopasdfghjkl"]


@pytest.mark.parametrize("typed", WEAK)
def test_weak(failure, typed):
    pytest.importorskip("zxcvbn")
    assert "easily guessed" in failure(strength.check_strength, typed, canary=typed.encode()).problem


def test_without_zxcvbn_length_counts(failure, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "zxcvbn", None)
    error = failure(strength.check_strength, "Tr0ub4dour&3")
    assert "20 characters of 8 kinds" in error.problem
    assert how_to_install("passphrase") in error.hint
    assert "20 characters" in failure(strength.check_strength, "ab" * 20).problem
    strength.check_strength("twenty characters and more")


@pytest.mark.parametrize("name", passphrase.FUNCTIONS)
def test_a_made_source_reads(name):
    for hard in (False, True):
        made = passphrase.new_recipe(name, hard=hard)
        source = declare(passphrase.source_of(made, "prompt", "0" * 16))
        assert source._recipe == made
    assert passphrase.new_recipe(name).salt != passphrase.new_recipe(name).salt
