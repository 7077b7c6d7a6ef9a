"""Which tests are run, and what is told of those that are not; a plugin for pytest.

The long suites are opt-in: marked ``faults``, ``fuzz``, ``network``, ``spark``, ``slow`` and ``thorough``, they run when ``-m`` names them, when CI has them take
turns (``SEALKIT_FAULTS_PART``), or all together (``SEALKIT_ALL``); ``network`` and
``thorough`` in CI, always, and ``thorough`` where a module is named. The last line of a run says what was not tried.
"""

from __future__ import annotations

import os
import zlib

import needs
import pytest

LONG = ("faults", "fuzz", "network", "spark", "slow", "thorough")
IN_CI = ("network", "thorough")
PART = os.environ.get("SEALKIT_FAULTS_PART")
SLOW_PARTS = 5


def asked_for(config):
    """The long suites that are to run."""
    named = [mark for mark in LONG if mark in (config.option.markexpr or "")]
    in_turns = ["faults", "slow"] if PART else []
    if any(".py" in arg for arg in config.args):  # whoever names a module wants its tests
        named.append("thorough")
    return {*named, *in_turns, *(IN_CI if needs.CI else []), *(LONG if os.environ.get("SEALKIT_ALL") else [])}


def is_due(item):
    """Whether a slow test takes its turn in this part; all do when no part is asked for."""
    return not PART or (zlib.crc32(item.nodeid.encode()) - int(PART)) % SLOW_PARTS == 0


def pytest_report_header(config):
    asked = asked_for(config)
    said = [f"{mark}: {'as asked' if mark in asked else f'left out (-m {mark} runs them)'}" for mark in LONG]
    return f"long suites: {', '.join(said)}{f'; part {PART} of 0-39 of the faults' if PART else ''}"


def pytest_collection_modifyitems(config, items):
    asked = asked_for(config)

    def is_left_out(item):
        marks = [mark for mark in LONG if item.get_closest_marker(mark)]
        return any(mark not in asked for mark in marks) or ("slow" in marks and not is_due(item))

    left_out = {item for item in items if is_left_out(item)}
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


# --- for want of an extra -----------------------------------------------------------------------------------------------
class Lacking(pytest.Module):
    """A test module that imports what only an extra brings, where that is not installed."""

    def collect(self):
        absent = needs.lacking(self.path.read_text())
        pytest.skip(f"could not import {absent[0]!r}", allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    """Skip a module as a whole if it cannot be imported for want of an extra."""
    return Lacking.from_parent(parent, path=module_path) if needs.lacking(module_path.read_text()) else None


# --- the last line ---------------------------------------------------------------------------------------------------
def pytest_configure(config):
    config.pluginmanager.register(LastLine(config), "the last line")


class LastLine:
    """Gathers why tests were skipped, and says so when all else is said."""

    def __init__(self, config):
        self.config = config
        self.reasons = []

    def pytest_runtest_logreport(self, report):
        self.note(report)

    def pytest_collectreport(self, report):
        self.note(report)

    def note(self, report):
        if report.skipped and isinstance(report.longrepr, tuple):
            self.reasons.append(report.longrepr[2])

    @property
    def line(self):
        asked = asked_for(self.config)
        return needs.last_line(self.reasons, [mark for mark in LONG if mark not in asked])

    def pytest_terminal_summary(self, terminalreporter):
        """In CI pytest's summary comes last: other programs look for it there."""
        if needs.CI:
            terminalreporter.write_line(self.line)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session):
        """Let everything else be printed, pytest's own last line too; in CI no extra may be lacking."""
        result = yield
        if hasattr(self.config, "workerinput"):
            return result
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and not needs.CI:
            reporter.ensure_newline()
            reporter.write_line(self.line)
        if needs.CI and any(kind == "extra" for reason in self.reasons for kind, _ in needs.said(reason)):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return result
