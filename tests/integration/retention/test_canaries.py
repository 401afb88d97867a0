"""After disposal nothing is left of a person: not in a table, a file, a log, on Redis, on a page, in a statistic.

People are made of canaries: every value that somebody could have typed is unmistakable and was never seen before. They
are taken in by hand and by import, searched for, read, rejected, extended, shown on pages; then all of it is disposed
of by workers over Redis, and everything that a deployment writes anywhere is searched. What is planted is what is
searched for: a canary cannot be made without being remembered.
"""

from __future__ import annotations

import base64
import json
import os
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import dramatiq
import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient
from redis import Redis
from sqlalchemy import Engine, text

from muniment.accounts.permissions import Permission, Role
from muniment.accounts.sessions import begin_session
from muniment.accounts.staff import add_staff
from muniment.accounts.tokens import LONGEST, new_token
from muniment.app import open_application
from muniment.councils.adopting import adopt_policy
from muniment.councils.directory import sync_councils
from muniment.database.session import Database
from muniment.jobs.actors import Deployment
from muniment.jobs.broker import attach, make_broker, make_worker
from muniment.keys import KeyRing
from muniment.logs import configure_logs
from muniment.retention.actors import upkeep
from muniment.settings import Settings
from muniment.testing.doubles import Declared, StatedPlugin, load_doubles, stated_council
from muniment.wiring import actors, wire
from tests.conftest import FOLDER
from tests.integration.retention.systems import CRM, FakeSystem

pytestmark = pytest.mark.slow

TYPES = ("text", "long-text", "date", "integer", "email", "phone", "postcode", "ni-number", "money")
"""Field types whose values somebody types; a choice and a yes or no are words of the policy."""

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
class Canaries:
    """Hands out values that are nowhere else, and remembers each. `planted` is by how it is written when stored."""

    planted: dict[str, str] = field(default_factory=dict)
    chance: random.Random = field(default_factory=random.SystemRandom)

    def word(self, what: str) -> str:
        return self._keep(what, "zq" + self._letters(14))

    def email(self, what: str) -> str:
        return f"{self.word(what)}@example.org"

    def digits(self, what: str, length: int = 12, first: str = "7") -> str:
        return self._keep(what, first + "".join(self.chance.choices(string.digits[1:], k=length - len(first))))

    def phone(self, what: str) -> str:
        return self.digits(what, 11, "077")

    def postcode(self, what: str) -> str:
        code = f"B{self.chance.choice('AHLNS')}{self.chance.randint(10, 99)} {self.chance.randint(1, 9)}"
        return self._keep(what, code + "".join(self.chance.choices("ABDEFGHJLNPQRSTUWXYZ", k=2)))

    def ni_number(self, what: str) -> str:
        digits = "".join(self.chance.choices(string.digits, k=6))
        return self._keep(what, f"{self.chance.choice('ABCEGHJ')}{self.chance.choice('ABCEGHJ')}{digits}C")

    def day(self, what: str, first: int = 1931, last: int = 1999) -> str:
        start, end = date(first, 1, 1).toordinal(), date(last, 12, 28).toordinal()
        taken = set(self.planted)
        while (day := date.fromordinal(self.chance.randint(start, end)).isoformat()) in taken:
            pass
        return self._keep(what, day)

    def typed(self, what: str) -> dict[str, Any]:
        """One value for each field type."""
        made: dict[str, Any] = {
            "text": self.word, "long-text": self.word, "date": self.day, "integer": lambda w: int(self.digits(w)),
            "email": self.email, "phone": self.phone, "postcode": self.postcode, "ni-number": self.ni_number,
            "money": lambda w: f"{self.digits(w, 9)}.00",
        }  # fmt: skip
        assert made.keys() == set(TYPES)
        return {kind: make(f"{what} {kind}") for kind, make in made.items()}

    def stub(self, what: str) -> dict[str, str]:
        """A stub with every column."""
        return {
            "given_names": self.word(f"{what} given names"), "family_name": self.word(f"{what} family name"),
            "born_on": self.day(f"{what} born"), "reference": self.word(f"{what} reference"),
            "postcode": self.postcode(f"{what} postcode"), "address": self.word(f"{what} address"),
            "email": self.email(f"{what} email"), "phone": self.phone(f"{what} phone"),
        }  # fmt: skip

    def left_in(self, data: bytes) -> set[str]:
        """What each canary is that some bytes hold, in whatever way it may be written."""
        lowered = data.lower()
        return {what for value, what in self.planted.items() if any(form in lowered for form in _forms(value))}

    def _letters(self, length: int) -> str:
        return "".join(self.chance.choices("bcdfghjklmnpqrstvwxz", k=length))

    def _keep(self, what: str, value: str) -> str:
        self.planted[value] = what
        return value


