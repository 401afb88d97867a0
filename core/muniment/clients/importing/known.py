"""Who of a chunk is known: the memory of references, the locked files behind them, what this format stored there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from muniment.clients.importing.merge import Known, StoredRecord
from muniment.clients.locks import lock_files
from muniment.database.session import CouncilSession

__all__ = ["Memory", "find_known", "recall"]

_MEMORIES = text(
    "select digest, file_id, record_classes from import_memory"
    " where council_id = :council_id and service = :service and issuer = :issuer and digest = any(:digests)"
)
_BY_REFERENCE = text(
    "select reference_key, id from client_file"
    " where council_id = :council_id and reference_key = any(:keys) and service = :service and issuer = :issuer"
)
_STUBS = text(
    "select id, given_names, family_name, born_on, postcode, address, email, phone, opened_on, corrected"
    " from client_file f"
    " where council_id = :council_id and id = any(:ids) and exists (select from record r"
    " where (r.council_id, r.file_id) = (f.council_id, f.id) and r.restricted_on is null)"
)
_RECORDS = text(
    "select id, file_id, record_class, values, disposal is not null or restricted_on is not null as gone, corrected,"
    " external_key from record"
    " where council_id = :council_id and file_id = any(:ids) and origin = :issuer"
)
_EVENTS = text(
    "select file_id, kind, whose, happened_on from milestone where council_id = :council_id and file_id = any(:ids)"
)
_ENROLMENTS = text(
    "select file_id, programme, started_on from enrolment where council_id = :council_id and file_id = any(:ids)"
)


class Memory(msgspec.Struct, frozen=True):
    """What is remembered of a reference. Without a file it is suppressed."""

    digest: bytes | None
    file_id: UUID | None
    classes: frozenset[str]


def recall(
    session: CouncilSession, service: str, issuer: str, digests_of: Mapping[str, Sequence[bytes]]
) -> dict[str, Memory]:
    """The memory of each reference that there is any of, by its key; the caller holds `lock_references`.

    `digests_of` has every digest under which each key may be remembered. A file that carries the reference is found
    also where its memory has been disposed of.
    """
    digests = {digest: key for key, of_key in digests_of.items() for digest in of_key}
    scope = {"council_id": session.council_id, "service": service, "issuer": issuer}
    found: dict[str, Memory] = {}
    for row in session.execute(_MEMORIES, {**scope, "digests": list(digests)}):
        found[digests[row.digest]] = Memory(row.digest, row.file_id, frozenset(row.record_classes))
    for row in session.execute(_BY_REFERENCE, {**scope, "keys": list(digests_of)}):
        memory = found.get(row.reference_key)
        if memory is None or memory.file_id is None:
            found[row.reference_key] = Memory(None, row.id, frozenset())
    return found


def find_known(session: CouncilSession, issuer: str, memories: Mapping[str, Memory]) -> dict[str, Known]:
    """Lock the files behind some references and read them, by key of the reference.

    A file that was disposed of while this waited for its lock is missing, and so is one of which nothing is in use.
    """
    files = {memory.file_id: key for key, memory in memories.items() if memory.file_id is not None}
    locked = list(lock_files(session, files))
    if not locked:
        return {}
    scope = {"council_id": session.council_id, "ids": locked, "issuer": issuer}
    known = {
        row["id"]: Known(row["id"], row, memories[files[row["id"]]].classes, {}, set(), set())
        for row in _dicts(session.execute(_STUBS, scope).mappings())
    }
    scope["ids"] = list(known)
    for row in session.execute(_RECORDS, scope):
        class_id = row.record_class.partition("/")[2]
        known[row.file_id].records[class_id] = StoredRecord(
            row.id, row.values, row.gone, frozenset(row.corrected), row.external_key
        )
    for row in session.execute(_EVENTS, scope):
        known[row.file_id].events.add((row.kind, row.whose, row.happened_on))
    for row in session.execute(_ENROLMENTS, scope):
        known[row.file_id].enrolments.add((row.programme, row.started_on))
    return {files[file_id]: entry for file_id, entry in known.items()}


def _dicts(rows: Iterable[Any]) -> Iterable[dict[str, Any]]:
    return (dict(row) for row in rows)
