"""The leases of the schedule."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from muniment.database.base import Base
from muniment.database.registry import register_impersonal, table_of

__all__ = ["Lease"]


class Lease(Base):
    """Until when an actor need not be rung for again. Belongs to the deployment, hence without a council."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[datetime]


register_impersonal(table_of(Lease), "names of actors and times")
