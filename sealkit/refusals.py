"""What a sealer says when it refuses: each sentence once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealkit.errors import Downgraded, Usage

if TYPE_CHECKING:
    from sealkit.keys.key import Key

UPGRADE_HINT = "give it a tag first: sealkit rotate --format tagged, after having made sure that it is good"
VOUCH_HINT = "somebody without the key may have made or altered it; if you know that it is good, say so with --vouch"
TAMPERED = (
    "the tag does not fit: the blob was altered, or belongs to another field",
    "the tag does not fit: the blob was altered, or belongs to another file or field",
    "the tag does not fit: the blob was altered, belongs to another record or field, or a bound field was edited",
)


def downgraded(key: Key, *, required: bool) -> Downgraded:
    """Return the refusal of a blob that proves nothing: the run or its key wants proof."""
    if required:
        return Downgraded(problem="only authentic blobs are accepted, and this one has no tag", hint=UPGRADE_HINT)
    return Downgraded(
        problem=f"key {key.id} accepts authentic blobs only, and this one has no tag",
        hint="somebody may have cut the tag off; if the blob is known to be good, set the key's accept to any",
    )


def undemanded(form: str) -> Downgraded:
    """Return the refusal of a blob that is weaker than a policy demands."""
    return Downgraded(
        problem=f"the policy demands the format {form} here, or a stronger one, and this blob is neither", hint=UPGRADE_HINT
    )


def unnamed() -> Usage:
    """Return the refusal of binary payloads without a named key."""
    return Usage(
        problem="a binary payload has no form that could tell a wrong key", hint="name the key with --key-id ID (key_id=...)"
    )
