"""One request, one transaction: opened lazily, committed before the answer is sent, rolled back on any error.

`unit_of_work` is the only generator dependency of the application. Its first half takes a place and touches nothing;
the connection is taken by the first statement, in the handler's thread. Its second half commits, in a thread.

Places are what keeps the pool from locking up. A request needs threads several times (who asks, the handler, the
commit) and keeps its connection between them. Were as many requests let in as come, those that hold connections could
wait for threads that are held by requests waiting for connections. So there are as many places as connections, and
whoever talks to the database in a thread takes one first.

Litestar enters its clean-up of generators only when all dependencies have been resolved (2.25), so an error in one of
them, such as nobody being signed in, would leave the transaction open: `roll_back`, a hook that runs after every
exception and before the answer, closes what is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any, TypeVar

from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.types import Scope

from muniment.database.session import CouncilSession, Database
from muniment.web.council import CouncilRef

__all__ = ["Places", "UnitOfWork", "roll_back", "unit_of_work"]

WORK = "muniment_work"

T = TypeVar("T")


class Places:
    """How many may talk to the database at once; as many as the pool has connections."""

    def __init__(self, database: Database, size: int) -> None:
        self.database = database
        self._free = asyncio.Semaphore(size)

    async def take(self) -> None:
        await self._free.acquire()

    def leave(self) -> None:
        self._free.release()

    async def run(self, work: Callable[[], T]) -> T:
        """Do something short that uses the database by itself, in a thread."""
        async with self._free:
            return await sync_to_thread(work)


class UnitOfWork:
    """A place and a session; ended exactly once."""

    def __init__(self, places: Places, session: CouncilSession) -> None:
        self.session = session
        self._places: Places | None = places

    async def commit(self) -> None:
        await self._end(self._commit)

    async def roll_back(self) -> None:
        await self._end(self.session.close)

    def _commit(self) -> None:
        with self.session:
            self.session.commit()

    async def _end(self, how: Callable[[], None]) -> None:
        places, self._places = self._places, None
        if places is None:
            return
        try:
            await sync_to_thread(how)
        finally:
            places.leave()


async def unit_of_work(
    request: Request[Any, Any, Any], council: NamedDependency[CouncilRef]
) -> AsyncGenerator[CouncilSession, None]:
    """The dependency `session`: this request's transaction in the council of its address."""
    places: Places = request.app.state.places
    await places.take()
    work = UnitOfWork(places, places.database.council_session(council.id))
    request.scope["state"][WORK] = work
    try:
        yield work.session
    except BaseException:
        await work.roll_back()
        raise
    await work.commit()


async def roll_back(_exc: Exception, scope: Scope) -> None:
    """Close the transaction of a request that failed (Litestar's `after_exception`)."""
    work: UnitOfWork | None = scope["state"].get(WORK)
    if work is not None:
        await work.roll_back()
