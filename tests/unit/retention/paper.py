"""A made-up certificate with every kind of proof, sealed in a log of the test's own."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from msgspec import structs

from muniment.audit.events import AuditEvent
from muniment.audit.merkle import Tree, inclusion_proof
from muniment.audit.proofs import Checkpoint, Proof, PublicKeys, SealedEvent, checkpoint_message, public_keys, stamp
from muniment.keys import KeyRing, split_signature
from muniment.retention.evidence.certificates import merkle_root
from muniment.retention.evidence.content import (
    COMMITTED_BEFORE,
    CertificateContent,
    ConfirmationContent,
    canonical,
    fingerprint,
)
from muniment.retention.evidence.document import CertificateDocument, ProvenConfirmation

COUNCIL = UUID(int=7)
ISSUED = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEYS = [UUID(int=1000 + number) for number in range(14)]

CONTENT = CertificateContent(
    id=UUID(int=1),
    council=COUNCIL,
    council_name="Alphaford Borough Council",
    run_id=UUID(int=2),
    record_class="advice/letter",
    class_title="Letters & notes",
    rule="letter",
    rule_hash="ab" * 32,
    policy_hash="cd" * 32,
    action="destroy",
    disposed=11,
    awaited=3,
    root=merkle_root(KEYS).hex(),
    due_from=date(2026, 10, 31),
    due_until=date(2026, 11, 19),
    armed_kind="staff",
    armed_by=UUID(int=3),
    holds=2,
    kept=1,
    method="rows deleted from the database; keys noted for erasure from backups",
    issued_at=ISSUED,
)
CONFIRMATIONS = tuple(
    ConfirmationContent(
        id=UUID(int=20 + number),
        certificate=CONTENT.id,
        count=count,
        destroyed_on=date(2026, 11, 21),
        method="shredded to DIN 66399 level P-4",
        confirmed_at=ISSUED + timedelta(days=number),
        confirmed_kind="command (records manager)",
        confirmed_by=None,
    )
    for number, count in enumerate((1, 2), 1)
)


def seal(ring: KeyRing, events: list[SealedEvent]) -> list[Proof]:
    """The events in the order of one log, after forty that lie before them, under one checkpoint."""
    before = Tree()
    for number in range(40):
        before.append(bytes([number]) * 32)
    leaves = [event.leaf for event in events]
    tree = Tree(before.size, before.peaks)
    for leaf in leaves:
        tree.append(leaf)
    at = ISSUED + timedelta(days=3)
    key, signature = split_signature(ring.sign(checkpoint_message(COUNCIL, tree.size, tree.root, at)))
    head = Checkpoint(tree.size, tree.root.hex(), stamp(at), key, signature.hex())
    return [
        Proof(event, position, tuple(step.hex() for step in inclusion_proof(leaves, position, before)), head)
        for position, event in enumerate(events, before.size)
    ]


def event_of(content: CertificateContent | ConfirmationContent, *, whole: bool = True) -> SealedEvent:
    """The event of a certificate or confirmation; not whole, as before contents were kept."""
    facts: dict[str, object] = {"content": fingerprint(canonical(content))} if whole else {}
    if isinstance(content, CertificateContent):
        kind = AuditEvent.CERTIFICATE_ISSUED
        facts |= {name: getattr(content, name) for name in COMMITTED_BEFORE}
    else:
        kind = AuditEvent.CERTIFICATE_CONFIRMED
        facts |= {"certificate": str(content.certificate), "count": content.count}
    actor = ("system", None, "retention.sweep")
    return SealedEvent(COUNCIL, UUID(int=content.id.int + 100), stamp(ISSUED), kind.value, actor, content.id, facts)


def document(ring: KeyRing, *, whole: bool = True) -> CertificateDocument:
    """The certificate, sealed, with both confirmations."""
    first, *others = seal(ring, [event_of(CONTENT, whole=whole), *map(event_of, CONFIRMATIONS)])
    return CertificateDocument(
        format=1,
        certificate=CONTENT,
        proof=first,
        confirmations=tuple(
            ProvenConfirmation(entry, proof) for entry, proof in zip(CONFIRMATIONS, others, strict=True)
        ),
        confirmed=3,
        complete=True,
    )


def unsealed(ring: KeyRing) -> CertificateDocument:
    """The same before the log was sealed, without confirmations."""
    return structs.replace(
        document(ring),
        proof=None,
        confirmations=(),
        confirmed=0,
        complete=False,
        ask_again_after=ISSUED + timedelta(minutes=2),
    )


def keys_of(ring: KeyRing) -> PublicKeys:
    """The council's public keys."""
    return public_keys(ring, COUNCIL, "alphaford")
