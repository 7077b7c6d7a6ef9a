"""Data keys that AWS KMS decrypts: the ring holds the data key as KMS encrypted it, which is of no use without the right to ask KMS.

Who asks is boto3's to find (environment, profile, role), never the ring's to say. One call each time a ring is loaded, bounded in time.
"""

from __future__ import annotations

import binascii
from json import dumps
from typing import TYPE_CHECKING, Any, NamedTuple

from sealkit.config import Text, shown
from sealkit.errors import ConfigError, NoUsableKey
from sealkit.installing import how_to_install
from sealkit.keys.access import Source
from sealkit.keys.key import SIZES
from sealkit.opaque import opaque
from sealkit.wiping import moved, wipe

if TYPE_CHECKING:
    from sealkit.config import Table
    from sealkit.keys.access import Access

MAX_CIPHERTEXT = 6144
"""Bytes that KMS takes in one call to Decrypt."""
CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 4, 8, 2
_MAX_ARN, _MAX_CONTEXT, _MAX_TEXT = 512, 8, 256
_PARTS = 6  # arn:partition:kms:region:account:key/...
_LABEL = "aws-kms"
_HINTS = {
    "AccessDeniedException": "ask for kms:Decrypt (and kms:GenerateDataKey, to make keys) on that key",
    "InvalidCiphertextException": "another key, or another context, encrypted it, or it was altered",
    "IncorrectKeyException": "another KMS key encrypted it",
    "NotFoundException": "the KMS key is not there: mind account and region",
    "DisabledException": "the KMS key is disabled",
    "KMSInvalidStateException": "the KMS key is disabled or about to be deleted",
    "ExpiredTokenException": "sign in again: aws sso login",
}


class Place(NamedTuple):
    """A KMS key by its ARN, the region in it, and the encryption context that goes with a data key."""

    key: str
    region: str
    context: tuple[tuple[str, str], ...]


class DataKey(Source):
    """Key bytes that stand in the ring encrypted, and that KMS decrypts."""

    __slots__ = ("_ciphertext", "_label", "_place")
    costly = True

    def __init__(self, ciphertext: bytes, place: Place, label: str) -> None:
        self._ciphertext = ciphertext
        self._place = place
        self._label = f"{label}: {_LABEL}"

    @opaque
    def read(self, access: Access) -> bytearray:
        """Have KMS decrypt the data key."""
        del access  # boto3 finds whose right it is
        place = self._place
        answer = _asked(
            self._label,
            place.region,
            "decrypt",
            CiphertextBlob=self._ciphertext,
            KeyId=place.key,
            EncryptionContext=dict(place.context),
        )
        secret = moved(answer.pop("Plaintext"))
        if len(secret) in SIZES:
            return secret
        wipe(secret)
        problem = f"{self._label}: what was encrypted is no key, but {len(secret)} bytes"
        raise NoUsableKey(problem=problem, hint="a key has 16, 24 or 32; make one with: sealkit keygen --aws-kms ARN")


def declare(entry: Table, kind: str, label: str, folder: str) -> Source:
    """Declare a data key as a source. Raises ``ConfigError``."""
    del folder
    text = entry.text(kind, of=label)
    try:
        ciphertext = binascii.a2b_base64(text.encode(), strict_mode=True)
    except ValueError:
        ciphertext = b""
    if not 0 < len(ciphertext) <= MAX_CIPHERTEXT or binascii.b2a_base64(ciphertext, newline=False) != text.encode():
        hint = "CiphertextBlob of GenerateDataKey or Encrypt, as padded base64; make it with: sealkit keygen --aws-kms ARN"
        raise ConfigError(problem=f"{label}: no data key", hint=hint, line=text.line)
    arn = entry.text("key", of=label)
    place = Place(str(arn), _region(arn, label, arn.line), _context(entry, label))
    return DataKey(ciphertext, place, label)


def _region(arn: str, label: str, line: int | None) -> str:
    parts = arn.split(":", _PARTS - 1)
    words = (arn.isascii() and arn.isprintable() and len(arn) <= _MAX_ARN, len(parts) == _PARTS, parts[:1] == ["arn"])
    if not all(words) or parts[2] != "kms" or not parts[1].startswith("aws") or not parts[3].replace("-", "").isalnum():
        hint = "such as arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
        raise ConfigError(problem=f"{label}: key is not the ARN of a KMS key", hint=hint, line=line)
    return parts[3]


def _context(entry: Table, label: str) -> tuple[tuple[str, str], ...]:
    if "context" not in entry:
        return ()
    table = entry.table("context", of=label)
    for name, value in table.items():
        if not isinstance(value, Text) or len(table) > _MAX_CONTEXT or max(len(name), len(value)) > _MAX_TEXT:
            hint = "such as context: {sealkit: k1}; it is public, and KMS logs it"
            raise ConfigError(problem=f"{label}: context is at most {_MAX_CONTEXT} short texts", hint=hint, line=table.lines[name])
    return tuple((name, str(value)) for name, value in table.items())


@opaque
def new_source(arn: str, key_id: str, bits: int) -> str:
    """Have KMS make a data key of 128, 192 or 256 bits, and return its source as a ring file has it.

    The encryption context is ``{sealkit: ID}``. The bytes are thrown away: whoever loads the ring asks KMS for them. Raises
    ``ConfigError`` and ``NoUsableKey``.
    """
    region = _region(arn, "--aws-kms", None)
    answer = _asked(
        _LABEL,
        region,
        "generate_data_key_without_plaintext",
        KeyId=arn,
        NumberOfBytes=bits // 8,
        EncryptionContext={"sealkit": key_id},
    )
    text = binascii.b2a_base64(answer["CiphertextBlob"], newline=False).decode("ascii")
    return f'{{aws-kms: "{text}", key: {dumps(arn)}, context: {{sealkit: "{key_id}"}}}}'


def _asked(label: str, region: str, call: str, **given: object) -> dict[str, Any]:
    """Return what KMS answers. Raises ``NoUsableKey``, with KMS's own word for what is wrong and nothing else of the answer."""
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        boto3 = None
    if boto3 is None:
        raise NoUsableKey(problem=f"{label}: the package boto3 is not installed", hint=how_to_install("aws"))
    limits = Config(
        connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": ATTEMPTS, "mode": "standard"}
    )
    try:
        client = boto3.session.Session().client("kms", region_name=region, config=limits)
        answer: dict[str, Any] = getattr(client, call)(**given)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        problem, hint = f"KMS refuses: {shown(code)}", _HINTS.get(code, "see the KMS key's policy and CloudTrail")
    except BotoCoreError as error:
        problem, hint = _trouble(type(error).__name__)
    except (ValueError, TypeError):  # an endpoint or a profile that makes no sense
        problem, hint = "the AWS settings make no sense", "see the AWS variables and ~/.aws/config"
    else:
        return answer
    raise NoUsableKey(problem=f"{label}: {problem}", hint=hint)


def _trouble(name: str) -> tuple[str, str]:
    if "Credential" in name or "Token" in name or "SSO" in name:
        return "no AWS credentials that can be used", "sign in, or set AWS_PROFILE; whoever loads the ring needs kms:Decrypt"
    if "Timeout" in name or "Connect" in name or "Endpoint" in name or "HTTP" in name:
        return "KMS cannot be reached", "check the network, the region, and AWS_ENDPOINT_URL_KMS"
    return f"the AWS client failed ({name})", "see the AWS variables and ~/.aws/config"
