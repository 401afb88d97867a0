"""Stored files: the key of each, and what is left to remove."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from muniment.database.base import Base, CouncilTable
from muniment.database.ids import random_id
from muniment.database.registry import register_impersonal, table_of

__all__ = ["FileTombstone", "StoredFile"]


class StoredFile(CouncilTable, Base):
    """A file whose bytes lie outside the database. With this row its key goes, and the bytes are noise."""

    __tablename__ = "stored_file"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=random_id)
    wrapped_key: Mapped[bytes]
    media_type: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    stored_at: Mapped[datetime]


class FileTombstone(CouncilTable, Base):
    """An object that must still be removed from the folder: its row is gone already."""

    __tablename__ = "file_tombstone"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]


register_impersonal(table_of(StoredFile), "a wrapped key; the table that refers to the file says whose data it holds")
register_impersonal(table_of(FileTombstone), "random keys of objects that nobody can read any more")
