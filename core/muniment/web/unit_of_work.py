"""One request, one transaction, one turn of a thread: begun, handled and committed there, before the answer is sent.

A domain's handler is a plain function. `HandlerNeeds.in_one_turn` makes of it what Litestar mounts: on the event loop
only what must wait for the request is worked out (which council, what credentials, the key of a write); everything that
may touch the database happens in one turn of a thread, in order: the session is made, who asks is settled, the handler
runs, the transaction is committed. Any error on the way rolls back, in the same turn. Each turn of a thread costs about
as much as a statement, and each dependency that Litestar works out by itself costs a task, so there is one of the
first and none of the second.

Litestar judges what was sent before any of this. Where it finds fault, who asks is settled all the same, in a turn of
its own (`asker_first`), and whether they hold the permission that the route is about: whoever may not ask is told that,
and nothing about what they sent.

There are as many threads as the pool has connections, and no turn holds two connections: so whoever has a thread has a
connection, and requests queue for threads alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from copy import copy
from functools import partial
from http import HTTPStatus
from inspect import iscoroutinefunction, signature
from typing import Any, TypeVar, get_type_hints

import msgspec
from litestar import Litestar, Request
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import HTTPReceiveMessage, Scope

from muniment.api.errors import MunimentError
from muniment.database.session import Database
from muniment.web.callers import Permission
from muniment.web.council import CouncilRef

__all__ = ["NAMED", "HandlerNeeds", "Places", "asker_first", "needs", "refusal_of"]

NAMED = "named"
"""Key in a mounted handler's `opt`: the names of what it was given, so that it can be seen who asks for the caller."""

PERMISSION = "permission"
SETTLE = "settle"
REFUSAL = "muniment_refusal"

T = TypeVar("T")


def needs(permission: Permission) -> dict[str, Any]:
    """A handler's `opt`: without this permission, for any service, nobody gets as far as the handler.

    What exactly is allowed the domain says; this comes before what was sent is judged.
    """
    return {PERMISSION: permission}


