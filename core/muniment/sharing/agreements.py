"""Data sharing agreements: what was agreed with whom, until when, and who has to look at it again.

The gate reads them by their days: past its last day an agreement opens nothing, whether or not anybody noticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta
from sqlalchemy import ColumnElement, func, insert, or_, select, update

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.attachments import MEDIA_TYPES
from muniment.clients.parsing import check_day
from muniment.database.gauges import CouncilGauge
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.database.signals import ArrangementsChanged, arrangements_changed
from muniment.files.store import FileStore, remove_files
from muniment.policy.store import adopted
from muniment.sharing.around import ending
from muniment.sharing.arrangement_tables import SharingAgreement
from muniment.sharing.wording import decider, declared_recipient, known_names, written

__all__ = [
    "GAUGES",
    "AgreementView",
    "NewAgreement",
    "agreement_document",
    "agreements",
    "attach_document",
    "end_agreement",
    "make_agreement",
    "review_agreement",
]

AGREEMENT = table_of(SharingAgreement)
WARNING = timedelta(days=30)
"""How long before its review, and before its last day, an agreement is listed as one to look at."""

NO_AGREEMENT = "There is no such agreement."
Names = Annotated[tuple[str, ...], Meta(min_length=1, max_length=100)]


class NewAgreement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An agreement to note. `parties` are organisations; `purposes` and `categories` ids of the adopted policy;
    `basis` the lawful basis and `power` the enactment, in words. Days are inclusive; `agreed_by` is a role."""

    service: str
    recipient: str
    body: str | None = None
    title: str
    parties: Names
    purposes: Names
    categories: Names
    basis: str
    power: str
    from_on: date
    last_day: date | None = None
    review_on: date
    agreed_by: str


class AgreementView(msgspec.Struct, frozen=True, kw_only=True):
    """An agreement. `in_force`: it opens the gate today; `to_review`: its review or its end comes within 30 days, or
    has come. `document`: the signed text is stored here."""

    id: UUID
    service: str
    recipient: str
    title: str
    parties: tuple[str, ...]
    purposes: tuple[str, ...]
    categories: tuple[str, ...]
    basis: str
    power: str
    from_on: date
    last_day: date | None
    review_on: date
    agreed_by: str
    ended_because: str | None
    document: bool
    in_force: bool
    to_review: bool


def make_agreement(session: CouncilSession, caller: Caller, new: NewAgreement) -> UUID:
    """Note an agreement; returns its key. Raises `Forbidden`, `InvalidInput`, `NotFound` for an unknown service."""
    caller.require(Permission.AGREE_SHARING, new.service)
    policy = adopted(session)
    declared = policy.service(new.service)
    key = declared_recipient(policy, new.service, new.recipient, new.body)
    for where in ("from_on", "last_day", "review_on"):
        if (day := getattr(new, where)) is not None:
            check_day(day, where)
    if new.last_day is not None and new.last_day < new.from_on:
        raise InvalidInput("It would end before it begins.", where="last_day")
    if new.review_on < session.clock.today():
        raise InvalidInput("The day of review lies in the past.", where="review_on")
    purposes = frozenset(one.id for one in declared.purposes.purposes)
    categories = frozenset(one.id for one in declared.clients.categories)
    agreement_id: UUID = session.execute(
        insert(AGREEMENT)
        .values(
            council_id=session.council_id,
            service=new.service,
            recipient=key,
            title=written(new.title, "title"),
            parties=[written(party, "parties") for party in new.parties],
            purposes=known_names(new.purposes, purposes, "purposes"),
            categories=known_names(new.categories, categories, "categories"),
            basis=written(new.basis, "basis"),
            power=written(new.power, "power"),
            from_on=new.from_on,
            last_day=new.last_day,
            review_on=new.review_on,
            agreed_by=decider(new.agreed_by, "agreed_by"),
            made_at=session.clock.now(),
        )
        .returning(AGREEMENT.c.id)
    ).scalar_one()
    record(session, AuditEvent.AGREEMENT_MADE, agreement_id, service=new.service, review_on=new.review_on)
    return agreement_id


def review_agreement(session: CouncilSession, caller: Caller, agreement_id: UUID, review_on: date) -> None:
    """Note that an agreement was looked at and stands, and when to look again.

    Raises `NotFound`, `Forbidden`, `InvalidInput` for a day that has passed, `Conflict` for one that has ended.
    """
    row = _mine(session, caller, agreement_id)
    check_day(review_on, "review_on")
    if review_on <= session.clock.today():
        raise InvalidInput("The next review lies ahead.", where="review_on")
    _refuse_ended(row, session.clock.today())
    session.execute(update(AGREEMENT).where(_this(session, agreement_id)).values(review_on=review_on))
    record(session, AuditEvent.AGREEMENT_CHANGED, agreement_id, review_on=review_on)


