"""The two servers that are compared over HTTP: `muniment serve`, and a bare Litestar application on the same server.

Each is a process of its own, so that neither the other nor the client competes for its interpreter.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import msgspec
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from litestar import Litestar, Response, get
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from muniment.clients.views import _READ, FileView  # the very statement that ours sends
from muniment.database.engine import open_engine
from muniment.jobs.actors import Deployment
from tests.benchmarks.load import HOST, free_port, wait_for

__all__ = ["bare_server", "our_server", "our_worker", "redis_server"]


MUNIMENT = str(Path(sys.executable).with_name("muniment"))


@contextmanager
def our_server(deployment: Deployment) -> Iterator[int]:
    """`muniment serve` for a deployment: its port. With Redis it leaves all background work to workers."""
    port = free_port()
    environment = environment_of(deployment) | {"MUNIMENT_PORT": str(port)}
    process = subprocess.Popen([MUNIMENT, "serve"], env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, "/health/live")
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextmanager
def our_worker(deployment: Deployment, queue: str) -> Iterator[None]:
    """`muniment worker` for one queue of a deployment with Redis; killed after the block, whatever it is at."""
    command = [MUNIMENT, "worker", "--queue", queue]
    process = subprocess.Popen(command, env=environment_of(deployment), stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait(30)


def environment_of(deployment: Deployment) -> dict[str, str]:
    """The environment of a process of that deployment."""
    settings = deployment.settings
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MUNIMENT_")}
    return environment | {
        "MUNIMENT_DATA_DIR": str(settings.data_dir),
        "MUNIMENT_DATABASE_URL": settings.database_url or "",
        "MUNIMENT_LEDGER_DIR": str(settings.ledger_dir),
        "MUNIMENT_REDIS_URL": settings.redis_url or "",
        "MUNIMENT_SWEEP_REST": str(settings.sweep_rest),
    }


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """A Redis of its own, in memory alone: its address."""
    address = folder / "redis.sock"
    options = {"port": 0, "unixsocket": address, "dir": folder, "save": "", "appendonly": "no", "loglevel": "warning"}
    command = ["redis-server", *(part for name, value in options.items() for part in (f"--{name}", str(value)))]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        with Redis(unix_socket_path=str(address), retry=Retry(ConstantBackoff(0.1), 100)) as client:
            client.ping()
        yield f"unix://{address}"
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def bare_server(database_url: str, pool_size: int, page: bytes) -> Iterator[int]:
    """A bare application that answers `/page` with `page` and `/clients/ID` with a file: its port."""
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(port, database_url, pool_size, page))
    process.start()
    try:
        wait_for(port, "/page")
        yield port
    finally:
        process.terminate()
        process.join(30)


def _serve(port: int, database_url: str, pool_size: int, page: bytes) -> None:
    engine = open_engine(database_url, pool_size=pool_size)

    @get("/page")
    async def static() -> Response[bytes]:
        return Response(page, media_type="text/html; charset=utf-8")

    @get("/clients/{council_id:uuid}/{file_id:uuid}", sync_to_thread=True)
    def client(council_id: UUID, file_id: UUID) -> FileView:
        with engine.connect() as connection:
            asked = {"council_id": council_id, "id": file_id, "restricted": False}
            row = connection.execute(_READ, asked).mappings().one()
        return msgspec.convert(dict(row), FileView)

    server = Server(
        Litestar([static, client], openapi_config=None, logging_config=None),
        address=HOST,
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_level=LogLevels.error,
    )
    asyncio.run(server.serve())
