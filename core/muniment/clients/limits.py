"""What stands between a file and its use: restriction (UK GDPR Art 18) and objection (Art 21), as states of a file.

Whoever reads, changes, matches, gives away or disposes of anything in a file asks here. A limit that stands bars the
purposes that it names, or every use if it names none; what is barred may only be stored (Art 18(2)). Restriction, and
an objection under Art 21(1) until it is decided (Art 18(1)(d)), keep the file from disposal too; an objection that was
upheld does not: then use has ended, and what has no purpose left may go.

Placing, deciding and lifting them stands in `muniment.clients.limiting`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, FromClause, Text, and_, any_, func, literal, or_, select, text

from muniment.api.errors import Conflict
from muniment.clients.limit_tables import ClientLimit
from muniment.database.exchange import Asked
from muniment.database.packed import Keys
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession

__all__ = [
    "EXCEPTIONS",
    "GROUNDS",
    "RESTRICTED",
    "Exception18",
    "Ground",
    "Kind",
    "LimitView",
    "Limits",
    "keeps",
    "limits_asked",
    "limits_in",
    "limits_on",
    "refuse_limited",
    "stands",
    "view_of",
]

LIMIT = table_of(ClientLimit)

Kind = Literal["restriction", "objection"]
Ground = Literal["18.1.a", "18.1.b", "18.1.c", "18.1.d", "21.1", "21.2", "21.6"]
"""The provision that a limit rests on, of UK GDPR Art 18(1) or Art 21."""

State = Literal["standing", "pending", "upheld", "overridden", "lifted"]

Exception18 = Literal["consent", "legal-claims", "rights-of-another", "important-public-interest"]
"""The exceptions of Art 18(2), one of which somebody must name to use what is restricted."""

EXCEPTIONS: Final[Mapping[Exception18, str]] = {
    "consent": "the person has consented",
    "legal-claims": "for legal claims: to establish, exercise or defend them",
    "rights-of-another": "to protect the rights of another person",
    "important-public-interest": "for reasons of important public interest",
}
"""Each exception in words."""

GROUNDS: Final[Mapping[str, str]] = {
    "18.1.a": "its accuracy is contested, and is being verified",
    "18.1.b": "its use is unlawful, and the person wants it restricted rather than erased",
    "18.1.c": "it is no longer needed, but the person needs it for legal claims",
    "18.1.d": "the person has objected, and whose grounds prevail is being verified",
    "21.1": "the person objects on grounds of their own situation",
    "21.2": "the person objects to direct marketing",
    "21.6": "the person objects to research or statistics",
}
"""Each ground in words that follow `restricted:` or stand alone."""

RESTRICTED: Final = (
    "This client file is restricted: it may be stored, and not used or changed (UK GDPR Art 18(2), Art 21). To read "
    "it, name the exception that applies; to change it, have the restriction lifted first."
)


class LimitView(msgspec.Struct, frozen=True, kw_only=True):
    """A restriction or an objection. `purposes` are ids of the policy; none means every use.

    `state` is *standing* (a restriction), *pending* (an objection not decided yet), *upheld*, *overridden* or *lifted*;
    the last two have ended. Instants are in UTC. `told_on` is the day the person was told how it ended, or was decided;
    `because` and `reason` say why, `because` as a code.
    """

    id: UUID
    kind: Kind
    ground: Ground
    purposes: tuple[str, ...]
    state: State
    placed_at: datetime
    decided_at: datetime | None
    ended_at: datetime | None
    told_on: date | None
    because: str | None
    reason: str | None

    @property
    def stands(self) -> bool:
        """Whether it bars anything now."""
        return self.ended_at is None

    @property
    def keeps(self) -> bool:
        """Whether it keeps the file from disposal now."""
        return self.state == "standing" or (self.state == "pending" and self.ground == "21.1")


class Limits(msgspec.Struct, frozen=True):
    """What stands on one file."""

    standing: tuple[LimitView, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether every use of the file is barred."""
        return any(not limit.purposes for limit in self.standing)

    def bars(self, purposes: Collection[str]) -> bool:
        """Whether what is held for these purposes may not be used for any of them. Without purposes: `whole`.

        >>> Limits().bars(["support"])
        False
        """
        if self.whole:
            return True
        barred = {purpose for limit in self.standing for purpose in limit.purposes}
        return bool(purposes) and barred.issuperset(purposes)

    def refuse(self, *purposes: Iterable[str]) -> None:
        """Raise `Conflict` (`restricted`) if the whole file is barred, or any of these sets of purposes."""
        if self.whole or any(self.bars(tuple(each)) for each in purposes):
            raise Conflict(RESTRICTED, code="restricted")


def stands(file: FromClause, *, kind: Kind | None = None, purpose: str | None = None) -> ColumnElement[bool]:
    """The condition that a limit stands on a row of `client_file` (or an alias, or a subquery with its columns
    `council_id` and `id`), of either kind unless one is named.

    With `purpose` it is that the purpose is barred; without, that every use is.
    """
    covers = func.cardinality(LIMIT.c.purposes) == 0
    if purpose is not None:
        covers = or_(covers, literal(purpose, Text) == any_(LIMIT.c.purposes))
    mine = and_(LIMIT.c.council_id == file.c.council_id, LIMIT.c.file_id == file.c.id)
    of_kind = [LIMIT.c.kind == kind] if kind is not None else []
    return select(LIMIT.c.id).where(mine, LIMIT.c.ended_at.is_(None), covers, *of_kind).correlate(file).exists()


def keeps() -> ColumnElement[bool]:
    """The condition on a row of `client_limit` that it keeps its file from disposal, all of it, whatever it names."""
    pending = and_(LIMIT.c.state == "pending", LIMIT.c.ground == "21.1")
    return and_(LIMIT.c.ended_at.is_(None), or_(LIMIT.c.state == "standing", pending))


_STANDING = text(
    f"select {', '.join(dict.fromkeys(('file_id', *LimitView.__struct_fields__)))} from client_limit"  # noqa: S608
    " where council_id = :council_id and file_id = any(cast(:file_ids as uuid[])) and ended_at is null"
    " order by placed_at, id"
)
"""Asked whenever a file is read or changed: as text it costs Python a fraction of what building it would."""


def limits_on(session: CouncilSession, file_ids: Collection[UUID]) -> dict[UUID, Limits]:
    """What stands on each of some files; files on which nothing stands are missing."""
    return limits_in(session.ask(*limits_asked(session, file_ids))) if file_ids else {}


def limits_asked(session: CouncilSession, file_ids: Collection[UUID]) -> Asked:
    """The question of `limits_on`, to be sent along with another; `limits_in` reads its rows."""
    return _STANDING, {"council_id": session.council_id, "file_ids": Keys.of(file_ids)}


def limits_in(rows: Iterable[Any]) -> dict[UUID, Limits]:
    """What stands on each file, from the rows that answer `limits_asked`."""
    found: dict[UUID, list[LimitView]] = {}
    for row in rows:
        found.setdefault(row.file_id, []).append(view_of(row))
    return {file_id: Limits(tuple(several)) for file_id, several in found.items()}


def refuse_limited(session: CouncilSession, file_ids: Sequence[UUID]) -> None:
    """Raise `Conflict` (`restricted`) if every use of one of these files is barred."""
    for limits in limits_on(session, file_ids).values():
        limits.refuse()


def view_of(row: Any) -> LimitView:
    """A row of `client_limit` as it is shown."""
    values = {name: getattr(row, name) for name in LimitView.__struct_fields__}
    return LimitView(**values | {"purposes": tuple(row.purposes)})
