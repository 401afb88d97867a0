"""What is known of many clients for one question, in one query: clients of whom the same is known come as one group.

The caller has locked the files if something is to leave; what is read here was committed by then. Which fields a file
holds comes as bits of a number, one for each field asked for, so that a group is a row and a file is 16 bytes in it.

The server keeps no statistics of councils (`database.schema_sql`), so it expects next to nothing of each part, and what
it expects little of it may go through anew for every file: for ten thousand files, a hundred million rows. So each part
reads the rows of all files at once, by their keys, and is joined in full, though it has no file that `chosen` has not:
a full join goes through either side once, whatever is expected of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from muniment.consent.grounds import ground_of
from muniment.consent.standing import STANDING
from muniment.database.exchange import written
from muniment.database.packed import Keys
from muniment.database.session import CouncilSession
from muniment.policy.model import Policy
from muniment.sharing.question import Agreed, Facts
from muniment.sharing.terms import IDENTITY, Terms

__all__ = ["FILES", "MOST_FIELDS", "RECORDS", "Known", "gather", "held_for", "stub_column", "text_by", "value_held"]

MOST_FIELDS = 60
"""Fields in one question: each has a bit of a signed 64-bit number."""

ADULT = 18

CHOSEN = "array(select id from chosen)"
"""The files in question, for the parts of the query. As the answer to a question they are keys that nobody plans for:
planning for ten thousand takes as long as deciding about thousands."""

FILES = "client_file f where f.council_id = :council_id and f.id"
"""Client files; what their key is equal to comes next."""

RECORDS = "record r where r.council_id = :council_id and r.disposal is null and r.restricted_on is null and r.file_id"
"""The records that may be used; what their file is equal to comes next."""


class Known(msgspec.Struct, frozen=True):
    """Files of which the same is known."""

    facts: Facts
    files: Keys


def held_for(policy: Policy, terms: Terms) -> list[str]:
    """The purposes that a value must be held for, one of them, to be given: the one asked for, or one compatible.

    What is held on consent alone is never compatible with anything (UK GDPR Art 8A(4)).
    """
    question, recipient = terms.question, terms.recipient
    if recipient is None:
        return [question.purpose]
    declared = policy.service(question.service)
    on_consent = {name for name in recipient.compatible if ground_of(declared, name).consent_alone}
    return [question.purpose, *(name for name in recipient.compatible if name not in on_consent)]


def gather(
    session: CouncilSession, policy: Policy, terms: Terms, files: Keys, requested: UUID | None = None
) -> list[Known]:
    """What is known of these files; those that are not there, or not of the question's service, are left out.

    `requested` is the file that a one-off request is about.
    """
    question, today = terms.question, session.clock.today()
    asked = {name: 1 << place for place, name in enumerate(question.fields)}
    recipient = terms.recipient
    parameters: dict[str, Any] = {
        "council_id": session.council_id,
        "file_ids": files,
        "service": question.service,
        "purpose": question.purpose,
        "purposes": held_for(policy, terms),
        "key": terms.recipient_key,
        "programme": "" if recipient is None else recipient.programme or "",
        "born_by": _years_before(today, ADULT),
        "requested": requested,
        "today": today,
        **{f"field_{place}": name for place, name in enumerate(asked) if name not in IDENTITY},
    }
    since = question.exception == "consent"
    statement = written(("gather", since, *text_by(asked)), lambda: text(_query(asked, since=since)))
    return [Known(_facts(row, asked), Keys(row.ids)) for row in session.ask(statement, parameters)]


def text_by(fields: Iterable[str]) -> Iterator[str]:
    """What the text of a query about these fields goes by: parts of the stub are columns, the others parameters."""
    return (name if name in IDENTITY else "" for name in fields)


def stub_column(part: str) -> str:
    """The column of the client file that holds a part of the identity stub."""
    return part.replace("-", "_")


def value_held(field: str) -> str:
    """Whether a record `r` holds a value of the field, a parameter's name, for one of `purposes`; null if it has none.

    What the gate is told and what leaves are both read by this, in `RECORDS`.
    """
    return f"r.values -> :{field} -> 'p' ?| cast(:purposes as text[])"


def _query(asked: dict[str, int], *, since: bool) -> str:
    """The query; only names of our own columns and parameters, and numbers, are put into its text."""
    stub, held, some = [], [], []
    for place, (name, bit) in enumerate(asked.items()):
        if name in IDENTITY:
            stub.append(_bit(bit, f"f.{stub_column(name)} is not null"))
        else:
            held.append(_bit(bit, value_held(f"field_{place}")))
            some.append(_bit(bit, f"r.values ? :field_{place}"))
    return _QUERY.format(
        chosen=CHOSEN,
        records=RECORDS,
        stub=_bits(stub),
        held=_bits(held),
        some=_bits(some),
        since=_SINCE if since else "false",
        consent=_standing("consent"),
        permission=_standing("permission"),
    )


def _bit(bit: int, condition: str) -> str:
    return f"case when {condition} then cast({bit} as bigint) else 0 end"


def _bits(parts: list[str]) -> str:
    return " | ".join(parts) or "cast(0 as bigint)"


def _standing(kind: str) -> str:
    which = f"s.service = :service and e.kind = '{kind}' and e.purpose = :purpose"
    return STANDING % {"which": which, "files": CHOSEN}


def _years_before(day: date, years: int) -> date:
    """The last day of birth of somebody who is so many years old on `day`; who was born on 29 February comes of age on
    1 March where there is none."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return date(day.year - years, 2, 28)


