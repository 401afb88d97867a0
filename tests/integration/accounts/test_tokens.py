"""A token opens its council to a program until it expires or is revoked, with the permissions it was given."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from muniment.accounts.permissions import Permission
from muniment.accounts.tokens import LONGEST, caller_of_token, new_token, revoke_token
from muniment.api.errors import InvalidInput
from muniment.clock import FixedClock
from muniment.database.session import Database

Councils = tuple[UUID, UUID]
READ, WRITE = Permission.READ_CLIENTS, Permission.WRITE_CLIENTS
MOMENT = timedelta(microseconds=1)


def test_it_may_what_it_was_given_until_it_expires(database: Database, clock: FixedClock, councils: Councils) -> None:
    now, expires = clock.now(), clock.now() + timedelta(days=30)
    with database.council(councils[0]) as session:
        token_id, token = new_token(session, "alpha", "tests", [READ], None, expires, now)
        caller = caller_of_token(session, token, expires - MOMENT)
        assert caller is not None
        assert (caller.actor.kind, caller.actor.id, caller.council_id) == ("token", token_id, councils[0])
        assert set(caller.grants) == {READ}
        assert caller_of_token(session, token, expires) is None
        assert caller_of_token(session, f"{token}x", now) is None


def test_a_revoked_one_opens_nothing(database: Database, clock: FixedClock, councils: Councils) -> None:
    now = clock.now()
    with database.council(councils[0]) as session:
        token_id, token = new_token(session, "alpha", "tests", [READ], None, now + LONGEST, now)
        _, other = new_token(session, "alpha", "tests", [WRITE], None, now + LONGEST, now)
        revoke_token(session, token_id, now)
        assert caller_of_token(session, token, now + MOMENT) is None
        assert caller_of_token(session, other, now + MOMENT) is not None


@pytest.mark.parametrize("lasts", [timedelta(0), -MOMENT, LONGEST + MOMENT])
def test_none_is_made_that_is_over_or_lasts_too_long(
    database: Database, clock: FixedClock, councils: Councils, lasts: timedelta
) -> None:
    with database.council(councils[0]) as session, pytest.raises(InvalidInput, match="366 days"):
        new_token(session, "alpha", "tests", [READ], None, clock.now() + lasts, clock.now())
