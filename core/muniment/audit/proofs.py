"""What shows, without database or network, that an event stands in a council's audit log.

A proof carries the event as it was hashed, its way up the Merkle tree (RFC 6962) and the signed checkpoint that sealed
it. Whoever holds the council's public keys checks it: the event gives the leaf, leaf and path give the root, and a key
signed that root. Pure: it is all that an auditor's machine needs.

A proof says that the event was in the log when the checkpoint was signed. It cannot say that nobody with the signing
key made a log of their own, nor what happened afterwards. When a checkpoint was signed is the signer's word; so a key's
dates are told and judge nothing, and a key that is no longer trusted is taken out of the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, Self
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from muniment.api.errors import MunimentError
from muniment.audit.merkle import leaf_hash, verify_inclusion
from muniment.keys import KeyRing

__all__ = [
    "Checkpoint",
    "Proof",
    "PublicKey",
    "PublicKeys",
    "SealedEvent",
    "Unproven",
    "checkpoint_message",
    "public_keys",
    "stamp",
]


class Unproven(MunimentError):
    """What was handed in does not prove what it says."""

    code = "unproven"


def stamp(at: datetime) -> str:
    """An instant as it is hashed and signed: UTC, ISO 8601, always with microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def checkpoint_message(council_id: UUID, size: int, root: bytes, at: datetime) -> bytes:
    """What is signed: the log's name, how many leaves it has, their root and when."""
    return _message(council_id, size, root.hex(), stamp(at))


def _message(council_id: UUID, size: int, root: str, at: str) -> bytes:
    return f"muniment audit log\n{council_id}\n{size}\n{root}\n{at}\n".encode()


class SealedEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event as its leaf commits to it. `at` is a `stamp`; `actor` is kind, key and what acted, never a name."""

    council: UUID
    id: UUID
    at: str
    event: str
    actor: tuple[str | None, UUID | None, str]
    subject: UUID | None
    facts: Mapping[str, Any]

    @classmethod
    def of(cls, council_id: UUID, row: Any) -> Self:
        """The event of a row of the log."""
        actor = (row.actor_kind, row.actor_id, row.actor_name)
        return cls(council_id, row.id, stamp(row.at), row.event, actor, row.subject, row.facts)

    @property
    def leaf(self) -> bytes:
        """The leaf hash: over canonical JSON of everything that the event says."""
        return leaf_hash(msgspec.json.encode(self, order="sorted"))


class Checkpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the log stood: `size` leaves with this `root` (hexadecimal), signed at `at` (a `stamp`) with the signing
    key of version `key`. `signature` is Ed25519, in hexadecimal."""

    size: int
    root: str
    at: str
    key: int
    signature: str

    def signed_by(self, keys: PublicKeys, council: UUID) -> PublicKey:
        """The key that signed it for that council. Raises `Unproven` if none of them did."""
        if council != keys.council:
            raise Unproven(f"It is of another council than the public keys of {keys.slug}.")
        key = keys.key(self.key)
        if key is None:
            raise Unproven(f"The checkpoint was signed with key {self.key}, which is not among those of {keys.slug}.")
        message = _message(council, self.size, self.root, self.at)
        try:
            Ed25519PublicKey.from_public_bytes(unhex(key.public_key)).verify(unhex(self.signature), message)
        except (InvalidSignature, ValueError):
            raise Unproven(f"The checkpoint does not carry the signature of key {key.version}.") from None
        return key


class PublicKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The public half of one signing key, in hexadecimal: in use from `made` until a newer one superseded it.

    A process that was not started again goes on with the older key for a while, which is no fault.
    """

    version: int
    algorithm: Literal["ed25519"]
    public_key: str
    made: datetime
    superseded: datetime | None = None


class PublicKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a council hands to whoever checks its proofs, once and on a way of its own."""

    format: Literal[1]
    council: UUID
    slug: str
    keys: tuple[PublicKey, ...]

    def key(self, version: int) -> PublicKey | None:
        """The key of a version, None if it is not listed."""
        return next((key for key in self.keys if key.version == version), None)


def public_keys(ring: KeyRing, council_id: UUID, slug: str) -> PublicKeys:
    """The public halves of the deployment's signing keys, for those who check a council's proofs."""
    found = list(ring.public_keys().items())
    ends = [made for _, (made, _) in found[1:]] + [None]
    return PublicKeys(
        format=1,
        council=council_id,
        slug=slug,
        keys=tuple(
            PublicKey(version, "ed25519", public.hex(), made, end)
            for (version, (made, public)), end in zip(found, ends, strict=True)
        ),
    )


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That `event` is the leaf at `position` (from 0) under `checkpoint`; `path` leads there from the leaf upwards."""

    event: SealedEvent
    position: int
    path: tuple[str, ...]
    checkpoint: Checkpoint

    def check(self, keys: PublicKeys) -> PublicKey:
        """The key that vouches for the event. Raises `Unproven`, saying what does not hold."""
        signed = self.checkpoint
        key = signed.signed_by(keys, self.event.council)
        path = [unhex(step) for step in self.path]
        if not verify_inclusion(self.event.leaf, self.position, signed.size, path, unhex(signed.root)):
            raise Unproven("The event is not in the log that the checkpoint signs: something in it was changed.")
        return key


def unhex(text: str) -> bytes:
    """The bytes of lower-case hexadecimal digits. Raises `Unproven` for anything else, spaces and capitals too."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if found.hex() != text:
        raise Unproven("A hash in it is not written in lower-case hexadecimal digits.")
    return found
