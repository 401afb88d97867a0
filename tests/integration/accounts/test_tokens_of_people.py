"""A token may be somebody's: they have done what it does, within what they may, until their account is closed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, select, text

from muniment.accounts.permissions import Caller, Permission, Role
from muniment.accounts.sessions import begin_session, caller_of_session
from muniment.accounts.staff import add_staff, close_account, set_roles
from muniment.accounts.tables import ApiToken, Staff
from muniment.accounts.tokens import caller_of_token, list_tokens, new_token
from muniment.api.errors import InvalidInput
from muniment.database.session import CouncilSession, Database

Councils = tuple[UUID, UUID]
READ, WRITE, REVIEW = Permission.READ_CLIENTS, Permission.WRITE_CLIENTS, Permission.REVIEW_DISPOSAL


def somebody(session: CouncilSession, *roles: tuple[Role, str | None], number: int = 1) -> UUID:
    for slug in ("advice", "housing"):
        add = text("insert into service (council_id, slug, title) values (:c, :s, 'Made up') on conflict do nothing")
        session.execute(add, {"c": session.council_id, "s": slug})
    email = f"generated{number}@council.example"
    return add_staff(session, email, "Generated", "generated words", roles, session.clock.now())


def token_of(session: CouncilSession, staff_id: UUID | None, *permissions: Permission, **more: Any) -> str:
    now = session.clock.now()
    until, services = now + timedelta(days=9), more.get("services")
    _, token = new_token(session, "alpha", "tests", permissions, services, until, now, staff_id=staff_id)
    return token


def caller(session: CouncilSession, token: str) -> Caller | None:
    return caller_of_token(session, token, session.clock.now())


def test_a_screen_and_a_token_of_one_person_are_one_and_the_same(database: Database, councils: Councils) -> None:
    with database.council(councils[0]) as session:
        one, other = somebody(session, (Role.MANAGER, None)), somebody(session, (Role.MANAGER, None), number=2)
        by_token = caller(session, token_of(session, one, READ))
        again = caller(session, token_of(session, one, READ, WRITE))
        by_other = caller(session, token_of(session, other, READ))
        screen = caller_of_session(session, begin_session(session, one, session.clock.now()), session.clock.now())
        program = caller(session, token_of(session, None, READ))
    assert by_token is not None
    assert again is not None
    assert by_other is not None
    assert screen is not None
    assert program is not None
    assert (by_token.actor.kind, by_token.actor.id, by_token.actor.name) == ("staff", one, "api")
    for who in (again, screen):
        assert by_token.actor.not_second_to(who.actor) == who.actor.not_second_to(by_token.actor) == "own"
    assert by_token.actor.not_second_to(by_other.actor) is None
    assert program.actor.not_second_to(by_token.actor) == "program"
    assert by_token.actor.not_second_to(program.actor) is None


def test_it_may_no_more_than_the_persons_roles_give_at_that_moment(database: Database, councils: Councils) -> None:
    with database.council(councils[0]) as session:
        staff_id = somebody(session, (Role.MANAGER, None), (Role.INFORMATION_ASSET_OWNER, "advice"))
        wide = token_of(session, staff_id, READ, REVIEW)
        narrow = token_of(session, staff_id, READ, services=["housing"])

        def may(token: str) -> Any:
            found = caller(session, token)
            return found and found.grants

        assert may(wide) == {READ: None, REVIEW: frozenset({"advice"})}
        assert may(narrow) == {READ: frozenset({"housing"})}
        set_roles(session, staff_id, [(Role.ADVISER, "advice")])
        assert (may(wide), may(narrow)) == ({READ: frozenset({"advice"})}, {})
        set_roles(session, staff_id, [(Role.ADMINISTRATOR, None)])
        assert (may(wide), may(narrow)) == ({}, {})


@pytest.mark.parametrize(("permission", "services"), [(REVIEW, None), (WRITE, ["housing"])])
def test_none_is_made_for_what_the_person_may_not(
    database: Database, councils: Councils, permission: Permission, services: list[str] | None
) -> None:
    with database.council(councils[0]) as session:
        staff_id = somebody(session, (Role.ADVISER, "advice"))
        with pytest.raises(InvalidInput, match=rf"do not give this there: .*{permission}\."):
            token_of(session, staff_id, READ, permission, services=services)


def test_it_ends_with_the_account(database: Database, councils: Councils) -> None:
    with database.council(councils[0]) as session:
        staff_id = somebody(session, (Role.ADVISER, None))
        mine, theirs = token_of(session, staff_id, READ), token_of(session, None, READ)
        session.execute(text("update staff set closed_at = :now"), {"now": session.clock.now()})
        assert caller(session, mine) is None, "whatever its own row says"
        session.execute(text("update staff set closed_at = null"))
        assert caller(session, mine) is not None
        close_account(session, staff_id, session.clock.now())
        assert (caller(session, mine), caller(session, theirs) is not None) == (None, True)
        assert [one.revoked_at is None for one in list_tokens(session)] == [False, True]
        session.send_waiting()
        assert session.scalar(text("select count(*) from audit_event where event = 'accounts.token.revoked'")) == 1
        session.execute(delete(Staff).where(Staff.id == staff_id))
        assert session.scalars(select(ApiToken.staff_id)).all() == [None], "it goes with the account"


def test_what_a_token_may_do_is_in_the_log_and_nobodys_name(database: Database, councils: Councils) -> None:
    with database.council(councils[0]) as session:
        staff_id = somebody(session, (Role.ADVISER, None))
        token_of(session, staff_id, WRITE, READ, services=["advice"])
        token_of(session, None, REVIEW)
    with database.council(councils[0]) as session:
        made = session.scalars(text("select facts from audit_event where event = 'accounts.token.made' order by id"))
        assert made.all() == [
            {"permissions": "clients.read clients.write", "services": "advice", "days": 9, "staff": str(staff_id)},
            {"permissions": "retention.review", "services": "every service", "days": 9},
        ]
