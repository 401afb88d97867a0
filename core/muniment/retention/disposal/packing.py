"""What goes to an archive: a package of records, in the form that `docs/archive-packages.md` describes.

A ZIP file is written piece by piece, so that attachments of any size pass through: a JSON document for each record, its
files, and last the manifest with the size and SHA-256 of each. It is stored like any file, encrypted under a key of
its own.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import IO, Any, Final
from uuid import UUID

from sqlalchemy import select, text

from muniment.clients.facts import FILE, MILESTONE, RECORD
from muniment.database.packed import Keys
from muniment.database.session import CouncilSession
from muniment.files.store import FileStore
from muniment.retention.rules.clock_sql import with_ids

__all__ = ["FORMAT", "PackedFile", "PackedRecord", "contents", "parts", "written"]

FORMAT: Final = "muniment-archive-package/1"

LARGEST: Final = 64 * 1024 * 1024
"""Bytes of the files in one package, but for a single record that has more."""

MOST: Final = 500
"""Records in one package."""

FIRST_DAY: Final = (1980, 1, 1, 0, 0, 0)
"""The time that a ZIP file gives for each entry: none."""

CLIENT: Final = ("reference", "given_names", "family_name", "born_on", "postcode", "address")

_FILES = text(
    "select a.record_id, a.id, a.stored_id, a.name, a.added_on, f.media_type, f.size from attachment a"
    " join stored_file f on (f.council_id, f.id) = (a.council_id, a.stored_id)"
    " where a.council_id = :council_id and a.record_id = any(:ids) order by a.id"
)


@dataclass(frozen=True)
class PackedFile:
    """A file of a record: where it lies in the package, and in the store."""

    path: str
    stored_id: UUID
    name: str
    media_type: str
    size: int
    added_on: date


@dataclass
class PackedRecord:
    """A record as it is packed: what its document says, and its files."""

    id: UUID
    document: dict[str, Any]
    files: list[PackedFile] = field(default_factory=list)

    @property
    def size(self) -> int:
        """The bytes of its files."""
        return sum(entry.size for entry in self.files)


def contents(session: CouncilSession, keys: Keys) -> list[PackedRecord]:
    """What is to be packed of these records, in order of key."""
    in_file = (FILE.c.council_id == RECORD.c.council_id) & (FILE.c.id == RECORD.c.file_id)
    client = [FILE.c[name].label(f"client_{name}") for name in CLIENT]
    rows = session.execute(
        select(RECORD, *client)
        .select_from(RECORD.join(FILE, in_file))
        .where(with_ids(session, keys)(RECORD))
        .order_by(RECORD.c.id)
    ).all()
    happened: dict[UUID, list[dict[str, Any]]] = {}
    in_files = with_ids(session, Keys.of(row.file_id for row in rows).distinct(), "file_id")(MILESTONE)
    for row in session.execute(select(MILESTONE).where(in_files).order_by(MILESTONE.c.happened_on, MILESTONE.c.id)):
        event = {"kind": row.kind, "whose": row.whose, "happened_on": row.happened_on, "source": row.source}
        happened.setdefault(row.file_id, []).append(event)
    packed: dict[UUID, PackedRecord] = {}
    for row in rows:
        document = {
            "key": row.id,
            "record_class": row.record_class,
            "recorded_on": row.recorded_on,
            "medium": row.medium,
            "location": row.location,
            "system": row.system,
            "system_key": row.external_key,
            "client": {name: getattr(row, f"client_{name}") for name in CLIENT},
            "values": {
                name: {
                    "value": entry.get("v"),
                    "source": entry.get("s"),
                    "on": entry.get("on"),
                    "purposes": entry.get("p"),
                }
                for name, entry in sorted(row.values.items())
            },
            "milestones": happened.get(row.file_id, []),
        }
        packed[row.id] = PackedRecord(row.id, document)
    for row in session.execute(_FILES, {"council_id": session.council_id, "ids": list(packed)}):
        file = PackedFile(f"files/{row.id}", row.stored_id, row.name, row.media_type, row.size, row.added_on)
        packed[row.record_id].files.append(file)
    return list(packed.values())


def parts(records: Sequence[PackedRecord]) -> Iterator[list[PackedRecord]]:
    """The same in packages, none with too many records or bytes."""
    part: list[PackedRecord] = []
    for entry in records:
        if part and (len(part) == MOST or sum(other.size for other in part) + entry.size > LARGEST):
            yield part
            part = []
        part.append(entry)
    if part:
        yield part


def written(
    session: CouncilSession, store: FileStore, records: Sequence[PackedRecord], about: Mapping[str, Any]
) -> Iterator[bytes]:
    """The bytes of a package, piece by piece; `about` is what its manifest says of the whole."""
    sink = _Sink()
    manifest: list[dict[str, Any]] = []
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as package:
        for entry in records:
            files = [
                {"path": file.path, "name": file.name, "media_type": file.media_type, "added_on": file.added_on}
                for file in entry.files
            ]
            document = _json({**entry.document, "files": files})
            yield from _entry(package, sink, manifest, f"records/{entry.id}.json", [document])
            for file in entry.files:
                yield from _entry(package, sink, manifest, file.path, store.read(session, file.stored_id))
        whole = {"format": FORMAT, **about, "records": len(records), "files": manifest}
        yield from _entry(package, sink, [], "manifest.json", [_json(whole)])
    yield sink.taken()


class _Sink:
    """What a ZIP file is written to: bytes that have not been handed on yet."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def write(self, data: bytes) -> int:
        self._pending += data
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """Nothing is open."""

    def taken(self) -> bytes:
        data = bytes(self._pending)
        self._pending.clear()
        return data


def _entry(
    package: zipfile.ZipFile, sink: _Sink, manifest: list[dict[str, Any]], path: str, content: Iterable[bytes]
) -> Iterator[bytes]:
    digest, size = hashlib.sha256(), 0
    info = zipfile.ZipInfo(path, FIRST_DAY)
    info.compress_type = zipfile.ZIP_DEFLATED
    target: IO[bytes]
    with package.open(info, "w") as target:
        for piece in content:
            digest.update(piece)
            size += len(piece)
            target.write(piece)
            yield sink.taken()
    manifest.append({"path": path, "sha256": digest.hexdigest(), "size": size})
    yield sink.taken()


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, default=_plain, ensure_ascii=False, indent=1).encode()


def _plain(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(type(value).__name__)
