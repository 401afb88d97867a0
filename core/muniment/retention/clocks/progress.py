"""How far recomputing has come after a policy was adopted: the rows say it, and the passes over what they left."""

from __future__ import annotations

import msgspec
from sqlalchemy import func, or_, select

from muniment.accounts.permissions import Caller, Permission
from muniment.database.session import CouncilSession
from muniment.retention.clocks.recomputing import looked_at
from muniment.retention.rules.clocked import is_clocked
from muniment.retention.subjects import SUBJECTS

__all__ = ["Progress", "progress"]


class Progress(msgspec.Struct, frozen=True, order=True):
    """Of the records of a class that are `stored`, so many are `clocked` by the rule in force, or a pass under way has
    looked at them and found that it comes to what they have. A sweep takes the latter once the pass is through."""

    record_class: str
    clocked: int
    stored: int


def progress(session: CouncilSession, caller: Caller) -> tuple[Progress, ...]:
    """The progress of every class stored that the caller may see, in order of class. Raises `Forbidden`.

    A sweep takes what the rule in force has clocked and no more, so what is not can only be late.
    """
    services = caller.require_somewhere(Permission.READ_RETENTION)
    found: dict[str, Progress] = {}
    for subject in SUBJECTS:
        row = subject.table
        is_set = or_(is_clocked(session, subject), looked_at(session, subject))
        counted = (
            select(row.c.record_class, func.count().filter(is_set), func.count())
            .where(row.c.council_id == session.council_id, row.c.disposal.is_(None))
            .group_by(row.c.record_class)
        )
        for key, clocked, stored in session.execute(counted):
            if services is None or key.partition("/")[0] in services:
                before = found.get(key, Progress(key, 0, 0))
                found[key] = Progress(key, before.clocked + clocked, before.stored + stored)
    return tuple(sorted(found.values()))
