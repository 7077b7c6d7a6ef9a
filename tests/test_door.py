"""The door of every public function: what is of a wrong type is a TypeError that names the parameter, and shows nothing of the value."""

from __future__ import annotations

import inspect
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

import sealkit
from sealkit import Blob, Key, KeyRing, Record, Sealer, door, jobs, trees
from sealkit.context import UNBOUND
from sealkit.demands import FieldRule
from sealkit.keys.access import Access
from sealkit.records.identity import UNDEMANDED

CANARY = "canary-Kq7ZrXw2"
KEY = Key("k1", bytes(range(32)), format="tagged")
RING = KeyRing([KEY, Key("k2", bytes(16))], primary="k1")
SEALER = Sealer(RING)
BLOB = SEALER.seal(b"a payload of several words")
RECORD = Record.parse(f"secured: {BLOB}\n".encode(), kind="yaml")
FOUND = jobs.find(RECORD)
PLACE = UNDEMANDED.place(RECORD, "secured")
OPENED = jobs.unseal(FOUND, SEALER, PLACE)


GOOD = {
    "Access": Access({}),
    "Known": OPENED,
    "Source": type("Source", (), {})(),
    "Token": type("Token", (), {})(),
    "Binder": UNBOUND,
    "Binding": UNDEMANDED,
    "Blob": BLOB,
    "Callable": lambda *_: None,
    "Context": UNBOUND,
    "FieldRule": FieldRule("secured", line=1) if "line" in FieldRule._fields else FieldRule("secured"),
    "Found": FOUND,
    "Iterable": (),
    "Key": KEY,
    "KeyRing": RING,
    "Keys": SEALER,
    "Mapping": {},
    "MutableMapping": {},
    "Paths": [],
    "PathLike": Path("x"),
    "Place": PLACE,
    "Record": RECORD,
    "SealkitError": sealkit.SealkitError(problem="x"),
    "Sealer": SEALER,
    "Sequence": [],
    "Terms": trees.TERMS,
    "Unsealed": OPENED,
    "bool": False,
    "bytes": b"x",
    "dict": {},
    "int": 1,
    "list": [],
    "str": "x",
    "tuple": (),
    "None": None,
}
WRONG = {
    "object": object(),
    "float": 2.5,
    "str": CANARY,
    "bytes": CANARY.encode(),
    "bytearray": bytearray(CANARY.encode()),
    "int": 7,
    "bool": True,
    "dict": {CANARY: CANARY},
    "list": [CANARY, 2.5],
    "tuple": (object(), CANARY),
    "set": {CANARY},
    "None": None,
    "Sealer": SEALER,
    "class": KeyRing,
}
# What each word of an annotation takes besides what is called so.
ALSO = {
    "bytes": {"bytearray"},
    "Iterable": {"dict", "set"},
    "Mapping": {"dict"},
    "MutableMapping": {"dict"},
    "Callable": {"class"},
    "Keys": {"str", "Sealer"},
    "Bind": {"str", "None"},
    "Known": {"Sealer"},
}
OPAQUE_WORDS = {"Any", "object"}


def words_of(annotation):
    """The names at the top level of an annotation."""
    flat, depth = "", 0
    for character in annotation:
        depth += (character == "[") - (character == "]")
        flat += character if not depth and character != "]" else ""
    return [part.strip().rpartition(".")[2] for part in flat.split("|")]


def public():
    """Every public function, as (where, name, callable, its parameters without self)."""
    for owner in (Blob, Key, KeyRing, Record, Sealer):
        for name, value in vars(owner).items():
            if (name.startswith("_") and name != "__init__") or isinstance(value, property):
                continue
            function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
            if inspect.isfunction(function):
                yield owner.__name__, name, function
    for module, names in ((jobs, None), (trees, trees.__all__)):
        for name, value in vars(module).items():
            mine = inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
            if mine and (names is None or name in names):
                yield module.__name__, name, value


EXAMPLES = {"Blob": BLOB, "Key": KEY, "KeyRing": RING, "Record": RECORD, "Sealer": SEALER}


def cases():
    for where, name, function in public():
        parameters = list(inspect.signature(function).parameters.values())
        for parameter in parameters:
            if isinstance(parameter.annotation, str) and parameter.kind in (
                parameter.POSITIONAL_OR_KEYWORD,
                parameter.KEYWORD_ONLY,
            ):
                yield pytest.param(where, name, function, parameter.name, id=f"{where}.{name}-{parameter.name}")


