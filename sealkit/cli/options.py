"""The options that several verbs share; they stand after the verb and mean the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import click

from sealkit.errors import NothingMatched, NoUsableKey, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.shell_completion import CompletionItem

    from sealkit.demands import Asked
    from sealkit.keys.ring import KeyRing
    from sealkit.sealer import Sealer

F = TypeVar("F", bound="Callable[..., Any]")
REQUIRE_AUTHENTIC = "SEALKIT_REQUIRE_AUTHENTIC"


class Where(NamedTuple):
    """Which records: what was named, and what to take below the folders among it."""

    paths: tuple[str, ...]
    as_name: str | None
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    since: str | None
    gitignore: bool
    hidden: bool
    cross_mounts: bool

    @property
    def is_stdin(self) -> bool:
        """Whether the record comes from stdin."""
        return self.paths == ("-",)

    def filters(self) -> dict[str, object]:
        """Return what is taken below the folders, as plain values."""
        return {
            "include": list(self.include),
            "exclude": list(self.exclude),
            "since": self.since,
            "gitignore": self.gitignore,
            "hidden": self.hidden,
            "cross_mounts": self.cross_mounts,
        }


class Ring(NamedTuple):
    """Where keys come from: a ring file, or one key from a file, a variable, a descriptor or a program; nothing for what is found."""

    file: str | None
    key_file: str | None
    key_env: str | None
    key_fd: str | None
    key_stdin: bool
    key_command: str | None
    key_encoding: str | None
    unsafe_key_files: bool
    age_identity: str | None

    @property
    def is_given(self) -> bool:
        """Whether anything was said of it."""
        return any(self)


_NO_KEY = Ring(None, None, None, None, False, None, None, False, None)


class Keys(NamedTuple):
    """Which keys: the ring, the one key of it to use, what payloads are, what blobs are bound to, and whether others will do."""

    ring: Ring
    key_id: str | None
    payload_kind: str | None
    bind: str | None
    require_authentic: bool

    def asked(self, fields: tuple[str, ...]) -> Asked:
        """Return what was said of the fields; what was not is left to the policy. Raises ``Usage``."""
        from sealkit.demands import Asked
        from sealkit.records.identity import parse_bind

        return Asked(fields or None, self.payload_kind, parse_bind(self.bind), self.bind is not None)

    def sealer(self, ring: KeyRing, key_id: str | None = None, **more: Any) -> Sealer:
        """Return what opens and seals under a ring, with the key that was named, or ``key_id``."""
        from sealkit.sealer import Sealer

        named = key_id if key_id is not None else self.key_id
        kind = self.payload_kind if self.payload_kind is not None else "text"
        return Sealer(ring, key_id=named, payload=kind, require_authentic=self.require_authentic, **more)


class Output(NamedTuple):
    """What is printed (JSON lines or text, a copy of the JSON lines in a file), by how many processes, and whether to go on."""

    json: bool
    quiet: bool
    progress: bool
    report: str | None
    workers: int | None
    fail_fast: bool


def group(kind: Callable[..., Any], name: str, options: dict[str, Callable[[F], F]]) -> Callable[[F], F]:
    """Return a decorator that adds options to a verb and hands them to it as one object."""

    def decorate(function: F) -> F:
        import functools

        @functools.wraps(function)
        def wrapper(**given: Any) -> Any:
            given[name] = kind(**{option: given.pop(option) for option in options})
            return function(**given)

        decorated = cast("F", wrapper)
        for option in reversed(options.values()):
            decorated = option(decorated)
        return decorated

    return decorate


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete the names of files."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def where(function: F) -> F:
    """Add PATH... and what filters records below folders."""
    return _add_where(function, required=True)


def maybe_where(function: F) -> F:
    """Add [PATH]... and what filters records below folders."""
    return _add_where(function, required=False)


def _add_where(function: F, *, required: bool) -> F:
    return group(
        _where,
        "where",
        {
            "paths": click.argument(
                "paths", nargs=-1, required=required, metavar="PATH..." if required else "[PATH]...", shell_complete=files
            ),
            "as_name": click.option(
                "--as", "as_name", metavar="NAME", help="What stdin (-) is, as if it were a file of that name."
            ),
            "include": click.option("--include", multiple=True, metavar="GLOB", help="Below folders, only records that match."),
            "exclude": click.option("--exclude", multiple=True, metavar="GLOB", help="Below folders, no records that match."),
            "since": click.option("--since", metavar="REV", help="Only files changed in git since REV."),
            "gitignore": click.option("--gitignore/--no-gitignore", default=True, help="Pass over what git ignores (the default)."),
            "hidden": click.option("--hidden", is_flag=True, help="Names that begin with a dot too."),
            "cross_mounts": click.option("--cross-mounts", is_flag=True, help="Other file systems below the folders too."),
        },
    )(function)


def _where(**given: Any) -> Where:
    paths = given["paths"]
    if "-" in paths and len(paths) > 1:
        raise Usage(problem="stdin (-) cannot be combined with other paths")
    if given["as_name"] is not None and paths != ("-",):
        raise Usage(problem="--as goes with stdin (-): a file's own name says what it is")
    if any(not path for path in paths):
        raise NothingMatched(problem="an empty path", hint="a variable in the command line may be empty")
    return Where(**given)


def keys(function: F) -> F:
    """Add the ring, the key to use, and the kind of payload."""
    return group(
        Keys,
        "keys",
        {
            "ring": ring,
            "key_id": click.option("--key-id", metavar="ID", help="Use this key of the ring and no other."),
            "payload_kind": click.option(
                "--payload-kind",
                type=click.Choice(["text", "json", "binary"]),
                help="What payloads are (the policy's word, else text); a wrong key is told by it.",
            ),
            "bind": click.option(
                "--bind",
                metavar="WHAT",
                help="What authentic blobs are bound to: none, path (the file's, below the tree's root), or fields: sourceUrl,id.",
            ),
            "require_authentic": require_authentic,
        },
    )(function)


def require_authentic(function: F) -> F:
    """Add --require-authentic."""
    return click.option(
        "--require-authentic",
        is_flag=True,
        envvar=REQUIRE_AUTHENTIC,
        help="Open nothing that may have been altered; also $SEALKIT_REQUIRE_AUTHENTIC.",
    )(function)


def demands_authentic() -> bool:
    """Say whether the environment demands it, for what git calls: a word that is none of a switch's is taken for yes, never for an error."""
    import os

    return os.environ.get(REQUIRE_AUTHENTIC, "").strip().lower() not in ("", "0", "false", "f", "no", "n", "off")


