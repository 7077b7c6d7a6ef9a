"""Run by the laws: makes one of everything that holds a key or a payload, fails with it, and prints what shows them."""

import copy
import pickle
import sys
import traceback

sys.dont_write_bytecode = True
from sealkit import Blob, Key, KeyRing, Record, Sealer, SealkitError, jobs
from sealkit.context import Context
from sealkit.crypto.cipher import CBC, derive
from sealkit.errors import WrongTypeError
from sealkit.trees.orders import SEAL, Task

SECRET = bytes.fromhex("c0ffee11d00dfeedcafebabe8badf00d5ca1ab1e0ddba11ca55e77e0f00dbabe")
PAYLOAD = "GeheimePayload"
WORDS = [SECRET.hex()[:12], SECRET.hex()[-12:], repr(SECRET)[2:18], repr(SECRET)[-18:-1], PAYLOAD, PAYLOAD.encode().hex()]
found = []


def look(what, *texts):
    found.extend(f"{what} shows {word[:6]}…" for word in WORDS for text in texts if word in text)


key = Key("k1", SECRET)
ring = KeyRing([key, Key("k0", SECRET[::-1])], primary="k1")
sealer = Sealer(ring)
blob = sealer.seal((PAYLOAD + "x" * 20).encode())
opened = sealer.unseal(blob)
authentic = KeyRing([Key("t", SECRET, format="tagged", accept="authentic", mac_secret=SECRET[::-1])], primary="t")
tagged = Sealer(authentic).seal((PAYLOAD + "x" * 20).encode())
plain = Record.parse(f"---\nsecured: {PAYLOAD}\n---\n".encode(), kind="frontmatter")
shared = Record.parse(f"---\na: &x {PAYLOAD}\nsecured: *x\n---\n".encode(), kind="frontmatter")
broken = Record.parse(f'---\nsecured: "{PAYLOAD}\\q"\n---\n'.encode(), kind="frontmatter")
objects = {"key": key, "ring": ring, "sealer": sealer, "opened": opened, "cbc": CBC(SECRET), "derived": derive(SECRET)}
verifier = Key.verify_only("v", bytes(8), SECRET)
objects |= {"verify-only key": verifier, "tagger": verifier.tagger(), "synthesizer": key.synthesizer(), "authentic": authentic}
objects |= {"record": plain, "task": Task(SEAL, payload=PAYLOAD.encode(), sealer=sealer)}

for name, thing in objects.items():
    look(f"repr of {name}", repr(thing), str(thing), f"{thing}", repr([thing]))
    if hasattr(thing, "__dict__"):
        look(f"vars of {name}", repr(vars(thing)))
    for way in (lambda one: pickle.dumps(one), lambda one: pickle.dumps(one, 2), copy.deepcopy):
        try:
            way(thing)
        except Exception as error:  # whatever it is, it is looked at
            look(f"the refusal to pickle {name}", str(error), repr(error))
        else:
            found.append(f"{name} is pickled or copied")


def wrong_padding():
    return sealer.unseal(Blob(bytes(32), bytes(16)))


FAILURES = {
    "a key of the wrong size": lambda: Key("k2", SECRET[:31]),
    "a key twice": lambda: KeyRing([key, Key("k9", SECRET)], primary="k1"),
    "an id that is a key": lambda: Key(SECRET.hex().upper(), SECRET),
    "a blob that does not open": wrong_padding,
    "a payload with a control character": lambda: sealer.seal((PAYLOAD + "\0").encode()),
    "a payload that is not UTF-8": lambda: sealer.seal(PAYLOAD.encode() + b"\xff"),
    "a payload that is no JSON": lambda: Sealer(ring, payload="json").seal(PAYLOAD.encode()),
    "a payload that is text": lambda: sealer.seal(PAYLOAD),
    "plaintext": lambda: jobs.inspect(plain),
    "plaintext to decrypt": lambda: jobs.decrypt(plain, sealer),
    "plaintext that is shared": lambda: jobs.seal(shared, sealer),
    "YAML that is broken": lambda: jobs.inspect(broken),
    "JSON that is broken": lambda: jobs.inspect(Record.parse(f'{{"secured": "{PAYLOAD}'.encode(), kind="json")),
    "a field path": lambda: jobs.inspect(plain, "a..b"),
    "a format that is refused": lambda: Sealer(authentic, format="plain").seal(PAYLOAD.encode()),
    "a tag that does not fit": lambda: Sealer(authentic).unseal(tagged, Context((b"kother",))),
    "a tagged payload that is not JSON": lambda: Sealer(authentic, payload="json").unseal(tagged),
    "a tag cut off": lambda: Sealer(authentic).unseal(Blob(tagged.ciphertext, tagged.iv)),
}
for name, fail in FAILURES.items():
    try:
        fail()
    except (SealkitError, WrongTypeError) as error:
        below = error.__traceback__.tb_next.tb_next  # this module's frames and the lambda's are its own
        try:
            shown = "".join(traceback.TracebackException(type(error), error, below, capture_locals=True).format())
        except AttributeError:  # the repr of an object that was not finished
            shown = ""
        look(name, shown, repr(error), str(error), repr(vars(error)), repr(error.__cause__), repr(error.__context__))
        look(f"the pickle of {name}", pickle.dumps(error).decode("latin-1"))
        pickle.loads(pickle.dumps(error))
    else:
        found.append(f"{name}: no error")

print(*sorted(set(found)), sep="\n", end="\n" if found else "")
