"""A backup brings nobody back: real backups, taken before a sweep that is cut off at each step of the ledger.

Whatever the backup and wherever the process died: nothing is served until the erasures are repeated and the council is
swept; then what was due is gone, what was kept is there, and every certificate ever issued can be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from litestar.testing import TestClient
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from muniment.api.errors import NotReady
from muniment.app import open_application
from muniment.audit.sealing import seal_council
from muniment.cli import main
from muniment.clock import FixedClock
from muniment.database.embedded import EmbeddedServer
from muniment.database.ids import new_id
from muniment.database.roles import APPLICATION
from muniment.database.session import Database
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing
from muniment.plugins.manager import Plugins
from muniment.retention.disposal.confirming import confirm
from muniment.retention.disposal.restore import recover
from muniment.retention.evidence.ledger import Ledger
from muniment.settings import Settings
from tests.integration.retention.backups import Backup, BaseBackup, Dump
from tests.integration.retention.kit import House, hold
from tests.server import FAST, TODAY, TestServer

LONG_AGO, RECENT = date(2019, 3, 1), date(2026, 3, 1)
STEPS = ["before-intend", "after-intend", "before-done", "after-done"]
READY = "/health/ready"


class Cut(BaseException):
    """A process that ends here; nothing of it catches anything."""


class CutLedger(Ledger):
    """A ledger whose process dies at a step of one of its chunks, counted from 0."""

    def __init__(self, house: House, at: str, chunk: int) -> None:
        super().__init__(house.ledger_dir, house.id)
        self._at, self._left = at, chunk

    def intend(self, line: Any) -> None:
        if self._left == 0 and self._at == "before-intend":
            raise Cut
        super().intend(line)
        if self._left == 0 and self._at == "after-intend":
            raise Cut

    def close(self, step: Any, chunks: Any) -> None:
        if self._left == 0 and self._at == "before-done":
            raise Cut
        super().close(step, chunks)
        if self._left == 0 and self._at == "after-done":
            raise Cut
        self._left -= 1


def sweep_cut(house: House, monkeypatch: pytest.MonkeyPatch, at: str, chunk: int) -> None:
    """A sweep, two files at a time, whose process dies."""
    ledger = CutLedger(house, at, chunk)
    with monkeypatch.context() as crashing:
        crashing.setattr(House, "ledger", property(lambda _house: ledger))
        with pytest.raises(Cut):
            house.sweep(files=2)


@dataclass
class Stage:
    """A council with files that are due, not yet due, and held; a backup to take; the application over it."""

    house: House
    backup: Backup
    deployment: Deployment
    due: set[UUID]
    kept: set[UUID]

    @property
    def left(self) -> set[UUID]:
        return set(self.house.ids("select file_id from record"))

    def restore(self) -> None:
        self.house.database.engine.dispose()
        self.backup.restore()

    def client(self) -> TestClient[Any]:
        """The application as a process that was started just now."""
        return TestClient(open_application(self.deployment))

    def recover(self) -> None:
        with self.house.session() as session:
            recover(session, self.house.ledger)
        self.house.sweep()


def staged(house: House, backup: Backup, deployment: Deployment) -> Stage:
    house.adopt()
    due = {house.file("case", milestones={"case-closed": LONG_AGO}) for _ in range(6)}
    kept = {house.file("case", milestones={"case-closed": RECENT}) for _ in range(2)}
    held = house.file("case", milestones={"case-closed": LONG_AGO})
    house.flush()
    hold(house, "file", held)
    house.arm("case")
    return Stage(house, backup, deployment, due, kept | {held})


@pytest.fixture
def dumped(house: House, deployment: Deployment, server: TestServer, database_name: str, tmp_path: Path) -> Stage:
    return staged(house, Dump(server, database_name, tmp_path / "dump"), deployment)


@pytest.fixture
def copied(
    passable_folder: Path, tmp_path: Path, clock: FixedClock, keys: KeyRing, plugins: Plugins
) -> Iterator[Stage]:
    """The same on a server of its own, for whole servers are copied."""
    embedded = EmbeddedServer(passable_folder, FAST)
    embedded.start()
    server, name = TestServer(embedded.superuser_url), f"muniment_test_{uuid4().hex[:12]}"
    server.prepare(name)
    settings = Settings(
        data_dir=tmp_path,
        database_url=server.url_of(APPLICATION, name),
        keys_file=tmp_path / "keys.toml",
        ledger_dir=tmp_path / "ledger",
        files_dir=tmp_path / "files",
        pool_size=4,
    )
    database = Database.open(settings, clock)
    council_id = new_id()
    with database.platform() as session:
        values = {"id": council_id, "slug": "alpha", "name": "Generated council alpha"}
        session.execute(text("insert into council (id, slug, name) values (:id, :slug, :name)"), values)
    house = House(database, council_id, settings.ledger_dir)
    backup = BaseBackup(embedded, passable_folder)
    yield staged(house, backup, Deployment(settings, database, clock, keys, plugins))
    database.close()
    embedded.stop()


def test_a_file_from_which_something_else_hangs_is_left_to_the_sweep(dumped: Stage, superuser_engine: Engine) -> None:
    """As the backup has it, a person had another file: erasing again stops at nothing, and takes nothing more."""
    (file_id, person_id), *_ = dumped.house.all("select id, person_id from client_file where id = any(:due)",
                                                due=list(dumped.due))  # fmt: skip
    (kept, *_) = dumped.kept
    with superuser_engine.begin() as connection:
        values = {"kept": kept, "person": person_id}
        connection.execute(text("update client_file set person_id = :person where id = :kept"), values)
    dumped.backup.take()
    with superuser_engine.begin() as connection:
        connection.execute(text("update client_file set person_id = (select id from person where id <> :person"
                                " order by id desc limit 1) where id = :kept"), values)  # fmt: skip
    superuser_engine.dispose()
    dumped.house.sweep()
    dumped.restore()
    dumped.recover()
    assert dumped.left == dumped.kept
    assert dumped.house.ids("select id from person where id = :person", person=person_id) == [person_id]
    assert file_id not in dumped.house.ids("select id from client_file")


def restored_and_recovered(stage: Stage, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Back up, sweep one chunk whole, die in the second; restore; recover. All must be as if nothing had happened."""
    stage.backup.take()
    sweep_cut(stage.house, monkeypatch, step, chunk=1)
    issued = stage.house.all("select id, root, issued_at, disposed from certificate order by id")
    assert len(issued) == (1 if step in {"before-intend", "after-intend"} else 2)
    stage.restore()
    assert stage.left == stage.due | stage.kept, "the backup is not one"

    with stage.client() as client:
        assert client.get(READY).status_code == 503
        assert "restored from a backup" in client.get(READY).text
        for page in ("/alpha/console", "/alpha/privacy/advice", "/api/v1/councils/alpha/certificates"):
            assert client.get(page).status_code == 503, page
        with stage.house.session() as session:
            recover(session, stage.house.ledger)
        assert client.get(READY).status_code == 503
        assert "must be swept once" in client.get(READY).text
        stage.house.sweep()
        assert client.get(READY).status_code == 200, client.get(READY).text
        assert client.get("/alpha/console", follow_redirects=False).status_code != 503

    assert stage.left == stage.kept
    certified = stage.house.all("select id, root, issued_at, disposed from certificate order by id")
    done = [row for row in issued if row in certified]
    assert len(done) >= 1, "a certificate that was handed out is unknown"
    if step == "after-done":
        assert done == issued
    assert sum(row.disposed for row in certified) == len(stage.due)
    with stage.house.session() as session:
        assert recover(session, stage.house.ledger).chunks == 0