def _forms(value: str) -> set[bytes]:
    """How a value may be written: as it is, without blanks, in hexadecimal, in base64 (from any of three positions)."""
    forms = {value.lower().encode(), value.replace(" ", "").lower().encode(), value.encode().hex().encode()}
    for before in range(3):
        inside = base64.b64encode(b"\0" * before + value.encode()).decode().rstrip("=")
        forms.add(inside[4 if before else 0 : -1].lower().encode())
    return forms


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


@pytest.fixture
def town(
    settings: Settings, database: Database, keys: KeyRing, superuser_engine: Engine, redis_url: str, tmp_path: Path
) -> Iterator[Town]:
    wire()
    fake = FakeSystem()
    plugin = StatedPlugin(
        stated_council("canary", "advice", uses=(CRM,)),
        {"advice": msgspec.convert(DECLARED, Declared)},
    )
    plugins = load_doubles({"muniment-canary": plugin, CRM: fake})
    deployment = Deployment(
        msgspec.structs.replace(settings, redis_url=redis_url), database, database.clock, keys, plugins
    )
    keys.save(settings.keys_file)
    (council,) = sync_councils(database, plugins)
    now = database.clock.now()
    with database.council(council.id) as session:
        adopt_policy(session, plugins.facade("canary"), by="information asset owner")
    with database.council(council.id) as session:
        _, token = new_token(session, "canary", "tests", list(Permission), None, now + LONGEST, now)
        staff = add_staff(
            session, "staff@example.org", "Generated", "generated words for tests", [(role, None) for role in Role], now
        )
        cookie = begin_session(session, staff, now)
    log = tmp_path / "application.log"
    broker = make_broker(redis_url)
    attach(broker, actors(), deployment)
    with log.open("w") as stream, TestClient(open_application(deployment)) as client:
        configure_logs(stream=stream)

        def logs() -> str:
            stream.flush()
            return log.read_text()

        yield Town(
            Canaries(),
            deployment,
            client,
            token,
            cookie,
            superuser_engine,
            Redis.from_url(redis_url),
            logs,
            fake,
            broker,
            council.id,
        )
    broker.close()


def test_nothing_is_left_of_anybody_after_disposal(town: Town) -> None:
    old, recent = date(2014, 3, 3), date(2026, 3, 2)
    town.populate("gone", old)
    town.take_in("gone", old)
    town.maintain("analyze")
    planted = dict(town.canaries.planted)
    stored = set().union(*town.found(town.places()).values())
    never = {what for what in planted.values() if "no " in what or "rejected" in what or "ignored" in what}
    assert set(planted.values()) - stored == never, "each canary is found where it was stored"
    town.canaries.planted.clear()
    town.populate("kept", recent)
    town.canaries.planted = planted

    town.dispose()
    assert town.fake.held & planted.keys() == set(), "the other system has erased them too"
    town.maintain("analyze")
    town.maintain("vacuum full")
    assert town.found(town.places()) == {}
    assert town.found(town.pages_on_disk()) == {}


def test_the_search_would_find_a_canary_wherever_it_sings(town: Town, tmp_path: Path) -> None:
    made = town.canaries
    word = made.word("a word")
    for data in (word.upper().encode(), word.encode().hex().encode(), base64.b64encode(b"xx" + word.encode()),
                 json.dumps({"v": word}).encode()):  # fmt: skip
        assert made.left_in(b"before " + data + b" after") == {"a word"}
    (tmp_path / "files").mkdir(exist_ok=True)
    (tmp_path / "files" / "left").write_text(word)
    town.redis.rpush("queue", word)
    with town.superuser.begin() as connection:
        connection.execute(text("create table left_behind (data bytea)"))
        connection.execute(text("insert into left_behind values (:data)"), {"data": word.encode()})
    found = town.found(town.places())
    assert found.keys() == {"file files/left", "redis queue", "table public.left_behind"}
    assert timedelta(0) < LONGEST
