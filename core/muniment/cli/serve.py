"""`muniment serve`: the site and the API.

Without Redis it is one process with its workers and its schedule inside; with Redis it only rings for the workers, and
may be several processes. Whatever would keep it from serving (a port in use, an old schema, a missing key ring) is
found before it listens, and said in one sentence.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from typing import Any

import click
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from granian.utils.proxies import wrap_asgi_with_proxy_headers
from litestar import Litestar

from muniment.api.errors import MunimentError, SettingsError
from muniment.app import open_application
from muniment.cli.context import Context, pass_context
from muniment.clock import system_clock
from muniment.database.session import Database
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing
from muniment.plugins.manager import load_plugins
from muniment.settings import Settings
from muniment.wiring import settle, wire
from muniment.worker import send_to_workers, working

__all__ = ["application", "serve", "served"]


class CannotListen(MunimentError):
    """The address to listen on is taken or not ours."""

    code = "cannot-listen"
    exit_code = 4


def _asgi(app: Litestar, settings: Settings) -> Any:
    """The application behind the proxies that may say who a request is really from."""
    if settings.trusted_proxies is None:
        return app
    return wrap_asgi_with_proxy_headers(app, trusted_hosts=settings.trusted_proxies)


def application() -> Any:
    """The application for one of several server processes: everything opened from the environment."""
    settings = Settings.from_environment(os.environ)
    clock = system_clock(settings)
    wire()
    keys = KeyRing.open(settings.keys_file)
    deployment = Deployment(settings, Database.open(settings, clock), clock, keys, load_plugins())
    send_to_workers(deployment)
    app = _asgi(open_application(deployment), settings)
    settle()
    return app


@contextmanager
def served(deployment: Deployment) -> Iterator[Litestar]:
    """The application with what must run beside it: workers and schedule without Redis, the bell with it."""
    with ExitStack() as beside:
        if deployment.settings.redis_url is None:
            beside.enter_context(working(deployment, schedule=True))
        else:
            send_to_workers(deployment)
        yield open_application(deployment)


async def _listen(app: Any, settings: Settings) -> None:
    settle()
    server = Server(
        app,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_level=LogLevels.error,
    )
    loop = asyncio.get_running_loop()
    for stop in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(stop, server.stop)
    await server.serve()


def refuse_taken_address(host: str, port: int) -> None:
    """Raise `CannotListen` unless this process could listen there."""
    try:
        family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    except ValueError:
        raise SettingsError("MUNIMENT_HOST must be an IP address such as 127.0.0.1 or 0.0.0.0.") from None
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = os.strerror(error.errno).lower() if error.errno else "unknown reason"
            raise CannotListen(f"Cannot listen on {host} port {port}: {reason}. Set MUNIMENT_PORT.") from None


@click.command()
@click.option(
    "--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="Server processes; more need Redis."
)
@pass_context
def serve(context: Context, processes: int) -> None:
    """Serve the site and the API until stopped."""
    settings = context.settings
    if processes > 1 and settings.redis_url is None:
        raise SettingsError("More than one process needs MUNIMENT_REDIS_URL: without it the workers live in the one.")
    refuse_taken_address(settings.host, settings.port)
    deployment = context.deployment
    click.echo(f"Serving on http://{settings.host}:{settings.port}", err=True)
    if processes > 1:
        Granian(
            "muniment.cli.serve:application",
            address=settings.host,
            port=settings.port,
            interface=Interfaces.ASGI,
            workers=processes,
            factory=True,
            websockets=False,
            log_level=LogLevels.error,
        ).serve()
        return
    with served(deployment) as app:
        asyncio.run(_listen(_asgi(app, settings), settings))
