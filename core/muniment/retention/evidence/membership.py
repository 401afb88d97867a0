"""That one record is among those a certificate disposed of, shown to somebody who knows the record's key.

A certificate lists no key; it commits to them all by a Merkle root (RFC 6962) over their 16 bytes in ascending order.
The erasure ledger still knows the keys, so it can give the way from one of them to the root. Whoever gets that learns
of no other record: its neighbours are there as hashes of random keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import select

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import NotFound
from muniment.audit.merkle import inclusion_proof, leaf_hash, verify_inclusion
from muniment.audit.proofs import Unproven, unhex
from muniment.database.session import CouncilSession
from muniment.retention.evidence.certificates import CERTIFICATE, merkle_root
from muniment.retention.evidence.content import CertificateContent
from muniment.retention.evidence.ledger import Ledger, Line

__all__ = ["Membership", "check_membership", "membership", "read_membership"]


class Membership(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The way from a record's key to a certificate's root: `position` is that of the key among all, from 0; `path` goes
    upwards, in hexadecimal."""

    format: Literal[1]
    certificate: UUID
    key: UUID
    position: int
    path: tuple[str, ...]


def membership(session: CouncilSession, caller: Caller, ledger: Ledger, certificate_id: UUID, key: UUID) -> Membership:
    """Show that the record of this key is among those of a certificate.

    Raises `NotFound` if there is no such certificate, if the record is not among them or if the ledger does not tell;
    `Forbidden`; `NotReady` if the ledger cannot be read.
    """
    caller.require_somewhere(Permission.READ_RETENTION)
    here = CERTIFICATE.c.council_id == session.council_id
    row = session.execute(select(CERTIFICATE).where(here, CERTIFICATE.c.id == certificate_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such certificate.")
    chunk = ledger.chunks().get(row.disposal_id)
    keys = None if chunk is None else _keys_of(chunk.intent, row)
    if keys is None:
        raise NotFound("The erasure ledger does not tell which records this certificate is about.")
    if key not in keys:
        raise NotFound("No record of this key is among those of the certificate.")
    in_order = sorted(each.bytes for each in keys)
    position = in_order.index(key.bytes)
    path = inclusion_proof([leaf_hash(each) for each in in_order], position)
    return Membership(1, certificate_id, key, position, tuple(step.hex() for step in path))


def read_membership(data: bytes) -> Membership:
    """The way that a JSON file holds. Raises `Unproven` if it holds none."""
    try:
        return msgspec.json.decode(data, type=Membership)
    except msgspec.DecodeError:
        raise Unproven("It is no path of Muniment's from a record's key to a certificate.") from None


def check_membership(content: CertificateContent, found: Membership, key: UUID) -> None:
    """Whether the path leads from this key to the certificate's root. Raises `Unproven`."""
    if found.certificate != content.id:
        raise Unproven("The path leads to another certificate.")
    if found.key != key:
        raise Unproven("The path begins at another record's key.")
    path = [unhex(step) for step in found.path]
    size = content.disposed + content.awaited
    if not verify_inclusion(leaf_hash(key.bytes), found.position, size, path, unhex(content.root)):
        raise Unproven("The path does not lead from this key to the certificate's root.")


def _keys_of(line: Line, certificate: Any) -> Sequence[UUID] | None:
    """The keys of one certificate of a chunk, found by its root; None if the line does not tell them apart.

    A chunk's keys stand class after class, in the order of their certificates' classes, each as many as it counts.
    """
    for part in _parts(line, certificate):
        if len(part) == certificate.disposed + certificate.awaited and merkle_root(part) == certificate.root:
            return part
    return None


def _parts(line: Line, certificate: Any) -> Iterator[Sequence[UUID]]:
    """What may be the keys: all rows of each clocked table, or this certificate's share of them."""
    issued = sorted(line.evidence.get(CERTIFICATE.name, ()), key=lambda row: str(row["record_class"]))
    for name in {**line.gone, **line.emptied}:
        gone, emptied = list(line.gone.get(name, ())), list(line.emptied.get(name, ()))
        yield [*gone, *emptied]
        ends = accumulate(int(row["disposed"]) for row in issued), accumulate(int(row["awaited"]) for row in issued)
        for row, end, end_elsewhere in zip(issued, *ends, strict=True):
            if str(row["id"]) == str(certificate.id):
                yield [
                    *gone[end - certificate.disposed : end],
                    *emptied[end_elsewhere - certificate.awaited : end_elsewhere],
                ]
