"""Records that stay: redacted once, or moved to another class, and then kept as the rest of their rule says."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from muniment.api.errors import InvalidInput, NotFound
from muniment.retention.clocks.fulfilling import fulfil, unfulfilled
from muniment.retention.disposal import changing
from muniment.retention.disposal.restore import recover
from muniment.retention.evidence.certificates import CertificateView, certificates
from tests.integration.retention.kit import RETENTION, House, hold

CLOSED = date(2020, 5, 2)
VALUES = {"payments.account": {"v": "canary-4711"}, "payments.amount": {"v": "12.50"}}


def with_rule(
    *clauses: dict[str, Any], combine: str = "longest", classes: tuple[str, ...] = ("case",)
) -> dict[str, Any]:
    _, *others = RETENTION["rule"]
    rule = {"id": "case", "classes": list(classes), "combine": combine, "clause": list(clauses)}
    return {**RETENTION, "rule": [rule, *others]}


REDACT = {"id": "redact", "keep": "1 year", "from": {"event": "case-closed"}, "action": "redact",
          "redact": ["payments.account"]}  # fmt: skip
DESTROY = {"id": "destroy", "keep": "10 years", "from": {"event": "case-closed"}}
MOVE = {"id": "move", "keep": "1 year", "from": {"event": "case-closed"}, "action": "transfer", "into": "letter"}


def issued(house: House) -> list[CertificateView]:
    with house.session() as session:
        return list(certificates(session, house.caller))


@pytest.mark.parametrize("combine", ["earliest", "sequence"])
def test_a_record_is_redacted_once_and_then_kept_as_the_rest_of_its_rule_says(house: House, combine: str) -> None:
    house.adopt(with_rule(REDACT, DESTROY, combine=combine))
    for _ in range(2):
        house.file("case", milestones={"case-closed": CLOSED}, values=VALUES)
    young = house.file("case", milestones={"case-closed": date(2026, 5, 2)}, values=VALUES)
    house.flush()
    house.arm("case")
    run = house.sweep()
    assert (run.disposed, run.changed) == (0, 2)
    assert house.all("select distinct values, corrected, due_on, action from record where file_id != :young",
                     young=young) == [
        ({"payments.amount": {"v": "12.50"}}, ["payments.account"], date(2030, 5, 2), "destroy")
    ]  # fmt: skip
    assert house.scalar("select values ? 'payments.account' from record where file_id = :young", young=young)
    [found] = issued(house)
    assert (found.action, found.disposed, found.kept) == ("redact", 2, 0)
    assert "values deleted" in found.method
    again = house.sweep()
    assert (again.changed, again.chunks, len(issued(house))) == (0, 0, 1)
    house.clock.move_to(date(2030, 5, 3))
    assert house.sweep().disposed == 2


def test_every_value_of_every_record_that_a_redaction_names_goes(house: House) -> None:
    named = ["payments.account", "payments.holder", "people.name"]
    house.adopt(with_rule({**REDACT, "redact": named}, DESTROY, combine="earliest"))
    for number in range(4):
        values = {name: {"v": f"canary-{number}"} for name in named[number % 2 :]}
        house.file("case", milestones={"case-closed": CLOSED}, values={**values, "payments.amount": {"v": "1.00"}})
    house.flush()
    house.arm("case")
    assert house.sweep().changed == 4
    assert house.all("select values, corrected from record") == [({"payments.amount": {"v": "1.00"}}, named)] * 4


def test_a_clause_that_was_carried_out_stays_so_when_facts_change(house: House) -> None:
    house.adopt(with_rule(REDACT, DESTROY, combine="earliest"))
    house.file("case", milestones={"case-closed": CLOSED}, values=VALUES)
    house.flush()
    house.arm("case")
    house.sweep()
    with house.session() as session:
        session.execute(text("update record set rule_hash = null"))
    house.clock_all()
    assert house.all("select action, due_on from record") == [("destroy", date(2030, 5, 2))]


def test_what_is_held_is_not_redacted(house: House) -> None:
    house.adopt(with_rule(REDACT, combine="sequence"))
    file_id = house.file("case", milestones={"case-closed": CLOSED}, values=VALUES)
    house.flush()
    house.arm("case")
    hold(house, "file", file_id)
    run = house.sweep()
    assert (run.changed, run.kept) == (0, 1)
    assert house.scalar("select values ? 'payments.account' from record")


def test_a_restore_does_not_bring_back_what_was_redacted(house: House) -> None:
    house.adopt(with_rule(REDACT, DESTROY, combine="sequence"))
    house.file("case", milestones={"case-closed": CLOSED}, values=VALUES)
    house.flush()
    house.arm("case")
    house.sweep()
    assert "canary-4711" not in house.ledger.path.read_text()
    with house.session() as session:  # what a restored backup would look like
        session.execute(
            text("delete from disposal where not exists (select from certificate c where c.disposal_id = disposal.id)")
        )
        session.execute(
            text('update record set values = values || \'{"payments.account": {"v": "back"}}\', corrected = \'{}\'')
        )
        [chunk] = house.ledger.chunks().values()
        changed = sum(changing.redact(session, redaction) for redaction in chunk.intent.redacted)
    assert changed == 1
    assert house.all("select values ? 'payments.account', corrected from record") == [(False, ["payments.account"])]
    with house.session() as session:
        recover(session, house.ledger)


def test_a_record_that_moves_is_kept_as_its_new_class_is(house: House) -> None:
    house.adopt(with_rule(MOVE, combine="sequence"))
    file_id = house.file("case", milestones={"case-closed": CLOSED}, values=VALUES, recorded_on=date(2026, 5, 1))
    house.flush()
    house.arm("case", "letter")
    run = house.sweep()
    assert (run.changed, run.disposed) == (1, 0)
    assert house.all("select record_class, due_on, action, stage from record") == [
        ("advice/letter", date(2027, 5, 1), "destroy", None)
    ]
    [found] = issued(house)
    assert (found.record_class, found.action, found.disposed) == ("advice/case", "transfer", 1)
    assert house.ids("select id from client_file") == [file_id]
    assert house.sweep().changed == 0


def test_a_crash_in_the_middle_leaves_all_or_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.adopt(with_rule(REDACT, DESTROY, combine="sequence"))
    house.file("case", milestones={"case-closed": CLOSED}, values=VALUES)
    house.flush()
    house.arm("case")
    before = house.all("select values, stage, due_on from record")

    def crash(*_: Any) -> None:
        raise ValueError("the worker is gone")

    with monkeypatch.context() as broken:
        broken.setattr(changing, "move_on", crash)
        assert house.sweep().parked == 1
    assert house.all("select values, stage, due_on from record") == before
    assert issued(house) == []
    assert house.sweep().changed == 1


PUBLISH = {"id": "publish", "keep": "1 year", "from": {"event": "case-closed"}, "action": "publish",
           "redact": ["payments.account"]}  # fmt: skip
THEIRS = {"id": "theirs", "keep": "1 year", "from": {"event": "case-closed"}, "holder": "the training provider"}


@pytest.mark.parametrize(("clause", "action"), [(PUBLISH, "publish"), (THEIRS, "await-holder")])
def test_what_is_done_elsewhere_waits_until_somebody_confirms_it(
    house: House, clause: dict[str, Any], action: str
) -> None:
    house.adopt(with_rule(clause, {**DESTROY, "holder": clause.get("holder")}, combine="sequence"))
    house.file("case", milestones={"case-closed": CLOSED}, values=VALUES)
    other = house.file("letter")
    house.flush()
    with house.session() as session:
        [waiting] = unfulfilled(session, house.caller)
    assert (waiting.action, waiting.due_on) == (action, date(2021, 5, 2))
    assert waiting.redact == (("payments.account",) if action == "publish" else ())
    assert waiting.holders[:1] == (() if action == "publish" else ("the training provider",))
    [stranger] = house.ids("select id from record where file_id = :other", other=other)
    with pytest.raises(NotFound), house.session() as session:
        fulfil(session, house.caller, [waiting.record_id, stranger], done_on=house.clock.today())
    with pytest.raises(InvalidInput), house.session() as session:
        fulfil(session, house.caller, [waiting.record_id], done_on=date(2030, 1, 1))
    with house.session() as session:
        assert fulfil(session, house.caller, [waiting.record_id], done_on=house.clock.today()) == 1
        assert unfulfilled(session, house.caller) == ()
    assert house.scalar("select due_on from record where id = :id", id=waiting.record_id) == date(2030, 5, 2)
    assert house.scalar("select values ? 'payments.account' from record where id = :id", id=waiting.record_id)
    assert house.scalar("select count(*) from audit_event where event = 'retention.action.fulfilled'") == 1
