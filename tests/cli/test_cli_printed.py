"""Whatever names, fields, payloads and arguments hold: no verb, in no format, prints what acts on a terminal or a CI runner."""

from __future__ import annotations

import json
import os
import subprocess
import xml.etree.ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_printable import ANYTHING, BIDI, acting

from sealkit.cli.findings import FORMATS
from sealkit.report import Outcome

pytestmark = pytest.mark.thorough

ORDERS = [
    "##[error]x",
    "##vso[task.setvariable variable=a]b",
    "::error file=a::b",
    "##teamcity[buildStop]",
    "section_start:1:a\r\x1b[0K",
]
# Names of files: each is one step of a path, so that none holds a "/" or a NUL.
NAMES = [
    "\x1b]52;c;aGk=\x07",
    "\x1b[2J\x9b31m\x7f",
    BIDI,
    "\u200b\u200c\u200d\u200e\u2060\u2061\u2062\u2063\u2064\ufeff",
    "\U000e0001\U000e0041\U000e007f",
    "\ufe00\ufe0f\U000e0100\u180b",
    "\u2028\u2029\x85\x0b\x0c",
    "\n::error::x",
    "\r::error::x",
    " ::set-output name=a::b",
    "%0A::error::x",
    "\udc9b31m\udcff",
    "\n-----\n##[group]x",
    *ORDERS,
]
# The same in fewer: what matters at the start of a line stands there.
FEWER = [
    NAMES[0] + NAMES[1] + BIDI,
    NAMES[3] + NAMES[4],
    NAMES[5] + NAMES[6],
    *NAMES[7:12],
    NAMES[12] + ORDERS[0],
    ORDERS[1] + ORDERS[3] + ORDERS[4],
]
BODY = "\n".join([*ORDERS, " ::a::b", "\t::a::b", *NAMES[:7], "می‌خواهم ❤️ 👩‍👩‍👧"]).encode("utf-8", "surrogateescape")


def scanned(ran, *, payload=False):
    assert "Traceback" not in ran.err, ran
    found = acting(ran.out.decode("utf-8", "surrogateescape"), payload=payload)
    assert not found, (found, ran)
    assert not acting(ran.err, payload=False), ran
    return ran


def hostile(desk, name):
    """A tree of records of hostile names: one sealed, one open, one broken; with hostile lines in and around the payload."""
    for suffix, value in [("a.md", desk.sealed(BODY)), ("b.md", "open"), ("c.md", desk.sealed(b"y" * 40, "k1")[:-9])]:
        desk.write(f"t/{name}{suffix}", b"---\ntitle: t\nsecured: " + json.dumps(value).encode() + b"\n---\n" + BODY + b"\n")
    return f"t/{name}a.md", f"t/{name}b.md", f"t/{name}c.md"


BINARY = ["--payload-kind", "binary", "--key-id", "k2"]
FORMATS_OF_CHECK = ["text", "json", "sarif", "github", "junit"]


@pytest.mark.parametrize("name", FEWER, ids=range(len(FEWER)))
def test_hostile_names(desk, name):
    good, plain, broken = hostile(desk, name)
    for args in [
        ["inspect", "t"],
        ["inspect", good],
        ["inspect", "--json", "t"],
        ["verify", *BINARY, "t"],
        ["seal", "--check", "t"],
        ["seal", "--diff", plain],
        ["rotate", "--check", "--to", "k1", good],
        ["rotate", "--diff", "--to", "k1", good],
        ["decrypt", broken],
        ["decrypt", "--json", *BINARY, "t"],
        ["decrypt", "--field", name, good],
        ["keys", "census", "t"],
        ["keys", "use", "k2", "t"],
        ["init", "t"],
        ["retag", plain],
        ["git", "textconv", "--force", good],
        ["git", "doctor", f"t/{name}"],
        ["diff", good, plain],
        ["diff", name, "t"],
        ["grep", *BINARY, "", "t"],
        ["resolve", broken],
        ["doctor", f"t/{name}"],
        ["export", "t", "-o", f"{name}.csv"],
        ["columns", "decrypt", f"{name}.csv", f"{name}2.csv"],
        ["set", f"t/{name}"],
        ["check", "--since", name, "t"],
    ]:
        scanned(desk.run(*args), payload=args[0] in ("seal", "rotate", "diff", "grep", "git"))
    for form in FORMATS_OF_CHECK:
        ran = desk.run("check", "--format", form, "t")
        assert ran.status in (1, 4)
        text = ran.out.decode("utf-8", "surrogateescape")
        assert not acting("\n".join(orderless(text.split("\n"), form)), payload=False), ran
        assert not acting(ran.err, payload=False)
        if form == "junit":
            ET.fromstring(ran.out)


def orderless(rows, form):
    """The lines of a format without what the format itself has: a workflow command is what GitHub is to read, one a line."""
    for row in rows:
        if form == "github" and row:
            assert row.startswith("::error file=")
            head, data = row[2:].split("::", 1)
            assert "\r" not in row
            assert not set("%") & set(head.replace("%3A", "").replace("%2C", "").replace("%25", ""))
            yield head
            yield data
        else:
            yield row


