"""Servers give data away in a batch while other requests withdraw, restrict and object: nothing leaves after them.

Two server processes on loopback. What is compared is what they wrote down: the instants in the register and in the
ledger of consents, taken behind the same lock, and what the exports really hold.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from muniment.accounts.permissions import Permission
from muniment.accounts.tokens import LONGEST, new_token
from muniment.clock import system_clock
from muniment.councils.adopting import adopt_policy, decide_policy
from muniment.councils.directory import sync_councils
from muniment.database.session import Database
from muniment.keys import KeyRing
from muniment.plugins.manager import Plugins
from muniment.policy.deciding import read_decisions
from muniment.settings import Settings
from tests.benchmarks.load import free_port, wait_for
from tests.journeys.test_processes import COUNCIL, DECISIONS, SECONDS, SERVICE, running

PURPOSE, FIRM = "employment-support", "Generated Works Ltd"
CLIENTS, GIVERS, CHUNK = 90, 3, 12
ENDS = ("withdraw", "restrict", "object")
RULES = {"withdraw": "permission", "restrict": "restriction", "object": "objection"}


@dataclass
class Town:
    """The council over HTTP, and beside it in its database. `names` are whom each family name belongs to."""

    http: httpx.Client
    authorised: dict[str, str]
    database: Database
    council_id: UUID
    names: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, f"/api/v1/councils/{COUNCIL}{path}", headers=self.authorised, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return json.loads(answer.content) if answer.content else None

    def rows(self, sql: str, **parameters: Any) -> list[Any]:
        with self.database.council(self.council_id) as session:
            return list(session.execute(text(sql), parameters))

    def move_in(self, document: str) -> str:
        """Somebody who has permitted the firm to be given their number."""
        name = f"Canary{uuid4().hex}"
        value = {"value": "1 Sample Street", "source": "the-person", "purposes": [PURPOSE]}
        file: str = self.ask("POST", "/clients", {
            "service": SERVICE, "source": "the-person", "generated": True,
            "stub": {"family_name": name, "given_names": "Generated", "phone": "01632 960001"},
            "record": {"record_class": "service-user-digital", "values": {"contact-details.address": value}},
        })["id"]  # fmt: skip
        self.ask("POST", f"/clients/{file}/permissions", {
            "purpose": PURPOSE, "answer": "given", "language": "en", "document": document, "channel": "in-person",
            "how": "signed", "recipients": [{"recipient": "employers", "body": FIRM}],
        })  # fmt: skip
        self.names[name] = file
        return file

    def give(self, files: list[str], batch: str) -> Any:
        return self.ask("POST", "/disclosures", {
            "service": SERVICE, "recipient": "employers", "body": FIRM, "purpose": PURPOSE, "format": "json",
            "fields": ["given-names", "family-name", "phone"], "files": files, "batch": batch,
        })  # fmt: skip

    def end(self, how: str, file: str) -> None:
        """Close the gate for one client: in any of the ways that people have."""
        match how:
            case "withdraw":
                self.ask("POST", f"/clients/{file}/permissions/{PURPOSE}/withdraw", {"channel": "telephone"})
            case "restrict":
                self.ask("POST", f"/clients/{file}/limits", {"ground": "18.1.a"})
            case _:
                self.ask("POST", f"/clients/{file}/limits", {"ground": "21.1", "purposes": [PURPOSE]})

    def ended(self) -> dict[str, datetime]:
        """When each client's gate was closed, as the ledger of consents and the restrictions say."""
        withdrawn = (
            "select s.file_id, e.recorded_at as at from consent_event e join consent_subject s on s.id = e.subject_id"
            " where e.state = 'withdrawn'"
        )
        rows = self.rows(f"{withdrawn} union all select file_id, placed_at from client_limit")
        assert len({row.file_id for row in rows}) == len(rows)
        return {str(row.file_id): row.at for row in rows}

    def exported(self, disclosure: str) -> dict[str, str] | None:
        """Whom an export is really about, by the reference that the firm was given; None if it may not leave any
        more."""
        answer = self.http.post(f"/api/v1/councils/{COUNCIL}/disclosures/{disclosure}/export", headers=self.authorised)
        if answer.status_code == 404:
            return None
        assert answer.is_success, answer.text
        clients = json.loads(answer.content)["clients"]
        return {client["our-reference"]: self.names[client["family-name"]] for client in clients}


