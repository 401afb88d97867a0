"""What must be asked again: agreements that have run out or soon will, and those that a new recipient has overtaken.

That one has run out counts from its last day by itself; the event that says so is written down afterwards, and names
those it was for where what was agreed for others counts still. A new recipient is different: until the ledger says that
an agreement is superseded it counts for those it names, and after that for nobody, until the person has been asked
afresh (a consent to recipients unnamed is none).
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import TextClause, text

from muniment.api.errors import NotFound
from muniment.clients.locks import lock_files
from muniment.clock import LONDON
from muniment.consent.acts import Kind, State
from muniment.consent.grounds import purpose_of
from muniment.consent.history import event_named
from muniment.consent.ledger import Entry, append, send
from muniment.consent.standing import standings_of
from muniment.database.session import CouncilSession
from muniment.database.signals import PolicyAdopted
from muniment.policy.model import Policy
from muniment.policy.store import adopted_or_none, policy_of_hash
from muniment.web.callers import Caller, Permission

__all__ = ["AHEAD", "CHUNK", "REFRESH", "ToAsk", "note_overtaken", "on_policy_adopted", "to_ask_again"]

AHEAD: Final = timedelta(days=30)
"""How long before its last day an agreement is listed."""

REFRESH: Final = "consent.refresh"
"""The actor's name; it takes the council's key."""

CHUNK: Final = 200
"""Files whose ledgers are added to in one transaction."""

NEWEST = """
    from consent_event e join consent_subject s on s.council_id = e.council_id and s.id = e.subject_id
    where e.council_id = :council_id and s.file_id is not null and {which}
    and not exists (
        select from consent_event later
        where later.council_id = e.council_id and later.subject_id = e.subject_id
        and later.kind = e.kind and later.purpose = e.purpose
        and (later.state in ('given', 'reconfirmed') or later.recipients = '{{}}' and later.state <> 'requested')
        and (later.at, later.number) > (e.at, e.number)
    )
"""
"""Events that decide about their purpose still."""

GIVES = "('given', 'reconfirmed')"
GIVES_OR_ASKS = "('given', 'reconfirmed', 'requested')"
LIVE = f"e.state in {GIVES}"
COUNTING = f"{LIVE} and (e.expires_on is null or e.expires_on >= :today)"

THESE = "and (cast(:ids as uuid[]) is null or e.id = any(cast(:ids as uuid[]))) order by s.file_id limit :limit"
OF_THE_SAME = (
    "from consent_event later where later.council_id = e.council_id and later.subject_id = e.subject_id"
    " and later.kind = e.kind and later.purpose = e.purpose and (later.at, later.number) > (e.at, e.number)"
)
EXPIRED = f"""
    select e.id, s.file_id, names.still
    from consent_event e join consent_subject s on s.council_id = e.council_id and s.id = e.subject_id
    cross join lateral (
        select coalesce(array_agg(named.recipient), '{{}}') as still from unnest(e.recipients) named (recipient)
        where not exists (select {OF_THE_SAME}
            and later.state <> 'requested' and named.recipient = any(later.recipients))
    ) names
    where e.council_id = :council_id and s.file_id is not null and {LIVE} and e.expires_on < :today
    and not exists (select from consent_event noted where noted.council_id = e.council_id
        and noted.subject_id = e.subject_id and noted.about = e.id and noted.state = 'expired')
    and not exists (select {OF_THE_SAME} and later.recipients = '{{}}' and later.state not in {GIVES_OR_ASKS})
    and (cardinality(names.still) > 0
        or e.recipients = '{{}}' and not exists (select {OF_THE_SAME} and later.state in {GIVES}))
    {THESE}
