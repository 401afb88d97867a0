"""What became of a thing on a destruction list that was not destroyed: it was not found, or it is still needed.

Nothing here destroys. What was looked for and not found stays outstanding until it is lost: until somebody else has
looked as well and not found it, or a reviewer accepts it with a reason; only then its row goes, and the certificate
says so. What is still needed comes under a hold of its own, with a legal ground and a day of review: it stays among
what is outstanding, off the list for the shredder, and is to be destroyed again when the hold has ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, null, or_, select, update

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, Forbidden, InvalidInput
from muniment.clients.facts import RECORD
from muniment.database.ids import new_id
from muniment.database.packed import Keys
from muniment.database.registry import table_of
from muniment.database.session import Actor, CouncilSession
from muniment.retention import locks
from muniment.retention.deliveries import Delivery, under_way
from muniment.retention.disposal.destruction import Outcome, close, lock_named, note, refuse_held
from muniment.retention.evidence.ledger import Ledger
from muniment.retention.holds.cases import stand_on
from muniment.retention.holds.placing import NewHold, check_words
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.tables import Awaiting

__all__ = ["Searched", "accept_lost", "forget_searches", "not_found", "still_needed"]

AWAITING = table_of(Awaiting)
DELIVERY = table_of(Delivery)
LONGEST: Final = 2_000

LOOKED = "looked for at its place and not found"
LOOKED_TWICE = "looked for at its place by two people and not found"

SEARCH = ("searched_on", "searched_kind", "searched_role", "searched_by")


class Searched(msgspec.Struct, frozen=True):
    """How many things were noted as not found, and how many of these count as lost, since two people have looked."""

    noted: int
    lost: int


def not_found(
    session: CouncilSession, caller: Caller, ledger: Ledger, record_ids: Sequence[UUID], *, searched_on: date
) -> Searched:
    """Note that somebody looked for things, on a day in London, and did not find them; all of them or none.

    They stay outstanding. One that somebody else had looked for before is lost now; a program's search is noted and
    counts as nobody's. Raises `NotFound` if one awaits no destruction, `Conflict` if one lies in a system and not on
    paper, or one that would be lost is known to a system or has a hold on it, `InvalidInput`, `Forbidden`.
    """
    if searched_on > session.clock.today():
        raise InvalidInput("The day of the search lies in the future.", where="searched_on")
    locked = lock_named(session, caller, Permission.SWEEP_RETENTION, record_ids)
    searched = _searches(session, locked)
    others = {key for key, who in searched.items() if who is not None and _two_people(who, caller.actor)}
    lost = _those(locked, lambda key: key in others)
    first = _those(locked, lambda key: key not in others)
    _refuse_in_system(session, first, but_on_paper=True)
    _refuse_in_system(session, lost)
    if lost:
        refuse_held(session, lost)
        close(session, ledger, lost, Outcome("lost", searched_on, LOOKED_TWICE, caller.actor))
    if first:
        by = caller.actor
        values = {"searched_on": searched_on, "searched_kind": by.kind, "searched_role": by.role, "searched_by": by.id}
        session.execute(update(AWAITING).where(_of(session, first), *_not_a_persons(by)).values(values))
        note(session, ledger, first, Outcome("not-found", searched_on, LOOKED, caller.actor))
    return Searched(sum(map(len, locked.values())), len(others))


def accept_lost(
    session: CouncilSession, caller: Caller, ledger: Ledger, record_ids: Sequence[UUID], *, reason: str
) -> int:
    """Accept that things which were looked for and not found are lost, all of them or none; returns how many.

    The caller reviews disposals and is not who looked. `reason` is without personal data. Raises `NotFound` if one
    awaits no destruction, `Conflict` if nobody has looked for one, a system holds it or a hold stands on it,
    `InvalidInput`, `Forbidden`.
    """
    if not reason.strip():
        raise InvalidInput("Say why it is accepted that they are lost.", where="reason")
    if len(reason) > LONGEST:
        raise InvalidInput(f"At most {LONGEST} characters.", where="reason")
    locked = lock_named(session, caller, Permission.REVIEW_DISPOSAL, record_ids)
    _refuse_in_system(session, locked)
    for key, who in _searches(session, locked).items():
        if who is None:
            raise Conflict(f"Nobody has looked for {key} yet: note first that it was not found.", code="not-searched")
        match caller.actor.not_second_to(who):
            case "own":
                raise Forbidden(f"Whoever looked for {key} cannot accept that it is lost: somebody else must.")
            case "program":
                raise Forbidden(f"A program is no second person: a person accepts that {key} is lost.")
    refuse_held(session, locked)
    close(session, ledger, locked, Outcome("lost", session.clock.today(), reason.strip(), caller.actor))
    return sum(map(len, locked.values()))


def still_needed(
    session: CouncilSession,
    caller: Caller,
    ledger: Ledger,
    record_ids: Sequence[UUID],
    *,
    basis: str,
    ground: str,
    authoriser: str,
    review_on: date,
) -> tuple[UUID, ...]:
    """Keep things from the shredder: a hold on each, all or none; returns the holds' keys.

    The words are those of a hold (`NewHold`). Raises `NotFound` if one awaits no destruction, `Conflict` while a system
    is being asked to erase one, `InvalidInput`, `Forbidden` without `retention.hold`.
    """
    like = NewHold(scope="record", basis=basis, ground=ground, authoriser=authoriser, review_on=review_on)
    check_words(session, like)
    locks.alone(session)  # a courier that takes something along has come before, and is seen, or waits
    locked = lock_named(session, caller, Permission.HOLD_RECORDS, record_ids)
    _refuse_under_way(session, locked)
    holds = {key: new_id() for keys in locked.values() for key in keys}
    stand_on(session, like, holds)
    forget_searches(session, Keys.joined(locked.values()))
    note(session, ledger, locked, Outcome("still-needed", session.clock.today(), ground.strip(), caller.actor))
    return tuple(holds.values())


def forget_searches(session: CouncilSession, keys: Keys) -> None:
    """Have nobody's search count any more: the things have been found. The caller has locked their rows."""
    mine = with_ids(session, keys, "record_id")(AWAITING)
    session.execute(update(AWAITING).where(mine).values(dict.fromkeys(SEARCH, null())))


