"""Storing, reading and removing files.

An object is on disk before its row is committed, and its row is gone before the object is removed: whatever is killed
in between leaves an object without a row, which nobody can read and `sweep_orphans` takes away, never a row without an
object.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import FileIO
from pathlib import Path
from uuid import UUID

import msgspec
from sqlalchemy import text

from muniment.api.errors import MunimentError, NotFound, NotReady, TooLarge
from muniment.database.ids import random_id
from muniment.database.session import CouncilSession
from muniment.files.sealed import Damaged, decrypt, encrypt, new_key
from muniment.keys import KeyRing

__all__ = ["REMOVE_FILES", "FileDamaged", "FileStore", "FilesNotWritten", "Orphans", "remove_files"]

REMOVE_FILES = "files.remove"
"""The name of the actor that removes objects; it is declared in `muniment.jobs.upkeep`."""

LARGEST = 100 * 1024 * 1024
ORPHAN_AGE = timedelta(hours=24)
"""How old an object without a row must be before it counts as an orphan: no transaction runs so long."""

ADD = text(
    "insert into stored_file (council_id, id, wrapped_key, media_type, size, stored_at)"
    " values (:council_id, :id, :wrapped_key, :media_type, :size, :stored_at)"
)
REMOVE = text(
    "with gone as (delete from stored_file where council_id = :council_id and id = any(:ids) returning council_id, id)"
    " insert into file_tombstone (council_id, id, at) select council_id, id, :at from gone"
)
KEY_OF = text("select wrapped_key from stored_file where council_id = :council_id and id = :id")
ALL = text("select id from stored_file where council_id = :council_id")
TO_REMOVE = text(
    "select id from file_tombstone where council_id = :council_id order by id limit 1000 for update skip locked"
)
REMOVED = text("delete from file_tombstone where council_id = :council_id and id = any(:ids)")


OUTWARD = "No file can be stored or removed at the moment: nothing was changed. Tell the operator; the log says why."


class FileDamaged(MunimentError):
    """A stored file's object is missing or not what was stored. Restore it from the backup of the files."""

    status = 500
    code = "file-damaged"


class FilesNotWritten(NotReady):
    """The folder of files takes nothing: it is full, read-only or somebody else's."""

    code = "files-not-written"


class Orphans(msgspec.Struct, frozen=True):
    """What a check of one council found: objects without a row that it removed, rows whose object is missing."""

    removed: int
    missing: tuple[UUID, ...]