"""  # noqa: S608
"""Acts of giving that have run out: those that decide about somebody still, `still`, or about the purpose."""

GIVEN_UNDER = text("select distinct e.policy_hash, s.service, e.purpose" + NEWEST.format(which=COUNTING))
OVERTAKEN = (
    "select e.id, s.file_id, cast('{}' as text[]) as still"
    + NEWEST.format(which=COUNTING)
    + f" and s.service = :service and e.purpose = :purpose and e.policy_hash = :hash {THESE}"
)
TO_ASK = text(
    "select e.id, s.file_id, s.service, e.kind, e.purpose, e.expires_on,"
    " case when e.state in ('given', 'reconfirmed') and e.expires_on < :today then 'expired' else e.state end as state"
    + NEWEST.format(
        which=f"({LIVE} and e.expires_on <= :until or e.recipients = '{{}}' and e.state in ('expired', 'superseded'))"
        " and (cast(:services as text[]) is null or s.service = any(cast(:services as text[])))"
        " and (s.file_id, e.id) > (:after_file, :after_id)"
    )
    + " order by s.file_id, e.id limit :limit"
)


class ToAsk(msgspec.Struct, frozen=True, kw_only=True):
    """An agreement that is to be asked for again, by file and purpose: it counts until `expires_on` (inclusive, a date
    in London), or its `state` is `expired` or `superseded` already."""

    id: UUID
    file_id: UUID
    service: str
    kind: Kind
    purpose: str
    state: State
    expires_on: date | None


def to_ask_again(
    session: CouncilSession, caller: Caller, *, after: tuple[UUID, UUID] | None = None, limit: int = 100
) -> tuple[ToAsk, ...]:
    """What runs out within 30 days, has run out, or was overtaken, of the services that the caller may see, in order of
    file; `after` is the file and the key of the line before. Raises `Forbidden`."""
    services = caller.require_somewhere(Permission.READ_CLIENTS)
    nothing = UUID(int=0)
    after_file, after_id = after or (nothing, nothing)
    today = session.clock.today()
    rows = session.execute(
        TO_ASK,
        {
            "council_id": session.council_id, "today": today, "until": today + AHEAD,
            "services": None if services is None else sorted(services),
            "after_file": after_file, "after_id": after_id, "limit": limit,
        },
    )  # fmt: skip
    names = ToAsk.__struct_fields__
    return tuple(msgspec.convert({name: getattr(row, name) for name in names}, ToAsk) for row in rows)


def note_overtaken(session: CouncilSession) -> int:
    """Write down some agreements that have run out, or that a new recipient has overtaken; how many. Fewer than `CHUNK`
    of each means that there are no more. Found by state: to repeat it changes nothing."""
    policy = adopted_or_none(session)
    if policy is None:
        return 0
    usual = {"council_id": session.council_id, "today": session.clock.today(), "limit": CHUNK}
    noted = _note(session, policy, text(EXPIRED), usual, "expired")
    for hash_, service, purpose in list(session.execute(GIVEN_UNDER, usual)):
        if _has_new_recipient(session, policy, hash_, service, purpose):
            about = {"service": service, "purpose": purpose, "hash": hash_}
            noted += _note(session, policy, text(OVERTAKEN), usual | about, "superseded")
    return noted


def on_policy_adopted(session: CouncilSession, _adopted: PolicyAdopted) -> None:
    """Have it looked at soon whether a new recipient has overtaken anything."""
    session.ring(REFRESH, (session.council_id,))


def _has_new_recipient(session: CouncilSession, policy: Policy, hash_: str, service: str, purpose: str) -> bool:
    """Whether the policy in force names somebody for a purpose whom the one of `hash_` did not."""
    if hash_ == policy.hash or service not in policy.services:
        return False
    now = purpose_of(policy.services[service], purpose)
    try:
        then = purpose_of(policy_of_hash(session, hash_).service(service), purpose)
    except NotFound:
        return False
    return now is not None and then is not None and not set(now.recipients) <= set(then.recipients)


def _note(session: CouncilSession, policy: Policy, query: TextClause, asked: dict[str, Any], state: State) -> int:
    """Add an event for each act that the query finds, and finds again behind the locks of their files."""
    found = session.execute(query, {**asked, "ids": None}).all()
    files = lock_files(session, sorted({row.file_id for row in found}))
    standing = standings_of(session, list(files)) if files else {}
    still = session.execute(query, {**asked, "ids": [row.id for row in found]}).all() if files else []
    for row in still:
        event = event_named(session, row.id)
        about = (event.kind, event.purpose)
        others = any(one.live and (one.kind, one.purpose) == about for one in standing.get(row.file_id, ()))
        names = {
            key: name for key, name in zip(event.recipients, event.named, strict=True) if others and key in row.still
        }
        over = session.clock.now() if event.expires_on is None or state == "superseded" else _end_of(event.expires_on)
        entry = Entry(
            kind=event.kind, state=state, purpose=event.purpose, at=max(over, event.at), policy_hash=policy.hash,
            categories=event.categories, about=event.id, recipients=tuple(names), named=tuple(names.values()),
        )  # fmt: skip
        append(session, files[row.file_id], entry)
    if still:
        send(session, sorted({row.file_id for row in still}), state)
    return len(still)


def _end_of(day: date) -> datetime:
    """The last instant of a day in London."""
    return datetime.combine(day + timedelta(days=1), time(), LONDON) - timedelta(microseconds=1)
