"""Findings as other programs want them: SARIF 2.1.0 (OASIS), annotations of GitHub Actions, JUnit's XML.

All names and messages are as ``printable.line`` has them, which leaves nothing that acts, and no character that XML 1.0 cannot write (section
2.2): whoever reads a report shows them again. A SARIF ``uri`` alone is the path itself, byte by byte.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from sealkit import __version__
from sealkit.printable import json_text, line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealkit.report import Outcome


def sarif(problems: list[Outcome], checked: int) -> bytes:
    """Return a SARIF log with one run; GitHub and other viewers show its results at their lines."""
    rules = sorted({problem.code or "error" for problem in problems})
    results = [
        {
            "ruleId": problem.code or "error",
            "ruleIndex": rules.index(problem.code or "error"),
            "level": "error",
            "message": {"text": _text(problem)},
            "locations": [_location(problem)],
        }
        for problem in problems
    ]
    driver = {
        "name": "sealkit",
        "semanticVersion": _semantic(__version__),
        "rules": [{"id": rule, "shortDescription": {"text": rule.replace("_", " ")}} for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {"checked": checked},
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json_text(json.dumps(log, indent=2).encode()) + b"\n"


def _semantic(version: str) -> str:
    return ".".join([*version.split("+")[0].split("."), "0", "0"][:3])


def _location(problem: Outcome) -> dict[str, object]:
    place: dict[str, object] = {"artifactLocation": {"uri": quote(os.fsencode(problem.path))}}
    if problem.line is not None:
        place["region"] = {"startLine": problem.line}
    location: dict[str, object] = {"physicalLocation": place}
    if problem.field is not None:
        location["logicalLocations"] = [{"fullyQualifiedName": line(problem.field)}]
    return location


def github(problems: Iterable[Outcome], checked: int) -> bytes:
    """Return workflow commands, one a finding, which GitHub shows beside the lines of a pull request."""
    return "".join(f"::error {_properties(problem)}::{_data(_text(problem))}\n" for problem in problems).encode()


def _properties(problem: Outcome) -> str:
    known = {"file": problem.path, "line": problem.line, "title": f"sealkit: {problem.code}"}
    return ",".join(f"{name}={_property(line(str(value)))}" for name, value in known.items() if value is not None)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def junit(problems: list[Outcome], checked: int) -> bytes:
    """Return a JUnit report: a test case for each finding, and one for all that is in order."""
    cases = [
        f"  <testcase classname={_attribute(problem.path)} name={_attribute(problem.field or 'record')}>\n"
        f"    <failure type={_attribute(problem.code or 'error')} message={_attribute(_text(problem))}>"
        f"{escape(line(problem.place))}</failure>\n  </testcase>\n"
        for problem in problems
    ]
    good = f'  <testcase classname="sealkit" name="{checked} fields in order"/>\n'
    head = f'<testsuite name="sealkit check" tests="{len(cases) + 1}" failures="{len(cases)}" errors="0">\n'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}{good}{"".join(cases)}</testsuite>\n'.encode()


def _attribute(text: str) -> str:
    return quoteattr(line(text))


def _text(problem: Outcome) -> str:
    """Return the sentence of a finding; what a terminal or a page could take for an order is not in it."""
    field = f"{problem.field}: " if problem.field is not None else ""
    return line(field + (problem.message or problem.code or "error"))


FORMATS = {"sarif": sarif, "github": github, "junit": junit}
