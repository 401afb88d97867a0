"""The review queue: where a rule asks for a review, the sweep proposes what is due and destroys nothing.

A proposal stands as long as the record is what it was: a fingerprint is over all that a decision rests on. It is made
anew, under another key, when the record has changed, when a deferral's day has come, or when an approval was not
carried out in time. Officers may propose ahead of the day; nothing goes before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    Uuid,
    aggregate_order_by,
    and_,
    case,
    cast,
    delete,
    func,
    literal,
    null,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput
from muniment.audit.events import AuditEvent
from muniment.audit.log import record_many
from muniment.clients.facts import REGISTER_ENTRY
from muniment.clients.locks import lock_files
from muniment.database.registry import table_of
from muniment.database.session import Actor, CouncilSession
from muniment.database.signals import Erased
from muniment.policy.store import adopted
from muniment.retention import locks
from muniment.retention.approval.tables import Proposal
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.rules.clocked import is_clocked
from muniment.retention.rules.compile import REVIEW, clocks
from muniment.retention.subjects import RECORDS, SUBJECTS, Subject

__all__ = [
    "MOST", "NewProposals", "Proposed", "fingerprint", "forget", "needs_proposing", "on_erased", "propose",
    "propose_rows",
]  # fmt: skip

PROPOSAL = table_of(Proposal)
ANY_HERE = text("select 1 from proposal where council_id = :council_id limit 1")

MOST: Final = 1_000
"""Records proposed, or decided about, in one request."""

UNDECIDED: Final = ("until", "reason", "decided_at", "decided_kind", "decided_role", "decided_by")


class NewProposals(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to propose: `records` by key, or those of a class (`SERVICE/CLASS`) whose last day kept is `due_until`
    (inclusive, a date in London) or before; at most 1,000 of them, the longest due first."""

    records: tuple[UUID, ...] = ()
    record_class: str | None = None
    due_until: date | None = None


class Proposed(msgspec.Struct, frozen=True):
    """The records that are proposed now. `left_out` were named and are not: their rule asks for no review of them, they
    stand in the queue already, or there are none such."""

    records: tuple[UUID, ...]
    left_out: tuple[UUID, ...] = ()


def fingerprint(subject: Subject) -> ColumnElement[str]:
    """A digest over what a decision about a row rests on: what it says, its class, its rule, its last day kept, and
    where else it lies."""
    table = subject.table
    parts: list[ColumnElement[Any]] = [
        table.c.record_class, table.c.rule_hash, table.c.due_on, table.c.stage, table.c.medium, table.c.location,
        table.c[subject.collected],
    ]  # fmt: skip
    if subject is RECORDS:
        parts += [table.c["values"], table.c.system, table.c.external_key]
    else:
        entry = REGISTER_ENTRY
        line = func.jsonb_build_array(entry.c.position, entry.c.file_id, entry.c.name, entry.c.attended)
        entries = select(aggregate_order_by(func.jsonb_agg(line), entry.c.position)).where(
            entry.c.council_id == table.c.council_id, entry.c.register_id == table.c.id
        )
        parts += [table.c.title, entries.correlate(table).scalar_subquery()]
    said = cast(func.jsonb_build_array(*parts), Text)
    return func.encode(func.sha256(func.convert_to(said, "UTF8")), "hex", type_=Text)


def needs_proposing(subject: Subject, today: date) -> ColumnElement[bool]:
    """Whether nothing that still holds stands in the queue about a row."""
    table = subject.table
    holds = or_(
        PROPOSAL.c.state.in_(("open", "rejected")),
        and_(PROPOSAL.c.state == "deferred", PROPOSAL.c.until > today),
        and_(PROPOSAL.c.state == "approved", PROPOSAL.c.until >= today),
    )
    standing = select(PROPOSAL.c.id).where(
        PROPOSAL.c.council_id == table.c.council_id,
        PROPOSAL.c.record_id == table.c.id,
        PROPOSAL.c.fingerprint == fingerprint(subject),
        holds,
    )
    return ~standing.correlate(table).exists()


