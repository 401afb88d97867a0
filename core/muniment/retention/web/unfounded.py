"""What is held on no basis any more, over the API: listing it, and having it taken away."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, QueryParameter, SkipValidation
from msgspec import Meta

from muniment.accounts.permissions import Caller, Permission
from muniment.database.session import CouncilSession
from muniment.plugins.manager import Plugins
from muniment.retention.disposal.unfounded import MOST, Unfounded, take_away, unfounded
from muniment.retention.evidence.ledger import Ledger
from muniment.retention.explain import facade_in_force
from muniment.web.cursors import MAX_LIMIT, SHOWN, Listing, decode_cursor, encode_cursor
from muniment.web.unit_of_work import needs

__all__ = ["unfounded_routes"]

TAGS = ["retention"]

Asker = NamedDependency[Caller]
Session = NamedDependency[CouncilSession]


class ToTakeAway(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Records, by key, of which what is held on nothing is to be taken away."""

    records: Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=MOST)]


class TakenAway(msgspec.Struct, frozen=True):
    """The records that values were taken from. The others keep theirs: a hold stands, a basis is there again, or they
    lie on paper or in another system too."""

    records: tuple[UUID, ...]


@get("/retention/unfounded", sync_to_thread=True, tags=TAGS)
def held_on_nothing(
    session: Session,
    caller: Asker,
    after: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = SHOWN,
) -> Listing[Unfounded]:
    """Values whose purposes all rested on consent that was withdrawn or refused, and by when they are to be gone."""
    place = decode_cursor(after, tuple[UUID])[0] if after is not None else None
    found = unfounded(session, caller, after=place, limit=limit)
    more = len(found) >= limit
    return Listing(list(found), encode_cursor((found[-1].file_id,)) if more else None)


@post(
    "/retention/unfounded/removals", sync_to_thread=True, status_code=200, tags=TAGS,
    opt=needs(Permission.REVIEW_DISPOSAL),
)  # fmt: skip
def remove(
    data: JSONBody[ToTakeAway],
    session: Session,
    caller: Asker,
    plugins: NamedDependency[SkipValidation[Plugins]],
    ledger_dir: NamedDependency[SkipValidation[Path]],
) -> TakenAway:
    """Take away what these records hold on nothing, with a certificate."""
    ledger = Ledger(ledger_dir, session.council_id)
    facade = facade_in_force(session, plugins)
    return TakenAway(take_away(session, caller, ledger, data.records, facade))


unfounded_routes = [held_on_nothing, remove]
