"""What falls due when: the records of each class by the month of their last day kept, for the next ten years.

Either as the rules in force have clocked them, or as another policy would: then by the same SQL that would set the
clocks, over the same rows, and nothing is written. Counts alone come out, never a key.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import msgspec
from sqlalchemy import ColumnElement, FromClause, Text, and_, case, column, func, select, true

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import NotFound
from muniment.database.session import CouncilSession
from muniment.policy.model import PLATFORM, Policy
from muniment.policy.store import adopted
from muniment.retention.clocks.walking import CHUNK, in_chunks, reading_only
from muniment.retention.holds.standing import held
from muniment.retention.rules.clock_sql import decided
from muniment.retention.rules.clocked import is_clocked
from muniment.retention.rules.compile import clocks, undeclared
from muniment.retention.subjects import SUBJECTS, Subject

__all__ = ["GROUPS", "MONTHS", "Difference", "Forecast", "Forecasted", "WhatIf", "forecast", "what_if"]

MONTHS = 120
"""Months looked ahead, that of today included: ten years."""

GROUPS = ("overdue", "later", "held", "running", "unclocked", "permanent", "unset")
"""Where a record stands that is in no month: its last day has passed, or lies beyond the months; a hold keeps it,
whatever its day; its clock is in a state without a day; no rule in force has clocked it yet (`unset`)."""

Slot = tuple[str, str, str]


class Forecasted(msgspec.Struct, frozen=True, order=True):
    """So many records of a class. `when` is the month of the last day kept, a calendar month in London as `2027-03`,
    or one of `GROUPS`; `action` is what is then done, empty where no day is known."""

    record_class: str
    when: str
    action: str
    records: int


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What falls due from a day on. Every record that the caller may know of is in exactly one of the counts; those
    awaiting destruction elsewhere, which have gone here, are in none. `first_month` and `last_month` are inclusive."""

    today: date
    policy_hash: str
    first_month: str
    last_month: str
    counts: tuple[Forecasted, ...]


class Difference(msgspec.Struct, frozen=True):
    """How many records stand in one place of the forecast before and after."""

    record_class: str
    when: str
    action: str
    before: int
    after: int


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """What another policy would make of the forecast. `classes` are those whose rule would be another, `differences`
    the places where the two forecasts differ."""

    classes: tuple[str, ...]
    before: Forecast
    after: Forecast
    differences: tuple[Difference, ...]


def forecast(session: CouncilSession, caller: Caller, record_class: str | None = None) -> Forecast:
    """What falls due under the policy in force, of one class or of all that the caller may see.

    Raises `NotFound` for a class that the policy does not have, `Forbidden`.
    """
    wanted = _wanted(session, caller, record_class)
    with reading_only(session):
        return _forecast(session, adopted(session), _stored(session, wanted))


def what_if(
    session: CouncilSession,
    caller: Caller,
    supposed: Policy,
    record_class: str | None = None,
    chunk: int = CHUNK,
) -> WhatIf:
    """What would fall due if `supposed` were in force, beside what does. Raises as `forecast` does."""
    wanted = _wanted(session, caller, record_class)
    policy = adopted(session)
    with reading_only(session):
        before = _stored(session, wanted)
        now, then = clocks(policy), clocks(supposed)
        moved = {
            key
            for key in now.keys() | then.keys()
            if (now.get(key) or undeclared(key)).hash != (then.get(key) or undeclared(key)).hash
        }
        stored = {slot[0] for slot in before}
        after = Counter({slot: count for slot, count in before.items() if slot[0] not in moved})
        for key in sorted(moved & stored):
            for subject in SUBJECTS:
                after += _supposed(session, subject, supposed, key, chunk)
    differences = tuple(
        Difference(*slot, before[slot], after[slot])
        for slot in sorted(before.keys() | after.keys())
        if before[slot] != after[slot]
    )
    shown = moved if record_class is None else moved & {record_class}
    return WhatIf(
        classes=tuple(sorted(key for key in shown if _is_seen(caller, key))),
        before=_forecast(session, policy, before),
        after=_forecast(session, supposed, after),
        differences=differences,
    )


