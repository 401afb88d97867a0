"""What was to be destroyed on paper and was not: looked for and not found, or still needed. Nothing goes in silence."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import text

from muniment.accounts.permissions import EVERY_SERVICE, Caller, Permission, Role
from muniment.accounts.sessions import begin_session
from muniment.accounts.staff import add_staff
from muniment.api.connectors import Erasure, ErasureRequest
from muniment.api.errors import Conflict, Forbidden, InvalidInput, MunimentError, NotFound
from muniment.app import open_application
from muniment.audit.sealing import seal_council
from muniment.cli import main
from muniment.database.session import Actor
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing
from muniment.retention.disposal.confirming import confirm
from muniment.retention.disposal.destruction import AwaitingView, awaiting
from muniment.retention.disposal.outcomes import Searched, accept_lost, not_found, still_needed
from muniment.retention.disposal.paper import destruction_list
from muniment.retention.disposal.restore import recover
from muniment.retention.evidence.certificates import certificates
from muniment.retention.evidence.proving import certificate_document
from muniment.retention.evidence.reading import reading
from muniment.retention.explain import explain
from muniment.retention.gauges import gauges
from muniment.retention.holds.placing import release_hold
from muniment.retention.web.outcomes import SHOWN_AS
from muniment.settings import Settings
from muniment.web.forms import form_token
from tests.integration.retention.kit import House, hold
from tests.integration.retention.systems import System
from tests.integration.retention.systems import gauge as system_gauge

LOOKED_ON = date(2026, 11, 19)
NEEDED = {
    "basis": "litigation",
    "ground": "a claim was brought",
    "authoriser": "head of legal",
    "review_on": date(2027, 3, 1),
}


def officer(house: House, number: int, *permissions: Permission) -> Caller:
    wanted = permissions or (Permission.SWEEP_RETENTION, Permission.REVIEW_DISPOSAL, Permission.HOLD_RECORDS)
    grants = dict.fromkeys((*wanted, Permission.READ_RETENTION), EVERY_SERVICE)
    return Caller(Actor("staff", UUID(int=number), "console"), house.id, grants)


@pytest.fixture
def emptied(house: House) -> House:
    """Five letters on paper, emptied here."""
    house.adopt()
    for _ in range(5):
        house.file("letter", medium="paper", recorded_on=date(2019, 3, 1))
    house.flush()
    house.arm("letter")
    assert house.sweep().awaited == 5
    return house


def keys_of(house: House) -> list[UUID]:
    return sorted(house.ids("select record_id from awaiting"))


def outstanding(house: House) -> dict[UUID, AwaitingView]:
    with house.session() as session:
        return {one.id: one for one in awaiting(session, house.caller)}


def on_the_list(house: House) -> set[UUID]:
    with house.session() as session:
        return {one.id for place in destruction_list(session, house.caller) for one in place.lines}


def gauge(house: House, name: str) -> Any:
    with house.session() as session:
        return next(one for one in gauges(house.ledger_dir) if one.name.endswith(name)).count(session)


def looked(house: House, caller: Caller, *keys: UUID, on: date = LOOKED_ON) -> Searched:
    with house.session() as session:
        return not_found(session, caller, house.ledger, keys, searched_on=on)


def accepted(house: House, caller: Caller, *keys: UUID, reason: str = "the cellar was flooded") -> int:
    with house.session() as session:
        return accept_lost(session, caller, house.ledger, keys, reason=reason)


def needed(house: House, caller: Caller, *keys: UUID, **words: Any) -> tuple[UUID, ...]:
    with house.session() as session:
        return still_needed(session, caller, house.ledger, keys, **{**NEEDED, **words})


def destroyed(house: House, *keys: UUID) -> int:
    with house.session() as session:
        return confirm(session, house.caller, house.ledger, keys, destroyed_on=LOOKED_ON, method="shredded, P-4").count


def lines(house: House) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in house.all("select outcome, count, destroyed_on from confirmation"))


def test_what_is_not_found_stays_outstanding_until_a_second_person_has_looked(emptied: House) -> None:
    one, other = officer(emptied, 1), officer(emptied, 2)
    first, second, third, *_ = keys_of(emptied)
    assert looked(emptied, one, first, second) == Searched(2, 0)
    assert (outstanding(emptied)[first].searched_on, gauge(emptied, "not_found")) == (LOOKED_ON, 2)
    assert "looked for on 2026-11-19" in outstanding(emptied)[first].line
    assert first in on_the_list(emptied), "whoever takes the list along looks again"
    assert looked(emptied, one, first, on=emptied.clock.today()) == Searched(1, 0), "the same person again is no second"
    assert first in outstanding(emptied)
    assert looked(emptied, other, first, third) == Searched(2, 1)
    assert set(outstanding(emptied)) == set(keys_of(emptied)) == {*keys_of(emptied)} - {first}
    assert emptied.ids("select id from record where id = :id", id=first) == []
    assert ("lost", 1, LOOKED_ON) in lines(emptied)
    assert gauge(emptied, "not_found") == 2
    assert destroyed(emptied, second) == 1, "found at the second look"


def test_a_reviewer_who_did_not_look_accepts_a_loss_with_a_reason(emptied: House) -> None:
    one, reviewer = officer(emptied, 1), officer(emptied, 2, Permission.REVIEW_DISPOSAL)
    first, second, *_ = keys_of(emptied)
    refusals: list[tuple[Callable[[], Any], type[MunimentError]]] = [
        (lambda: accepted(emptied, reviewer, first), Conflict),
        (lambda: accepted(emptied, one, second), Forbidden),
        (lambda: accepted(emptied, officer(emptied, 3, Permission.SWEEP_RETENTION), second), Forbidden),
        (lambda: accepted(emptied, reviewer, second, reason=" "), InvalidInput),
        (lambda: accepted(emptied, reviewer, second, reason="x" * 2001), InvalidInput),
        (lambda: accepted(emptied, reviewer, UUID(int=5)), NotFound),
        (lambda: accepted(emptied, reviewer), InvalidInput),
        (lambda: looked(emptied, reviewer, first), Forbidden),
        (lambda: looked(emptied, one, first, on=date(2026, 11, 21)), InvalidInput),
        (lambda: looked(emptied, one, first, UUID(int=5)), NotFound),
    ]
    looked(emptied, one, second)
    before = lines(emptied)
    for refused, error in refusals:
        with pytest.raises(error):
            refused()
    assert (lines(emptied), len(keys_of(emptied))) == (before, 5)
    assert accepted(emptied, reviewer, second) == 1
    assert second not in outstanding(emptied)
    [row] = emptied.all("select method, confirmed_kind, confirmed_by from confirmation where outcome = 'lost'")
    assert tuple(row) == ("the cellar was flooded", "staff", UUID(int=2))


def test_what_is_still_needed_is_held_and_comes_back_when_the_hold_ends(emptied: House) -> None:
    one = officer(emptied, 1)
    first, second, *_ = keys_of(emptied)
    looked(emptied, officer(emptied, 2), first)
    with pytest.raises(Forbidden):
        needed(emptied, officer(emptied, 3, Permission.SWEEP_RETENTION), first)
    for wrong in ({"ground": " "}, {"authoriser": ""}, {"basis": "whim"}, {"review_on": date(2020, 1, 1)}):
        with pytest.raises(InvalidInput):
            needed(emptied, one, first, **wrong)
    (hold_id,) = needed(emptied, one, first)
    shown = outstanding(emptied)[first]
    assert (shown.held, shown.searched_on) == (True, None), "it has been found"
    assert on_the_list(emptied) == set(keys_of(emptied)) - {first}
    with pytest.raises(Conflict, match="A hold stands on"):
        destroyed(emptied, first, second)
    looked(emptied, one, first)
    for settle in (accepted, looked):
        with pytest.raises(Conflict, match="A hold stands on"):
            settle(emptied, officer(emptied, 2), first)
    assert len(keys_of(emptied)) == 5, "all or none"
    with emptied.session() as session:
        told = explain(session, emptied.caller, first)
    assert "a claim was brought" in told.next
    assert ("still-needed", 1, emptied.clock.today()) in lines(emptied)
    with emptied.session() as session:
        release_hold(session, emptied.caller, hold_id, "the claim was settled")
    assert first in on_the_list(emptied)
    assert destroyed(emptied, first) == 1


def test_a_hold_on_the_class_keeps_the_paper_that_is_not_destroyed_yet(emptied: House) -> None:
    hold(emptied, "class", "advice/letter")
    assert on_the_list(emptied) == set()
    with pytest.raises(Conflict):
        destroyed(emptied, keys_of(emptied)[0])


def test_whoever_confirms_and_whoever_keeps_the_same_thing_at_once_do_not_both_succeed(emptied: House) -> None:
    keys, ready = keys_of(emptied), threading.Barrier(2)

    def tried(act: Callable[..., Any], key: UUID) -> str:
        ready.wait()
        try:
            act(key)
        except MunimentError as error:
            return type(error).__name__
        return "done"

    one = officer(emptied, 1)
    with ThreadPoolExecutor(2) as pool:
        for key in keys:
            acts = (partial(destroyed, emptied), partial(needed, emptied, one))
            confirmed, kept = pool.map(tried, acts, (key, key))
            there, holds = key in outstanding(emptied), emptied.ids("select target_id from hold")
            assert (confirmed, kept, there, key in holds) in (
                ("done", "NotFound", False, False), ("Conflict", "done", True, True),
            )  # fmt: skip


def test_no_system_is_asked_to_erase_what_is_held(house: House) -> None:
    system = System(house)
    record_id, _ = system.due("K-1", "K-2")
    system.sweep()
    (hold_id,) = needed(house, house.caller, record_id)
    system.deliver()
    assert system.fake.asked == ["K-2"], "a hold on one keeps no other"
    assert set(outstanding(house)) == {record_id}
    house.clock.move_to(date(2026, 12, 20))
    assert system_gauge(house, "delivery_oldest_seconds") == 0.0, "no alarm about what is not to be erased"
    assert system_gauge(house, "deliveries") == {("waiting",): 0.0, ("refused",): 0.0, ("kept",): 1.0}
    with house.session() as session:
        release_hold(session, house.caller, hold_id, "settled")
    assert system_gauge(house, "delivery_oldest_seconds") == 30 * 24 * 3600.0
    system.deliver()
    assert (system.fake.asked, system.owed()) == (["K-2", "K-1"], [])


def test_no_hold_is_promised_on_what_a_system_is_just_erasing(house: House) -> None:
    system = System(house)
    (record_id,) = system.due("K-1")
    system.sweep()

    def put_off(request: ErasureRequest) -> list[Erasure]:
        with pytest.raises(Conflict) as refusal:
            needed(house, house.caller, record_id)
        assert refusal.value.code == "under-way"
        return [Erasure(item.key, "failed", reason="busy") for item in request.items]

    system.fake.answer = put_off
    system.deliver()
    assert (len(system.fake.calls), lines(house)) == (1, [])
    system.fake.answer = None
    with house.session() as session:  # the machine of these tests is a minute ahead
        session.execute(text("update connected_system set leased_until = leased_until - interval '2 minutes'"))
    assert len(needed(house, house.caller, record_id)) == 1, "asked and not erased: it can be held again"


def test_nothing_is_lost_that_a_system_is_known_to_hold(house: House) -> None:
    system, one, other = System(house), officer(house, 1), officer(house, 2)
    (record_id,) = system.due("K-1")
    system.sweep()
    for refused in (lambda: looked(house, one, record_id), lambda: accepted(house, other, record_id)):
        with pytest.raises(Conflict) as refusal:
            refused()
        assert refusal.value.code == "in-system"
        assert "K-1" not in str(refusal.value)
    system.deliver()
    assert (system.fake.held, outstanding(house)) == (set(), {})


def test_what_a_system_has_erased_still_lies_on_paper(house: House) -> None:
    system, one, other = System(house), officer(house, 1), officer(house, 2)
    record_id, lost = system.due("K-1", "K-2")
    with house.session() as session:
        session.execute(text("update record set medium = 'paper', location = 'shelf 3'"))
    system.sweep()
    system.deliver()
    assert (system.fake.held, system.owed(), lines(house)) == (set(), [], []), "nothing is confirmed yet"
    assert on_the_list(house) == {record_id, lost}
    assert {(view.location, view.system) for view in outstanding(house).values()} == {("shelf 3", None)}
    assert house.scalar("select count(*) from audit_event where event = 'retention.delivery.done'") == 2
    assert destroyed(house, record_id) == 1
    assert looked(house, one, lost) == Searched(1, 0)
    assert looked(house, other, lost) == Searched(1, 1)
    with house.session() as session:
        (view,) = certificates(session, house.caller)
    assert (view.awaited, view.confirmed, view.lost, view.complete) == (2, 1, 1, True)


def test_the_certificate_says_what_became_of_each(emptied: House, deployment: Deployment) -> None:
    one, other = officer(emptied, 1), officer(emptied, 2)
    first, second, third, fourth, _ = keys_of(emptied)
    destroyed(emptied, first)
    looked(emptied, one, second, third)
    looked(emptied, other, second)
    needed(emptied, one, fourth)
    with emptied.session() as session:
        (view,) = certificates(session, emptied.caller)
    assert (view.awaited, view.confirmed, view.lost, view.complete) == (5, 1, 1, False)
    seal_council(deployment, emptied.id)
    with emptied.session() as session:
        document = certificate_document(session, emptied.caller, view.id)
    assert (document.confirmed, document.lost, document.complete) == (1, 1, False)
    assert all(entry.proof for entry in document.confirmations)
    told = reading(document)
    assert {row[:2] for row in told.confirmations} == {
        ("1", "destroyed"), ("2", "not found; outstanding"), ("1", "not found; settled"),
        ("1", "still needed; held, outstanding"),
    }  # fmt: skip
    assert "1 of them were looked for and not found" in " ".join(told.lead)
    assert "3 records still await destruction" in " ".join(told.lead)


def test_a_restore_loses_no_outcome(emptied: House) -> None:
    one, other = officer(emptied, 1), officer(emptied, 2)
    first, second, third, *_ = keys_of(emptied)
    looked(emptied, one, first, second)
    looked(emptied, other, first)
    (hold_id,) = needed(emptied, one, third)
    before = lines(emptied)
    with emptied.session() as session:  # what a backup of before the list would look like
        session.execute(text("delete from hold"))
        session.execute(text("update awaiting set searched_on = null, searched_kind = null, searched_role = null,"
                             " searched_by = null"))  # fmt: skip
        session.execute(text("delete from disposal where kind in ('confirmation', 'keeping')"))
        session.execute(
            text("insert into record (council_id, id, record_class, medium, recorded_on, values, disposal)"
                 " values (:council, :id, 'advice/letter', 'paper', '2026-11-20', '{}', 'awaiting')"),
            {"council": emptied.id, "id": first},
        )  # fmt: skip
    with emptied.session() as session:
        recover(session, emptied.ledger)
    assert (lines(emptied), emptied.ids("select id from record where id = :id", id=first)) == (before, [])
    assert emptied.ids("select id from hold") == [hold_id]
    assert third not in on_the_list(emptied)


@pytest.fixture
def browser(emptied: House, deployment: Deployment) -> Iterator[Callable[[int], TestClient[Litestar]]]:
    """The console of one of two records managers, of an information asset owner, a manager and an auditor."""
    now = emptied.clock.now()
    roles = (Role.RECORDS_MANAGER, Role.RECORDS_MANAGER, Role.INFORMATION_ASSET_OWNER, Role.MANAGER, Role.AUDITOR)
    cookies = []
    with emptied.session() as session:
        for name, role in zip("abcde", roles, strict=True):
            staff = add_staff(session, f"{name}@council.example", name, "generated words", [(role, None)], now)
            cookies.append(begin_session(session, staff, now))
    with TestClient(open_application(deployment), raise_server_exceptions=False) as found:
        found.follow_redirects = False

        def as_(number: int) -> TestClient[Litestar]:
            found.cookies.set("muniment-alpha", cookies[number])
            found.headers["X-Token"] = form_token(cookies[number])
            return found

        yield as_


def test_outcomes_are_noted_on_the_page(emptied: House, browser: Callable[[int], TestClient[Litestar]]) -> None:
    def note(number: int, *records: UUID, **fields: str) -> Any:
        client = browser(number)
        form = {"form_token": client.headers["X-Token"], "record": [str(one) for one in records], **fields}
        return client.post("/alpha/console/destructions", data=form)

    def offered(number: int) -> list[str]:
        page = browser(number).get("/alpha/console/destructions").text
        found = [value for value in re.findall('<option value="([^"]+)">', page) if value in SHOWN_AS]
        assert page.count('name="record"') == (len(keys_of(emptied)) if found else 0)
        return found

    first, second, third, *_ = keys_of(emptied)
    assert offered(1) == list(SHOWN_AS)
    assert [offered(number) for number in (2, 3, 4)] == [["lost"], ["still-needed"], []], "each what they may note"
    looked_for = {"outcome": "not-found", "destroyed_on": "19/11/2026"}
    kept = {"outcome": "still-needed", "method": "a claim", "authoriser": "head of legal", "review_on": "01/03/2027"}
    lost = {"outcome": "lost", "method": "the cellar was flooded"}
    assert note(0, first, **{**looked_for, "destroyed_on": "2026"}).status_code == 422
    assert note(0, first, **{**kept, "review_on": ""}).status_code == 422
    for number, refused in ((2, looked_for), (2, kept), (3, looked_for), (3, lost), (4, lost)):
        assert note(number, first, **refused).status_code == 403
    assert note(2, first, **{**kept, "review_on": ""}).status_code == 403, "before what was sent is judged"
    for done, said in (
        (note(0, first, second, **looked_for), "2 noted as not found"),
        (note(1, first, **looked_for), "1 noted as not found"),
        (note(2, second, **lost), "1 accepted as lost"),
        (note(3, third, **kept), "1 kept from being destroyed"),
    ):
        assert done.status_code == 303, done.text
        assert said in browser(1).get(done.headers["location"]).text
    page = browser(1).get("/alpha/console/destructions").text
    assert ("Held" in page, set(re.findall(r'name="record" value="([^"]+)"', page))) == (
        True, {str(key) for key in keys_of(emptied)},
    )  # fmt: skip
    assert [row[:2] for row in lines(emptied)] == [("lost", 1), ("lost", 1), ("not-found", 2), ("still-needed", 1)]


def test_outcomes_are_noted_by_command(
    emptied: House, settings: Settings, keys: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.save(settings.keys_file)
    monkeypatch.setenv("MUNIMENT_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", settings.database_url or "")
    monkeypatch.setenv("MUNIMENT_TODAY", "2026-11-20")

    def run(name: str, *arguments: str) -> str:
        done = CliRunner().invoke(main, ["retention", name, "alpha", *arguments])
        assert done.exit_code == 0, done.output
        return str(done.stdout)

    first, second, third, *_ = map(str, keys_of(emptied))
    when = ("--searched-on", "2026-11-19")
    assert "2 noted as not found, 0 of them lost" in run("not-found", first, second, *when, "--by", "archivist")
    assert "1 noted as not found, 1 of them lost" in run("not-found", first, *when, "--by", "records manager")
    assert "1 accepted as lost" in run("accept-lost", second, "--reason", "flooded", "--by", "records manager")
    assert "Hold " in run(
        "still-needed", third, "--ground", "a claim", "--review-on", "2027-03-01", "--by", "head of legal"
    )
    assert "held: not to be destroyed" in " ".join(run("awaiting").split())
