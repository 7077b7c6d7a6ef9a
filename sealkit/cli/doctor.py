"""``sealkit doctor``: whether this machine, this ring and this folder are fit for keys and payloads."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from sealkit.cli import options, show
from sealkit.errors import SealkitError
from sealkit.health import BAD, OK, WARNING, Finding
from sealkit.report import json_line
from sealkit.wording import plural, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealkit.keys.checkup import Seen

_FINDING = 1
_MARKS = {OK: "ok   ", WARNING: "warn ", BAD: "BAD  "}
_ROOM_OF_EXTRA = {"aws-kms": "aws"}


@click.command()
@options.ring_file
@click.option("--all", "everything", is_flag=True, help="Try sources too that ask somebody, run a program or take long.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each thing, the summary last.")
@click.argument("folder", default=".", metavar="[FOLDER]", shell_complete=options.files)
def doctor(file: str | None, everything: bool, as_json: bool, folder: str) -> int:
    """Say where the key ring is, whether each key can be had, and what of this machine and FOLDER endangers keys and payloads.

    Permissions, swap, umask, what is installed, git's settings, what killed processes left behind. Exit 1 if anything is bad; warnings are
    for you to weigh. No key is shown, and nothing is changed.

    \b
    Example:
      sealkit doctor
      sealkit doctor --all --json posts/
    """
    counts = {OK: 0, WARNING: 0, BAD: 0}
    for finding in _findings(file, folder, everything=everything):
        counts[finding.status] += 1
        if as_json:
            known = {name: value for name, value in finding._asdict().items() if value is not None}
            show.json_lines(json_line(known))
            continue
        show.out(f"{_MARKS[finding.status]}{finding.check}: {finding.text}")
        if finding.hint is not None and finding.status != OK:
            show.hint(finding.hint)
    if as_json:
        show.json_lines(json_line({"summary": counts}))
    else:
        show.note(f"{counts[OK]} in order, {counts[WARNING]} to weigh, {counts[BAD]} bad")
    return _FINDING if counts[BAD] else 0


def _findings(file: str | None, folder: str, *, everything: bool) -> Iterator[Finding]:
    from sealkit import health

    yield from health.process()
    yield from _ring(file, everything=everything)
    yield from health.swap()
    yield from health.installed()
    yield from _git(folder)
    yield from _tree(folder)
    yield from _left_behind(file)


# --- the ring --------------------------------------------------------------------------------------------------------
def _ring(file: str | None, *, everything: bool) -> Iterator[Finding]:
    from sealkit.keys.ring import NO_FILE_HINT, RING_VARIABLE, SECRET_VARIABLE

    path = options.ring_path(file)
    how = "--keys" if file else f"${RING_VARIABLE}" if os.environ.get(RING_VARIABLE) else "the user's own"
    if file or os.environ.get(RING_VARIABLE) or os.path.lexists(path):
        yield Finding("ring", OK, f"{path} ({how})")
        yield from _ring_file(path, everything=everything)
    elif os.environ.get(SECRET_VARIABLE):
        yield Finding("ring", OK, f"one key, from ${SECRET_VARIABLE}")
        yield from _one_key()
    else:
        hint = f"{NO_FILE_HINT}; inspect and check need none"
        yield Finding("ring", WARNING, f"none: neither --keys, ${RING_VARIABLE}, {path} nor ${SECRET_VARIABLE}", hint)


def _one_key() -> Iterator[Finding]:
    from sealkit.keys.ring import KeyRing

    try:
        with KeyRing.find() as ring:
            yield Finding("key", OK, f"env  kid {ring.primary.kid}")
    except SealkitError as error:
        yield Finding("key", BAD, error.problem, error.hint)


def _ring_file(path: str, *, everything: bool) -> Iterator[Finding]:
    from sealkit.cli.ask import ask
    from sealkit.keys import checkup, files
    from sealkit.keys.access import Access

    try:
        checked = checkup.check(path, os.environ, ask=ask, costly=everything)
    except SealkitError as error:
        place = "" if error.line is None else f"line {int(error.line)}: "
        yield Finding("ring", BAD, f"{place}{error.problem}", error.hint)
        return
    holds = any(source.literal for one in checked.keys for source in (one.key.source, one.key.mac) if source is not None)
    if checked.mode & 0o077 and holds:
        yield Finding("ring", WARNING, f"mode {checked.mode:04o}: others may use it", f"chmod 600 {path}")
    else:
        yield Finding("ring", OK, f"mode {checked.mode:04o}{'' if holds else ', without key bytes in it'}")
    access = Access(os.environ)
    published = files.published(path, access) if holds else None
    if published is not None:
        yield Finding(
            "ring", BAD, f"key bytes stand in it, and it is {published}", "move it, or move the keys out of it: docs/keys.md"
        )
    for warning in dict.fromkeys([*checked.warnings, *access.warnings]):
        yield Finding("ring", WARNING, warning)
    for one in checked.keys:
        yield _key(one)


def _key(one: Seen) -> Finding:
    from sealkit.health import extras
    from sealkit.installing import how_to_install

    key = one.key
    name = f"{key.id}  {one.kind}  {key.state}"
    if not one.tried:
        extra = _ROOM_OF_EXTRA.get(one.kind, one.kind)
        if extra in extras() and not _is_installed(extra):
            return Finding("key", BAD, f"{name}  needs packages that are missing", how_to_install(extra))
        return Finding("key", OK, f"{name}  not tried: it may ask, run something or take long (--all)")
    if one.problem is not None:
        return Finding("key", BAD if key.may_open else OK, one.problem if key.may_open else f"{name}  {one.problem}", one.hint)
    return Finding("key", OK, f"{name}  kid {one.kid}")


def _is_installed(extra: str) -> bool:
    from importlib import metadata

    from sealkit.health import extras

    try:
        return all(metadata.version(name) for name in extras()[extra])
    except metadata.PackageNotFoundError:
        return False


# --- the folder ------------------------------------------------------------------------------------------------------
def _git(folder: str) -> Iterator[Finding]:
    from sealkit.cli.git import installation
    from sealkit.git.program import GitFailedError, git, top_of

    try:
        version = os.fsdecode(git(None, "version")).strip().removeprefix("git version ")
    except GitFailedError as failed:
        yield Finding("git", WARNING, f"not to be had: {failed}", "--since, --staged, --git and --bless need it")
        return
    yield Finding("git", OK, version)
    if top_of(folder) is None:
        return
    try:
        found = list(installation(folder).examine())
    except SealkitError as error:
        yield Finding("git", WARNING, error.problem, error.hint)
        return
    is_set_up = any(one.is_good for one in found if one.text.startswith((".gitattributes", "diff.", "merge.")))
    if not is_set_up:
        yield Finding("git", OK, "records are not diffed, merged and checked by sealkit here", "sealkit git install")
    for one in found:
        if is_set_up or (not one.is_good and "plaintext" in one.text):
            yield Finding("git", OK if one.is_good else BAD, one.text, one.hint)


def _tree(folder: str) -> Iterator[Finding]:
    from sealkit.trees.demanded import policy_of
    from sealkit.trees.journals import look
    from sealkit.trees.roots import root_of

    try:
        root = root_of(folder)
        if root is None:
            return
        policy = policy_of(root)
        if policy is not None:
            yield Finding("policy", OK, f"{root}: {plural(len(policy.rules), 'rule')}")
        told = look(root, ())
    except SealkitError as error:
        yield Finding("policy", BAD, f"{error.path or folder}: {error.problem}", error.hint)
        return
    for state in told.unproved:
        if state.ended is None:  # what the keys say to that, rotate --status asks
            tree = quoted(root)
            hint = f"run the same command again, or: sealkit rotate --rollback {tree}; whether that is so, says: sealkit rotate --status {tree}"
            yield Finding(
                "rotation", WARNING, f"to {state.header.to}, begun at {state.started}, is not finished, says {state.path}", hint
            )
    for doubt in told.foreign:
        yield Finding("rotation", WARNING, f"{doubt.path} {doubt.problem}", doubt.hint)


def _left_behind(file: str | None) -> Iterator[Finding]:
    from sealkit.desk.scratch import left
    from sealkit.keys.ringstore import left_beside

    for path in left():  # every start of sealkit sweeps these: what is still there could not be removed
        text = f"{path}: left by a process that was killed, and not to be removed; it may hold payloads"
        yield Finding("scratch", BAD, text, "remove it by hand")
    for path in left_beside(options.ring_path(file)):
        yield Finding(
            "scratch",
            BAD,
            f"{path}: left by a process that was killed; it holds a ring",
            "sealkit's next change of the ring removes it",
        )
