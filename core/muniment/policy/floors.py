"""Whether a council's rule could end sooner than a floor set by law: pure, over what both declare.

Two rules cannot be compared for every history there could be. So a council's rule is taken for longer only where that
is certain: for each clause of the floor it has one that counts from the same day, holds whenever that does, and keeps
at least as long. Whatever is not certain is told, with the way in which it could shorten.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from muniment.api.periods import Period, add_period, parse_keep, parse_period
from muniment.api.retention import Anchor, Clause, RetentionRule, ScheduleDefaults

__all__ = ["shortened"]

YARDSTICKS = (date(2001, 1, 1), date(2001, 1, 31), date(2024, 2, 29))
"""Where two periods are laid out to compare them: neither may be the shorter at any of these."""


def shortened(
    floor: RetentionRule,
    under: ScheduleDefaults,
    own: RetentionRule,
    own_under: ScheduleDefaults,
    class_id: str,
) -> Iterator[str]:
    """Each way in which `own` could let records of a class go before `floor` does; nothing if it cannot."""
    theirs, ours = _about(floor, class_id), _about(own, class_id)
    if own.combine == "earliest" and len(ours) > 1:
        yield "it ends with the first of its clauses"
    if own.combine == "sequence" and len(ours) > 1:
        yield "it takes its clauses as stages, the first of which could end sooner"
    for clause in theirs:
        found = [list(_ways(clause, under, other, own_under)) for other in ours]
        fewest = min(found, key=len, default=["no clause of it is about the class"])
        yield from (f"beside clause {clause.id} of the floor {way}" for way in fewest)


def _about(rule: RetentionRule, class_id: str) -> list[Clause]:
    return [clause for clause in rule.clauses if not clause.classes or class_id in clause.classes]


def _ways(floor: Clause, under: ScheduleDefaults, own: Clause, own_under: ScheduleDefaults) -> Iterator[str]:
    if own.when is not None and own.when != floor.when:
        yield "it has a condition that could fail"
    if own.holder != floor.holder:
        yield "it is about what another holder has"
    if (own.bound or own_under.bound) in ("at-most", "about") and (floor.bound or under.bound) != "at-most":
        yield "it is an upper bound or approximate"
    if floor.keep == "permanent" or own.keep == "permanent":
        if own.keep != "permanent":
            yield "it does not keep for good"
        return
    if floor.keep is None or own.keep is None:
        if (own.keep, own.refer, own.in_words) != (floor.keep, floor.refer, floor.in_words):
            yield "one of the two gives no period to compare"
    elif not _as_long(own, floor):
        yield f"{own.keep!r} is shorter than {floor.keep!r}, or left open"
    yield from _days(floor.anchor or under.anchor, own.anchor or own_under.anchor)


def _as_long(own: Clause, floor: Clause) -> bool:
    ours, theirs = parse_keep(own.keep or "none"), parse_keep(floor.keep or "none")
    if "variable" in (ours.kind, theirs.kind):
        return own.keep == floor.keep
    longest = theirs.longest if theirs.kind == "range" else theirs.shortest
    return _reaches(ours.shortest + _on_top(own), longest + _on_top(floor))


def _on_top(clause: Clause) -> Period:
    return _length(clause.refer.plus if clause.refer is not None else None)


def _reaches(own: Period, floor: Period) -> bool:
    """Bank holidays can only lengthen what is counted in working days: the floor may not have more of these."""
    longer = all(add_period(day, own) >= add_period(day, floor) for day in YARDSTICKS)
    return longer and own.working_days >= floor.working_days


def _days(floor: Anchor | None, own: Anchor | None) -> Iterator[str]:
    """Whether the own first day could lie before the floor's. A clause without one is never due."""
    if own is None or own == floor:
        return
    if floor is None or _event(own) != _event(floor):
        yield "it counts from another day"
        return
    if own.occurrence == "first" and floor.occurrence == "latest":
        yield "it counts from the first of several days instead of the latest"
    if (own.birthday or 0) < (floor.birthday or 0):
        yield "it counts from an earlier birthday"
    if not _reaches(_length(own.plus), _length(floor.plus)):
        yield "it counts from a day that lies less far ahead"
    if floor.align not in (None, own.align):
        yield "it does not wait for the end of the month or year"


def _event(anchor: Anchor) -> tuple[object, ...]:
    named = (anchor.event, anchor.milestone, anchor.on, anchor.in_words, anchor.whose, anchor.programme)
    return *named, anchor.either, anchor.stage


def _length(words: str | None) -> Period:
    return parse_period(words) if words is not None else Period()