def _facts(row: Any, asked: dict[str, int]) -> Facts:
    return Facts(
        held=frozenset(name for name, bit in asked.items() if row.held & bit),
        held_otherwise=frozenset(name for name, bit in asked.items() if row.otherwise & bit),
        consent=Agreed(row.consent, row.consent_named, row.consent_explicit),
        permission=Agreed(row.permission, row.permission_named, row.permission_explicit),
        limited=row.limited,
        objection=row.objection,
        agreed_since=row.agreed_since,
        enrolled=row.enrolled,
        programme_notice=row.programme_notice,
        obtained_elsewhere=row.elsewhere,
        told=row.told,
        adult=row.adult,
        requested=row.requested,
    )


_SINCE = """exists (
        select from consent_subject s join consent_event e on e.council_id = s.council_id and e.subject_id = s.id
        where s.council_id = :council_id and s.file_id = c.id and e.kind = 'consent' and e.purpose = :purpose
        and e.state in ('given', 'reconfirmed') and :key = any(e.recipients) and e.at > limits.placed_at
    )"""
_QUERY = """
with chosen as materialized (
    select f.id, f.born_on, f.referred_on, {stub} as stub
    from client_file f
    where f.council_id = :council_id and f.service = :service
    and f.id = any(array(select unnest(cast(:file_ids as uuid[]))))
), seen as (
    select r.file_id, bit_or({some}) as some, bit_or({held}) as held
    from {records} = any({chosen})
    group by r.file_id
), consent as ({consent}), permission as ({permission}), limits as (
    select l.file_id,
        bool_or(l.kind = 'restriction') as restricted,
        bool_or(l.kind = 'objection' and l.state = 'upheld') as upheld,
        bool_or(l.kind = 'objection' and l.state <> 'upheld') as pending,
        max(l.placed_at) as placed_at
    from client_limit l
    where l.council_id = :council_id and l.file_id = any({chosen}) and l.ended_at is null
    and (cardinality(l.purposes) = 0 or l.purposes && cast(:purposes as text[]))
    group by l.file_id
), joined as (
    select e.file_id, max(e.started_on) as since
    from enrolment e
    where e.council_id = :council_id and e.programme = :programme and e.file_id = any({chosen})
    and e.started_on <= :today and (e.ended_on is null or e.ended_on >= :today)
    and not exists (
        select from programme_fact p
        where p.council_id = e.council_id and p.programme = e.programme and p.kind = 'ended' and p.happened_on < :today
    )
    group by e.file_id
), own as (
    select v.id from notice_version v where v.council_id = :council_id and v.programme = :programme
    union all select d.id from earlier_document d where d.council_id = :council_id and d.programme = :programme
), told as (
    select g.file_id, max(g.given_on) as last,
        max(g.given_on) filter (where coalesce(g.version_id, g.document_id) in (select own.id from own)) as of_programme
    from notice_given g
    where g.council_id = :council_id and g.file_id = any({chosen})
    group by g.file_id
)
select c.stub | coalesce(seen.held, 0) as held,
    coalesce(seen.some, 0) & ~coalesce(seen.held, 0) as otherwise,
    case when consent.state in ('given', 'reconfirmed') then 'given' else coalesce(consent.state, 'none') end
        as consent,
    coalesce(:key = any(consent.recipients), false) as consent_named,
    coalesce(consent.explicit, false) as consent_explicit,
    case when permission.state in ('given', 'reconfirmed') then 'given' else coalesce(permission.state, 'none') end
        as permission,
    coalesce(:key = any(permission.recipients), false) as permission_named,
    coalesce(permission.explicit, false) as permission_explicit,
    coalesce(limits.restricted, false) as limited,
    case when limits.upheld then 'upheld' when limits.pending then 'pending' else 'none' end as objection,
    joined.since is not null as enrolled,
    coalesce(told.of_programme >= joined.since, false) as programme_notice,
    c.referred_on is not null as elsewhere,
    told.last is not null as told,
    coalesce(c.born_on <= :born_by, false) as adult,
    coalesce(c.id = cast(:requested as uuid), false) as requested,
    {since} as agreed_since,
    string_agg(uuid_send(c.id), cast('' as bytea)) as ids
from chosen c
full join seen on seen.file_id = c.id
full join consent on consent.file_id = c.id
full join permission on permission.file_id = c.id
full join limits on limits.file_id = c.id
full join joined on joined.file_id = c.id
full join told on told.file_id = c.id
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17
"""
