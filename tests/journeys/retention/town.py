"""Two councils full of generated records, and whether all that should be gone is gone, once, and proved to the row."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, text

from muniment.database.packed import Keys
from muniment.policy.store import adopt
from muniment.retention.clocks.current import unset
from muniment.retention.disposal.sweep import want_run
from muniment.retention.evidence.certificates import merkle_root
from muniment.retention.holds.placing import NewHold, place_hold
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.subjects import RECORDS
from tests.integration.retention.kit import RETENTION, House, policy_of

LONG_AGO, LATELY = date(2020, 1, 1), date(2026, 6, 1)
RECORD_CLASSES = ("advice/case", "advice/letter")
GONE = text("select sum(disposed + awaited) from sweep_run where council_id = :council_id")
ON_PAPER = text("update record set medium = 'paper', location = 'shelf 3' where record_class = :letters")


@dataclass
class Street:
    """One council with due and other records, and what holds have kept of them.

    A file has one case, and every fifth a letter on paper beside it. Of every ten files the cases of seven are due, and
    all letters are.
    """

    house: House
    slug: str
    watcher: Engine
    """The database as the superuser: asked several times a second how far the sweep is, it says so at little cost."""
    classes: dict[UUID, str] = field(default_factory=dict)
    written: dict[UUID, str] = field(default_factory=dict)
    """Each record as it was in the beginning, all columns."""
    files: dict[UUID, UUID] = field(default_factory=dict)
    """The file of each record, as it was in the beginning."""
    due: set[UUID] = field(default_factory=set)
    kept: dict[UUID, set[UUID]] = field(default_factory=dict)
    """By held file, the records that were there when its hold was committed."""

    def fill(self, records: int) -> None:
        """Adopt a policy, write so many records, clock them and arm the rules."""
        house = self.house
        with house.session() as session:
            adopt(session, policy_of(RETENTION, slug=self.slug), house.clock, by="test")
        number = 0
        while records > 0:
            closed = LATELY if number % 10 >= 7 else date(2020, 1 + number % 12, 1 + number % 28)
            names = ["case", "letter"] if number % 5 == 0 else ["case"]
            house.file(*names, recorded_on=LONG_AGO, milestones={"case-closed": closed})
            records, number = records - len(names), number + 1
        house.flush()
        with house.session() as session:
            session.execute(ON_PAPER, {"letters": RECORD_CLASSES[1]})
        house.arm("case", "letter")
        for row in house.all("select id, file_id, record_class, due_on, record::text as whole from record"):
            self.classes[row.id], self.files[row.id], self.written[row.id] = row.record_class, row.file_id, row.whole
            if row.due_on is not None and row.due_on < house.clock.today():
                self.due.add(row.id)

    def hold(self, file_id: UUID) -> None:
        """Hold a file, and note what is left of it at the moment of the commit. Raises `NotFound` if nothing is."""
        new = NewHold(
            scope="file",
            target=str(file_id),
            ground="a claim",
            authoriser="head of legal services",
            review_on=date(2027, 1, 1),
        )
        with self.house.session() as session:
            place_hold(session, self.house.caller, new)
            left = session.scalars(
                text("select id from record where file_id = :id and disposal is null"), {"id": file_id}
            )
            self.kept[file_id] = set(left)

    def disturb(self, chance: random.Random, files: int) -> None:
        """Something that rules read has changed for many files at once: their records are to be clocked anew."""
        there = sorted(self.house.ids("select distinct file_id from record where disposal is null"))
        with self.house.session() as session:
            which = with_ids(session, chance.sample(there, min(files, len(there))), "file_id")
            unset(session, RECORDS, which)

    def want_sweep(self) -> None:
        with self.house.session() as session:
            want_run(session)

    @property
    def gone(self) -> int:
        """Records disposed of by now, those on paper too."""
        with self.watcher.connect() as connection:
            return int(connection.scalar(GONE, {"council_id": self.house.id}) or 0)

    @property
    def at_rest(self) -> bool:
        """Whether nothing is left to clock, to sweep, to settle or to seal."""
        busy = self.house.scalar(
            "select (select count(*) from record where rule_hash is null and disposal is null)"
            " + (select count(*) from sweep_run where state <> 'done') + (select count(*) from audit_unsealed)"
        )
        return not busy and not any(chunk.is_open for chunk in self.house.ledger.chunks().values())

    def check(self) -> None:
        """Every due record is gone once, every other one is as it was, and all evidence says so to the row."""
        house = self.house
        held = set().union(*self.kept.values())
        should_go = self.due - held
        left = {
            row.id: row.whole for row in house.all("select id, r::text as whole from record r where disposal is null")
        }
        assert set(left) == set(self.classes) - should_go
        assert left == {key: self.written[key] for key in left}, "what is kept is not as it was"
        emptied = set(house.ids("select id from record where disposal is not null"))
        assert emptied == {key for key in should_go if self.classes[key] == RECORD_CLASSES[1]}
        assert emptied == set(house.ids("select record_id from awaiting"))
        stubs = set(house.ids("select id from client_file"))
        assert stubs == {self.files[key] for key in left}
        self._check_evidence(should_go, emptied, set(self.files.values()) - stubs)

    def _check_evidence(self, should_go: set[UUID], emptied: set[UUID], stubs_gone: set[UUID]) -> None:
        house, chunks = self.house, self.house.ledger.chunks()
        done = {key: chunk.intent for key, chunk in chunks.items() if "done" in chunk.steps}
        assert set(done) == set(house.ids("select id from disposal")), "ledger and database know other chunks"
        assert once(key for line in done.values() for key in line.gone.get("record", ())) == should_go - emptied
        assert once(key for line in done.values() for key in line.emptied.get("record", ())) == emptied
        assert once(key for line in done.values() for key in line.gone.get("client_file", ())) == stubs_gone
        certificates = house.all("select id, disposal_id, record_class, disposed, awaited, root from certificate")
        expected: Counter[Any] = Counter()
        for key, line in done.items():
            for record_class in RECORD_CLASSES:
                here = [k for k in line.gone.get("record", ()) if self.classes[k] == record_class]
                elsewhere = [k for k in line.emptied.get("record", ()) if self.classes[k] == record_class]
                if here or elsewhere:
                    root = merkle_root(Keys.of([*here, *elsewhere]))
                    expected[key, record_class, len(here), len(elsewhere), root] += 1
        assert Counter((c.disposal_id, c.record_class, c.disposed, c.awaited, bytes(c.root)) for c in certificates) == (
            expected
        )
        for event, subjects in {
            "retention.certificate.issued": [row.id for row in certificates],
            "retention.file.disposed": [key for key, line in done.items() if line.gone or line.emptied],
        }.items():
            told = house.ids("select subject from audit_event where event = :event", event=event)
            counted = Counter(told), Counter(subjects)
            assert counted[0] == counted[1], (event, counted[0] - counted[1], counted[1] - counted[0])
        assert self.gone == len(should_go)
        assert house.scalar("select count(*) from parked") == 0


def once(keys: Any) -> set[UUID]:
    """The keys, of which none may be there twice."""
    counted = Counter(keys)
    assert not [key for key, count in counted.items() if count > 1], "disposed of twice"
    return set(counted)
