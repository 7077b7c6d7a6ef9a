"""``sealkit decrypt``: raw bytes, JSON lines, files, whole records."""

from __future__ import annotations

import json
import stat

import pytest

NAMES = ["article.md", "board.yml", "crlf.md", "interview.md"]
PAYLOADS = [
    b"plain",
    "Glasplatten — Gespräch\n".encode(),
    b"a\r\nb\r\n",
    b"no newline at the end",
    b"\n",
    b"",
    b"\ttab\n\n\n",
    b'{"a": [1, 2]}',
]
BINARY = [bytes(range(256)), b"\xff\xfe\0", b"\0" * 15, b"\x1b[31m"]


@pytest.mark.parametrize("payload", PAYLOADS, ids=repr)
def test_one_payload_comes_out_byte_for_byte(desk, payload):
    desk.record("x.md", desk.sealed(payload))
    ran = desk.run("decrypt", "--key-id", "k2", "x.md")
    assert (ran.status, ran.out) == (0, payload)
    assert ran.said == "sealkit: x.md:3  secured: unauthenticated: somebody without the key may have altered it\n"


@pytest.mark.parametrize("payload", BINARY, ids=repr)
def test_a_binary_payload_comes_out_byte_for_byte(desk, payload):
    desk.record("x.md", desk.sealed(payload))
    assert desk.run("decrypt", "--payload-kind", "binary", "--key-id", "k2", "x.md").out == payload
    closed = desk.run("decrypt", "x.md")
    assert closed.status == 1
    assert closed.out == b""


@pytest.mark.parametrize("name", NAMES)
def test_sample_records_open(desk, name):
    ran = desk.run("decrypt", f"records/{name}")
    assert ran.status == 0
    assert json.loads(ran.out)
    assert "unauthenticated" in ran.said
    assert ran.said.count("\n") == 1
    assert not desk.run("decrypt", "-q", f"records/{name}").said


def test_the_payload_holds_the_line_ends_it_was_sealed_with(desk):
    assert "Line one.\r\nLine two." in json.loads(desk.run("decrypt", "records/crlf.md").out)["body"]


def test_another_field(desk):
    assert desk.run("decrypt", "--field", "provider.secured", "records/nested.md").status == 0
    absent = desk.run("decrypt", "records/nested.md")
    assert absent.status == 1
    assert "no field 'secured'" in absent.err


@pytest.mark.parametrize("paths", [["records"], ["records/article.md", "records/board.yml"]])
def test_several_records_need_json_or_a_folder(desk, paths):
    ran = desk.run("decrypt", *paths)
    assert (ran.status, ran.out) == (2, b"")
    assert "--json" in ran.err
    assert "-o FOLDER" in ran.err


@pytest.mark.parametrize("more", [[], ["--record"], ["--record", "-o", "out"], ["--raw"], ["-q"]])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_folder_is_called_one_however_many_records_it_holds(desk, more, count):
    (desk.path / "some").mkdir()
    for number in range(count):
        desk.write(f"some/{number}.md", desk.read("records/article.md"))
    ran = desk.run("decrypt", "some", *more)
    assert (ran.status, ran.out) == (2, b""), ran
    assert "some: a folder, which may hold several records" in ran.err


def test_several_payloads_of_one_record_need_json(desk):
    ran = desk.run("decrypt", "records/feed.jsonl")
    assert (ran.status, ran.out) == (2, b"")
    assert "--json" in ran.err
    assert len(desk.run("decrypt", "--json", "records/feed.jsonl").lines) == 3


def test_json_lines(desk):
    ran = desk.run("decrypt", "--json", "records")
    assert ran.status == 0
    assert ran.summary == {"decrypted": 7, "absent": 1, "unauthenticated": 7}
    by_path = {(line["path"], line.get("line")): line for line in ran.lines}
    article = by_path["records/article.md", 36]
    assert article["status"] == "decrypted"
    assert article["code"] == "unauthenticated"
    assert article["key"] == "k2"
    assert article["ciphertext_bytes"] == 224
    assert json.loads(article["payload"])["id"] == "harbour-lights"
    assert by_path["records/interview.md", 4]["key"] == "k1"
    assert by_path["records/nested.md", 1]["status"] == "absent"
    assert [line["path"] for line in ran.lines] == sorted(line["path"] for line in ran.lines)


def test_json_of_what_is_not_utf_8_is_base64(desk):
    desk.record("x.md", desk.sealed(b"\xff\0"))
    (line,) = desk.run("decrypt", "--json", "--payload-kind", "binary", "--key-id", "k2", "x.md").lines
    assert line["payload_base64"] == "/wA="
    assert "payload" not in line


def test_to_a_new_file_for_its_owner_alone(desk):
    expected = desk.run("decrypt", "records/article.md").out
    ran = desk.run("decrypt", "records/article.md", "-o", "out.json")
    assert (ran.status, ran.out) == (0, b"")
    assert desk.read("out.json") == expected
    assert stat.S_IMODE((desk.path / "out.json").stat().st_mode) == 0o600


def test_a_file_is_never_overwritten(desk):
    desk.write("out.json", b"mine")
    ran = desk.run("decrypt", "records/article.md", "-o", "out.json")
    assert ran.status == 4
    assert desk.read("out.json") == b"mine"
    assert not [name for name in desk.files() if "sealkit-tmp" in name]


