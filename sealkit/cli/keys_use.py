"""``sealkit keys identify``: which keys records are under, and which key is which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sealkit.cli import options, run, show
from sealkit.cli.keys_given import Given, given_key
from sealkit.cli.options import Keys, Output, Where
from sealkit.errors import Usage
from sealkit.trees import orders
from sealkit.trees.batch import Done, Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealkit.trees.batch import Piece

_CLOSED = ("cannot_decrypt", "unknown_key", "ambiguous_key")


@click.command()
@options.maybe_where
@options.fields
@options.keys
@given_key
@options.output
@click.pass_obj
def identify(ring_file: str | None, where: Where, fields: tuple[str, ...], keys: Keys, given: Given, output: Output) -> int:
    """Say which key of the ring each record is under, or none, with counts; without PATH, show the kids of keys.

    A kid tells nothing of its key but whether it is the same: read it out on the phone. It is shown of the keys of the ring (--key-id: of
    one), or of a key that is not in the ring (--from-file, --from-env, --from-stdin).

    \b
    Example:
      sealkit keys identify posts/
      sealkit keys identify --key-id k2
      sealkit keys identify --from-file k3.key --encoding hex
    """
    if given.is_given:
        if where.paths:
            raise Usage(problem="a key is shown by its kid, or records are looked at: not both", hint="leave the PATH out")
        return _kid_of(given)
    ring = options.load_ring(keys.ring if keys.ring.is_given else keys.ring._replace(file=ring_file), reads_stdin=where.is_stdin)
    if not where.paths:
        for key in (ring.get(keys.key_id),) if keys.key_id is not None else ring:
            show.out(f"{key.id}  kid {_spelt(key.kid)}" if key.kid else f"{key.id}  its bytes cannot be had")
        return 0
    task = run.task(orders.OPEN, where, keys.asked(fields), opener=keys.sealer(ring))
    counting = _Counting(run.Maker(output, run.lines(lambda outcome: f"{outcome.key}  {outcome.place}  {outcome.field}")))
    status = run.records(task, where, output, Mode(workers=1, fail_fast=output.fail_fast), counting)
    for name, count in sorted(counting.counts.items()):
        show.note(f"{count} under {name}")
    return status


def _kid_of(given: Given) -> int:
    from sealkit.keys.key import Key
    from sealkit.keys.process import protect_process
    from sealkit.wiping import wipe

    protect_process()
    secret = given.read()
    try:
        key = Key("key", secret)
        show.out(f"{key.bits} bits  kid {_spelt(key.kid)}")
        key.close()
    finally:
        wipe(secret)
    return 0


def _spelt(kid: str) -> str:
    """Return a kid in groups of four, as one reads it out."""
    return " ".join(kid[at : at + 4] for at in range(0, len(kid), 4))


class _Counting:
    """Makes what is printed, and counts fields by the key they are under."""

    def __init__(self, maker: run.Maker) -> None:
        self._maker = maker
        self.tells_absent = maker.tells_absent
        self.counts: dict[str, int] = {}

    def __call__(self, some: Sequence[Done]) -> Piece:
        for done in some:
            for outcome in done.outcomes:
                name = (
                    f"key {outcome.key}" if outcome.key is not None else "no key of the ring" if outcome.code in _CLOSED else None
                )
                if name is not None:
                    self.counts[name] = self.counts.get(name, 0) + 1
        return self._maker(some)
