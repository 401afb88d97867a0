"""What the erasure ledger keeps of the evidence, so that a restore loses no certificate.

A restored database knows nothing of the certificates issued after its backup, of the things that they await or of the
confirmations added to them. None of these names anybody, so each chunk's line in the ledger carries the rows written
with it: when the chunk is applied again, they are written again, under the keys that people hold in their hands.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import JSON, Table, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import TypeEngine

from muniment.database.exchange import written
from muniment.database.packed import Keys
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.retention.evidence.certificates import CERTIFICATE, CONFIRMATION, add_confirmations, write
from muniment.retention.rules.clock_sql import COUNCIL, KEYS, with_ids
from muniment.retention.tables import Awaiting

__all__ = ["Evidence", "evidence_of", "put_back", "rows_of", "typed"]

AWAITING = table_of(Awaiting)

Evidence = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows by the name of their table, without the council; a certificate's without its chunk as well."""

IMPLIED: Final = frozenset({"council_id", "disposal_id"})


def evidence_of(session: CouncilSession, certificates: Collection[UUID], *, awaited: bool) -> Evidence:
    """Certificates of the chunk that this transaction works on, and, where anything is `awaited`, what they await."""
    found = {CERTIFICATE.name: rows_of(session, CERTIFICATE, certificates, but=IMPLIED)}
    if awaited:
        found[AWAITING.name] = rows_of(session, AWAITING, certificates, "certificate_id", but=IMPLIED)
    return found


def put_back(session: CouncilSession, disposal_id: UUID, evidence: Evidence) -> int:
    """Write evidence again that the database has lost; returns how many certificates were.

    What is there stays as it is. What belongs to a certificate that neither the database nor the ledger knows (a line
    of before ledgers carried evidence) is left out.
    """
    lost = _missing(session, [typed(CERTIFICATE, row) for row in evidence.get(CERTIFICATE.name, ())], "id")
    for row in lost:
        write(session, disposal_id, row)
    awaited, confirmed = (_belonging(session, table, evidence) for table in (AWAITING, CONFIRMATION))
    if awaited:
        values = [{"council_id": session.council_id, **row} for row in awaited]
        session.execute(insert(AWAITING).on_conflict_do_nothing(), values)
    add_confirmations(session, confirmed)
    return len(lost)


def rows_of(
    session: CouncilSession, table: Table, keys: Collection[UUID], column: str = "id", *, but: Collection[str]
) -> list[dict[str, Any]]:
    """The rows of a table that are named by a column, `but` some columns of theirs."""
    names = tuple(each.name for each in table.c if each.name not in but)
    mine = (table.c.council_id == COUNCIL) & (table.c[column] == func.any(KEYS))
    asked = written(("copy", table.name, column, names), lambda: select(*(table.c[name] for name in names)).where(mine))
    found = session.ask(asked, {"council_id": session.council_id, "keys": Keys.of(keys)})
    return [dict(zip(names, row, strict=True)) for row in found]


def _belonging(session: CouncilSession, table: Table, evidence: Evidence) -> list[Mapping[str, Any]]:
    """The rows of a table whose certificate the database knows."""
    rows = [typed(table, row) for row in evidence.get(table.name, ())]
    orphans = {row["certificate_id"] for row in _missing(session, rows, "certificate_id")}
    return [row for row in rows if row["certificate_id"] not in orphans]


def _missing(session: CouncilSession, rows: Sequence[Mapping[str, Any]], column: str) -> list[Mapping[str, Any]]:
    """Those rows whose certificate, named by `column`, the database does not know."""
    known = set(
        session.scalars(select(CERTIFICATE.c.id).where(with_ids(session, [row[column] for row in rows])(CERTIFICATE)))
    )
    return [row for row in rows if row[column] not in known]


def typed(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the ledger's JSON with the types of its table; columns of another version's are left out."""
    return {name: _value(table.c[name].type, value) for name, value in row.items() if name in table.c}


def _value(kind: TypeEngine[Any], value: object) -> object:
    return value if value is None or isinstance(kind, JSON) else msgspec.convert(value, kind.python_type)
