"""What somebody was shown: a published version by its key, or a document of before, for whoever must cite it."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy import select

from muniment.database.session import CouncilSession
from muniment.notices.document import Document
from muniment.notices.tables import EarlierDocument, NoticeVersion

__all__ = ["Shown", "shown_of"]


class Shown(msgspec.Struct, frozen=True):
    """A notice as it was shown. A published version has its hash, its address below the council's, and the frozen
    `document` itself; an earlier document has what it says of itself."""

    title: str
    version: str
    sha256: str | None = None
    address: str | None = None
    dated: date | None = None
    document: Document | None = None


def shown_of(session: CouncilSession, service: str, version_id: UUID | None, document_id: UUID | None) -> Shown | None:
    """What was shown to somebody of a service; None where neither is named."""
    if version_id is not None:
        row = session.execute(
            select(NoticeVersion).where(NoticeVersion.council_id == session.council_id, NoticeVersion.id == version_id)
        ).scalar_one()
        address = f"/privacy/{service}/versions/{row.number}?language={row.language}&notice={row.notice}"
        frozen = msgspec.json.decode(row.json, type=Document)
        return Shown(frozen.title, str(row.number), row.sha256, address, document=frozen)
    if document_id is None:
        return None
    found = session.execute(
        select(EarlierDocument).where(
            EarlierDocument.council_id == session.council_id, EarlierDocument.id == document_id
        )
    ).scalar_one()
    return Shown(found.title, found.version, dated=found.dated)
