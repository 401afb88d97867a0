"""A made-up council with a policy of the test's own, and quick ways to put records into it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import insert, text

from muniment.accounts.permissions import Caller, command_caller
from muniment.api.clients import Category, ClientDeclarations, Cohort
from muniment.api.council import Council, Service
from muniment.api.retention import RetentionDeclarations
from muniment.clients.facts import ENROLMENT, FILE, MILESTONE, PERSON, RECORD, REGISTER, REGISTER_ENTRY
from muniment.clock import FixedClock
from muniment.database.ids import new_id
from muniment.database.session import Database
from muniment.database.signals import PolicyAdopted
from muniment.plugins.facade import CouncilFacade
from muniment.policy.model import Policy, ServicePolicy
from muniment.policy.store import adopt
from muniment.retention.approval import arming
from muniment.retention.clocks.current import on_policy_adopted
from muniment.retention.clocks.recomputing import clock_stale
from muniment.retention.disposal.sweep import RunView, Sweeper, begin_run, run_view, want_run
from muniment.retention.evidence.ledger import Ledger
from muniment.retention.holds.placing import NewHold, Placed, place_hold
from muniment.retention.subjects import SUBJECTS

SERVICE = "advice"

RETENTION: dict[str, Any] = {
    "class": [
        {"id": "case", "title": "Cases", "categories": []},
        {"id": "letter", "title": "Letters", "categories": [], "media": ["paper"]},
        {"id": "attendance", "title": "Attendance", "categories": [], "shape": "register"},
    ],
    "rule": [
        {
            "id": "case",
            "classes": ["case"],
            "clause": [{"id": "closed", "keep": "3 years", "from": {"event": "case-closed"}}],
        },
        {
            "id": "letter",
            "classes": ["letter"],
            "clause": [{"id": "written", "keep": "1 year", "from": {"event": "collection"}}],
        },
        {
            "id": "attendance",
            "classes": ["attendance"],
            "clause": [{"id": "held", "keep": "1 year", "from": {"event": "collection"}}],
        },
    ],
}


def policy_of(
    retention: Mapping[str, Any],
    slug: str = "alpha",
    cohorts: Sequence[Cohort] = (),
    categories: Sequence[Category] = (),
) -> Policy:
    """A policy of one service with the retention declarations of a TOML document."""
    return Policy(
        council=Council(slug=slug, name=slug.title(), nation="england", own_party=slug),
        services={
            SERVICE: ServicePolicy(
                service=msgspec.convert({"slug": SERVICE, "title": "Advice", "folder": SERVICE}, Service),
                clients=ClientDeclarations(cohorts=tuple(cohorts), categories=tuple(categories)),
                retention=msgspec.convert(retention, RetentionDeclarations),
            )
        },
    )


@dataclass
class Made:
    """Rows to put in, by table; `flush` writes them."""

    rows: dict[Any, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, table: Any, **values: Any) -> None:
        self.rows.setdefault(table, []).append(values)


class House:
    """One council of a test."""

    def __init__(self, database: Database, council_id: UUID, ledger_dir: Path) -> None:
        self.database, self.id = database, council_id
        self.ledger_dir = ledger_dir
        self.caller: Caller = command_caller(council_id, "test")
        self._made = Made()

    @property
    def clock(self) -> FixedClock:
        assert isinstance(self.database.clock, FixedClock)
        return self.database.clock

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.ledger_dir, self.id)

    def session(self) -> Any:
        return self.database.council(self.id, self.caller.actor)

    def adopt(self, retention: Mapping[str, Any] = RETENTION) -> None:
        """Adopt a policy, clock everything under it."""
        self.adopt_only(policy_of(retention))
        self.clock_all()

    def adopt_only(self, policy: Policy) -> None:
        """Adopt a policy, and leave what is stored to be clocked."""
        with self.session() as session:
            before = session.policy_hash
            if adopt(session, policy, self.clock, by="test"):  # twice where everybody is wired already: no harm
                on_policy_adopted(session, PolicyAdopted(before, policy.hash))

    def clock_all(self, limit: int = 2000) -> None:
        for subject in SUBJECTS:
            last = None
            while True:
                with self.session() as session:
                    done = clock_stale(session, subject, last, limit)
                if done is None:
                    break
                last = done.last

    def arm(self, *classes: str) -> None:
        for name in classes:
            with self.session() as session:
                seen = arming.preview(session, self.caller, f"{SERVICE}/{name}")
                arming.arm(session, self.caller, f"{SERVICE}/{name}", seen.rule_hash)

    def sweep(self, *, files: int = 1_000, told: Any = None, facade: CouncilFacade | None = None) -> RunView:
        """A whole run in this thread."""
        with self.session() as session:
            run_id = want_run(session)
            begin_run(session)
        options = {} if told is None else {"told": told}
        sweeper = Sweeper(self.database, self.id, self.ledger, facade, files=files, **options)
        while sweeper.work(run_id):
            pass
        with self.session() as session:
            return run_view(session, self.caller, run_id)

    def file(
        self,
        *records: str,
        person: UUID | None = None,
        recorded_on: date = date(2020, 1, 1),
        medium: str = "digital",
        born_on: date | None = None,
        milestones: Mapping[str, date] = {},
        enrolled: Sequence[tuple[str, date]] = (),
        values: Mapping[str, Any] | None = None,
    ) -> UUID:
        """A file with a record of each class, to be written by `flush`."""
        made, file_id, person_id = self._made, new_id(), person or new_id()
        if person is None:
            made.add(PERSON, id=person_id)
        made.add(
            FILE,
            id=file_id,
            person_id=person_id,
            service=SERVICE,
            family_name="Canary",
            name_key="canary",
            born_on=born_on,
            opened_on=recorded_on,
            source="test",
            generated=True,
        )
        for name in records:
            made.add(
                RECORD,
                id=new_id(),
                file_id=file_id,
                record_class=f"{SERVICE}/{name}",
                medium=medium,
                recorded_on=recorded_on,
                location="shelf 3" if medium == "paper" else None,
                values=dict(values or {}),
            )
        for kind, day in milestones.items():
            made.add(
                MILESTONE,
                id=new_id(),
                file_id=file_id,
                kind=kind,
                happened_on=day,
                own_act=True,
                source="test",
                noted_on=day,
            )
        for programme, day in enrolled:
            made.add(ENROLMENT, file_id=file_id, programme=programme, started_on=day)
        return file_id

    def register(self, held_on: date, *files: UUID) -> UUID:
        register_id = new_id()
        self._made.add(
            REGISTER,
            id=register_id,
            service=SERVICE,
            title="Canary course",
            held_on=held_on,
            record_class=f"{SERVICE}/attendance",
            medium="digital",
        )
        for position, file_id in enumerate(files):
            self._made.add(REGISTER_ENTRY, register_id=register_id, position=position, file_id=file_id, attended=True)
        return register_id

    def flush(self) -> None:
        """Write what was made, and clock it."""
        self.flush_only()
        self.clock_all()

    def flush_only(self) -> None:
        """Write what was made, and leave it to be clocked."""
        with self.session() as session:
            for table in (PERSON, FILE, RECORD, MILESTONE, ENROLMENT, REGISTER, REGISTER_ENTRY):
                rows = self._made.rows.get(table)
                if rows:
                    session.execute(insert(table), [{"council_id": self.id, **row} for row in rows])
        self._made = Made()

    def milestones(self, session: Any, files: Sequence[UUID], kind: str, day: date) -> None:
        """Note one milestone in each file, in the caller's transaction."""
        common = {"council_id": self.id, "kind": kind, "happened_on": day, "own_act": True, "source": "test"}
        rows = [{**common, "id": new_id(), "file_id": file_id, "noted_on": day} for file_id in files]
        session.execute(insert(MILESTONE), rows)

    def scalar(self, sql: str, **parameters: Any) -> Any:
        with self.session() as session:
            return session.scalar(text(sql), parameters)

    def all(self, sql: str, **parameters: Any) -> list[Any]:
        with self.session() as session:
            return list(session.execute(text(sql), parameters))

    def ids(self, sql: str, **parameters: Any) -> Iterable[UUID]:
        return [row[0] for row in self.all(sql, **parameters)]


def hold(house: House, scope: str, target: object, caller: Caller | None = None) -> Placed:
    new = NewHold(
        scope=scope,  # type: ignore[arg-type]  # the test's own words
        target=str(target),
        ground="a claim",
        authoriser="head of legal services",
        review_on=date(2027, 1, 1),
    )
    with house.session() as session:
        return place_hold(session, caller or house.caller, new)
