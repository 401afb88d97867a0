"""Asking the council's plugins whether anything that is due must be kept, and saying what they kept.

Any plugin may hold, none may overrule a hold; one that raises, answers nonsense or takes too long has held everything
it was asked about (`muniment.plugins.judges`). A judge that always fails would stop disposal in silence: what each
plugin keeps is therefore counted, with why it failed, and shown with the sweep.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select

from muniment.api.retention import HeldQuestion
from muniment.clients.facts import MILESTONE
from muniment.database.session import CouncilSession
from muniment.plugins.facade import CouncilFacade
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.subjects import RECORDS, Subject

__all__ = ["KeptBy", "added_up", "ask"]


class KeptBy(msgspec.Struct, frozen=True):
    """What one plugin keeps: how many records, and why it failed if it keeps them by failing."""

    records: int
    failed: str = ""


def ask(
    session: CouncilSession, facade: CouncilFacade, subject: Subject, rows: Sequence[Any]
) -> tuple[set[int], dict[str, KeptBy]]:
    """The places of the rows that a plugin keeps, and what each plugin keeps. Rows are due, and locked."""
    held = facade.retention_hold(_questions(session, subject, rows))
    kept: dict[str, set[int]] = defaultdict(set)
    failed: dict[str, str] = {}
    for answer in held:
        kept[answer.plugin].add(answer.item)
        if answer.failed:
            failed[answer.plugin] = answer.ground
    by_plugin = {plugin: KeptBy(len(items), failed.get(plugin, "")) for plugin, items in kept.items()}
    return {answer.item for answer in held}, by_plugin


def added_up(several: Iterable[Mapping[str, KeptBy]]) -> dict[str, KeptBy]:
    """What each plugin keeps over several chunks."""
    total: dict[str, KeptBy] = {}
    for one in several:
        for plugin, kept in one.items():
            before = total.get(plugin, KeptBy(0))
            total[plugin] = KeptBy(before.records + kept.records, kept.failed or before.failed)
    return total


def _questions(session: CouncilSession, subject: Subject, rows: Sequence[Any]) -> list[HeldQuestion]:
    """The records as a plugin's judge sees them."""
    milestones: dict[UUID, dict[str, date]] = defaultdict(dict)
    if subject is RECORDS:
        latest = select(MILESTONE.c.file_id, MILESTONE.c.kind, func.max(MILESTONE.c.happened_on))
        mine = with_ids(session, list({row.lock_id for row in rows}), "file_id")(MILESTONE)
        grouped = latest.where(mine).group_by(MILESTONE.c.file_id, MILESTONE.c.kind)
        for file_id, kind, day in session.execute(grouped).all():
            milestones[file_id][kind] = day
    return [
        HeldQuestion(
            item=item,
            service=row.record_class.partition("/")[0],
            record_class=row.record_class,
            due_on=row.due_on,
            file=str(row.lock_id),
            milestones=milestones[row.lock_id],
        )
        for item, row in enumerate(rows)
    ]
