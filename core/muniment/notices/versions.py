"""Publishing a notice, and reading what was published.

A version freezes the renderings of a notice in every language of the council; the database takes no change to it. What
the law asks and the council's document lacks is published by somebody's decision, with its ground, and not by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select, text

from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.api.notices import PublishedNotice
from muniment.api.text import say
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.database.ids import new_id
from muniment.database.session import CouncilSession
from muniment.defaults.law import Law
from muniment.notices.document import Document, NoticeRef, Statement, assemble, notice_named
from muniment.notices.given import NewEarlier, note_earlier
from muniment.notices.render import Rendered, render
from muniment.notices.tables import NoticeVersion
from muniment.notices.words import Words
from muniment.plugins.facade import CouncilFacade
from muniment.policy.model import Policy
from muniment.policy.store import NOT_THEIRS
from muniment.web.callers import Caller, Permission

__all__ = [
    "Approval",
    "Draft",
    "Published",
    "VersionView",
    "by_law",
    "latest_documents",
    "list_versions",
    "publish",
    "read_rendering",
    "versions_published",
]

LOCK = text("select 1 from council where id = :council_id for no key update")
"""Two publications of one council wait for each other, so that numbers have no gap and no double."""


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The decision to publish what the law asks and the council's document lacks: whose, and on what ground.

    `by` is a role or an opaque staff key, never a name.
    """

    by: str
    ground: str


class Draft:
    """A notice as it would be published now, in every language of the council. Raises `NotFound`, `PluginError`."""

    def __init__(self, policy: Policy, ref: NoticeRef, words: Words, law: Law) -> None:
        notice = notice_named(policy, ref)
        self.policy, self.ref = policy, ref
        self.covers: tuple[str, ...] = notice.services or (ref.service,)
        self.programme = notice.programme
        self.given_before = (*notice.given_before, *((notice.restates,) if notice.restates else ()))
        self._words, self._law = words, law

    def documents(self, number: int | None = None) -> dict[str, Document]:
        """The documents by language, as version `number`."""
        languages = self.policy.council.languages
        return {
            language: assemble(self.policy, self.ref, language, self._law, self._words, number=number)
            for language in languages
        }


class VersionView(msgspec.Struct, frozen=True):
    """A published version in one language, without its text. `published_at` is an instant in UTC; `programme` the one
    whose own notice it is, null for a notice of services."""

    id: UUID
    service: str
    notice: str
    covers: tuple[str, ...]
    number: int
    language: str
    sha256: str
    policy_hash: str
    restates: str | None
    published_at: datetime
    programme: str | None


class Published(msgspec.Struct, frozen=True):
    """What publishing came to: the version that now stands, in each language; `new` is False if it stood already."""

    new: bool
    versions: tuple[VersionView, ...]


def publish(
    session: CouncilSession, caller: Caller, draft: Draft, facade: CouncilFacade, approval: Approval | None = None
) -> Published:
    """Freeze a draft as the next version, unless a reader would find nothing new in it.

    The documents of the council that people may hold already are registered with it, so that history can cite them.
    A draft with statements of origin `law` that the version before has not needs an `approval`: raises `Conflict`
    without one. Raises `Forbidden`; `InvalidInput` for an approval without a ground, or by the data protection officer.
    """
    caller.require(Permission.PUBLISH_NOTICES, draft.ref.service)
    session.execute(LOCK, {"council_id": session.council_id})
    before = latest_documents(session, draft.ref)
    documents = draft.documents()
    if _same(before, documents):
        number = next(iter(before.values())).number or 0
        standing = [view for view in list_versions(session, draft.ref) if view.number == number]
        return Published(False, tuple(standing))
    _require_approval(before, documents, approval)
    number = 1 + max((document.number or 0 for document in before.values()), default=0)
    rows = [_row(session, caller, draft, document, approval) for document in draft.documents(number=number).values()]
    session.add_all(rows)
    session.flush()
    for row in rows:
        record(
            session, AuditEvent.NOTICE_PUBLISHED, row.id,
            notice=draft.ref.key, number=number, language=row.language, sha256=row.sha256,
        )  # fmt: skip
    for given in draft.given_before:
        facts = {"title": say(given.title, draft.policy.council.languages[0]), "version": given.version}
        note_earlier(
            session, NewEarlier(service=draft.ref.service, dated=given.dated, programme=draft.programme, **facts)
        )
    told = [PublishedNotice(facade.slug, draft.ref.key, number, row.language, row.sha256) for row in rows]
    session.after_commit(lambda: facade.notice_published(told))
    return Published(True, tuple(_view(row) for row in rows))


