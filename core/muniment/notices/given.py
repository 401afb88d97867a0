"""Who was given which notice when: proof that people were told (UK GDPR Arts 13, 14), and the end of Art 14's clock."""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from muniment.api.errors import InvalidInput, NotFound
from muniment.api.text import Slug
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.facts import FILE
from muniment.clients.locks import NO_FILE, change_file
from muniment.clients.parsing import check_day
from muniment.clients.programmes import require_programme
from muniment.clock import london_day
from muniment.database.ids import new_id
from muniment.database.session import CouncilSession
from muniment.notices.tables import EarlierDocument, NoticeGiven, NoticeVersion
from muniment.policy.store import adopted
from muniment.web.callers import Caller, Permission

__all__ = [
    "CHANNELS",
    "Channel",
    "EarlierView",
    "GivenView",
    "NewEarlier",
    "NewGiven",
    "called_document",
    "called_version",
    "earlier_documents",
    "give_notice",
    "given_to",
    "note_earlier",
    "notices_given",
    "refuse_unfit",
    "register_earlier",
]

Channel = Literal["in-person", "post", "email", "text-message", "telephone", "online-form", "by-referrer"]
CHANNELS: tuple[Channel, ...] = (
    "in-person", "post", "email", "text-message", "telephone", "online-form", "by-referrer",
)  # fmt: skip


