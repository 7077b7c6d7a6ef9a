"""A key goes only when nothing opens under it any more: random walks over what people do with files, and then retire it.

A walk is a list of steps, each with numbers that choose among what is there, so that any part of a walk is a walk. What is still under a
key is looked for without sealkit: every run of base64 with a semicolon, in every file's bytes, is decrypted with every key.
"""

from __future__ import annotations

import base64
import os
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

pytestmark = pytest.mark.thorough  # takes too long for a run by hand of everything

KEYS = {f"k{number}": bytes([0x40 + number]) * (16 if number % 2 else 32) for number in range(1, 7)}
RING = "version: 1\nprimary: k1\nkeys:\n" + "".join(
    f'  - id: {name}\n    source: {{hex: "{key.hex()}"}}\n' for name, key in KEYS.items()
)
MARK = b"what nobody may lose, number "
BLOB = re.compile(rb"([A-Za-z0-9+/]{22,}={0,2});([A-Za-z0-9+/]{22}==)")
GIT = ["git", "-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "init.defaultBranch=main", "-c", "core.excludesFile="]

FORMS = {
    "front": "---\ntitle: t\nsecured: {}\n---\nbody\n",
    "crlf": "---\r\nsecured: {}\r\n---\r\nbody\r\n",
    "yaml": "title: t\nsecured: {}\nend: 1\n",
    "json": '{{"title": "t", "secured": "{}"}}\n',
    "jsonl": '{{"id": 1, "secured": "{}"}}\n{{"id": 2}}\n',
}
NAMES = ["a.md", "b.qmd", "c.Rmd", "d", "e.html", "f.rss", "sub/g.md", "sub/deep/h.scss", "i j.md", "k.markdown", "l.xml"]
OF_FORM = {
    "front": NAMES,
    "crlf": NAMES,
    "yaml": ["m.yml", "sub/n.yaml"],
    "json": ["o.json", "sub/p.json"],
    "jsonl": ["q.jsonl", "r.ndjson"],
}
SUFFIXES = ["", ".md", ".txt", ".qmd", ".yml", ".json", ".conf", ".md~", ".bak", ".xml", ".md.", ".orig", ".JSON"]


# --- what is under which key, without sealkit ---------------------------------------------------------------------------------
def keys_in(data: bytes) -> set[str]:
    """The keys under which anything in these bytes opens to a payload of ours."""
    return {name for text in BLOB.findall(data) for name, key in KEYS.items() if opens(*text, key)}


def opens(ciphertext: bytes, iv: bytes, key: bytes) -> bool:
    data = base64.b64decode(ciphertext)
    if not data or len(data) % 16:
        return False
    decryptor = Cipher(algorithms.AES(key), modes.CBC(base64.b64decode(iv))).decryptor()
    return decryptor.update(data).startswith(MARK)


# --- one walk ----------------------------------------------------------------------------------------------------------------
class Walk:
    """A git repository that steps are taken in; after each step that says it is done, that must be true."""

    def __init__(self, desk) -> None:
        self.desk, self.folder = desk, desk.path / "tree"
        self.folder.mkdir()
        desk.write("ring.yaml", RING.encode())
        (desk.path / "ring.yaml").chmod(0o600)
        desk.env |= {"SEALKIT_KEYS": str(desk.path / "ring.yaml"), "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
        self.primary, self.gone, self.number = "k1", set(), 0
        self.said: list[str] = []
        self.git("init", "-q")

    def git(self, *args, data=None):
        ran = subprocess.run([*GIT, *args], cwd=self.folder, env=self.desk.env, input=data, capture_output=True, check=False)
        return ran.stdout

    def sealkit(self, *args):
        ran = self.desk.run(*args)
        self.said.append(f"  sealkit {' '.join(map(str, args))}: {ran.status}")
        return ran

    # --- what is there ---------------------------------------------------------------------------------------------------
    def files(self) -> list[Path]:
        """Every regular file of the tree, but for git's and our own notes."""
        found = []
        for below, folders, names in os.walk(self.folder):
            folders[:] = sorted(name for name in folders if name not in {".git", ".sealkit"})
            found += [Path(below) / name for name in sorted(names)]
        return [path for path in found if path.is_file() and not path.is_symlink()]

    def records(self) -> list[Path]:
        return [path for path in self.files() if path.name not in {".gitignore", "sealkit.yaml"}]

    def one(self, number: int) -> Path | None:
        there = self.records()
        return there[number % len(there)] if there else None

    def under(self, paths) -> dict[str, set[str]]:
        """For each key the files in which something is under it."""
        found: dict[str, set[str]] = {}
        for path in paths:
            for key in keys_in(path.read_bytes()):
                found.setdefault(key, set()).add(str(path.relative_to(self.folder)))
        return found

    def walked(self) -> list[Path]:
        """The files that ``rotate`` goes to: what git ignores and what is hidden is left, and it says how many."""
        names = [str(path.relative_to(self.folder)) for path in self.files()]
        ignored = self.git("check-ignore", "--no-index", "-z", "--stdin", data="\0".join(names).encode()).decode().split("\0")
        hidden = {name for name in names if any(step.startswith(".") for step in name.split("/"))}
        return [self.folder / name for name in names if name not in hidden and name not in ignored]

    def in_git(self, *, history: bool) -> set[str]:
        """The keys under which something is in the index, or in anything that git holds."""
        if history:
            listed = self.git("cat-file", "--batch-all-objects", "--batch-check").splitlines()
            names = [line.split()[0] for line in listed if b" tree " not in line]
        else:
            names = [line.split()[1] for line in self.git("ls-files", "-s").splitlines()]
        return keys_in(self.git("cat-file", "--batch", data=b"\n".join(names) + b"\n")) if names else set()

    # --- the steps -------------------------------------------------------------------------------------------------------
    def step(self, name: str, *numbers: int) -> None:
        self.said.append(f"{name} {numbers}")
        getattr(self, f"do_{name}")(*numbers)

    def do_seal(self, which: int, where: int, how: int) -> None:
        """Write plaintext and seal it by its name, below a folder or alone."""
        form = sorted(FORMS)[which % len(FORMS)]
        name = OF_FORM[form][where % len(OF_FORM[form])]
        path = self.folder / name
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        self.number += 1
        path.write_text(FORMS[form].format(f"{MARK.decode()}{self.number}"), newline="")
        keys = [key for key in KEYS if key not in self.gone]
        key = self.primary if how % 3 else keys[how % len(keys)]
        ran = self.sealkit("seal", "-q", "--key-id", key, f"tree/{name}")
        if ran.status:
            path.unlink()

    def do_rename(self, which: int, where: int, _: int) -> None:
        path = self.one(which)
        target = self.folder / f"moved/{where % 5}/{path.name}" if path else None
        if path and target and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)

    def do_suffix(self, which: int, what: int, _: int) -> None:
        path = self.one(which)
        target = path.parent / (path.name.split(".")[0] + SUFFIXES[what % len(SUFFIXES)]) if path else None
        if path and target and target.name and not target.exists():
            path.rename(target)

    def do_copy(self, which: int, what: int, _: int) -> None:
        path = self.one(which)
        target = path.parent / (path.name + (".orig", "~", ".", ".copy.txt", " 2")[what % 5]) if path else None
        if path and target and not target.exists():
            target.write_bytes(path.read_bytes())

    def do_link(self, which: int, hard: int, _: int) -> None:
        path = self.one(which)
        target = self.folder / f"link-{which % 7}.md"
        if path and not target.exists() and not target.is_symlink():
            os.link(path, target) if hard % 4 == 0 else target.symlink_to(os.path.relpath(path, self.folder))

    def do_hide(self, which: int, folder: int, _: int) -> None:
        path = self.one(which)
        if path:
            target = self.folder / ".hidden" / path.name if folder % 2 else path.parent / f".{path.name}"
            target.parent.mkdir(exist_ok=True)
            if not target.exists():
                path.rename(target)

    def do_ignore(self, which: int, _: int, __: int) -> None:
        path = self.one(which)
        if path:
            with (self.folder / ".gitignore").open("a", encoding="utf-8") as file:
                file.write(f"/{path.relative_to(self.folder)}\n")

    def do_untrack(self, which: int, _: int, __: int) -> None:
        path = self.one(which)
        if path:
            self.git("rm", "-q", "--cached", "--", str(path.relative_to(self.folder)))

    def do_skip(self, which: int, _: int, __: int) -> None:
        """Leave a file to the index alone, as a sparse checkout does."""
        path = self.one(which)
        if path:
            name = str(path.relative_to(self.folder))
            self.git("add", "-f", "--", name)
            self.git("update-index", "--skip-worktree", "--", name)
            path.unlink()

    def do_delete(self, which: int, _: int, __: int) -> None:
        path = self.one(which)
        if path:
            path.unlink()

    def do_edit(self, which: int, _: int, __: int) -> None:
        path = self.one(which)
        if path and path.suffix in {".md", ".qmd", ".html"}:
            path.write_bytes(path.read_bytes() + b"more of the body\n")

    def do_add(self, *_: int) -> None:
        self.git("add", "-A")

    def do_commit(self, *_: int) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--no-verify", "-m", "m")

    def do_branch(self, which: int, new: int, _: int) -> None:
        self.do_commit()
        self.git(*(["switch", "-q", "-c", f"b{which % 3}"] if new % 2 else ["switch", "-q", f"b{which % 3}"]))

    def do_tag(self, which: int, what: int, _: int) -> None:
        """Tag a file that no commit has, or say what is in one in the message of a tag; perhaps drop the tag."""
        path = self.one(which)
        if path and what % 2:
            made = self.git("hash-object", "-w", "--stdin", data=path.read_bytes()).decode().strip()
            self.git("tag", f"t{which}", made)
        elif path:
            self.git("tag", "-a", "-F", "-", f"t{which}", "HEAD", data=path.read_bytes())
        if what % 3 == 0:
            self.git("tag", "-d", f"t{which}")

    def do_stash(self, which: int, drop: int, _: int) -> None:
        self.do_edit(which, 0, 0)
        self.git("stash", "-q")
        self.git("stash", "drop" if drop % 2 else "apply", "-q")

    def do_worktree(self, which: int, _: int, __: int) -> None:
        """Stage a file in the index of another work tree."""
        path, other = self.one(which), self.folder.parent / f"other{which}"
        if path and not other.exists():
            self.git("worktree", "add", "-q", "--detach", str(other))
            if other.is_dir():
                (other / "staged").write_bytes(path.read_bytes())
                self.git("-C", str(other), "add", "staged")

    def do_comment(self, which: int, _: int, __: int) -> None:
        """Say what a file holds in a comment of a file that is no record, and that rotations pass over."""
        path = self.one(which)
        found = BLOB.search(path.read_bytes()) if path else None
        if found:
            with (self.folder / ".notes").open("ab") as file:
                file.write(b"# " + found[0] + b"\n")

    def do_forget(self, *_: int) -> None:
        """Begin a new history."""
        shutil.rmtree(self.folder / ".git")
        self.git("init", "-q")
        self.do_commit()

    def do_policy(self, which: int, _: int, __: int) -> None:
        fields = ("secured", "author.mail", "secured")[which % 3]
        globs = ("'*.md'", "'sub/**'", "'*.md', '*.txt'")[which // 3 % 3]
        more = "\n    exclude: ['sub/**']" if which % 5 == 0 else ""
        text = f"version: 1\nrecords:\n  - include: [{globs}]{more}\n    fields: [{{path: {fields}, required: false}}]\n"
        (self.folder / "sealkit.yaml").write_text(text, encoding="utf-8")

    # --- the verbs that promise something ------------------------------------------------------------------------------------
    def do_rotate(self, which: int, _: int, __: int) -> None:
        keys = [key for key in KEYS if key not in self.gone]
        target = keys[which % len(keys)]
        ran = self.sealkit("rotate", "-q", "--break-hardlinks", "--to", target, "tree")
        if ran.status == 0:
            self.desk.run("keys", "set-primary", target)
            self.primary = target
            self.nothing_under(set(KEYS) - {target}, self.under(self.walked()), ran)

    def do_retire(self, which: int, with_git: int, _: int) -> None:
        key = self.other(which)
        options = ["--git"] if with_git % 2 else []
        ran = self.sealkit("keys", "retire", *options, key, "tree")
        if ran.status == 0:
            self.nothing_under({key}, self.under(self.files()), ran)
            self.not_in_git(key, history=bool(options))
            self.gone.add(key)

    def do_remove(self, which: int, how: int, _: int) -> None:
        key = self.other(which)
        options = (["--git"], ["--forget-history"], [])[how % 3]
        ran = self.sealkit("keys", "remove", key, *options, "tree")
        if ran.status == 0:
            self.nothing_under({key}, self.under(self.files()), ran)
            self.not_in_git(key, history=options != ["--forget-history"])
            self.gone.add(key)
            with (self.desk.path / "ring.yaml").open("a", encoding="utf-8") as ring:  # so that the walk can go on
                ring.write(f'  - id: {key}\n    source: {{hex: "{KEYS[key].hex()}"}}\n    state: disabled\n')

    # --- and the end of each walk: refusing is not all that they do --------------------------------------------------------------
    def finish(self) -> None:
        """Take out of the way what was refused, as its finder says; then all is rotated, and each other key retires and can be removed."""
        self.do_forget()
        self.folder.joinpath("last.md").write_text(FORMS["front"].format(f"{MARK.decode()}last"))
        self.sealkit("seal", "-q", "--key-id", self.primary, "tree/last.md")
        keys = [key for key in KEYS if key not in self.gone]
        self.until_done("rotate", "--break-hardlinks", "--to", keys[0], "tree")
        self.primary = keys[0]
        self.sealkit("keys", "set-primary", keys[0])
        for key, names in self.under(self.files()).items():
            for name in names if key != keys[0] else ():
                self.folder.joinpath(name).unlink(missing_ok=True)
        self.do_forget()
        for key in keys[1:3]:
            self.until_retired(key)
            ran = self.sealkit("keys", "remove", "--git", key, "tree")
            assert ran.status == 0, (ran, self.said)

    def until_retired(self, key: str) -> None:
        """Retire a key, each time without the files that could not be looked at."""
        for _ in range(3):
            ran = self.sealkit("keys", "retire", "--git", key, "tree")
            unread = set(re.findall(r"error: (tree/.+?):\d+: ", ran.err))
            if not unread:
                break
            for name in unread:
                self.desk.path.joinpath(name).unlink(missing_ok=True)
            self.do_forget()
        assert ran.status == 0, (ran, self.said)

    def until_done(self, *args: str) -> None:
        """Run a verb until nothing is refused any more, each time without the files that it named."""
        for _ in range(5):
            ran = self.sealkit(*args, "--json")
            named = {line["path"] for line in ran.lines if line["status"] in {"finding", "failed"}}
            if not named:
                break
            for name in named:
                self.desk.path.joinpath(name).unlink()
        assert ran.status == 0, (ran, self.said)

    def other(self, which: int) -> str:
        keys = [key for key in KEYS if key != self.primary and key not in self.gone] or ["k1"]
        return keys[which % len(keys)]

    def nothing_under(self, keys: set[str], under: dict[str, set[str]], ran) -> None:
        left = {key: sorted(under[key]) for key in keys if key in under}
        assert not left, f"said to be done, but left: {left}\n{ran}\n" + "\n".join(self.said)

    def not_in_git(self, key: str, *, history: bool) -> None:
        assert key not in self.in_git(history=history), f"{key} is left in git\n" + "\n".join(self.said)


STEPS = {
    "seal": 10, "rename": 2, "suffix": 3, "copy": 2, "link": 1, "hide": 1, "ignore": 1, "untrack": 1, "skip": 1, "delete": 2, "edit": 1,
    "add": 1, "commit": 1, "branch": 1, "policy": 1, "forget": 1, "tag": 1, "stash": 1, "worktree": 1, "comment": 1, "rotate": 6, "retire": 5, "remove": 3,
}  # fmt: skip


BEGINNING = [("seal", number, number // 2, 0) for number in (0, 1, 2, 3, 4, 7)]


def steps_of(seed: int, length: int) -> list[tuple[str, int, int, int]]:
    """The steps of a walk, chosen by their weights."""
    chance = random.Random(seed)
    names = chance.choices(list(STEPS), weights=list(STEPS.values()), k=length)
    return [(name, chance.randrange(1000), chance.randrange(1000), chance.randrange(1000)) for name in names]


def take(desk, steps) -> Walk:
    walk = Walk(desk)
    for step in (*BEGINNING, *steps):
        walk.step(*step)
    return walk


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_said_to_be_done_nothing_opens_under_the_key_that_went(desk, seed):
    take(desk, steps_of(seed, 40)).finish()
