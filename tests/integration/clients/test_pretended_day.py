"""A pretended day (`MUNIMENT_TODAY`) and people not marked as generated never meet, whichever way one comes in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from muniment.api.errors import Conflict, SettingsError
from muniment.app import open_application
from muniment.cli import main
from muniment.cli.context import Context
from muniment.clients.pretending import refuse_real_people
from muniment.clients.registers import NewEntry, NewRegister, add_register
from muniment.clock import system_clock
from muniment.database.session import Database
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing
from muniment.retention.actors import sweep
from muniment.settings import Settings
from muniment.worker import working
from tests.integration.clients.kit import SERVICE, House, csv_of, row

SENTENCE = "the council alpha holds people who are not marked as generated"


@pytest.fixture
def pretending(settings: Settings) -> Iterator[Database]:
    """The test's database as a process sees it that pretends a day."""
    there = msgspec.structs.replace(settings, today=date(2030, 1, 1))
    database = Database.open(there, system_clock(there))
    yield database
    database.close()


@pytest.fixture
def run(house: House, settings: Settings, keys: KeyRing, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command on a pretended day."""
    keys.save(settings.keys_file)
    monkeypatch.setenv("MUNIMENT_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", settings.database_url or "")
    monkeypatch.setenv("MUNIMENT_TODAY", "2030-01-01")
    monkeypatch.setattr(Context, "plugins", house.plugins)
    return lambda *arguments: CliRunner().invoke(main, list(arguments))


def _add_register(house: House, entries: tuple[NewEntry, ...]) -> None:
    new = NewRegister(
        service=SERVICE, record_class="attendance", title="Made up", held_on=date(2026, 1, 1), entries=entries
    )
    with house.session() as session:
        add_register(session, house.caller, house.context(session), new)


def test_every_composition_root_refuses_a_pretended_day_where_there_are_real_people(
    house: House, pretending: Database, settings: Settings, keys: KeyRing, run: Callable[..., Result]
) -> None:
    house.register(generated=False)
    deployment = Deployment(settings, pretending, pretending.clock, keys, house.plugins)
    with pytest.raises(SettingsError, match=SENTENCE):
        open_application(deployment)
    with pytest.raises(SettingsError, match=SENTENCE), working(deployment):
        pass
    told = run("council", "list")
    assert (told.exit_code, told.stdout) == (SettingsError.exit_code, "")
    assert SENTENCE in " ".join(told.stderr.split())


def test_a_sweep_asks_again_and_sweeps_nothing(
    house: House, pretending: Database, settings: Settings, keys: KeyRing
) -> None:
    """A worker may have been running when real people came in by another process."""
    house.register(generated=False)
    deployment = Deployment(settings, pretending, pretending.clock, keys, house.plugins)
    with pytest.raises(SettingsError, match=SENTENCE):
        sweep.run(deployment, house.id)
    with house.session() as session:
        assert session.scalar(text("select count(*) from sweep_run")) == 0


def test_it_is_taken_where_everybody_is_generated(
    house: House, pretending: Database, run: Callable[..., Result]
) -> None:
    file_id = house.register(generated=True)
    _add_register(house, (NewEntry(True, file_id=file_id),))
    refuse_real_people(pretending)
    assert run("council", "list").exit_code == 0


def test_a_name_in_a_register_without_a_file_counts_as_a_real_person(house: House, pretending: Database) -> None:
    _add_register(house, (NewEntry(True, name="Somebody Else"),))
    with pytest.raises(SettingsError, match=SENTENCE):
        refuse_real_people(pretending)


def test_real_people_are_no_matter_on_a_real_day(house: House, database: Database) -> None:
    house.register(generated=False)
    refuse_real_people(database)


def test_nobody_unmarked_is_taken_in_on_a_pretended_day(
    house: House, pretending: Database, run: Callable[..., Result], tmp_path: Path
) -> None:
    there = House(pretending, house.id, house.slug, house.keys)
    file_id = there.register(generated=True)
    with pytest.raises(Conflict, match="not marked as generated"):
        there.register(generated=False)
    with pytest.raises(Conflict, match="not marked as generated"):
        _add_register(there, (NewEntry(True, name="Somebody Else"),))
    _add_register(there, (NewEntry(True, file_id=file_id),))
    file = tmp_path / "export.csv"
    file.write_bytes(csv_of([row(1)]))
    command = ("client", "import", "alpha", "export", str(file), "--service", "advice")
    refused = run(*command)
    assert refused.exit_code == Conflict.exit_code
    assert "not marked as generated" in " ".join(refused.stderr.split())
    assert run(*command, "--generated").exit_code == 0
    assert house.scalar("select count(*) from client_file") == 2
    assert house.scalar("select count(*) from client_file where not generated") == 0