def _wanted(session: CouncilSession, caller: Caller, record_class: str | None) -> ColumnElement[bool]:
    """The condition on a column `record_class` that leaves what is asked for and may be seen."""
    key: ColumnElement[str] = column("record_class", Text())
    services = caller.require_somewhere(Permission.READ_RETENTION)
    if record_class is not None:
        caller.require(Permission.READ_RETENTION, record_class.partition("/")[0])
        if record_class not in clocks(adopted(session)) or record_class.startswith(f"{PLATFORM}/"):
            raise NotFound(f"The adopted policy has no class of clients' records {record_class[:100]!r}.")
        return key == record_class
    return true() if services is None else func.split_part(key, "/", 1).in_(sorted(services))


def _is_seen(caller: Caller, key: str) -> bool:
    return not key.startswith(f"{PLATFORM}/") and caller.allows(Permission.READ_RETENTION, key.partition("/")[0])


def _stored(session: CouncilSession, wanted: ColumnElement[bool]) -> Counter[Slot]:
    """The counts as the clocks stand: one statement for each clocked table."""
    found: Counter[Slot] = Counter()
    for subject in SUBJECTS:
        row = subject.table
        rows = select(
            row.c.record_class,
            case((is_clocked(session, subject), row.c.state), else_="unset").label("state"),
            row.c.due_on,
            row.c.action,
            held(session, subject, row).label("held"),
        )
        found += _counted(session, rows.where(row.c.disposal.is_(None), row.c.council_id == session.council_id)
                          .subquery("stored"), wanted)  # fmt: skip
    return found


def _supposed(session: CouncilSession, subject: Subject, policy: Policy, key: str, chunk: int) -> Counter[Slot]:
    """The counts of one class as its clock under another policy would have them."""
    clock = clocks(policy).get(key) or undeclared(key)
    row = subject.table
    found: Counter[Slot] = Counter()
    for which in in_chunks(session, subject, key, chunk):
        now = decided(clock, subject, which)
        rows = select(
            row.c.record_class,
            now.c.state,
            now.c.due_on,
            now.c.action,
            held(session, subject, row).label("held"),
        ).join_from(now, row, and_(row.c.council_id == now.c.council_id, row.c.id == now.c.id))
        found += _counted(session, rows.subquery("supposed"), true())
    return found


def _counted(session: CouncilSession, rows: FromClause, wanted: ColumnElement[bool]) -> Counter[Slot]:
    today = session.clock.today()
    due_on = rows.c.due_on
    when = case(
        (rows.c.held, "held"),
        (rows.c.state != "dated", rows.c.state),
        (due_on < today, "overdue"),
        (due_on > _last_day(today), "later"),
        else_=func.to_char(due_on, "YYYY-MM"),
    )
    action = func.coalesce(case((rows.c.state == "dated", rows.c.action)), "")
    grouped = select(rows.c.record_class, when, action, func.count()).where(wanted)
    lines = session.execute(grouped.group_by(rows.c.record_class, when, action))
    return Counter({(key, place, done): count for key, place, done, count in lines})


def _forecast(session: CouncilSession, policy: Policy, counts: Counter[Slot]) -> Forecast:
    today = session.clock.today()
    return Forecast(
        today=today,
        policy_hash=policy.hash,
        first_month=today.strftime("%Y-%m"),
        last_month=_last_day(today).strftime("%Y-%m"),
        counts=tuple(Forecasted(*slot, count) for slot, count in sorted(counts.items())),
    )


def _last_day(today: date) -> date:
    """The last day of the last month looked at."""
    month = today.year * 12 + today.month - 1 + MONTHS
    return date(month // 12, month % 12 + 1, 1) - timedelta(days=1)
