"""What a sealer says when it refuses: each sentence once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealkit.errors import AmbiguousKey, Downgraded, ForeignCiphertext, NotEncrypted

if TYPE_CHECKING:
    from sealkit.foreign import Program
    from sealkit.unsealed import Opening

UPGRADE_HINT = (
    "give it a tag first: sealkit rotate --format tagged --bless HEAD{FIELD} {FILE}, after having made sure that it is good"
)
VOUCH_HINT = "somebody without the key may have made or altered it; if you know that it is good, say so with --vouch"
TAMPERED = (
    "the tag does not fit: the blob was altered, or belongs to another field",
    "the tag does not fit: the blob was altered, or belongs to another file or field",
    "the tag does not fit: the blob was altered, belongs to another record or field, or a bound field was edited",
)


def unproved(opening: Opening) -> Downgraded:
    """Return the refusal of a blob of two parts that is not authentic, where that is wanted: by the policy, by the run, by all keys.

    It says who wants it, and nothing of the blob: not which key, not whether anything came out.
    """
    if opening.least != "plain":
        form = opening.least
        problem = f"the policy demands the format {form} here, or a stronger one, and this blob is not proved to be that"
        return Downgraded(problem=problem, hint=UPGRADE_HINT)
    if opening.requires:
        return Downgraded(
            problem="only authentic blobs are accepted, and this one has two parts that prove nothing", hint=UPGRADE_HINT
        )
    keys = [key.id for key in opening.keys if not key.is_verify_only]
    who = f"key {keys[0]} accepts" if len(keys) == 1 else f"the keys {', '.join(keys)} accept"
    return Downgraded(
        problem=f"{who} authentic blobs only, and this one has two parts that prove nothing",
        hint="somebody may have cut the tag off; if the blob is known to be good, vouch for it: sealkit rotate --bless REV",
    )


def tells_no_key() -> AmbiguousKey:
    """Return the refusal of a binary payload that any of several keys may have sealed."""
    return AmbiguousKey(
        problem="a binary payload has no form that could tell a wrong key, and several keys may open it",
        hint="name the key with --key-id ID (key_id=...), or let the policy name the only one that seals here",
    )


def untold() -> AmbiguousKey:
    """Return the refusal to seal a binary payload again that one key alone could have sealed, which nothing bears out."""
    return AmbiguousKey(
        problem="nothing tells that this key sealed the binary payload: under a wrong one it would become garbage, once in 255 times",
        hint="name the key with --key-id ID (key_id=...)",
    )


def not_encrypted(sign: str) -> NotEncrypted:
    """Return the refusal of what has the shape of a blob, and shows that it is not encrypted (``shapes.unencrypted`` says what shows it)."""
    return NotEncrypted(problem=f"what should be ciphertext is not encrypted: {sign}")


def foreign(program: Program, *, is_sealing: bool = False) -> ForeignCiphertext:
    """Return the refusal of another program's ciphertext; where it was to be sealed, with what to do if that is meant."""
    hint = program.opens
    if is_sealing:
        hint += "; or, if it is to be the payload as it is: --seal-foreign (seal_foreign=True)"
    return ForeignCiphertext(problem=f"this is the ciphertext of another program: {program.name}", hint=hint)
