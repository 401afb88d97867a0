"""The leases of the schedule, and the jobs that failed for good."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from muniment.database.base import Base, CouncilTable
from muniment.database.registry import register_impersonal, table_of

__all__ = ["FailedJob", "Lease"]


class Lease(Base):
    """Until when an actor need not be rung for again. Belongs to the deployment, hence without a council."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[datetime]


class FailedJob(CouncilTable, Base):
    """An actor that failed for one council in all its tries, and has not succeeded since.

    `failures` counts how often all tries failed; `error` is a code: of an error of ours, an SQLSTATE, or its kind.
    """

    __tablename__ = "failed_job"

    actor: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    first_failed_at: Mapped[datetime]
    last_failed_at: Mapped[datetime]
    error: Mapped[str]


register_impersonal(table_of(Lease), "names of actors and times")
register_impersonal(table_of(FailedJob), "names of actors, times and codes of errors")
