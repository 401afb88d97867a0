"""`muniment serve` as a process: it listens, answers, stops when told to, and fails with one sentence."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from click.testing import CliRunner

from muniment.cli import main
from muniment.keys import KeyRing
from muniment.settings import Settings

FORWARDED = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
SERVE = [str(Path(sys.executable).with_name("muniment")), "serve"]


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def environment(settings: Settings, port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "MUNIMENT_DATA_DIR": str(settings.data_dir),
        "MUNIMENT_DATABASE_URL": settings.database_url or "",
        "MUNIMENT_PORT": str(port),
    }


def test_it_serves_until_told_to_stop(settings: Settings, keys: KeyRing, councils: tuple[UUID, UUID]) -> None:
    keys.save(settings.keys_file)
    with taken_port() as port:
        pass
    variables = environment(settings, port) | {"MUNIMENT_TRUSTED_PROXIES": "127.0.0.1"}
    process = subprocess.Popen(SERVE, env=variables, stderr=subprocess.PIPE, text=True)
    try:
        address = f"http://127.0.0.1:{port}"
        answer = _first_answer(f"{address}/health/ready")
        assert answer.status_code == 200, answer.text
        plain = httpx.get(f"{address}/alpha/console/sign-in")
        assert plain.headers["set-cookie"].startswith("muniment-alpha-form=")
        behind = httpx.get(f"{address}/alpha/console/sign-in", headers=FORWARDED)
        assert behind.headers["set-cookie"].startswith("__Host-muniment-alpha-form=")
        problem = httpx.post(f"{address}/api/v1/councils/alpha/tokens", content=b"{")
        assert problem.json()["status"] == problem.status_code
        assert httpx.get(f"{address}/alpha/privacy/%2e%2e%2f").status_code == 404
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in errors


def _first_answer(address: str) -> httpx.Response:
    until = time.monotonic() + 30
    while True:
        try:
            return httpx.get(address)
        except httpx.TransportError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


@pytest.mark.parametrize(
    ("change", "arguments", "status", "says"),
    [
        ({}, [], 2, "no key ring"),
        ({"MUNIMENT_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, [], 4, "cannot be reached. Is it running?"),
        ({"MUNIMENT_HOST": "nonsense"}, [], 2, "must be an IP address"),
        ({"MUNIMENT_PORT": "many"}, [], 2, "MUNIMENT_PORT must be"),
        ({"MUNIMENT_PROT": "8000"}, [], 2, "not a setting"),
        ({}, ["--processes", "2"], 2, "needs MUNIMENT_REDIS_URL"),
    ],
)
def test_what_keeps_it_from_serving_is_one_sentence(
    settings: Settings, change: dict[str, str], arguments: list[str], status: int, says: str
) -> None:
    with taken_port() as port:
        pass
    done = CliRunner(env=environment(settings, port) | change).invoke(main, ["serve", *arguments])
    assert done.exit_code == status, done.stderr
    assert says in done.stderr
    assert done.stderr.startswith("muniment: ")
    assert done.stderr.count("\n") == 1


def test_a_port_in_use_is_said(settings: Settings, keys: KeyRing) -> None:
    keys.save(settings.keys_file)
    with taken_port() as port:
        done = subprocess.run(SERVE, env=environment(settings, port), capture_output=True, text=True, timeout=60)
    assert done.returncode == 4
    assert f"port {port}: address already in use" in done.stderr
