"""The embedded server: a real PostgreSQL from a wheel, for one machine without one of its own.

It outlives the process that started it, is shared by many through its socket, and is stopped by `muniment db stop`.
There is no password: the socket lies in a folder that only its user can enter, and nothing listens on the network.

PostgreSQL refuses to run as root. Started by root, the server runs as the user `pgserver`, and its folders belong to
that user; `embedded_place` says where they lie.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg

from muniment.api.errors import NotReady
from muniment.database.embedded_place import data_folder, program_folder
from muniment.database.roles import make_roles

__all__ = ["DATABASE", "EmbeddedServer"]

DATABASE = "muniment"
SUPERUSER = "postgres"
SERVER_USER = "pgserver"
LOCK = "postgres.lock"
LONGEST_SOCKET = 100
"""Bytes that a socket's path may have; Linux allows 107, others fewer."""

CONFIGURATION = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


class EmbeddedServer:
    """The server that belongs to `data_dir`. Making the object starts nothing."""

    def __init__(self, data_dir: Path, configuration: Mapping[str, str] | None = None) -> None:
        self._folder = data_folder(data_dir)
        self._data = self._folder / "data"
        self._configuration = CONFIGURATION | dict(configuration or {})
        self._user = SERVER_USER if os.geteuid() == 0 else None
        self._bin = program_folder()

    def url(self, role: str, database: str = DATABASE) -> str:
        """The address for a role; the same for every process on the machine."""
        return f"postgresql://{role}@/{database}?host={quote(str(self._socket_folder()), safe='/')}"

    @property
    def superuser_url(self) -> str:
        """The address as the superuser, for making roles and databases."""
        return self.url(SUPERUSER, "postgres")

    def start(self) -> None:
        """See that the server runs, has its roles and its database. Cheap when it does; safe to race and to kill.

        Raises `NotReady` when it cannot be started.
        """
        if self._answers(DATABASE):
            return
        with self._locked():
            if not self._data.exists():
                self._initialise()
            if not self._answers("postgres"):
                self._run("pg_ctl", "-D", self._data, "-l", self._folder / "log", "-w", "-t", "60", "-o",
                          self._options(), "start")  # fmt: skip
            self._bootstrap()

    @property
    def programs(self) -> Path:
        """The folder of its programs (`pg_dump`, `psql` ...), of the server's own version."""
        return self._bin

    def restore(self, dump: Path) -> None:
        """Put a dump of `pg_dump --format custom` into its empty database.

        Raises `NotReady` if the dump cannot be restored whole.
        """
        command = [str(self._bin / "pg_restore"), "--exit-on-error", "--dbname", self.url(SUPERUSER), str(dump)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603
        if done.returncode != 0:
            # What pg_restore says may quote rows, so it is not passed on.
            raise NotReady(f"{dump} cannot be restored: it is damaged, or no dump of pg_dump --format custom.")

    @property
    def running(self) -> bool:
        """Whether it answers."""
        return self._answers("postgres")

    def stop(self) -> bool:
        """Stop the server if it runs; True if it did. Open transactions are rolled back."""
        if not (self._data / "postmaster.pid").exists():
            return False
        with self._locked():
            self._run("pg_ctl", "-D", self._data, "-w", "-t", "60", "-m", "fast", "stop")
            if not self._socket_folder().is_relative_to(self._folder):
                shutil.rmtree(self._socket_folder(), ignore_errors=True)
        return True

    def remove(self) -> bool:
        """Stop the server and delete its data for good; True if there were any."""
        self.stop()
        if not self._folder.exists():
            return False
        shutil.rmtree(self._folder)
        (self._folder.parent / LOCK).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # others' files may lie there
            self._folder.parent.rmdir()
        return True

    def _answers(self, database: str) -> bool:
        try:
            psycopg.connect(self.url(SUPERUSER, database), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _initialise(self) -> None:
        """Make the data folder beside its place and move it there, so that a killed start leaves nothing half made."""
        unfinished = self._folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._run("initdb", "-D", unfinished, "-U", SUPERUSER, "--auth-local=trust", "--auth-host=reject",
                  "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")  # fmt: skip
        unfinished.rename(self._data)

    def _bootstrap(self) -> None:
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            exists = connection.execute("select from pg_database where datname = %s", [DATABASE]).fetchone()
            if exists is not None:
                return
            # The database is made last and under another name first: its presence says that all is there.
            connection.execute(f"drop database if exists {DATABASE}_unfinished")
            connection.execute(f"create database {DATABASE}_unfinished")
        with psycopg.connect(self.url(SUPERUSER, f"{DATABASE}_unfinished"), autocommit=True) as connection:
            make_roles(connection)
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute(f"alter database {DATABASE}_unfinished rename to {DATABASE}")

    def _options(self) -> str:
        given = {**self._configuration, "unix_socket_directories": str(self._socket_folder())}
        return " ".join(f"-c {name}='{value}'" for name, value in given.items())

    def _socket_folder(self) -> Path:
        folder = self._folder / "run"
        if len(os.fsencode(folder / ".s.PGSQL.5432")) <= LONGEST_SOCKET:
            return folder
        name = hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"muniment-{os.geteuid()}-{name}"

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the folder's lock, its folders being there and the server user's own."""
        if not self._folder.parent.exists():
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            self._folder.parent.chmod(0o711)  # whatever the umask: the server's user must pass, and see nothing
        with (self._folder.parent / LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for folder in (self._folder, self._socket_folder()):
                folder.mkdir(mode=0o700, exist_ok=True)
                self._hand_over(folder)
            yield

    def _hand_over(self, folder: Path) -> None:
        """Make a folder the server user's own, 0700; refuse one that somebody else laid there."""
        if folder.is_symlink():
            raise NotReady(f"{folder} is a link. Remove it and start again.")
        if self._user is not None:
            entry = self._server_user()
            if folder.stat().st_uid not in (0, entry.pw_uid):
                raise NotReady(f"{folder} belongs to somebody else. Remove it and start again.")
            os.chown(folder, entry.pw_uid, entry.pw_gid)
            for above in (*self._folder.parents, self._bin, *self._bin.parents):
                if not above.stat().st_mode & 0o001:
                    raise NotReady(
                        f"Started by root, the embedded PostgreSQL runs as the user {self._user}, who cannot pass "
                        f"{above}. Work in a folder that others may pass, or as an ordinary user."
                    )
        elif folder.stat().st_uid != os.geteuid():
            raise NotReady(f"{folder} belongs to somebody else. Remove it and start again.")
        folder.chmod(0o700)

    def _server_user(self) -> pwd.struct_passwd:
        try:
            return pwd.getpwnam(SERVER_USER)
        except KeyError:
            command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVER_USER]
            subprocess.run(command, check=False, capture_output=True)  # noqa: S603
        try:
            return pwd.getpwnam(SERVER_USER)
        except KeyError:
            raise NotReady(
                f"Started by root, the embedded PostgreSQL needs a user {SERVER_USER}, who could not be made. "
                "Make it, or work as an ordinary user."
            ) from None

    def _run(self, program: str, *arguments: str | Path) -> None:
        with tempfile.TemporaryFile() as output:
            # Not a pipe: the server would inherit it and keep it open.
            done = subprocess.run(  # noqa: S603  # the wheel's own program with our arguments
                [str(self._bin / program), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=self._user,
                cwd=self._folder,
                check=False,
            )
            if done.returncode != 0:
                raise NotReady(f"The embedded PostgreSQL did not do {program}; see {self._folder / 'log'}.")
