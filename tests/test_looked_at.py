"""What the pages say of what is looked at, and of what never is, is held sentence by sentence (data/looked-at.yaml)."""

import copy
import re

import pytest
import security_page
import yaml
from desk import ROOT

ENTRIES = yaml.safe_load((security_page.TESTS / "data/looked-at.yaml").read_text(encoding="utf-8"))
PAGES = {
    "ci.md": "## What is looked at\n",
    "policy.md": "## What is looked for where\n",
    "trees.md": "## Which files\n",
    "format.md": "## Records\n",
}


def section(page):
    """The part of a page that says what is looked at: below its heading, up to the next one."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert text.count(PAGES[page]) == 1, page
    return re.split(r"\n##+ ", text.partition(PAGES[page])[2])[0]


def test_each_page_is_held():
    assert list(ENTRIES) == list(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_every_sentence_has_tests_or_a_reason(page):
    assert security_page.what_is_wrong(section(page), ENTRIES[page]) == []


@pytest.mark.parametrize("page", PAGES)
def test_reasons_are_few(page):
    entries = ENTRIES[page]
    assert sum("tests" in entry for entry in entries) >= 3
    assert sum("reason" in entry for entry in entries) <= len(entries) // 3


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("plant", "words"),
    [
        (lambda text, entries: (text + "\nThe moon is looked at.\n", entries), "0 entries begin"),
        (lambda text, entries: (text + "\n- and so are stars\n", entries), "0 entries begin"),
        (lambda text, entries: (text, entries[1:]), "0 entries begin"),
        (lambda text, entries: (text, [*entries, {"says": "The moon", "reason": "x"}]), "0 sentences begin"),
        (lambda text, entries: (text, [{**entries[0], "tests": ["test_gone.py::test_x"]}, *entries[1:]]), "there is no test"),
        (lambda text, entries: (text, [{"says": entries[0]["says"]}, *entries[1:]]), "either tests or a reason"),
    ],
)
def test_what_is_planted_is_found(page, plant, words):
    wrong = security_page.what_is_wrong(*plant(section(page), copy.deepcopy(ENTRIES[page])))
    assert any(words in line for line in wrong), wrong
