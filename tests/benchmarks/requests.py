"""What a request costs over the same request to a bare Litestar application, both over HTTP on loopback.

The notice page against its own bytes from a handler that does nothing else. The reading of a client (whose token is
looked up, whose council is set, whose permission is checked, which leaves an audit event that is on disk before the
answer is sent) against the same SELECT, as a superuser, without any of that.
"""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from itertools import cycle
from typing import NamedTuple

from sqlalchemy import text

from muniment.accounts.permissions import Permission, command_caller
from muniment.accounts.tokens import new_token
from muniment.clock import SystemClock
from muniment.defaults.law import law_in_force
from muniment.jobs.actors import Deployment
from muniment.notices.document import notices_of
from muniment.notices.versions import Approval, Draft, publish
from muniment.notices.words import Words
from muniment.policy.store import adopted
from tests.benchmarks.harness import Figure, compare
from tests.benchmarks.imports import take_in, write_people
from tests.benchmarks.load import ask, get_request, wait_for
from tests.benchmarks.servers import bare_server, our_server
from tests.benchmarks.stage import COUNCIL, SERVICE, Stage

__all__ = ["new_tokens", "notice_page", "reading_a_client"]

PAGE = f"/{COUNCIL}/privacy/{SERVICE}"
PEOPLE = 500
TOKENS = 40
"""A token may make 1,200 calls a minute; so many are never used up here."""


class Ports(NamedTuple):
    """Where the two servers listen."""

    ours: int
    bare: int


def notice_page(stage: Stage, *, requests: int, rounds: int) -> Figure:
    """Measure the public page of a published notice."""
    with stage.copy() as name:
        deployment = stage.deployment(name)
        _publish(stage, deployment)
        with our_server(deployment) as ours, bare_server(stage.bare_url(name), 1, wait_for(ours, PAGE)) as bare:
            return compare(
                "notice page, against a static response of the same size",
                "rate",
                0.8,
                lambda ports: ask(ports.ours, [get_request(PAGE)], requests),
                lambda ports: ask(ports.bare, [get_request("/page")], requests),
                on=lambda: nullcontext(Ports(ours, bare)),
                rounds=rounds,
            )


def reading_a_client(stage: Stage, *, requests: int, rounds: int) -> Figure:
    """Measure `GET /api/v1/councils/{council}/clients/{id}`."""
    file = stage.folder / "read.csv"
    write_people(stage, file, PEOPLE)
    with stage.copy() as name:
        take_in(stage, name, file)
        deployment = stage.deployment(name)
        tokens, files = new_tokens(stage, deployment), _files(stage, deployment)
        authorised = [
            get_request(f"/api/v1/councils/{COUNCIL}/clients/{file_id}", Authorization=f"Bearer {token}")
            for file_id, token in zip(files, cycle(tokens), strict=False)
        ]
        plain = [get_request(f"/clients/{stage.council_id}/{file_id}") for file_id in files]
        pool = deployment.settings.pool_size
        with our_server(deployment) as ours, bare_server(stage.bare_url(name), pool, b"ready") as bare:
            return compare(
                "scoped, audited read of a client, against the same SELECT in a bare handler",
                "rate",
                0.6,
                lambda ports: ask(ports.ours, authorised, requests),
                lambda ports: ask(ports.bare, plain, requests),
                on=lambda: nullcontext(Ports(ours, bare)),
                rounds=rounds,
            )


def _publish(stage: Stage, deployment: Deployment) -> None:
    caller = command_caller(stage.council_id, "benchmark")
    words, law = Words.of(stage.plugins), law_in_force(deployment.clock.today())
    approval = Approval(by="information asset owner", ground="A measurement.")
    with deployment.database.council(stage.council_id, caller.actor) as session:
        policy = adopted(session)
        for ref in notices_of(policy, SERVICE):
            publish(session, caller, Draft(policy, ref, words, law), stage.plugins.facade(COUNCIL), approval)


def new_tokens(stage: Stage, deployment: Deployment) -> list[str]:
    """Tokens that may do anything, as many as are never used up."""
    now = SystemClock().now()  # the server's own clock is the real one
    with deployment.database.council(stage.council_id) as session:
        return [
            new_token(session, COUNCIL, f"benchmark {number}", list(Permission), None, now + timedelta(days=1), now)[1]
            for number in range(TOKENS)
        ]


def _files(stage: Stage, deployment: Deployment) -> list[str]:
    with deployment.database.council(stage.council_id) as session:
        return [str(file_id) for file_id in session.scalars(text("select id from client_file"))]
