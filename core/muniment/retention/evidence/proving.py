"""A certificate from the database as the document that a person can hold, with its proofs from the audit log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import Row, select

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.proofs import Proof
from muniment.audit.sealing import prove
from muniment.database.session import CouncilSession
from muniment.policy.store import policy_of_hash
from muniment.retention.evidence.certificates import CERTIFICATE, CONFIRMATION
from muniment.retention.evidence.content import (
    CertificateContent,
    ConfirmationContent,
    certificate_content,
    confirmation_content,
    fingerprint,
)
from muniment.retention.evidence.document import CertificateDocument, ProvenConfirmation, settled

__all__ = ["certificate_document"]

SEALED_WITHIN: Final = timedelta(minutes=2)
"""How long sealing takes where the schedule runs: it comes by once a minute."""


def certificate_document(session: CouncilSession, caller: Caller, certificate_id: UUID) -> CertificateDocument:
    """One certificate with its confirmations and proofs. Raises `NotFound`, `Forbidden`.

    Once sealed, it is the same whenever it is asked for, until a confirmation is added.
    """
    caller.require_somewhere(Permission.READ_RETENTION)
    here = CERTIFICATE.c.council_id == session.council_id
    row = session.execute(select(CERTIFICATE).where(here, CERTIFICATE.c.id == certificate_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such certificate.")
    content = _content(session, row)
    proof = _proof(session, AuditEvent.CERTIFICATE_ISSUED, certificate_id, row.content)
    rows = session.execute(
        select(CONFIRMATION)
        .where(CONFIRMATION.c.council_id == session.council_id, CONFIRMATION.c.certificate_id == certificate_id)
        .order_by(CONFIRMATION.c.confirmed_at, CONFIRMATION.c.id)
    ).all()
    confirmations = tuple(_confirmation(session, row) for row in rows)
    confirmed, lost = settled(entry.confirmation for entry in confirmations)
    waiting = [content.issued_at] if proof is None else []
    waiting += [
        entry.confirmation.confirmed_at
        for entry, each in zip(confirmations, rows, strict=True)
        if entry.proof is None and each.content is not None
    ]
    return CertificateDocument(
        format=1,
        certificate=content,
        proof=proof,
        confirmations=confirmations,
        confirmed=confirmed,
        complete=confirmed + lost >= content.awaited,
        lost=lost,
        ask_again_after=max(waiting) + SEALED_WITHIN if waiting else None,
    )


def _content(session: CouncilSession, row: Row[Any]) -> CertificateContent:
    if row.content is not None:
        return msgspec.json.decode(row.content, type=CertificateContent)
    return certificate_content(session.council_id, policy_of_hash(session, row.policy_hash), dict(row._mapping))


def _confirmation(session: CouncilSession, row: Row[Any]) -> ProvenConfirmation:
    """A confirmation with its proof, which one of before contents were kept will never have."""
    if row.content is None:
        return ProvenConfirmation(confirmation_content(dict(row._mapping)), None)
    content = msgspec.json.decode(row.content, type=ConfirmationContent)
    return ProvenConfirmation(content, _proof(session, AuditEvent.CERTIFICATE_CONFIRMED, row.id, row.content))


def _proof(session: CouncilSession, kind: AuditEvent, subject: UUID, content: bytes | None) -> Proof | None:
    """The proof by the first sealed event that commits to the content; a restore writes a second one."""
    committed = None if content is None else fingerprint(content)
    return next((p for p in prove(session, kind, subject) if p.event.facts.get("content") == committed), None)
