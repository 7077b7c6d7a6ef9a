"""Policies: what is accepted, what is refused and where, which rules count for a record; and nothing hostile ever gets through."""

from __future__ import annotations

import json
import os
import pickle
import random
import re
import textwrap
import unicodedata
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_table import ACCEPTED, BEYOND_THE_SCHEMA, REFUSED, SAMPLE, policy

from sealkit import demands, policyfile, sealer
from sealkit.cli import show
from sealkit.errors import ConfigError, SealkitError, Usage
from sealkit.keys.key import FORMATS
from sealkit.policy import DEFAULT, FieldRule, Policy, Rule, write

SCHEMA = json.loads((Path(__file__).parents[1] / "docs" / "policy.schema.json").read_text())


def fields(text, path="a.md"):
    rule = Policy.parse(policy(text)).rule(path)
    return None if rule is None else [field._replace(line=0) for field in rule.fields]


def refusal(data):
    with pytest.raises(ConfigError) as caught:
        Policy.parse(data)
    return caught.value


# --- reading ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_accepted(text, expected):
    rules = Policy.parse(policy(text)).rules
    assert [rule._replace(fields=tuple(f._replace(line=0) for f in rule.fields), line=0) for rule in rules] == expected


@pytest.mark.parametrize(("text", "problem", "line", "under"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused(text, problem, line, under):
    error = refusal(policy(text))
    assert problem in error.problem
    assert (error.code, error.exit_status) == ("config", 2)
    assert error.hint
    assert error.line == line
    assert error.__context__ is None
    if under is None:
        assert error.caret is None
    else:
        assert error.source in policy(text).decode("utf-8", "replace").replace("\u200b", "\xb7")
        assert error.source[error.caret - 1 :].startswith(under)


def test_what_stands_in_the_sample():
    (rule,) = Policy.parse(SAMPLE).rules
    assert (rule.line, rule.fields[0].line) == (3, 6)
    assert rule.fields[0]._replace(line=0) == FieldRule("secured", True, "json", "tagged", ("sourceUrl",), ("k2",))


def test_the_words_are_those_of_the_other_rooms():
    assert set(demands.STRENGTH) == set(FORMATS)
    assert demands.PAYLOADS == sealer.PAYLOAD_KINDS


def test_the_line_and_the_caret_are_printed(capsys):
    show.error(refusal(SAMPLE.replace(b"payload", b"paylod")).at(path="sealkit.yaml"))
    assert capsys.readouterr().err == textwrap.dedent("""\
        sealkit: error: sealkit.yaml:8: fields: unknown attribute 'paylod'
        sealkit:             paylod: json
        sealkit:             ^
        sealkit: hint: did you mean 'payload'?
    """)


def test_a_key_that_strayed_into_a_policy_is_not_shown():
    secret = "8f14e45fceea167a5a36dedd4bea2543"
    for text in (
        f"key: {secret}",
        f"{secret}: x",
        f"keys: [{secret.upper()}!]",
        f"records: {secret}",
        f"version: {secret}",
        f"records: [{secret}",
    ):
        error = refusal(f"version: 1\n{text}\n".encode())
        shown = f"{error} {error!r} {error.hint} {vars(error)}".lower()
        assert secret not in shown


FORBIDDEN = [
    "command",
    "key-command",
    "key_command",
    "source",
    "env",
    "file",
    "editor",
    "passphrase",
    "pkcs11",
    "secrets",
    "HEX",
    "hooks",
]


@pytest.mark.parametrize("name", FORBIDDEN)
@pytest.mark.parametrize("where", ["top", "rule", "field"])
def test_what_a_policy_must_not_have(name, where):
    line = {
        "top": "{}: x\n",
        "rule": "records:\n  - {}: x\n",
        "field": 'records:\n  - include: ["*"]\n    fields:\n      - {}: x\n',
    }[where]
    error = refusal(b"version: 1\n" + line.format(name).encode())
    assert error.problem.endswith(f"a policy has no {name!r}")
    assert "may come from anybody" in error.hint
    assert error.source[error.caret - 1 :].startswith(name)


# --- limits ----------------------------------------------------------------------------------------------------------
def rules_of(rules=1, globs=1, fields=1):
    text = "version: 1\nrecords:\n"
    for number in range(rules):
        text += f"  - include: [{', '.join(f'd{number}/g{glob}' for glob in range(globs))}]\n    fields:\n"
        text += "".join(f"      - path: f{field}\n" for field in range(fields))
    return text.encode()


def bound_to(fields, names):
    bind = ", ".join(f"b{name}" for name in range(names))
    return policy('include: ["**"]\nfields:' + "".join(f"\n  - {{path: f{field}, bind: [{bind}]}}" for field in range(fields)))


LIMITS = [
    (rules_of(rules=32), rules_of(rules=33), "33 rules"),
    (rules_of(rules=2, globs=64), rules_of(rules=3, globs=43), "129 globs"),
    (rules_of(rules=2, fields=32), rules_of(rules=5, fields=13), "65 fields"),
    (policy(f"include: [{'x' * 256}]"), policy(f"include: [{'x' * 257}]"), "257 characters"),
    (
        policy(bind=f"[{', '.join(f'b{n}' for n in range(8))}]"),
        policy(bind=f"[{', '.join(f'b{n}' for n in range(9))}]"),
        "9 bind",
    ),
    (
        policy(keys=f"[{', '.join(f'b{n}' for n in range(8))}]"),
        policy(keys=f"[{', '.join(f'b{n}' for n in range(9))}]"),
        "9 keys",
    ),
    (SAMPLE + b"#" * (32 * 1024 - len(SAMPLE)), SAMPLE + b"#" * (32 * 1024 - len(SAMPLE) + 1), "32769 bytes"),
    (SAMPLE + b"#\n" * 1400, SAMPLE + b"#\n" * 1500, "more than 1500"),
    (
        policy(f"include: ['{'[a]' * 85}', '{'?' * 171}']"),
        policy(f"include: ['{'[a]' * 85}', '{'*x' * 86}', '{'*x' * 86}']"),
        "257 wildcards",
    ),
    (bound_to(8, 8), bound_to(13, 5), "65 bound fields"),
    (policy(f"path: {'.'.join('a' * 16)}"), policy(f"path: {'.'.join('a' * 17)}"), "not a field path"),
]


@pytest.mark.parametrize(("most", "more", "problem"), LIMITS, ids=[row[2] for row in LIMITS])
def test_limits(most, more, problem):
    Policy.parse(most).rule("a.md")
    assert problem in refusal(more).problem


# --- which rules count -----------------------------------------------------------------------------------------------
TWO = """\
- include: ["posts/**"]
  fields: [{path: secured, format: tagged}]
- include: ["*.md"]
  exclude: ["drafts/**"]
  fields: [{path: note}, {path: author.mail, required: false}]
"""
MATCHES = [
    ("posts/a.md", ["secured", "note", "author.mail"]),
    ("posts/a.yml", ["secured"]),
    ("posts/x/y/a.md", ["secured", "note", "author.mail"]),
    ("a.md", ["note", "author.mail"]),
    ("drafts/a.md", None),
    ("x/drafts/a.md", ["note", "author.mail"]),
    ("xposts/a.yml", None),
    ("a.MD", None),
    (b"posts/\xff.yml", ["secured"]),
    (os.fsdecode(b"posts/\xff.yml"), ["secured"]),
    ("posts/a\nb.yml", ["secured"]),
]


@pytest.mark.parametrize(("path", "expected"), MATCHES)
def test_every_rule_that_matches_counts(path, expected):
    rule = Policy.parse(policy(TWO)).rule(path)
    assert (rule if rule is None else [field.path for field in rule.fields]) == expected


@pytest.mark.parametrize("path", ["", "/a.md", "../a.md", "a/../b.md", "./a.md", "a//b", "a/", "a\0", b"/a", "a/.", "\ud800"])
def test_a_path_that_is_not_below_the_root(path):
    with pytest.raises(Usage):
        Policy().rule(path)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_name_is_matched_in_whatever_normal_form_it_is(form):
    text = policy(unicodedata.normalize(form, 'include: ["pos\u00e9/*.md"]'))
    for name in ("NFC", "NFD"):
        assert Policy.parse(text).rule(unicodedata.normalize(name, "pos\u00e9/a.md")) is not None


@pytest.mark.parametrize("path", ["a.md", ".hidden", "x/.y/z", "a", b"\xff"])
def test_without_a_policy_every_record_may_have_the_field(path):
    assert Policy().rule(path) == DEFAULT == Rule(("**",), (), (FieldRule("secured", False, "text", "plain", None, ()),))


def test_the_same_demand_twice_is_one():
    two = (
        '- include: ["*.md"]\n  fields: [{path: secured, keys: [k1]}]\n- include: ["a*"]\n  fields: [{path: secured, keys: [k1]}]\n'
    )
    assert fields(two) == [FieldRule("secured", keys=("k1",))]


CONTRADICTIONS = [
    ("path: secured", "path: secured, format: tagged", "has other demands in line 4"),
    ("path: secured", "path: secured, required: false", "has other demands in line 4"),
    ("path: 'a[].b'", "path: 'a[0].b'", "may be one field"),
    ("path: a", "path: a.b", "one within the other"),
    ("path: secured", "path: Secured", "may be one field"),
    ("path: secured", "path: s\u0435cured", "may be one field"),
    ("path: secured, bind: [u]", "path: u", "which is sealed itself"),
    ("path: u", "path: secured, bind: [u.x]", "which is sealed itself"),
]


@pytest.mark.parametrize(("one", "other", "problem"), CONTRADICTIONS)
def test_two_rules_that_contradict_each_other_for_a_record(one, other, problem):
    data = policy(f'- include: ["*.md"]\n  fields: [{{{one}}}]\n- include: ["a*"]\n  fields: [{{{other}}}]\n')
    found = Policy.parse(data)
    assert found.rule("b.md") is not None
    assert found.rule("a.yml") is not None
    with pytest.raises(ConfigError) as caught:
        found.rule("a.md")
    assert problem in caught.value.problem
    assert caught.value.line in {4, 6}
    assert caught.value.source[caught.value.caret - 1 :].startswith("{path")
    assert caught.value.__context__ is None


@pytest.mark.parametrize(("one", "other", "problem"), CONTRADICTIONS)
def test_a_rule_that_contradicts_itself(one, other, problem):
    error = refusal(policy(f'- include: ["*.md"]\n  fields:\n    - {{{one}}}\n    - {{{other}}}\n'))
    assert problem.partition(" in line")[0] in error.problem


SURE = [
    ('["*.md"]', '["x", "*.md"]', True),
    ('["**"]', '["x"]', True),
    ('["x"]', '["**"]', True),
    ('["*.md"], exclude: [a]', '["*.md"], exclude: [a, b]', True),
    ('["*.md"], exclude: [a]', '["*.md"], exclude: [b]', False),
    ('["*.md"]', '["*.yml"]', False),
]


@pytest.mark.parametrize(("one", "other", "sure"), SURE)
def test_a_contradiction_that_is_sure_is_found_at_once(one, other, sure):
    data = policy(f"- {{include: {one}, fields: [{{path: s}}]}}\n- {{include: {other}, fields: [{{path: s, format: tagged}}]}}\n")
    if sure:
        error = refusal(data)
        assert "has other demands" in error.problem
        assert error.caret
    else:
        Policy.parse(data)


# --- what is demanded ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("demanded", demands.STRENGTH)
@pytest.mark.parametrize("form", demands.STRENGTH)
def test_what_meets_a_demand(demanded, form):
    assert FieldRule(format=demanded).is_met_by(form) == (demands.STRENGTH.index(form) >= demands.STRENGTH.index(demanded))


def test_the_keys_that_may_seal():
    assert FieldRule().may_seal("k1")
    assert FieldRule(keys=("k1", "k2")).may_seal("k2")
    assert not FieldRule(keys=("k1", "k2")).may_seal("k3")


# --- writing ---------------------------------------------------------------------------------------------------------
NAMES = ["secured", "a.b", "c[].d", "e[0]", "no", "x y", "é", "'", "#", "1"]
GLOBS = st.one_of(
    st.sampled_from(["*.md", "posts/**", "a [x]?", "on", "'", '"', "# x", "é", "-", "a: b", "[{]"]), st.text(max_size=4)
)


def a_field(path, *rest):
    field = FieldRule(path, *rest)
    return field._replace(format="synthetic") if field.bind is not None and field.format == "plain" else field


FIELDS = st.builds(
    a_field,
    st.sampled_from(NAMES),
    st.booleans(),
    st.sampled_from(demands.PAYLOADS),
    st.sampled_from(demands.STRENGTH),
    st.one_of(
        st.none(),
        st.just("path"),
        st.lists(st.sampled_from(["u", "v.w", "z[0]", "on"]), min_size=1, max_size=3, unique=True).map(tuple),
    ),
    st.lists(st.sampled_from(["k1", "no", "1.0", "-", "x"]), max_size=2, unique=True).map(tuple),
)
RULES = st.builds(
    Rule,
    st.lists(GLOBS, min_size=1, max_size=3).map(tuple),
    st.lists(GLOBS, max_size=2).map(tuple),
    st.lists(FIELDS, min_size=1, max_size=3, unique_by=lambda field: field.path).map(tuple),
    st.just(0),
)


@given(st.lists(RULES, min_size=1, max_size=3))
def test_what_is_written_reads_the_same(rules):
    try:
        data = write(rules)
    except ConfigError:
        return
    assert [r._replace(line=0, fields=tuple(f._replace(line=0) for f in r.fields)) for r in policyfile.parse(data)] == rules
    assert not list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(loaded(data)))


def test_accepted_policies_are_written_again():
    written = 0
    for _, text, _ in ACCEPTED:
        rules = Policy.parse(policy(text)).rules
        again = Policy.parse(write(rules)).rules
        assert write(again) == write(rules)
        written += 1
    assert written == len(ACCEPTED)


UNWRITABLE = [[], [DEFAULT._replace(include=())], [DEFAULT._replace(fields=())], [DEFAULT._replace(fields=(FieldRule("a..b"),))]]
UNWRITABLE += [
    [DEFAULT._replace(fields=(FieldRule(bind="path"),))],
    [DEFAULT._replace(include=("/x",))],
    [DEFAULT._replace(include=("\ud800",))],
]
UNWRITABLE += [
    [DEFAULT._replace(fields=(FieldRule(format="none # x\n"),))],
    [DEFAULT._replace(fields=(FieldRule(bind=("secured",)),))],
]
UNWRITABLE += [[DEFAULT._replace(fields=(FieldRule(payload="text\n        keys: [k9]"),))]]


@pytest.mark.parametrize("rules", UNWRITABLE, ids=range(len(UNWRITABLE)))
def test_what_a_policy_cannot_say_is_not_written(rules):
    with pytest.raises(ConfigError):
        write(rules)


def test_the_default_is_written_with_comments():
    data = write([DEFAULT]).decode()
    assert data.startswith("# What must be sealed in this tree")
    assert "required: false  # true: every matching record must have it" in data


def test_a_policy_travels_to_workers():
    again = pickle.loads(pickle.dumps(Policy.parse(SAMPLE)))
    assert again.rule("_posts/a.md") == Policy.parse(SAMPLE).rule("_posts/a.md")
    assert repr(again) == "<Policy 1 rules>"


# --- the schema ------------------------------------------------------------------------------------------------------
def loaded(data):
    """A policy as an editor's YAML reader has it (YAML 1.2 words), for the schema."""
    from ruamel.yaml import YAML

    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(data.decode().removeprefix("\ufeff")), default=str))


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("text", [row[1] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_the_schema_accepts_what_is_accepted(text):
    jsonschema.Draft202012Validator(SCHEMA).validate(loaded(policy(text)))


def refused_by_schema(text):
    from ruamel.yaml.error import YAMLError

    try:
        document = loaded(policy(text))
    except (YAMLError, UnicodeDecodeError):
        return True
    return not jsonschema.Draft202012Validator(SCHEMA).is_valid(document)


@pytest.mark.parametrize(("name", "text"), [row[:2] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_the_schema_refuses_what_is_refused_but_for_a_list(name, text):
    assert refused_by_schema(text) == (name not in BEYOND_THE_SCHEMA)


def test_the_list_names_only_what_there_is():
    assert {row[0] for row in REFUSED} >= BEYOND_THE_SCHEMA


def test_the_schema_names_the_same_things():
    field = SCHEMA["$defs"]["field"]["properties"]
    assert list(field) == list(policyfile._FIELD)
    assert list(SCHEMA["$defs"]["rule"]["properties"]) == list(policyfile._RULE)
    assert (field["payload"]["enum"], field["format"]["enum"]) == (list(demands.PAYLOADS), ["plain", "synthetic", "tagged"])
    assert SCHEMA["properties"]["records"]["maxItems"] == policyfile.MAX_RULES


# --- the page about it -----------------------------------------------------------------------------------------------
def test_the_policies_of_the_page_are_accepted():
    page = (Path(__file__).parents[1] / "docs" / "policy.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(blocks) >= 2
    for block in blocks:
        Policy.parse(block.encode())


# --- hostile policies ------------------------------------------------------------------------------------------------
PIECES = [
    *(
        b"version: 1\n",
        b"records:\n",
        b"  - ",
        b"include: ",
        b"exclude: ",
        b"fields:\n",
        b"      - path: ",
        b"        bind: ",
        b"keys: ",
        b"format: ",
    ),
    *(
        b"payload: ",
        b"required: ",
        b"tagged",
        b"true",
        b"secured",
        b'"*.md"',
        b'"**/*"',
        b"[",
        b"]",
        b"{",
        b"}",
        b", ",
        b": ",
        b"\n",
        b"  ",
        b"- ",
    ),
    *(
        b"&x ",
        b"*x",
        b"!!python/object/apply:os.system ",
        b"<<: ",
        b"'",
        b'"',
        b"|\n",
        b"\t",
        b"\xff",
        b"\xe2\x80\xa8",
        b"\x00",
        b"..",
        b"/",
        b"a[]",
        b"[0]",
    ),
]
ODD_PATHS = ["a.md", "_posts/a/b.md", "a/" * 2000 + "a", "a" * 4000, "é/" * 500 + "x.md", "*" * 50]


def survive(data):
    """Read it and ask it; only a SealkitError may escape."""
    refused = None
    try:
        found = Policy.parse(data)
    except ConfigError as error:
        refused = error
    if refused is not None:
        assert refused.hint
        assert refused.source is None or len(refused.source) <= 100
        assert refused.caret is None or 1 <= refused.caret <= len(refused.source) + 1
        return False
    for path in ODD_PATHS:
        try:
            found.rule(path)
        except SealkitError:
            pass
    return True


@given(st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join)))
def test_whatever_the_bytes_only_a_config_error_escapes(data):
    survive(data)


@given(st.text(alphabet="ab*?[]!^-:/.{}\\é \0", max_size=40), st.text(alphabet="ab/é", min_size=1, max_size=30))
def test_whatever_the_glob(glob, path):
    if survive(policy(f"include: [{json.dumps(glob)}]")):
        assert not glob.startswith("/")
        assert ".." not in glob.split("/")


def mutants(seed, amount):
    """``amount`` bytes of policies, each an accepted one changed at some places."""
    draw = random.Random(seed)
    seeds = [policy(row[1]) for row in ACCEPTED] + [SAMPLE, rules_of(rules=8, globs=4, fields=4)]
    done = 0
    while done < amount:
        data = bytearray(draw.choice(seeds))
        for _ in range(draw.randint(1, 6)):
            at = draw.randrange(len(data) + 1)
            match draw.randrange(4):
                case 0:
                    data[at:at] = draw.choice(PIECES)
                case 1:
                    del data[at : at + draw.randint(1, 12)]
                case 2:
                    data[at : at + 1] = bytes([draw.randrange(256)])
                case _:
                    other = draw.choice(seeds)
                    start = draw.randrange(len(other))
                    data[at:at] = other[start : start + draw.randint(1, 80)]
        done += len(data)
        yield bytes(data)


def run_mutants(seed, amount):
    accepted = [survive(data) for data in mutants(seed, amount)]
    assert True in accepted
    assert False in accepted


def test_mutated_policies():
    run_mutants(1, 60_000)


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", range(4))
def test_four_megabytes_of_mutated_policies(seed):
    run_mutants(100 + seed, 1_000_000)


def test_nothing_is_opened_or_run(monkeypatch):
    happened = []
    import sys

    watching = [True]

    def hook(event, arguments):
        if watching and event in {
            "open",
            "exec",
            "subprocess.Popen",
            "os.system",
            "os.exec",
            "os.fork",
            "socket.connect",
            "os.posix_spawn",
        }:
            happened.append((event, arguments))

    for data in mutants(2, 3_000):
        survive(data)  # what is imported late is imported now
    sys.addaudithook(hook)
    try:
        for data in mutants(2, 3_000):
            survive(data)
    finally:
        watching.clear()
    assert happened == []
