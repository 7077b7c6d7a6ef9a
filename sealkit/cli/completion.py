"""``sealkit completion``: the script that makes a shell complete verbs, options and paths."""

from __future__ import annotations

import click

from sealkit.cli import show


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print the completion script for a shell.

    \b
    Example:
      sealkit completion bash > ~/.local/share/bash-completion/completions/sealkit
      sealkit completion zsh > ~/.zfunc/_sealkit        # with fpath+=~/.zfunc before compinit
      sealkit completion fish > ~/.config/fish/completions/sealkit.fish
    """
    from click.shell_completion import get_completion_class

    from sealkit.cli.program import sealkit

    kind = get_completion_class(shell)
    if kind is not None:
        show.raw(kind(sealkit, {}, "sealkit", "_SEALKIT_COMPLETE").source().encode())
    return 0