@pytest.fixture
def town(settings: Settings, database: Database, plugins: Plugins, keys: KeyRing, redis_url: str) -> Iterator[Town]:
    """A council with what the demonstration decides, and two processes that serve it."""
    clock = database.clock = system_clock(settings)
    keys.save(settings.keys_file)
    council_id = next(view.id for view in sync_councils(database, plugins) if view.slug == COUNCIL)
    facade, decisions = plugins.facade(COUNCIL), DECISIONS / f"{COUNCIL}.toml"
    with database.council(council_id) as session:
        decide_policy(session, facade, read_decisions(decisions.read_bytes(), file=decisions.name))
        adopt_policy(session, facade, by="information asset owner")
        now = clock.now()
        _, token = new_token(session, COUNCIL, "tests", list(Permission), None, now + LONGEST, now)
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "MUNIMENT_DATA_DIR": str(settings.data_dir),
        "MUNIMENT_DATABASE_URL": settings.database_url or "",
        "MUNIMENT_FILES_DIR": str(settings.files_dir),
        "MUNIMENT_REDIS_URL": redis_url,
        "MUNIMENT_PORT": str(port),
    }
    with (
        running(environment, "serve", "--processes", "2"),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http,
    ):
        wait_for(port, "/health/ready", SECONDS)
        yield Town(http, {"Authorization": f"Bearer {token}"}, database, council_id)


@pytest.mark.slow
def test_nothing_leaves_after_a_withdrawal_a_restriction_or_an_objection_was_answered(town: Town) -> None:
    document = town.ask("POST", "/notices/documents", {"service": SERVICE, "title": "Generated leaflet"})["id"]
    with ThreadPoolExecutor(4) as pool:
        files = list(pool.map(town.move_in, [document] * CLIENTS))
    how = {file: ENDS[number % len(ENDS)] for number, file in enumerate(files)}
    batch, over = str(uuid4()), threading.Event()
    answered: dict[str, float] = {}
    begun: dict[str, float] = {}
    fetched: dict[str, tuple[float, dict[str, str] | None]] = {}

    def give() -> Any:
        at, made = time.monotonic(), town.give(random.sample(files, CHUNK), batch)
        begun[made["id"]] = at
        return made

    def fetch(made: Any) -> None:
        at = time.monotonic()
        fetched[made["id"]] = at, town.exported(made["id"])

    def keep_giving() -> None:
        while not over.is_set():
            made = give()
            if made["given"]:
                time.sleep(random.uniform(0, 0.5))
                fetch(made)

    def end(mine: list[str]) -> None:
        for file in mine:
            town.end(how[file], file)
            answered[file] = time.monotonic()

    fetch(give())  # one is fetched in time, however quick those are who close the gates; and one is too late
    late = give()
    with ThreadPoolExecutor(GIVERS + len(ENDS)) as pool:
        givers = [pool.submit(keep_giving) for _ in range(GIVERS)]
        for closer in [pool.submit(end, files[start :: len(ENDS)]) for start in range(len(ENDS))]:
            closer.result(SECONDS)
        over.set()
        for giver in givers:
            giver.result(SECONDS)
    fetch(late)

    ended = town.ended()
    assert ended.keys() == set(files)
    lines = town.rows(
        "select l.id, l.file_id, l.disclosure_id, d.at from disclosure_line l"
        " join disclosure d on d.id = l.disclosure_id"
    )
    given = [(str(line.disclosure_id), str(line.file_id), line.at) for line in lines]
    assert [line for line in given if line[2] >= ended[line[1]]] == [], "the register's instants"
    assert [line for line in given if begun[line[0]] > answered[line[1]]] == [], "what those who asked saw"
    noted: dict[str, dict[str, str]] = defaultdict(dict)
    for line in lines:
        noted[str(line.disclosure_id)][str(line.id)] = str(line.file_id)
    left = {disclosure: (at, held) for disclosure, (at, held) in fetched.items() if held is not None}
    assert {disclosure: held for disclosure, (_, held) in left.items()} == {
        disclosure: noted[disclosure] for disclosure in left
    }, "an export holds what the register says"
    assert [
        disclosure for disclosure, (at, held) in left.items() if any(answered[file] < at for file in held.values())
    ] == []
    assert 0 < len(left) < len(fetched), (
        "some were fetched in time, and some had somebody in them whose gate had closed"
    )

    refused = town.rows(
        "select r.file_id, r.rules, d.at from disclosure_refusal r join disclosure d on d.id = r.disclosure_id"
    )
    assert {tuple(row.rules) for row in refused} == {(rule,) for rule in RULES.values()}
    for row in refused:
        assert row.rules == [RULES[how[str(row.file_id)]]]
        assert row.at > ended[str(row.file_id)], "nobody is refused before there is a reason"
    assert len({file for _, file, _ in given}) > CLIENTS / 3, "they met: most were given something first"
    assert min(Counter(how[str(row.file_id)] for row in refused).values()) > 0
    last = town.give(files, batch)
    assert (last["given"], last["refused"]) == (0, CLIENTS)
