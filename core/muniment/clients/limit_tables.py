"""What is stored of restriction and objection: states of a client file, beside the other tables of clients."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from muniment.clients.tables import ClientFile
from muniment.database.base import Base, CouncilTable, council_fk
from muniment.database.ids import new_id
from muniment.database.registry import PersonalTable, register_personal, table_of

__all__ = ["ClientLimit"]


class ClientLimit(CouncilTable, Base):
    """A restriction (UK GDPR Art 18) or an objection (Art 21) of the person whose file it is; how it ended stays.

    `ground` is the provision, `purposes` the ids of those that are barred, none for every use. `told_on` is the day the
    person was told, before a restriction was lifted (Art 18(3)). `because` is a code, `reason` says it in words.
    """

    __tablename__ = "client_limit"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    file_id: Mapped[UUID]
    kind: Mapped[str]
    ground: Mapped[str]
    purposes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    state: Mapped[str]
    placed_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    told_on: Mapped[date | None]
    because: Mapped[str | None]
    reason: Mapped[str | None]

    __table_args__ = (
        council_fk("file_id", "client_file.id", ondelete="CASCADE"),
        CheckConstraint(
            "(kind = 'restriction' and ground in ('18.1.a', '18.1.b', '18.1.c', '18.1.d'))"
            " or (kind = 'objection' and ground in ('21.1', '21.2', '21.6'))",
            name="ground",
        ),
        CheckConstraint(
            "state in ('standing', 'lifted') or (kind = 'objection' and state in ('pending', 'upheld', 'overridden'))",
            name="state",
        ),
        CheckConstraint("(ended_at is null) = (state in ('standing', 'pending', 'upheld'))", name="ended"),
        CheckConstraint("ended_at is null or told_on is not null", name="told"),
        Index("ix_client_limit_file", "council_id", "file_id"),
    )


register_personal(
    PersonalTable(
        table=table_of(ClientLimit),
        whose="client",
        personal=frozenset({"kind", "ground", "purposes", "told_on", "because", "reason"}),
        hangs_below=table_of(ClientFile),
        note="which right somebody used and what became of it; it goes with the file",
    )
)