def propose_rows(session: CouncilSession, subject: Subject, which: ColumnElement[bool], actor: Actor) -> list[UUID]:
    """Propose the rows that `which` is true of and that need it; the caller holds the locks of their files."""
    table, today = subject.table, session.clock.today()
    before = and_(PROPOSAL.c.council_id == table.c.council_id, PROPOSAL.c.record_id == table.c.id)
    again = case(
        (PROPOSAL.c.record_id.is_(None), null()),
        (PROPOSAL.c.fingerprint != fingerprint(subject), "changed"),
        (PROPOSAL.c.state == "deferred", "deferred"),
        else_="lapsed",
    )
    values: dict[str, ColumnElement[Any]] = {
        "council_id": table.c.council_id,
        "record_id": table.c.id,
        "id": func.gen_random_uuid(),
        "kept_in": literal(subject.name),
        "record_class": table.c.record_class,
        "due_on": table.c.due_on,
        "fingerprint": fingerprint(subject),
        "state": literal("open"),
        "again": cast(again, Text),
        "proposed_at": literal(session.clock.now()),
        "proposed_kind": literal(actor.kind),
        "proposed_role": literal(actor.role),
        "proposed_by": cast(literal(actor.id, Uuid), Uuid),
    }
    columns = [value.label(name) for name, value in values.items()]
    found = select(*columns).select_from(table.outerjoin(PROPOSAL, before))
    statement = insert(PROPOSAL).from_select(list(values), found.where(which, needs_proposing(subject, today)))
    renewed = {name: statement.excluded[name] for name in values if name not in ("council_id", "record_id")}
    nothing: dict[str, Any] = dict.fromkeys(UNDECIDED, null())
    made = session.execute(
        statement.on_conflict_do_update(index_elements=["council_id", "record_id"], set_=renewed | nothing).returning(
            PROPOSAL.c.record_id, PROPOSAL.c.again
        )
    ).all()
    for why in {row.again for row in made}:
        told = {"again": why} if why else {}
        mine = [row.record_id for row in made if row.again == why]
        record_many(session, AuditEvent.DISPOSAL_PROPOSED, mine, **told)
    return [row.record_id for row in made]


def propose(session: CouncilSession, caller: Caller, new: NewProposals) -> Proposed:
    """Propose records whose rule asks for a review, ahead of their day too.

    Raises `InvalidInput` unless either records or a class with a day are named, `NotFound` for an unknown class,
    `Forbidden`.
    """
    services = caller.require_somewhere(Permission.PROPOSE_DISPOSAL)
    if bool(new.records) == (new.record_class is not None) or len(new.records) > MOST:
        raise InvalidInput(f"Name from 1 to {MOST} records, or a class and a day.", where="records")
    if (new.record_class is None) != (new.due_until is None):
        raise InvalidInput("A class and a day go together.", where="due_until")
    policy = adopted(session)
    if new.record_class is not None:
        policy.record_class(new.record_class)
        caller.require(Permission.PROPOSE_DISPOSAL, new.record_class.partition("/")[0])
    keys = [key for key in clocks(policy) if _within(key, services, new.record_class)]
    locks.shared(session)
    made: list[UUID] = []
    for subject in SUBJECTS:
        table = subject.table
        wanted = and_(
            table.c.council_id == session.council_id,
            is_clocked(session, subject, keys),
            table.c.action == REVIEW,
            table.c.disposal.is_(None),
            table.c.due_on <= new.due_until if new.due_until is not None else with_ids(session, new.records)(table),
        )
        ids = _locked(session, subject, select(table.c.id, subject.lock_id).where(wanted), MOST - len(made))
        if ids:
            made += propose_rows(session, subject, and_(with_ids(session, ids)(table), wanted), caller.actor)
    return Proposed(tuple(made), tuple(key for key in dict.fromkeys(new.records) if key not in made))


def _within(key: str, services: frozenset[str] | None, record_class: str | None) -> bool:
    return record_class in (None, key) and (services is None or key.partition("/")[0] in services)


def _locked(session: CouncilSession, subject: Subject, wanted: Select[Any, Any], limit: int) -> list[UUID]:
    """The keys of some rows, whose files (or which, of registers) are locked; those that need no proposing left out."""
    table = subject.table
    needed = wanted.where(needs_proposing(subject, session.clock.today()))
    rows = session.execute(needed.order_by(table.c.due_on, table.c.id).limit(limit)).all()
    if subject is RECORDS:
        lock_files(session, sorted({row[1] for row in rows}))
    elif rows:
        mine = select(table.c.id).where(with_ids(session, [row[0] for row in rows])(table)).order_by(table.c.id)
        session.execute(mine.with_for_update(key_share=True))
    return [row[0] for row in rows]


def forget(session: CouncilSession, record_ids: Sequence[UUID]) -> None:
    """These records are gone, or emptied: nothing is to be decided about them any more."""
    if not record_ids:
        return
    if session.ask(ANY_HERE, {"council_id": session.council_id}):  # most councils' queues are empty most of the time
        session.execute(delete(PROPOSAL).where(with_ids(session, record_ids, "record_id")(PROPOSAL)))


def on_erased(session: CouncilSession, payload: Erased) -> None:
    """Rows are gone for good; those of a clocked table may stand in the queue."""
    if any(payload.table == subject.name for subject in SUBJECTS):
        forget(session, payload.ids)
