"""A disk that is full or read-only: one sentence that names the place and what to do, and nothing half done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from muniment.api.errors import NotReady, SettingsError
from muniment.cli import main
from muniment.clock import FixedClock
from muniment.database.ids import new_id
from muniment.database.packed import Keys
from muniment.database.session import Database
from muniment.files.store import FilesNotWritten, FileStore
from muniment.keys import KeyRing, Purpose
from muniment.retention.evidence.ledger import Ledger, Line
from tests.disk import Disk, small_disk
from tests.integration.retention.kit import House

REFUSING = pytest.mark.parametrize("how", ["full", "read-only"])
LONG = b"Generated letter, not a real one. " * 20_000
"""More than the disk has room for."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk") as disk:
        yield disk


def everything(disk: Disk) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in disk.folder.rglob("*") if path.is_file() and path.name != "ballast"}


@REFUSING
def test_the_key_ring_is_written_whole_or_stays_as_it_was(disk: Disk, keys: KeyRing, how: str) -> None:
    path = disk.folder / "keys.toml"
    with disk.refusing(how), pytest.raises(SettingsError, match="nothing was changed") as told:
        keys.save(path)
    assert str(path) in str(told.value)
    assert everything(disk) == {}
    keys.save(path)
    before = everything(disk)
    with disk.refusing(how), pytest.raises(SettingsError, match="MUNIMENT_KEYS_FILE"):
        keys.rotated(Purpose.SIGNING).save(path, replace=True)
    assert everything(disk) == before
    with disk.refusing(how):
        result = CliRunner().invoke(main, ["keys", "rotate", "audit-signing"], env={"MUNIMENT_KEYS_FILE": str(path)})
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)


def test_a_key_ring_below_a_file_is_refused_in_one_sentence(tmp_path: Path, keys: KeyRing) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="cannot be written"):
        keys.save(tmp_path / "file" / "keys.toml")


@REFUSING
def test_a_file_is_stored_whole_or_not_at_all(
    disk: Disk, database: Database, councils: tuple[UUID, UUID], keys: KeyRing, how: str
) -> None:
    store = FileStore(disk.folder, keys)
    with database.council(councils[0]) as session:
        kept, gone = (store.store(session, content, "text/plain") for content in (b"kept", b"gone"))
    before = everything(disk)
    refused = pytest.raises(FilesNotWritten, match="nothing was changed")
    with disk.refusing(how), refused as told, database.council(councils[0]) as session:
        store.store(session, LONG, "text/plain")
    assert str(disk.folder) in str(told.value)
    assert everything(disk) == before
    with database.council(councils[0]) as session:
        assert session.scalar(text("select count(*) from stored_file")) == 2
        store.remove(session, [gone])
    if how == "read-only":
        with disk.refusing(how), pytest.raises(FilesNotWritten), database.council(councils[0]) as session:
            store.remove_objects(session)
    with database.council(councils[0]) as session:
        assert store.remove_objects(session) == 1
        assert b"".join(store.read(session, kept)) == b"kept"
    assert len(everything(disk)) == 1


@REFUSING
def test_a_line_of_the_ledger_is_written_whole_or_not_at_all(disk: Disk, how: str) -> None:
    ledger = Ledger(disk.folder, new_id())
    first, second = new_id(), new_id()
    ledger.intend(Line("intend", first, gone={"record": Keys.of([new_id()])}))
    before = everything(disk)
    with disk.refusing(how):
        with pytest.raises(NotReady, match="nothing is disposed of") as told:
            ledger.intend(Line("intend", second, gone={"record": Keys.of([new_id() for _ in range(20_000)])}))
        if how == "read-only":
            with pytest.raises(NotReady):
                ledger.forget([first])
    assert str(ledger.path) in str(told.value)
    assert everything(disk) == before
    assert set(ledger.chunks()) == {first}


@REFUSING
def test_a_sweep_disposes_of_nothing_until_the_ledger_takes_it(
    disk: Disk, database: Database, councils: tuple[UUID, UUID], clock: FixedClock, how: str
) -> None:
    database.clock = clock
    house = House(database, councils[0], disk.folder / "ledger")
    house.adopt()
    for _ in range(3):
        house.file("case", milestones={"case-closed": date(2020, 1, 1)})
    house.flush()
    house.arm("case")
    with disk.refusing(how), pytest.raises(NotReady, match="ledger"):
        house.sweep()
    assert house.scalar("select count(*) from record") == 3
    assert house.sweep().disposed == 3
    assert all(not chunk.is_open for chunk in house.ledger.chunks().values())