def _two_people(one: Actor, other: Actor) -> bool:
    return not one.is_program and other.not_second_to(one) is None


def _not_a_persons(by: Actor) -> tuple[ColumnElement[bool], ...]:
    """What a search must not take the place of: a program's, that of a person, which counts."""
    if not by.is_program:
        return ()
    kind = AWAITING.c.searched_kind
    return (or_(kind.is_(None), kind == by.kind),)


def _of(session: CouncilSession, locked: Mapping[str, Keys]) -> Any:
    return with_ids(session, Keys.joined(locked.values()), "record_id")(AWAITING)


def _searches(session: CouncilSession, locked: Mapping[str, Keys]) -> dict[UUID, Actor | None]:
    """Who looked for each of these before, None where nobody did.

    Raises `Conflict` for one that no certificate knows (a ledger of before certificates were kept emptied it again).
    """
    rows = session.execute(select(AWAITING).where(_of(session, locked)).order_by(AWAITING.c.record_id)).all()
    if len(rows) != sum(map(len, locked.values())):
        message = "No certificate awaits one of these, so no search is noted: confirm it when it is destroyed."
        raise Conflict(message, code="no-certificate")
    return {
        row.record_id: None
        if row.searched_on is None
        else Actor(row.searched_kind, row.searched_by, role=row.searched_role)
        for row in rows
    }


def _refuse_in_system(session: CouncilSession, locked: Mapping[str, Keys], *, but_on_paper: bool = False) -> None:
    """Raise `Conflict` for what a system is known to hold: were it lost, nobody would have it erased there. What lies
    on paper too may be looked for."""
    mine = with_ids(session, locked.get(RECORD.name, Keys()))(RECORD)
    known = select(RECORD.c.id, RECORD.c.system).where(mine, RECORD.c.system.is_not(None))
    if but_on_paper:
        known = known.where(RECORD.c.medium != "paper")
    row = session.execute(known.order_by(RECORD.c.id).limit(1)).one_or_none()
    if row is not None:
        message = f"{row.id} is in {row.system}: it is not lost while that may hold it."
        raise Conflict(f"{message} If it is gone there, confirm that.", code="in-system")


def _refuse_under_way(session: CouncilSession, locked: Mapping[str, Keys]) -> None:
    """Raise `Conflict` for what a courier may be having erased at this moment: no hold would reach it."""
    mine = with_ids(session, locked.get(RECORD.name, Keys()), "record_id")(DELIVERY)
    taken = under_way(session, datetime.now(UTC)).where(mine)
    key = session.scalar(taken.order_by(DELIVERY.c.record_id).limit(1))
    if key is not None:
        message = f"{key} may be being erased in its system at this moment. Try again in three minutes."
        raise Conflict(message, code="under-way")


def _those(locked: Mapping[str, Keys], which: Any) -> dict[str, Keys]:
    found = {name: Keys.of(key for key in keys if which(key)) for name, keys in locked.items()}
    return {name: keys for name, keys in found.items() if keys}
