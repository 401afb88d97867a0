"""The list that the person with the shredder takes along: what lies where, by class and key, and a line to sign.

What a hold stands on is not on it. What was looked for before and not found is, and says so, and so is what another
system knows too, whether or not it is asked to erase it.

It says of nobody what the records were about: whoever finds it in a corridor learns nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from functools import cache
from importlib.resources import files
from itertools import groupby

import msgspec
import typst

from muniment.accounts.permissions import Caller
from muniment.database.session import CouncilSession
from muniment.policy.store import adopted
from muniment.retention.disposal.destruction import AwaitingView, by_hand

__all__ = ["Place", "destruction_list", "destruction_pdf"]

NOT_NOTED = "Place not noted"


class Place(msgspec.Struct, frozen=True):
    """Where things lie that somebody is to destroy, in order of class and key."""

    location: str
    lines: tuple[AwaitingView, ...]


def destruction_list(session: CouncilSession, caller: Caller) -> tuple[Place, ...]:
    """What awaits destruction by hand, place by place, of the services that the caller may see; at most 1,000 things,
    those that have waited longest. Raises `Forbidden`."""
    found = sorted(by_hand(session, caller), key=lambda one: (one.location or "", one.record_class, one.id))
    return tuple(
        Place(location or NOT_NOTED, tuple(lines)) for location, lines in groupby(found, lambda one: one.location)
    )


def destruction_pdf(session: CouncilSession, caller: Caller) -> bytes:
    """The list to print: tagged, on A4. The same list gives the same bytes on the same day. Raises `Forbidden`."""
    places, today = destruction_list(session, caller), session.clock.today()
    told = {
        "council": adopted(session).council.name,
        "day": f"{today:%d/%m/%Y}",
        "date": {"year": today.year, "month": today.month, "day": today.day},
        "count": _things(sum(len(place.lines) for place in places)),
        "places": [
            {
                "location": place.location,
                "lines": [{"class": one.record_class, "key": str(one.id), "noted": _noted(one)} for one in place.lines],
            }
            for place in places
        ],
    }
    return typst.compile(
        _template(),
        format="pdf",
        ignore_system_fonts=True,
        pdf_standards=["a-3a", "ua-1"],
        timestamp=datetime.combine(today, time(), UTC),
        sys_inputs={"list": msgspec.json.encode(told).decode()},
    )


def _noted(one: AwaitingView) -> str:
    looked = f"Not found on {one.searched_on:%d/%m/%Y}" if one.searched_on else None
    return "; ".join(filter(None, (looked, f"In {one.system} too" if one.system else None)))


def _things(count: int) -> str:
    return f"{count} thing is" if count == 1 else f"{count} things are"


@cache
def _template() -> bytes:
    return files("muniment.retention").joinpath("templates", "destruction_list.typ").read_bytes()
