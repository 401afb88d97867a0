"""Stored files: encrypted, removed with their row, left alone by a rollback, and never another council's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from muniment.api.errors import NotFound, SettingsError, TooLarge
from muniment.database.session import Database
from muniment.files import store as store_module
from muniment.files.store import FileDamaged, FileStore
from muniment.jobs.actors import Deployment
from muniment.jobs.drain import Drain
from muniment.jobs.upkeep import check_files, remove_files
from muniment.keys import KeyRing
from muniment.settings import Settings

CONTENT = b"Generated letter, not a real one. " * 5_000


@pytest.fixture
def store(settings: Settings, keys: KeyRing) -> FileStore:
    return FileStore(settings.files_dir, keys)


def objects(settings: Settings) -> list[Path]:
    return [path for path in settings.files_dir.glob("**/*") if path.is_file()]


def test_stored_bytes_come_back_and_stand_nowhere_in_clear(
    database: Database, councils: tuple[UUID, UUID], settings: Settings, store: FileStore
) -> None:
    with database.council(councils[0]) as session:
        file_id = store.store(session, CONTENT, "text/plain")
    (path,) = objects(settings)
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"Generated" not in path.read_bytes()
    with database.council(councils[0]) as session:
        assert b"".join(store.read(session, file_id)) == CONTENT
        assert session.scalar(text("select size from stored_file")) == len(CONTENT)


def test_another_council_has_no_such_file(database: Database, councils: tuple[UUID, UUID], store: FileStore) -> None:
    with database.council(councils[0]) as session:
        file_id = store.store(session, b"x", "text/plain")
    with database.council(councils[1]) as session:
        with pytest.raises(NotFound):
            store.read(session, file_id)
        store.remove(session, [file_id])
    with database.council(councils[0]) as session:
        assert b"".join(store.read(session, file_id)) == b"x"


def test_removal_takes_the_key_at_once_and_the_object_soon(
    database: Database, councils: tuple[UUID, UUID], settings: Settings, deployment: Deployment, store: FileStore
) -> None:
    drain = Drain(deployment, [remove_files])
    with database.council(councils[0]) as session:
        gone, kept = (store.store(session, content, "text/plain") for content in (b"gone", b"kept"))
    with database.council_session(councils[0]) as session:
        store.remove(session, [gone])
        session.rollback()
    with database.council(councils[0]) as session:
        assert b"".join(store.read(session, gone)) == b"gone"
        store.remove(session, [gone, uuid4()])
    assert len(objects(settings)) == 2
    assert drain.run() == 1
    assert [path.name for path in objects(settings)] == [kept.hex]
    with database.council(councils[0]) as session:
        assert session.scalar(text("select count(*) from file_tombstone")) == 0
        with pytest.raises(NotFound):
            store.read(session, gone)


def test_a_removal_that_was_killed_is_finished_by_the_next(
    database: Database, councils: tuple[UUID, UUID], settings: Settings, deployment: Deployment, store: FileStore
) -> None:
    with database.council(councils[0]) as session:
        file_id = store.store(session, b"x", "text/plain")
    with database.council(councils[0]) as session:
        store.remove(session, [file_id])
    with database.council_session(councils[0]) as session:
        assert store.remove_objects(session) == 1
        session.rollback()
    assert objects(settings) == []
    remove_files.run(deployment, councils[0])
    with database.council(councils[0]) as session:
        assert session.scalar(text("select count(*) from file_tombstone")) == 0


def test_orphans_are_removed_when_old_and_losses_are_told(
    database: Database, councils: tuple[UUID, UUID], settings: Settings, deployment: Deployment, store: FileStore
) -> None:
    with database.council(councils[0]) as session:
        kept, lost = (store.store(session, b"x", "text/plain") for _ in range(2))
    with database.council_session(councils[0]) as session:
        orphan, young = (store.store(session, b"x", "text/plain") for _ in range(2))
        session.rollback()
    by_id = {path.name: path for path in objects(settings)}
    by_id[lost.hex].unlink()
    by_id[orphan.hex].with_name("scrap.unfinished").write_bytes(b"x")
    long_ago = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    for path in (by_id[orphan.hex], by_id[kept.hex], by_id[orphan.hex].with_name("scrap.unfinished")):
        os.utime(path, (long_ago, long_ago))
    with database.council(councils[1]) as session:
        assert store.sweep_orphans(session, datetime.now(UTC)).removed == 0
    with database.council(councils[0]) as session:
        result = store.sweep_orphans(session, datetime.now(UTC))
    assert (result.removed, result.missing) == (2, (lost,))
    assert {path.name for path in objects(settings)} == {kept.hex, young.hex}
    check_files.run(deployment, councils[0])


def test_what_goes_while_the_folder_is_looked_through_is_no_fault(
    database: Database, councils: tuple[UUID, UUID], settings: Settings, store: FileStore
) -> None:
    with database.council(councils[0]) as session:
        store.store(session, b"x", "text/plain")
    (path,) = objects(settings)
    path.with_name("finished.unfinished").symlink_to("gone")  # listed, and not there when it is asked about
    with database.council(councils[0]) as session:
        assert store.sweep_orphans(session, datetime.now(UTC)).removed == 0


def test_damage_and_the_wrong_ring_are_one_sentence(
    database: Database, councils: tuple[UUID, UUID], settings: Settings, store: FileStore
) -> None:
    with database.council(councils[0]) as session:
        file_id = store.store(session, CONTENT, "text/plain")
    (path,) = objects(settings)
    path.write_bytes(path.read_bytes()[:-1])
    with database.council(councils[0]) as session:
        with pytest.raises(FileDamaged, match="Restore"):
            list(store.read(session, file_id))
        with pytest.raises(SettingsError, match="key ring"):
            FileStore(settings.files_dir, KeyRing.generate()).read(session, file_id)


def test_a_key_cannot_be_moved_to_another_file(
    database: Database, councils: tuple[UUID, UUID], store: FileStore, superuser_engine: Engine
) -> None:
    with database.council(councils[0]) as session:
        one, other = (store.store(session, content, "text/plain") for content in (b"one", b"other"))
    with superuser_engine.begin() as connection:
        move = text(
            "update stored_file set wrapped_key = (select wrapped_key from stored_file where id = :a) where id = :b"
        )
        connection.execute(move, {"a": one, "b": other})
    with database.council(councils[0]) as session, pytest.raises(SettingsError):
        store.read(session, other)


def test_what_is_too_large_or_breaks_off_leaves_nothing(
    database: Database,
    councils: tuple[UUID, UUID],
    settings: Settings,
    store: FileStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store_module, "LARGEST", 1_000)

    def broken() -> Iterator[bytes]:
        yield b"x"
        raise ConnectionError

    with database.council(councils[0]) as session:
        with pytest.raises(TooLarge):
            store.store(session, [b"x" * 600, b"x" * 600], "text/plain")
        with pytest.raises(ConnectionError):
            store.store(session, broken(), "text/plain")
    assert objects(settings) == []
