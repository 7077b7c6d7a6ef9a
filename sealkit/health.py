"""What of this machine matters to keys: swap, umask, locked memory, what is installed. Nothing optional is imported to find out."""

from __future__ import annotations

import os
import re
import stat
from importlib import metadata
from typing import TYPE_CHECKING, Final, NamedTuple

from sealkit import yamltree
from sealkit.installing import how_to_install

if TYPE_CHECKING:
    from collections.abc import Iterator

OK: Final = "ok"
WARNING: Final = "warning"
BAD: Final = "bad"

_CRYPT = "CRYPT-"
_LEVELS = 8
_EXTRA = re.compile(r"""^([A-Za-z0-9._-]+)(?![A-Za-z0-9._\[-]).*;.*\bextra\s*==\s*["']([a-z0-9-]+)["']""")
_FOR_DEVELOPERS = frozenset({"test", "dev"})


class Finding(NamedTuple):
    """One thing that was looked at: its name, ``OK``, ``WARNING`` or ``BAD``, what there is to say, and what to do."""

    check: str
    status: str
    text: str
    hint: str | None = None


# --- swap ------------------------------------------------------------------------------------------------------------
def swap(proc: str = "/proc", sys: str = "/sys", dev: str = "/dev") -> Iterator[Finding]:
    """Yield what is known of swap: what is in memory, payloads above all, may be written there. The folders stand in for the system's."""
    try:
        with open(f"{proc}/swaps", encoding="utf-8", errors="surrogateescape") as listed:
            lines = listed.read().splitlines()[1:]
    except OSError:
        yield Finding(
            "swap", WARNING, "it cannot be told whether memory is swapped to a disk", "see that swap is off, or encrypted"
        )
        return
    if not lines:
        yield Finding("swap", OK, "none")
    for line in lines:
        path = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), line.split()[0])
        if os.path.basename(path).startswith("zram"):
            yield Finding("swap", OK, f"{path} is in memory itself")
        elif _is_encrypted(path, sys, dev):
            yield Finding("swap", OK, f"{path} is encrypted")
        else:
            hint = "encrypt it, or switch it off (swapoff); keys are locked in memory where that is allowed, payloads are not"
            yield Finding("swap", WARNING, f"{path} is active and not encrypted: payloads may be written to it", hint)


def _is_encrypted(path: str, sys: str, dev: str) -> bool:
    """Say whether a swap device, or the device that a swap file is on, is one of dm-crypt's or on top of one."""
    known = f"{sys}/block/{os.path.basename(os.path.realpath(path))}"
    if path.startswith(f"{dev}/") and os.path.isdir(known):
        return _is_on_crypt(known)
    try:
        status = os.stat(path)
        device = status.st_rdev if stat.S_ISBLK(status.st_mode) else status.st_dev
        number = f"{os.major(device)}:{os.minor(device)}"
        return _is_on_crypt(os.path.realpath(f"{sys}/dev/block/{number}"))
    except OSError:
        return False


def _is_on_crypt(device: str, level: int = 0) -> bool:
    try:
        with open(f"{device}/dm/uuid", encoding="ascii", errors="replace") as uuid:
            if uuid.read().startswith(_CRYPT):
                return True
    except OSError:
        pass
    try:
        below = os.listdir(f"{device}/slaves")
    except OSError:
        return False
    return bool(below) and level < _LEVELS and all(_is_on_crypt(f"{device}/slaves/{one}", level + 1) for one in below)


# --- this process ----------------------------------------------------------------------------------------------------
def process() -> Iterator[Finding]:
    """Yield what the process that asks may do: lock keys in memory, and what the files that it makes allow others."""
    from sealkit.keys.process import keep_in_memory, protect_process

    protect_process()
    if keep_in_memory(bytearray(64)):
        yield Finding("memory", OK, "keys are locked in memory")
    else:
        yield Finding("memory", WARNING, "the system does not lock keys in memory, so that they may be swapped", "raise ulimit -l")
    mask = _umask()
    if mask & stat.S_IWGRP and mask & stat.S_IWOTH:
        yield Finding("umask", OK, f"{mask:04o}")
    else:
        text = f"{mask:04o}: others may write to files that are made with it"
        yield Finding("umask", WARNING, text, "set umask 022 or 077; key files and rings are made 0600 whatever it is")


def _umask() -> int:
    mask = os.umask(0o077)  # there is no way to ask that does not set it
    os.umask(mask)
    return mask


# --- what is installed -----------------------------------------------------------------------------------------------
def installed() -> Iterator[Finding]:
    """Yield which packages sealkit works with, from their metadata alone, and which extras could be added."""
    versions = ", ".join(f"{name} {_version(name) or 'missing'}" for name in ("sealkit", "cryptography", "click", "PyYAML"))
    yield Finding("packages", OK, versions)
    libyaml = yamltree.libyaml()
    if libyaml is None:
        hint = "pip install --force-reinstall pyyaml, from a wheel or with libyaml's development files"
        yield Finding("libyaml", BAD, "PyYAML has no libyaml here, and sealkit reads YAML with nothing else", hint)
    else:
        yield Finding("libyaml", OK, libyaml)
    for extra, names in extras().items():
        missing = [name for name in names if _version(name) is None]
        text = f"{extra}: not installed ({', '.join(missing)})" if missing else f"{extra}: installed"
        yield Finding("extra", OK, text, how_to_install(extra) if missing else None)


def extras() -> dict[str, list[str]]:
    """Return the extras that this sealkit has, with the packages of each."""
    found: dict[str, list[str]] = {}
    try:
        required = metadata.requires("sealkit") or []
    except metadata.PackageNotFoundError:
        return found
    for text in required:
        match = _EXTRA.match(text)
        if match is not None and match[2] not in _FOR_DEVELOPERS and match[1].lower() != "sealkit":
            found.setdefault(match[2], []).append(match[1])
    return found


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
