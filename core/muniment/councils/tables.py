"""Councils, their services and their host names. `council` is in the closed list of tables without a council."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from muniment.database.base import Base, CouncilTable
from muniment.database.ids import new_id
from muniment.database.registry import register_impersonal, table_of

__all__ = ["Council", "CouncilHost", "Service"]


class Council(Base):
    """A tenant and controller. Holds no personal data; every transaction reads the adopted policy's hash here."""

    __tablename__ = "council"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    policy_hash: Mapped[str | None]


class Service(CouncilTable, Base):
    """A part of a council with its own purposes."""

    __tablename__ = "service"

    slug: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]


class CouncilHost(Base):
    """A host name under which a council is served: found before the council is known, hence without row security."""

    __tablename__ = "council_host"

    host: Mapped[str] = mapped_column(primary_key=True)
    slug: Mapped[str]


register_impersonal(table_of(Council), "names of public bodies")
register_impersonal(table_of(Service), "names of services")
register_impersonal(table_of(CouncilHost), "host names of the deployment")
