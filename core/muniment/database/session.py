"""Sessions that see one council, and fail closed.

A council's session says which council it is for in the first statement of each transaction; row-level security does
the rest. The same statement reads which policy the council has adopted and sets the time limits, so no decision can be
taken under a policy of another moment. It is sent when the session is first used, in the thread that uses it, not when
the session is made.

Statements that need not wait for each other are sent in one exchange (`database.exchange`): the one that begins a
transaction with its `BEGIN` and with the first question (`ask`), the last ones with the `COMMIT` (`at_commit`). Each
exchange saved is one time less that a thread waits, and wakes up among others.

Application code never commits. An edge does: `Database.council` at the end of its block, the web's unit of work before
the response is sent, a worker at the end of an actor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import ClauseElement, Connection, Engine, text
from sqlalchemy.event import listen
from sqlalchemy.orm import Session, SessionTransaction

from muniment.api.errors import NotFound
from muniment.clock import Clock, system_clock
from muniment.database.embedded import EmbeddedServer
from muniment.database.engine import open_engine, refuse_powerful_role
from muniment.database.exchange import COMMIT, Asked, Statement, exchange
from muniment.database.roles import APPLICATION
from muniment.settings import Settings

__all__ = ["Actor", "CouncilSession", "Database", "NotSecond", "PlatformSession"]

log = structlog.get_logger(__name__)

LIMITS = "set_config('statement_timeout', :statement_timeout, true), set_config('lock_timeout', :lock_timeout, true)"
BEGIN_COUNCIL = text(
    f"select c.policy_hash, set_config('muniment.council_id', c.id\\:\\:text, true), {LIMITS}"  # noqa: S608
    " from council c where c.id = :council_id"
)
BEGIN_PLATFORM = text(f"select set_config('muniment.council_id', '', true), {LIMITS}")


NotSecond = Literal["own", "program"]
"""Why somebody is no second person: they are the first, or a program."""


class Actor(msgspec.Struct, frozen=True):
    """Who acts: a member of staff, a program (`token`), the system itself or a command.

    `name` says what, never who: `retention.sweep`, `muniment import`, `api`; a person is known by `id` alone, the same
    at a screen and with a token of their own. `role` is whose decision an operator says a command carries out: nobody
    can check it, but the record can say it.
    """

    kind: Literal["staff", "token", "system", "command"]
    id: UUID | None = None
    name: str = ""
    role: str = ""

    @property
    def capacity(self) -> str:
        """How evidence that outlives accounts says who acted: `staff`, or `command (records manager)`."""
        return f"{self.kind} ({self.role})" if self.role else self.kind

    @property
    def is_program(self) -> bool:
        """Whether this is a program's token: nobody knows which person, if any, stands behind what it does."""
        return self.kind == "token"

    def not_second_to(self, first: Actor) -> NotSecond | None:
        """Why this is no second person beside `first`; None if it is one. What the system itself began has no first
        person, so a program may decide about it."""
        if (self.kind, self.role, self.id) == (first.kind, first.role, first.id):
            return "own"
        return "program" if self.is_program and first.kind != "system" else None


Doorbell = Callable[[str, Sequence[object]], None]
"""What tells workers that there is work: an actor's name and its arguments."""


def _no_doorbell(name: str, arguments: Sequence[object]) -> None:
    """Nobody is told; the schedule finds the work."""


class _LimitedSession(Session):
    """A session with time limits and things to do after its commit. `clock` is the process's clock, `ledger_dir` the
    folder beside the database of what a restore must not take back."""

    def __init__(self, database: Database) -> None:
        super().__init__(database.engine, expire_on_commit=False)
        self.clock = database.clock
        self.ledger_dir = database.ledger_dir
        self._database = database
        self._after_commit: list[Callable[[], None]] = []
        self._at_commit: list[Asked] = []
        self._first: Sequence[Asked] = ()
        self._first_rows: list[list[Any]] = []

    def ask(self, statement: ClauseElement | Statement, parameters: Mapping[str, object]) -> list[Any]:
        """All rows of a statement, by name; sent along with what begins the transaction if none has begun."""
        return self.ask_together((statement, parameters))[0]

    def ask_together(self, *asked: Asked) -> list[list[Any]]:
        """The rows of each of several statements, as `ask`, in one exchange; each sees what is there once those before
        it are through, a lock of theirs included."""
        if self.in_transaction():
            return exchange(self.connection(), asked)
        self._first = asked
        self.connection()
        rows, self._first_rows = self._first_rows, []
        return rows

    def at_commit(self, statement: ClauseElement, parameters: Mapping[str, object]) -> None:
        """Send a statement along with the commit; if it fails, nothing is committed.

        For what nobody looks at in this transaction; who does has it sent before (`send_waiting`). A savepoint that is
        rolled back takes along what was asked for in it, and nothing that was asked for before it.
        """
        self._at_commit.append((statement, parameters))

    def send_waiting(self) -> None:
        """Send now, in one exchange, what waits for the commit."""
        if self._at_commit:
            self.flush()
            exchange(self.connection(), self._at_commit)
            self._at_commit.clear()

    def begin_nested(self) -> SessionTransaction:
        """Begin a savepoint. What waited before is sent first: sent within, it would go if the savepoint does."""
        self.send_waiting()
        return super().begin_nested()

    def after_commit(self, then: Callable[[], None]) -> None:
        """Call `then` once this transaction has been committed; never if it is rolled back.

        For what may be lost, such as a worker's doorbell: an error there is logged and changes nothing.
        """
        self._after_commit.append(then)

    def ring(self, name: str, arguments: Sequence[object]) -> None:
        """Tell the workers, after the commit, that there is work for the actor `name`; see `jobs.dispatch`."""
        self.after_commit(lambda: self._database.doorbell(name, arguments))

    def commit(self) -> None:
        if self._at_commit:
            self.flush()
            exchange(self.connection(), [*self._at_commit, COMMIT])
            self._at_commit.clear()
        super().commit()
        waiting, self._after_commit = self._after_commit, []
        for then in waiting:
            try:
                then()
            except Exception as error:  # it is committed: nothing can be undone or may be stopped
                log.warning("after_commit_failed", error=type(error).__name__)

    def rollback(self) -> None:
        self._after_commit.clear()
        self._at_commit.clear()
        super().rollback()

    def close(self) -> None:
        self._after_commit.clear()
        self._at_commit.clear()
        super().close()