@pytest.mark.parametrize("step", STEPS)
def test_a_dump_brings_nobody_back(dumped: Stage, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    restored_and_recovered(dumped, monkeypatch, step)


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_a_copy_of_the_server_brings_nobody_back(copied: Stage, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    restored_and_recovered(copied, monkeypatch, step)


@pytest.mark.parametrize("step", STEPS)
def test_a_backup_taken_at_any_step_erases_nothing_that_was_kept(
    dumped: Stage, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The process dies, somebody places a hold on what is left, then comes the backup: that hold wins for ever."""
    sweep_cut(dumped.house, monkeypatch, step, chunk=0)
    left = dumped.left
    spared = min(dumped.due & left)
    hold(dumped.house, "file", spared)
    dumped.backup.take()
    dumped.restore()
    dumped.recover()
    assert dumped.left == dumped.kept | {spared}
    assert dumped.house.scalar("select sum(disposed) from certificate") == len(dumped.due) - 1


def test_what_was_made_and_disposed_of_after_the_backup_is_no_obstacle(dumped: Stage) -> None:
    """Nothing comes back, and still the council must be swept before it is served, and is."""
    dumped.house.sweep()
    dumped.backup.take()
    dumped.house.clock.advance(timedelta(minutes=5))
    late = dumped.house.file("case", milestones={"case-closed": LONG_AGO})
    dumped.house.flush()
    dumped.house.sweep()
    assert late not in dumped.left
    dumped.restore()
    with dumped.house.session() as session:
        assert recover(session, dumped.house.ledger).rows == 0
    assert dumped.house.scalar("select count(*) from sweep_run where state = 'waiting'") == 1
    dumped.house.sweep()
    with dumped.client() as client:
        assert client.get(READY).status_code == 200


def test_a_ledger_that_is_not_there_is_no_empty_ledger(dumped: Stage) -> None:
    """A folder that is not mounted looks like a ledger that knows nothing: nothing is answered or swept on it."""
    dumped.house.sweep()
    (path,) = dumped.house.ledger_dir.iterdir()
    content = path.read_bytes()
    path.unlink()
    with dumped.client() as client:
        with capture_logs() as logs:
            told = [client.get(READY), client.get("/alpha/console"), client.get("/api/v1/councils/alpha/caller")]
        for answer in told:
            assert answer.status_code == 503
            assert "is not there, though records were disposed of" in answer.text
            assert str(path.parent) not in answer.text, "a place on the host is for the operator"
        assert [str(path) in line["detail"] for line in logs if line["event"] == "not_ready"] == [True] * 3
        with dumped.house.session() as session, pytest.raises(NotReady, match="is not there"):
            recover(session, dumped.house.ledger)
        path.write_bytes(content)
        assert client.get(READY).status_code == 200
        path.write_bytes(b"")  # as the runbook says, where it is lost for good
        assert client.get(READY).status_code == 200


def test_confirmations_come_back_with_their_certificates(dumped: Stage) -> None:
    house = dumped.house
    for _ in range(2):
        house.file("letter", medium="paper", recorded_on=LONG_AGO)
    house.flush()
    house.arm("letter")
    dumped.backup.take()
    house.sweep()
    first, second = house.ids("select record_id from awaiting order by record_id")
    with house.session() as session:
        confirm(session, house.caller, house.ledger, [first], destroyed_on=TODAY, method="shredded")
    before = house.all("select id, certificate_id, count, destroyed_on, method from confirmation")
    dumped.restore()
    dumped.recover()
    assert house.all("select id, certificate_id, count, destroyed_on, method from confirmation") == before
    assert house.ids("select record_id from awaiting") == [second]
    assert house.ids("select id from record where disposal = 'awaiting'") == [second]


def test_the_operator_recovers_and_rehearses_by_command(
    dumped: Stage, settings: Settings, keys: KeyRing, tmp_path: Path, new_council: Callable[[str], UUID]
) -> None:
    keys.save(settings.keys_file)
    seal_council(dumped.deployment, dumped.house.id)
    dumped.backup.take()
    dumped.house.sweep()
    assert seal_council(dumped.deployment, dumped.house.id) > 0
    environment = {
        "MUNIMENT_DATA_DIR": str(tmp_path),
        "MUNIMENT_DATABASE_URL": settings.database_url or "",
        "MUNIMENT_TODAY": TODAY.isoformat(),
    }
    program = CliRunner(env=environment)
    drill = program.invoke(main, ["db", "restore-drill", str(tmp_path / "dump")])
    assert drill.exit_code == 0, drill.output
    assert "9 client files in the backup, 3 when its erasures were repeated" in drill.output
    assert "audit log: sound" in drill.output
    assert not list(tmp_path.glob("drill-*")), "the scratch database is left behind"
    assert dumped.left == dumped.kept, "the drill touched the deployment"
    nothing = program.invoke(main, ["db", "restored"])
    assert "nothing erased had come back" in nothing.output, nothing.output

    dumped.restore()
    told = program.invoke(main, ["audit", "verify", "alpha"])
    assert told.exit_code == 0, told.output
    assert "its database was restored from a backup, or somebody cut it" in " ".join(told.output.split())
