"""The erasure ledger: a write-ahead log beside the database, so that a backup cannot bring an erased person back.

One file a council, lines of JSON, only ever appended. Before a chunk is committed its keys are written and synced
(`intend`), after the commit that it was (`done`). A chunk left open by a crash is settled against the database. After
a restore, a chunk that is `done` here and unknown to the database is applied again, by key. The folder is seen by every
host and is never part of a backup of the database. Keys are opaque; no name is ever written.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from uuid import UUID

import msgspec
import structlog

__all__ = ["Ledger", "LedgerChunk", "Line"]

log = structlog.get_logger(__name__)

Step = Literal["intend", "done", "void"]


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line. `gone` are keys of rows deleted, by table; `emptied` those whose paper is still to be destroyed.

    `void` closes a chunk that was never committed; a `done` of the same chunk, however late, outweighs it.
    """

    step: Step
    chunk: UUID
    gone: Mapping[str, tuple[UUID, ...]] = {}
    emptied: Mapping[str, tuple[UUID, ...]] = {}


class _Head(msgspec.Struct, frozen=True):
    """What a line is about, without the keys: a ledger grows for years, and most of it is never asked for again."""

    step: Step
    chunk: UUID


@dataclass
class LedgerChunk:
    """What the ledger knows of one chunk; the line that began it is decoded when it is asked for."""

    raw: bytes
    steps: set[Step] = field(default_factory=set)

    @property
    def intent(self) -> Line:
        return msgspec.json.decode(self.raw, type=Line)

    @property
    def is_open(self) -> bool:
        return not self.steps


class Ledger:
    """The ledger of one council."""

    def __init__(self, folder: Path, council_id: UUID) -> None:
        self._path = folder / f"{council_id}.jsonl"

    @property
    def size(self) -> int:
        """Bytes written so far; it only grows."""
        return self._path.stat().st_size if self._path.exists() else 0

    def intend(self, line: Line) -> None:
        """Write what a chunk is about to delete; on disk when this returns. Raises `OSError`."""
        self._append([line])

    def close(self, step: Step, chunks: Iterable[UUID]) -> None:
        """Write that chunks are `done` or `void`; on disk when this returns. Raises `OSError`."""
        self._append([Line(step, chunk) for chunk in chunks])

    def chunks(self) -> dict[UUID, LedgerChunk]:
        """Every chunk by key, in the order they were intended."""
        chunks: dict[UUID, LedgerChunk] = {}
        for head, raw in self._lines():
            if head.step == "intend":
                chunks.setdefault(head.chunk, LedgerChunk(raw)).raw = raw
            elif head.chunk in chunks:
                chunks[head.chunk].steps.add(head.step)
        return chunks

    def _lines(self) -> Iterator[tuple[_Head, bytes]]:
        """Every whole line, and what it is about. One that a crash cut off says nothing: what it began was never
        committed."""
        try:
            content = self._path.open("rb")
        except FileNotFoundError:
            return
        decoder = msgspec.json.Decoder(_Head)
        with content:
            for number, raw in enumerate(content, 1):
                if not raw.strip():
                    continue
                try:
                    yield decoder.decode(raw), raw
                except msgspec.DecodeError:
                    log.warning("ledger_line_torn", line=number)

    def _append(self, lines: Iterable[Line]) -> None:
        data = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        if not data:
            return
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_new = not self._path.exists()
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                data = b"\n" + data  # a crash cut the last line off: ours must not be glued to it
            while data:
                data = data[os.write(handle, data) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        if is_new:
            _sync(self._path.parent)


def _sync(folder: Path) -> None:
    """Have the folder's entries on disk: a file that was just made in it survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
