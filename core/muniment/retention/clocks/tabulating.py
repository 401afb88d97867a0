"""A forecast laid out for reading: a year a line and a month a column, and as lines for a spreadsheet. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from muniment.retention.clocks.forecasting import GROUPS, Forecast, Forecasted

__all__ = ["MONTH_NAMES", "Grid", "as_csv", "grids", "total"]

MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass
class Grid:
    """The forecast of one class, or of all (`record_class` is then empty).

    `years` has for each year its twelve months, null for those that the forecast does not reach; `groups` how many
    stand apart from the months, `actions` what is done with those in a month, overdue or later.
    """

    record_class: str
    first_month: str
    last_month: str
    years: dict[int, list[int | None]] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    actions: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        first, last = int(self.first_month[:4]), int(self.last_month[:4])
        for year in range(first, last + 1):
            names = (f"{year}-{month:02}" for month in range(1, 13))
            self.years[year] = [0 if self.first_month <= name <= self.last_month else None for name in names]

    def add(self, line: Forecasted) -> None:
        """Count what one line counts."""
        if line.when in GROUPS:
            self.groups[line.when] = self.groups.get(line.when, 0) + line.records
        else:
            year, month = int(line.when[:4]), int(line.when[5:]) - 1
            self.years[year][month] = (self.years[year][month] or 0) + line.records
        if line.action and line.when not in ("held", "unset"):
            self.actions[line.action] = self.actions.get(line.action, 0) + line.records

    @property
    def months(self) -> list[tuple[str, int]]:
        """Each month that the forecast reaches, as `2027-03`, and its count."""
        return [
            (f"{year}-{month:02}", count)
            for year, counts in self.years.items()
            for month, count in enumerate(counts, 1)
            if count is not None
        ]

    @property
    def ahead(self) -> int:
        """How many fall due in the months."""
        return sum(count for _, count in self.months)

    @property
    def apart(self) -> list[tuple[str, int]]:
        """What stands apart from the months, in the order of `GROUPS`."""
        return [(group, self.groups[group]) for group in GROUPS if group in self.groups]


def grids(forecast: Forecast) -> list[Grid]:
    """A grid for each class, in the order of classes."""
    found: dict[str, Grid] = {}
    for line in forecast.counts:
        if line.record_class not in found:
            found[line.record_class] = Grid(line.record_class, forecast.first_month, forecast.last_month)
        found[line.record_class].add(line)
    return list(found.values())


def total(forecast: Forecast) -> Grid:
    """The grid of all classes together."""
    grid = Grid("", forecast.first_month, forecast.last_month)
    for line in forecast.counts:
        grid.add(line)
    return grid


def as_csv(forecasts: Iterable[tuple[str, Forecast]]) -> Iterator[str]:
    """Lines with a head: which forecast (such as `adopted`), then its counts."""
    yield _line(("forecast", "record_class", "when", "action", "records"))
    for name, forecast in forecasts:
        for line in forecast.counts:
            yield _line((name, line.record_class, line.when, line.action, line.records))


def _line(cells: Iterable[object]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()
