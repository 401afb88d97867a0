"""Values held on nothing: every purpose of theirs rested on consent, and that was withdrawn or refused.

No rule of a schedule keeps what has no basis left (UK GDPR Arts 5(1)(a), 17(1)(b)), so core has a clause of its own
for them. Which they are is not stored but found: in the ledger of consents and in the values themselves. A reviewer has
them taken away; that is then redaction like any other, judged against holds, certified, and remembered by the erasure
ledger. The whole record goes by its class's own rule, which may count from the withdrawal too.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import and_, insert, select

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput
from muniment.api.periods import add_period, parse_period
from muniment.api.retention import Anchor, Authority, Clause, RetentionRule
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.facts import FILE, RECORD
from muniment.clients.locks import lock_files
from muniment.clients.locks import tell as tell_changed
from muniment.consent.holdings import candidates, ended_by_file, on_nothing
from muniment.database.ids import random_id
from muniment.database.packed import Keys, any_of
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.plugins.facade import CouncilFacade
from muniment.policy.model import Policy, canonical
from muniment.policy.store import adopted, adopted_or_none
from muniment.retention import locks
from muniment.retention.disposal.changing import redact
from muniment.retention.disposal.taking import Judgement, judge
from muniment.retention.evidence.certificates import Disposed, issue
from muniment.retention.evidence.copies import evidence_of
from muniment.retention.evidence.ledger import Ledger, Line, Redaction
from muniment.retention.holds.judging import ask
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.rules.compile import REDACT, Clock, clocks, undeclared
from muniment.retention.subjects import RECORDS
from muniment.retention.tables import Disposal

__all__ = ["MOST", "NO_BASIS", "Unfounded", "take_away", "unfounded", "unfounded_values"]

DISPOSAL = table_of(Disposal)

MOST: Final = 1_000
"""Records looked at, or whose values are taken away, in one request."""

FILES: Final = 500
"""Files looked at in one step of a walk."""

NO_BASIS: Final = RetentionRule(
    id="no-basis-left",
    classes=("every-class",),
    clauses=(
        Clause(
            id="consent-gone",
            keep="1 month",
            anchor=Anchor(event="consent-withdrawn"),
            bound="at-most",
            action="redact",
            authority=(Authority(kind="law", title="UK GDPR", provision="Arts 12(3), 17(1)(b)"),),
        ),
    ),
    rationale="A value stays as long as one of its purposes has a basis. Without any it goes without undue delay.",
)
"""Core's own clause: values held on nothing are taken away within a month of the withdrawal."""

RULE_HASH: Final = hashlib.sha256(canonical(NO_BASIS)).hexdigest()
WITHIN: Final = parse_period("1 month")
METHOD: Final = "values deleted from the record, which stays: no purpose had a basis for them any more"


class Unfounded(msgspec.Struct, frozen=True, kw_only=True):
    """A record with values (`category.field`) that are held on nothing `since` a day in London, and the last day by
    which they are to be gone. `elsewhere`: the record lies on paper or in another system too, where somebody has to
    take them out by hand."""

    record_id: UUID
    file_id: UUID
    record_class: str
    fields: tuple[str, ...]
    since: date
    due_on: date
    elsewhere: bool


@dataclass(frozen=True)
class _Approval:
    """Who decided, in the place of whoever armed a rule."""

    id: UUID
    armed_kind: str
    armed_role: str
    armed_by: UUID | None


@dataclass(frozen=True)
class _Asked:
    """A record as plugins are asked about it."""

    id: UUID
    lock_id: UUID
    record_class: str
    due_on: date


def unfounded(
    session: CouncilSession, caller: Caller, *, after: UUID | None = None, limit: int = 100
) -> tuple[Unfounded, ...]:
    """What is held on nothing, file by file, of the services that the caller may see; `after` is the file of the line
    before. A file's lines stay together, so there may be some more than `limit`. Raises `Forbidden`."""
    services = caller.require_somewhere(Permission.READ_RETENTION)
    policy = adopted_or_none(session)
    found: list[Unfounded] = []
    for files in _walk(session, after) if policy is not None else ():
        for line in _of_files(session, policy, files):
            if found and len(found) >= limit and line.file_id != found[-1].file_id:
                return tuple(found)
            if services is None or line.record_class.partition("/")[0] in services:
                found.append(line)
    return tuple(found)


def unfounded_values(session: CouncilSession) -> dict[tuple[str, ...], float] | None:
    """How many values are held on nothing: `in-time`, `late` where the last day is over by which they are to be gone,
    and `held` where a hold or a restriction keeps them. None without a policy."""
    policy = adopted_or_none(session)
    if policy is None:
        return None
    today, counts = session.clock.today(), Counter({"in-time": 0, "late": 0, "held": 0})
    for files in _walk(session, None):
        lines = list(_of_files(session, policy, files))
        free = {line.record_id for line in _free(session, lines, _judged(session, lines, None))} if lines else set()
        for line in lines:
            state = "held" if line.record_id not in free else "late" if line.due_on < today else "in-time"
            counts[state] += len(line.fields)
    return {(state,): float(count) for state, count in counts.items()}


