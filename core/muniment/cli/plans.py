"""A plan in words, for a terminal of 80 columns: what would differ, what it does to what is stored, how to adopt it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from muniment.policy.plan import Moved, Plan

__all__ = ["plan_lines"]

NO_DAY = "no day"
ABREAST = 2
"""Months that stand in one line."""


def plan_lines(plan: Plan, council: str) -> Iterator[str]:
    """The lines of a plan; those too long are broken by whoever prints them."""
    if plan.before == plan.after:
        yield "nothing would change"
        return
    yield f"from {plan.before[:12] if plan.before else 'nothing'} to {plan.after[:12]}"
    yield from (f"  {change.how:<8}{change.what} {change.path}" for change in plan.changes)
    yield from _listed("notices to publish again", plan.notices)
    yield from _listed("purposes whose recipients change: ask for fresh consent", plan.consents)
    yield from _listed("rules no longer approved: nothing goes by them until they are armed again", plan.disarmed)
    for key, moved in groupby(plan.moved, key=lambda one: one.record_class):
        yield from _class(key, list(moved))
    for waiting in plan.waiting:
        yield f"{waiting.records:,} of {waiting.record_class} wait to be clocked and are not counted: plan again later"
    yield f"plan {plan.hash}"
    yield f"to adopt exactly this: muniment policy adopt {council} --plan HASH, with that hash"


def _listed(heading: str, entries: Sequence[str]) -> Iterator[str]:
    if entries:
        yield heading
        yield from (f"  {entry}" for entry in entries)


def _class(key: str, moved: Sequence[Moved]) -> Iterator[str]:
    count = sum(one.records for one in moved)
    due, lost = sum(one.newly_due for one in moved), sum(one.records for one in moved if not one.month)
    beside = [f"{due:,} due at once"] * bool(due) + [f"{lost:,} lose their day"] * bool(lost)
    yield f"last days kept that move in {key}: {count:,}{''.join(f', {part}' for part in beside)}"
    cells = [f"{one.was or NO_DAY:>7} to {one.month or NO_DAY:<7}{one.records:>12,}" for one in moved]
    for at in range(0, len(cells), ABREAST):
        yield f"  {'      '.join(cells[at : at + ABREAST])}"