def ring_file(function: F) -> F:
    """Add --keys alone."""
    return click.option(
        "--keys",
        "file",
        metavar="FILE",
        shell_complete=files,
        help="The key ring; otherwise $SEALKIT_KEYS, ~/.config/sealkit/keys.yaml, $SEALKIT_SECRET.",
    )(function)


def age_identity(function: F) -> F:
    """Add --age-identity."""
    return click.option(
        "--age-identity",
        metavar="FILE",
        shell_complete=files,
        help="The age identity or SSH key that opens the ring's age keys; else $SEALKIT_AGE_IDENTITY, ~/.config/sealkit/age.txt, ~/.ssh.",
    )(function)


def use_identity(path: str | None) -> None:
    """Make a file the one that age identities are taken from, in this process."""
    import os

    if path is not None:
        os.environ["SEALKIT_AGE_IDENTITY"] = path


def ring(function: F) -> F:
    """Add --keys, and what stands in for a ring: one key from elsewhere."""
    return group(
        Ring,
        "ring",
        {
            "file": ring_file,
            "key_file": click.option(
                "--key-file", metavar="FILE", shell_complete=files, help="No ring: the one key in FILE, see --key-encoding."
            ),
            "key_env": click.option("--key-env", metavar="NAME", help="No ring: the one key in the variable NAME."),
            "key_fd": click.option("--key-fd", metavar="N", help="No ring: the one key that the open descriptor N gives."),
            "key_stdin": click.option("--key-stdin", is_flag=True, help="No ring: the one key that stdin gives."),
            "key_command": click.option(
                "--key-command", metavar="COMMAND", help="No ring: the one key that a program prints; no shell runs it."
            ),
            "key_encoding": click.option(
                "--key-encoding",
                metavar="hex|base64|utf8|raw",
                help="How that key is written; without it, it begins with hex: or base64:.",
            ),
            "unsafe_key_files": click.option(
                "--unsafe-key-files", is_flag=True, help="Take key files that others can read, or that lie in a tree."
            ),
            "age_identity": age_identity,
        },
    )(function)


