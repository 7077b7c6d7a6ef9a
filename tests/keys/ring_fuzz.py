"""Loads mutated ring files, in a process of its own, and prints a JSON object of what came of it: ``python ring_fuzz.py SEED BYTES FOLDER``.

The folder is the root of a tree, so that no ring in it may run anything; whatever is run all the same, or written, is noted by an audit hook.
"""

from __future__ import annotations

import base64
import json
import os
import random
import sys
import time
from pathlib import Path

from sealkit.crypto.wrap import wrap
from sealkit.errors import SealkitError
from sealkit.keys.ring import KeyRing

KEK = bytes(range(16))
SALT = base64.b64encode(KEK).decode()
WRAPPED = base64.b64encode(wrap(KEK, bytes(range(32)), "kw")).decode()
HEAD = "version: 1\nprimary: k1\nkeys:\n"
LITERAL = f"  - id: k1\n    source: {{hex: '{KEK.hex()}'}}\n"
CORPUS = [
    HEAD + LITERAL,
    HEAD + LITERAL + "    format: tagged\n    accept: authentic\n    only: [posts/**]\n",
    HEAD + f"  # a comment\n  - {{id: k1, source: {{base64: '{base64.b64encode(bytes(24)).decode()}'}}, state: enabled}}\r\n",
    HEAD + LITERAL + "  - id: k2\n    source: {env: SEALKIT_SECRET_K2, encoding: base64}\n    state: disabled\n",
    HEAD + LITERAL + "  - id: k2\n    source: {env: SEALKIT_SECRET_K2, encoding: hex}\n",
    HEAD + "  - id: k1\n    source:\n      file: k1.key\n      encoding: raw\n",
    HEAD + LITERAL + "  - id: k2\n    source: {fd: 0, encoding: utf8}\n",
    HEAD
    + LITERAL
    + "  - id: k2\n    source: {command: [touch, ran], encoding: hex, timeout: 30, keep: [HOME]}\n    state: disabled\n",
    HEAD + "  - id: k1\n    source:\n      command: [sh, -c, 'touch ran; echo ran >&2']\n      encoding: hex\n",
    HEAD
    + f"  - id: k1\n    source: {{passphrase: prompt, kdf: argon2id, salt: '{SALT}', t: 3, m: 65536, p: 4, check: 63774208dc4c7f9a}}\n",
    HEAD + f"  - id: k1\n    source: {{passphrase: {{env: P}}, kdf: scrypt, salt: '{SALT}', n: 1048576, r: 8, p: 1, bytes: 16}}\n",
    HEAD + f"  - id: k1\n    source: {{passphrase: {{command: [touch, ran]}}, kdf: pbkdf2, salt: '{SALT}', iterations: 600000}}\n",
    HEAD + LITERAL.replace("k1", "k0") + f"  - id: k1\n    source: {{wrapped: '{WRAPPED}', under: k0}}\n",
    HEAD + LITERAL.replace("k1", "k0") + f"  - id: k1\n    source: {{wrapped: '{WRAPPED}', under: k2, algorithm: kwp}}\n",
    HEAD + LITERAL + "  - id: k2\n    source: {keyring: {service: sealkit, user: k2}, encoding: hex}\n",
    f"version: 1\nkeys:\n  - id: v\n    verify_only: {{kid: 63774208dc4c7f9a, hex: '{bytes(32).hex()}'}}\n",
    HEAD + LITERAL + f"    mac: {{hex: '{bytes(32).hex()}'}}\n",
    HEAD + "".join(f"  - {{id: k{number}, source: {{hex: '{number:032x}'}}}}\n" for number in range(1, 40)),
]
WORDS = [
    *(
        b"- ",
        b": ",
        b"{",
        b"}",
        b"[",
        b"]",
        b"'",
        b'"',
        b"\n",
        b"\r",
        b"\t",
        b"\0",
        b"#",
        b"|\n",
        b">-\n",
        b"%YAML 1.2\n",
        b"---\n",
        b"...\n",
        b"? ",
    ),
    *(
        b"&a ",
        b"*a",
        b"<<: *a",
        b"!!python/object/apply:os.system ['touch ran']",
        b"!!binary ",
        b"!<tag:x> ",
        b"\xef\xbb\xbf",
        b"\xff",
    ),
    *(
        "\u2028".encode(),
        "\x85".encode(),
        "٣".encode(),
        "é".encode(),
        b"\xed\xa0\x80",
        b"null",
        b"true",
        b"1e9",
        b"0x10",
        b"-1",
        b"2147483648",
    ),
    *(
        b"99999999999999999999999999",
        b"9" * 5000,
        b"2020-13-45",
        b"~/k",
        b"../" * 50,
        b"/dev/zero",
        b"/dev/stdin",
        b"k1",
        b"k2",
        b"id: k1",
    ),
    *(
        b"command: [touch, ran]",
        b"passphrase: prompt",
        b"m: 4194304",
        b"t: 16",
        b"n: 1048576",
        b"under: k1",
        b"env: PATH",
        b"fd: 0",
    ),
]

