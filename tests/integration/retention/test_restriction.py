"""Records that a rule keeps out of use: not shown, not searched, not matched, not changed; opened on purpose alone."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, Forbidden, InvalidInput, NotFound
from muniment.clients.attachments import attachments
from muniment.clients.files import open_file
from muniment.clients.importing.known import Memory, find_known
from muniment.clients.records import change_values
from muniment.clients.search import Search, search
from muniment.clients.use import read_restricted, reinstate
from muniment.database.session import Actor
from muniment.retention.explain import explain, explain_file
from muniment.retention.holds.placing import NewHold, place_hold
from tests.integration.retention.kit import House, hold
from tests.integration.retention.test_actions import DESTROY, VALUES, issued, with_rule

CLOSED = date(2020, 5, 2)
RESTRICT = {"id": "aside", "keep": "1 year", "from": {"event": "case-closed"}, "action": "restrict"}
STORED = {name: {**entry, "s": "test", "on": "2020-01-01", "p": []} for name, entry in VALUES.items()}


@pytest.fixture
def adviser(house: House) -> Caller:
    every = dict.fromkeys((Permission.READ_CLIENTS, Permission.WRITE_CLIENTS, Permission.READ_RETENTION))
    return Caller(Actor("staff", None, "adviser"), house.id, every)


def found(house: House, caller: Caller) -> int:
    with house.session() as session:
        return len(search(session, caller, Search(family_name="Canary")).items)


def test_what_is_kept_out_of_use_is_used_by_nobody_and_goes_when_its_rule_says(house: House, adviser: Caller) -> None:
    house.adopt(with_rule(RESTRICT, DESTROY, combine="sequence"))
    alone = house.file("case", milestones={"case-closed": CLOSED}, values=STORED)
    both = house.file("case", "letter", milestones={"case-closed": CLOSED}, values=STORED)
    house.flush()
    assert found(house, adviser) == 2
    house.arm("case")
    assert (run := house.sweep()).changed == 2
    assert run.disposed == 0
    assert house.all(
        "select distinct restricted_on, due_on, action from record where record_class = 'advice/case'"
    ) == [(house.clock.today(), date(2030, 5, 2), "destroy")]
    [certificate] = issued(house)
    assert (certificate.action, certificate.disposed) == ("restrict", 2)
    assert "kept out of use" in certificate.method

    # Not searched (a file of which nothing else is left), not shown, not matched, not explained, not changed.
    assert found(house, adviser) == 1
    with house.session() as session:
        assert open_file(session, adviser, alone).records == []
        [letter] = open_file(session, adviser, both).records
        assert letter.record_class == "advice/letter"
        assert attachments(session, adviser, alone) == ()
        assert explain_file(session, adviser, alone) == ()
        memories = {str(key): Memory(b"", key, frozenset()) for key in (alone, both)}
        known = find_known(session, "test", memories)
    assert list(known) == [str(both)]
    [record_id] = house.ids("select id from record where file_id = :alone", alone=alone)
    with pytest.raises(NotFound), house.session() as session:
        explain(session, adviser, record_id)
    with pytest.raises(Forbidden), house.session() as session:
        read_restricted(session, adviser, alone)
    with pytest.raises(Forbidden), house.session() as session:
        reinstate(session, adviser, alone, record_id)
    no_context: Any = None  # it is refused before anything is asked of the policy
    with pytest.raises(Conflict), house.session() as session:
        change_values(session, adviser, no_context, alone, record_id, {"payments.account": None})

    # Whoever may opens it, and leaves a trace; it is held like any other; and goes when its time has come.
    with house.session() as session:
        [record] = read_restricted(session, house.caller, alone)
        assert record.values["payments.account"].value == "canary-4711"
        assert explain(session, house.caller, record_id).due_on == date(2030, 5, 2)
    assert house.scalar("select count(*) from audit_event where event = 'clients.restricted.read'") == 1
    house.clock.move_to(date(2030, 5, 3))
    hold_until(house, alone)
    assert (run := house.sweep()).disposed == 1
    assert run.kept == 1
    assert house.scalar("select count(*) from record where id = :id", id=record_id) == 1


def test_a_record_that_is_put_back_stays_in_use(house: House, adviser: Caller) -> None:
    house.adopt(with_rule(RESTRICT, DESTROY, combine="sequence"))
    file_id = house.file("case", milestones={"case-closed": CLOSED}, values=STORED)
    house.flush()
    house.arm("case")
    house.sweep()
    [record_id] = house.ids("select id from record")
    with house.session() as session:
        reinstate(session, house.caller, file_id, record_id)
    with pytest.raises(InvalidInput), house.session() as session:
        reinstate(session, house.caller, file_id, record_id)
    house.clock_all()
    assert house.sweep().changed == 0
    assert found(house, adviser) == 1
    assert house.scalar("select due_on from record") == date(2030, 5, 2)
    assert house.scalar("select count(*) from audit_event where event = 'clients.record.reinstated'") == 1


def test_what_is_held_stays_in_use(house: House) -> None:
    house.adopt(with_rule(RESTRICT, DESTROY, combine="sequence"))
    file_id = house.file("case", milestones={"case-closed": CLOSED})
    house.flush()
    house.arm("case")
    hold(house, "file", file_id)
    assert (run := house.sweep()).changed == 0
    assert run.kept == 1


def hold_until(house: House, file_id: UUID) -> None:
    new = NewHold(scope="file", target=str(file_id), ground="a claim", authoriser="legal", review_on=date(2031, 1, 1))
    with house.session() as session:
        place_hold(session, house.caller, new)