def output(function: F) -> F:
    """Add --json and what is printed besides."""
    return group(
        Output,
        "output",
        {
            "json": click.option("--json", is_flag=True, help="One JSON object a line for each field, the summary last."),
            "quiet": click.option("-q", "--quiet", is_flag=True, help="Only findings and errors on stderr."),
            "progress": click.option("--progress/--no-progress", default=True, help="Progress on a terminal (the default)."),
            "report": click.option(
                "--report", metavar="FILE", shell_complete=files, help="Write the JSON lines, without payloads, to FILE too."
            ),
            "workers": click.option(
                "--workers",
                type=click.IntRange(1, 256),
                metavar="N",
                help="Processes; as many as there are usable CPUs if not given.",
            ),
            "fail_fast": click.option("--fail-fast", is_flag=True, help="Stop at the first file with a finding."),
        },
    )(function)


def form(function: F) -> F:
    """Add --format."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["plain", "tagged", "synthetic"]),
        help="Seal in this format, whatever the key's own. plain is what nobody can check.",
    )(function)


def seal_foreign(function: F) -> F:
    """Add --seal-foreign."""
    return click.option(
        "--seal-foreign", is_flag=True, help="Seal what is another program's ciphertext, too, as it is; otherwise a finding."
    )(function)


def field_paths(_context: click.Context, _option: click.Parameter, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return field paths in their one spelling, before anything is done. Raises ``BadFieldPath``."""
    from sealkit.records import fieldpath

    return tuple(fieldpath.join(fieldpath.parse(path)) for path in paths)


def fields(function: F) -> F:
    """Add --field."""
    return click.option(
        "--field",
        "fields",
        multiple=True,
        metavar="PATH",
        callback=field_paths,
        help='The field (the policy\'s, else secured): a.b, a[].b, a[0].b, "a.b".c (a key with a dot). May be repeated.',
    )(function)


def ring_path(file: str | None) -> str:
    """Return where the ring is that is to be read or changed: as was said, else where it would be looked for.

    Core dumps are off from here on, before anything of it is read.
    """
    import os

    from sealkit.keys.process import protect_process
    from sealkit.keys.remembered import for_the_whole_run
    from sealkit.keys.ring import RING_VARIABLE, user_ring

    protect_process()
    for_the_whole_run()
    return file or os.environ.get(RING_VARIABLE) or user_ring(os.environ)


def load_ring(ring: Ring | str | None, *, seals: bool = False, reads_stdin: bool = False) -> KeyRing:
    """Return the ring that was asked for, with its warnings shown; core dumps are off before a key is read.

    That a ring holds public example keys matters to verbs that seal, and only they say it. ``reads_stdin``: the record comes from there.
    """
    from sealkit.cli import show
    from sealkit.cli.keyoptions import loaded
    from sealkit.keys.process import protect_process
    from sealkit.keys.remembered import for_the_whole_run
    from sealkit.keys.ring import EXAMPLE_WARNING, NO_FILE_HINT, NO_RING_HINT

    protect_process()
    for_the_whole_run()
    use_identity(ring.age_identity if isinstance(ring, Ring) else None)
    asked = ring if isinstance(ring, Ring) else _NO_KEY._replace(file=ring)
    try:
        keys = loaded(asked, reads_stdin=reads_stdin)
    except NoUsableKey as error:
        if error.hint == NO_RING_HINT and not isinstance(ring, Ring):  # the verb has no --key-env
            error.hint = NO_FILE_HINT
        raise
    for text in keys.warnings:
        if seals or text != EXAMPLE_WARNING:
            show.warning(text)
    return keys
