"""Pseudonymised records: nothing in them names anybody, the key lies apart, and they are kept and go like any other."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Forbidden
from muniment.clients.files import open_file
from muniment.clients.pseudonyms import file_behind, pseudonyms_of
from muniment.clients.search import Search, search
from muniment.policy.shapes import contradictions
from muniment.retention.disposal import chunk as chunks
from muniment.retention.disposal.pseudonymising import read_by
from muniment.retention.disposal.restore import recover
from muniment.retention.explain import explain
from muniment.retention.rules.compile import clocks
from muniment.wiring import wire
from tests.integration.retention.kit import RETENTION, House, hold, policy_of
from tests.integration.retention.test_actions import issued
from tests.integration.retention.test_anonymising import CATEGORIES, adopted
from tests.integration.retention.test_evidence import restored

CLOSED = date(2020, 5, 2)
VALUES = {
    name: {"v": value, "s": "client", "on": "2020-01-01", "p": ["advice"]}
    for name, value in {
        "about.sex": "f",
        "about.note": "canary-note",
        "about.ni": "canary-ni",
        "health.ill": "no",
    }.items()
}
NAMES = {"id": "names", "keep": "1 year", "from": {"event": "case-closed"}, "action": "pseudonymise"}
REST = {"id": "rest", "keep": "10 years", "from": {"event": "case-closed"}, "action": "destroy"}


def rule(*clauses: dict[str, Any], **more: Any) -> dict[str, Any]:
    first, *others = RETENTION["rule"]
    return {**RETENTION, **more, "rule": [{**first, "combine": "sequence", "clause": list(clauses)}, *others]}


@pytest.fixture
def closed(house: House) -> tuple[House, UUID]:
    """A client whose case is to be pseudonymised, and who has a letter beside."""
    wire()
    adopted(house, rule(NAMES, REST))
    file_id = house.file("case", "letter", milestones={"case-closed": CLOSED, "decision": CLOSED}, values=VALUES,
                         born_on=date(1980, 1, 1))  # fmt: skip
    house.flush()
    with house.session() as session:
        session.execute(text("update record set values = '{}' where record_class = 'advice/letter'"))
    house.arm("case")
    return house, file_id


def test_a_record_loses_its_names_and_its_file_and_keeps_its_clock(closed: tuple[House, UUID]) -> None:
    house, file_id = closed
    [before] = house.ids("select id from record where record_class = 'advice/case'")
    run = house.sweep()
    assert (run.changed, run.disposed) == (1, 0)
    [row] = house.all("select * from record where record_class = 'advice/case'")
    assert row.id != before
    assert row.file_id != file_id
    assert (row.id.version, row.file_id.version) == (4, 4), "keys that tell no time"
    assert row.values == {name: VALUES[name] for name in ("about.sex", "health.ill")}
    assert (row.due_on, row.action, row.stage) == (date(2030, 5, 2), "destroy", 1)
    [stub] = house.all("select * from client_file where pseudonymous")
    named = {name: value for name, value in stub._mapping.items() if value not in (None, "", [], False)}
    assert named.keys() == {
        "council_id",
        "id",
        "person_id",
        "service",
        "opened_on",
        "source",
        "generated",
        "pseudonymous",
    }
    assert house.all("select kind from milestone where file_id = :id", id=stub.id) == [("case-closed",)]
    [certificate] = issued(house)
    assert (certificate.action, certificate.disposed) == ("pseudonymise", 1)

    # Only the key apart leads back, and only for those who may follow it.
    with house.session() as session:
        assert [entry.id for entry in search(session, house.caller, Search(family_name="Canary")).items] == [file_id]
        assert search(session, house.caller, Search(born_on=date(1980, 1, 1))).items[0].id == file_id
        assert open_file(session, house.caller, stub.id).pseudonymous
        assert file_behind(session, house.caller, stub.id) == file_id
        assert pseudonyms_of(session, house.caller, file_id) == (stub.id,)
    reader = Caller(house.caller.actor, house.id, {Permission.READ_CLIENTS: None})
    for ask in (file_behind, pseudonyms_of):
        with pytest.raises(Forbidden), house.session() as session:
            ask(session, reader, stub.id)
    followed = house.all("select t::text from audit_event t where event = 'clients.pseudonym.followed'")
    assert len(followed) == 2
    assert not any(str(stub.id) in row[0] and str(file_id) in row[0] for row in followed), "the log is no second key"

    # It is explained, and goes when its time has come.
    with house.session() as session:
        assert explain(session, house.caller, row.id).due_on == date(2030, 5, 2)
    house.clock.move_to(date(2030, 5, 3))
    assert house.sweep().disposed == 1
    assert house.scalar("select count(*) from client_file where pseudonymous") == 0
    assert house.scalar("select count(*) from pseudonym_key") == 0
    assert list(house.ids("select id from client_file")) == [file_id]


def test_nothing_but_the_key_names_both(closed: tuple[House, UUID], superuser_engine: Engine) -> None:
    house, file_id = closed
    [before] = house.ids("select id from record where record_class = 'advice/case'")
    house.sweep()
    [after] = house.all("select id, file_id from record where record_class = 'advice/case'")
    old, new = {str(file_id), str(before)}, {str(after.id), str(after.file_id)}
    with superuser_engine.connect() as connection:
        for table in connection.scalars(text("select tablename from pg_tables where schemaname = 'public'")).all():
            for row in connection.execute(text(f"select t::text from {table} t")):
                assert table == "pseudonym_key" or not (any(k in row[0] for k in old) and any(k in row[0] for k in new))
                assert "canary-" not in row[0], table
    written = house.ledger.path.read_text()
    assert "canary-" not in written
    assert not any(key in written for key in new)


def test_without_anything_else_the_clients_file_goes_and_nobody_can_follow(house: House) -> None:
    wire()
    adopted(house, rule(NAMES, REST))
    house.file("case", milestones={"case-closed": CLOSED}, values=VALUES)
    house.flush()
    house.arm("case")
    house.sweep()
    [(pseudonymous, family_name)] = house.all("select pseudonymous, family_name from client_file")
    assert (pseudonymous, family_name) == (True, None)
    [stub] = house.ids("select id from client_file")
    with house.session() as session:
        assert file_behind(session, house.caller, stub) is None
    assert house.scalar("select due_on from record") == date(2030, 5, 2)
    house.clock_all()
    assert house.sweep().changed == 0


@pytest.mark.parametrize("scope", ["file", "person"])
def test_a_hold_on_the_client_reaches_what_was_pseudonymised(closed: tuple[House, UUID], scope: str) -> None:
    house, file_id = closed
    house.sweep()
    [person_id] = house.ids("select person_id from client_file where id = :id", id=file_id)
    placed = hold(house, scope, file_id if scope == "file" else person_id)
    assert placed.records == 2
    house.clock.move_to(date(2030, 5, 3))
    run = house.sweep()
    assert (run.disposed, run.kept) == (0, 1)


def test_a_class_of_its_own_for_what_was_pseudonymised(house: House) -> None:
    wire()
    research = {"id": "research", "title": "Research", "form": "pseudonymised"}
    retention = rule(
        {**NAMES, "into": "research", "keep_fields": ["about.note"]}, **{"class": [*RETENTION["class"], research]}
    )
    years = {"id": "years", "keep": "20 years", "from": {"event": "collection"}, "when": {"form": "pseudonymised"}}
    retention["rule"] = [*retention["rule"], {"id": "research", "classes": ["research"], "clause": [years]}]
    adopted(house, retention)
    house.file("case", milestones={"case-closed": CLOSED}, values=VALUES)
    house.flush()
    house.arm("case")
    house.sweep()
    [row] = house.all("select record_class, due_on, stage, values from record")
    assert (row.record_class, row.due_on, row.stage) == ("advice/research", date(2040, 1, 1), None)
    assert row.values.keys() == {"about.note", "about.sex", "health.ill"}


def test_after_a_restore_it_is_pseudonymised_again(closed: tuple[House, UUID], superuser_engine: Engine) -> None:
    house, file_id = closed
    with restored(house, superuser_engine):
        house.sweep()
        with superuser_engine.begin() as connection:
            connection.execute(text("delete from pseudonym_key"))
    with house.session() as session:
        recover(session, house.ledger)
    assert house.all("select values from record where file_id = :id and record_class = 'advice/case'", id=file_id) == [
        ({name: VALUES[name] for name in ("about.sex", "health.ill")},)
    ]
    assert house.sweep().changed == 1
    assert house.all("select count(*) from record where file_id = :id", id=file_id) == [(1,)]


def test_a_crash_in_the_middle_leaves_all_or_nothing(
    closed: tuple[House, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    house, file_id = closed

    def crash(*_: Any) -> None:
        raise ValueError("the worker is gone")

    with monkeypatch.context() as broken:
        broken.setattr(chunks, "_certify", crash)
        assert house.sweep().parked == 1
    assert house.scalar("select count(*) from record where file_id = :id", id=file_id) == 2
    assert house.scalar("select count(*) from pseudonym_key") == 0
    assert house.sweep().changed == 1


def test_what_a_rule_reads_is_what_is_copied() -> None:
    clauses: list[dict[str, Any]] = [
        NAMES,
        {"id": "a", "keep": "1 year", "from": {"event": "birth", "birthday": 18}, "when": {"request": True}},
        {"id": "b", "keep": "1 year", "from": {"milestone": "interview"}, "when": {"never": {"milestone": "appeal"}}},
        {"id": "c", "keep": "1 year", "from": {"event": "programme-end"}},
    ]
    policy = policy_of(rule(*clauses), categories=CATEGORIES)
    assert list(contradictions(policy)) == []
    read = read_by(clocks(policy)["advice/case"])
    assert {"case-closed", "request", "interview", "appeal"} <= read.milestones
    assert (read.birth, read.programmes) == (True, True)
    plain = read_by(clocks(policy_of(rule(NAMES, REST)))["advice/case"])
    assert plain.milestones == {"case-closed"}
    assert (plain.birth, plain.programmes) == (False, False)
