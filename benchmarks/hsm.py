"""A key in a SoftHSM token beside the same key in this process: one payload, and a tree rotated to it and back. Ratios of one run.

    python benchmarks/hsm.py [RECORDS]

It needs softhsm2 and the extra pkcs11. A real token is slower than SoftHSM by what its wire and its chip take.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "keys"))

from softhsm import LIBRARY, PIN, configured, initialized


def seconds(function, times):
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(times):
            function()
        best = min(best, (time.perf_counter() - started) / times)
    return best


def one_payload(folder):
    from sealkit.context import UNBOUND
    from sealkit.keys import pkcs11
    from sealkit.keys.key import Key
    from sealkit.keys.session import Place
    from sealkit.keys.token import Token

    key = Key("k1", os.urandom(32))
    pin = bytearray(PIN.encode())
    token = Token(pkcs11.put(key, Place(LIBRARY, "bench", "one"), pin), pin, "bench")
    iv, payload = os.urandom(16), os.urandom(2048)
    ciphertext = key.cbc().encrypt(payload, iv)
    inside, outside, tags = token.cbc(), key.cbc(), token.tagger()
    print("2 KiB payload         in the token     in the process   ratio")
    for name, here, there in (
        ("encrypt", lambda: outside.encrypt(payload, iv), lambda: inside.encrypt(payload, iv)),
        ("decrypt", lambda: outside.decrypt(ciphertext, iv), lambda: inside.decrypt(ciphertext, iv)),
        (
            "tag",
            lambda: key.tagger().tag(bytes(10), UNBOUND, iv, ciphertext),
            lambda: tags.tag(bytes(10), UNBOUND, iv, ciphertext),
        ),
    ):
        slow, fast = seconds(there, 300), seconds(here, 300)
        print(f"{name:<20} {slow * 1e6:8.1f} us      {fast * 1e6:8.1f} us      {slow / fast:6.1f}")
    token.close()


def a_tree(folder, records):
    def ran(*args):
        subprocess.run([sys.executable, "-m", "sealkit", *args, "-q"], cwd=folder, check=True, stdout=subprocess.DEVNULL)

    os.environ |= {"SEALKIT_KEYS": str(folder / "keys.yaml"), "SEALKIT_SECRET_PIN": PIN}
    for _ in range(3):
        subprocess.run([sys.executable, "-m", "sealkit", "keygen", "--format", "tagged"], check=True, stdout=subprocess.DEVNULL)
    (folder / "tree").mkdir()
    for number in range(records):
        (folder / "tree" / f"{number}.md").write_text(f"---\ntitle: {number}\nsecured: '{'payload ' * 256}'\n---\nbody\n")
    ran("seal", "tree")
    place = ("--module", LIBRARY, "--token", "bench", "--pin-env", "SEALKIT_SECRET_PIN")
    subprocess.run([sys.executable, "-m", "sealkit", "keys", "to-token", "k3", *place], check=True, capture_output=True)
    times = {}
    for key, workers in (("k2", "1"), ("k3", "1"), ("k1", "1"), ("k3", "2"), ("k1", "2")):
        started = time.perf_counter()
        ran("rotate", "--to", key, "--workers", workers, "tree")
        times[key, workers] = time.perf_counter() - started
        ran("verify", "--key-id", key, "tree")
    print(f"rotation of {records} records of 2 KiB, verified after each")
    for (key, workers), taken in times.items():
        where = {"k1": "out of the token", "k2": "between keys in the process", "k3": "into the token"}[key]
        print(f"{where:<28} {workers} workers  {taken:6.2f} s  {records / taken:7.0f}/s  ratio {taken / times['k2', '1']:.2f}")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        variables = configured(folder)
        os.environ |= variables
        initialized(variables, "bench")
        one_payload(folder)
        a_tree(folder, int(sys.argv[1]) if len(sys.argv) > 1 else 1000)


main()
