"""What no import brings: paper records with their place, course registers about several people, and a programme.

Laid over the generated clients through the same functions that the pages and the API use. Only classes that a council
declares are filled: one that has no paper and no registers gets none. Only a programme that a decision of the
demonstration made up gets participants.
"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import select

from muniment.accounts.permissions import Caller, command_caller
from muniment.api.retention import RecordClass
from muniment.cli.context import Context as Deployment
from muniment.clients.context import Context
from muniment.clients.events import NewEnrolment, end_programme, enrol
from muniment.clients.facts import FILE, RECORD, REGISTER
from muniment.clients.records import NewRecord, add_record
from muniment.clients.registers import NewEntry, NewRegister, add_register
from muniment.database.session import CouncilSession
from muniment.policy.model import Policy

__all__ = ["add_what_no_import_brings"]

PAPER_FILES = 150
REGISTERS = 60
SEATS = 8
PARTICIPANTS = 60
ENDED_AGO = timedelta(days=3 * 365)
"""How long before the first run a made-up programme ended."""


def add_what_no_import_brings(deployment: Deployment, council_id: UUID, policy: Policy, today: date) -> str:
    """Add them in one transaction, once; returns one line that says what was added."""
    caller = command_caller(council_id, deployment.actor.name)
    counts = {"paper records": 0, "registers": 0, "enrolments": 0}
    with deployment.database.council(council_id, deployment.actor) as session:
        context = Context.of(session, deployment.plugins, deployment.keys)
        if _added_before(session):
            return "Paper records and registers: added by an earlier run"
        for slug, service in policy.services.items():
            random = Random(f"{policy.council.slug}/{slug}")  # noqa: S311 - generated people, not secrets
            files = _some_files(session, slug)
            for record_class in service.retention.classes:
                if record_class.shape == "register":
                    counts["registers"] += _registers(
                        session, caller, context, slug, record_class, files, random, today
                    )
                elif record_class.media == ("paper",):
                    counts["paper records"] += _paper(session, caller, context, record_class, files)
            for programme in service.retention.programmes:
                if programme.generated:
                    counts["enrolments"] += _participants(session, caller, programme.programme, files, today)
    return "Added: " + ", ".join(f"{count} {what}" for what, count in counts.items())


def _added_before(session: CouncilSession) -> bool:
    paper = select(RECORD.c.id).where(RECORD.c.council_id == session.council_id, RECORD.c.medium == "paper")
    register = select(REGISTER.c.id).where(REGISTER.c.council_id == session.council_id)
    return session.execute(paper.union_all(register).limit(1)).first() is not None


def _some_files(session: CouncilSession, service: str) -> list[tuple[UUID, date]]:
    found = (
        select(FILE.c.id, FILE.c.opened_on)
        .where(FILE.c.council_id == session.council_id, FILE.c.service == service)
        .order_by(FILE.c.opened_on, FILE.c.id)
        .limit(PAPER_FILES)
    )
    return [(row.id, row.opened_on) for row in session.execute(found)]


def _paper(
    session: CouncilSession, caller: Caller, context: Context, record_class: RecordClass, files: list[tuple[UUID, date]]
) -> int:
    for number, (file_id, opened_on) in enumerate(files):
        place = f"Generated store, shelf {number // 20 + 1}, box {number % 20 + 1}"
        new = NewRecord(record_class=record_class.id, medium="paper", recorded_on=opened_on, location=place)
        add_record(session, caller, context, file_id, new)
    return len(files)


def _participants(
    session: CouncilSession, caller: Caller, programme: str, files: list[tuple[UUID, date]], today: date
) -> int:
    """Enrol the oldest files, and state when the programme ended: one fact, not a date for each of them."""
    enrolled = files[:PARTICIPANTS]
    for file_id, opened_on in enrolled:
        enrol(session, caller, file_id, NewEnrolment(programme=programme, started_on=opened_on))
    end_programme(session, caller, programme, today - ENDED_AGO)
    return len(enrolled)


def _registers(
    session: CouncilSession,
    caller: Caller,
    context: Context,
    service: str,
    record_class: RecordClass,
    files: list[tuple[UUID, date]],
    random: Random,
    today: date,
) -> int:
    medium: Any = record_class.media[0]
    for number in range(REGISTERS):
        seated = random.sample(files, min(SEATS, len(files)))
        add_register(
            session,
            caller,
            context,
            NewRegister(
                service=service,
                record_class=record_class.id,
                title=f"Generated course {number + 1}",
                held_on=today - timedelta(days=random.randrange(1, 3650)),
                medium=medium,
                location=None if medium == "digital" else f"Generated store, folder {number + 1}",
                entries=tuple(NewEntry(attended=random.random() < 0.8, file_id=file_id) for file_id, _ in seated),
            ),
        )
    return REGISTERS
