"""How far recomputing has come after a policy was adopted: nothing is kept of it, the rows themselves say it."""

from __future__ import annotations

import msgspec
from sqlalchemy import Text, column, func, select, values

from muniment.accounts.permissions import Caller, Permission
from muniment.database.session import CouncilSession
from muniment.policy.store import adopted
from muniment.retention.rules.compile import UNDECLARED, clocks
from muniment.retention.subjects import SUBJECTS

__all__ = ["Progress", "progress"]


class Progress(msgspec.Struct, frozen=True, order=True):
    """Of the records of a class that are `stored`, so many are `clocked` by the rule in force."""

    record_class: str
    clocked: int
    stored: int


def progress(session: CouncilSession, caller: Caller) -> tuple[Progress, ...]:
    """The progress of every class stored that the caller may see, in order of class. Raises `Forbidden`.

    A sweep takes what is clocked and no more, so what is not can only be late.
    """
    services = caller.require_somewhere(Permission.READ_RETENTION)
    in_force = values(column("key", Text()), column("hash", Text()), name="in_force").data(
        [(key, clock.hash) for key, clock in clocks(adopted(session)).items()] or [(UNDECLARED, UNDECLARED)]
    )
    found: dict[str, Progress] = {}
    for subject in SUBJECTS:
        row = subject.table
        is_set = row.c.rule_hash == func.coalesce(in_force.c.hash, UNDECLARED)
        counted = (
            select(row.c.record_class, func.count().filter(is_set), func.count())
            .select_from(row.outerjoin(in_force, in_force.c.key == row.c.record_class))
            .where(row.c.council_id == session.council_id, row.c.disposal.is_(None))
            .group_by(row.c.record_class)
        )
        for key, clocked, stored in session.execute(counted):
            if services is None or key.partition("/")[0] in services:
                before = found.get(key, Progress(key, 0, 0))
                found[key] = Progress(key, before.clocked + clocked, before.stored + stored)
    return tuple(sorted(found.values()))
