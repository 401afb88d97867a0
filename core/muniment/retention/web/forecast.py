"""The forecast over the API and on the console: figures, a chart that needs no colour, and what would be otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, URLEncodedBody
from msgspec import Meta

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import MunimentError
from muniment.database.session import CouncilSession
from muniment.policy.deciding import parse_value
from muniment.retention.clocks.forecasting import Forecast, WhatIf, forecast, what_if
from muniment.retention.clocks.progress import Progress, progress
from muniment.retention.clocks.supposing import Supposed, Supposition, suppose
from muniment.retention.clocks.tabulating import MONTH_NAMES, Grid, as_csv, grids, total
from muniment.web.council import CouncilRef
from muniment.web.cursors import Listing
from muniment.web.pages import Page
from muniment.web.unit_of_work import needs

__all__ = ["forecast_pages", "forecast_routes"]

TAGS = ["retention"]
READS = needs(Permission.READ_RETENTION)

Asker = NamedDependency[Caller]
Council = NamedDependency[CouncilRef]
Session = NamedDependency[CouncilSession]

WIDTH, HEIGHT, LEFT, FOOT, TOP = 720, 200, 60, 24, 12
"""Of a chart, in its own units: the whole, and what the scale, the years below and the air above take."""


class SupposeForm(msgspec.Struct, frozen=True):
    """The fields of the form that asks what would be otherwise: a decision, or rules of a service, or both."""

    path: Annotated[str, Meta(max_length=500)] = ""
    value: Annotated[str, Meta(max_length=10_000)] = ""
    service: Annotated[str, Meta(max_length=100)] = ""
    rules: Annotated[str, Meta(max_length=100_000)] = ""


@dataclass(frozen=True)
class Bar:
    """One month of a chart, in its units from the upper left corner."""

    month: str
    count: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Chart:
    """A chart of a grid: bars, lines of the scale with their counts, and where each year begins."""

    grid: Grid
    bars: tuple[Bar, ...]
    scale: tuple[tuple[int, float], ...]
    years: tuple[tuple[str, float], ...]

    @property
    def most(self) -> Bar:
        """The month in which most falls due, the first of several."""
        return max(self.bars, key=lambda bar: bar.count)


@get("/retention/forecast", sync_to_thread=True, tags=TAGS)
def the_forecast(session: Session, caller: Asker, record_class: FromQuery[str | None] = None) -> Forecast:
    """What falls due by month and class in the next ten years, under the policy in force."""
    return forecast(session, caller, record_class)


@get("/retention/forecast.csv", sync_to_thread=True, tags=TAGS)
def the_forecast_for_a_spreadsheet(
    session: Session, caller: Asker, record_class: FromQuery[str | None] = None
) -> Response[str]:
    """The same as lines of a CSV file."""
    lines = as_csv([("adopted", forecast(session, caller, record_class))])
    headers = {"Content-Disposition": 'attachment; filename="forecast.csv"'}
    return Response("".join(lines), media_type="text/csv; charset=utf-8", headers=headers)


@post("/retention/forecast/what-if", sync_to_thread=True, status_code=200, tags=TAGS, opt=READS)
def the_forecast_otherwise(
    data: JSONBody[Supposition], session: Session, caller: Asker, record_class: FromQuery[str | None] = None
) -> WhatIf:
    """What would fall due if decisions or rules were others. Nothing is adopted, and nothing is written."""
    return what_if(session, caller, suppose(session, data), record_class)


@get("/console/retention/forecast", sync_to_thread=True)
def forecast_page(session: Session, caller: Asker, page: NamedDependency[Page]) -> Response[str]:
    """The forecast as a chart and a table for each class."""
    return _page(page, caller, SupposeForm(), forecast(session, caller))


@post("/console/retention/forecast", sync_to_thread=True, status_code=200, opt=READS)
def forecast_page_otherwise(
    data: URLEncodedBody[SupposeForm], session: Session, caller: Asker, page: NamedDependency[Page]
) -> Response[str]:
    """The forecast beside what it would be. What cannot be supposed is told above the form."""
    now = forecast(session, caller)
    decisions = (Supposed(data.path.strip(), parse_value(data.value.strip())),) if data.path.strip() else ()
    try:
        supposed = suppose(session, Supposition(decisions=decisions, service=data.service.strip(), rules=data.rules))
    except MunimentError as error:
        return _page(page, caller, data, now, refused=str(error))
    return _page(page, caller, data, now, found=what_if(session, caller, supposed))


def _page(
    page: Page,
    caller: Caller,
    form: SupposeForm,
    now: Forecast,
    *,
    found: WhatIf | None = None,
    refused: str = "",
) -> Response[str]:
    context: dict[str, Any] = {
        "forecast": now,
        "all": charted(total(now)),
        "charts": [charted(grid) for grid in grids(now)],
        "month_names": MONTH_NAMES,
        "size": (WIDTH, HEIGHT),
        "foot": HEIGHT - FOOT,
        "left": LEFT,
        "form": form,
        "refused": refused,
        "found": found,
        "before": charted(total(found.before)) if found is not None else None,
        "after": charted(total(found.after)) if found is not None else None,
    }
    return page.render("retention/forecast.html", caller=caller, status=422 if refused else 200, **context)


def charted(grid: Grid) -> Chart:
    """The geometry of a chart: bars from the left, a scale of at most five whole steps from nothing."""
    months = grid.months
    step = _step(max((count for _, count in months), default=0))
    top = step * max(1, -(-max((count for _, count in months), default=0) // step))
    slot, depth = (WIDTH - LEFT) / len(months), HEIGHT - FOOT - TOP

    def level(count: int) -> float:
        return round(TOP + depth * (1 - count / top), 1)

    bars = tuple(
        Bar(month, count, round(LEFT + slot * place + slot * 0.15, 1), level(count), round(slot * 0.7, 1),
            round(HEIGHT - FOOT - level(count), 1))
        for place, (month, count) in enumerate(months)
    )  # fmt: skip
    years = tuple(
        (month[:4], round(LEFT + slot * place, 1)) for place, (month, _) in enumerate(months) if month.endswith("-01")
    )
    return Chart(grid, bars, tuple((count, level(count)) for count in range(0, top + 1, step)), years)


def _step(most: int) -> int:
    """A step of 1, 2 or 5 times a power of ten, so that five of them reach the most there is."""
    power = 1
    while power * 25 < most:
        power *= 10
    return next(step * power for step in (1, 2, 5, 10) if step * power * 5 >= most)


@get("/retention/progress", sync_to_thread=True, tags=TAGS)
def recomputing(session: Session, caller: Asker) -> Listing[Progress]:
    """How many records of each class the rule in force has clocked, and how many there are."""
    return Listing(list(progress(session, caller)))


forecast_routes = [recomputing, the_forecast, the_forecast_for_a_spreadsheet, the_forecast_otherwise]
forecast_pages = [forecast_page, forecast_page_otherwise]