did: list[str] = []
_watching = False
_FORBIDDEN = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.spawn",
    "pty.spawn",
    "socket.connect",
    "ctypes.dlopen",
)


def watch(event: str, args: tuple[object, ...]) -> None:
    if _watching and (
        event in _FORBIDDEN or (event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR))
    ):
        did.append(f"{event} {args!r}"[:200])


def bombs() -> list[bytes]:
    """What is hostile by its size or shape."""
    many = "".join(f"  - {{id: k{number}, source: {{hex: '{number:032x}'}}}}\n" for number in range(1, 20000))
    return [
        b"[" * 100_000,
        b"{a: " * 50_000,
        b"- " * 200_000,
        (HEAD + many).encode(),
        b"a: &a [x]\n" + b"b: [" + b"*a," * 100_000,
        HEAD.encode() + b"  - id: '" + b"k" * 900_000 + b"'\n",
        HEAD.encode() + b"  - " + b"".join(b"a%d: x\n    " % number for number in range(60_000)),
        b"#" * 1_000_000,
        b"\n" * 1_000_000,
        b"x" * 1_048_577,
        b"'" + b"\\u0041" * 100_000,
    ]


def mutated(chance: random.Random) -> bytes:
    data = bytearray(chance.choice(CORPUS).encode())
    for _ in range(chance.choice([1, 1, 1, 2, 3, 5, 9])):
        at, end = sorted((chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)))
        kind = chance.randrange(7)
        if kind == 0 and data:
            data[at % len(data)] = chance.randrange(256)
        elif kind == 1:
            del data[at : min(end, at + chance.choice([1, 2, 8, 40]))]
        elif kind == 2:
            data[at:at] = chance.choice(WORDS)
        elif kind == 3:
            data[at : at + chance.choice([1, 4, 12])] = chance.choice(WORDS)
        elif kind == 4:
            data[at:at] = data[at : min(end, at + 120)]
        elif kind == 5:
            other = chance.choice(CORPUS).encode()
            data[at:] = other[chance.randrange(len(other)) :]
        else:
            lines = bytes(data).split(b"\n")
            chance.shuffle(lines)
            data = bytearray(b"\n".join(lines)) if chance.random() < 0.2 else data
    return bytes(data)


def load(path: Path, data: bytes) -> tuple[str, float]:
    """Load one ring; return what came of it and how long it took, in milliseconds of this process's time."""
    global _watching
    path.write_bytes(data)
    path.chmod(0o600)
    _watching, began = True, time.process_time()
    try:
        KeyRing.load(path, environ={"HOME": "/nonexistent", "PATH": os.environ["PATH"]}).close()
        outcome = "loaded"
    except SealkitError as error:
        outcome = type(error).__name__
    except BaseException as error:  # this is what is looked for
        outcome = f"ESCAPED {type(error).__name__}: {error} for {data[:300]!r}"
    took = 1000 * (time.process_time() - began)
    _watching = False
    return outcome, took


def main(seed: int, total: int, folder: Path) -> None:
    (folder / "sealkit.yaml").write_text("version: 1\n")
    (folder / "k1.key").write_bytes(KEK)
    (folder / "k1.key").chmod(0o600)
    path = folder / "keys.yaml"
    chance = random.Random(seed)
    for text in CORPUS:  # imports what is imported late, which is not what is measured
        load(path, text.encode())
    sys.addaudithook(watch)
    done, files, slowest, outcomes, slow = 0, 0, 0.0, {}, []
    pending = bombs() if total >= 4_000_000 else []
    while done < total:
        data = pending.pop() if pending else mutated(chance)
        outcome, took = load(path, data)
        if took > 50:
            outcome, took = load(path, data)  # once more: a collection of garbage is not the ring's doing
        done, files, slowest = done + (0 if pending else len(data)), files + 1, max(slowest, took)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        if took > 50:
            slow.append([round(took), len(data), outcome, repr(data[:60])])
    left = sorted(set(os.listdir(folder)) - {"sealkit.yaml", "k1.key", "keys.yaml"})
    print(
        json.dumps(
            {
                "files": files,
                "bytes": done,
                "slowest_ms": round(slowest, 1),
                "slow": slow,
                "outcomes": outcomes,
                "did": did,
                "left": left,
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
