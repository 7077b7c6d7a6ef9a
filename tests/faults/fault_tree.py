"""A small tree of records whose every byte is known, and what must be true of it whatever happened: the invariants I1 to I6.

I1 each record is old or new, byte for byte · I2 bytes outside the field are equal · I3 every field opens to its payload under the old or
the new key · I4 no plaintext and no key anywhere else on the disk · I5 the next run completes, and one more changes nothing · I6 no
temporary file is left, the journals do not pile up, the lock is free.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import re
import shutil

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from fault_runs import ROOT

RING = ROOT / "keys.example"
KEYS = {"k1": bytes(range(32)), "k2": bytes(range(0xF0, 0x100))}
CANARY = "the canary sings at noon"
TEMP = ".sealkit-tmp-"
OWN = ".sealkit"

_FIELD = re.compile(rb"^secured: .*$", re.MULTILINE)
_BLOB = re.compile(rb"[A-Za-z0-9+/]+=*;[A-Za-z0-9+/]{22}==")
_SLOT = rb'("[^"\n]*"|[A-Za-z0-9+/=;]+)'
_IV = bytes.fromhex("000102030405060708090a0b0c0d0e0f")


def encrypt(payload: bytes, key: str, iv: bytes = _IV) -> bytes:
    """A blob, made without sealkit."""
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(KEYS[key]), modes.CBC(iv)).encryptor()
    ciphertext = encryptor.update(padder.update(payload) + padder.finalize()) + encryptor.finalize()
    return base64.b64encode(ciphertext) + b";" + base64.b64encode(iv)


def opens(blob: bytes, key: str, payload: bytes) -> bool:
    """Whether a blob opens to a payload under a key, found out without sealkit."""
    iv = base64.b64decode(blob.partition(b";")[2])
    return encrypt(payload, key, iv) == blob


class Source:
    """A record as it should be: the bytes between its fields, and their payloads."""

    def __init__(self, name, segments, payloads):
        self.name, self.segments, self.payloads = name, segments, payloads
        self.pattern = re.compile(_SLOT.join(re.escape(segment) for segment in segments))

    def bytes(self, key=None):
        """The record with its payloads sealed under a key; with plaintext if there is none."""
        data = self.segments[0]
        for payload, segment in zip(self.payloads, self.segments[1:], strict=True):
            data += b'"' + (encrypt(payload, key) if key else payload) + b'"' + segment
        return data

    def keys(self, data):
        """The key of each field in what stands on the disk, None for plaintext; raises for anything else."""
        match = self.pattern.fullmatch(data)
        assert match, f"I2 {self.name}: bytes outside of the field changed, or the record was cut: {data[:80]!r}… {len(data)} bytes"
        return [self._key(slot, payload) for slot, payload in zip(match.groups(), self.payloads, strict=True)]

    def _key(self, slot, payload):
        text = slot.strip(b'"')
        if text == payload:
            return None
        assert _BLOB.fullmatch(text), f"I1 {self.name}: the field is neither a blob nor the old plaintext"
        key = next((key for key in KEYS if opens(text, key, payload)), None)
        assert key is not None, f"I3 {self.name}: opens to its payload under neither key"
        return key


def _payload(name, number=0):
    return f"{CANARY}, and {name} has number {number}: a payload of some blocks".encode()


def three():
    """An article, a record with Windows line ends in a folder of its own, and a JSON Lines file of two lines."""
    article = _FIELD.split((ROOT / "tests" / "records" / "article.md").read_bytes())
    assert len(article) == 2
    head, tail = article
    crlf = b'---\r\ntitle: "Notes"\r\nsecured: ', b"\r\npublished: true\r\n---\r\n\r\nWindows line ends.\r\n"
    lines = b'{"id": 1, "secured": ', b', "title": "Fog"}\n{"id": 2, "secured": ', b', "title": "Ferry"}\n'
    return [
        Source("article.md", [head + b"secured: ", tail], [_payload("article")]),
        Source("deeper/crlf.md", list(crlf), [_payload("crlf")]),
        Source("feed.jsonl", list(lines), [_payload("feed", 1), _payload("feed", 2)]),
    ]


def many(count):
    """So many small records in folders of a hundred."""
    head, tail = b'---\ntitle: "a record"\nsecured: ', b"\npublished: false\n---\nThe text.\n"
    return [Source(f"{n // 100:02}/{n:05}.md", [head, tail], [_payload("record", n)]) for n in range(count)]


class Tree:
    """The records of a ``place`` (a folder with keys, home and so on), and what must be true of them."""

    def __init__(self, place, sources):
        self.place = place
        self.sources = sources
        self.root = place.path / "tree"

    def make(self, key=None):
        """Make the tree anew, sealed under a key or in plaintext."""
        path = self.place.path
        for name in ("tree", "home", "tmp", "new"):
            shutil.rmtree(path / name, ignore_errors=True)
        for name in ("tree", "home", "tmp"):
            (path / name).mkdir()
        shutil.copyfile(RING, path / "keys.yaml")
        (path / "keys.yaml").chmod(0o600)
        for source in self.sources:
            target = self.root / source.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.bytes(key))
        return self

    def keys(self):
        """The keys that each record is under, ``None`` for plaintext. A record has the old keys or the new ones (I1, I2, I3)."""
        found = {}
        for source in self.sources:
            try:
                data = (self.root / source.name).read_bytes()
            except FileNotFoundError:
                raise AssertionError(f"I1 {source.name}: is missing") from None
            keys = set(source.keys(data))
            assert len(keys) == 1, f"I1 {source.name}: half old, half new: {keys}"
            found[source.name] = keys.pop()
        return found

    def check_whole(self, *allowed):
        keys = self.keys()
        odd = {name: key for name, key in keys.items() if key not in allowed}
        assert not odd, f"I1 neither old nor new: {odd}"

    def check_journal(self):
        """What the records are now, the journal knows: the old bytes, or those that it announced."""
        for source in self.sources:
            digest = hashlib.sha256((self.root / source.name).read_bytes()).hexdigest()
            known = [line for line in self.journal_lines() if line.get("will") == source.name]
            announced = {digest for line in known for digest in (line["before"], line["after"])}
            old = {hashlib.sha256(source.bytes(key)).hexdigest() for key in (*KEYS, None)}
            assert digest in announced | old, f"{source.name}: was written before the journal had it"

    def journal_lines(self):
        found = []
        for journal in sorted((self.root / OWN).glob("journal-*.jsonl")):
            for line in journal.read_bytes().split(b"\n"):
                try:
                    found.append(json.loads(line))
                except ValueError:
                    continue
        return [line for line in found if isinstance(line, dict)]

    def check_complete(self, key):
        keys = self.keys()
        late = [name for name, one in keys.items() if one != key]
        assert not late, f"not under {key}: {late[:5]}"

    def check_secrets(self, *, plaintext_may_stand=()):
        """No payload and no key on the disk, but where they belong (I4)."""
        marks = [CANARY.encode(), *KEYS.values(), *(form for key in KEYS.values() for form in _forms(key))]
        for path in self.files(self.place.path):
            below = str(path.relative_to(self.place.path))
            if below in {"keys.yaml", *plaintext_may_stand} or any(below.startswith(f"{one}/") for one in plaintext_may_stand):
                continue
            data = path.read_bytes()
            leaked = [mark for mark in marks if mark in data]
            assert not leaked, f"I4 {below} holds {len(leaked)} of payload, key"

    def check_tidy(self):
        """No temporary file, at most one journal that is kept, and nobody who holds the lock (I6)."""
        left = [str(path) for path in self.files(self.place.path) if path.name.startswith(TEMP)]
        assert not left, f"I6 left over: {left}"
        journals = list((self.root / OWN).glob("journal-*"))
        assert len(journals) <= 2, f"I6 journals pile up: {len(journals)}"
        lock = self.root / OWN / "lock"
        if lock.exists():
            with lock.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @staticmethod
    def files(folder):
        for above, _, names in os.walk(folder):
            for name in names:
                if above.endswith("/said"):
                    continue
                yield type(folder)(above) / name

    def state(self):
        """Content, inode and times of every record, for a comparison."""
        found = {}
        for source in self.sources:
            status = (self.root / source.name).stat()
            data = (self.root / source.name).read_bytes()
            found[source.name] = (data, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
        return found


def _forms(key):
    yield key.hex().encode()
    yield base64.b64encode(key)
