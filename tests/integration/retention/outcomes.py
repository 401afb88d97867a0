"""What is noted of records that were to be destroyed on paper, and what became of them, in few words for tests."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from muniment.accounts.permissions import EVERY_SERVICE, Caller, Permission
from muniment.database.session import Actor
from muniment.retention.disposal.confirming import confirm
from muniment.retention.disposal.destruction import AwaitingView, awaiting
from muniment.retention.disposal.outcomes import Searched, accept_lost, not_found, still_needed
from muniment.retention.disposal.paper import destruction_list
from muniment.retention.gauges import gauges
from tests.integration.retention.kit import House

__all__ = [
    "LOOKED_ON",
    "NEEDED",
    "accepted",
    "destroyed",
    "gauge",
    "keys_of",
    "lines",
    "looked",
    "needed",
    "officer",
    "on_the_list",
    "outstanding",
]

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