def good(parameter):
    words = words_of(parameter.annotation)
    return next((GOOD[word] for word in words if word in GOOD), None)


def call(where, function, wrong):
    """Call a function with one value that is wrong, and good ones for what else it must have."""
    given = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in ("self", "cls"):
            given[name] = (
                EXAMPLES[where]
                if name == "self" and function.__name__ != "__init__"
                else {"Blob": Blob, "Key": Key}.get(where, KeyRing)
            )
            if name == "self" and function.__name__ == "__init__":
                owner = type(EXAMPLES[where])
                given[name] = owner.__new__(owner)
            elif name == "cls":
                given[name] = type(EXAMPLES[where])
        elif name in wrong:
            given[name] = wrong[name]
        elif parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD:
            given[name] = good(parameter)
    first = [given.pop(name) for name in ("self", "cls") if name in given]
    return function(*first, **given)


@pytest.mark.parametrize(("where", "name", "function", "parameter"), list(cases()))
def test_a_wrong_type_is_named(where, name, function, parameter):
    annotation = inspect.signature(function).parameters[parameter].annotation
    words = words_of(annotation)
    taken = {*words, *(also for word in words for also in ALSO.get(word, ()))}
    tried = 0
    for kind, value in WRONG.items():
        if kind in taken or OPAQUE_WORDS & taken or (kind == "list" and taken & {"Sequence", "Iterable"} and "float" in annotation):
            continue
        if kind == "list" and taken & {"Paths", "Sequence", "Iterable"} and "[" not in annotation and "Paths" not in annotation:
            continue
        if kind == "tuple" and "tuple" in annotation and "str" not in annotation and "bytes" not in annotation:
            continue
        with pytest.raises(TypeError) as caught:
            call(where, function, {parameter: value})
        tried += 1
        said = str(caught.value)
        assert parameter in said.split(" must be ")[0], (kind, said)
        assert CANARY not in said
        frames = [frame for frame, _ in traceback.walk_tb(caught.tb) if "/sealkit/" in frame.f_code.co_filename]
        shown = [local for frame in frames for local in frame.f_locals.values()]
        assert not any(value is local for local in shown if value is not None and kind not in ("bool", "int", "Sealer", "class")), (
            kind
        )
    assert tried >= 5 or OPAQUE_WORDS & taken


# --- what stands for bytes -----------------------------------------------------------------------------------------------
TEXT = b"a payload of several words"
PLAIN = Record.parse(b"secured: open\n", kind="yaml")


@pytest.mark.parametrize("made", [bytes, bytearray, memoryview], ids=lambda made: made.__name__)
def test_bytes_in_every_guise(made):
    blob = SEALER.seal(made(TEXT))
    assert SEALER.unseal(blob).payload == TEXT
    sealed = jobs.seal(PLAIN, SEALER, payload=made(TEXT))
    assert jobs.decrypt(sealed, SEALER).payload == TEXT
    assert jobs.seal(sealed, SEALER, payload=made(TEXT)) is sealed
    assert Record.parse(made(b"secured: x\n"), kind="yaml").raw == b"secured: x\n"
    assert type(Record.parse(made(b"secured: x\n"), kind="yaml").raw) is bytes
    again = Blob(made(blob.ciphertext), made(blob.iv), made(blob.auth))
    assert (again, type(again.iv)) == (blob, bytes)
    assert Key("k", made(bytes(range(32)))).same_secret(KEY)
    assert Key("k", bytes(range(16))).secret_equals_iv(made(bytes(range(16))))


@pytest.mark.parametrize("payload", [CANARY, {"a": 1}, 5, [b"x"], (1,), 2.5, object(), True, iter(()), range(3)])
def test_a_payload_that_is_none_is_never_taken_for_nothing_to_do(payload):
    for record in (RECORD, PLAIN):
        with pytest.raises(TypeError, match=r"^seal: payload must be bytes"):
            jobs.seal(record, SEALER, payload=payload)


@pytest.mark.parametrize("job", [jobs.seal, jobs.decrypt, jobs.reveal, jobs.verify], ids=lambda job: job.__name__)
def test_no_payload_slips_in_as_the_field(job):
    with pytest.raises(TypeError, match="by name alone: field") as caught:
        job(RECORD, SEALER, CANARY)
    assert CANARY not in str(caught.value)


