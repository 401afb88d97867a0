"""A batch: disclosures one after the other, each a transaction of its own, some of them at once.

Most of what each takes is the database's, so two at once take little more than half the time. They are independent:
each decides by what is committed when it has its locks, and has its own line in the register.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from muniment.accounts.permissions import Caller
from muniment.clients.context import Context
from muniment.files.store import FileStore
from muniment.jobs.actors import Deployment
from muniment.sharing.disclosing import Disclosed, Order, disclose

__all__ = ["AT_ONCE", "disclose_each"]

AT_ONCE = 2
"""Disclosures of a batch that are under way together: each has a connection and may keep a processor busy."""


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
