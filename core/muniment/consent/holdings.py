"""On what each value of a client file is held now: for which purposes, each on which basis, and whether that still is.

A value stays as long as one of its purposes has a basis. One whose purposes all rested on consent that was withdrawn or
refused is held on nothing (UK GDPR Art 17(1)(b)): retention then has it taken away. Of a consent that nobody has
written down, or that has expired, it is only said that it is not proven: what is not known destroys nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import text

from muniment.api.text import say
from muniment.clients.context import Context
from muniment.clients.files import open_file
from muniment.clock import london_day
from muniment.consent.acts import CONSENT, State
from muniment.consent.grounds import ground_of, purpose_of
from muniment.consent.standing import Standing, standings, standings_of
from muniment.database.packed import Keys
from muniment.database.session import CouncilSession
from muniment.policy.model import ServicePolicy
from muniment.web.callers import Caller

__all__ = ["Basis", "Holding", "candidates", "ended_by_file", "holdings", "on_nothing"]

Held = Literal["stands", "not-proven", "gone"]

ENDED: frozenset[State] = frozenset({"withdrawn", "refused"})

CANDIDATES = text(
    "select s.file_id from ("
    " select e.subject_id, array_agg(distinct e.purpose) as purposes from consent_event e"
    " where e.council_id = :council_id and e.kind = 'consent' and e.state in ('withdrawn', 'refused')"
    " group by e.subject_id) ended"
    " join consent_subject s on s.council_id = :council_id and s.id = ended.subject_id"
    " where s.file_id > :after and exists ("
    " select from record r cross join lateral jsonb_each(r.values) value"
    " where r.council_id = s.council_id and r.file_id = s.file_id and r.disposal is null"
    " and case when jsonb_typeof(value.value -> 'p') = 'array' then jsonb_array_length(value.value -> 'p') > 0"
    " and ended.purposes @> array(select jsonb_array_elements_text(value.value -> 'p')) end)"
    " order by s.file_id limit :limit"
)

BECAUSE: Mapping[str, str] = {
    "withdrawn": "consent was withdrawn",
    "refused": "consent was refused",
    "expired": "consent has expired: it is to be asked for again",
    "superseded": "consent was given for other recipients: it is to be asked for again",
    "requested": "consent was asked for and not answered",
}


class Basis(msgspec.Struct, frozen=True):
    """One purpose of a value: whether its basis `stands`, is `not-proven` or `gone`, and why, in a sentence."""

    purpose: str
    title: str
    held: Held
    because: str


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """One value (`category.field`) of a record and the bases it is held on. `on_nothing`: none of them is left."""

    record_id: UUID
    record_class: str
    field: str
    bases: tuple[Basis, ...]
    on_nothing: bool


def holdings(session: CouncilSession, caller: Caller, context: Context, file_id: UUID) -> tuple[Holding, ...]:
    """Every value of a client file, by record and name. Reading them is reading the file: an audit event.

    Raises `NotFound` if there is no such file that the caller may see, `Forbidden`.
    """
    file = open_file(session, caller, file_id)
    declared = context.policy.service(file.service)
    consents = {each.purpose: each for each in standings(session, file_id) if each.kind == CONSENT}
    language, found = context.policy.council.languages[0], list[Holding]()
    for record in file.records:
        for field, value in sorted(record.values.items()):
            bases = tuple(_basis(declared, purpose, consents.get(purpose), language) for purpose in value.purposes)
            gone = bool(bases) and all(basis.held == "gone" for basis in bases)
            found.append(
                Holding(
                    record_id=record.id, record_class=record.record_class, field=field, bases=bases, on_nothing=gone
                )
            )
    return tuple(found)


def on_nothing(
    policy: ServicePolicy, ended: Collection[str], values: Mapping[str, Mapping[str, object]]
) -> tuple[str, ...]:
    """The names of those values of a record (the column `record.values`) that no purpose has a basis for any more.

    `ended` are the purposes to which consent was withdrawn or refused. Pure.
    """
    gone = {purpose for purpose in ended if ground_of(policy, purpose).consent_alone}
    return tuple(
        name for name, value in sorted(values.items()) if (held_for := _purposes(value)) and gone.issuperset(held_for)
    )


def ended_by_file(session: CouncilSession, file_ids: Sequence[UUID]) -> dict[UUID, dict[str, date]]:
    """The purposes to which consent stands withdrawn or refused, and since which day in London, by file; files with
    none are missing."""
    found: dict[UUID, dict[str, date]] = {}
    for file_id, consents in standings_of(session, file_ids).items():
        ended = {each.purpose: london_day(each.at) for each in consents if each.kind == CONSENT and each.state in ENDED}
        if ended:
            found[file_id] = ended
    return found


def candidates(session: CouncilSession, after: UUID, limit: int) -> Keys:
    """The next files with a value for whose purposes consent was ever withdrawn or refused, in the order of their keys.

    Whether it stands so now, and whether they rest on consent alone, is asked of these few."""
    rows = session.scalars(CANDIDATES, {"council_id": session.council_id, "after": after, "limit": limit})
    return Keys.of(rows.all())


def _purposes(value: Mapping[str, object]) -> list[str]:
    held_for = value.get("p")
    return [str(purpose) for purpose in held_for] if isinstance(held_for, list) else []


def _basis(policy: ServicePolicy, purpose_id: str, consent: Standing | None, language: str) -> Basis:
    purpose, ground = purpose_of(policy, purpose_id), ground_of(policy, purpose_id)
    title = purpose_id if purpose is None else say(purpose.title, language)
    if not ground.consent_alone:
        said = "; ".join(ground.words(language))
        return Basis(purpose_id, title, "stands", said or "the policy does not say on which basis")
    if consent is None:
        return Basis(purpose_id, title, "not-proven", "it rests on consent, and none is written down")
    if consent.live:
        until = f" until {consent.expires_on.isoformat()}" if consent.expires_on else ""
        return Basis(purpose_id, title, "stands", f"consent is given{until}")
    return Basis(purpose_id, title, "gone" if consent.state in ENDED else "not-proven", BECAUSE[consent.state])
