"""What the clocks of a few records come to while rules change: a plain model, and the steps that shake it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from muniment.api.retention import RetentionDeclarations
from muniment.clients.facts import PROGRAMME_FACT, RECORD
from muniment.clients.locks import lock_files, tell
from muniment.database.session import CouncilSession
from muniment.database.signals import ProgrammeChanged, files_changed
from muniment.retention.clocks.current import on_files_changed, on_programme_changed, unset
from muniment.retention.clocks.recomputing import clock_stale
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.rules.clocked import is_clocked
from muniment.retention.subjects import RECORDS
from tests.integration.retention.kit import SERVICE, House, policy_of
from tests.integration.retention.reference import Answer, History, expected

CASE = f"{SERVICE}/case"
RECORDED = date(2015, 5, 5)
FILES = 7


def rule(*clauses: dict[str, Any], **parts: Any) -> dict[str, Any]:
    named = [{"id": f"c{place}", **clause} for place, clause in enumerate(clauses)]
    return {
        "class": [{"id": "case", "title": "Cases"}],
        "rule": [{"id": "r", "classes": ["case"], "clause": named, **parts}],
    }


CLOSED = {"keep": "3 years", "from": {"event": "case-closed"}}
ENDED = {"keep": "4 years", "from": {"event": "programme-end", "programme": "bridge"}}
POLICIES: list[dict[str, Any]] = [
    rule(CLOSED),
    rule(CLOSED, id="the-same"),
    rule(CLOSED | {"keep": "5 years"}),
    rule(CLOSED, ENDED, combine="earliest"),
    rule(CLOSED, {"keep": "9 years", "from": {"event": "collection"}}, combine="earliest"),
    rule(CLOSED | {"action": "review"}),
    rule(CLOSED, {"keep": "permanent", "when": {"milestone": "death"}}),
    {"class": [{"id": "other", "title": "Another class alone"}]},
]


class Killed(RuntimeError):
    """The process was killed in the middle of a transaction."""


@dataclass
class Model:
    """What is in the database, as plain as can be."""

    house: House
    files: list[UUID] = field(default_factory=list)
    histories: dict[UUID, History] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)
    ended: dict[str, date] = field(default_factory=dict)
    place: UUID | None = None

    def answer(self, file_id: UUID) -> Answer:
        declared = msgspec.convert(self.policy, RetentionDeclarations)
        if all(entry.id != "case" for entry in declared.classes):
            return Answer("unclocked")
        history = self.histories[file_id]
        history.ended = self.ended
        return expected(declared, "case", history)

    def adopt(self, number: int) -> None:
        self.policy = POLICIES[number]
        self.house.adopt_only(policy_of(self.policy))

    def chunk(self, limit: int, *, killed: bool = False) -> bool:
        """A chunk of a pass, perhaps with the worker killed before it is committed; whether there may be more."""
        place, self.place = self.place, None
        with suppress(Killed), self.house.session() as session:
            done = clock_stale(session, RECORDS, place, limit)
            if killed:
                raise Killed
            self.place = None if done is None else done.last
        return self.place is not None

    def note(self, file: int, day: date, *, kind: str = "case-closed", many: bool = False) -> None:
        with self.house.session() as session:
            self._note(session, self.files[file], day, kind, many=many)

    def note_late(self, file: int, day: date, number: int, chunks: int) -> None:
        """A change whose transaction began under the policy before, and which goes on when another is in force."""
        with self.house.session() as session:
            session.execute(text("select 1"))
            self.adopt(number)
            for _ in range(chunks):
                self.chunk(FILES)
            self._note(session, self.files[file], day, "case-closed")

    def _note(self, session: CouncilSession, file_id: UUID, day: date, kind: str, *, many: bool = False) -> None:
        if (kind, day, True, "client") in self.histories[file_id].milestones:
            return
        lock_files(session, [file_id])
        self.house.milestones(session, [file_id], kind, day)
        if many:  # as for more files than are clocked at once
            unset(session, RECORDS, with_ids(session, [file_id], "file_id"))
        else:
            tell(session, [file_id], "milestone")
        self.histories[file_id].milestones.append((kind, day, True, "client"))

    def end(self, day: date, late: int | None = None) -> None:
        """The programme ends; `late`: in a transaction that began before another policy was adopted and clocked."""
        with self.house.session() as session:
            session.execute(text("select 1"))
            if late is not None:
                self.adopt(late)
                self.finish()
            stated = insert(PROGRAMME_FACT).values(
                council_id=self.house.id, programme="bridge", kind="ended", happened_on=day
            )
            session.execute(
                stated.on_conflict_do_update(
                    index_elements=["council_id", "programme", "kind"], set_={"happened_on": day}
                )
            )
            on_programme_changed(session, ProgrammeChanged("bridge"))
        self.ended = {"bridge": day}

    def add(self) -> None:
        file_id = self.house.file("case", recorded_on=RECORDED)
        self.house.flush_only()
        self.files.append(file_id)
        self.histories[file_id] = History(RECORDED)

    def finish(self) -> None:
        self.place = None
        while self.chunk(3):
            pass

    def check(self, *, done: bool = False) -> None:
        """What counts as clocked is as the reference says; when all passes are done, that is everything."""
        with self.house.session() as session:
            columns = RECORD.c.file_id, RECORD.c.state, RECORD.c.due_on, RECORD.c.action, RECORD.c.review_on
            rows = session.execute(select(*columns).where(is_clocked(session, RECORDS))).all()
        for row in rows:
            assert tuple(row[1:]) == self.answer(row.file_id)
        if done:
            assert {row.file_id for row in rows} == set(self.files)


days = st.sampled_from([date(2019, 3, 1), date(2022, 6, 30), date(2024, 2, 29)])
files = st.integers(0, FILES - 1)
numbers = st.integers(0, len(POLICIES) - 1)
limits = st.integers(1, FILES)
steps = st.one_of(
    st.tuples(st.just("adopt"), numbers),
    st.tuples(st.just("adopt"), numbers),
    st.tuples(st.just("chunk"), limits),
    st.tuples(st.just("chunk"), limits),
    st.tuples(st.just("killed"), limits),
    st.tuples(st.just("finish")),
    st.tuples(st.just("note"), files, days),
    st.tuples(st.just("dead"), files, days),
    st.tuples(st.just("many"), files, days),
    st.tuples(st.just("late"), files, days, numbers, st.integers(0, 3)),
    st.tuples(st.just("end"), days),
    st.tuples(st.just("end-late"), days, numbers),
    st.tuples(st.just("add")),
)


def take(model: Model, step: tuple[Any, ...]) -> None:
    match step:
        case ("adopt", number):
            model.adopt(number)
        case ("chunk", limit):
            model.chunk(limit)
        case ("killed", limit):
            model.chunk(limit, killed=True)
        case ("finish",):
            model.finish()
        case ("note", file, day):
            model.note(file, day)
        case ("dead", file, day):
            model.note(file, day, kind="death")
        case ("many", file, day):
            model.note(file, day, many=True)
        case ("late", file, day, number, chunks):
            model.note_late(file, day, number, chunks)
        case ("end", day):
            model.end(day)
        case ("end-late", day, number):
            model.end(day, number)
        case ("add",):
            model.add()


def begin(house: House) -> Model:
    files_changed.subscribe(on_files_changed)
    with house.session() as session:
        for table in ("record", "milestone", "client_file", "person", "programme_fact", "reclocking"):
            session.execute(text(f"delete from {table}"))  # the names above
    model = Model(house)
    for place in range(FILES):
        milestones = {"case-closed": date(2020, 1, place + 1)} if place else {}
        file_id = house.file("case", recorded_on=RECORDED, milestones=milestones)
        model.files.append(file_id)
        model.histories[file_id] = History(
            RECORDED, milestones=[(kind, day, True, "client") for kind, day in milestones.items()]
        )
    house.flush_only()
    model.adopt(0)
    model.finish()
    model.check(done=True)
    return model


def walk(house: House, taken: list[tuple[Any, ...]]) -> None:
    model = begin(house)
    for step in taken:
        take(model, step)
        model.check()
    model.finish()
    model.check(done=True)
