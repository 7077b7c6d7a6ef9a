"""docs/security.md is held sentence by sentence: each has tests, or a reason why it can have none (data/security.yaml)."""

import copy

import pytest
import security_page
import yaml
from desk import ROOT

PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
ENTRIES = yaml.safe_load((security_page.TESTS / "data/security.yaml").read_text(encoding="utf-8"))


def test_every_sentence_has_tests_or_a_reason():
    assert security_page.what_is_wrong(PAGE, ENTRIES) == []
    assert len(ENTRIES) == len(security_page.sentences(PAGE)) > 100


# --- what is planted is found: a change of the page or of the entries, and a word of what is said then ------------------------
def behind(words, more):
    """A change of the page: something more behind some words that stand there once."""
    assert PAGE.count(words) == 1
    return lambda page, entries: (page.replace(words, words + more), entries)


def changed(says, /, **values):
    """A change of an entry; a value of None takes away."""

    def change(page, entries):
        (entry,) = [entry for entry in entries if entry["says"] == says]
        entry.update(values)
        for name in [name for name, value in entry.items() if value is None]:
            del entry[name]
        return page, entries

    return change


KIND = "The kind of binding is under the tag"
PLANTED = {
    "a sentence in a paragraph": (behind("The kind of binding is under the tag.", " It is magic."), "0 entries begin"),
    "a sentence in a bullet": (behind("New rings are made 0600.", " So are old ones."), "0 entries begin"),
    "a sentence that begins with a word in quotes": (behind("New rings are made 0600.", " `keys` mends old ones."), "0 entries begin"),
    "a sentence in bold print": (behind("New rings are made 0600.", " **Nobody else reads them.**"), "0 entries begin"),
    "a sentence at the end": (lambda page, entries: (page + "All is well.\n", entries), "0 entries begin"),
    "a bullet": (behind("## Git\n", "\n- Git is safe.\n"), "0 entries begin"),
    "a row": (behind("| `tagged` | `ciphertext;iv;auth` | yes |", "\n| `new` | | yes |"), "0 entries begin"),
    "a table": (behind("## Git\n", "\n| a | b |\n|---|---|\n| c | d |\n"), "0 entries begin"),
    "a sentence that stands there already": (behind("## Git\n", "\nThe kind of binding is under the tag.\n"), "2 sentences begin"),
    "a sentence that begins otherwise": (lambda page, entries: (page.replace(KIND, "A binding"), entries), "0 sentences begin"),
    "a sentence that went": (lambda page, entries: (page.replace(f"{KIND}.", ""), entries), "0 sentences begin"),
    "sentences in another order": (lambda page, entries: (page.replace(f" {KIND}.", "") + f"\n{KIND}.\n", entries), "not in the order"),
    "a renamed test": (changed(KIND, tests=["test_sealer_authentic.py::test_the_kind"]), "there is no test"),
    "a file that went": (changed(KIND, tests=["test_gone.py::test_the_kind_of_binding_is_part_of_the_tag"]), "there is no test"),
    "a function that is no test": (changed(KIND, tests=["test_sealer_authentic.py::verdict"]), "there is no test"),
    "a file alone": (changed(KIND, tests=["test_sealer_authentic.py"]), "there is no test"),
    "neither tests nor a reason": (changed(KIND, tests=None), "either tests or a reason"),
    "an empty list of tests": (changed(KIND, tests=[]), "either tests or a reason"),
    "an empty reason": (changed(KIND, tests=None, reason=""), "either tests or a reason"),
    "tests and a reason": (changed(KIND, reason="framing"), "either tests or a reason"),
    "another word": (changed(KIND, test="x"), "an entry of another form"),
    "no words": (changed(KIND, says=""), "an entry of another form"),
    "two entries of one beginning": (lambda page, entries: (page, [*entries, {"says": "The kind", "reason": "x"}]), "2 entries begin"),
    "words that begin several sentences": (changed(KIND, says="The"), "sentences begin"),
}  # fmt: skip


@pytest.mark.parametrize("plant", PLANTED)
def test_what_is_planted_is_found(plant):
    change, words = PLANTED[plant]
    wrong = security_page.what_is_wrong(*change(PAGE, copy.deepcopy(ENTRIES)))
    assert any(words in line for line in wrong), wrong


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("# Head\n\nOne. Two,\nand more. **Three.** `four` is. [Five](x) too.\n", ["One.", "Two, and more.", "Three.", "`four` is.", "[Five](x) too."]),
        ("By `a.b` and 3.5 of x.y. sealkit is. And (so. it) goes.\n", ["By `a.b` and 3.5 of x.y.", "sealkit is.", "And (so. it) goes."]),
        ("Text:\n- one. Two\n  goes on.\n- three\n\nMore\n", ["Text:", "one.", "Two goes on.", "three", "More"]),
        ("| a | b |\n|---|---|\n| c. D | e |\n| f | g |\n\nEnd", ["| c. D | e |", "| f | g |", "End"]),
        ("", []),
    ],
)  # fmt: skip
def test_how_a_page_is_split(page, expected):
    assert security_page.sentences(page) == expected
