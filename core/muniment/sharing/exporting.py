"""The file that is made for one recipient: exactly the decided fields, its hash in the register, fetched once.

It is stored encrypted under a key of its own and goes by the class `export-files`; with its row the key goes, and the
bytes are noise. What the recipient gets says what it is, what it may be used for, and by which reference each client
can be spoken of later without naming anybody.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text

from muniment.database.session import CouncilSession
from muniment.files.store import FileStore
from muniment.sharing.extracting import OURS, Extract
from muniment.sharing.gate import Gate

__all__ = ["Export", "Format", "keep_export"]

Format = Literal["json", "csv"]

MEDIA_TYPES: dict[Format, str] = {"json": "application/json", "csv": "text/csv"}

_KEEP = text(
    "insert into export_file (council_id, id, disclosure_id, name, media_type, made_on)"
    " values (:council_id, :id, :disclosure_id, :name, :media_type, :made_on)"
)


class Export(msgspec.Struct, frozen=True):
    """A file that was made. `sha256` is of its bytes, in hexadecimal."""

    id: UUID
    name: str
    media_type: str
    size: int
    sha256: str


def keep_export(
    session: CouncilSession,
    store: FileStore,
    form: Format,
    gate: Gate,
    extracts: Sequence[Extract],
    disclosure_id: UUID,
) -> Export:
    """Make the file of what leaves, and store it."""
    content = _as_json(gate, extracts, disclosure_id) if form == "json" else _as_csv(gate.question.fields, extracts)
    media_type = MEDIA_TYPES[form]
    stored_id = store.store(session, content, media_type)
    name = f"disclosure-{disclosure_id}.{form}"
    made = {"id": stored_id, "disclosure_id": disclosure_id, "name": name, "media_type": media_type}
    session.ask(_KEEP, {"council_id": session.council_id, **made, "made_on": session.clock.today()})
    return Export(stored_id, name, media_type, len(content), hashlib.sha256(content).hexdigest())


def _as_json(gate: Gate, extracts: Sequence[Extract], disclosure_id: UUID) -> bytes:
    """One document: what it is about, then a client a line."""
    head: dict[str, Any] = {
        "disclosure": str(disclosure_id),
        "recipient": gate.terms.named,
        "purpose": gate.question.purpose,
        "fields": list(gate.question.fields),
    }
    opening = msgspec.json.encode(head)[:-1] + b',"clients":[\n'
    lines = ",\n".join(extract.lines.replace("\n", ",\n") for extract in extracts if extract.lines)
    return opening + lines.encode() + b"\n]}\n"


def _as_csv(fields: Sequence[str], extracts: Sequence[Extract]) -> bytes:
    """A column for the reference and one for each field asked for; what a client does not have is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    columns = (OURS, *fields)
    writer.writerow(columns)
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    for extract in extracts:
        writer.writerows([_cell(row.get(name)) for name in columns] for row in decode_lines(decode, extract.lines))
    return out.getvalue().encode()


def decode_lines(decode: Any, lines: str) -> Iterator[dict[str, Any]]:
    """The objects of an extract."""
    return (decode(line) for line in lines.split("\n") if line)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
