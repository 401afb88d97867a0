"""The erasure ledger: a write-ahead log beside the database, so that a backup cannot bring an erased person back.

One file a council, lines of JSON, only ever appended. Before a chunk is committed its keys are written and synced
(`intend`), after the commit that it was (`done`). A chunk left open by a crash is settled against the database. After
a restore, a chunk that is `done` here and unknown to the database is applied again, by key. The folder is seen by every
host and is never part of a backup of the database. Keys are opaque; no name is ever written.

What keeps records is written in the same way (`evidence.keeping`), for a restore would forget it just before it sweeps.
Those lines alone may say what an officer wrote; they are forgotten when the row that they tell of is gone.

Each line ends with a checksum of itself. A crash may cut off the last line alone: what it began was never committed,
and the next line closes it with a mark. Anything else that cannot be read is damage, and may be an erasure that nobody
knows of any more: then nothing is read from the ledger at all.
"""

from __future__ import annotations

import fcntl
import os
import re
from binascii import a2b_base64
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID
from zlib import crc32

import msgspec

from muniment.api.errors import NotReady
from muniment.database.packed import Keys

__all__ = ["Ledger", "LedgerChunk", "Line", "Redaction"]

OUTWARD: Final = (
    "The erasure ledger cannot be used: nothing is disposed of or held. Tell the operator; the log says why."
)

TORN: Final = b"#torn\n"
"""Closes a line that a crash cut off. No whole line ends so."""

_SUM = re.compile(rb',"crc":"([0-9a-f]{8})"}')
_SUM_LENGTH: Final = len(b',"crc":"00000000"}')

Step = Literal["intend", "done", "void"]


class Redaction(msgspec.Struct, frozen=True):
    """Values, by the names of their fields, that were taken out of records which stayed."""

    fields: tuple[str, ...]
    keys: Keys


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line. `gone` are keys of rows deleted, by table; `emptied` those whose paper is still to be destroyed;
    `redacted` are values taken out of records that stayed; `anonymised`: of what went, anonymous counts stay; `noted`
    are keys of records whose things stay outstanding, by what was noted of these.

    `evidence` are rows that prove it, by table, to be written again after a restore; they name nobody. `void` closes a
    chunk that was never committed; a `done` of the same chunk, however late, outweighs it. `keeps` is a line of what
    keeps records: it deletes nothing, and its evidence is put back whatever became of it since.
    """

    step: Step
    chunk: UUID
    gone: Mapping[str, Keys] = {}
    emptied: Mapping[str, Keys] = {}
    evidence: Mapping[str, Sequence[Mapping[str, Any]]] = {}
    keeps: bool = False
    redacted: tuple[Redaction, ...] = ()
    anonymised: bool = False
    noted: Mapping[str, Keys] = {}


def _in_json(value: object) -> object:
    """Keys as one run of base64, which costs a fraction of a list of them."""
    if isinstance(value, Keys):
        return value.packed
    raise NotImplementedError  # what msgspec asks of a hook that does not know a type


def _from_json(kind: type, value: object) -> object:
    """Keys as they are written, or as a list of each one's text, which lines of older versions hold."""
    if kind is not Keys:
        raise NotImplementedError  # as above
    return Keys.of(msgspec.convert(value, list[UUID])) if isinstance(value, list) else Keys(a2b_base64(str(value)))


class _Head(msgspec.Struct, frozen=True):
    """What a line is about, without the keys: a ledger grows for years, and most of it is never asked for again."""

    step: Step
    chunk: UUID
    keeps: bool = False


@dataclass
class LedgerChunk:
    """What the ledger knows of one chunk; the line that began it is decoded when it is asked for."""

    raw: bytes
    keeps: bool = False
    steps: set[Step] = field(default_factory=set)

    @property
    def intent(self) -> Line:
        return msgspec.json.decode(self.raw, type=Line, dec_hook=_from_json)

    @property
    def is_open(self) -> bool:
        return not self.steps


