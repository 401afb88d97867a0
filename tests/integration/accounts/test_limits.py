"""Limits hold for all processes together, and forget in time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from muniment.accounts.limits import ApiAllowance, Limit, count_attempts, forget_attempts
from muniment.api.errors import TooManyRequests
from muniment.clock import FixedClock
from muniment.database.session import Database

LIMIT = Limit("tests", 150, timedelta(minutes=1))
SUBJECT = b"a token"


def allowed(allowance: ApiAllowance, council_id: UUID, clock: FixedClock, calls: int) -> int:
    def outcomes() -> Iterator[bool]:
        for _ in range(calls):
            try:
                if not allowance.take(council_id, SUBJECT, clock.now()):
                    allowance.draw(council_id, SUBJECT, clock.now())
            except TooManyRequests:
                yield False
            else:
                yield True

    return sum(outcomes())


def test_two_processes_together_let_through_the_limit_and_no_more(
    database: Database, clock: FixedClock, councils: tuple[UUID, UUID]
) -> None:
    one, other = ApiAllowance(database, LIMIT), ApiAllowance(database, LIMIT)
    with ThreadPoolExecutor(2) as threads:
        through = list(threads.map(lambda which: allowed(which, councils[0], clock, 200), (one, other)))
    assert sum(through) == LIMIT.most
    clock.advance(LIMIT.window)
    assert allowed(one, councils[0], clock, 200) == LIMIT.most


def test_the_database_is_asked_once_for_many_calls(
    database: Database, clock: FixedClock, councils: tuple[UUID, UUID]
) -> None:
    allowance = ApiAllowance(database, LIMIT)
    allowed(allowance, councils[0], clock, ApiAllowance.LOT)
    with database.council(councils[0]) as session:
        assert session.execute(text("select tried from attempt")).scalar_one() == ApiAllowance.LOT


def test_a_council_spends_for_itself_alone(database: Database, clock: FixedClock, councils: tuple[UUID, UUID]) -> None:
    allowance = ApiAllowance(database, LIMIT)
    assert allowed(allowance, councils[0], clock, 200) == LIMIT.most
    assert allowed(allowance, councils[1], clock, 1) == 1


@pytest.mark.parametrize(("before", "attempts", "within"), [(0, 1, 1), (149, 1, 1), (150, 1, 0), (140, 20, 10)])
def test_what_is_within_the_limit(
    database: Database, clock: FixedClock, councils: tuple[UUID, UUID], before: int, attempts: int, within: int
) -> None:
    with database.council(councils[0]) as session:
        if before:
            count_attempts(session, LIMIT, SUBJECT, clock.now(), before)
        assert count_attempts(session, LIMIT, SUBJECT, clock.now(), attempts) == within


def test_who_starts_afresh_does_so_alone(database: Database, clock: FixedClock, councils: tuple[UUID, UUID]) -> None:
    with database.council(councils[0]) as session:
        other_kind = Limit("other tests", LIMIT.most, LIMIT.window)
        for limit, subject in ((LIMIT, SUBJECT), (LIMIT, b"another"), (other_kind, SUBJECT)):
            count_attempts(session, limit, subject, clock.now())
        forget_attempts(session, LIMIT, SUBJECT)
        left = session.execute(text("select kind, subject from attempt order by kind, subject")).all()
    assert [(kind, bytes(subject)) for kind, subject in left] == [("other tests", SUBJECT), ("tests", b"another")]


def test_a_window_that_ended_is_forgotten(database: Database, clock: FixedClock, councils: tuple[UUID, UUID]) -> None:
    with database.council(councils[0]) as session:
        count_attempts(session, LIMIT, SUBJECT, clock.now())
    clock.advance(LIMIT.window)
    with database.council(councils[0]) as session:
        count_attempts(session, LIMIT, b"another", clock.now())
        assert session.execute(text("select count(*) from attempt")).scalar_one() == 1
