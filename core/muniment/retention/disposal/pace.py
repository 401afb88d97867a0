"""How a sweep makes room for people: after each chunk it rests, but only while somebody else uses the database.

A chunk keeps a processor and the disk busy for as long as it takes. At night nobody minds; by day somebody at a screen
waits for it. So a sweep looks, with each chunk, whether another connection did anything meanwhile, and if so rests for
a multiple of what the chunk took. What it takes of the machine is thereby bounded, whatever the machine; what is due
goes later, and never wrongly.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import text

from muniment.database.session import CouncilSession

__all__ = ["Pace"]

LONGEST = 10.0
"""Seconds of a rest: a chunk that itself was slow is not to keep a worker that is told to stop."""

_OTHERS = text(
    "select exists (select from pg_stat_activity where datname = current_database() and usename = current_user"
    " and backend_type = 'client backend' and pid <> pg_backend_pid() and (state_change > now() or state = 'active'))"
)
"""Whether any other connection has asked for something since this transaction began: other sweeps count too."""


class Pace:
    """The pace of one sweeper. It rests `times` as long as it worked, 0 never. `wait` takes seconds."""

    def __init__(self, times: int, wait: Callable[[float], object] = time.sleep) -> None:
        self._times, self._wait = times, wait
        self._others = False

    def look(self, session: CouncilSession) -> None:
        """Note, at the end of a chunk's transaction, whether others were at work during it."""
        if self._times:
            self._others = bool(session.scalar(_OTHERS))

    def rest(self, worked: float) -> None:
        """Rest after so many seconds of work, if others were at work."""
        if self._others:
            self._wait(min(worked * self._times, LONGEST))
