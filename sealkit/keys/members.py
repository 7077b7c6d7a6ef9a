"""What the keys of a ring must be together: their ids, and which of them seals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sealkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Member(Protocol):
    """What has an id and a state: a key, or its declaration in a ring file."""

    @property
    def id(self) -> str:
        """Its name in the ring."""
        ...

    @property
    def state(self) -> str:
        """One of ``STATES``."""
        ...

    @property
    def may_seal(self) -> bool:
        """Whether its state lets it seal."""
        ...

    @property
    def is_verify_only(self) -> bool:
        """Whether it can only check tags."""
        ...


def check_members(members: Sequence[Member], primary: str | None, *, line: int | None = None) -> None:
    """Raise ``ConfigError`` unless ids are unique and the primary is one of the enabled that seal; ``line`` is where it is named.

    Only a ring of verify-only keys has no primary.
    """
    if not members:
        raise ConfigError(
            problem="a key ring without keys",
            hint="remove the file, and make it with: sealkit keys add (a key that you have) or sealkit keygen",
            line=line,
        )
    by_id: dict[str, Member] = {}
    for member in members:
        if member.id in by_id:
            where = getattr(member, "line", None)  # keys have none, declarations have
            raise ConfigError(problem=f"two keys with the id {member.id}", hint="give each key its own id", line=where)
        by_id[member.id] = member
    if primary is None:
        if all(member.is_verify_only for member in members):
            return
        raise ConfigError(problem="no primary", hint="say which key seals: primary: ID")
    if primary not in by_id:
        hint = "primary is the id of one of: " + ", ".join(by_id)
        raise ConfigError(problem="the primary is none of the keys of the ring", hint=hint, line=line)
    if by_id[primary].is_verify_only:
        raise ConfigError(problem=f"the primary {primary} is verify-only and cannot seal", hint="leave primary out", line=line)
    if not by_id[primary].may_seal:
        hint = "make an enabled key the primary, or enable this one"
        raise ConfigError(problem=f"the primary {primary} is {by_id[primary].state}", hint=hint, line=line)
