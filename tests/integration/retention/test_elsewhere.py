"""Records that lie on paper or in another system too, under rules that do not destroy: seen to, and never forgotten."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from muniment.database.session import Actor
from muniment.retention.approval.deciding import Decision, ProposalView, decide, queue
from muniment.retention.explain import explain
from muniment.web.callers import EVERY_SERVICE, Caller, Permission
from muniment.wiring import wire
from tests.integration.retention.kit import RETENTION, House, hold
from tests.integration.retention.test_actions import DESTROY, REDACT, VALUES, issued, with_rule
from tests.integration.retention.test_archive import Office, office  # noqa: F401  # a fixture

CLOSED = date(2020, 5, 2)
REVIEWER = Actor("staff", UUID(int=7), "reviewer")
NAMES = {"id": "names", "keep": "1 year", "from": {"event": "case-closed"}, "action": "pseudonymise"}
STORED = {name: {**entry, "s": "client", "on": "2020-01-01", "p": []} for name, entry in VALUES.items()}


@pytest.fixture(autouse=True)
def _listeners() -> None:
    wire()


def lies(house: House, record_id: UUID, **where: str) -> None:
    """Have a record lie elsewhere too."""
    columns = ", ".join(f"{name} = :{name}" for name in where)
    with house.session() as session:
        session.execute(text(f"update record set {columns} where id = :id"), {**where, "id": record_id})


def cases(house: House, *places: dict[str, str]) -> list[UUID]:
    """Closed cases that lie at these places too; the one without is stored here alone."""
    found: list[UUID] = []
    for place in places:
        file_id = house.file("case", milestones={"case-closed": CLOSED}, values=STORED)
        house.flush()
        found += house.ids("select id from record where file_id = :id", id=file_id)
        if place:
            lies(house, found[-1], **place)
    return found


def proposed(house: House, state: Any = "open") -> list[ProposalView]:
    with house.session() as session:
        return list(queue(session, house.caller, state=state))


def decided(house: House, decision: Decision, *proposals: UUID) -> None:
    grants = dict.fromkeys((Permission.REVIEW_DISPOSAL, Permission.READ_RETENTION), EVERY_SERVICE)
    with house.session() as session:
        answers = decide(session, Caller(REVIEWER, house.id, grants), proposals, decision)
    assert all(answer.decided for answer in answers), answers


PAPER, SYSTEM = {"medium": "paper", "location": "shelf 3"}, {"system": "crm", "external_key": "K-1"}


def test_what_lies_elsewhere_too_is_redacted_here_once_somebody_has_seen_to_it(house: House) -> None:
    house.adopt(with_rule(REDACT, DESTROY, combine="sequence"))
    here, paper, system = cases(house, {}, PAPER, SYSTEM)
    with house.session() as session:
        told = explain(session, house.caller, paper).blocks
    assert any("lies elsewhere too" in block for block in told)
    assert "its rule is not armed" in told
    house.arm("case")
    run = house.sweep()
    assert (run.changed, run.proposed, run.disposed) == (1, 2, 0)
    assert {(line.record_id, line.action) for line in proposed(house)} == {(paper, "redact"), (system, "redact")}
    assert (again := house.sweep()).proposed == 0
    assert again.changed == 0
    by_record = {line.record_id: line.id for line in proposed(house)}
    decided(house, Decision(outcome="approve"), by_record[paper])
    decided(house, Decision(outcome="reject", reason="the system cannot"), by_record[system])
    run = house.sweep()
    assert (run.changed, run.proposed, run.disposed) == (1, 0, 0)
    left = dict(map(tuple, house.all("select id, values ? 'payments.account' from record")))
    assert left == {here: False, paper: False, system: True}
    assert [line.record_id for line in proposed(house, "rejected")] == [system]
    assert proposed(house, "approved") == [], "what is done is in no queue"
    assert {(one.action, one.disposed, one.approved_by) for one in issued(house)} == {
        ("redact", 1, None), ("redact", 1, REVIEWER.id),
    }  # fmt: skip
    assert house.scalar("select action from record where id = :id", id=paper) == "destroy", "its next stage"


def test_an_approval_is_of_what_lies_where_it_lay_and_no_hold_gives_way(house: House) -> None:
    house.adopt(with_rule(REDACT, DESTROY, combine="sequence"))
    moved, copied, held, here = cases(house, PAPER, PAPER, PAPER, {})
    hold(house, "record", here)
    house.arm("case")
    assert house.sweep().proposed == 3, "what lies here alone is seen to by nobody, held or not"
    decided(house, Decision(outcome="approve"), *(line.id for line in proposed(house)))
    lies(house, moved, location="shelf 4")
    lies(house, copied, **SYSTEM)
    hold(house, "record", held)
    run = house.sweep()
    assert (run.changed, run.proposed, run.kept) == (0, 2, 2)
    assert {(line.record_id, line.again) for line in proposed(house)} == {(moved, "changed"), (copied, "changed")}


def test_a_name_is_taken_out_here_once_it_was_taken_out_there(house: House) -> None:
    house.adopt(with_rule(NAMES, DESTROY, combine="sequence"))
    paper, system = cases(house, PAPER, SYSTEM)
    house.arm("case")
    run = house.sweep()
    assert (run.changed, run.proposed) == (0, 2)
    decided(house, Decision(outcome="approve"), *(line.id for line in proposed(house)))
    assert house.sweep().changed == 2
    rows = house.all("select id, medium, location, system, external_key from record")
    assert {tuple(row)[1:] for row in rows} == {("digital", None, None, None)}
    assert not {row.id for row in rows} & {paper, system}
    assert house.scalar("select count(*) from proposal") == 0


def test_paper_goes_to_the_archive_with_its_package(office: Office) -> None:  # noqa: F811
    house, record_id, known = office.house, office.case(), office.case()
    lies(house, record_id, **PAPER)
    lies(house, known, **SYSTEM)
    house.arm("case")
    assert office.sweep().proposed == 2
    [package] = office.packages()
    assert (package.records, package.elsewhere) == (2, 2)
    assert "2 of them on paper or in another system too" in package.line
    with zipfile.ZipFile(io.BytesIO(office.bytes_of(package))) as opened:
        on_paper, in_system = (json.loads(opened.read(f"records/{key}.json")) for key in (record_id, known))
    assert (on_paper["medium"], on_paper["location"]) == ("paper", "shelf 3")
    assert (in_system["system"], in_system["system_key"]) == ("crm", "K-1")
    office.receive(package)
    run = office.sweep()
    assert (run.disposed, run.awaited) == (1, 1)
    assert house.all("select id, disposal from record") == [(known, "awaiting")], (
        "the other system is asked to erase it"
    )
    assert house.ids("select record_id from delivery") == [known]


def test_what_the_archive_refuses_is_destroyed_on_paper_too(office: Office) -> None:  # noqa: F811
    house, record_id = office.house, office.case()
    lies(house, record_id, **PAPER)
    house.arm("case")
    office.sweep()
    assert office.refuse(office.packages()[0]) == 1
    [line] = proposed(house)
    assert line.action == "archive"
    decided(house, Decision(outcome="approve"), line.id)
    run = office.sweep()
    assert (run.disposed, run.awaited) == (0, 1), "its paper is still on the shelf"
    assert house.ids("select record_id from awaiting") == [record_id]


@pytest.mark.parametrize("action", ["archive", "anonymise"])
def test_a_register_is_seen_to_by_somebody_and_then_goes(house: House, action: str) -> None:
    case, letter, attendance = RETENTION["rule"]
    clause = {"id": "held", "keep": "1 year", "from": {"event": "collection"}, "action": action}
    house.adopt({**RETENTION, "rule": [case, letter, {**attendance, "clause": [clause]}]})
    file_id = house.file("case")
    digital, paper = house.register(date(2020, 1, 1), file_id), house.register(date(2020, 1, 1), file_id)
    recent = house.register(date(2026, 10, 1), file_id)
    house.flush()
    with house.session() as session:
        session.execute(
            text("update register set medium = 'paper', location = 'shelf 3' where id = :id"), {"id": paper}
        )
        told = explain(session, house.caller, digital).blocks
    assert any("it is a register" in block for block in told)
    house.arm("attendance")
    run = house.sweep()
    assert (run.disposed, run.awaited, run.proposed) == (0, 0, 2)
    assert {(line.record_id, line.action, line.file_id) for line in proposed(house)} == {
        (digital, action, None), (paper, action, None),
    }  # fmt: skip
    assert house.sweep().proposed == 0
    decided(house, Decision(outcome="approve"), *(line.id for line in proposed(house)))
    run = house.sweep()
    handed = action == "archive"
    assert (run.disposed, run.awaited) == ((2, 0) if handed else (1, 1)), "paper was handed over, or is to be shredded"
    assert house.ids("select id from register where disposal is null") == [recent]
    assert sum(one.disposed + one.awaited for one in issued(house)) == 2
    assert {(one.action, one.approved_by) for one in issued(house)} == {(action, REVIEWER.id)}
    assert all(("archive" if handed else "figures") in one.method for one in issued(house))
    assert house.scalar("select count(*) from proposal") == 0
    assert house.scalar("select count(*) from anonymous_count") == 0
