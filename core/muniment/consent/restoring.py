"""What people took back outlives a restore: what a copy must say of it, and writing it again.

A restored database has the consent and not the withdrawal that came after the backup, and the gate would open again.
What was given since is lost with the backup: whoever agreed then is asked again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, select, text

from muniment.clients.locks import lock_files
from muniment.consent.facts import CONSENT_EVENT, CONSENT_SUBJECT
from muniment.consent.ledger import Entry, append, send
from muniment.database.packed import Keys, any_of
from muniment.database.session import CouncilSession

__all__ = ["TAKES_BACK", "known_events", "take_back_again", "taken_back"]

TAKES_BACK: Final = frozenset({"refused", "withdrawn"})
"""The states of an act by which somebody takes back, or does not give."""

KEPT: Final = (
    "kind", "state", "purpose", "at", "policy_hash", "categories", "recipients", "named", "channel", "how", "authority",
)  # fmt: skip
"""What is written again of such an act, beside its key. What was handed in for it goes with the file."""

TAKEN_BACK: Final = text(
    f"select s.file_id, e.id, {', '.join(f'e.{name}' for name in KEPT)} from consent_subject s"  # noqa: S608
    " join consent_event e on e.council_id = s.council_id and e.subject_id = s.id"
    " where s.council_id = :council_id and s.file_id = any(:file_ids) and e.state = any(:states) and e.number ="
    " (select max(n.number) from consent_event n where n.council_id = s.council_id and n.subject_id = s.id)"
)
EVENT, SUBJECT = CONSENT_EVENT, CONSENT_SUBJECT
OF_SUBJECT = and_(EVENT.c.council_id == SUBJECT.c.council_id, EVENT.c.subject_id == SUBJECT.c.id)


def taken_back(session: CouncilSession, file_ids: Collection[UUID]) -> list[dict[str, Any]]:
    """The last events of these files' ledgers, of those that end with something taken back: `file_id`, `id`, `KEPT`."""
    wanted = {"council_id": session.council_id, "file_ids": Keys.of(file_ids), "states": sorted(TAKES_BACK)}
    return [row._asdict() for row in session.ask(TAKEN_BACK, wanted)]


def take_back_again(session: CouncilSession, row: Mapping[str, Any]) -> bool:
    """Add an event as `taken_back` told of it, with what follows; whether it was not there.

    Of a file that is not there nothing is added.
    """
    file = lock_files(session, [row["file_id"]]).get(row["file_id"])
    if file is None or row["id"] in known_events(session, [row["id"]]):
        return False
    append(session, file, Entry(**{name: row[name] for name in KEPT}), event_id=row["id"])
    send(session, [file.id], row["state"], again=True)
    return True


def known_events(session: CouncilSession, event_ids: Collection[UUID]) -> frozenset[UUID]:
    """Those of some events that stand in the ledger of a client file."""
    found = (
        select(EVENT.c.id)
        .join_from(EVENT, SUBJECT, OF_SUBJECT)
        .where(EVENT.c.council_id == session.council_id, any_of(EVENT.c.id, event_ids), SUBJECT.c.file_id.is_not(None))
    )
    return frozenset(session.scalars(found))