class NewEarlier(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A document that people were given before: what it calls itself. Absent facts it did not state. `programme` is the
    one whose own notice it was, and absent for a notice of the service."""

    service: str
    title: str
    version: str = ""
    dated: date | None = None
    programme: Slug | None = None


class EarlierView(msgspec.Struct, frozen=True):
    """A registered earlier document."""

    id: UUID
    service: str
    title: str
    version: str
    dated: date | None
    programme: str | None


class NewGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A notice given to somebody: exactly one of `version` (a published one) and `document` (an earlier one).

    `on` is the day it was given, in London, today or before; a link that nobody was sent counts for nothing.
    """

    version: UUID | None = None
    document: UUID | None = None
    on: date
    channel: Channel


class GivenView(msgspec.Struct, frozen=True):
    """What somebody was given, and what it is called. `due_on` is the Art 14 day that was open until then, null if none
    was; `programme` the one whose own notice it is, null for a notice of the service."""

    id: UUID
    version: UUID | None
    document: UUID | None
    on: date
    channel: str
    due_on: date | None
    called: str
    programme: str | None


def register_earlier(session: CouncilSession, caller: Caller, new: NewEarlier) -> UUID:
    """Register an earlier document, once; the key it has. Raises `Forbidden`, `InvalidInput` without a title or for a
    programme that the adopted policy does not name, `NotFound` for a service that it does not have."""
    caller.require(Permission.PUBLISH_NOTICES, new.service)
    policy = adopted(session)
    policy.service(new.service)
    if not new.title.strip():
        raise InvalidInput("An earlier document has a title.", where="title")
    if new.programme is not None:
        require_programme(policy, new.programme)
    return note_earlier(session, new)


def note_earlier(session: CouncilSession, new: NewEarlier) -> UUID:
    """As `register_earlier`, for what a policy itself declares."""
    values = {"council_id": session.council_id, **msgspec.structs.asdict(new)}
    made = session.execute(
        insert(EarlierDocument).values(id=new_id(), **values).on_conflict_do_nothing().returning(EarlierDocument.id)
    ).scalar()
    if made is not None:
        record(session, AuditEvent.EARLIER_DOCUMENT_REGISTERED, made)
        return made
    known: UUID = session.scalars(
        select(EarlierDocument.id).where(
            EarlierDocument.council_id == session.council_id,
            EarlierDocument.service == new.service,
            EarlierDocument.title == new.title,
            EarlierDocument.version == new.version,
            EarlierDocument.dated.is_not_distinct_from(new.dated),
            EarlierDocument.programme.is_not_distinct_from(new.programme),
        )
    ).one()
    return known


def earlier_documents(session: CouncilSession) -> list[EarlierView]:
    """Every registered earlier document, by service and date."""
    rows = session.scalars(
        select(EarlierDocument)
        .where(EarlierDocument.council_id == session.council_id)
        .order_by(EarlierDocument.service, EarlierDocument.dated, EarlierDocument.title, EarlierDocument.id)
    )
    return [EarlierView(row.id, row.service, row.title, row.version, row.dated, row.programme) for row in rows]


def give_notice(session: CouncilSession, caller: Caller, file_id: UUID, new: NewGiven) -> UUID:
    """Note that the person of a client file was given a notice, and close the file's Art 14 clock if it runs.

    Raises `NotFound` for a file, version or document that is not there for the caller, `Forbidden`, and `InvalidInput`
    for a day to come, for what is not about the file's service or was not there on that day, or when not exactly one
    thing was given.
    """
    file = change_file(session, caller, file_id, though_limited=True)
    if (new.version is None) == (new.document is None):
        raise InvalidInput("Name one thing that was given: a version or an earlier document.", where="version")
    check_day(new.on, "on", session.clock.today())
    refuse_unfit(session, file.service, new.version, new.document, new.on)
    here = (FILE.c.council_id == session.council_id) & (FILE.c.id == file_id)
    due_on = session.execute(select(FILE.c.notice_due_on).where(here)).scalar_one()
    row = NoticeGiven(
        council_id=session.council_id,
        id=new_id(),
        file_id=file_id,
        version_id=new.version,
        document_id=new.document,
        given_on=new.on,
        channel=new.channel,
        due_on=due_on,
    )
    session.add(row)
    session.flush()
    if due_on is not None:
        session.execute(update(FILE).where(here).values(notice_due_on=None))
    record(session, AuditEvent.NOTICE_GIVEN, file_id, given=row.id)
    return row.id


def notices_given(session: CouncilSession, caller: Caller, file_id: UUID) -> list[GivenView]:
    """What the person of a client file was given, in order of day. The reading is an audit event.

    Raises `NotFound` if there is no such file that the caller may see, `Forbidden` if they may see none.
    """
    services = caller.require_somewhere(Permission.READ_CLIENTS)
    service = session.scalar(
        select(FILE.c.service).where(FILE.c.council_id == session.council_id, FILE.c.id == file_id)
    )
    if service is None or (services is not None and service not in services):
        raise NotFound(NO_FILE)
    record(session, AuditEvent.FILE_READ, file_id)
    return given_to(session, file_id)


def given_to(session: CouncilSession, file_id: UUID) -> list[GivenView]:
    """As `notices_given`, of a file that was opened already. Checks no permission."""
    given, version, document = NoticeGiven, NoticeVersion, EarlierDocument
    rows = session.execute(
        select(given, version.notice, version.number, version.language, document.title, document.version,
               func.coalesce(version.programme, document.programme).label("programme"))
        .outerjoin(version, (version.council_id == given.council_id) & (version.id == given.version_id))
        .outerjoin(document, (document.council_id == given.council_id) & (document.id == given.document_id))
        .where(given.council_id == session.council_id, given.file_id == file_id)
        .order_by(given.given_on, given.id)
    )  # fmt: skip
    return [
        GivenView(
            row.id, row.version_id, row.document_id, row.given_on, row.channel, row.due_on,
            called_version(notice, number, language) if row.version_id is not None else called_document(title, version),
            programme,
        )
        for row, notice, number, language, title, version, programme in rows
    ]  # fmt: skip


def called_version(notice: str, number: int, language: str) -> str:
    """What a published version is called where people choose one, or look at what somebody was given."""
    return f"{notice}, version {number}, {language}"


def called_document(title: str, version: str) -> str:
    """What an earlier document is called there."""
    return f"{title} {version}".strip()


def refuse_unfit(session: CouncilSession, service: str, version: UUID | None, document: UUID | None, on: date) -> None:
    """Raise `NotFound` unless there is such a version (or, without one, such a document), `InvalidInput` unless it is
    about the service and was there on a day in London: nobody was told by what was published later."""
    known: tuple[list[str], date | None] | None = None
    if version is not None:
        published = select(NoticeVersion.covers, NoticeVersion.published_at).where(
            NoticeVersion.council_id == session.council_id, NoticeVersion.id == version
        )
        if (row := session.execute(published).one_or_none()) is not None:
            known = row.covers, london_day(row.published_at)
    else:
        registered = select(EarlierDocument.service, EarlierDocument.dated).where(
            EarlierDocument.council_id == session.council_id, EarlierDocument.id == document
        )
        if (row := session.execute(registered).one_or_none()) is not None:
            known = [row.service], row.dated
    if known is None:
        raise NotFound("There is no such version or earlier document.")
    covers, since = known
    if service not in covers:
        raise InvalidInput("This notice is not for the service of the file.", where="version", code="other-service")
    if since is not None and on < since:
        message = f"This notice is of {since.isoformat()}: name the one that the person had on that day."
        raise InvalidInput(message, where="version", code="later-notice")
