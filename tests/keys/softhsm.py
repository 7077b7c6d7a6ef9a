"""A SoftHSM token for tests: a PKCS #11 library that keeps its objects in a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

PIN = "canary-pin-73914"
LIBRARY = next(
    (
        str(path)
        for folder in ("/usr/lib/softhsm", "/usr/lib64/softhsm", "/usr/lib/x86_64-linux-gnu/softhsm", "/opt/homebrew/lib/softhsm")
        if (path := Path(folder) / "libsofthsm2.so").exists()
    ),
    None,
)
MISSING = (LIBRARY is None or shutil.which("softhsm2-util") is None) and not os.environ.get("SEALKIT_CI")


def configured(folder):
    """Make a folder for tokens, and return the variable that leads SoftHSM to it."""
    (folder / "tokens").mkdir()
    settings = folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    return {"SOFTHSM2_CONF": str(settings)}


def initialized(variables, label):
    """Make a token."""
    command = ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "5678"]
    subprocess.run(command, env=os.environ | variables, check=True, capture_output=True)
