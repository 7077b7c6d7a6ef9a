"""Timing of whole commands in turn, so that a machine that changes its speed changes it for all of them."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

SEALKIT = str(Path(sys.executable).parent / "sealkit")
HERE = Path(__file__).parent
ENVIRONMENT = {**os.environ, "SEALKIT_KEYS": str(HERE.parent / "keys.example")}
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled once, and not at each start


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT, check=True)
    return time.perf_counter() - start


def cpu(command: list[str]) -> float:
    """The seconds of processor time of a command and all processes that it waits for."""
    before = os.times()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def in_turn(commands: dict[str, list[str]], runs: int, measured: Callable[[list[str]], float] = seconds) -> dict[str, list[float]]:
    """Run all commands once to warm up, then ``runs`` rounds of them; return what is ``measured`` of each."""
    for command in commands.values():
        measured(command)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            times[name].append(measured(command))
    return times


def ratio(one: list[float], other: list[float]) -> float:
    """The median of the ratios, round by round."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def milliseconds(times: list[float]) -> str:
    return f"{statistics.median(times) * 1000:,.0f} ms"
