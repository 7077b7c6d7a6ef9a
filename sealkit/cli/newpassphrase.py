"""A key made from a passphrase: typed twice, or offered; or taken from a variable or a program."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from sealkit.cli import ask, show
from sealkit.errors import NoUsableKey, Usage

if TYPE_CHECKING:
    from typing import Unpack

    from sealkit.cli.keygen import Derived
    from sealkit.keys.ringstore import Attributes


def add_derived(path: str, key_id: str, wanted: Derived, *, bits: int, **attributes: Unpack[Attributes]) -> None:
    """Derive a key and add it to the ring, which is made if it is not there. Raises ``Usage``, ``NoUsableKey`` and ``ConfigError``."""
    from sealkit.keys import passphrase, ringstore
    from sealkit.keys.access import Access
    from sealkit.keys.encodings import encoded
    from sealkit.keys.key import check_id
    from sealkit.wiping import wipe

    if wanted.prompt + (wanted.env is not None) + (wanted.command is not None) > 1:
        raise Usage(
            problem="more than one place to take the passphrase from",
            hint="one of --passphrase, --passphrase-env, --passphrase-command",
        )
    check_id(key_id)
    label = f"key {key_id}"
    where, text = _from_somebody(label) if wanted.prompt else from_elsewhere(wanted.env, wanted.command)
    recipe = passphrase.new_recipe(wanted.kdf, hard=wanted.hard, size=bits // 8)
    content = passphrase.composed(text if isinstance(text, bytearray) else encoded(text, label), label)
    try:
        secret = passphrase.derived(recipe, content, Access(os.environ))
    finally:
        wipe(content)
    source = passphrase.source_of(recipe, where, passphrase.check_of(secret))
    wipe(secret)
    ringstore.add_source(path, key_id, source, ask=ask.ask, **attributes)


def _from_somebody(label: str) -> tuple[str, str]:
    """Return what was typed twice, or the passphrase that was offered and taken by typing nothing; it is shown on the terminal alone."""
    from sealkit.keys.strength import check_strength, new_passphrase

    typed = ask.typed(f"new passphrase of {label} (nothing: one is made)")
    if typed:
        check_strength(typed)
        if ask.typed("the same again") != typed:
            raise NoUsableKey(problem=f"{label}: two different passphrases", hint="type the same one twice")
    else:
        typed = new_passphrase()
        ask.shown(f"passphrase of {label}:\n\n    {typed}\n\nIt is kept nowhere: write it down before you go on.")
    ask.remember(f"passphrase of {label}", typed)
    return "prompt", typed


def from_elsewhere(env: str | None, command: str | None) -> tuple[str, bytearray]:
    """Return a passphrase that a variable holds or a program prints, and where it comes from as a ring has it. Raises ``NoUsableKey``."""
    from sealkit.cli.keyoptions import arguments_of
    from sealkit.keys.access import Access, take_variable
    from sealkit.keys.command import SECONDS, Program, output_of
    from sealkit.keys.encodings import encoded
    from sealkit.keys.given import is_variable_name

    if env is not None:
        if not is_variable_name(env):
            raise Usage(problem="--passphrase-env takes the name of a variable", hint="the name, not its value")
        value = take_variable(env, os.environ)
        if value is None:
            raise NoUsableKey(problem=f"--passphrase-env: {env!r} is not set", hint="set it to the passphrase")
        return f"{{env: {env}}}", encoded(value, "--passphrase-env")
    access = Access(os.environ)
    arguments = arguments_of(command or "", "--passphrase-command")
    printed = output_of(Program(arguments, "", SECONDS, frozenset()), "--passphrase-command", access)
    for warning in access.warnings:
        show.warning(warning)
    return f"{{command: {json.dumps(arguments, ensure_ascii=False)}}}", printed
