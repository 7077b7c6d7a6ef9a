"""The long suites are opt-in: marked ``faults`` and ``fuzz``, they run when ``-m`` names them or SEALKIT_FAULTS_PART is set."""

from __future__ import annotations

import os

LONG = ("faults", "fuzz")


def asked_for(config):
    """The long suites that are to run."""
    named = [mark for mark in LONG if mark in (config.option.markexpr or "")]
    return {*named, *(["faults"] if os.environ.get("SEALKIT_FAULTS_PART") else [])}


def pytest_report_header(config):
    part = os.environ.get("SEALKIT_FAULTS_PART")
    asked = asked_for(config)
    said = [f"{mark}: {'as asked' if mark in asked else f'left out (-m {mark} runs them)'}" for mark in LONG]
    return f"long suites: {', '.join(said)}{f'; part {part} of 0-4 of the faults' if part else ''}"


def pytest_collection_modifyitems(config, items):
    asked = asked_for(config)
    left_out = [item for item in items if any(item.get_closest_marker(mark) and mark not in asked for mark in LONG)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
