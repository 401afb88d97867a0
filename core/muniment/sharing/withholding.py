"""Exports that may not be handed out any more: they are destroyed in the transaction of the change.

What the gate allowed it allowed at that moment. A file that nobody has fetched yet has not left: a withdrawal, a
restriction, an erasure or a stop reaches it, and whoever still wants it asks the gate again. One that is being fetched
holds the lock of its row, and was the last. Of one that was fetched before the bytes go too: nobody needs them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import select, text

from muniment.audit.events import AuditEvent
from muniment.audit.log import record_many
from muniment.clients.locks import LIMIT_AGAIN
from muniment.database.packed import Keys
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.database.signals import (
    ArrangementsChanged,
    ConsentsChanged,
    FieldsChanged,
    FilesChanged,
    PolicyAdopted,
    ValuesErased,
)
from muniment.files.store import remove_files
from muniment.sharing.arrangement_tables import SharingAgreement, SharingStop
from muniment.sharing.tables import ExportFile

__all__ = [
    "on_arrangements_changed", "on_consents_changed", "on_fields_changed", "on_files_changed", "on_policy_adopted",
    "on_values_erased", "waits",
]  # fmt: skip

EXPORT = table_of(ExportFile)

ENDS: Final = frozenset({"refused", "withdrawn", "expired", "superseded"})
"""The states of a consent or a permission that take something back."""

_DESTROY = (
    "with locked as (select e.id from export_file e"
    " join disclosure d on d.council_id = e.council_id and d.id = e.disclosure_id"
    " where e.council_id = :council_id and {which} order by e.id for update of e)"
    " delete from export_file e using locked where e.council_id = :council_id and e.id = locked.id"
    " returning e.id, e.disclosure_id"
)
"""Several are locked in the order of their keys: two changes that destroy the same ones wait in one direction."""

_ABOUT = text(
    _DESTROY.format(
        which="exists (select from disclosure_line l where l.council_id = d.council_id and l.disclosure_id = d.id"
        " and l.file_id = any(cast(:file_ids as uuid[])))"
    )
)
_TO_STOPPED = text(
    _DESTROY.format(
        which="exists (select from sharing_stop s where s.council_id = d.council_id"
        " and s.id = any(cast(:ids as uuid[])) and s.ended_on is null and s.service = d.service"
        " and s.recipient in (d.recipient, split_part(d.recipient, '/', 1)))"
    )
)
_UNDER_ENDED = text(
    _DESTROY.format(
        which="(d.service, d.recipient) in (select a.service, a.recipient from sharing_agreement a"
        " where a.council_id = d.council_id and a.id = any(cast(:ids as uuid[])))"
    )
)
_UNDER_ANOTHER = text(_DESTROY.format(which="d.policy_hash <> :policy"))
_OF_ARRANGEMENT: Final = {table_of(SharingStop).name: _TO_STOPPED, table_of(SharingAgreement).name: _UNDER_ENDED}


def waits(session: CouncilSession, disclosure_id: UUID) -> bool:
    """Whether a disclosure has a file that nobody has fetched yet. Checks no permission."""
    here = (EXPORT.c.council_id == session.council_id, EXPORT.c.disclosure_id == disclosure_id)
    return session.scalar(select(EXPORT.c.id).where(*here, EXPORT.c.opened_at.is_(None)).limit(1)) is not None


def on_files_changed(session: CouncilSession, changed: FilesChanged) -> None:
    """A restriction or an objection was placed, decided or lifted: what waits is asked for again."""
    if changed.what & {"limit", LIMIT_AGAIN}:
        _destroy_about(session, changed.file_ids)


def on_fields_changed(session: CouncilSession, changed: FieldsChanged) -> None:
    """Values were taken away."""
    if changed.erased:
        _destroy_about(session, changed.fields)


def on_consents_changed(session: CouncilSession, changed: ConsentsChanged) -> None:
    """A consent or a permission ended."""
    if changed.what & ENDS:
        _destroy_about(session, changed.file_ids)


def on_values_erased(session: CouncilSession, erased: ValuesErased) -> None:
    """Records were disposed of; with them goes what was copied out of them."""
    _destroy_about(session, erased.file_ids)


def on_arrangements_changed(session: CouncilSession, changed: ArrangementsChanged) -> None:
    """A recipient was stopped, or an agreement with it has ended."""
    _destroy(session, session.execute(_OF_ARRANGEMENT[changed.table], _here(session, ids=changed.ids)).all())


def on_policy_adopted(session: CouncilSession, adopted: PolicyAdopted) -> None:
    """Another policy is in force: what was decided under the one before is asked for again."""
    _destroy(session, session.execute(_UNDER_ANOTHER, {**_here(session), "policy": adopted.after}).all())


def _destroy_about(session: CouncilSession, file_ids: Collection[UUID]) -> None:
    _destroy(session, session.execute(_ABOUT, _here(session, file_ids=file_ids)).all())


def _destroy(session: CouncilSession, gone: Sequence[tuple[UUID, UUID]]) -> None:
    remove_files(session, [stored_id for stored_id, _ in gone])
    record_many(session, AuditEvent.EXPORT_WITHHELD, [disclosure_id for _, disclosure_id in gone])


def _here(session: CouncilSession, **keys: Collection[UUID]) -> dict[str, object]:
    return {"council_id": session.council_id, **{name: Keys.of(ids) for name, ids in keys.items()}}
