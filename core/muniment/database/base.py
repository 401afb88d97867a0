"""The base of all tables, and the mixin that makes a table a council's.

A council's table has `council_id` first in its primary key and in every foreign key. Row-level security does not guard
foreign keys (PostgreSQL checks them as the table's owner), so the composite key is what keeps a row of one council from
pointing at a row of another. A row points to `council` itself only if it hangs below no other row, which would have
said whose it is: every key is looked up for every row that is written (docs/decisions/0022). Everything else a
council's table needs (forced row-level security, its policy, grants) is derived from the mixin by
`muniment.database.schema_sql`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Date,
    DateTime,
    ForeignKeyConstraint,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = ["Base", "BigInteger", "CouncilTable", "SmallInteger", "council_fk", "council_tables", "is_council_table"]

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}


class Base(DeclarativeBase):
    """All tables. One that may only grow says `__append_only__ = True`: the application gets no UPDATE or DELETE. Where
    its rows go when the period of their class has run it says `__goes_by_rule__ = True` too, and gets DELETE."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        bytes: LargeBinary,
        date: Date,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        str: Text,
        UUID: Uuid,
    }
    __append_only__: ClassVar[bool] = False
    __goes_by_rule__: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        table = cls.__dict__.get("__table__")
        if isinstance(table, Table):
            table.info["append_only"] = cls.__append_only__
            table.info["goes_by_rule"] = cls.__goes_by_rule__
            table.info["council"] = issubclass(cls, CouncilTable)
            if issubclass(cls, CouncilTable) and not _hangs_below(table):
                table.append_constraint(ForeignKeyConstraint(["council_id"], ["council.id"]))


class CouncilTable:
    """Mixin of every table whose rows belong to one council: `council_id`, first in the primary key."""

    council_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-100)


def council_fk(
    local: str | Sequence[str], remote: str | Sequence[str], *, ondelete: str | None = None, deferred: bool = False
) -> ForeignKeyConstraint:
    """A foreign key inside one council, for `__table_args__`: `council_fk("person_id", "person.id")`.

    `council_id` is put first on both sides. `ondelete` is `CASCADE`, `RESTRICT` or `SET NULL (column)`: a bare
    `SET NULL` would also unset `council_id`, so it is refused with `ValueError`. `deferred`: looked at when the
    transaction ends, for rows that are written before what they hang below.
    """
    columns = [local] if isinstance(local, str) else list(local)
    targets = [remote] if isinstance(remote, str) else list(remote)
    if ondelete is not None and ondelete.upper() == "SET NULL":
        raise ValueError("name the column: SET NULL (column); council_id must stay")
    table = targets[0].partition(".")[0]
    return ForeignKeyConstraint(
        ["council_id", *columns],
        [f"{table}.council_id", *targets],
        ondelete=ondelete,
        deferrable=True if deferred else None,
        initially="DEFERRED" if deferred else None,
    )


def _hangs_below(table: Table) -> bool:
    """Whether each row points to another of its council (`council_fk`), and so to its council by way of that."""
    return any(all(not column.nullable for column in key.columns) for key in table.foreign_key_constraints)


def is_council_table(table: Table) -> bool:
    """Whether the rows of a table belong to one council each."""
    return bool(table.info.get("council"))


def council_tables(metadata: MetaData) -> list[Table]:
    """Every table of councils, in an order that satisfies foreign keys."""
    return [table for table in metadata.sorted_tables if is_council_table(table)]
