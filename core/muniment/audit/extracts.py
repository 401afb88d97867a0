"""An extract of a council's audit log: its last sealed events, with what proves them whoever has the public keys.

It is the end of the log without a gap, so one proof serves all of it: the tree as it stood before the first entry (its
peaks, RFC 6962) grows by every entry's leaf to the root that a checkpoint signs. Nothing can be changed, left out or
put in between. Checking is pure; making one reads the database.
"""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text

from muniment.api.errors import Conflict, InvalidInput
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.audit.merkle import Tree
from muniment.audit.proofs import Checkpoint, PublicKey, PublicKeys, SealedEvent, Unproven, stamp, unhex
from muniment.audit.sealing import EVENT_COLUMNS
from muniment.database.session import CouncilSession
from muniment.keys import split_signature
from muniment.web.callers import Caller, Permission

__all__ = ["MOST", "Entry", "LogExtract", "extract", "read", "written"]

MOST = 10_000
"""Events in one extract."""

LAST = text(
    "select last.size, last.at, last.root, last.signature, greatest(last.size - :last, 0) as first,"
    " coalesce(before.size, 0) as known, before.peaks"
    " from (select size, at, root, signature from audit_checkpoint where council_id = :council_id"
    "  order by size desc limit 1) last"
    " left join lateral (select size, peaks from audit_checkpoint where council_id = :council_id"
    "  and size <= last.size - :last order by size desc limit 1) before on true"
)
HASHES = text(
    "select hash from audit_leaf where council_id = :council_id and position >= :known and position < :first"
    " order by position"
)
ENTRIES = text(
    f"select l.hash, {EVENT_COLUMNS} from audit_leaf l"  # noqa: S608
    " left join audit_event e on e.council_id = l.council_id and e.id = l.event_id"
    " where l.council_id = :council_id and l.position >= :first and l.position < :size order by l.position"
)


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One entry: the event, or, where it was dropped at the end of its period, its leaf's hash in hexadecimal."""

    event: SealedEvent | None = None
    leaf: str | None = None


class LogExtract(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The entries from `first` (counted from 0) to the end of the log that `checkpoint` signs. `peaks` are those of the
    tree of the entries before, in hexadecimal one after the other."""

    format: Literal[1]
    council: UUID
    slug: str
    first: int
    peaks: str
    entries: tuple[Entry, ...]
    checkpoint: Checkpoint

    def check(self, keys: PublicKeys) -> PublicKey:
        """The key that vouches for the extract. Raises `Unproven`, saying what does not hold."""
        key = self.checkpoint.signed_by(keys, self.council)
        try:
            tree = Tree(self.first, unhex(self.peaks))
        except ValueError:
            raise Unproven("What it says of the log before its first entry is not whole.") from None
        for entry in self.entries:
            if entry.event is not None and entry.event.council != self.council:
                raise Unproven("One of its events is of another council.")
            tree.append(entry.event.leaf if entry.event is not None else _hash(entry.leaf))
        if (tree.size, tree.root.hex()) != (self.checkpoint.size, self.checkpoint.root):
            raise Unproven("It is not the end of the log that the checkpoint signs: something was changed or left out.")
        return key


def extract(session: CouncilSession, caller: Caller, slug: str, last: int) -> LogExtract:
    """The last `last` sealed events (1 to 10,000; all there are, if they are fewer); reading them is an event itself.

    Raises `Forbidden` for whoever may not read the whole council's log, `InvalidInput`, and `Conflict` where nothing
    has been sealed yet.
    """
    caller.require(Permission.READ_AUDIT)
    if not 1 <= last <= MOST:
        raise InvalidInput(f"Ask for 1 to {MOST} events.", where="last")
    here = {"council_id": session.council_id}
    found = session.ask(LAST, here | {"last": last})
    if not found:
        raise Conflict("Nothing in this log has been sealed yet: that is done once a minute.", code="nothing-sealed")
    [sealed] = found
    places = here | {"known": sealed.known, "first": sealed.first, "size": sealed.size}
    between, rows = session.ask_together((HASHES, places), (ENTRIES, places))
    tree = Tree(sealed.known, sealed.peaks or b"")
    for row in between:
        tree.append(row.hash)
    entries = tuple(_entry(session.council_id, row) for row in rows)
    record(session, AuditEvent.LOG_READ, events=len(entries))
    version, signature = split_signature(sealed.signature)
    checkpoint = Checkpoint(sealed.size, sealed.root.hex(), stamp(sealed.at), version, signature.hex())
    return LogExtract(1, session.council_id, slug, sealed.first, tree.peaks.hex(), entries, checkpoint)


def read(data: bytes) -> LogExtract:
    """An extract from its JSON. Raises `Unproven` for anything else."""
    try:
        return msgspec.json.decode(data, type=LogExtract)
    except msgspec.DecodeError:
        raise Unproven("This is no extract of an audit log that this version knows.") from None


def written(found: LogExtract) -> bytes:
    """An extract as JSON, on lines."""
    return msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"


def _entry(council_id: UUID, row: Any) -> Entry:
    return Entry(leaf=row.hash.hex()) if row.id is None else Entry(event=SealedEvent.of(council_id, row))


def _hash(written_leaf: str | None) -> bytes:
    found = unhex(written_leaf or "")
    if len(found) != 32:
        raise Unproven("One of its entries has neither an event nor the hash of one.")
    return found
