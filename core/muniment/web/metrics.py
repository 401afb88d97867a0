"""What the process counts about itself, in the text form that Prometheus reads.

Labels are routes as declared, methods and statuses: never an address as asked for, which may hold an id. Domains add
gauges of their own (`muniment.database.gauges`); they are read when the page is, in a thread. One that fails is counted
and left out, and the page stands.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import cache

import structlog
from litestar import Response, get
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.types import Message, Scope
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from muniment.database.gauges import Gauge
from muniment.web.errors import METHODS
from muniment.web.unit_of_work import Places

__all__ = ["Metrics", "metrics_routes"]

log = structlog.get_logger(__name__)

STARTED = "muniment_started"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The counters of one application; a registry of its own, so that two applications in a process do not clash."""

    def __init__(self, gauges: Sequence[Gauge] = ()) -> None:
        self.registry = CollectorRegistry()
        self._gauges = gauges
        labels = ("method", "route", "status")
        self._requests = Counter("muniment_requests_total", "Requests answered", labels, registry=self.registry)
        self._seconds = Histogram(
            "muniment_request_seconds", "Time to the first byte", ("route",), buckets=SECONDS, registry=self.registry
        )
        self._requests_of, self._seconds_of = cache(self._requests.labels), cache(self._seconds.labels)
        self.registry.register(self)
        self._failures = Counter(
            "muniment_gauge_failures_total", "Times that a gauge could not be read", ("gauge",), registry=self.registry
        )  # after the gauges, so that the page counts its own failures

    def collect(self) -> Iterable[Metric]:
        """The domains' gauges (called by the registry)."""
        for gauge in self._gauges:
            family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
            try:
                figures = gauge.read()
            except Exception as error:  # the others are looked at all the more when one has gone blind
                log.warning("gauge_not_read", gauge=gauge.name, error=type(error).__name__)
                self._failures.labels(gauge.name).inc()
                continue
            for values, number in figures.items():
                family.add_metric(list(values), number)
            yield family

    async def count(self, message: Message, scope: Scope) -> None:
        """Count an answer (a Litestar `before_send` hook)."""
        if scope["type"] != ScopeType.HTTP or message["type"] != "http.response.start":
            return
        route = scope.get("path_template") or "none"
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._requests_of(method, route, str(message["status"])).inc()
        self._seconds_of(route).observe(time.perf_counter() - scope["state"][STARTED])


def metrics_routes(metrics: Metrics) -> list[HTTPRouteHandler]:
    """`/metrics`."""

    @get("/metrics", include_in_schema=False, opt={"public": "counts only; the runbook keeps it inside the network"})
    async def read_metrics(state: State) -> Response[bytes]:
        places: Places = state.places
        text = await places.run(lambda: generate_latest(metrics.registry))
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return [read_metrics]
