"""A council not swept for more than 36 hours is an alarm wherever somebody may look; nobody is refused for it."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

import msgspec
import pytest
from click.testing import CliRunner
from litestar.testing import TestClient

from muniment.app import open_application
from muniment.cli import main
from muniment.clock import FixedClock
from muniment.database.session import Database
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing
from muniment.retention.disposal.lateness import LATEST, late_councils
from muniment.settings import Settings
from tests.integration.retention.kit import House


def test_late_is_more_than_36_hours_after_the_last_sweep_or_the_first_policy(house: House, clock: FixedClock) -> None:
    clock.advance(LATEST * 2)
    assert late_councils(house.database) == {}, "nothing is promised without a policy"
    house.adopt()
    adopted_at = clock.now()
    clock.advance(LATEST)
    assert late_councils(house.database) == {}
    clock.advance(timedelta(seconds=1))
    assert late_councils(house.database) == {"alpha": adopted_at}
    house.sweep()
    swept_at = clock.now()
    assert late_councils(house.database) == {}
    clock.advance(LATEST + timedelta(seconds=1))
    assert late_councils(house.database) == {"alpha": swept_at}


def test_metrics_and_readiness_tell_and_the_council_is_served(
    house: House, deployment: Deployment, clock: FixedClock
) -> None:
    house.adopt()
    house.sweep()

    def look() -> tuple[int, str, float]:
        with TestClient(open_application(dataclasses.replace(deployment, clock=clock))) as client:
            ready = client.get("/health/ready")
            lines = client.get("/metrics").text.splitlines()
        (sweeps,) = (check for check in ready.json()["checks"] if check["name"] == "sweeps")
        (late,) = (line for line in lines if line.startswith('muniment_retention_late{council="alpha"}'))
        return ready.status_code, sweeps["reason"], float(late.rsplit(" ", 1)[1])

    assert look() == (200, "", 0)
    clock.advance(timedelta(hours=37))
    status, remark, late = look()
    assert (status, late) == (200, 1)
    assert "alpha (since 2026-11-20 12:00 UTC)" in remark


@pytest.mark.parametrize(("day", "status"), [(date(2026, 11, 21), 0), (date(2026, 11, 23), 1)])
def test_a_command_for_cron(
    house: House, settings: Settings, database: Database, keys: KeyRing, day: date, status: int
) -> None:
    house.adopt()
    house.sweep()
    keys.save(settings.keys_file)
    environment = {
        "MUNIMENT_DATA_DIR": str(settings.data_dir),
        "MUNIMENT_DATABASE_URL": settings.database_url or "",
        "MUNIMENT_TODAY": day.isoformat(),
    }
    done = CliRunner().invoke(main, ["retention", "status", "--json"], env=environment)
    assert done.exit_code == status, done.output
    late = msgspec.json.decode(done.stdout)["alpha"]["late_since"]
    assert (late is not None) == bool(status)