@pytest.mark.parametrize("name", FEWER, ids=range(len(FEWER)))
def test_hostile_arguments(desk, name):
    for args in [
        [name],
        ["--" + name],
        ["check", "--" + name],
        ["check", "--format", name, "."],
        ["decrypt", "--key-id", name, "records/article.md"],
        ["decrypt", "--field", name, "records/article.md"],
        ["decrypt", "--keys", name, "records/article.md"],
        ["rotate", "--to", name, "records"],
        ["keygen", "--id", name],
        ["keys", "add", name],
        ["keys", name],
        ["keys", "export", "--secret", name, "-o", "x"],
        ["grep", f"({name}", "records"],
        ["check", "--since", name, "."],
        ["check", "--include", f"[{name}", "."],
        ["completion", name],
        ["columns", name, "a", "b"],
        ["verify", name],
    ]:
        ran = scanned(desk.run(*args))
        assert ran.status != 0


@pytest.mark.parametrize("name", FEWER[:5], ids=range(5))
def test_hostile_configuration(desk, name):
    """What a policy and a ring hold is quoted where it is wrong."""
    desk.record("t/a.md", desk.sealed(b"y" * 40))
    quoted = json.dumps(name.encode("utf-8", "replace").decode())
    for policy in (
        f"version: 1\nrules:\n- include: [{quoted}]\n  fields: [secured]\n",
        f"{quoted}: 1\n",
        f"version: {quoted}\n",
        name,
    ):
        desk.write("t/sealkit.yaml", policy.encode("utf-8", "surrogateescape"))
        for form in ("text", "sarif", "junit"):
            scanned(desk.run("check", "--format", form, "t"))
    for ring in (f"keys:\n- id: {quoted}\n  env: A\n", f"{quoted}: 1\n", f"keys:\n- id: k1\n  {quoted}: x\n"):
        desk.write("ring.yaml", ring.encode())
        (desk.path / "ring.yaml").chmod(0o600)
        scanned(desk.run("keys", "--keys", "ring.yaml"))


TEXT = "می‌خواهم ❤️ 👩‍👩‍👧"


@pytest.mark.parametrize("verb", ["grep", "diff", "textconv", "rotate"])
def test_payload_lines_keep_languages_and_lose_controls(desk, verb):
    payload = f"{TEXT}\n##[error]x\n ::a::b\n\u202ea\n".encode()
    blob = desk.sealed(payload, "k1")
    desk.write("x.md", f"---\nsecured: {blob}\n---\n{TEXT} \x1b[2J\n ::a::b\n".encode())
    desk.write("y.md", desk.read("x.md").replace(blob.encode(), b"open"))
    commands = {
        "grep": ["grep", "", "x.md"],
        "diff": ["diff", "y.md", "x.md"],
        "textconv": ["git", "textconv", "--force", "x.md"],
        "rotate": ["rotate", "--diff", "--to", "k2", "x.md"],
    }
    ran = scanned(desk.run(*commands[verb]), payload=True)
    assert TEXT.encode() in ran.out
    assert b"\\x3a:a::b" in ran.out or verb == "grep"  # where the place stands in front
    assert b"\\x1b" in ran.out or verb == "grep"
    assert b"\\u202ea" in ran.out or verb == "rotate"  # which opens nothing


def test_what_was_escaped_in_a_diff_is_said_once(desk):
    for name in ("a", "b"):
        desk.write(f"t/{name}.md", b"---\nsecured: " + desk.sealed(b"y" * 40, "k1").encode() + b"\n---\nbody \x1b[2J\n")
    said = desk.run("rotate", "--diff", "t").err
    assert said.count("shown as escapes") == 1
    assert "shown as escapes" not in desk.run("rotate", "--diff", "-q", "t").err
    assert "shown as escapes" not in desk.run("rotate", "--diff", "records/interview.md").err


@pytest.mark.parametrize("name", [*NAMES, 'a"b', "a b", "ü", "a\\b"], ids=range(len(NAMES) + 4))
def test_patch_finds_the_file_of_a_diff(desk, name):
    """A name in a diff's header is quoted so that git reads it as it is, whatever it is."""
    subprocess.run(["git", "init", "-q", "."], cwd=desk.path, check=True, env=desk.env)
    desk.write(f"t/{name}.md", b"---\nsecured: " + desk.sealed(b"y" * 40, "k1").encode() + b"\n---\nbody\r\nline\n")
    diff = scanned(desk.run("rotate", "--diff", "--to", "k2", f"t/{name}.md"), payload=True).out
    subprocess.run(["git", "apply", "-"], cwd=desk.path, input=diff, check=True, env=desk.env)
    assert desk.run("decrypt", "--key-id", "k2", f"t/{name}.md").out == b"y" * 40


def test_a_payload_in_a_pipe_is_data(desk):
    desk.record("x.md", desk.sealed(BODY))
    assert desk.run("decrypt", *BINARY, "x.md").out == BODY


def test_json_keeps_every_value(desk):
    for name in NAMES:
        good, *_ = hostile(desk, name)
        (one,) = scanned(desk.run("decrypt", "--json", *BINARY, good)).lines
        assert os.fsencode(one["path"]) == os.fsencode(good)


PATHS = ANYTHING.map(lambda text: os.fsdecode(text.encode("utf-8", "surrogatepass")))  # as a system gives them


@given(st.lists(st.tuples(PATHS, ANYTHING, ANYTHING), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_finding_in_any_format(parts):
    problems = [Outcome(path or "a", "finding", field, "unsealed", line=1, message=message) for path, field, message in parts]
    for form, make in FORMATS.items():
        text = make(problems, 1).decode()
        assert not acting("\n".join(orderless(text.split("\n"), form)), payload=False)
        if form == "junit":
            ET.fromstring(text.encode())
        elif form == "sarif":
            (run,) = json.loads(text)["runs"]
            told = [result["message"]["text"] for result in run["results"]]
            assert not any(acting(one, payload=False) for one in told)
