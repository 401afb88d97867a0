"""A batch: whom it is about, and disclosures one after the other, each a transaction of its own, some of them at once.

Most of what each takes is the database's, so two at once take little more than half the time. They are independent:
each decides by what is committed when it has its locks, and has its own line in the register.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from uuid import UUID

from sqlalchemy import Select, literal, select

from muniment.accounts.permissions import Caller
from muniment.clients.context import Context
from muniment.clients.facts import ENROLMENT, FILE
from muniment.database.packed import Keys, packed
from muniment.files.store import FileStore
from muniment.jobs.actors import Deployment
from muniment.sharing.deciding import MOST_FILES
from muniment.sharing.disclosing import Disclosed, Order, disclose

__all__ = ["AT_ONCE", "disclose_each", "files_of"]

AT_ONCE = 2
"""Disclosures of a batch that are under way together: each has a connection and may keep a processor busy."""


def files_of(deployment: Deployment, caller: Caller, service: str, programme: str | None = None) -> Iterator[Keys]:
    """Every client file of a service, or of those enrolled in a programme today: as many at a time as go into one
    disclosure, in the order of their keys. Each time they are read when they are asked for."""
    files = Keys()
    while True:
        with deployment.database.council(caller.council_id, caller.actor) as session:
            last = UUID(bytes=max(files.raw)) if files else None
            here = _next(caller.council_id, service, programme, session.clock.today(), last).subquery()
            files = Keys(bytes(session.execute(select(packed(here.c.id))).scalar_one()))
        if not files:
            return
        yield files


def _next(council_id: UUID, service: str, programme: str | None, today: date, last: UUID | None) -> Select[UUID]:
    query = select(FILE.c.id).where(FILE.c.council_id == council_id, FILE.c.service == service)
    if programme is not None:
        enrolled = select(ENROLMENT.c.file_id).where(
            ENROLMENT.c.council_id == council_id,
            ENROLMENT.c.programme == programme,
            ENROLMENT.c.started_on <= today,
            ENROLMENT.c.ended_on.is_(None) | (ENROLMENT.c.ended_on >= today),
        )
        query = query.where(FILE.c.id.in_(enrolled))
    if last is not None:
        query = query.where(FILE.c.id > last)
    # Told how many it is to find, the server, which expects fewer (`database.schema_sql`), would read and sort them.
    return query.order_by(FILE.c.id).limit(select(literal(MOST_FILES)).scalar_subquery())


def disclose_each(
    deployment: Deployment, caller: Caller, store: FileStore, orders: Iterable[Order]
) -> Iterator[Disclosed]:
    """Carry out each order; what came of them, in their order. Orders are taken as they are needed.

    If one fails, no other is begun, and the error is raised once those under way have been finished and told of: of
    whatever was given, whoever asked is told.
    """
    failed: Exception | None = None
    under_way: deque[Future[Disclosed]] = deque()
    waiting = iter(orders)

    def one(order: Order) -> Disclosed:
        with deployment.database.council(caller.council_id, caller.actor) as session:
            context = Context.of(session, deployment.plugins, deployment.keys)
            return disclose(session, caller, context, store, order)

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="batch") as threads:
        while True:
            try:
                while failed is None and len(under_way) < AT_ONCE and (order := next(waiting, None)) is not None:
                    under_way.append(threads.submit(one, order))
                disclosed = under_way.popleft().result() if under_way else None
            except Exception as error:
                failed = failed or error
            else:
                if disclosed is None:
                    break
                yield disclosed
    if failed is not None:
        raise failed
