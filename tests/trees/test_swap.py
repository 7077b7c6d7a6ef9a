"""An exchange taken back: what others appended meanwhile, to either file, is all there."""

import os

import pytest

from sealkit.trees import kernel, swap
from sealkit.trees.swap import Mark

OURS = b"the new content\n"


@pytest.fixture
def exchanged(tree):
    """The record's name holds what we put there, the temporary one what was there before."""
    tree({"a.md": b"the old content\n", ".sealkit-tmp-0123456789abcdef": OURS})
    placed = Mark.of(os.stat(".sealkit-tmp-0123456789abcdef"))
    folder = os.open(".", os.O_RDONLY)
    kernel.exchange(folder, ".sealkit-tmp-0123456789abcdef", "a.md")
    yield folder, (placed, OURS)
    os.close(folder)


def append(path, data):
    with open(path, "ab") as file:
        file.write(data)


def content(path="a.md"):
    with open(path, "rb") as file:
        return file.read()


def back(exchanged):
    folder, placed = exchanged
    swap.put_back(folder, ".sealkit-tmp-0123456789abcdef", "a.md", placed)
    assert sorted(os.listdir(".")) == ["a.md"]


def test_what_was_appended_to_the_old_file(exchanged):
    append(".sealkit-tmp-0123456789abcdef", b"one\n")
    back(exchanged)
    assert content() == b"the old content\none\n"


def test_what_was_appended_to_both_files(exchanged):
    append(".sealkit-tmp-0123456789abcdef", b"one\n")
    append("a.md", b"two\n")
    back(exchanged)
    assert content() == b"the old content\none\ntwo\n"


def test_a_later_save_overtakes(exchanged):
    append(".sealkit-tmp-0123456789abcdef", b"one\n")
    with open("a.md", "wb") as file:
        file.write(b"saved anew\n")
    back(exchanged)
    assert content() == b"saved anew\n"


def test_who_is_still_appending_is_waited_for(exchanged):
    append(".sealkit-tmp-0123456789abcdef", b"one\n")
    with open("a.md", "ab", buffering=0) as late:
        late.write(b"two\n")
        pid = os.fork()
        if not pid:
            late.close()  # the descriptor of the parent is another one of the same file: it stays open there
            try:
                back(exchanged)
            finally:
                os._exit(0 if content() == b"the old content\none\ntwo\nthree\n" else 1)
        late.write(b"three\n")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
