"""Run by the laws: feeds garbage to every public call and prints what escapes besides SealkitError."""

import os
import random
import sys
import tempfile
import traceback

sys.dont_write_bytecode = True
from sealkit import Blob, Key, KeyRing, Record, Sealer, SealkitError, jobs

chance = random.Random(20)
KEY = Key("k1", bytes(range(32)))
RING = KeyRing([KEY, Key("k2", bytes(16))], primary="k1")
SEALER = Sealer(RING)
GOOD = str(SEALER.seal(b"a payload of two blocks or more"))
RING_TEXT = "version: 1\nprimary: k1\nkeys:\n  - id: k1\n    source: {hex: '%s'}\n    format: plain\n" % ("00" * 16)
SEEDS = [
    f"---\na: 1\nsecured: {GOOD}\n---\nbody",
    f'---\na: [x, "y"]\nsecured: "{GOOD}"\n---\n',
    f"secured: |-\n  {GOOD}\n",
    f'{{"a": [1, {{"b": "{GOOD}"}}], "secured": "{GOOD}"}}',
    "---\nx: &a {secured: text}\n<<: *a\nsecured: {b: 1}\n---\n",
    "---\nsecured: >\n  folded\n  text\n---\n",
    RING_TEXT,
    GOOD,
]
BYTES = b"\0\t\n\r \"'#&*!|>-:;,[]{}%@`?\\=AZaz09+/\x7f\x80\xc2\x85\xe2\x80\xa8\xef\xbb\xbf\xff\xfe"
escaped = set()


def mangled(seed):
    data = bytearray(seed.encode())
    for _ in range(chance.randrange(6)):
        at, kind = chance.randrange(len(data) + 1), chance.randrange(5)
        if kind == 0:
            data[at:at] = bytes([chance.choice(BYTES)])
        elif kind == 1:
            del data[at : at + chance.randrange(20)]
        elif kind == 2:
            data[at:at] = data[: chance.randrange(40)]
        elif kind == 3:
            data[at : at + 1] = bytes([chance.randrange(256)])
        else:
            data[at:at] = chance.choice([b"[" * 200, b"---\n", b"- " * 30, b"&a *a ", b"<<: ", b"!!int ", b"9" * 5000, b": " * 9])
    return bytes(data)


def attempt(what, call, *args):
    try:
        return call(*args)
    except SealkitError:
        return None
    except BaseException as error:  # whatever it is, it is looked at
        frame = traceback.extract_tb(error.__traceback__)[-1]
        escaped.add(f"{what}: {type(error).__name__} in {os.path.basename(frame.filename)}:{frame.lineno}")
        return None


def record_of(data, kind, field):
    record = attempt("Record.parse", lambda: Record.parse(data, kind=kind))
    if record is None:
        return
    for name in ("value", "blob_text", "values", "paths", "plaintext"):
        attempt(f"Record.{name}", getattr(record, name), field)
    for text in ("x", GOOD, 'quo"te\n', "\ud800"):
        attempt("Record.replace", record.replace, field, text)
        attempt("Record.set", record.set, field, text)
        attempt("Record.holds", record.holds, field, text)
    attempt("Record.warnings", lambda: record.warnings)
    attempt("jobs.inspect", jobs.inspect, record, field)
    for job in (jobs.decrypt, jobs.reveal, jobs.seal, jobs.verify):
        attempt(f"jobs.{job.__name__}", lambda job=job: job(record, SEALER, field=field))
    attempt("jobs.seal", lambda: jobs.seal(record, SEALER, field=field, payload=b"another payload"))
    attempt("jobs.rotate", lambda: jobs.rotate(record, SEALER, Sealer(RING, key_id="k2"), field=field))


with tempfile.TemporaryDirectory() as folder:
    ring_file = os.path.join(folder, "keys.yaml")
    for number in range(1200):
        data = mangled(chance.choice(SEEDS))
        text = data.decode("utf-8", "surrogateescape")
        attempt("Blob.resembles", Blob.resembles, text)
        blob = attempt("Blob.parse", Blob.parse, text) or Blob.parse(GOOD)
        attempt("Sealer.unseal", SEALER.unseal, Blob(os.urandom(16 * chance.randrange(1, 4)), blob.iv))
        attempt("Sealer.seal", SEALER.seal, data)
        attempt("Key", Key, text[:70], data[:32])
        kind = chance.choice(["frontmatter", "yaml", "json", "jsonl"])
        record_of(data, kind, chance.choice(["secured", "a", "a[]", "a[0].b", "x.secured", text[:8]]))
        if number % 4 == 0:
            with open(ring_file, "wb") as file:
                file.write(mangled(RING_TEXT))
            os.chmod(ring_file, 0o600)
            attempt("KeyRing.load", KeyRing.load, ring_file)
    for path in ("", "\0", "\udcff", "/dev/null", folder, folder + "/none", "x" * 5000):
        attempt("KeyRing.load", KeyRing.load, path)
        attempt("KeyRing.find", KeyRing.find, path, {})

print(*sorted(escaped), sep="\n", end="" if not escaped else "\n")
