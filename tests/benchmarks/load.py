"""A small HTTP client that asks for a fixed set of things over kept connections, at once or as people at screens do.

It costs a fraction of what answering costs: requests are bytes made beforehand, of an answer only the status and the
length are looked at.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from itertools import cycle, islice

__all__ = ["ask", "free_port", "get_request", "json_request", "rate_of_people", "wait_for"]

CONNECTIONS = 8
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
HOST = "127.0.0.1"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def get_request(path: str, **headers: str) -> bytes:
    """A GET request as it goes over the wire."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {HOST}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def json_request(method: str, path: str, body: object, **headers: str) -> bytes:
    """A request with a JSON body as it goes over the wire."""
    content = json.dumps(body).encode()
    more = {"Content-Type": "application/json", "Content-Length": str(len(content))}
    return get_request(path, **headers, **more).replace(b"GET", method.encode(), 1) + content


def wait_for(port: int, path: str, seconds: float = 60.0) -> bytes:
    """The body at an address of a server that is just starting. Raises `TimeoutError`, saying what it answered last."""
    deadline, last = time.monotonic() + seconds, "nothing"
    while time.monotonic() < deadline:
        connection = HTTPConnection(HOST, port, timeout=10)
        with suppress(OSError, HTTPException), closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            body, last = answer.read(), str(answer.status)
            if answer.status == HTTPStatus.OK:
                return body
        time.sleep(0.1)
    raise TimeoutError(f"port {port} answered {path} with {last}")


def ask(port: int, requests: Sequence[bytes], times: int) -> None:
    """Send `times` requests, going round `requests`. Raises `RuntimeError` for an answer that is not 200."""
    asyncio.run(_ask(port, islice(cycle(requests), times)))


async def _ask(port: int, requests: Iterator[bytes]) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(_connection(port, requests))


async def _connection(port: int, requests: Iterator[bytes]) -> None:
    async with _open(port) as (reader, writer):
        for request in requests:
            await _answered(reader, writer, request)


def rate_of_people(port: int, of_people: Sequence[Sequence[bytes]], *, think: float, seconds: float) -> float:
    """Answers a second to people who each go round requests of their own for so long, one at a time.

    Before each request a person thinks for `think` seconds on average (exponentially distributed, and the same times
    in every measurement); with 0 the next request follows the answer at once. Raises `RuntimeError` for an answer that
    is neither 200 nor 204.
    """
    return asyncio.run(_people(port, of_people, think, seconds)) / seconds


async def _people(port: int, of_people: Sequence[Sequence[bytes]], think: float, seconds: float) -> int:
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        people = [
            group.create_task(_person(port, requests, random.Random(number), think, until))
            for number, requests in enumerate(of_people)
        ]
    return sum(person.result() for person in people)


async def _person(port: int, requests: Sequence[bytes], thinking: random.Random, think: float, until: float) -> int:
    answers = 0
    async with _open(port) as (reader, writer):
        for request in cycle(requests):
            pause = thinking.expovariate(1 / think) if think else 0.0
            if time.monotonic() + pause >= until:
                break
            await asyncio.sleep(pause)
            await _answered(reader, writer, request)
            answers += time.monotonic() < until
    return answers


@asynccontextmanager
async def _open(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(HOST, port, limit=2**20)
    try:
        yield reader, writer
    finally:
        writer.close()


async def _answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 204 "):
        return
    length = LENGTH.search(head)
    if not head.startswith(b"HTTP/1.1 200 ") or length is None:
        raise RuntimeError(f"answered with {head.splitlines()[0].decode()}")
    await reader.readexactly(int(length[1]))
