"""The one source of time: instants are aware and in UTC, days are the days of Europe/London.

No domain date comes from the database or from `datetime.now`: a rule that counts days must give the same answer in a
test, in the demo and just after midnight in summer time.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from muniment.settings import Settings

__all__ = ["LONDON", "Clock", "FixedClock", "london_day", "system_clock"]

LONDON = ZoneInfo("Europe/London")


class Clock(Protocol):
    """What tells the time. `now` is an aware instant in UTC; `today` is the day it is in London.

    `pretended` is whether that is a day set by `MUNIMENT_TODAY`, with which no real person's data may be touched.
    """

    @property
    def pretended(self) -> bool: ...

    def now(self) -> datetime: ...

    def today(self) -> date: ...


def london_day(instant: datetime) -> date:
    """The day in Europe/London on which an aware instant falls."""
    return instant.astimezone(LONDON).date()


class SystemClock:
    """The machine's clock."""

    pretended = False

    def now(self) -> datetime:
        return datetime.now(UTC)

    def today(self) -> date:
        return london_day(self.now())


class ShiftedClock:
    """The machine's clock moved by whole days, so that it is a pretended day now and goes on from there."""

    pretended = True

    def __init__(self, today: date) -> None:
        self._shift = today - SystemClock().today()

    def now(self) -> datetime:
        local = datetime.now(LONDON).replace(tzinfo=None) + self._shift
        return local.replace(tzinfo=LONDON).astimezone(UTC)

    def today(self) -> date:
        return london_day(self.now())


class FixedClock:
    """A clock that stands still until told otherwise. A day means noon in London on that day."""

    pretended = False

    def __init__(self, at: datetime | date) -> None:
        self._now = _instant(at)

    def now(self) -> datetime:
        return self._now

    def today(self) -> date:
        return london_day(self._now)

    def move_to(self, at: datetime | date) -> None:
        """Set the time; a day means noon in London on that day."""
        self._now = _instant(at)

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self._now += by


def _instant(at: datetime | date) -> datetime:
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise ValueError("an instant must be aware of its zone")
        return at.astimezone(UTC)
    return datetime(at.year, at.month, at.day, 12, tzinfo=LONDON).astimezone(UTC)


def system_clock(settings: Settings) -> Clock:
    """The clock of a deployment: the machine's, or the machine's moved to `MUNIMENT_TODAY`.

    The demo and the tests alone may pretend a day: `muniment.clients.pretending` refuses it with people not marked as
    generated.
    """
    return SystemClock() if settings.today is None else ShiftedClock(settings.today)