class Ledger:
    """The ledger of one council."""

    def __init__(self, folder: Path, council_id: UUID) -> None:
        self._path = folder / f"{council_id}.jsonl"

    @property
    def path(self) -> Path:
        """Its file, made by the first disposal."""
        return self._path

    @property
    def size(self) -> int:
        """Its bytes; it grows, but for `forget`. Raises `NotReady` if the folder or the file is not one."""
        return self.state[0]

    @property
    def state(self) -> tuple[int, int]:
        """Its bytes and when it was last written, in nanoseconds: what tells whether it must be read again.

        Raises `NotReady` as `size`.
        """
        with self._told():
            self._check_folder()
            try:
                found = self._path.stat()
            except FileNotFoundError:
                return 0, 0
            return found.st_size, found.st_mtime_ns

    def intend(self, line: Line) -> None:
        """Write what a chunk is about to delete; on disk when this returns. Raises `NotReady`."""
        self._append([line])

    def close(self, step: Step, chunks: Iterable[UUID]) -> None:
        """Write that chunks are `done` or `void`; on disk when this returns. Raises `NotReady`."""
        self._append([Line(step, chunk) for chunk in chunks])

    def forget(self, chunks: Collection[UUID]) -> None:
        """Take closed chunks out of the file, whole: it is replaced by one without them. Raises `NotReady`.

        What a backup could still bring back must stay in: only lines of what keeps are ever taken out.
        """
        if not chunks:
            return
        with self._told("written"), self._locked():
            rest = self._path.with_suffix(".rest")
            rest.unlink(missing_ok=True)
            rest.touch(mode=0o600)
            try:
                with rest.open("wb") as content:
                    content.writelines(raw for _, head, raw in self._lines() if head.chunk not in chunks)
                    content.flush()
                    os.fsync(content.fileno())
                rest.replace(self._path)
            finally:
                rest.unlink(missing_ok=True)
            _sync(self._path.parent)

    def chunks(self) -> dict[UUID, LedgerChunk]:
        """Every chunk by key, in the order they were intended. Raises `NotReady` if the ledger is damaged."""
        chunks: dict[UUID, LedgerChunk] = {}
        for number, head, raw in self._lines():
            if head.step == "intend":
                chunks.setdefault(head.chunk, LedgerChunk(raw, head.keeps)).raw = raw
            elif head.chunk in chunks:
                chunks[head.chunk].steps.add(head.step)
            else:
                raise self._damaged(number, "closes a chunk that no line begins")
        return chunks

    def _lines(self) -> Iterator[tuple[int, _Head, bytes]]:
        """Every whole line with its number, and what it is about; lines that a crash cut off say nothing."""
        with self._told():
            self._check_folder()
            try:
                content = self._path.open("rb")
            except FileNotFoundError:
                return
            decoder = msgspec.json.Decoder(_Head)
            with content:
                for number, raw in enumerate(content, 1):
                    if _is_whole(raw):
                        try:
                            yield number, decoder.decode(raw), raw
                        except msgspec.DecodeError:
                            raise self._damaged(number, "is of no kind that this version knows") from None
                    elif not _is_torn(raw):
                        raise self._damaged(number, "cannot be read")

    def _damaged(self, number: int, how: str) -> NotReady:
        return NotReady(
            f"Line {number} of the erasure ledger {self._path} {how}, so somebody who was erased could come back:"
            " restore the ledger from its copy.",
            outward="The erasure ledger is damaged: nothing is disposed of or held. Tell the operator; the log says"
            " where and how.",
        )

    def _check_folder(self) -> None:
        folder = self._path.parent
        if folder.exists() and not folder.is_dir():
            raise NotReady(
                f"The erasure ledger's place {folder} is a file: MUNIMENT_LEDGER_DIR must name a folder.",
                outward=OUTWARD,
            )

    @contextmanager
    def _told(self, what: str = "read") -> Iterator[None]:
        """What keeps the ledger from being read or written, in a sentence."""
        try:
            yield
        except OSError as error:
            raise NotReady(
                f"The erasure ledger {self._path} cannot be {what} ({error.strerror}): nothing is disposed of or held "
                "until Muniment's account can read and write it, and has room there.",
                outward=OUTWARD,
            ) from error

    def _append(self, lines: Iterable[Line]) -> None:
        data = b"".join(map(_written, lines))
        if not data:
            return
        with self._told("written"), self._locked() as handle:
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                data = TORN + data  # a crash cut the last line off: ours must not be glued to it
            try:
                while data:
                    data = data[os.write(handle, data) :]
            except OSError:
                os.ftruncate(handle, size)  # the disk is full: no half a line is left there
                raise
            os.fsync(handle)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The open file, made if it is not there, which nobody else writes meanwhile."""
        self._check_folder()
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            is_new = not self._path.exists()
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                if is_new:
                    _sync(self._path.parent)
                fcntl.flock(handle, fcntl.LOCK_EX)
                if _is_file(handle, self._path):  # not one that `forget` has replaced while we waited
                    yield handle
                    return
            finally:
                os.close(handle)


def _is_file(handle: int, path: Path) -> bool:
    """Whether an open file is the one that a path names now."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _written(line: Line) -> bytes:
    body = msgspec.json.encode(line, enc_hook=_in_json)[:-1]
    return body + b',"crc":"%08x"}\n' % crc32(body)


def _is_whole(raw: bytes) -> bool:
    """Whether a line is as it was written."""
    found = _SUM.fullmatch(raw, len(raw) - _SUM_LENGTH - 1, len(raw) - 1)
    return found is not None and raw.endswith(b"\n") and int(found[1], 16) == crc32(raw[: found.start()])


def _is_torn(raw: bytes) -> bool:
    """Whether a crash cut a line off: it is the last one or marked, and did not come to the end of its checksum."""
    return (raw.endswith(TORN) or not raw.endswith(b"\n")) and _SUM.search(raw) is None


def _sync(folder: Path) -> None:
    """Have the folder's entries on disk: a file that was just made in it survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
