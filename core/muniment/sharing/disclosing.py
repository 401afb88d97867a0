"""Giving data away: what the gate allows, of clients whose files are locked, with its line in the register.

One transaction. The files are locked and shared with other disclosures, so that whoever withdraws a consent, restricts
a file or takes something away either did so before, and is seen in the statement after the lock, or waits until this
has been committed. So does an adoption: which policy decides is asked with the locks in hand. What leaves and what the
register says are made of the same rows by the same statement.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import insert, text

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput, NotFound
from muniment.api.sharing import DisclosureMade
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.context import Context
from muniment.clients.locks import NO_FILE
from muniment.database.ids import random_id
from muniment.database.packed import Keys
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.files.store import FileStore
from muniment.policy.store import in_force
from muniment.sharing.around import giving
from muniment.sharing.deciding import Answer, Asked, Judged, answer_of, check, judge
from muniment.sharing.exporting import Export, Format, keep_export
from muniment.sharing.extracting import Extract, extract
from muniment.sharing.tables import Disclosure

__all__ = ["Disclosed", "DisclosedView", "Means", "Order", "disclose", "lock_together"]

Means = Literal["export", "spoken", "on-paper", "by-secure-email", "through-their-system"]
"""How it leaves: as a file made here, or by hand, which the register says all the same."""

_WRITE = insert(table_of(Disclosure))

_LOCK = text(
    "select count(*) as files, (select c.policy_hash from council c where c.id = :council_id) as adopted"
    " from (select f.id from client_file f where f.council_id = :council_id"
    " and f.id = any(array(select unnest(cast(:file_ids as uuid[])))) order by f.id for share) locked"
)
_REFUSE = text(
    "insert into disclosure_refusal (council_id, id, disclosure_id, file_id, rules)"
    " select :council_id, gen_random_uuid(), :disclosure_id, refused.id, cast(:rules as text[])"
    " from unnest(cast(:file_ids as uuid[])) as refused (id)"
)


class Order(Asked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A disclosure to make: what is asked of the gate, and how it leaves. `format` goes with the means `export`.

    `batch` is common to the disclosures of a batch.
    """

    means: Means = "export"
    format: Format | None = None
    batch: UUID | None = None


class Disclosed(msgspec.Struct, frozen=True):
    """What came of it: the key in the register, of how many something left, how many were refused, what was decided
    about each client, and the file that was made."""

    id: UUID
    given: int
    refused: int
    judged: Judged
    export: Export | None = None

    @property
    def view(self) -> DisclosedView:
        """All of it, for programs."""
        return DisclosedView(self.id, self.given, self.refused, answer_of(self.judged), self.export)


class DisclosedView(msgspec.Struct, frozen=True):
    """As `Disclosed`, for programs."""

    id: UUID
    given: int
    refused: int
    answer: Answer
    export: Export | None = None


def disclose(session: CouncilSession, caller: Caller, context: Context, store: FileStore, order: Order) -> Disclosed:
    """Give what the gate allows, write everything into the register, refusals too.

    Another policy that was adopted since the transaction began is the one that decides. Raises `Forbidden`, `NotFound`
    if a file or the request is not there for the caller, `InvalidInput`.
    """
    caller.require_somewhere(Permission.DISCLOSE)
    check(order)
    if (order.means == "export") != (order.format is not None):
        raise InvalidInput("A format goes with the means `export`, and with no other.", where="format")
    wanted = Keys.of(order.files)
    locked, adopted = lock_together(session, wanted)
    if locked != len(wanted):
        raise NotFound(NO_FILE)
    if adopted != context.policy.hash:
        context = context.under(in_force(session, adopted))
    judged = judge(session, caller, context, order)
    disclosure_id = random_id()
    extracted = _extract(session, context, judged, disclosure_id)
    for group in judged.groups:
        if not group.decision.allowed:
            refused = {"rules": list(group.decision.against), "file_ids": group.files}
            session.ask(_REFUSE, {"council_id": session.council_id, "disclosure_id": disclosure_id, **refused})
    export = None
    if order.format is not None and judged.given:
        export = keep_export(session, store, order.format, judged.gate, extracted, disclosure_id)
    _register(session, context, order, judged, disclosure_id, export)
    return Disclosed(disclosure_id, judged.given, judged.refused, judged, export)


def lock_together(session: CouncilSession, files: Keys) -> tuple[int, str]:
    """Hold off whoever would end what a disclosure rests on, and lock client files, sharing the locks with other
    disclosures: how many there are, and the hash of the policy that the council has adopted."""
    [[locked]] = giving(session, (_LOCK, {"council_id": session.council_id, "file_ids": files}))
    return locked.files, locked.adopted


def _extract(session: CouncilSession, context: Context, judged: Judged, disclosure_id: UUID) -> list[Extract]:
    """What leaves, once for each set of fields that leaves of somebody, with its lines in the register."""
    by_fields: dict[tuple[str, ...], list[Keys]] = {}
    for group in judged.groups:
        if group.decision.fields:
            by_fields.setdefault(group.decision.fields, []).append(group.files)
    return [
        extract(session, context, judged.gate.terms, fields, Keys.joined(files), disclosure_id)
        for fields, files in sorted(by_fields.items())
    ]


def _register(
    session: CouncilSession,
    context: Context,
    order: Order,
    judged: Judged,
    disclosure_id: UUID,
    export: Export | None,
) -> None:
    terms, actor = judged.gate.terms, session.actor
    session.ask(
        _WRITE,
        {
            "council_id": session.council_id,
            "id": disclosure_id,
            "batch_id": order.batch,
            "at": session.clock.now(),
            "decided_on": session.clock.today(),
            "service": order.service,
            "recipient": terms.recipient_key,
            "named": terms.named or "",
            "purpose": order.purpose,
            "fields": list(order.fields),
            "data_set": order.data_set,
            "rests_on": terms.rests_on,
            "basis": terms.basis,
            "exception": order.exception,
            "condition_met": order.condition_met,
            "request_id": order.request,
            "means": order.means,
            "policy_hash": context.policy.hash,
            "actor_kind": actor.kind if actor else None,
            "actor_id": actor.id if actor else None,
            "given": judged.given,
            "refused": judged.refused,
            "media_type": export.media_type if export else None,
            "sha256": export.sha256 if export else None,
        },
    )
    record(
        session,
        AuditEvent.DISCLOSURE_MADE if judged.given else AuditEvent.DISCLOSURE_REFUSED,
        disclosure_id,
        service=order.service,
        recipient=order.recipient,
        purpose=order.purpose,
        given=judged.given,
        refused=judged.refused,
        policy=context.policy.hash,
        sha256=export.sha256 if export else "",
    )
    if judged.given:
        made = DisclosureMade(
            council=context.policy.council.slug,
            service=order.service,
            recipient=order.recipient,
            body=order.body or "",
            purpose=order.purpose,
            clients=judged.given,
            disclosure=str(disclosure_id),
        )
        session.after_commit(lambda: context.facade.disclosure_made([made]))