def end_agreement(session: CouncilSession, caller: Caller, agreement_id: UUID, because: str) -> None:
    """End an agreement now: nothing leaves under it once this is committed; disclosures under way are waited for.
    Today is its last day: what left under it earlier today was covered.

    Raises `NotFound`, `Forbidden`, `InvalidInput` without a reason, `Conflict` for one that has ended.
    """
    ending(session)
    row = _mine(session, caller, agreement_id)
    _refuse_ended(row, session.clock.today())
    ended = {"last_day": session.clock.today(), "ended_because": written(because, "because")}
    session.execute(update(AGREEMENT).where(_this(session, agreement_id)).values(ended))
    record(session, AuditEvent.AGREEMENT_ENDED, agreement_id)
    arrangements_changed.send(session, ArrangementsChanged(AGREEMENT.name, [agreement_id]))


def attach_document(
    session: CouncilSession, caller: Caller, store: FileStore, agreement_id: UUID, media_type: str,
    content: bytes | Iterable[bytes],
) -> None:  # fmt: skip
    """Store the signed text of an agreement, in place of one stored before.

    Raises `NotFound`, `Forbidden`, `InvalidInput` for a type of file that is not taken, `TooLarge`.
    """
    row = _mine(session, caller, agreement_id)
    if media_type not in MEDIA_TYPES:
        allowed = ", ".join(sorted(MEDIA_TYPES))
        raise InvalidInput(f"Files of this type are not taken. Allowed: {allowed}.", where="Content-Type", code="type")
    stored_id = store.store(session, content, media_type)
    session.execute(update(AGREEMENT).where(_this(session, agreement_id)).values(stored_id=stored_id))
    if row.stored_id is not None:
        remove_files(session, [row.stored_id])
    record(session, AuditEvent.AGREEMENT_CHANGED, agreement_id, document=stored_id)


def agreement_document(
    session: CouncilSession, caller: Caller, store: FileStore, agreement_id: UUID
) -> Iterator[bytes]:
    """The signed text. Raises `NotFound`, `Forbidden`, `FileDamaged`."""
    row = _mine(session, caller, agreement_id, Permission.READ_SHARING)
    if row.stored_id is None:
        raise NotFound("No document of this agreement is stored.")
    return store.read(session, row.stored_id)


def agreements(session: CouncilSession, caller: Caller, *, to_review: bool = False) -> tuple[AgreementView, ...]:
    """The agreements of the services that the caller may see, by service and recipient; or those to look at."""
    services = caller.require_somewhere(Permission.READ_SHARING)
    today = session.clock.today()
    query = select(AGREEMENT).where(AGREEMENT.c.council_id == session.council_id)
    if services is not None:
        query = query.where(AGREEMENT.c.service.in_(sorted(services)))
    if to_review:
        query = query.where(_to_review(today))
    rows = session.execute(query.order_by(AGREEMENT.c.service, AGREEMENT.c.recipient, AGREEMENT.c.id))
    return tuple(_view(row, today) for row in rows)


def _view(row: Any, today: date) -> AgreementView:
    ended = _has_ended(row, today)
    soon = today + WARNING
    own = {name: getattr(row, name) for name in AgreementView.__struct_fields__ if hasattr(row, name)}
    lists = {name: tuple(own[name]) for name in ("parties", "purposes", "categories")}
    return AgreementView(
        **own | lists,
        document=row.stored_id is not None,
        in_force=row.from_on <= today and not ended,
        to_review=not ended and (row.review_on <= soon or (row.last_day is not None and row.last_day <= soon)),
    )


def _to_review(today: date) -> ColumnElement[bool]:
    """In the words of `AgreementView.to_review`."""
    soon, last = today + WARNING, AGREEMENT.c.last_day
    stands = AGREEMENT.c.ended_because.is_(None) & or_(last.is_(None), last >= today)
    return stands & or_(AGREEMENT.c.review_on <= soon, last <= soon)


def _this(session: CouncilSession, agreement_id: UUID) -> ColumnElement[bool]:
    return (AGREEMENT.c.council_id == session.council_id) & (AGREEMENT.c.id == agreement_id)


def _mine(
    session: CouncilSession, caller: Caller, agreement_id: UUID, permission: Permission = Permission.AGREE_SHARING
) -> Any:
    """The agreement, locked, for a caller who may. Raises `NotFound`, `Forbidden`."""
    caller.require_somewhere(permission)
    row = session.execute(select(AGREEMENT).where(_this(session, agreement_id)).with_for_update()).one_or_none()
    if row is None or not caller.allows(permission, row.service):
        raise NotFound(NO_AGREEMENT)
    return row


def _refuse_ended(row: Any, today: date) -> None:
    if _has_ended(row, today):
        raise Conflict("This agreement has ended.", code="ended")


def _has_ended(row: Any, today: date) -> bool:
    return row.ended_because is not None or (row.last_day is not None and row.last_day < today)


def _count(session: CouncilSession) -> int:
    here = (AGREEMENT.c.council_id == session.council_id, _to_review(session.clock.today()))
    return session.scalar(select(func.count()).select_from(AGREEMENT).where(*here)) or 0


GAUGES = (
    CouncilGauge(
        "muniment_sharing_agreements_to_review",
        "Data sharing agreements whose review or last day comes within 30 days, or whose review is over",
        _count,
    ),
)
