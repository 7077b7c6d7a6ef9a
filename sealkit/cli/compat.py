"""``sealkit compat``: samples of each format, and how other programs open them."""

from __future__ import annotations

import click

from sealkit.cli import show


@click.command()
def compat() -> int:
    """Print a blob of each format under a throw-away key, and one-liners of other programs that open the two-part form.

    Try them in the programs that read your records: they take the first two parts, and check no tag.

    \b
    Example:
      sealkit compat
    """
    from sealkit import compat

    made = compat.samples()
    show.out(f"payload    {compat.PAYLOAD}")
    show.out(f"key        {made.key}  (AES-256, in hex; made for this, and of no other use)")
    for form, blob in made.blobs.items():
        show.out(f"{form:10} {blob}")
    for recipe in compat.RECIPES:
        note = "" if recipe.is_tested else "  (written after its documentation, not tested)"
        show.page(f"\n--- {recipe.name}{note}\n{recipe.filled(made.blobs['tagged'], made.key)}")
    return 0
