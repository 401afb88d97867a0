"""Taking in one chunk of rows, in the caller's transaction: who is new, who changes, who stays out.

A chunk costs a few dozen statements, whatever its size. References are locked first, then the files that are known, in
the order of their keys; nothing that was read before its lock is relied on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from uuid import UUID

import msgspec

from muniment.api.clients import ProposedValues
from muniment.audit.events import AuditEvent
from muniment.audit.log import record_many
from muniment.clients.context import Context, plain
from muniment.clients.importing.known import Memory, find_known, recall
from muniment.clients.importing.layout import Layout, Reject, Row
from muniment.clients.importing.merge import Change, Known, merge
from muniment.clients.importing.store import NewFile, Store
from muniment.clients.limits import limits_on
from muniment.clients.locks import tell
from muniment.clients.memory import digests_of, lock_references
from muniment.database.ids import new_keys
from muniment.database.session import CouncilSession
from muniment.database.signals import FieldsChanged, fields_changed

__all__ = ["Outcome", "PastPeriod", "judged", "take_in"]

CORRECTED = "corrected"
"""The code of a cell that was passed over because staff have corrected what is stored."""

RESTRICTED = "restricted"
"""The code of a row about somebody whose file may only be stored: not even matched (UK GDPR Art 18(2))."""

PastPeriod = Callable[[CouncilSession, Sequence[UUID]], Collection[UUID]]
"""Which of these new files hold a record that is beyond its period already. Retention answers, after clocking them."""


class Outcome(msgspec.Struct):
    """What became of a chunk: keys of new files, counts of rows, rejects; `corrected` are the places of values that
    staff have corrected and that were kept, in rows that were taken in."""

    new: Sequence[UUID] = ()
    updated: int = 0
    unchanged: int = 0
    suppressed: int = 0
    rejects: list[Reject] = msgspec.field(default_factory=list)
    corrected: list[Reject] = msgspec.field(default_factory=list)


def judged(context: Context, layout: Layout, rows: Sequence[Row]) -> tuple[list[Row], list[Reject]]:
    """The rows whose values no plugin refuses, and the others' rejects. One batch for all of them."""
    if not context.facade.judges_values:
        return list(rows), []
    service = layout.rules.service
    proposed = [
        (row, ProposedValues(item, service, class_id, plain(values)))
        for item, (row, class_id, values) in enumerate(
            (row, class_id, values) for row in rows for class_id, values in row.values.items()
        )
    ]
    if not proposed:
        return list(rows), []
    refusals = context.facade.client_validate([entry for _, entry in proposed])
    refused = {proposed[refusal.item][0].line: refusal.code for refusal in refusals}
    kept = [row for row in rows if row.line not in refused]
    return kept, [Reject(line, "", code) for line, code in refused.items()]


def take_in(
    session: CouncilSession,
    context: Context,
    layout: Layout,
    rows: Sequence[Row],
    run_id: UUID,
    *,
    generated: bool,
    past_period: PastPeriod | None,
) -> Outcome:
    """Store rows, each of which has another reference.

    `past_period` is None where rows beyond their period may come in (`--history`).
    """
    outcome = Outcome()
    service, issuer = layout.rules.service, layout.source.id
    store = Store(session, layout, generated=generated)
    lock_references(session, service, issuer)
    digests = {row.key: digests_of(context.keys, session, service, issuer, row.key) for row in rows}
    memories = recall(session, service, issuer, digests)
    known = find_known(session, issuer, memories)
    limits = limits_on(session, [entry.file_id for entry in known.values()])
    restricted = {file_id for file_id, of_file in limits.items() if of_file.bars(layout.source.purposes)}
    changes: list[tuple[Row, Change]] = []
    new: list[Row] = []
    for row in rows:
        if row.key in known:
            if known[row.key].file_id in restricted:
                outcome.rejects.append(Reject(row.line, "", RESTRICTED))
                continue
            merged = merge(layout, row, known[row.key])
            if isinstance(merged, Reject):
                outcome.rejects.append(merged)
                continue
            outcome.corrected += (Reject(row.line, column, CORRECTED) for column in merged.kept)
            if merged.what:
                changes.append((row, merged))
            else:
                outcome.unchanged += 1
        elif row.key in memories:
            outcome.suppressed += 1
        else:
            new.append(row)
    store.see([memory.digest for memory in memories.values() if memory.digest is not None])
    if changes:
        store.change([change for _, change in changes], {entry.file_id: entry.stub for entry in known.values()})
        changed = [change.file_id for _, change in changes]
        tell(session, changed, *sorted(frozenset[str]().union(*(change.what for _, change in changes))))
        rectified = {change.file_id: frozenset(change.rectified) for _, change in changes if change.rectified}
        if rectified:
            fields_changed.send(session, FieldsChanged(rectified))
        record_many(session, AuditEvent.FILE_CHANGED, changed, run=run_id)
        outcome.updated = len(changed)
    _remember_more(store, known, memories, {row.key: change for row, change in changes}, digests)
    if new:
        outcome.new, rejects = _add(session, store, new, digests, past_period)
        outcome.rejects += rejects
        record_many(session, AuditEvent.FILE_OPENED, outcome.new, service=service, run=run_id)
    return outcome


def _remember_more(
    store: Store,
    known: Mapping[str, Known],
    memories: Mapping[str, Memory],
    changes: Mapping[str, Change],
    digests: Mapping[str, Sequence[bytes]],
) -> None:
    """Note classes that were imported for the first time, and references whose memory had been disposed of."""
    noted = []
    for key, entry in known.items():
        memory, added = memories[key], changes[key].new_records.keys() if key in changes else frozenset[str]()
        if memory.digest is None or added:
            digest = memory.digest or digests[key][0]
            noted.append((digest, entry.file_id, sorted(memory.classes | entry.records.keys() | added)))
    if noted:
        store.remember(noted)


def _add(
    session: CouncilSession,
    store: Store,
    new: Sequence[Row],
    digests: Mapping[str, Sequence[bytes]],
    past_period: PastPeriod | None,
) -> tuple[Sequence[UUID], list[Reject]]:
    file_ids, person_ids = new_keys(len(new)), new_keys(len(new))
    store.add(
        [
            NewFile(row, file_id, person_id, digests[row.key][0])
            for row, file_id, person_id in zip(new, file_ids.hex, person_ids.hex, strict=True)
        ]
    )
    tell(session, file_ids, "file", "record", "milestone", "enrolment")
    past = frozenset(past_period(session, file_ids)) if past_period is not None else frozenset[UUID]()
    if not past:
        return file_ids, []
    store.take_back(list(past))
    kept = [file_id for file_id in file_ids if file_id not in past]
    beyond = (row for row, file_id in zip(new, file_ids, strict=True) if file_id in past)
    return kept, [Reject(row.line, "", "beyond-period") for row in beyond]
