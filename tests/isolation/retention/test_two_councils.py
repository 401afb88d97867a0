"""Two councils with the same rules and the same records due: nothing of retention shows, holds, moves or disposes of
anything of the other's.

Each council's rows have keys of their own, so that what is given another council's key must say that there is no such
thing, in the words it uses for a key that nobody has.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from muniment.api.errors import NotFound
from muniment.clock import FixedClock
from muniment.database.ids import random_id
from muniment.database.session import CouncilSession, Database
from muniment.retention.approval import arming
from muniment.retention.clocks.planning import foresee
from muniment.retention.disposal.confirming import confirm
from muniment.retention.disposal.destruction import awaiting
from muniment.retention.disposal.outcomes import accept_lost, not_found, still_needed
from muniment.retention.disposal.restore import Repeated, RestoreCheck, apply_again, forgotten, settle
from muniment.retention.disposal.sweep import run_view, runs
from muniment.retention.evidence.certificates import certificates
from muniment.retention.evidence.proving import certificate_document
from muniment.retention.explain import explain, explain_file
from muniment.retention.holds.placing import NewHold, Placed, Scope, holds, place_hold, release_hold
from muniment.settings import Settings
from tests.integration.retention.kit import House, hold, policy_of

LONG_AGO = date(2019, 3, 1)
CASE = "advice/case"
TABLES = ("arming", "awaiting", "certificate", "client_file", "confirmation", "disposal", "hold", "milestone", "parked",
          "person", "record", "register", "sweep_run")  # fmt: skip


@pytest.fixture
def houses(
    database: Database, councils: tuple[UUID, UUID], clock: FixedClock, settings: Settings
) -> tuple[House, House]:
    """Ours and theirs, each with two cases and a paper letter that are due, and their rules armed."""
    database.clock = clock
    ours, theirs = (House(database, council_id, settings.ledger_dir) for council_id in councils)
    for house in (ours, theirs):
        house.adopt()
        for _ in range(2):
            house.file("case", milestones={"case-closed": LONG_AGO}, enrolled=[("bridge", LONG_AGO)])
        house.file("letter", medium="paper", recorded_on=LONG_AGO)
        house.flush()
        house.arm("case", "letter")
    return ours, theirs


def content(house: House) -> dict[str, list[Any]]:
    return {table: house.all(f"select * from {table} order by 1, 2") for table in TABLES}


def test_a_sweep_leaves_the_others_due_records_alone(houses: tuple[House, House]) -> None:
    ours, theirs = houses
    before = content(theirs)
    run = ours.sweep()
    assert (run.disposed, run.awaited) == (2, 1)
    assert content(theirs) == before
    assert theirs.ledger.chunks() == {}


KEYED = ("record", "certificate", "sweep_run", "hold", "client_file", "person")
Asked = Callable[[CouncilSession, House, dict[str, UUID]], object]


def held_by_key(session: CouncilSession, ours: House, scope: Scope, key: UUID) -> Placed:
    new = NewHold(scope=scope, target=str(key), ground="a claim", authoriser="counsel", review_on=date(2027, 1, 1))
    return place_hold(session, ours.caller, new)


WITH_THEIR_KEY: dict[str, Asked] = {
    "explain": lambda session, ours, keys: explain(session, ours.caller, keys["record"]),
    "certificate": lambda session, ours, keys: certificate_document(session, ours.caller, keys["certificate"]),
    "run": lambda session, ours, keys: run_view(session, ours.caller, keys["sweep_run"]),
    "release": lambda session, ours, keys: release_hold(session, ours.caller, keys["hold"], "over"),
    "confirm": lambda session, ours, keys: confirm(
        session, ours.caller, ours.ledger, [keys["awaiting"]], destroyed_on=LONG_AGO, method="shredded"
    ),
    "not found": lambda session, ours, keys: not_found(
        session, ours.caller, ours.ledger, [keys["awaiting"]], searched_on=LONG_AGO
    ),
    "lost": lambda session, ours, keys: accept_lost(
        session, ours.caller, ours.ledger, [keys["awaiting"]], reason="flooded"
    ),
    "still needed": lambda session, ours, keys: still_needed(
        session,
        ours.caller,
        ours.ledger,
        [keys["awaiting"]],
        basis="other",
        ground="a claim",
        authoriser="a role",
        review_on=date(2027, 1, 1),
    ),
    "hold file": lambda session, ours, keys: held_by_key(session, ours, "file", keys["client_file"]),
    "hold person": lambda session, ours, keys: held_by_key(session, ours, "person", keys["person"]),
    "hold record": lambda session, ours, keys: held_by_key(session, ours, "record", keys["record"]),
}


def test_their_keys_are_keys_of_nothing_here(houses: tuple[House, House], subtests: pytest.Subtests) -> None:
    ours, theirs = houses
    theirs.sweep()
    theirs.file("case")
    theirs.flush()
    hold(theirs, "class", CASE)
    columns = {"awaiting": "record_id"}
    tables = ("record", "certificate", "sweep_run", "hold", "awaiting", "client_file", "person")
    keys = {
        table: theirs.scalar(f"select {columns.get(table, 'id')} from {table} order by 1 limit 1") for table in tables
    }
    before = content(theirs)
    for name, asked in WITH_THEIR_KEY.items():
        with subtests.test(asked=name):
            said = []
            for given in (keys, dict.fromkeys(keys, random_id())):
                with pytest.raises(NotFound) as refused, ours.session() as session:
                    asked(session, ours, given)
                said.append(str(refused.value))
            assert said[0] == said[1]
            assert content(theirs) == before


def test_lists_show_nothing_of_theirs(houses: tuple[House, House]) -> None:
    ours, theirs = houses
    theirs.sweep()
    hold(theirs, "class", CASE)
    file_id = theirs.file("case")
    theirs.flush()
    with ours.session() as session:
        assert certificates(session, ours.caller) == ()
        assert runs(session, ours.caller) == ()
        assert holds(session, ours.caller) == ()
        assert awaiting(session, ours.caller) == ()
        assert explain_file(session, ours.caller, file_id) == ()
        (seen,) = (preview for preview in arming.previews(session, ours.caller) if preview.record_class == CASE)
        assert (seen.stored, seen.due) == (2, 2)
        found = foresee(session, policy_of({"class": [{"id": "case", "title": "Cases"}]}))
        assert {entry.record_class: entry.records for entry in found.moved} == {CASE: 2, "advice/letter": 1}


@pytest.mark.parametrize("scope", ["class", "programme"])
def test_a_hold_by_name_holds_here_alone(houses: tuple[House, House], scope: str) -> None:
    ours, theirs = houses
    hold(theirs, scope, CASE if scope == "class" else "bridge")
    assert ours.sweep().disposed == 2


def test_disarming_here_disarms_nothing_there(houses: tuple[House, House]) -> None:
    ours, theirs = houses
    with ours.session() as session:
        arming.disarm(session, ours.caller, CASE)
    assert ours.sweep().disposed == 0
    assert theirs.sweep().disposed == 2


def test_their_ledger_is_nothing_to_settle_or_to_apply_here(houses: tuple[House, House]) -> None:
    ours, theirs = houses
    theirs.sweep()
    before = content(ours)
    with ours.session() as session:
        assert (settle(session, ours.ledger), apply_again(session, ours.ledger)) == (0, Repeated())
        assert forgotten(session, ours.ledger) == []
    assert content(ours) == before
    RestoreCheck(ours.database, ours.ledger_dir)()
