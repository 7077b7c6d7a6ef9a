"""Groups of verbs: what they list, and what they say when no verb is named; the same under every version of click that is allowed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import click

from sealkit.cli import show
from sealkit.errors import Usage


class Group(click.Group, ABC):
    """A command with verbs below it, which subclasses name, so that they need not be imported to be listed."""

    def __init__(self, *args: Any, **more: Any) -> None:
        # click's own help for a missing verb is an exit with 0 in one version, and an error with the page as its message in another.
        # How it writes a verb that may be left out differs, too.
        super().__init__(*args, **more)
        self.no_args_is_help = False
        self.subcommand_metavar = "[VERB [ARGS]...]" if self.invoke_without_command else "VERB [ARGS]..."

    @abstractmethod
    def verbs(self) -> dict[str, str]:
        """Return what --help lists: each verb and what it does, in a few words."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in their order."""
        return list(self.verbs())

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(self.verbs().items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb that was asked for; raises ``Usage``."""
        name = args[0]
        if self.get_command(ctx, name) is None and not ctx.resilient_parsing:
            from difflib import get_close_matches

            like = get_close_matches(name, self.verbs(), n=2)
            meant = f"did you mean {' or '.join(like)}? " if like else ""
            raise Usage(problem=f"no such verb: {name}", hint=f"{meant}see {ctx.command_path} --help")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; where click does not say which one an error is about, say so."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if error.ctx is None and ctx.invoked_subcommand is not None:
                error.ctx = click.Context(self, info_name=ctx.invoked_subcommand, parent=ctx)
            raise

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Print the help on stderr where nothing at all was asked for: that is a mistake in a script, and a question of a newcomer."""
        if not args and not self.invoke_without_command and not ctx.resilient_parsing:
            show.page(ctx.get_help(), to_stderr=True)
            ctx.exit(Usage.exit_status)
        return super().parse_args(ctx, args)
