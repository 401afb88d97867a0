"""The clock: days are London's, instants are UTC's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from muniment.clock import FixedClock, london_day, system_clock
from muniment.settings import Settings


def settings(today: date | None) -> Settings:
    folder = Path("/nowhere")
    return Settings(data_dir=folder, keys_file=folder, ledger_dir=folder, files_dir=folder, today=today)


def test_just_after_midnight_in_summer_it_is_the_next_day_in_london() -> None:
    clock = FixedClock(datetime(2026, 6, 30, 23, 30, tzinfo=UTC))
    assert clock.today() == date(2026, 7, 1)
    clock.move_to(datetime(2026, 11, 30, 23, 30, tzinfo=UTC))
    assert clock.today() == date(2026, 11, 30)


def test_a_day_means_noon_in_london() -> None:
    assert FixedClock(date(2026, 7, 1)).now() == datetime(2026, 7, 1, 11, tzinfo=UTC)


def test_time_passes_when_told_to() -> None:
    clock = FixedClock(date(2026, 11, 20))
    clock.advance(timedelta(days=2))
    assert clock.today() == date(2026, 11, 22)


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        FixedClock(datetime(2026, 11, 20, 12))  # noqa: DTZ001  # the point of the test


def test_the_system_clock_is_aware_and_can_pretend_a_day() -> None:
    real = system_clock(settings(None))
    assert real.now().tzinfo is UTC
    assert real.today() == london_day(real.now())
    pretended = system_clock(settings(date(2031, 3, 1)))
    assert pretended.today() in {date(2031, 3, 1), date(2031, 3, 2)}
