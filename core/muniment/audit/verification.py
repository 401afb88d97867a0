"""Verifying the audit log: recomputing every leaf and root and comparing them with what is stored and signed.

Found: an event changed or gone after sealing; a leaf changed, gone or added; a checkpoint that its key did not sign or
that the leaves contradict; an event that is neither sealed nor waiting although the log has been sealed since; events
said to have been dropped at the end of their period that no sealed event accounts for, or not those.

An event that is gone is sound if a line of `audit_drop` names its leaf, and a sealed event gives the same class, month,
count and root over all the leaves that the line names.

Not found: an event taken away, with its line, before the sealer came by; an event that whoever holds the application's
role wrote falsely; the log cut back, checkpoints and all, to an earlier state, unless its head was noted outside the
database; anything done by somebody who holds the signing key too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from muniment.audit.drops import DroppedUntil, Drops
from muniment.audit.heads import CutBack, cut_backs
from muniment.audit.merkle import Tree
from muniment.audit.proofs import SealedEvent, checkpoint_message
from muniment.audit.sealing import EVENT_COLUMNS
from muniment.database.session import CouncilSession
from muniment.keys import KeyRing

__all__ = ["CANNOT_FIND", "Fault", "FaultKind", "Head", "Verification", "verify"]

CANNOT_FIND = (
    "an event taken away before it was sealed",
    "an event written falsely with the application's own rights",
    "a log cut back to an earlier checkpoint, if the head beside the ledger was too and --head gives no other",
    "anything done with the signing key",
)

LEAVES = text(
    f"select l.position, l.event_id, l.hash, {EVENT_COLUMNS}"  # noqa: S608
    " from audit_leaf l left join audit_event e on e.council_id = l.council_id and e.id = l.event_id"
    " where l.council_id = :council_id order by l.position"
).execution_options(yield_per=2_000)
CHECKPOINTS = text(
    "select size, at, root, signature from audit_checkpoint where council_id = :council_id order by size"
)
UNACCOUNTED = text(
    "select e.id from audit_event e where e.council_id = :council_id"
    " and not exists (select from audit_leaf l where l.council_id = e.council_id and l.event_id = e.id)"
    " and not exists (select from audit_unsealed u where u.council_id = e.council_id and u.event_id = e.id)"
    " order by e.id"
)
PENDING = text("select count(*) from audit_unsealed where council_id = :council_id")
WITHOUT_EVENT = text(
    "select u.event_id from audit_unsealed u where u.council_id = :council_id"
    " and not exists (select from audit_event e where e.council_id = u.council_id and e.id = u.event_id)"
    " order by u.event_id"
)


class FaultKind(StrEnum):
    """What verification can find."""

    EVENT_CHANGED = "event-changed"
    EVENT_GONE = "event-gone"
    EVENT_UNACCOUNTED = "event-unaccounted"
    LEAF_GONE = "leaf-gone"
    LEAF_UNSIGNED = "leaf-unsigned"
    ROOT_DIFFERS = "root-differs"
    SIGNATURE_WRONG = "signature-wrong"
    HEAD_DIFFERS = "head-differs"
    DROP_UNSEALED = "drop-unsealed"
    DROP_DIFFERS = "drop-differs"


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong: which event, leaf (counted from 0), checkpoint (by its size) or line of `audit_drop`."""

    kind: FaultKind
    event_id: UUID | None = None
    position: int | None = None
    size: int | None = None
    drop_id: UUID | None = None


@dataclass(frozen=True)
class Head:
    """The log at a moment, as somebody outside may have noted it: how many leaves and their root."""

    size: int
    root: bytes


class Verification(msgspec.Struct, frozen=True):
    """What was looked at and what was found. `head` is worth noting outside: size, a colon, the root in hex.

    `dropped` says up to which month events went by rule; all others must be there. `cut_back` are the times that the
    log was found in an earlier state, as after a restore: no fault in what is there, and a gap in what it covers.
    """

    leaves: int
    checkpoints: int
    pending: int
    head: str | None
    head_at: datetime | None
    dropped: tuple[DroppedUntil, ...]
    cut_back: tuple[CutBack, ...]
    faults: tuple[Fault, ...]

    @property
    def sound(self) -> bool:
        return not self.faults


def verify(session: CouncilSession, keys: KeyRing, noted: Head | None = None) -> Verification:
    """Verify the whole log of the session's council in one snapshot; reads every event once.

    `noted` is a head noted outside at some time: the log must still contain it. The session must be fresh: the
    transaction is made repeatable read.
    """
    session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    session.execute(text("set local cursor_tuple_fraction = 1"))  # all rows will be read: plan for that
    here = {"council_id": session.council_id}
    checkpoints = list(session.execute(CHECKPOINTS, here))
    tree, drops, faults = Tree(), Drops(session), list[Fault]()
    expected = {row.size: row.root for row in checkpoints}
    if noted is not None and expected.setdefault(noted.size, noted.root) != noted.root:
        faults.append(Fault(FaultKind.HEAD_DIFFERS, size=noted.size))
    for row in checkpoints:
        if not keys.verify(checkpoint_message(session.council_id, row.size, row.root, row.at), row.signature):
            faults.append(Fault(FaultKind.SIGNATURE_WRONG, size=row.size))
    for row in session.execute(LEAVES, here):
        faults += _leaf_faults(session.council_id, tree, drops, row)
        tree.append(bytes(row.hash))
        if tree.size in expected and expected.pop(tree.size) != tree.root:
            faults.append(Fault(FaultKind.ROOT_DIFFERS, size=tree.size))
    last = checkpoints[-1] if checkpoints else None
    faults += _tail_faults(tree, expected, last.size if last else 0)
    faults += [Fault(FaultKind.DROP_UNSEALED, drop_id=id_) for id_ in drops.unsealed()]
    faults += [Fault(FaultKind.DROP_DIFFERS, drop_id=id_) for id_ in drops.differing()]
    faults += [Fault(FaultKind.EVENT_UNACCOUNTED, event_id=id_) for id_ in session.scalars(UNACCOUNTED, here)]
    faults += [Fault(FaultKind.EVENT_GONE, event_id=id_) for id_ in session.scalars(WITHOUT_EVENT, here)]
    return Verification(
        leaves=tree.size,
        checkpoints=len(checkpoints),
        pending=session.scalar(PENDING, here) or 0,
        head=f"{last.size}:{last.root.hex()}" if last else None,
        head_at=last.at if last else None,
        dropped=drops.until(),
        cut_back=cut_backs(session),
        faults=tuple(faults),
    )


def _leaf_faults(council_id: UUID, tree: Tree, drops: Drops, row: Any) -> Iterator[Fault]:
    if row.position != tree.size:
        yield Fault(FaultKind.LEAF_GONE, position=tree.size)
    dropped = drops.names(row.position, bytes(row.hash))
    if row.id is None and not dropped:
        yield Fault(FaultKind.EVENT_GONE, event_id=row.event_id, position=row.position)
    elif row.id is not None and SealedEvent.of(council_id, row).leaf != row.hash:
        yield Fault(FaultKind.EVENT_CHANGED, event_id=row.event_id, position=row.position)


def _tail_faults(tree: Tree, expected: dict[int, bytes], signed: int) -> Iterator[Fault]:
    """What the end of the log shows: roots that no leaves reach, leaves that no checkpoint signs."""
    for size in sorted(expected):
        if size > tree.size or size == 0:
            yield Fault(FaultKind.LEAF_GONE, size=size)
    if tree.size > signed:
        yield Fault(FaultKind.LEAF_UNSIGNED, position=signed)
