"""Certificates: what was disposed of, under which rule, by whose approval, without telling about whom.

One is issued in the transaction of each chunk for each class and rule. It commits to the keys that went (the root of a
Merkle tree over them, in order of key) so that whoever holds the keys can be shown to be in it, and nobody else can be
found by it. What still has to be destroyed on paper or in another system is confirmed by later lines; a certificate is
complete when they add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Select, func, insert, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from muniment.accounts.permissions import Caller, Permission
from muniment.audit.events import AuditEvent
from muniment.audit.log import Fact, record
from muniment.audit.merkle import leaf_hash, root_of
from muniment.database.ids import random_id
from muniment.database.packed import Keys
from muniment.database.registry import table_of
from muniment.database.session import Actor, CouncilSession
from muniment.policy.store import adopted
from muniment.retention.evidence.content import canonical, certificate_content, confirmation_content, fingerprint
from muniment.retention.rules.compile import DESTROY, Clock
from muniment.retention.tables import Awaiting, Certificate, Confirmation

__all__ = [
    "CERTIFICATE",
    "CONFIRMATION",
    "CertificateView",
    "Disposed",
    "add_confirmations",
    "certificates",
    "issue",
    "merkle_root",
    "write",
]

AWAITING = table_of(Awaiting)
CERTIFICATE = table_of(Certificate)
CONFIRMATION = table_of(Confirmation)

WRITE = insert(CERTIFICATE)
"""With all its columns: one that a restore had lost may lack those of later versions."""

METHOD = "rows deleted from the database; keys noted for erasure from backups"
METHOD_ELSEWHERE = "row emptied here; destruction elsewhere awaits confirmation"


class CertificateView(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate as anybody entitled may see it. `root` is hexadecimal. Of the `awaited`, `confirmed` are
    destroyed and `lost` are not found, which is settled; `complete` when these are all."""

    id: UUID
    run_id: UUID | None
    record_class: str
    rule: str
    rule_hash: str
    policy_hash: str
    action: str
    disposed: int
    awaited: int
    confirmed: int
    lost: int
    complete: bool
    root: str
    due_from: date
    due_until: date
    armed_kind: str
    armed_by: UUID | None
    approved_kind: str | None
    approved_by: UUID | None
    holds: int
    kept: int
    extended: int | None
    method: str
    issued_at: datetime

    @property
    def line(self) -> str:
        """The certificate in one line."""
        elsewhere = f", {self.awaited} to be destroyed elsewhere" if self.awaited else ""
        return (
            f"Certificate {self.id}: {self.record_class}, rule {self.rule}, "
            f"{self.disposed} disposed of{elsewhere}, kept until {self.due_from} to {self.due_until}"
        )


def merkle_root(keys: Iterable[UUID]) -> bytes:
    """The RFC 6962 root over keys, each leaf the 16 bytes of one, in ascending order."""
    return root_of([leaf_hash(key) for key in sorted(Keys.of(keys).raw)])


@dataclass(frozen=True)
class Disposed:
    """What a chunk disposed of in one class: the keys of rows that went `here`, those of rows emptied here whose paper
    is `elsewhere`, and the first and the last of their last days kept."""

    here: Keys
    elsewhere: Keys
    due_from: date
    due_until: date

    def __add__(self, other: Disposed) -> Disposed:
        return Disposed(
            Keys.joined((self.here, other.here)),
            Keys.joined((self.elsewhere, other.elsewhere)),
            min(self.due_from, other.due_from),
            max(self.due_until, other.due_until),
        )