# --- the front door ---------------------------------------------------------------------------------------------------------
BLOCKED = """
import importlib.abc, sys
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
from sealkit import *
import sealkit
assert "columns" not in sealkit.__all__, sealkit.__all__
assert set(sealkit.__all__) <= set(dir(sealkit))
for name in dir(sealkit):
    getattr(sealkit, name)
assert sorted(name for name in sealkit.__all__ if name not in globals()) == []
try:
    sealkit.columns
except SealkitError as error:
    print(error.problem)
"""


@pytest.mark.parametrize("blocked", ["numpy", "pyarrow", "numpy,pyarrow"])
def test_everything_is_imported_without_the_packages_of_columns(blocked):
    if blocked == "pyarrow":
        pytest.importorskip("numpy")  # else that is what is missing first
    root = str(Path(sealkit.__file__).parents[1])
    child = f"import sys; sys.path.insert(0, {root!r})\n{BLOCKED}"
    done = subprocess.run([sys.executable, "-c", child, blocked], capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == f"columns need {blocked.partition(',')[0]}, which is not installed\n"


def test_everything_is_imported():
    pytest.importorskip("pyarrow")
    names = {}
    exec("from sealkit import *", names)
    assert set(sealkit.__all__) <= set(names)
    assert names["columns"] is sealkit.columns


# --- columns -------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("job", ["decrypt_column", "verify_column", "seal_column", "rotate_column", "inspect_column"])
def test_columns_look_at_what_they_are_given(job):
    pa = pytest.importorskip("pyarrow")
    function = getattr(sealkit.columns, job)
    array = pa.array([str(BLOB)])
    keys = () if job == "inspect_column" else (SEALER,)
    for wrong in (CANARY, [CANARY], 5, None, object(), b"x", {}, (1,), 2.5, SEALER):
        with pytest.raises(TypeError, match=f"^{job}: array must be Array or ChunkedArray") as caught:
            function(wrong, *keys)
        assert CANARY not in str(caught.value)
    for wrong in (5, None, object(), b"x", {}, (1,), 2.5, [CANARY], True, KEY) if keys else ():
        with pytest.raises(TypeError, match=f"^{job}: keys must be Sealer or Reference or str"):
            function(array, wrong)
    with pytest.raises(TypeError, match=f"^{job}: on_error must be str"):
        function(array, *keys, on_error=5)


def test_pandas_looks_at_what_it_is_given():
    pytest.importorskip("pandas")
    from sealkit.columns import pandas as sealed

    for function in (sealed.decrypt, sealed.seal, sealed.rotate, sealed.verify):
        for wrong in (CANARY, [CANARY], 5, None, {}):
            with pytest.raises(TypeError, match=r"series must be Series"):
                function(wrong, SEALER)


# --- the mechanism ---------------------------------------------------------------------------------------------------------------
@door.typed
def takes(one: str | None, two: tuple[str, ...] = (), *, three: bytes = b"", four: bool = False, **more: object) -> object:
    """A function as public ones are."""
    return one, two, three, four, more


@pytest.mark.parametrize(
    ("args", "kwargs", "said"),
    [
        ((1,), {}, "one must be str or None, not int"),
        (("a", "b"), {}, "two must be tuple, not str"),
        (("a", (1,)), {}, "two must be tuple, not tuple"),
        (("a", ("b", None)), {}, "two must be tuple"),
        (("a", ["b"]), {}, "two must be tuple, not list"),
        (("a",), {"three": "x"}, "three must be bytes, not str"),
        (("a",), {"four": 1}, "four must be bool, not int"),
        (("a",), {"four": None}, "four must be bool"),
        (("a", (), b"x"), {}, "more than 2 positional arguments; by name alone: three, four"),
        ((), {"one": 2.5}, "one must be str or None, not float"),
    ],
)
def test_what_is_wrong(args, kwargs, said):
    for _ in range(2):
        takes("good", ("x",), three=b"y")
        with pytest.raises(TypeError) as caught:
            takes(*args, **kwargs)
        assert str(caught.value).startswith(f"takes: {said}")


def test_what_is_right():
    for _ in range(2):  # the second time by what is remembered
        assert takes(None) == (None, (), b"", False, {})
        assert takes("a", ("b",), three=bytearray(b"c"), four=True, more=5) == ("a", ("b",), b"c", True, {"more": 5})
        assert takes("a", three=memoryview(b"c"))[2] == b"c"


def test_python_s_own_errors_pass():
    with pytest.raises(TypeError, match="missing 1 required"):
        takes()