def take_away(
    session: CouncilSession, caller: Caller, ledger: Ledger, record_ids: Sequence[UUID], facade: CouncilFacade | None
) -> tuple[UUID, ...]:
    """Take away what records hold on nothing; returns the keys of those that it was taken from.

    What a hold keeps, what has a basis again and what lies elsewhere too is left. Raises `InvalidInput`, `Forbidden`.
    """
    services = caller.require_somewhere(Permission.REVIEW_DISPOSAL)
    if not record_ids or len(record_ids) > MOST:
        raise InvalidInput(f"Name from 1 to {MOST} records.", where="records")
    policy = adopted(session)
    locks.shared(session)
    here = with_ids(session, list(record_ids))(RECORD)
    files = session.scalars(select(RECORD.c.file_id).where(here, RECORD.c.file_id.is_not(None)).distinct()).all()
    lock_files(session, files)
    # What stands is looked at behind the locks: whoever gives consent again has come before, or waits.
    wanted = set(record_ids)
    lines = [
        line
        for line in _of_files(session, policy, Keys.of(files))
        if line.record_id in wanted
        and not line.elsewhere
        and (services is None or line.record_class.partition("/")[0] in services)
    ]
    judgement = _judged(session, lines, facade)
    lines = _free(session, lines, judgement)
    if lines:
        _redact(session, caller, ledger, policy, lines, judgement)
        tell_changed(session, sorted({line.file_id for line in lines}), "record")
    return tuple(line.record_id for line in lines)


def _walk(session: CouncilSession, after: UUID | None) -> Iterator[Keys]:
    """The files that may hold something on nothing, some at a time."""
    last = after or UUID(int=0)
    while files := candidates(session, last, FILES):
        yield files
        last = files[-1]


def _of_files(session: CouncilSession, policy: Policy | None, file_ids: Keys) -> Iterator[Unfounded]:
    """What these files hold on nothing, in the order of file and record."""
    ended = ended_by_file(session, file_ids)
    if policy is None or not ended:
        return
    columns = [RECORD.c[name] for name in ("id", "file_id", "record_class", "values")]
    rows = session.execute(
        select(*columns, RECORDS.lies_here_alone.label("here_alone"), FILE.c.service)
        .join_from(RECORD, FILE, (FILE.c.council_id == RECORD.c.council_id) & (FILE.c.id == RECORD.c.file_id))
        .where(with_ids(session, list(ended), "file_id")(RECORD), RECORD.c.disposal.is_(None))
        .order_by(RECORD.c.file_id, RECORD.c.id)
    ).all()
    for row in rows:
        since = ended[row.file_id]
        fields = on_nothing(policy.service(row.service), since, row.values)
        if fields:
            day = max(since[purpose] for name in fields for purpose in row.values[name]["p"])
            yield Unfounded(
                record_id=row.id, file_id=row.file_id, record_class=row.record_class, fields=fields, since=day,
                due_on=add_period(day, WITHIN), elsewhere=not row.here_alone,
            )  # fmt: skip


def _judged(session: CouncilSession, lines: Sequence[Unfounded], facade: CouncilFacade | None) -> Judgement:
    """What holds say of these records, and plugins, who are told the last day of core's own clause."""
    ids = Keys.of(line.record_id for line in lines)
    judgement = judge(session, RECORDS, lambda: any_of(RECORD.c.id, ids), Keys.of(line.file_id for line in lines), None)
    if facade is None or not facade.judges_holds or not lines:
        return judgement
    asked = [_Asked(line.record_id, line.file_id, line.record_class, line.due_on) for line in lines]
    kept, kept_by = ask(session, facade, RECORDS, asked)
    let_go = Keys.of(each.id for item, each in enumerate(asked) if item not in kept)
    return Judgement(and_(judgement.free, any_of(RECORD.c.id, let_go)), judgement.holds, kept_by)


def _free(session: CouncilSession, lines: Sequence[Unfounded], judgement: Judgement) -> list[Unfounded]:
    ids = Keys.of(line.record_id for line in lines)
    free = set(session.scalars(select(RECORD.c.id).where(with_ids(session, ids)(RECORD), judgement.free)))
    return [line for line in lines if line.record_id in free]


def _redact(
    session: CouncilSession,
    caller: Caller,
    ledger: Ledger,
    policy: Policy,
    lines: Sequence[Unfounded],
    judgement: Judgement,
) -> None:
    """Take the values out, certify it class by class, and have the erasure ledger remember it."""
    redacted = tuple(
        Redaction(fields, Keys.of(line.record_id for line in lines if line.fields == fields))
        for fields in sorted({line.fields for line in lines})
    )
    for redaction in redacted:
        redact(session, redaction)
    chunk_id, actor = random_id(), caller.actor
    row = {"council_id": session.council_id, "id": chunk_id, "kind": "no-basis", "rows": len(lines)}
    session.execute(insert(DISPOSAL).values(at=session.clock.now(), **row))
    approval = _Approval(chunk_id, actor.kind, actor.role, actor.id)
    certificates = [
        issue(
            session, _clock(policy, key), approval, gone, kept_in=RECORDS.name, disposal_id=chunk_id, run_id=None,
            holds=judgement.holds, kept=0, approver=actor, action=REDACT, method=METHOD,
        )
        for key, gone in sorted(_by_class(lines).items())
    ]  # fmt: skip
    record(session, AuditEvent.VALUES_WITHOUT_BASIS_REMOVED, chunk_id, records=len(lines))
    proof = evidence_of(session, certificates, awaited=False)
    ledger.intend(Line("intend", chunk_id, redacted=redacted, evidence=proof))
    session.after_commit(lambda: ledger.close("done", [chunk_id]))


def _by_class(lines: Iterable[Unfounded]) -> Mapping[str, Disposed]:
    found: dict[str, Disposed] = {}
    for line in lines:
        part = Disposed(Keys.of([line.record_id]), Keys(), line.due_on, line.due_on)
        before = found.get(line.record_class)
        found[line.record_class] = part if before is None else before + part
    return found


def _clock(policy: Policy, key: str) -> Clock:
    """The class under core's own clause, for the certificate."""
    known = clocks(policy).get(key) or undeclared(key)
    return replace(known, rule=NO_BASIS, hash=RULE_HASH)