def test_several_records_to_a_folder(desk):
    expected = {
        line["path"]: line["payload"].encode() for line in desk.run("decrypt", "--json", "records").lines if "payload" in line
    }
    ran = desk.run("decrypt", "records", "-o", "out")
    assert ran.status == 0
    assert desk.read("out/article.md.secured") == expected["records/article.md"]
    assert sorted(name.removeprefix("out/") for name in desk.files("out")) == [
        "article.md.secured",
        "board.yml.secured",
        "crlf.md.secured",
        "feed.jsonl.1.secured",
        "feed.jsonl.2.secured",
        "feed.jsonl.3.secured",
        "interview.md.secured",
    ]
    assert {stat.S_IMODE((desk.path / name).stat().st_mode) for name in desk.files("out")} == {0o600}
    assert stat.S_IMODE((desk.path / "out").stat().st_mode) == 0o700
    again = desk.run("decrypt", "records", "-o", "out")
    assert again.status == 4
    assert again.err.count("not written over") == 7


def test_two_records_of_one_name_do_not_overwrite_each_other(desk):
    desk.write("a/x.md", desk.read("records/article.md"))
    desk.write("b/x.md", desk.read("records/crlf.md"))
    ran = desk.run("decrypt", "a/x.md", "b/x.md", "-o", "out")
    assert ran.status == 4
    assert b"harbour" in desk.read("out/x.md.secured")


@pytest.mark.parametrize(
    ("name", "field"),
    [(name, "secured") for name in NAMES] + [("nested.md", "provider.secured"), ("feed.jsonl", "secured")],
)
def test_a_whole_record_goes_there_and_back(desk, name, field):
    before = desk.run("decrypt", "--json", "--field", field, f"records/{name}").lines
    opened = desk.run("decrypt", "--record", "--field", field, f"records/{name}")
    assert opened.status == 0
    for line in before:
        text = json.dumps(line["payload"], ensure_ascii=False)[1:-1]
        assert text[:20].encode() in opened.out or line["payload"][:5].encode() in opened.out
    sealed = desk.run("seal", "-", "--as", name, "--field", field, stdin=opened.out)
    assert sealed.status == 0
    desk.write(name, sealed.out)
    after = desk.run("decrypt", "--json", "--field", field, name).lines
    assert [line["payload"] for line in after] == [line["payload"] for line in before]
    once_more = desk.run("decrypt", "--record", "--field", field, name)
    assert once_more.out == opened.out


def test_a_whole_record_to_a_file(desk):
    assert desk.run("decrypt", "--record", "records/crlf.md", "-o", "draft.md").status == 0
    assert b"Line one." in desk.read("draft.md")
    assert desk.read("draft.md").count(b"\r\n") == desk.read("records/crlf.md").count(b"\r\n")


@pytest.mark.parametrize("options", [["--record", "--json"], ["--record", "records/board.yml"]])
def test_a_whole_record_is_one_record_and_no_json(desk, options):
    ran = desk.run("decrypt", "records/article.md", *options)
    assert (ran.status, ran.out) == (2, b"")


def test_stdin(desk):
    ran = desk.run("decrypt", "-", stdin=desk.read("records/article.md"))
    assert (ran.status, ran.out) == (0, desk.run("decrypt", "records/article.md").out)
    assert desk.run("decrypt", "-", "--as", "x.yml", stdin=desk.read("records/board.yml")).status == 0


@pytest.mark.parametrize("args", [["-", "records"], ["records/article.md", "--as", "x.md"]])
def test_stdin_stands_alone(desk, args):
    assert desk.run("decrypt", *args).status == 2


def test_the_named_key_and_no_other(desk):
    assert desk.run("decrypt", "--key-id", "k1", "records/interview.md").status == 0
    wrong = desk.run("decrypt", "--key-id", "k1", "records/article.md")
    assert (wrong.status, wrong.out) == (1, b"")
    assert desk.run("decrypt", "--key-id", "k0", "records/article.md").status == 1
    assert "disabled" in desk.run("decrypt", "--key-id", "k0", "records/article.md").err
    assert desk.run("decrypt", "--key-id", "k9", "records/article.md").status == 3


def test_one_block_under_two_keys(desk):
    """All of them are tried, and exactly one fits."""
    desk.record("x.md", desk.sealed(b"short"))
    ran = desk.run("decrypt", "x.md")
    assert (ran.status, ran.out) == (0, b"short")
    assert desk.run("decrypt", "--key-id", "k2", "x.md").out == b"short"


def test_a_payload_of_the_wrong_kind(desk):
    desk.record("x.md", desk.sealed(b"no JSON, but two blocks of text"))
    assert desk.run("decrypt", "--payload-kind", "json", "x.md").status == 1
    ran = desk.run("decrypt", "--payload-kind", "binary", "x.md")  # any key may open it, and nothing tells which
    assert (ran.status, ran.out, "--key-id" in ran.err) == (1, b"", True)
    assert desk.run("decrypt", "--payload-kind", "text", "x.md").status == 0


def test_three_parts_are_never_opened_unchecked(desk):
    desk.record("x.md", desk.sealed(b"x" * 40) + ";" + "A" * 56)
    ran = desk.run("decrypt", "--json", "x.md")
    assert ran.status == 1
    assert ran.lines[0]["code"] == "unsupported_version"


def test_a_report_holds_no_payload(desk):
    for options in (["--json"], []):
        ran = desk.run("decrypt", "records/article.md", *options, "--report", "report.jsonl")
        assert b"harbour" in ran.out
        report = desk.read("report.jsonl")
        assert json.loads(report.splitlines()[0])["status"] == "decrypted"
        assert json.loads(report.splitlines()[-1]) == {"summary": {"decrypted": 1, "unauthenticated": 1}}
        assert b"harbour master" not in report
        assert b"payload" not in report
    assert stat.S_IMODE((desk.path / "report.jsonl").stat().st_mode) == 0o600
