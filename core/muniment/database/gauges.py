"""What a deployment says about itself in figures, and reading them cheaply.

A domain declares a `CouncilGauge`: a name and a function of a council's session that counts. `Readings` asks them for
every council, keeps the answers for some seconds, and makes a `Gauge` of each, which is all that the web's metrics
know. A figure is a count or an age, labelled by the council's slug and by codes; never by anything about a person.

A gauge that fails is missing from the page until it works again; the others stand.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import msgspec
import structlog
from sqlalchemy import text

from muniment.database.session import CouncilSession, Database

__all__ = ["CouncilGauge", "Figures", "Gauge", "GaugeFailed", "Readings"]

log = structlog.get_logger(__name__)

FRESH_SECONDS = 10.0
STATEMENT_TIMEOUT_MS = 5_000
"""The longest that one figure may take: whoever looks must not add to what ails the database."""

Figures = Mapping[tuple[str, ...], float]
"""Values by the values of a gauge's labels; empty where there is nothing to say."""


class GaugeFailed(Exception):
    """A gauge could not be read; why is in the log."""


class Gauge(msgspec.Struct, frozen=True):
    """A figure as the page of metrics asks for it. `read` may raise anything."""

    name: str
    help: str
    labels: tuple[str, ...]
    read: Callable[[], Figures]


class CouncilGauge(msgspec.Struct, frozen=True):
    """A figure of each council. `count` gives it, None to leave the council out, or figures by the values of `labels`,
    which come after the council's."""

    name: str
    help: str
    count: Callable[[CouncilSession], float | Figures | None]
    labels: tuple[str, ...] = ()


class Readings:
    """The figures of every council, read together and kept for `FRESH_SECONDS`."""

    def __init__(
        self, database: Database, gauges: Iterable[CouncilGauge], fresh_seconds: float = FRESH_SECONDS
    ) -> None:
        self._database, self._gauges, self._fresh_seconds = database, tuple(gauges), fresh_seconds
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._figures: dict[str, dict[tuple[str, ...], float]] = {}
        self._failed: set[str] = set()

    def gauges(self) -> Sequence[Gauge]:
        """Each as the page asks for it."""
        return [
            Gauge(gauge.name, gauge.help, ("council", *gauge.labels), partial(self._of, gauge.name))
            for gauge in self._gauges
        ]

    def _of(self, name: str) -> Figures:
        with self._lock:
            if self._read_at is None or time.monotonic() - self._read_at > self._fresh_seconds:
                self._read()
                self._read_at = time.monotonic()
            if name in self._failed:
                raise GaugeFailed(name)
            return self._figures[name]

    def _read(self) -> None:
        self._failed, self._figures = set(), {gauge.name: {} for gauge in self._gauges}
        with self._database.platform() as session:
            councils = session.execute(text("select id, slug from council order by slug")).all()
        for council in councils:
            with self._database.council(council.id) as session:
                session.execute(text(f"set local statement_timeout = {STATEMENT_TIMEOUT_MS}"))
                for gauge in self._gauges:
                    self._count(session, council.slug, gauge)

    def _count(self, session: CouncilSession, slug: str, gauge: CouncilGauge) -> None:
        """One figure, in a savepoint: whatever one does wrong leaves the transaction to the others."""
        try:
            with session.begin_nested():
                found = gauge.count(session)
        except Exception as error:
            log.warning("gauge_failed", gauge=gauge.name, error=type(error).__name__)
            self._failed.add(gauge.name)
            return
        if found is None:
            return
        by_labels = found if isinstance(found, Mapping) else {(): found}
        self._figures[gauge.name] |= {(slug, *labels): value for labels, value in by_labels.items()}