def list_versions(session: CouncilSession, ref: NoticeRef | None = None) -> list[VersionView]:
    """Every published version, of one notice or of all: newest first, languages in order."""
    query = select(*COLUMNS).where(NoticeVersion.council_id == session.council_id)
    if ref is not None:
        query = query.where(NoticeVersion.service == ref.service, NoticeVersion.notice == ref.notice)
    newest_first = query.order_by(
        NoticeVersion.service, NoticeVersion.notice, NoticeVersion.number.desc(), NoticeVersion.language
    )
    return [_view(row) for row in session.execute(newest_first)]


def versions_published(session: CouncilSession, *, before: UUID | None = None, limit: int = 100) -> list[VersionView]:
    """Published versions, the newest first, each language by itself; `before` is the key of one, to go on."""
    newest_first = (
        select(*COLUMNS)
        .where(NoticeVersion.council_id == session.council_id)
        .order_by(NoticeVersion.id.desc())
        .limit(limit)
    )
    if before is not None:
        newest_first = newest_first.where(NoticeVersion.id < before)
    return [_view(row) for row in session.execute(newest_first)]


def latest_documents(session: CouncilSession, ref: NoticeRef) -> dict[str, Document]:
    """The newest published version of a notice, by language; empty if it was never published."""
    newest = (
        select(func.max(NoticeVersion.number))
        .where(
            NoticeVersion.council_id == session.council_id,
            NoticeVersion.service == ref.service,
            NoticeVersion.notice == ref.notice,
        )
        .scalar_subquery()
    )
    rows = session.execute(
        select(NoticeVersion.language, NoticeVersion.json).where(
            NoticeVersion.council_id == session.council_id,
            NoticeVersion.service == ref.service,
            NoticeVersion.notice == ref.notice,
            NoticeVersion.number == newest,
        )
    )
    return {row.language: msgspec.json.decode(row.json, type=Document) for row in rows}


def read_rendering(session: CouncilSession, sha256: str) -> Rendered:
    """The frozen renderings of a version. Raises `NotFound`."""
    row = session.execute(
        select(NoticeVersion.html, NoticeVersion.text, NoticeVersion.json)
        .where(NoticeVersion.council_id == session.council_id, NoticeVersion.sha256 == sha256)
        .limit(1)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such version of a notice.")
    return Rendered(row.html, row.text, row.json)


COLUMNS = tuple(getattr(NoticeVersion, name) for name in VersionView.__struct_fields__)


def _view(row: Any) -> VersionView:
    values = {name: getattr(row, name) for name in VersionView.__struct_fields__}
    return VersionView(**values | {"covers": tuple(row.covers)})


def _row(
    session: CouncilSession, caller: Caller, draft: Draft, document: Document, approval: Approval | None
) -> NoticeVersion:
    rendered = render(document)
    return NoticeVersion(
        council_id=session.council_id,
        id=new_id(),
        service=draft.ref.service,
        notice=draft.ref.notice,
        covers=list(draft.covers),
        number=document.number,
        language=document.language,
        html=rendered.html,
        text=rendered.text,
        json=rendered.json,
        sha256=rendered.sha256,
        policy_hash=draft.policy.hash,
        restates=restated_in_words(document),
        published_at=session.clock.now(),
        published_by=str(caller.actor.id or caller.actor.name),
        approved_by=approval and approval.by,
        ground=approval and approval.ground,
        programme=draft.programme,
    )


def restated_in_words(document: Document) -> str | None:
    """The document that a notice restates, in one line: title, version and date as far as they are stated."""
    restated = document.restates
    if restated is None:
        return None
    return ", ".join(part for part in (restated.title, restated.version, restated.dated) if part)


def _same(before: Mapping[str, Document], now: Mapping[str, Document]) -> bool:
    return before.keys() == now.keys() and all(now[language].says_the_same_as(before[language]) for language in now)


def _require_approval(
    before: Mapping[str, Document], documents: Mapping[str, Document], approval: Approval | None
) -> None:
    if approval is not None:
        if not approval.ground.strip():
            raise InvalidInput("The decision to publish needs its ground.", where="ground")
        if approval.by.strip().lower() in ("", *NOT_THEIRS):
            raise InvalidInput(
                "Say who decided to publish: the information asset owner. The data protection officer advises and "
                "decides no processing (UK GDPR Art 38(6)).",
                where="by",
            )
        return
    known = {statement.id for document in before.values() for statement in by_law(document)}
    missing = {statement.id for document in documents.values() for statement in by_law(document)} - known
    if missing:
        raise Conflict(
            f"The law asks for what the council's document does not say: {', '.join(sorted(missing))}. "
            "Publishing it is a decision of the council: say whose it is and on what ground.",
            code="needs-approval",
        )


def by_law(document: Document) -> list[Statement]:
    """The statements that the law asks for and the council's document lacks."""
    return [statement for statement in document.statements() if statement.origin == "law"]
