"""The embedded server: shared, outlives its starter, private, and survives being killed while it is made."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from muniment.api.errors import NotReady
from muniment.database.embedded import EmbeddedServer
from muniment.database.roles import APPLICATION, OWNER

STARTER = (
    "import sys; from pathlib import Path; from muniment.database.embedded import EmbeddedServer;"
    "EmbeddedServer(Path(sys.argv[1])).start()"
)


@pytest.fixture
def folder(passable_folder: Path) -> Iterator[Path]:
    """A folder for a server; what runs in it is stopped."""
    yield passable_folder
    EmbeddedServer(passable_folder).stop()


def who(url: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("select current_user").fetchone()
    assert row is not None
    return str(row[0])


def test_it_is_shared_outlives_its_starter_and_stops_when_told(folder: Path) -> None:
    (folder / "postgres").mkdir()
    (folder / "postgres" / "data.unfinished").mkdir()  # a start that was killed half way
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: EmbeddedServer(folder).start(), range(4)))
    subprocess.run([sys.executable, "-c", STARTER, str(folder)], check=True)
    server = EmbeddedServer(folder)
    assert who(server.url(APPLICATION)) == APPLICATION
    assert who(server.url(OWNER)) == OWNER
    run = folder / "postgres" / "run"
    assert stat.S_IMODE(run.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "postgres").stat().st_mode) == 0o700
    assert server.stop()
    assert not server.stop()
    server.start()
    assert who(server.url(APPLICATION)) == APPLICATION


def test_a_deep_folder_gets_a_short_socket(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    server = EmbeddedServer(deep)
    server.start()
    try:
        assert who(server.url(APPLICATION)) == APPLICATION
        socket_folder = Path(server.superuser_url.partition("host=")[2])
        assert len(str(socket_folder)) < 80
        assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700
    finally:
        server.stop()
    assert not socket_folder.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as another user")
def test_root_may_work_in_a_folder_that_the_servers_user_cannot_enter(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedServer(closed / "data")
    server.start()
    try:
        assert who(server.url(APPLICATION)) == APPLICATION
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    finally:
        assert server.remove()


def test_a_folder_that_is_a_link_is_refused(folder: Path) -> None:
    (folder / "postgres").symlink_to(folder / "elsewhere")
    (folder / "elsewhere").mkdir()
    with pytest.raises(NotReady, match="is a link"):
        EmbeddedServer(folder).start()


def test_what_the_application_role_does_wrong_is_not_in_the_servers_log(folder: Path) -> None:
    server = EmbeddedServer(folder)
    server.start()
    with psycopg.connect(server.url(APPLICATION), autocommit=True) as connection:
        for statement in ("select 'Generated-Person'::int", "select $$Generated-Person$$ from nothing"):
            with pytest.raises(psycopg.Error):
                connection.execute(statement)
    assert "Generated-Person" not in (folder / "postgres" / "log").read_text()
    with psycopg.connect(server.superuser_url, autocommit=True) as connection, pytest.raises(psycopg.Error):
        connection.execute("select 'Generated-Probe'::int")
    assert "Generated-Probe" in (folder / "postgres" / "log").read_text(), "the log would have shown it"