class PlatformSession(_LimitedSession):
    """For the tables without a council. It sees no row of any council's table."""


class CouncilSession(_LimitedSession):
    """One council's session. `actor` is who acts, set by the edge; audit events take it from here."""

    def __init__(self, database: Database, council_id: UUID, actor: Actor | None) -> None:
        super().__init__(database)
        self.council_id = council_id
        self.actor = actor
        self._policy_hash: str | None = None

    @property
    def policy_hash(self) -> str | None:
        """The hash of the policy that the council had adopted when this transaction began; None: none yet."""
        self.connection()
        return self._policy_hash


def _begin(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    if transaction.nested or not isinstance(session, _LimitedSession):
        return
    scope, parameters = BEGIN_PLATFORM, dict[str, object](session._database.limits)
    if isinstance(session, CouncilSession):
        scope, parameters["council_id"] = BEGIN_COUNCIL, session.council_id
    first, session._first = session._first, ()
    begun, *session._first_rows = exchange(connection, [(scope, parameters), *first])
    if isinstance(session, CouncilSession):
        if not begun:
            raise NotFound("There is no such council.")
        session._policy_hash = begun[0].policy_hash


def _drop_waiting(session: Session, transaction: SessionTransaction) -> None:
    """What waits when a savepoint is rolled back was asked for in it: what had waited before was sent as it began."""
    if transaction.nested and isinstance(session, _LimitedSession):
        session._at_commit.clear()


for kind in (CouncilSession, PlatformSession):
    listen(kind, "after_begin", _begin)
    listen(kind, "after_soft_rollback", _drop_waiting)


class Database:
    """The application's way to the database: one pool, council sessions, and sessions without a council."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        ledger_dir: Path,
        *,
        statement_timeout_ms: int = 60_000,
        lock_timeout_ms: int = 10_000,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.ledger_dir = ledger_dir
        self.limits = {"statement_timeout": str(statement_timeout_ms), "lock_timeout": str(lock_timeout_ms)}
        self.doorbell: Doorbell = _no_doorbell
        """Set by a composition root that has workers to tell. Without one the schedule finds the work."""

    @classmethod
    def open(cls, settings: Settings, clock: Clock | None = None) -> Database:
        """Connect as the application role, starting the embedded server where no URL is set.

        `clock` is the deployment's (`system_clock(settings)`) unless another is given.

        Raises `SettingsError` if the role could see past row-level security (superuser, `bypassrls`, owner of a
        table), `DatabaseAway` if nothing answers.
        """
        url = settings.database_url
        if url is None:
            server = EmbeddedServer(settings.data_dir)
            server.start()
            url = server.url(APPLICATION)
        engine = open_engine(url, pool_size=settings.pool_size)
        try:
            refuse_powerful_role(engine)
        except BaseException:
            engine.dispose()
            raise
        return cls(
            engine,
            clock or system_clock(settings),
            settings.ledger_dir,
            statement_timeout_ms=settings.statement_timeout_ms,
            lock_timeout_ms=settings.lock_timeout_ms,
        )

    def council_session(self, council_id: UUID, actor: Actor | None = None) -> CouncilSession:
        """A session for one council that whoever asked commits and closes; it takes no connection until used."""
        return CouncilSession(self, council_id, actor)

    def platform_session(self) -> PlatformSession:
        """A session for the tables without a council that whoever asked commits and closes."""
        return PlatformSession(self)

    @contextmanager
    def council(self, council_id: UUID, actor: Actor | None = None) -> Iterator[CouncilSession]:
        """One transaction for one council: committed at the end of the block, rolled back if it raises."""
        with self.council_session(council_id, actor) as session:
            yield session
            session.commit()

    @contextmanager
    def platform(self) -> Iterator[PlatformSession]:
        """One transaction for the tables without a council."""
        with self.platform_session() as session:
            yield session
            session.commit()

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()
