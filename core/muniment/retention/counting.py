"""From which day a clause counts for a record, and where that day comes from, in words."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from muniment.api.retention import Anchor
from muniment.clients.facts import MILESTONE
from muniment.database.session import CouncilSession
from muniment.retention.rules.clause_sql import WITHDRAWN
from muniment.retention.rules.compile import ClauseClock
from muniment.retention.subjects import RECORDS, Subject
from muniment.retention.words import anchor_words, day_words

__all__ = ["counts_from"]


def counts_from(session: CouncilSession, subject: Subject, lock_id: UUID | None, entry: ClauseClock, line: Any) -> str:
    """The day in words, with its source; empty where the clause counts from none. `line` is the clause as it stands."""
    if line.state not in ("dated", "running") or entry.anchor is None:
        return ""
    words = anchor_words(entry.anchor)
    if line.anchor_on is None:
        return f"{words}, which has not happened"
    return f"{day_words(line.anchor_on)}: {words}{_source(session, subject, lock_id, entry.anchor, line.anchor_on)}"


def _source(session: CouncilSession, subject: Subject, lock_id: UUID | None, anchor: Anchor, day: date) -> str:
    """Where the date of a milestone comes from; `day` is the one that the clause counts from."""
    own_birth = anchor.event == "birth" and anchor.whose == "client"
    if subject is not RECORDS or anchor.on is not None or own_birth or anchor.event in ("collection", "programme-end"):
        return {"collection": ", the record's own date", "birth": ", from the client file"}.get(anchor.event or "", "")
    order = MILESTONE.c.happened_on.desc() if anchor.occurrence == "latest" else MILESTONE.c.happened_on.asc()
    kind = anchor.event or anchor.milestone
    of_file = MILESTONE.c.council_id == session.council_id, MILESTONE.c.file_id == lock_id
    mine = [*of_file, MILESTONE.c.kind == kind, MILESTONE.c.whose == anchor.whose]
    if anchor.event == "last-contact":
        mine.append(MILESTONE.c.own_act)
    found = session.execute(
        select(MILESTONE.c.source, MILESTONE.c.noted_on, MILESTONE.c.happened_on).where(*mine).order_by(order).limit(1)
    ).one_or_none()
    if kind == WITHDRAWN and (found is None or found.happened_on < day):
        return ", from the consent ledger"
    if found is None:
        return ""
    return f" on {day_words(found.happened_on)}, from {found.source}, noted {day_words(found.noted_on)}"
