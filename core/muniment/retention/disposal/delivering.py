"""Asking other systems to erase what was disposed of here, until each has: an outbox, a courier, and no promises.

A courier takes some of what is due for one system and commits that it has; asks the system with no transaction open;
then notes what came of it. Killed in between, it leaves the request to be made again when its lease has run out: at
least once, never lost, and the same idempotency key each time. One courier talks to a system at a time. What fails is
asked again with growing pauses; a system that keeps failing is left alone for a while, then tried with a single key.

Leases and pauses count the machine's time, as the schedule's do: a pretended day must not stop them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from muniment.api.connectors import Erasure, ErasureRequest, ToErase
from muniment.audit.events import AuditEvent
from muniment.audit.log import record_many
from muniment.clients.facts import RECORD
from muniment.database.packed import Keys
from muniment.database.registry import table_of
from muniment.database.session import Actor, CouncilSession, Database
from muniment.plugins.connectors import ConnectorFailed
from muniment.plugins.facade import CouncilFacade
from muniment.policy.model import Policy
from muniment.policy.store import adopted_or_none
from muniment.retention import locks
from muniment.retention.deliveries import ConnectedSystem, Delivery
from muniment.retention.disposal.destruction import Outcome, close, lock_awaiting
from muniment.retention.disposal.erasing import DELIVER, let_go_of_system
from muniment.retention.evidence.ledger import Ledger
from muniment.retention.holds.standing import held
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.subjects import RECORDS

__all__ = ["BATCH", "LEASE", "Courier", "asked_systems", "needed", "pause"]

log = structlog.get_logger(__name__)

DELIVERY = table_of(Delivery)
SYSTEM = table_of(ConnectedSystem)
COURIER = Actor("system", None, DELIVER)

BATCH = 100
"""Keys in one call."""

CALLS = 50
"""Calls in one go of the actor, which then asks to be called again."""

LEASE = timedelta(minutes=3)
"""How long a courier has a system to itself: both calls take a minute at most."""

TRIPS = 3
"""Calls in a row that come to nothing before a system is left alone."""

FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
LATEST = timedelta(days=30)
"""The longest that a system may put us off at a time."""


def pause(attempts: int, chance: Callable[[], float] = random.random) -> timedelta:
    """How long to wait after so many attempts: doubling from a minute to six hours, of which a part by chance, so that
    what failed together does not come back together."""
    whole: timedelta = min(FIRST_PAUSE * 2.0 ** min(attempts - 1, 20), LONGEST_PAUSE)
    return whole * (0.5 + chance() / 2)


@dataclass(frozen=True)
class _Batch:
    """What one call asks for. `records` are the keys of our rows by the key that the system knows them by."""

    plugin: str
    request: ErasureRequest
    records: Mapping[str, tuple[UUID, ...]]
    attempts: int

    @property
    def system(self) -> str:
        return f"{self.request.service}/{self.request.system}"

    @property
    def ids(self) -> list[UUID]:
        return [record_id for ids in self.records.values() for record_id in ids]

    def those(self, keys: Sequence[str]) -> _Batch:
        """The same request about some of its keys."""
        items = tuple(item for item in self.request.items if item.key in keys)
        request = ErasureRequest(
            self.request.council, self.request.service, self.request.system, self.request.record_class, items
        )
        return replace(self, request=request, records={key: self.records[key] for key in keys})


@dataclass(frozen=True)
class _Said:
    """What came of a call: the answer by key, and which of the erased were looked up; or why it came to nothing."""

    answers: Mapping[str, Erasure]
    verified: bool = False
    failure: str | None = None


class Courier:
    """Delivers for one council. Any number may, in as many processes; `now` is the machine's time."""

    def __init__(
        self,
        database: Database,
        council_id: UUID,
        ledger: Ledger,
        facade_of: Callable[[Policy], CouncilFacade],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database, self._council_id, self._ledger = database, council_id, ledger
        self._facade_of, self._now = facade_of, now

    def work(self, calls: int = CALLS) -> bool:
        """Make up to `calls` calls; whether there may be more to make at once."""
        for _ in range(calls):
            taken = self._take()
            if taken is None:
                return False
            batch, facade = taken
            self._settle(batch, _ask(facade, batch))
        return True

    def _take(self) -> tuple[_Batch, CouncilFacade] | None:
        """Lease the system that has waited longest and take some of what is due for it. Committed before any call."""
        now = self._now()
        with self._database.council(self._council_id, COURIER) as session:
            locks.shared(session)  # a hold has come before, and is seen, or waits
            policy = adopted_or_none(session)
            if policy is None:
                return None
            facade = self._facade_of(policy)
            free = ~exists().where(
                SYSTEM.c.council_id == DELIVERY.c.council_id,
                SYSTEM.c.system == DELIVERY.c.system,
                or_(SYSTEM.c.leased_until > now, SYSTEM.c.closed_until > now),
            )
            kinds = select(DELIVERY.c.system, DELIVERY.c.record_class).where(_due(session, now), free, ~needed(session))
            kinds = kinds.group_by(DELIVERY.c.system, DELIVERY.c.record_class).order_by(func.min(DELIVERY.c.due_at))
            for system, record_class in session.execute(kinds).all():
                failures = _lease(session, system, now)
                if failures is None:
                    continue
                batch = _batch(session, policy, system, record_class, now, 1 if failures >= TRIPS else BATCH)
                if batch is not None:
                    return batch, facade
                _free(session, system, now)
            return None

    def _settle(self, batch: _Batch, said: _Said) -> None:
        """Note what came of a call: confirm what is gone, put off what is not, give the system back."""
        now = self._now()
        with self._database.council(self._council_id, COURIER) as session:
            locks.shared(session)
            there = {row.id for rows in lock_awaiting(session, batch.ids).values() for row in rows}
            gone: dict[str, list[UUID]] = {}
            refused: dict[str, list[UUID]] = {}
            for key, answer in said.answers.items():
                ids = [record_id for record_id in batch.records[key] if record_id in there]
                match answer.outcome:
                    case "erased" | "unknown":
                        gone.setdefault(answer.outcome, []).extend(ids)
                    case "refused":
                        refused.setdefault(answer.reason or "refused", []).extend(ids)
                    case "later" if answer.after is not None:
                        _put_off(session, ids, "later", min(max(answer.after, now + FIRST_PAUSE), now + LATEST))
                    case _:
                        _put_off(session, ids, answer.reason or "failed", now + pause(batch.attempts))
            for reason, ids in refused.items():
                session.execute(
                    update(DELIVERY)
                    .where(with_ids(session, ids, "record_id")(DELIVERY))
                    .values(state="refused", reason=reason)
                )
                record_many(session, AuditEvent.DELIVERY_REFUSED, ids, system=batch.system, reason=reason)
            _give_back(session, batch, said, now)
            for outcome, ids in gone.items():
                erased = Keys.of(ids)
                whole = erased.without([let_go_of_system(session, erased, batch.system)])
                if whole:
                    method = _method(batch, outcome, verified=said.verified)
                    done = Outcome("destroyed", session.clock.today(), method, COURIER)
                    close(session, self._ledger, {RECORD.name: whole}, done)


def _ask(facade: CouncilFacade, batch: _Batch) -> _Said:
    """Ask the system, then look whether what it calls erased is gone. No transaction is open."""
    try:
        answers = dict(facade.erase_in_system(batch.plugin, batch.request))
        erased = [key for key, answer in answers.items() if answer.outcome == "erased"]
        if not erased:
            return _Said(answers)
        try:
            held = facade.still_in_system(batch.plugin, batch.those(erased).request)
        except ConnectorFailed as error:
            unseen = {key: Erasure(key, "failed", reason="not-looked-up") for key in erased}
            return _Said(answers | unseen, failure=error.code)
        lied = {key: Erasure(key, "failed", reason="still-there") for key in held or ()}
        return _Said(answers | lied, verified=held is not None)
    except ConnectorFailed as error:
        failed = {key: Erasure(key, "failed", reason=error.code) for key in batch.records}
        return _Said(failed, failure=error.code)


def _due(session: CouncilSession, now: datetime) -> ColumnElement[bool]:
    return and_(DELIVERY.c.council_id == session.council_id, DELIVERY.c.state == "waiting", DELIVERY.c.due_at <= now)


def needed(session: CouncilSession) -> ColumnElement[bool]:
    """Whether a hold stands on what was emptied here, or a record that is kept is known to the system by the same key:
    then it must not be erased there yet."""
    gone, kept = RECORD.alias("gone"), RECORD.alias("kept")
    here = (gone.c.council_id == DELIVERY.c.council_id, gone.c.id == DELIVERY.c.record_id)
    on_hold = exists().where(*here, held(session, RECORDS, gone))
    return on_hold | exists().where(
        *here,
        kept.c.council_id == gone.c.council_id,
        kept.c.external_key == gone.c.external_key,
        kept.c.system == gone.c.system,
        kept.c.record_class == gone.c.record_class,
        kept.c.disposal.is_(None),
    )


def _lease(session: CouncilSession, system: str, now: datetime) -> int | None:
    """Take a system for oneself; how often it has failed in a row, or None where somebody else has it."""
    taken = upsert(SYSTEM).values(council_id=session.council_id, system=system, leased_until=now + LEASE)
    taken = taken.on_conflict_do_update(
        index_elements=["council_id", "system"],
        set_={"leased_until": now + LEASE},
        where=and_(SYSTEM.c.leased_until <= now, or_(SYSTEM.c.closed_until.is_(None), SYSTEM.c.closed_until <= now)),
    )
    failures: int | None = session.scalar(taken.returning(SYSTEM.c.failures))
    return failures


def _free(session: CouncilSession, system: str, now: datetime) -> None:
    """Give a system back that nothing was asked of."""
    here = and_(SYSTEM.c.council_id == session.council_id, SYSTEM.c.system == system)
    session.execute(update(SYSTEM).where(here).values(leased_until=now))


def _batch(
    session: CouncilSession, policy: Policy, system: str, record_class: str, now: datetime, limit: int
) -> _Batch | None:
    """Take what is due for a leased system in one class; it comes back by itself if nobody notes what came of it.

    None where another courier has taken it since it was looked for.
    """
    query = (
        select(RECORD.c.id, RECORD.c.external_key, DELIVERY.c.attempts)
        .join_from(
            DELIVERY, RECORD, and_(RECORD.c.council_id == DELIVERY.c.council_id, RECORD.c.id == DELIVERY.c.record_id)
        )
        .where(
            _due(session, now), DELIVERY.c.system == system, DELIVERY.c.record_class == record_class, ~needed(session)
        )
        .order_by(DELIVERY.c.due_at, DELIVERY.c.record_id)
        .limit(limit)
    )
    rows = session.execute(query).all()
    if not rows:
        return None
    records: dict[str, tuple[UUID, ...]] = {}
    for row in rows:
        records[row.external_key] = (*records.get(row.external_key, ()), row.id)
    attempts = max(row.attempts for row in rows) + 1
    session.execute(
        update(DELIVERY)
        .where(with_ids(session, [row.id for row in rows], "record_id")(DELIVERY))
        .values(attempts=DELIVERY.c.attempts + 1, due_at=now + LEASE + pause(attempts))
    )
    service, _, system_id = system.partition("/")
    request = ErasureRequest(
        council=policy.council.slug,
        service=service,
        system=system_id,
        record_class=record_class.partition("/")[2],
        items=tuple(ToErase(key, str(ids[0])) for key, ids in records.items()),
    )
    return _Batch(_connector(policy, service, system_id), request, records, attempts)


def _connector(policy: Policy, service: str, system_id: str) -> str:
    """The plugin that a declared system names; empty where nothing is declared any more."""
    declared = policy.services[service].clients.systems if service in policy.services else ()
    return next((entry.connector or "" for entry in declared if entry.id == system_id), "")


def asked_systems(policy: Policy) -> frozenset[str]:
    """The systems, as `service/system`, that a connector asks under a policy."""
    return frozenset(
        f"{slug}/{entry.id}"
        for slug, service in policy.services.items()
        for entry in service.clients.systems
        if entry.connector
    )


def _put_off(session: CouncilSession, ids: Sequence[UUID], reason: str, until: datetime) -> None:
    session.execute(
        update(DELIVERY).where(with_ids(session, ids, "record_id")(DELIVERY)).values(due_at=until, reason=reason)
    )


def _give_back(session: CouncilSession, batch: _Batch, said: _Said, now: datetime) -> None:
    """End the lease; a call that came to nothing counts against the system, any answer clears it."""
    values: dict[str, Any] = {"leased_until": now, "reason": said.failure}
    here = and_(SYSTEM.c.council_id == session.council_id, SYSTEM.c.system == batch.system)
    if said.failure is None:
        values |= {"failures": 0, "closed_until": None, "answered_at": now}
    else:
        failures = session.scalars(select(SYSTEM.c.failures).where(here).with_for_update()).one() + 1
        closed = now + pause(failures - TRIPS + 1) if failures >= TRIPS else None
        values |= {"failures": failures, "closed_until": closed}
        log.warning("system_failed", council=str(session.council_id), system=batch.system, code=said.failure)
    session.execute(update(SYSTEM).where(here).values(values))


def _method(batch: _Batch, outcome: str, *, verified: bool) -> str:
    """How it was destroyed, in words for the certificate."""
    system = batch.request.system
    if outcome == "unknown":
        return f"{system} answered that it holds nothing under the key"
    looked = "and was looked up afterwards: gone" if verified else "by its own word: nobody looked afterwards"
    return f"erased in {system} through {batch.plugin}, {looked}"
