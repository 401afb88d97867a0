"""What is to go of some locked files (or registers): finding it, asking whether anybody objects, deleting it.

The rows stay in the database: each statement answers with one line for a class, in which the keys are strung together.
Only where a plugin judges must the rows be fetched and shown to it.

The statement that deletes and the one that looks at what is left decide by themselves what is due and unheld. A row
that ought to have gone and is left, for whatever reason, undoes the chunk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, delete, func, select, true
from sqlalchemy import not_ as negate

from muniment.database.packed import Keys, any_of, packed
from muniment.database.session import CouncilSession
from muniment.database.signals import ValuesErased, values_erased
from muniment.plugins.facade import CouncilFacade
from muniment.retention.disposal.due import Due
from muniment.retention.disposal.erasing import empty_rows, expect
from muniment.retention.evidence.certificates import Disposed
from muniment.retention.holds.judging import KeptBy, ask
from muniment.retention.holds.standing import held, number_standing
from muniment.retention.rules.clock_sql import COUNCIL, KEYS, with_ids
from muniment.retention.subjects import RECORDS, Subject

__all__ = ["Judgement", "Taken", "judge", "take"]

EVERY: Final = true()
"""That nobody objects."""


@dataclass(frozen=True)
class Taken:
    """What has gone of the locked files, by class. `holds` and restrictions stand in the council, and keep so many
    records by class; `bare` are those of the locked keys below which nothing is left."""

    gone: Mapping[str, Disposed]
    holds: int
    kept: Mapping[str, int]
    kept_by: Mapping[str, KeptBy]
    bare: Keys

    @property
    def here(self) -> Keys:
        """Rows that have gone, class after class in order, by which each certificate's can be told apart again."""
        return Keys.joined(part.here for _, part in sorted(self.gone.items()))

    @property
    def elsewhere(self) -> Keys:
        """Rows emptied, whose paper (or whose copy in another system) is still to be destroyed; as `here`."""
        return Keys.joined(part.elsewhere for _, part in sorted(self.gone.items()))


@dataclass
class Judgement:
    """Which rows nobody objects to, of those that are due."""

    free: ColumnElement[bool] = EVERY
    holds: int = 0
    kept_by: Mapping[str, KeptBy] = field(default_factory=dict)


def take(
    session: CouncilSession,
    subject: Subject,
    due: Due,
    locked: Keys,
    judgement: Judgement,
    *,
    handed_over: bool = False,
) -> Taken:
    """Delete what is due in the locked files and kept by nobody, and empty what lies elsewhere.

    Paper that was `handed_over` lies nowhere any more. Raises `Miscounted`.
    """
    alone = subject.lies_nowhere_once_handed_over if handed_over else subject.lies_here_alone
    free, which = judgement.free, {"keys": locked}
    anew = free is not EVERY or handed_over
    lived_in: list[Keys] = []
    kept: Counter[str] = Counter()
    missed = 0
    gone: dict[str, Disposed] = {}
    for row in due.ask(session, "delete", lambda due: _delete(subject, due, free, alone), which, anew=anew):
        gone[row.record_class] = Disposed(Keys(row.ids), Keys(), row.first, row.last)
    for row in due.ask(session, "left", lambda due: _left(subject, due, free, alone), which, anew=anew):
        match row.fate:
            case "emptied":
                part = Disposed(Keys(), Keys(row.ids), row.first, row.last)
                before = gone.get(row.record_class)
                gone[row.record_class] = part if before is None else before + part
            case "kept":
                kept[row.record_class] += row.rows
            case "missed":
                missed += row.rows
        if row.fate != "emptied":
            lived_in.append(Keys(row.lock_ids))
    deleted = sum(len(part.here) for part in gone.values())
    expect(deleted + missed, deleted)
    elsewhere = Keys.joined(part.elsewhere for part in gone.values())
    if elsewhere:
        expect(len(elsewhere), len(empty_rows(session, subject, elsewhere)))
    if gone and subject is RECORDS:
        values_erased.send(session, ValuesErased(locked))
    return Taken(gone, judgement.holds, kept, judgement.kept_by, locked.without(lived_in))


def judge(
    session: CouncilSession,
    subject: Subject,
    due: Callable[[], ColumnElement[bool]],
    locked: Keys,
    facade: CouncilFacade | None,
) -> Judgement:
    """What holds, restrictions and plugins say of what is due in the locked files."""
    # Counted after the locks: a hold that comes later waits for them, so where none stands none need be looked up.
    holds = number_standing(session)
    table = subject.table
    free = negate(held(session, subject, table)) if holds else EVERY
    if facade is None or not facade.judges_holds:
        return Judgement(free, holds)
    asked = select(table.c.id, subject.lock_id.label("lock_id"), table.c.record_class, table.c.due_on)
    rows = session.execute(asked.where(with_ids(session, locked, subject.lock_column)(table), due(), free)).all()
    kept, kept_by = ask(session, facade, subject, rows)
    let_go = Keys.of(row.id for item, row in enumerate(rows) if item not in kept)
    return Judgement(any_of(table.c.id, let_go), holds, kept_by)


def _locked(subject: Subject) -> ColumnElement[bool]:
    """The rows in the locked files."""
    return and_(subject.table.c.council_id == COUNCIL, subject.lock_id == func.any(KEYS))


def _delete(
    subject: Subject, due: ColumnElement[bool], free: ColumnElement[bool], alone: ColumnElement[bool]
) -> Select[*tuple[Any, ...]]:
    """The statement that deletes what is kept here alone; one line for each class."""
    table = subject.table
    deleted = (
        delete(table)
        .where(_locked(subject), due, alone, free)
        .returning(table.c.id, table.c.record_class, table.c.due_on)
        .cte("deleted")
    )
    return select(*_summed_up(deleted)).group_by(deleted.c.record_class)


def _left(
    subject: Subject, due: ColumnElement[bool], free: ColumnElement[bool], alone: ColumnElement[bool]
) -> Select[*tuple[Any, ...]]:
    """What the locked files hold now; one line for each class and fate.

    `emptied` is due and lies elsewhere, `kept` is due and held, `missed` ought to have gone, `stays` is not due.
    """
    table = subject.table
    fate = case(
        (and_(due, negate(free)), "kept"), (and_(due, alone), "missed"), (due, "emptied"),
        else_="stays",
    )  # fmt: skip
    columns = (table.c.id, subject.lock_id.label("lock_id"), table.c.record_class, table.c.due_on, fate.label("fate"))
    left = select(*columns).where(_locked(subject)).subquery("left_over")
    return select(left.c.fate, packed(left.c.lock_id).label("lock_ids"), *_summed_up(left)).group_by(
        left.c.fate, left.c.record_class
    )


def _summed_up(rows: FromClause) -> tuple[ColumnElement[Any], ...]:
    return (
        rows.c.record_class,
        func.count().label("rows"),
        packed(rows.c.id).label("ids"),
        func.min(rows.c.due_on).label("first"),
        func.max(rows.c.due_on).label("last"),
    )