def issue(
    session: CouncilSession,
    clock: Clock,
    arming: Any,
    gone: Disposed,
    *,
    kept_in: str,
    disposal_id: UUID,
    run_id: UUID | None,
    holds: int,
    kept: int,
    extended: int | None = None,
    approver: Actor | None = None,
    action: str = DESTROY,
    method: str | None = None,
) -> UUID:
    """Certify that a chunk disposed of the rows of one class, and remember which of them are still to be destroyed.

    `arming` is the approval under which they went. They lay in the clocked table `kept_in`; `holds` in force were
    judged, `kept` records of the class stayed because of one, and `extended` ones because of an officer's extension
    (None: not counted). `approver` is the reviewer who decided about each of them, where one did; `action` what was
    done to them, and `method` how, in words.
    """
    certificate_id, root = random_id(), merkle_root(Keys.joined((gone.here, gone.elsewhere)))
    row = {
        "id": certificate_id,
        "run_id": run_id,
        "record_class": clock.key,
        "rule": clock.rule.id if clock.rule else "",
        "rule_hash": clock.hash,
        "policy_hash": session.policy_hash,
        "action": action,
        "disposed": len(gone.here),
        "awaited": len(gone.elsewhere),
        "root": root,
        "due_from": gone.due_from,
        "due_until": gone.due_until,
        "arming_id": arming.id,
        "armed_kind": Actor(arming.armed_kind, role=arming.armed_role).capacity,
        "armed_by": arming.armed_by,
        "holds": holds,
        "kept": kept,
        "extended": extended,
        "method": method or (METHOD_ELSEWHERE if gone.elsewhere else METHOD),
        "issued_at": session.clock.now(),
        "approved_kind": approver.capacity if approver else None,
        "approved_by": approver.id if approver else None,
    }
    row["content"] = canonical(certificate_content(session.council_id, adopted(session), row))
    write(session, disposal_id, row)
    if gone.elsewhere:
        awaited = {"council_id": session.council_id, "kept_in": kept_in, "since": session.clock.today()}
        awaited["certificate_id"] = certificate_id
        session.execute(insert(AWAITING), [awaited | {"record_id": key} for key in gone.elsewhere])
    return certificate_id


def write(session: CouncilSession, disposal_id: UUID, row: Mapping[str, Any]) -> None:
    """Write a certificate of a chunk and its audit event: one that is issued, or one that a restore had lost.

    The event commits to the whole content; one that was issued before contents were kept has none.
    """
    committed: dict[str, Fact] = {"content": fingerprint(row["content"])} if row.get("content") else {}
    own = {"council_id": session.council_id, "disposal_id": disposal_id}
    session.ask(WRITE, dict.fromkeys(CERTIFICATE.c.keys()) | own | dict(row))
    record(
        session,
        AuditEvent.CERTIFICATE_ISSUED,
        row["id"],
        record_class=row["record_class"],
        rule_hash=row["rule_hash"],
        root=row["root"].hex(),
        disposed=row["disposed"],
        awaited=row["awaited"],
        **committed,
    )


def add_confirmations(session: CouncilSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append confirmations to their certificates, each with an audit event that commits to what it says.

    A row has the columns of the table but for the council and, unless a restore had lost it, the content; one that is
    there already stays as it is.
    """
    for row in rows:
        content = row.get("content") or canonical(confirmation_content(row))
        values = {**row, "council_id": session.council_id, "content": content}
        added = upsert(CONFIRMATION).values(values).on_conflict_do_nothing().returning(CONFIRMATION.c.id)
        if session.execute(added).one_or_none() is None:
            continue
        record(
            session,
            AuditEvent.CERTIFICATE_CONFIRMED,
            row["id"],
            certificate=row["certificate_id"],
            count=row["count"],
            content=fingerprint(content),
        )


def certificates(
    session: CouncilSession,
    caller: Caller,
    *,
    run_id: UUID | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> tuple[CertificateView, ...]:
    """Certificates, the newest first: of one run, or of all; `before` is when one was issued and its key, to go on."""
    caller.require_somewhere(Permission.READ_RETENTION)
    query = _query(session).order_by(CERTIFICATE.c.issued_at.desc(), CERTIFICATE.c.id.desc()).limit(limit)
    if run_id is not None:
        query = query.where(CERTIFICATE.c.run_id == run_id)
    if before is not None:
        query = query.where(tuple_(CERTIFICATE.c.issued_at, CERTIFICATE.c.id) < tuple_(*before))
    return tuple(_view(row) for row in session.execute(query))


def _query(session: CouncilSession) -> Select[*tuple[object, ...]]:
    mine = (CONFIRMATION.c.council_id == CERTIFICATE.c.council_id, CONFIRMATION.c.certificate_id == CERTIFICATE.c.id)
    became = select(func.coalesce(func.sum(CONFIRMATION.c.count), 0)).where(*mine)
    confirmed, lost = (
        became.where(CONFIRMATION.c.outcome == outcome).scalar_subquery().label(name)
        for outcome, name in (("destroyed", "confirmed"), ("lost", "lost"))
    )
    return select(CERTIFICATE, confirmed, lost).where(CERTIFICATE.c.council_id == session.council_id)


def _view(row: object) -> CertificateView:
    found = {name: getattr(row, name) for name in CertificateView.__struct_fields__ if hasattr(row, name)}
    found |= {"root": found["root"].hex(), "confirmed": int(found["confirmed"]), "lost": int(found["lost"])}
    return CertificateView(**found, complete=found["confirmed"] + found["lost"] >= found["awaited"])
