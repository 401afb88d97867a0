"""A council made of canaries: what fills it, what disposes of it, and every place where a deployment writes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import dramatiq
from litestar import Litestar
from litestar.testing import TestClient
from redis import Redis
from sqlalchemy import Engine, text

from muniment.jobs.actors import Deployment
from muniment.jobs.broker import make_worker
from muniment.retention.actors import upkeep
from muniment.wiring import actors
from tests.conftest import FOLDER
from tests.integration.retention.canaries import TYPES, Canaries
from tests.integration.retention.systems import CRM, FakeSystem

RULES = [
    {"id": name, "classes": [name], "clause": [{"id": "old", "keep": "1 year", "from": {"event": "collection"}}]}
    for name in ("case", "letter", "there", "attendance")
]
DECLARED: dict[str, Any] = {
    "clients": {
        "category": [
            {"id": "typed", "title": "Typed",
             "field": [{"id": f"a-{kind}", "title": kind, "type": kind} for kind in TYPES]},
        ],
        "source": [{"id": "client", "title": "The client", "kind": "person"}],
        "system": [{"id": "crm", "title": "Case system", "medium": "other-system", "connector": CRM}],
        "import": [
            {
                "id": "export", "title": "Export", "source": "client", "purposes": ["support"], "system": "crm",
                "column": [
                    *({"name": to, "to": to, "required": to == "reference"} for to in (
                        "reference", "given-names", "family-name", "born-on", "postcode", "address", "email", "phone",
                        "opened-on", "milestone:case-closed", "enrolment:skills", "system-key",
                    )),
                    *({"name": f"a-{kind}", "to": f"field:typed.a-{kind}", "record_class": "case"} for kind in TYPES),
                    {"name": "ignored", "to": "ignore"},
                ],
            }
        ],
    },
    "purposes": {
        "purpose": [{"id": "support", "title": "Support"}],
    },
    "retention": {
        "class": [
            {"id": "case", "title": "Cases", "categories": ["typed"]},
            {"id": "letter", "title": "Letters", "categories": [], "media": ["paper"]},
            {"id": "there", "title": "Elsewhere", "categories": [], "media": ["other-system"], "systems": ["crm"]},
            {"id": "attendance", "title": "Attendance", "shape": "register"},
        ],
        "rule": RULES,
        "programme": [{"programme": "skills", "title": "Generated", "keep": "1 year", "generated": True}],
    },
}  # fmt: skip


@dataclass
class Town:
    """A council made of canaries, and every place where a deployment writes."""

    canaries: Canaries
    deployment: Deployment
    client: TestClient[Litestar]
    token: str
    cookie: str
    superuser: Engine
    redis: Redis
    logs: Callable[[], str]
    fake: FakeSystem
    broker: dramatiq.Broker
    council_id: UUID
    said: list[bytes] = field(default_factory=list)
    """Every answer since `said` was emptied."""

    def ask(self, method: str, path: str, body: object = None, *, fails: bool = False, **sent: Any) -> Any:
        """Ask the API as somebody who may do everything."""
        sent = sent or {"json": body}
        headers = {"Authorization": f"Bearer {self.token}"}
        self.client.cookies.clear()
        answer = self.client.request(method, f"/api/v1/councils/canary{path}", headers=headers, **sent)
        assert answer.is_success is not fails, f"{method} {path}: {answer.status_code} {answer.text}"
        self.said.append(answer.content)
        return answer.json() if answer.content else None

    def page(self, path: str) -> None:
        """Look at a page of the console."""
        self.client.cookies.set("muniment-canary", self.cookie)
        answer = self.client.get(f"/canary{path}")
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        self.said.append(answer.content)

    def work(self) -> None:
        """Have workers do all that is waiting, over Redis."""
        worker = make_worker(self.broker, threads=2)
        worker.start()
        for queue in sorted({actor.queue for actor in actors()}):
            self.broker.join(queue, timeout=120_000)
        worker.join()
        worker.stop()

    def populate(self, what: str, day: date) -> None:
        """Somebody with a record of every kind, made over the API, searched for, read, extended."""
        made, on = self.canaries, day.isoformat()
        stub = made.stub(what)
        values = self._values(what)
        record = {"record_class": "case", "recorded_on": on, "values": values}
        body = {"service": "advice", "source": "client", "opened_on": on, "stub": stub, "record": record}
        file_id = self.ask("POST", "/clients", {**body, "generated": True})["id"]
        records = f"/clients/{file_id}/records"
        paper = {"record_class": "letter", "medium": "paper", "location": made.word(f"{what} shelf"), "recorded_on": on}
        self.ask("POST", records, paper)
        key = made.word(f"{what} key there")
        there = {"record_class": "there", "medium": "other-system", "system": "crm", "external_key": key}
        self.ask("POST", records, {**there, "recorded_on": on})
        self.fake.held.add(key)
        for kind, born in (("case-closed", on), ("birth", made.day(f"{what} child's birth"))):
            event = {"kind": kind, "happened_on": born, "source": "client"}
            self.ask(
                "POST", f"/clients/{file_id}/milestones", event if kind != "birth" else {**event, "whose": "child"}
            )
        started = made.day(f"{what} enrolled", 2001, 2010)
        self.ask("PUT", f"/clients/{file_id}/enrolments", {"programme": "skills", "started_on": started})
        extension = {"until": "2026-12-01", "reason": made.word(f"{what} extension"), "authoriser": "manager"}
        extended = self.ask("POST", f"/clients/{file_id}/extensions", extension)["id"]
        self.ask("POST", f"/extensions/{extended}/withdraw", {"reason": made.word(f"{what} withdrawn")})
        limit = self.ask("POST", f"/clients/{file_id}/limits", {"ground": "18.1.a"})["id"]
        told_on = self.deployment.clock.today().isoformat()
        lifting = {"told_on": told_on, "reason": made.word(f"{what} restricted because")}
        self.ask("POST", f"/limits/{limit}/lift", lifting)
        entries = [{"attended": True, "file_id": file_id}, {"attended": True, "name": made.word(f"{what} attended")}]
        register = {"service": "advice", "record_class": "attendance", "title": made.word(f"{what} course")}
        self.ask("POST", "/registers", {**register, "held_on": on, "entries": entries})
        self.attach(what, file_id)
        self.look_at(file_id, stub)
        self.ask("POST", "/clients", {**body, "stub": {**stub, "email": made.word(f"{what} no email")}}, fails=True)
        changed = {"values": {"typed.a-text": self._value(made.word(f"{what} corrected"))}}
        first = self.ask("GET", f"/clients/{file_id}")["records"]
        case = next(entry["id"] for entry in first if entry["record_class"].endswith("/case"))
        self.ask("PATCH", f"{records}/{case}/values", changed)
        made.planted[values["typed.a-text"]["value"]] += ", no longer"
        wrong = {"values": {"typed.a-date": self._value(made.word(f"{what} no date"))}}
        self.ask("PATCH", f"{records}/{case}/values", wrong, fails=True)

    def attach(self, what: str, file_id: str) -> None:
        """Store a file with each record; download one."""
        for record in self.ask("GET", f"/clients/{file_id}")["records"]:
            kind = record["record_class"]
            name = self.canaries.word(f"{what} file name of {kind}")
            content = self.canaries.word(f"{what} inside, no plain text, of {kind}").encode()
            path = f"/clients/{file_id}/records/{record['id']}/attachments?name={name}.txt"
            self.client.headers["Content-Type"] = "text/plain"
            stored = self.ask("POST", path, content=content)["id"]
            del self.client.headers["Content-Type"]
            found = self.ask("GET", f"/clients/{file_id}/attachments")["items"]
            assert stored in [entry["id"] for entry in found]

    def look_at(self, file_id: str, stub: dict[str, str]) -> None:
        """Search, read, have it explained and shown."""
        for name in ("family_name", "reference", "postcode", "born_on"):
            found = self.ask("POST", "/clients/search", {name: stub[name]})
            assert [entry["id"] for entry in found["items"]] == [file_id], name
        for record in self.ask("GET", f"/clients/{file_id}")["records"]:
            self.ask("GET", f"/records/{record['id']}/retention")
        self.page(f"/console/clients/{file_id}")

    def take_in(self, what: str, day: date) -> None:
        """Somebody out of a file, with a row beside that is rejected."""
        made = self.canaries
        stub, typed = made.stub(f"{what} imported"), made.typed(f"{what} imported")
        key = made.word(f"{what} imported key there")
        row = {name.replace("_", "-"): value for name, value in stub.items()}
        row |= {f"a-{kind}": value for kind, value in typed.items()}
        row |= {"opened-on": day.isoformat(), "milestone:case-closed": made.day(f"{what} imported closed", 2011, 2012)}
        row |= {"enrolment:skills": made.day(f"{what} imported enrolled", 2001, 2010), "system-key": key}
        row |= {"ignored": made.word(f"{what} ignored")}
        self.fake.held.add(key)
        bad = {**row, "reference": made.word(f"{what} rejected"), "a-date": made.word(f"{what} no date")}
        lines = [",".join(row), *(",".join(str(entry[name]) for name in row) for entry in (row, bad))]
        run = self.ask("POST", "/imports/advice/export?history=true&generated=true", content="\n".join(lines).encode())
        self.work()
        done = self.ask("GET", f"/imports/{run['id']}")
        assert (done["new"], done["rejected"]) == (1, 1), done
        found = self.ask("POST", "/clients/search", {"reference": stub["reference"]})
        self.look_at(found["items"][0]["id"], stub)

    def dispose(self) -> None:
        """Arm everything, sweep, have destroyed what lies elsewhere; then the day's upkeep."""
        for seen in self.ask("GET", "/retention/previews")["items"]:
            if seen["can_be_due"]:
                arming = {"record_class": seen["record_class"], "rule_hash": seen["rule_hash"]}
                self.ask("POST", "/retention/armings", arming)
        self.ask("POST", "/sweeps")
        self.work()
        awaited = self.ask("GET", "/destructions")["items"]
        assert {entry["medium"] for entry in awaited} == {"paper"}, "the system has been asked already"
        destroyed = {"records": [entry["id"] for entry in awaited], "destroyed_on": "2026-11-20", "method": "shredded"}
        self.ask("POST", "/destructions", destroyed)
        upkeep.run(self.deployment, self.council_id)

    def _values(self, what: str) -> dict[str, Any]:
        return {f"typed.a-{kind}": self._value(value) for kind, value in self.canaries.typed(what).items()}

    def _value(self, value: object) -> dict[str, Any]:
        return {"value": value, "source": "client", "purposes": ["support"]}

    def places(self) -> Iterator[tuple[str, bytes]]:
        """Everything that was written anywhere: what it is, and its bytes."""
        with self.superuser.connect() as connection:
            tables = connection.scalars(
                text("select format('%I.%I', table_schema, table_name) from information_schema.tables"
                     " where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')")
            ).all()  # fmt: skip
            for table in tables:
                yield f"table {table}", "\n".join(connection.scalars(text(f"select t::text from {table} t"))).encode()
            statistics = text(
                "select concat_ws(' ', tablename, attname, most_common_vals, histogram_bounds) from pg_stats"
            )
            yield "the statistics of the planner", "\n".join(connection.scalars(statistics)).encode()
        settings = self.deployment.settings
        for path in sorted(settings.data_dir.rglob("*")):
            yield f"file {path.relative_to(settings.data_dir)}", str(path).encode()
            if path.is_file():
                yield f"file {path.relative_to(settings.data_dir)}", path.read_bytes()
        yield "the log", self.logs().encode()
        for path in [Path(os.environ[FOLDER]) / "log"]:
            if path.exists():
                yield "the log of the database server", path.read_bytes()
        for key in cast("list[bytes]", self.redis.keys("*")):
            yield f"redis {key.decode()}", key + (self.redis.dump(key) or b"")
        yield from self.answers()

    def answers(self) -> Iterator[tuple[str, bytes]]:
        """What a deployment says to whoever asks, now."""
        self.said.clear()
        for path in (
            "/retention/previews",
            "/sweeps",
            "/certificates",
            "/destructions",
            "/holds",
            "/systems",
            "/imports",
        ):
            self.ask("GET", path)
        for page in ("/console", "/console/retention", "/console/destructions"):
            self.page(page)
        self.said.append(self.client.get("/metrics").content)
        yield "an answer", b"\n".join(self.said)

    def pages_on_disk(self) -> Iterator[tuple[str, bytes]]:
        """The files of the database, where the server's folder can be read."""
        with self.superuser.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("checkpoint"))
            folder = connection.scalar(text("select current_setting('data_directory') || '/base/' || oid::text"
                                            " from pg_database where datname = current_database()"))  # fmt: skip
        for path in sorted(Path(str(folder)).glob("*")):
            yield f"heap {path.name}", path.read_bytes()

    def found(self, places: Iterator[tuple[str, bytes]]) -> dict[str, set[str]]:
        """What is left of anybody, by place."""
        left: dict[str, set[str]] = {}
        for place, data in places:
            if here := self.canaries.left_in(data):
                left.setdefault(place, set()).update(here)
        return left

    def maintain(self, statement: str) -> None:
        """What the database's own upkeep does, now."""
        with self.superuser.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))
