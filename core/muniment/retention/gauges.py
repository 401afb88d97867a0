"""Whether retention keeps up: what is due, what should have gone, what nobody has clocked, swept, approved or settled.

What is due is a range of the index on due days, and what is stale one of the index on classes and rules.
The erasure ledger is read again when it has grown.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Select, and_, func, not_, or_, select, union_all
from sqlalchemy.dialects.postgresql import distinct_on

from muniment.database.gauges import CouncilGauge
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.policy.model import PLATFORM
from muniment.policy.store import adopted, adopted_or_none
from muniment.retention.disposal.lateness import late_since
from muniment.retention.disposal.tables import ArchivePackage
from muniment.retention.disposal.unfounded import unfounded_values
from muniment.retention.evidence.ledger import Ledger
from muniment.retention.holds.standing import held
from muniment.retention.rules.clocked import classes_stored, clocked_by, is_clocked
from muniment.retention.rules.compile import DESTROY, UNDECLARED, clocks
from muniment.retention.subjects import SUBJECTS
from muniment.retention.tables import Arming, Awaiting, Hold, Parked, SweepRun

__all__ = ["gauges"]

ARMING = table_of(Arming)
PACKAGE = table_of(ArchivePackage)
RUN = table_of(SweepRun)

GRACE = timedelta(days=2)
"""A day for the sweep that begins daily, and one for a bad night."""

NEVER = float("inf")


def gauges(ledger_dir: Path) -> tuple[CouncilGauge, ...]:
    """The gauges of retention, where the erasure ledger lies in a folder."""
    return (
        CouncilGauge("muniment_retention_due", "Records past their last day that are still here", _due),
        CouncilGauge(
            "muniment_retention_overdue",
            "Records of armed rules, held by nothing, more than two days past their last day",
            _overdue,
        ),
        CouncilGauge("muniment_retention_unclocked", "Records that no rule in force has clocked yet", _unclocked),
        CouncilGauge("muniment_retention_parked", "Files and registers that a sweep could not dispose of", _parked),
        CouncilGauge("muniment_retention_holds_to_review", "Holds whose day of review has come", _holds_to_review),
        CouncilGauge("muniment_retention_awaiting", "Things to be destroyed on paper or in another system", _awaiting),
        CouncilGauge("muniment_retention_not_found", "Things of these looked for and not found, unsettled", _not_found),
        CouncilGauge(
            "muniment_retention_packages", "Packages offered to an archive that it has not answered", _packages
        ),
        CouncilGauge(
            "muniment_retention_package_oldest_seconds",
            "Age of the oldest package that no archive has answered",
            _oldest,
        ),
        CouncilGauge(
            "muniment_retention_values_on_nothing",
            "Values of which no purpose has a basis left, since consent was withdrawn or refused",
            unfounded_values,
            ("state",),
        ),
        CouncilGauge(
            "muniment_retention_disarmed_classes",
            "Record classes armed once whose rule in force is not: it has changed, or too much became due at once",
            _disarmed,
        ),
        CouncilGauge(
            "muniment_retention_seconds_since_sweep",
            "Seconds since a sweep of a council with a policy was last finished; infinite if none ever was",
            _since_sweep,
        ),
        CouncilGauge("muniment_retention_late", "1 where a council was not swept for more than 36 hours", _late),
        CouncilGauge(
            "muniment_retention_ledger_open", "Chunks of the erasure ledger not settled", OpenChunks(ledger_dir).count
        ),
    )


def _rows(session: CouncilSession, table: FromClause, *which: ColumnElement[bool]) -> int:
    here = table.c.council_id == session.council_id
    return session.scalar(select(func.count()).select_from(table).where(here, *which)) or 0


def _due(session: CouncilSession) -> int:
    today = session.clock.today()
    return sum(
        _rows(session, subject.table, subject.table.c.due_on < today, subject.table.c.disposal.is_(None))
        for subject in SUBJECTS
    )


def _armed(session: CouncilSession) -> set[tuple[str, str]]:
    """Classes and rules that are armed, whether or not the rule is still in force."""
    rows = session.execute(
        select(ARMING.c.record_class, ARMING.c.rule_hash).where(
            ARMING.c.council_id == session.council_id, ARMING.c.ended_at.is_(None)
        )
    )
    return {(row.record_class, row.rule_hash) for row in rows}


def _in_force(session: CouncilSession) -> set[tuple[str, str]]:
    if session.policy_hash is None:
        return set()
    return {(key, clock.hash) for key, clock in clocks(adopted(session)).items() if not key.startswith(f"{PLATFORM}/")}


def _overdue(session: CouncilSession) -> int:
    live = {record_class for record_class, _ in _armed(session) & _in_force(session)}
    late = session.clock.today() - GRACE
    count = 0
    for subject in SUBJECTS if live else ():
        table = subject.table
        count += _rows(
            session,
            table,
            table.c.due_on < late,
            is_clocked(session, subject, live),
            table.c.action == DESTROY,
            table.c.disposal.is_(None),
            not_(held(session, subject, table)),
        )
    return count


def _unclocked(session: CouncilSession) -> int | None:
    if session.policy_hash is None:
        return None
    count = 0
    for subject in SUBJECTS:
        by_class = clocked_by(session, subject)
        stale = [
            _clocked_otherwise(session, subject.table, name, by_class.get(name, (UNDECLARED,)))
            for name in classes_stored(session, subject)
        ]
        count += sum(session.scalars(union_all(*stale))) if stale else 0
    return count


def _clocked_otherwise(
    session: CouncilSession, table: FromClause, record_class: str, hashes: Collection[str]
) -> Select[int]:
    """How many rows of a class bear none of these hashes. Written as ranges of an index, so that it costs those."""
    rule, known = table.c.rule_hash, sorted(hashes)
    between = [and_(rule > low, rule < high) for low, high in pairwise(known)]
    return select(func.count()).where(
        table.c.council_id == session.council_id,
        table.c.disposal.is_(None),
        table.c.record_class == record_class,
        or_(rule.is_(None), rule < known[0], rule > known[-1], *between),
    )


def _parked(session: CouncilSession) -> int:
    return _rows(session, table_of(Parked))


def _holds_to_review(session: CouncilSession) -> int:
    hold = table_of(Hold)
    return _rows(session, hold, hold.c.released_at.is_(None), hold.c.review_on <= session.clock.today())


def _awaiting(session: CouncilSession) -> int:
    return _rows(session, table_of(Awaiting))


def _not_found(session: CouncilSession) -> int:
    awaiting = table_of(Awaiting)
    return _rows(session, awaiting, awaiting.c.searched_on.is_not(None))


def _packages(session: CouncilSession) -> int:
    return _rows(session, PACKAGE, PACKAGE.c.state == "offered")


def _oldest(session: CouncilSession) -> float:
    offered = PACKAGE.c.council_id == session.council_id, PACKAGE.c.state == "offered"
    since = session.scalar(select(func.min(PACKAGE.c.offered_at)).where(*offered))
    return 0.0 if since is None else max(0.0, (session.clock.now() - since).total_seconds())


def _disarmed(session: CouncilSession) -> int:
    """A class whose last approval somebody took back is not among them: that was meant."""
    last = (
        select(ARMING.c.record_class, ARMING.c.ended_because)
        .where(ARMING.c.council_id == session.council_id)
        .ext(distinct_on(ARMING.c.record_class))
        .order_by(ARMING.c.record_class, ARMING.c.armed_at.desc())
    )
    once = {row.record_class for row in session.execute(last) if row.ended_because != "withdrawn"}
    in_force = _in_force(session)
    declared = {record_class for record_class, _ in in_force}
    return len((once & declared) - {record_class for record_class, _ in _armed(session) & in_force})


def _since_sweep(session: CouncilSession) -> float | None:
    if adopted_or_none(session) is None:
        return None
    finished = session.scalar(
        select(RUN.c.finished_at)
        .where(RUN.c.council_id == session.council_id, RUN.c.state == "done")
        .order_by(RUN.c.asked_at.desc())
        .limit(1)
    )
    return NEVER if finished is None else max(0.0, (session.clock.now() - finished).total_seconds())


def _late(session: CouncilSession) -> int | None:
    return None if adopted_or_none(session) is None else int(late_since(session) is not None)


class OpenChunks:
    """How many chunks of each council's ledger are open; a ledger that has not grown is not read again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._known: dict[UUID, tuple[int, int]] = defaultdict(lambda: (0, 0))

    def count(self, session: CouncilSession) -> int:
        """Those of the session's council."""
        ledger = Ledger(self._folder, session.council_id)
        with self._lock:
            size, count = self._known[session.council_id]
            if ledger.size != size:
                size = ledger.size
                count = sum(chunk.is_open for chunk in ledger.chunks().values())
                self._known[session.council_id] = (size, count)
        return count
