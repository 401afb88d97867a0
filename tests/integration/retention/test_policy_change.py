"""Rules come and go while facts change and passes are cut off: what a sweep may take is what the rule in force says.

The yardstick is the plain reference, asked about every record after every step.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from muniment.api.retention import RetentionDeclarations
from muniment.clients.facts import PROGRAMME_FACT, RECORD
from muniment.clients.locks import lock_files, tell
from muniment.database.session import CouncilSession
from muniment.database.signals import ProgrammeChanged, files_changed
from muniment.policy.store import adopt
from muniment.retention.clocks.current import on_files_changed, on_programme_changed, unset
from muniment.retention.clocks.progress import Progress, progress
from muniment.retention.clocks.recomputing import clock_stale
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.rules.clocked import is_clocked
from muniment.retention.rules.compile import clocks
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


EXAMPLES = settings(
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@given(taken=st.lists(steps, min_size=3, max_size=8))
@example(taken=[("adopt", 1), ("chunk", 7), ("late", 1, date(2024, 2, 29), 4, 2), ("adopt", 0)])
@example(taken=[("late", 6, date(2024, 2, 29), 2, 2), ("finish",)])
@example(taken=[("late", 6, date(2024, 2, 29), 1, 2), ("finish",)])
@example(
    taken=[
        ("adopt", 3),
        ("note", 1, date(2022, 6, 30)),
        ("finish",),
        ("adopt", 0),
        ("finish",),
        ("end", date(2019, 3, 1)),
        ("adopt", 3),
    ]
)
@example(taken=[("end-late", date(2019, 3, 1), 3)])
@example(
    taken=[
        ("adopt", 1),
        ("chunk", 4),
        ("adopt", 6),
        ("dead", 1, date(2022, 6, 30)),
        ("note", 6, date(2022, 6, 30)),
        ("adopt", 1),
        ("finish",),
    ]
)
@settings(parent=EXAMPLES, max_examples=5)
def test_whatever_comes_between_only_what_the_rule_in_force_says_counts_as_clocked(
    house: House, taken: list[tuple[Any, ...]]
) -> None:
    walk(house, taken)


@pytest.mark.slow
@given(taken=st.lists(steps, min_size=5, max_size=40))
@settings(parent=EXAMPLES, max_examples=60)
def test_whatever_comes_between_at_length(house: House, taken: list[tuple[Any, ...]]) -> None:
    walk(house, taken)


def test_rows_whose_day_stays_are_not_written_and_count_once_every_row_was_looked_at(house: House) -> None:
    model = begin(house)
    written = "select id, ctid::text, rule_hash from record order by id"
    before = house.all(written)
    model.adopt(1)
    model.chunk(4)
    assert (seen(house), clocked(house)) == (Progress(CASE, 4, FILES), 0)
    model.chunk(2, killed=True)
    model.place = None  # another worker
    model.chunk(2)
    assert (seen(house), clocked(house)) == (Progress(CASE, 6, FILES), 0)
    model.finish()
    assert (seen(house), clocked(house)) == (Progress(CASE, FILES, FILES), FILES)
    assert house.all(written) == before
    house.arm("case")
    assert house.sweep().disposed == sum(model.answer(file).due_on is not None for file in model.files)


def test_a_rule_that_moves_some_days_writes_those_alone(house: House) -> None:
    model = begin(house)
    model.note(1, date(2024, 2, 29))  # nine years from 2015 come first
    written = "select file_id, ctid::text from record"
    before = dict(house.all(written))
    model.adopt(4)
    model.finish()
    after = dict(house.all(written))
    moved = {file for file in model.files if before[file] != after[file]}
    assert moved == {model.files[0], model.files[1]}
    model.check(done=True)


def test_what_a_reviewer_decides_about_is_written_under_each_rule(house: House) -> None:
    model = begin(house)
    model.adopt(5)
    model.finish()
    again = rule(CLOSED | {"action": "review"}, id="the-same-review")
    model.policy = again
    house.adopt_only(policy_of(again))
    model.finish()
    model.check(done=True)
    with house.session() as session:
        under = select(RECORD.c.rule_hash).where(RECORD.c.action == "review").distinct()
        assert session.scalars(under).all() == [clocks(policy_of(again))[CASE].hash]


def clocked(house: House) -> int:
    with house.session() as session:
        counted = select(func.count()).select_from(RECORD).where(is_clocked(session, RECORDS))
        return int(session.scalar(counted) or 0)


def seen(house: House) -> Progress:
    with house.session() as session:
        (found,) = progress(session, house.caller)
    return found


def test_two_workers_share_a_pass(house: House) -> None:
    model = begin(house)
    model.adopt(1)
    for _ in range(2):
        with house.session() as session:
            clock_stale(session, RECORDS, None, 2)
    with house.session() as session:
        assert adopt(session, policy_of(POLICIES[1]), house.clock, by="test") is False
    assert seen(house) == Progress(CASE, 4, FILES)
