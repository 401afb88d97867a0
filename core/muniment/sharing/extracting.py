"""Taking out of files exactly the decided fields, and writing the lines of the register, in one statement.

Each client's values come as one document, made in the database and hashed there; here they are text that nobody takes
apart. Of several values for a field the newest leaves, of those held for a purpose that allows it (an object keeps the
last of equal keys). A value that is
held for another purpose alone is not looked at.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from muniment.clients.context import Context
from muniment.database.ids import random_keys
from muniment.database.packed import Keys
from muniment.database.session import CouncilSession
from muniment.sharing.gathering import held_for, stub_column
from muniment.sharing.terms import IDENTITY, Terms

__all__ = ["OURS", "Extract", "extract", "payload_key", "payload_keys"]

CONTEXT = "sharing.payload"

OURS = "our-reference"
"""What an export calls the key of a client's line in the register: the client's own `reference` is another thing."""


class Extract(msgspec.Struct, frozen=True):
    """What leaves of clients who have the same fields: `lines` are JSON objects, one a line, in the order of their
    references; `count` how many."""

    fields: tuple[str, ...]
    lines: str
    count: int


def payload_key(context: Context, council_id: UUID) -> bytes:
    """The key that goes before a payload when it is hashed, so that nobody can guess what was in it from the hash."""
    return context.keys.digest(CONTEXT, council_id.bytes)


def payload_keys(context: Context, council_id: UUID) -> list[bytes]:
    """`payload_key` as it was under every version of the ring's key, the newest first."""
    return context.keys.digests(CONTEXT, council_id.bytes)


def extract(
    session: CouncilSession, context: Context, terms: Terms, fields: tuple[str, ...], files: Keys, disclosure_id: UUID
) -> Extract:
    """Take `fields` out of locked files, and write a line for each into the register."""
    stored = [name for name in fields if name not in IDENTITY]
    parameters: dict[str, Any] = {
        "council_id": session.council_id,
        "disclosure_id": disclosure_id,
        "line_ids": random_keys(len(files)).literal,
        "file_ids": files.literal,
        "all_fields": list(fields),
        "fields": stored,
        "purposes": held_for(context.policy, terms),
        "key": payload_key(context, session.council_id),
    }
    row = session.execute(text(_query(fields)), parameters).one()
    return Extract(fields, row.lines or "", row.clients)


def _query(fields: tuple[str, ...]) -> str:
    """The statement; only names of our own columns are put into its text."""
    parts = [f"'{OURS}', going.id", *(f"'{name}', f.{stub_column(name)}" for name in fields if name in IDENTITY)]
    return _EXTRACT.format(identity=", ".join(parts))


_EXTRACT = """
with going as materialized (
    select chosen.id, chosen.file_id
    from unnest(cast(:line_ids as uuid[]), cast(:file_ids as uuid[])) as chosen (id, file_id)
), leaving as materialized (
    select going.id, going.file_id,
        cast(jsonb_build_object({identity}) || coalesce((
            select jsonb_object_agg(a.name, r.values -> a.name -> 'v' order by r.values -> a.name ->> 'on', r.id)
            from record r cross join unnest(cast(:fields as text[])) a (name)
            where r.council_id = f.council_id and r.file_id = f.id and r.disposal is null and r.restricted_on is null
            and r.values -> a.name -> 'p' ?| cast(:purposes as text[])
        ), cast('{{}}' as jsonb)) as text) as payload
    from going join client_file f on f.council_id = :council_id and f.id = going.file_id
), noted as (
    insert into disclosure_line (council_id, id, disclosure_id, file_id, fields, payload_hash)
    select :council_id, leaving.id, :disclosure_id, leaving.file_id, cast(:all_fields as text[]),
        sha256(cast(:key as bytea) || convert_to(leaving.payload, 'UTF8'))
    from leaving
    returning 1
)
select string_agg(leaving.payload, chr(10) order by leaving.id) as lines, count(*) as clients from leaving
"""
