"""What lies on paper and in another system is gone when it is gone in both, whichever is settled first; and what was
noted of it is not undone by a restore."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from litestar.testing import TestClient
from sqlalchemy import text

from muniment.accounts.permissions import Role
from muniment.accounts.sessions import begin_session
from muniment.accounts.staff import add_staff
from muniment.api.errors import Conflict
from muniment.app import open_application
from muniment.jobs.actors import Deployment
from muniment.retention.disposal.confirming import Confirmed, confirm
from muniment.retention.disposal.outcomes import Searched
from muniment.retention.disposal.restore import recover
from muniment.retention.evidence.certificates import CertificateView, certificates
from muniment.retention.evidence.proving import certificate_document
from muniment.retention.evidence.reading import reading
from muniment.retention.holds.placing import release_hold
from muniment.web.forms import form_token
from tests.integration.retention.backups import Dump
from tests.integration.retention.kit import House
from tests.integration.retention.outcomes import (
    LOOKED_ON,
    accepted,
    lines,
    looked,
    needed,
    officer,
    on_the_list,
    outstanding,
)
from tests.integration.retention.systems import System, adopt_with_system
from tests.server import TestServer


def on_paper(system: System, *keys: str) -> list[UUID]:
    """Due records on a shelf, known to the system by these keys, and emptied here."""
    ids = system.due(*keys)
    with system.house.session() as session:
        session.execute(text("update record set medium = 'paper', location = 'shelf 3'"))
    system.sweep()
    return ids


def confirmed(house: House, *keys: UUID, **more: Any) -> Confirmed:
    with house.session() as session:
        return confirm(
            session, house.caller, house.ledger, keys, destroyed_on=LOOKED_ON, method="shredded, P-4", **more
        )


def certificate(house: House) -> CertificateView:
    with house.session() as session:
        (view,) = certificates(session, house.caller)
    return view


def test_who_confirms_the_paper_leaves_the_systems_copy_to_be_erased(system: System) -> None:
    house = system.house
    first, second = on_paper(system, "K-1", "K-2")
    assert on_the_list(house) == {first, second}, "no shelf waits for a system"
    assert "shelf 3; crm, key K-1" in outstanding(house)[first].line
    assert confirmed(house, first) == Confirmed(1, asked=1)
    assert (on_the_list(house), set(outstanding(house))) == ({second}, {first, second})
    assert (outstanding(house)[first].location, outstanding(house)[first].system) == (None, "crm")
    assert (certificate(house).confirmed, certificate(house).complete) == (0, False)
    with pytest.raises(Conflict) as refusal:
        confirmed(house, first)
    assert (refusal.value.code, len(system.owed())) == ("in-system", 2), "twice is not both"
    system.deliver()
    assert (system.fake.held, set(outstanding(house))) == (set(), {second})
    assert confirmed(house, second) == Confirmed(1)
    today = house.clock.today()
    assert lines(house) == [("destroyed", 1, LOOKED_ON), ("destroyed", 1, today), ("paper-destroyed", 1, LOOKED_ON)]
    assert (certificate(house).awaited, certificate(house).confirmed, certificate(house).complete) == (2, 2, True)
    with house.session() as session:
        told = reading(certificate_document(session, house.caller, certificate(house).id))
    assert "paper destroyed; copy in another system outstanding" in {row[1] for row in told.confirmations}


def test_who_has_seen_to_both_says_so(system: System) -> None:
    (record_id,) = on_paper(system, "K-1")
    assert confirmed(system.house, record_id, in_system=True) == Confirmed(1)
    assert (system.owed(), outstanding(system.house), certificate(system.house).complete) == ([], {}, True)


def test_paper_in_a_system_that_nobody_asks_is_on_the_list_and_goes_when_both_have(house: House) -> None:
    system, one, other = System(house), officer(house, 1), officer(house, 2)
    adopt_with_system(house, connector=None)
    first, second = on_paper(system, "K-1", "K-2")
    assert on_the_list(house) == {first, second}
    assert looked(house, one, second) == Searched(1, 0)
    for refused in (lambda: looked(house, other, second), lambda: accepted(house, other, second)):
        with pytest.raises(Conflict) as refusal:
            refused()
        assert refusal.value.code == "in-system", "it is not lost while the system may hold it"
    assert confirmed(house, first, second) == Confirmed(2)
    assert (outstanding(house), system.owed(), certificate(house).complete) == ({}, [], True)


def test_paper_can_be_ticked_on_the_page_and_says_what_else_holds_it(system: System, deployment: Deployment) -> None:
    house = system.house
    first, second = on_paper(system, "K-1", "K-2")
    with house.session() as session:
        staff = add_staff(session, "r@council.example", "R", "generated words", [(Role.RECORDS_MANAGER, None)],
                          house.clock.now())  # fmt: skip
        cookie = begin_session(session, staff, house.clock.now())
    with TestClient(open_application(deployment), raise_server_exceptions=False) as browser:
        browser.cookies.set("muniment-alpha", cookie)
        page = browser.get("/alpha/console/destructions").text
        assert all(f'value="{key}" aria-label' in page for key in (first, second))
        assert page.count("crm is asked to erase it too") == 2
        form = {"form_token": form_token(cookie), "record": [str(first)], "destroyed_on": "19/11/2026", "method": "P-4"}
        done = browser.post("/alpha/console/destructions", data=form)
        assert "1 of them on paper alone" in done.text
        assert "K-1" in done.text
        adopt_with_system(house, connector=None)
        assert "which nobody asks" in browser.get("/alpha/console/destructions").text


def test_a_restore_neither_takes_for_lost_what_was_found_nor_brings_back_paper(
    system: System, server: TestServer, database_name: str, tmp_path: Path
) -> None:
    house, one, other = system.house, officer(system.house, 1), officer(system.house, 2)
    system.due("K-1")
    system.house.file("letter", medium="paper", recorded_on=date(2019, 3, 1))
    house.flush()
    with house.session() as session:
        session.execute(text("update record set medium = 'paper', location = 'shelf 3'"))
    house.arm("letter")
    system.sweep()
    (shredded,) = house.ids("select id from record where system is not null")
    (found,) = house.ids("select id from record where system is null")
    looked(house, one, found)
    backup = Dump(server, database_name, tmp_path / "dump")
    backup.take()
    (hold_id,) = needed(house, house.caller, found)
    with house.session() as session:
        release_hold(session, house.caller, hold_id, "settled")
    confirmed(house, shredded)
    before = lines(house)
    house.database.engine.dispose()
    backup.restore()
    assert outstanding(house)[found].searched_on == LOOKED_ON, "the backup is not one"
    assert on_the_list(house) == {found, shredded}
    with house.session() as session:
        recover(session, house.ledger)
    assert lines(house) == before
    assert (outstanding(house)[found].searched_on, on_the_list(house)) == (None, {found})
    assert looked(house, other, found) == Searched(1, 0), "one look loses nothing"
    system.deliver()
    assert (system.fake.held, set(outstanding(house))) == (set(), {found})
