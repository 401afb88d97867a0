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
    DocumentWithdrawn,
    FieldsChanged,
    FilesChanged,
    PolicyAdopted,
    ProgrammeChanged,
    ValuesErased,
)
from muniment.files.store import remove_files
from muniment.policy.special import slots_of
from muniment.policy.store import adopted, adopted_or_none
from muniment.sharing.arrangement_tables import SharingAgreement, SharingStop
from muniment.sharing.tables import ExportFile

__all__ = [
    "on_arrangements_changed", "on_consents_changed", "on_document_withdrawn", "on_fields_changed", "on_files_changed",
    "on_policy_adopted", "on_programme_changed", "on_values_erased", "waits",
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
_FOR_PROGRAMMES = (
    " join unnest(cast(:services as text[]), cast(:recipients as text[]), cast(:programmes as text[]))"
    " as p (service, recipient, programme)"
    " on p.service = d.service and p.recipient in (d.recipient, split_part(d.recipient, '/', 1))"
)
_LEFT = (
    "exists (select from disclosure_line l{for_programmes} where l.council_id = d.council_id"
    " and l.disclosure_id = d.id and l.file_id = any(cast(:file_ids as uuid[])) and not exists ("
    "select from notice_given g where g.council_id = l.council_id and g.file_id = l.file_id"
    " and coalesce(g.version_id, g.document_id) in ("
    "select v.id from notice_version v where v.council_id = l.council_id and v.programme = p.programme union all"
    " select o.id from earlier_document o where o.council_id = l.council_id and o.programme = p.programme)"
    " and g.given_on >= (select max(e.started_on) from enrolment e where e.council_id = l.council_id"
    " and e.file_id = l.file_id and e.programme = p.programme and e.ended_on is null)))"
)
_OF_WHO_LEFT = text(_DESTROY.format(which=_LEFT.format(for_programmes=_FOR_PROGRAMMES)))
"""Of whom it is no longer known that they take part with no end in sight, and had the programme's notice since joining:
on the last day, which is said before it comes, nobody says anything again."""

_ANY = "exists (select from (select) as one{for_programmes} where p.programme = :programme)"
_OF_PROGRAMME = text(_DESTROY.format(which=_ANY.format(for_programmes=_FOR_PROGRAMMES)))
_WITH_FIELDS = text(_DESTROY.format(which="d.service = :service and d.fields && cast(:fields as text[])"))
_UNDER_ANOTHER = text(_DESTROY.format(which="d.policy_hash <> :policy"))
_OF_ARRANGEMENT: Final = {table_of(SharingStop).name: _TO_STOPPED, table_of(SharingAgreement).name: _UNDER_ENDED}


def waits(session: CouncilSession, disclosure_id: UUID) -> bool:
    """Whether a disclosure has a file that nobody has fetched yet. Checks no permission."""
    here = (EXPORT.c.council_id == session.council_id, EXPORT.c.disclosure_id == disclosure_id)
    return session.scalar(select(EXPORT.c.id).where(*here, EXPORT.c.opened_at.is_(None)).limit(1)) is not None


def on_files_changed(session: CouncilSession, changed: FilesChanged) -> None:
    """A restriction or an objection was placed, decided or lifted, and what waits is asked for again; or somebody may
    have left a programme, or joined it anew."""
    if changed.what & {"limit", LIMIT_AGAIN}:
        _destroy_about(session, changed.file_ids)
    elif "enrolment" in changed.what and (programmes := _programmes(session)):
        left = {**_here(session, file_ids=changed.file_ids), **programmes}
        _destroy(session, session.ask(_OF_WHO_LEFT, left))


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
    _destroy(session, session.ask(_OF_ARRANGEMENT[changed.table], _here(session, ids=changed.ids)))


def on_programme_changed(session: CouncilSession, changed: ProgrammeChanged) -> None:
    """A programme has ended or is to end: whoever is given something about those in it asks again."""
    if programmes := _programmes(session):
        ends = {**_here(session), **programmes, "programme": changed.programme}
        _destroy(session, session.ask(_OF_PROGRAMME, ends))


def on_document_withdrawn(session: CouncilSession, withdrawn: DocumentWithdrawn) -> None:
    """A policy document is out of force: what holds data that may have rested on its condition is asked for again."""
    slots = slots_of(adopted(session).service(withdrawn.service))
    fields = [name for name, slot in slots.items() if slot.kind != "ordinary"]
    held = {**_here(session), "service": withdrawn.service, "fields": fields}
    _destroy(session, session.ask(_WITH_FIELDS, held))


def on_policy_adopted(session: CouncilSession, changed: PolicyAdopted) -> None:
    """Another policy is in force: what was decided under the one before is asked for again."""
    _destroy(session, session.ask(_UNDER_ANOTHER, {**_here(session), "policy": changed.after}))


def _destroy_about(session: CouncilSession, file_ids: Collection[UUID]) -> None:
    _destroy(session, session.ask(_ABOUT, _here(session, file_ids=file_ids)))


def _destroy(session: CouncilSession, gone: Sequence[tuple[UUID, UUID]]) -> None:
    remove_files(session, [stored_id for stored_id, _ in gone])
    record_many(session, AuditEvent.EXPORT_WITHHELD, [disclosure_id for _, disclosure_id in gone])


def _programmes(session: CouncilSession) -> dict[str, list[str]]:
    """The recipients of the adopted policy that are there for a programme, by columns; nothing if there are none."""
    policy = adopted_or_none(session)
    services = {} if policy is None else policy.services
    found = [
        (slug, one.id, one.programme)
        for slug, service in services.items()
        for one in service.recipients.recipients
        if one.programme is not None
    ]
    names = ("services", "recipients", "programmes")
    return {name: [row[place] for row in found] for place, name in enumerate(names)} if found else {}


def _here(session: CouncilSession, **keys: Collection[UUID]) -> dict[str, object]:
    return {"council_id": session.council_id, **{name: Keys.of(ids) for name, ids in keys.items()}}
