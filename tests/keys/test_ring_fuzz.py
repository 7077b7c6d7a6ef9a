"""Hostile ring files: whatever the bytes, nothing is run or written, nothing but a SealkitError comes out, and it takes no time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("ring_fuzz.py")


def fuzz(folder, seed, total):
    environment = os.environ | {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    command = [sys.executable, str(SCRIPT), str(seed), str(total), str(folder)]
    ran = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=600
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(ran.stdout)
    assert found["did"] == []
    assert found["left"] == []
    assert not [outcome for outcome in found["outcomes"] if outcome.startswith("ESCAPED")], found["outcomes"]
    assert {"ConfigError", "NoUsableKey", "loaded"} <= set(found["outcomes"])
    return found


def test_hostile_rings(tmp_path):
    found = fuzz(tmp_path, 5, 150_000)
    assert found["files"] > 200


@pytest.mark.fuzz
def test_4_mb_of_hostile_rings(tmp_path):
    found = fuzz(tmp_path, int(os.environ.get("SEALKIT_SEED", "1")), 4_000_000)
    assert found["bytes"] >= 4_000_000
    assert found["slow"] == [], "over 50 ms"
    print(f"{found['files']} rings, the slowest {found['slowest_ms']} ms")


@pytest.mark.parametrize(
    ("planted", "noticed"),
    [
        ("import os; os.system('true')", "did"),
        ("import os; os.close(os.open('ran', os.O_WRONLY | os.O_CREAT))", "left"),
        ("raise ValueError('x')", "outcomes"),
    ],
)
def test_what_it_is_to_notice_is_noticed(tmp_path, planted, noticed):
    script = SCRIPT.read_text().replace(
        "        KeyRing.load(path", f"        if _watching:\n            {planted}\n        KeyRing.load(path", 1
    )
    ran = subprocess.run(
        [sys.executable, "-c", script.replace("from __future__ import annotations\n", ""), "5", "20000", str(tmp_path)],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=120,
    )
    found = json.loads(ran.stdout)
    assert any("ESCAPED" in outcome for outcome in found["outcomes"]) if noticed == "outcomes" else found[noticed]
