"""What happens to a client or a programme on a day: milestones, enrolments, the end of a programme.

These are the days that retention clauses count from. The only last contact that counts is the client's own act; a
contact of another kind may be noted and moves no clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final, get_args
from uuid import UUID

import msgspec
from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.api.retention import Anchor, Event, When, Whose
from muniment.api.text import Slug
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.context import Context
from muniment.clients.locks import change_file, tell
from muniment.clients.parsing import check_day
from muniment.clients.programmes import require_programme
from muniment.clients.tables import Enrolment, Milestone, ProgrammeFact
from muniment.database.ids import new_id
from muniment.database.session import CouncilSession
from muniment.database.signals import ProgrammeChanged, programme_changed
from muniment.policy.model import ServicePolicy
from muniment.policy.store import adopted

__all__ = [
    "BIRTH",
    "NewEnrolment",
    "NewMilestone",
    "add_milestone",
    "end_programme",
    "enrol",
    "may_lie_ahead",
    "milestone_kinds",
    "remove_milestone",
]

DERIVED: Final = frozenset({"collection", "birth", "programme-end"})
"""Events that are no milestones: the record's own date, the date in the stub, a fact about the programme."""

BIRTH: Final = frozenset({"birth"})
"""A milestone of other people alone."""

MAY_LIE_AHEAD: Final = frozenset({"expiry", "membership-end"})
"""What is agreed beforehand by its nature; of others a policy says so (`ahead`)."""


class NewMilestone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A dated event. `own_act`: the client did it; `source` is a declared source. `whose` event it is: a birth is noted
    of a child, a parent or another person, for the client's own stands in the file."""

    kind: Slug
    happened_on: date
    source: str
    own_act: bool = False
    whose: Whose = "client"


class NewEnrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Time in a programme, both days inclusive; `ended_on` null while it lasts."""

    programme: Slug
    started_on: date
    ended_on: date | None = None


_NOTE = text(
    "insert into milestone (council_id, id, file_id, kind, whose, happened_on, own_act, source, noted_on)"
    " values (:council_id, :id, :file_id, :kind, :whose, :happened_on, :own_act, :source, :noted_on)"
    " on conflict on constraint uq_milestone_event do nothing returning id"
)


def milestone_kinds(policy: ServicePolicy) -> frozenset[str]:
    """The kinds of milestone a service may note: the events of the vocabulary, and those its clauses name."""
    conditions = [clause.when for rule in policy.retention.rules for clause in rule.clauses]
    named = {kind for when in conditions for kind in _of_condition(when)}
    named |= {anchor.milestone for anchor in _anchors(policy) if anchor.milestone is not None}
    return frozenset(get_args(Event)) - DERIVED | named


def may_lie_ahead(policy: ServicePolicy) -> frozenset[str]:
    """The kinds of milestone whose day may be noted before it comes."""
    said = {kind for anchor in _anchors(policy) if anchor.ahead and (kind := anchor.milestone or anchor.event)}
    return MAY_LIE_AHEAD | said


def add_milestone(session: CouncilSession, caller: Caller, context: Context, file_id: UUID, new: NewMilestone) -> UUID:
    """Note an event in a file. Raises `NotFound`, `Forbidden`, `InvalidInput`; `Conflict` if it is noted already."""
    file = change_file(session, caller, file_id)
    policy = context.policy.service(file.service)
    kinds = milestone_kinds(policy) | (BIRTH if new.whose != "client" else frozenset())
    if new.kind not in kinds:
        message = f"There is no such kind of milestone; there are: {', '.join(sorted(kinds))}."
        raise InvalidInput(message, where="kind", code="unknown-milestone")
    if all(source.id != new.source for source in policy.clients.sources):
        raise InvalidInput("The adopted policy declares no such source.", where="source", code="undeclared-source")
    today = session.clock.today()
    check_day(new.happened_on, "happened_on", None if new.kind in may_lie_ahead(policy) else today)
    noted = new_id()
    row = {"council_id": session.council_id, "id": noted, "file_id": file_id, "source": new.source}
    said = {"kind": new.kind, "whose": new.whose, "happened_on": new.happened_on, "own_act": new.own_act}
    if not session.ask(_NOTE, {**row, **said, "noted_on": today}):
        raise Conflict("This milestone is noted already.", code="noted")
    record(session, AuditEvent.MILESTONE_SET, file_id, milestone=noted, kind=new.kind)
    tell(session, [file_id], "milestone")
    return noted


def remove_milestone(session: CouncilSession, caller: Caller, file_id: UUID, milestone_id: UUID) -> None:
    """Take back an event that was noted by mistake. Raises `NotFound`, `Forbidden`."""
    change_file(session, caller, file_id)
    kind = session.scalar(
        delete(Milestone)
        .where(Milestone.council_id == session.council_id, Milestone.id == milestone_id, Milestone.file_id == file_id)
        .returning(Milestone.kind)
    )
    if kind is None:
        raise NotFound("This client file has no such milestone.")
    record(session, AuditEvent.MILESTONE_UNSET, file_id, milestone=milestone_id, kind=kind)
    tell(session, [file_id], "milestone")


def enrol(session: CouncilSession, caller: Caller, file_id: UUID, new: NewEnrolment) -> None:
    """Note that a client joined a programme; the same programme and first day again changes the last day.

    The adopted policy names the programme. The last day may be one that is agreed and lies ahead. Raises `NotFound`,
    `Forbidden`, `InvalidInput`.
    """
    change_file(session, caller, file_id)
    require_programme(adopted(session), new.programme)
    check_day(new.started_on, "started_on", session.clock.today())
    if new.ended_on is not None:
        check_day(new.ended_on, "ended_on")
        if new.ended_on < new.started_on:
            raise InvalidInput("The last day lies before the first.", where="ended_on", code="not-in-order")
    there = session.scalars(
        select(Enrolment).where(
            Enrolment.council_id == session.council_id,
            Enrolment.file_id == file_id,
            Enrolment.programme == new.programme,
            Enrolment.started_on == new.started_on,
        )
    ).one_or_none()
    if there is None:
        session.add(
            Enrolment(
                council_id=session.council_id,
                file_id=file_id,
                programme=new.programme,
                started_on=new.started_on,
                ended_on=new.ended_on,
            )
        )
    else:
        there.ended_on = new.ended_on
    session.flush()
    event = AuditEvent.ENROLMENT_MADE if there is None else AuditEvent.ENROLMENT_CHANGED
    record(session, event, file_id, programme=new.programme)
    tell(session, [file_id], "enrolment")


def end_programme(session: CouncilSession, caller: Caller, programme: str, happened_on: date) -> None:
    """State the day a programme ends, for everybody who was in it; stating it again corrects the day.

    The adopted policy names the programme; the day may lie ahead, but not beyond 2100. Needs `clients.write` for every
    service, since a programme may serve several. Raises `Forbidden`, `InvalidInput`.
    """
    caller.require(Permission.WRITE_CLIENTS)
    require_programme(adopted(session), programme)
    check_day(happened_on, "happened_on")
    fact = insert(ProgrammeFact).values(
        council_id=session.council_id, programme=programme, kind="ended", happened_on=happened_on
    )
    session.execute(
        fact.on_conflict_do_update(
            index_elements=["council_id", "programme", "kind"], set_={"happened_on": happened_on}
        )
    )
    record(session, AuditEvent.PROGRAMME_ENDED, programme=programme, on=happened_on)
    programme_changed.send(session, ProgrammeChanged(programme))


def _anchors(policy: ServicePolicy) -> Iterator[Anchor]:
    """Every day that the rules of a service read."""
    yield from _within(policy.retention.defaults.anchor)
    for period in policy.retention.programmes:
        yield from _within(period.anchor)
    for rule in policy.retention.rules:
        for clause in rule.clauses:
            yield from _within(clause.anchor)
            yield from _compared(clause.when)


def _within(anchor: Anchor | None) -> Iterator[Anchor]:
    if anchor is not None:
        yield anchor
        for inner in anchor.either:
            yield from _within(inner)


def _compared(when: When | None) -> Iterator[Anchor]:
    if when is None:
        return
    for anchor in (when.anchor, when.before, when.after):
        yield from _within(anchor)
    for inner in (*when.either, when.never):
        yield from _compared(inner)


def _of_condition(when: When | None) -> Iterator[str]:
    if when is None:
        return
    yield from (kind for kind in (when.milestone, when.no_milestone) if kind is not None)
    for inner in (*when.either, when.never):
        yield from _of_condition(inner)