class Places:
    """The threads that talk to the database: as many as the pool has connections."""

    def __init__(self, database: Database, size: int) -> None:
        self.database = database
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="muniment")

    async def run(self, work: Callable[[], T]) -> T:
        """Do something that may use one connection at a time, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    @asynccontextmanager
    async def close_at_end(self, _app: Litestar) -> AsyncIterator[None]:
        """A Litestar lifespan."""
        yield
        self._threads.shutdown()


class HandlerNeeds(msgspec.Struct, frozen=True):
    """What handlers may name besides the parts of the request, and in which order it is worked out.

    `things` are the same for every request. `before` are coroutine functions that run on the event loop, `inside` plain
    functions that run in the turn after the session was made. Each names what it needs of those before it, of `things`,
    of `request` and, inside, of `session`.
    """

    things: Mapping[str, object]
    before: Mapping[str, Callable[..., Awaitable[object]]]
    inside: Mapping[str, Callable[..., object]]

    def in_one_turn(self, handler: HTTPRouteHandler, places: Places, through: str | None = None) -> HTTPRouteHandler:
        """A handler as it is mounted: Litestar sees of its parameters only what it finds in the request.

        A handler that is a coroutine function runs on the event loop, has no session and no caller. One that names the
        caller is called through the one of `inside` named by `through`, if any: that is given the call and gives the
        answer.
        """
        given = frozenset(self.things.keys() | self.before.keys() | self.inside.keys() | {"request", "session"})
        fn = handler.fn
        wanted = frozenset(signature(fn).parameters) & given
        in_a_thread = not iscoroutinefunction(fn)
        named = wanted | {through} if through and "caller" in wanted else wanted
        inside = _plan(self.inside, named)
        before = _plan(self.before, wanted | {name for step in inside for name in step.needs} | {"council"})

        permission: Permission | None = handler.opt.get(PERMISSION)
        asker_inside = _plan(self.inside, {"caller"})
        asker_before = _plan(self.before, {name for step in asker_inside for name in step.needs} | {"council"})

        async def asked(request: Request[Any, Any, Any], **parts: Any) -> Any:
            known = await outside(request, before)
            if not in_a_thread:
                return await fn(**parts, **{name: known[name] for name in wanted})
            return await places.run(lambda: turn(known, inside, parts))

        async def settle(request: Request[Any, Any, Any]) -> None:
            known = await outside(request, asker_before)
            await places.run(lambda: turn(known, asker_inside, None))

        async def outside(request: Request[Any, Any, Any], steps: Sequence[_Step]) -> dict[str, Any]:
            known: dict[str, Any] = {**self.things, "request": request}
            for step in steps:
                known[step.name] = await step.provide(**{name: known[name] for name in step.needs})
            return known

        def turn(known: dict[str, Any], steps: Sequence[_Step], parts: dict[str, Any] | None) -> Any:
            council: CouncilRef = known["council"]
            with places.database.council_session(council.id) as session:
                known["session"] = session
                for step in steps:
                    known[step.name] = step.provide(**{name: known[name] for name in step.needs})
                if permission is not None:
                    known["caller"].require_somewhere(permission)
                answer = None
                if parts is not None:
                    call = partial(fn, **parts, **{name: known[name] for name in wanted})
                    answer = known[through](call) if through in named else call()
                session.commit()
            return answer

        return _mounted(handler, _like(asked, fn, wanted), named, settle if "caller" in wanted else None)


async def asker_first(exc: Exception, scope: Scope) -> None:
    """Where Litestar refused what was sent, settle who sent it; a Litestar `after_exception` hook.

    Who may not ask is noted for `refusal_of`. A body that could not be read to its end, or is no form that can be read,
    is refused as it is.
    """
    if not isinstance(exc, HTTPException) or exc.status_code != HTTPStatus.BAD_REQUEST:
        return
    settle = getattr(scope.get("route_handler"), "opt", {}).get(SETTLE)  # no handler where no route was found
    if settle is not None:
        try:
            await settle(Request(scope, _read_already))
        except MunimentError as refusal:
            scope["state"][REFUSAL] = refusal
        except HTTPException:
            return


async def _read_already() -> HTTPReceiveMessage:
    """What is left of a body that was read to its end and not kept: a form of another kind than the handler takes."""
    return {"type": "http.request", "body": b"", "more_body": False}


def refusal_of(request: Request[Any, Any, Any], exc: Exception) -> Exception:
    """What a request that failed with `exc` is refused for: who sent it comes before what was sent."""
    refusal: Exception | None = request.scope["state"].get(REFUSAL)
    return exc if refusal is None else refusal


class _Step(msgspec.Struct, frozen=True):
    name: str
    provide: Callable[..., Any]
    needs: tuple[str, ...]


def _plan(providers: Mapping[str, Callable[..., Any]], wanted: frozenset[str] | set[str]) -> list[_Step]:
    """The providers that are wanted, directly or by one that is, in their order."""
    steps: list[_Step] = []
    names = set(wanted)
    for name, provide in reversed(list(providers.items())):
        if name in names:
            steps.append(_Step(name, provide, tuple(signature(provide).parameters)))
            names.update(steps[-1].needs)
    return steps[::-1]


def _like(asked: Callable[..., Any], fn: Callable[..., Any], without: frozenset[str]) -> Callable[..., Any]:
    """`asked` with the name, the words and the parameters of `fn` that Litestar is to fill in."""
    hints, shown = get_type_hints(fn, include_extras=True), signature(fn)
    request = signature(asked).parameters["request"]
    own = [parameter for name, parameter in shown.parameters.items() if name not in without]
    asked.__name__, asked.__qualname__, asked.__module__, asked.__doc__ = (
        fn.__name__, fn.__qualname__, fn.__module__, fn.__doc__,
    )  # fmt: skip
    asked.__annotations__ = {name: hint for name, hint in hints.items() if name not in without} | {"request": Request}
    by_name = [parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in own]
    asked.__signature__ = shown.replace(  # type: ignore[attr-defined]  # what `inspect.signature` looks at first
        parameters=[request.replace(kind=request.KEYWORD_ONLY), *by_name]
    )
    return asked


def _mounted(
    handler: HTTPRouteHandler,
    asked: Callable[..., Any],
    named: frozenset[str],
    settle: Callable[[Request[Any, Any, Any]], Awaitable[None]] | None,
) -> HTTPRouteHandler:
    mounted = copy(handler)
    mounted.sync_to_thread = None
    mounted.opt = {**handler.opt, NAMED: named, SETTLE: settle}
    return mounted(asked)
