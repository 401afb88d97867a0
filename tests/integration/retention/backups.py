"""Real backups of a real server, and putting them back: `pg_dump` of a database, `pg_basebackup` of a whole server."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg

from muniment.database.embedded import SERVER_USER, EmbeddedServer
from muniment.database.embedded_place import program_folder
from muniment.database.roles import BACKUP
from tests.server import TestServer

DEBIAN = Path("/usr/lib/postgresql")


class Backup(Protocol):
    """Takes one backup, and later puts the database back to that state."""

    def take(self) -> None: ...

    def restore(self) -> None: ...


def programs(server: TestServer) -> Path:
    """The folder of the programs that belong to a server: Debian's, or the embedded one's."""
    with psycopg.connect(server.url.replace("+psycopg", "")) as connection:
        major = connection.info.server_version // 10_000
    debian = DEBIAN / str(major) / "bin"
    return debian if debian.is_dir() else program_folder()


def run(command: Sequence[str | Path], user: str | None = None) -> None:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=300, user=user, check=False
    )
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class Dump:
    """`pg_dump` as the backup role; restored into a database made anew, as the operators' page says."""

    server: TestServer
    database: str
    file: Path

    def take(self) -> None:
        url = self.server.url_of(BACKUP, self.database)
        run([programs(self.server) / "pg_dump", "--format", "custom", "--file", self.file, url.replace("+psycopg", "")])

    def restore(self) -> None:
        self.server.drop(self.database)
        self.server.run(f"create database {self.database}")
        self.server.give_roles(self.database)
        into = self.server.url_of("postgres", self.database).replace("+psycopg", "")
        run([programs(self.server) / "pg_restore", "--exit-on-error", "--dbname", into, self.file])


@dataclass(frozen=True)
class BaseBackup:
    """`pg_basebackup` of an embedded server's cluster; restored by exchanging its data folder."""

    server: EmbeddedServer
    folder: Path

    @property
    def _data(self) -> Path:
        return self.folder / "postgres" / "data"

    @property
    def _copy(self) -> Path:
        return self.folder / "postgres" / "copy"

    def take(self) -> None:
        program = self.server.programs / "pg_basebackup"
        user = SERVER_USER if os.geteuid() == 0 else None
        run([program, "--pgdata", self._copy, "--wal-method", "stream", "--checkpoint", "fast", "--no-sync",
             "--dbname", self.server.superuser_url], user)  # fmt: skip

    def restore(self) -> None:
        self.server.stop()
        shutil.rmtree(self._data)
        self._copy.rename(self._data)
        if os.geteuid() == 0:
            assert self._data.stat().st_uid == pwd.getpwnam(SERVER_USER).pw_uid
        self.server.start()