class FileStore:
    """The folder of encrypted objects, one folder a council below it."""

    def __init__(self, folder: Path, keys: KeyRing) -> None:
        self._folder = folder
        self._keys = keys

    def store(self, session: CouncilSession, content: bytes | Iterable[bytes], media_type: str) -> UUID:
        """Encrypt and store `content`; returns the file's id, good once the session commits.

        Raises `TooLarge` above 100 MiB, `FilesNotWritten` where the folder takes nothing; then nothing is kept.
        """
        file_id, key = random_id(), new_key()
        bound_to = _bound(session.council_id, file_id)
        path = self._path(session.council_id, file_id)
        size = self._write(path, encrypt(key, bound_to, counted := _Counted(content)), counted)
        session.ask(
            ADD,
            {
                "council_id": session.council_id,
                "id": file_id,
                "wrapped_key": self._keys.wrap(key, bound_to),
                "media_type": media_type,
                "size": size,
                "stored_at": session.clock.now(),
            },
        )
        return file_id

    def read(self, session: CouncilSession, file_id: UUID) -> Iterator[bytes]:
        """The file's bytes, a chunk at a time. Raises `NotFound` at once, `FileDamaged` when a chunk is not sound."""
        found = session.ask(KEY_OF, {"council_id": session.council_id, "id": file_id})
        if not found:
            raise NotFound("There is no such file.")
        bound_to = _bound(session.council_id, file_id)
        key = self._keys.unwrap(found[0].wrapped_key, bound_to)
        return self._chunks(self._path(session.council_id, file_id), key, bound_to)

    def remove(self, session: CouncilSession, file_ids: Sequence[UUID]) -> None:
        """Remove files: their keys with this transaction, their objects soon after. Unknown ids are passed over."""
        remove_files(session, file_ids)

    def remove_objects(self, session: CouncilSession) -> int:
        """Remove the objects that tombstones name, and the tombstones; returns how many. Safe to repeat or to kill.

        Raises `FilesNotWritten`; then the tombstones stay, and so are tried again.
        """
        here = {"council_id": session.council_id}
        ids = list(session.scalars(TO_REMOVE, here))
        for file_id in ids:
            path = self._path(session.council_id, file_id)
            with self._told("removed from"):
                path.unlink(missing_ok=True)
                if path.parent.exists():
                    _sync(path.parent)
        session.execute(REMOVED, here | {"ids": ids})
        return len(ids)

    def sweep_orphans(self, session: CouncilSession, now: datetime) -> Orphans:
        """Compare the council's folder with its rows: remove old objects without a row, report rows without an object.

        `now` is the machine's own time, for it is compared with the times of files. Raises `FilesNotWritten`.
        """
        known = set(session.scalars(ALL, {"council_id": session.council_id}))
        old = (now - ORPHAN_AGE).timestamp()
        found, removed = set[UUID](), 0
        for path in (self._folder / str(session.council_id)).glob("*/*"):
            file_id = _id_of(path)
            if file_id is not None and file_id in known:
                found.add(file_id)
            elif _is_there_since(path, old):
                with self._told("removed from"):
                    path.unlink(missing_ok=True)
                removed += 1
        return Orphans(removed, tuple(sorted(known - found)))

    def _chunks(self, path: Path, key: bytes, bound_to: bytes) -> Iterator[bytes]:
        try:
            with path.open("rb") as source:
                yield from decrypt(key, bound_to, source)
        except (OSError, Damaged):
            raise FileDamaged("A stored file is missing or damaged. Restore it from the backup of the files.") from None

    def _write(self, path: Path, chunks: Iterable[bytes], counted: _Counted) -> int:
        unfinished = path.with_name(f"{path.name}.unfinished")
        with self._told("written to"):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb", buffering=0) as target:
                for chunk in chunks:  # what the source raises is no fault of the folder
                    with self._told("written to"):
                        _write_whole(target, chunk)
                with self._told("written to"):
                    os.fsync(target.fileno())
            unfinished.rename(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        _sync(path.parent)
        return counted.size

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """What the folder refuses, in a sentence."""
        try:
            yield
        except OSError as error:
            raise FilesNotWritten(
                f"The folder of files {self._folder} cannot be {what} ({error.strerror}): nothing was changed."
                " Make room there, or let Muniment's account write, and do it again.",
                outward=OUTWARD,
            ) from error

    def _path(self, council_id: UUID, file_id: UUID) -> Path:
        return self._folder / str(council_id) / file_id.hex[:2] / file_id.hex


def remove_files(session: CouncilSession, file_ids: Sequence[UUID]) -> None:
    """What `FileStore.remove` does, for whoever has no use for the folder: it is not touched here."""
    if file_ids:
        session.execute(REMOVE, {"council_id": session.council_id, "ids": list(file_ids), "at": session.clock.now()})
        session.ring(REMOVE_FILES, [session.council_id])


class _Counted:
    """Content in pieces, counted as it goes by, and stopped at the largest size."""

    def __init__(self, content: bytes | Iterable[bytes]) -> None:
        self._content = [content] if isinstance(content, bytes) else content
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._content:
            self.size += len(piece)
            if self.size > LARGEST:
                raise TooLarge(f"A file may have {LARGEST // (1024 * 1024)} MiB at most.")
            yield piece


def _bound(council_id: UUID, file_id: UUID) -> bytes:
    return council_id.bytes + file_id.bytes


def _is_there_since(path: Path, before: float) -> bool:
    """Whether a file is there and was last written before an instant, in seconds as its system counts them."""
    try:
        return path.stat().st_mtime < before
    except FileNotFoundError:  # finished or removed by somebody else since the folder was listed
        return False


def _id_of(path: Path) -> UUID | None:
    try:
        return UUID(hex=path.name)
    except ValueError:
        return None


def _write_whole(target: FileIO, chunk: bytes) -> None:
    while chunk:
        chunk = chunk[target.write(chunk) :]


def _sync(folder: Path) -> None:
    """Have a folder's entries on disk: a rename or a removal in it survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
