"""What a rule comes to, in plain Python and one record at a time: the yardstick for the SQL that does it by the set.

Written from the rules' definitions and sharing nothing with the implementation but the declared format and the one
rule for adding periods.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from muniment.api.periods import Period, add_period, parse_keep, parse_period
from muniment.api.retention import Anchor, Clause, ProgrammePeriod, RetentionDeclarations, When


@dataclass
class History:
    """Everything about one record that a clause can read."""

    recorded_on: date
    medium: str = "digital"
    born_on: date | None = None
    milestones: list[tuple[str, date, bool]] = field(default_factory=list)
    enrolled: list[str] = field(default_factory=list)
    ended: dict[str, date] = field(default_factory=dict)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    stage: int = 0


Answer = tuple[str, date | None, str | None]
"""State, the last day kept, and the action."""


def expected(retention: RetentionDeclarations, class_id: str, history: History) -> Answer:
    rule = next((rule for rule in retention.rules if class_id in rule.classes), None)
    if rule is None:
        return "unclocked", None, None
    lines: list[tuple[int, str, date | None, str]] = []
    for stage, clause in enumerate(rule.clauses):
        if clause.classes and class_id not in clause.classes:
            continue
        for state, due in states(retention, clause, history):
            if state != "out":
                lines.append((stage, state, due, clause.action or retention.defaults.action or "destroy"))
    if rule.combine == "sequence":
        lines = [line for line in lines if line[0] >= history.stage]
        lines = [line for line in lines if line[0] == lines[0][0]]
    for state in ["dated"] * (rule.combine == "earliest") + ["permanent", "unclocked", "running"]:
        if rule.combine == "earliest" and state == "permanent":
            continue
        if any(line[1] == state for line in lines):
            break
    else:
        if not lines:
            return "unclocked", None, None
        state = "permanent" if rule.combine == "earliest" else "dated"
    if state != "dated":
        return state, None, None
    dated = [line for line in lines if line[1] == "dated"]
    best = (min if rule.combine == "earliest" else max)(line[2] for line in dated if line[2])
    return "dated", best, next(line[3] for line in dated if line[2] == best)


def states(retention: RetentionDeclarations, clause: Clause, history: History) -> list[tuple[str, date | None]]:
    if clause.refer is not None and clause.keep is None and clause.refer.to == "programme-notice":
        return [one for period in _periods(retention, clause, history) for one in _programme(clause, period, history)]
    return [_state(retention, clause, clause.anchor or retention.defaults.anchor, clause.keep, history)]


def _periods(retention: RetentionDeclarations, clause: Clause, history: History) -> list[ProgrammePeriod | None]:
    declared = {period.programme: period for period in retention.programmes}
    return [declared.get(name) for name in dict.fromkeys(history.enrolled)]


def _programme(clause: Clause, period: ProgrammePeriod | None, history: History) -> list[tuple[str, date | None]]:
    truth = holds(clause.when, history)
    if truth is False:
        return []
    if truth is None or period is None or period.keep is None or period.anchor is None:
        return [("unclocked", None)]
    day, missing = anchored(period.anchor, history, period.programme)
    return [(missing, None) if day is None else ("dated", add(day, parse_keep(period.keep).shortest))]


def _state(
    retention: RetentionDeclarations, clause: Clause, anchor: Anchor | None, keep: str | None, history: History
) -> tuple[str, date | None]:
    truth = holds(clause.when, history)
    if truth is False:
        return "out", None
    if truth is None or keep is None:
        return "unclocked", None
    span = parse_keep(keep)
    if span.kind == "permanent":
        return "permanent", None
    bound = clause.bound or retention.defaults.bound
    if span.kind in ("variable", "range") or bound == "about" or anchor is None:
        return "unclocked", None
    day, missing = anchored(anchor, history, anchor.programme)
    if day is None:
        return missing, None
    due = add(day, span.shortest)
    return "dated", due - timedelta(days=clause.margin_days) if bound == "at-most" else due


def add(day: date, period: Period) -> date:
    try:
        return add_period(day, period)
    except OverflowError:
        return date.max


def anchored(anchor: Anchor, history: History, programme: str | None) -> tuple[date | None, str]:
    day, missing = _event(anchor, history, programme)
    if day is None:
        return None, missing
    if anchor.birthday:
        day = add(day, Period(months=12 * anchor.birthday))
    if anchor.plus:
        day = add(day, parse_period(anchor.plus))
    match anchor.align:
        case "month-end":
            day = add(day.replace(day=1), Period(months=1)) - timedelta(days=1)
        case "calendar-year-end":
            day = date(day.year, 12, 31)
        case "financial-year-end":
            day = date(day.year + (day > date(day.year, 3, 31)), 3, 31)
        case "academic-year-end":
            day = date(day.year + (day > date(day.year, 8, 31)), 8, 31)
    return day, ""


def _event(anchor: Anchor, history: History, programme: str | None) -> tuple[date | None, str]:
    if anchor.on is not None:
        return anchor.on, ""
    if anchor.whose != "client" or anchor.in_words is not None:
        return None, "unclocked"
    if anchor.event == "collection":
        return history.recorded_on, ""
    if anchor.event == "birth":
        return history.born_on, "unclocked"
    if anchor.event == "programme-end":
        names = [programme] if programme else history.enrolled
        ended = [history.ended[name] for name in names if name in history.ended]
        return (max(ended) if names and len(ended) == len(names) else None), "running"
    kind = anchor.event or anchor.milestone
    days = [day for of, day, own in history.milestones if of == kind and (own or kind != "last-contact")]
    return ((max if anchor.occurrence == "latest" else min)(days) if days else None), "running"


def holds(when: When | None, history: History) -> bool | None:
    """Kleene's three values: None is unknown."""
    if when is None:
        return True
    parts: list[bool | None] = []
    if when.in_words is not None or when.cohort is not None:
        parts.append(None)
    for kind, wanted in (
        (when.milestone, True),
        (when.no_milestone, False),
        ("request" if when.request else None, True),
    ):
        if kind is not None:
            parts.append(
                any(of == kind and (own or kind != "last-contact") for of, _, own in history.milestones) is wanted
            )
    if when.in_programme is not None:
        parts.append(bool(history.enrolled) if when.in_programme == "any" else when.in_programme in history.enrolled)
    if when.field is not None:
        stored = history.values.get(when.field)
        parts.append((None if stored is None else stored["v"] in when.equals) if when.equals else stored is not None)
    if when.medium is not None:
        parts.append(history.medium == when.medium)
    if when.anchor is not None:
        parts.append(_compared(when, history))
    if when.either:
        answers = [holds(inner, history) for inner in when.either]
        parts.append(True if True in answers else None if None in answers else False)
    if when.never is not None:
        answer = holds(when.never, history)
        parts.append(None if answer is None else not answer)
    return False if False in parts else None if None in parts else True


def _compared(when: When, history: History) -> bool | None:
    assert when.anchor is not None
    day, missing = anchored(when.anchor, history, when.anchor.programme)
    if day is None:
        return None if missing == "unclocked" else False
    answers: list[bool | None] = []
    for other, later in ((when.before, True), (when.after, False)):
        if other is not None:
            than, _ = anchored(other, history, other.programme)
            answers.append(None if than is None else (day < than if later else day > than))
    return False if False in answers else None if None in answers else True
