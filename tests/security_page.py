"""docs/security.md, taken apart: which sentences it has, and which tests hold each of them (data/security.yaml)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent

# How the page is split. A block is a row of a table, a bullet with the lines indented below it, or a paragraph.
# Headings, and the first two lines of a table (its names and its rule), are none. In a paragraph or a bullet a
# sentence ends with a full stop, with or without `**` behind it, before white space and a capital letter, a quoted
# word, a link or bold print. A row of a table is one sentence.
_END = re.compile(r"(?<=\.)(?:\*\*)?\s+(?=(?:\*\*)?(?:[A-Z`\[]|sealkit\b))")
_RULE = re.compile(r"\|[-| ]+\|")


def sentences(page: str) -> list[str]:
    """Return the sentences of a page in order, each in one line, without the marks of bullets and bold print."""
    found = []
    for block in _blocks(page):
        parts = [block] if block.startswith("|") else _END.split(block)
        found += [part.replace("**", "").removeprefix("- ") for part in parts]
    return found


def _blocks(page: str) -> Iterator[str]:
    """Yield each row of a table, each bullet and each paragraph, its lines put together."""
    lines = page.splitlines()
    block: list[str] = []
    for number, line in enumerate(lines):
        rule_follows = number + 1 < len(lines) and _RULE.fullmatch(lines[number + 1]) is not None
        if not line or line.startswith(("#", "|", "- ")):
            if block:
                yield " ".join(block)
            block = []
        if line and not line.startswith("#") and not _RULE.fullmatch(line) and not rule_follows:
            block.append(line.strip())
    if block:
        yield " ".join(block)


def what_is_wrong(page: str, entries: list[dict[str, Any]]) -> list[str]:
    """Compare the sentences of a page with the entries for them, one by one; return what does not hold."""
    wrong = []
    said = sentences(page)
    for sentence in said:
        fitting = [entry for entry in entries if sentence.startswith(entry["says"])]
        if len(fitting) != 1:
            wrong.append(f"{len(fitting)} entries begin as this sentence does: {sentence}")
    for entry in entries:
        fits = sum(sentence.startswith(entry["says"]) for sentence in said)
        if fits != 1:
            wrong.append(f"{fits} sentences begin as this entry does: {entry['says']}")
        wrong += _what_is_wrong_with(entry)
    if not wrong:
        places = [next(at for at, sentence in enumerate(said) if sentence.startswith(entry["says"])) for entry in entries]
        if places != sorted(places):
            wrong.append("the entries are not in the order of the sentences")
    return wrong


def _what_is_wrong_with(entry: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the tests, or the reason for having none, of one entry."""
    tests, reason = entry.get("tests"), entry.get("reason")
    if not entry["says"] or set(entry) - {"says", "tests", "reason"}:
        yield f"an entry of another form: {entry}"
    if bool(tests) == bool(reason):
        yield f"either tests or a reason why there can be none: {entry['says']}"
    for test in tests or []:
        file, _, name = test.partition("::")
        if name not in tests_of(file):
            yield f"there is no test {test}: {entry['says']}"


def tests_of(file: str) -> set[str]:
    """Return the names of the tests in a file below tests/, without running it; none where there is no such file."""
    path = TESTS / file
    if not path.is_file():
        return set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return {name for name in names if name.startswith("test_")}
