"""The scripts that make a backup and put it back, run by hand against a real server."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from muniment.database.roles import APPLICATION, BACKUP
from tests.integration.retention.backups import programs
from tests.server import TestServer

DEPLOY = Path(__file__).parents[3] / "deploy"
DAY = 24 * 3600


@dataclass
class Operator:
    """Somebody who runs the scripts with a folder for backups."""

    server: TestServer
    database: str
    folder: Path

    def run(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        given = {"PATH": os.environ["PATH"], "PG_BIN": str(programs(self.server)), **environment}
        return subprocess.run(
            [str(DEPLOY / script), *arguments], env=given, capture_output=True, text=True, timeout=120, check=False
        )

    def backup(self, **environment: str) -> Path:
        """The file that was made."""
        url = self.server.url_of(BACKUP, self.database).replace("+psycopg", "")
        done = self.run("backup.sh", BACKUP_URL=url, BACKUP_DIR=str(self.folder), **environment)
        assert done.returncode == 0, done.stderr
        return Path(done.stdout.strip())

    def restore(self, dump: Path, into: str) -> subprocess.CompletedProcess[str]:
        url = self.server.url_of("postgres", into).replace("+psycopg", "")
        return self.run("restore.sh", str(dump), RESTORE_URL=url)

    def slugs(self, database: str) -> list[str]:
        with psycopg.connect(self.server.url_of(APPLICATION, database).replace("+psycopg", "")) as connection:
            return [row[0] for row in connection.execute("select slug from council order by slug")]


@pytest.fixture
def operator(server: TestServer, database_name: str, tmp_path: Path) -> Operator:
    folder = tmp_path / "backups"
    folder.mkdir()
    return Operator(server, database_name, folder)


@pytest.fixture
def into(server: TestServer) -> Iterator[str]:
    """The name of a database that is not there yet."""
    name = f"muniment_test_{uuid4().hex[:12]}"
    yield name
    server.drop(name)


def test_a_backup_is_checked_and_can_be_put_back(operator: Operator, councils: tuple[UUID, UUID], into: str) -> None:
    dump = operator.backup()
    assert dump.stat().st_mode & 0o077 == 0, "everybody may read it"
    assert dump.with_name(f"{dump.name}.sha256").exists()
    assert operator.restore(dump, into).returncode == 0
    assert operator.slugs(into) == operator.slugs(operator.database) == ["alpha", "beta"]
    again = operator.restore(dump, into)
    assert again.returncode != 0
    assert "already exists" in again.stderr


def test_backups_that_are_too_old_go_but_never_the_last(operator: Operator) -> None:
    old, older = (operator.folder / f"muniment-2026010{day}T000000Z.dump" for day in (2, 1))
    for path, days in ((old, 29), (older, 32)):
        path.write_bytes(b"")
        at = path.stat().st_mtime - days * DAY
        os.utime(path, (at, at))
    unfinished = operator.folder / ".muniment-20260101T000000Z.unfinished"
    unfinished.write_bytes(b"")
    made = operator.backup(BACKUP_KEEP_DAYS="30")
    assert sorted(operator.folder.glob("*.dump")) == sorted([old, made])
    assert not unfinished.exists()
    assert operator.backup(BACKUP_KEEP_DAYS="0").exists()


def test_a_backup_that_fails_leaves_the_others_and_says_so(operator: Operator) -> None:
    kept = operator.backup()
    url = operator.server.url_of(BACKUP, "not_there").replace("+psycopg", "")
    done = operator.run("backup.sh", BACKUP_URL=url, BACKUP_DIR=str(operator.folder), BACKUP_KEEP_DAYS="0")
    assert done.returncode != 0
    assert [path.name for path in operator.folder.glob("*.dump")] == [kept.name]
    assert not list(operator.folder.glob(".*.unfinished"))


def test_a_damaged_backup_is_refused_before_anything_is_made(operator: Operator, into: str) -> None:
    dump = operator.backup()
    whole = dump.read_bytes()
    dump.write_bytes(whole[:-1000] + bytes(1000))
    done = operator.restore(dump, into)
    assert done.returncode == 1
    assert "is not what was backed up" in done.stderr
    with psycopg.connect(operator.server.url.replace("+psycopg", "")) as connection:
        assert connection.execute("select from pg_database where datname = %s", [into]).fetchone() is None


def test_the_role_of_backups_can_write_nothing(operator: Operator, councils: tuple[UUID, UUID]) -> None:
    url = operator.server.url_of(BACKUP, operator.database).replace("+psycopg", "")
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("delete from council")
    writing = psycopg.connect(url, options="-c default_transaction_read_only=off")
    with writing, pytest.raises(psycopg.errors.InsufficientPrivilege):
        writing.execute("delete from council")
