"""Taking out of files exactly the decided fields, and writing the lines of the register, in one statement.

Each client's values come as one document, made in the database and hashed there; here they are text that nobody takes
apart. Of several values for a field the newest leaves, of those held for a purpose that allows it. A value that is held
for another purpose alone is not looked at.

The statement is put together as that of `gathering` is, and for the same reasons.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from muniment.clients.context import Context
from muniment.database.exchange import written
from muniment.database.ids import random_keys
from muniment.database.packed import Keys
from muniment.database.session import CouncilSession
from muniment.sharing.gathering import FILES, RECORDS, held_for, stub_column, text_by, value_held
from muniment.sharing.terms import IDENTITY, Terms

__all__ = ["OURS", "Extract", "extract", "payload_key", "payload_keys"]

CONTEXT = "sharing.payload"

OURS = "our-reference"
"""What an export calls the key of a client's line in the register: the client's own `reference` is another thing."""


GOING = "array(select going.file_id from going)"
"""The files that something leaves of, for the parts of the statement."""


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
    """Take `fields` out of locked files, each of which holds every one of them, and write a line for each into the
    register. Raises `IntegrityError` if one of them is not held after all: a document with a gap has no hash.
    """
    parameters: dict[str, Any] = {
        "council_id": session.council_id,
        "disclosure_id": disclosure_id,
        "line_ids": random_keys(len(files)),
        "file_ids": files,
        "fields": list(fields),
        "purposes": held_for(context.policy, terms),
        "key": payload_key(context, session.council_id),
        "reference": "{" + _label(OURS),
        **{f"label_{place}": ", " + _label(name) for place, name in enumerate(fields)},
        **{f"field_{place}": name for place, name in enumerate(fields) if name not in IDENTITY},
    }
    [row] = session.ask(written(("extract", *text_by(fields)), lambda: text(_query(fields))), parameters)
    return Extract(fields, row.lines or "", row.clients)


def _query(fields: tuple[str, ...]) -> str:
    """The statement; only names of our own columns and parameters are put into its text."""
    stub, newest, document = [], [], []
    for place, name in enumerate(fields):
        value = f"value_{place}"
        document.append(f":label_{place} || {value}")
        if name in IDENTITY:
            stub.append(f"cast(to_json(f.{stub_column(name)}) as text) as {value}")
        else:
            newest.append(f"{_newest(f'field_{place}')} as {value}")
    return _EXTRACT.format(
        document=" || ".join(document),
        stub=_STUB.format(values=", ".join(stub), files=FILES, going=GOING) if stub else "",
        held=_HELD.format(values=", ".join(newest), records=RECORDS, going=GOING) if newest else "",
    )


def _label(name: str) -> str:
    return f"{msgspec.json.encode(name).decode()}: "


def _newest(field: str) -> str:
    """The newest value of a field, as JSON: of the latest day and, on one day, of the greatest key.

    All days have one length, and so have all keys: as texts they compare as they do.
    """
    value = f"r.values -> :{field}"
    parts = f"{value} ->> 'on', cast(r.id as text), cast({value} -> 'v' as text)"
    return f'(max(array[{parts}] collate "C") filter (where {value_held(field)}))[3]'


_STUB = """
    full join (select f.id as file_id, {values} from {files} = any({going})) stub on stub.file_id = going.file_id"""
_HELD = """
    full join (select r.file_id, {values} from {records} = any({going}) group by r.file_id) held
    on held.file_id = going.file_id"""
_EXTRACT = """
with going as materialized (
    select chosen.id, chosen.file_id
    from unnest(cast(:line_ids as uuid[]), cast(:file_ids as uuid[])) as chosen (id, file_id)
), leaving as materialized (
    select going.id, going.file_id, :reference || to_json(going.id) || {document} || '}}' as payload
    from going{stub}{held}
), noted as (
    insert into disclosure_line (council_id, id, disclosure_id, file_id, fields, payload_hash)
    select :council_id, leaving.id, :disclosure_id, leaving.file_id, cast(:fields as text[]),
        sha256(cast(:key as bytea) || convert_to(leaving.payload, 'UTF8'))
    from leaving
    returning 1
)
select string_agg(leaving.payload, chr(10) order by leaving.id) as lines, count(*) as clients from leaving
"""
