"""What people's consents and permissions come to now, read off the ledger: derived each time, stored nowhere.

Of the events about one purpose the latest act counts (by `at`, then by `number`). Giving names recipients, and each act
of giving adds those it names: consent to one employer on Monday and to another on Friday is consent to both. What takes
back (refusing, withdrawing, expiring, being superseded) ends it for the recipients it names or, naming none, for all.
Asking changes nothing, and decides only where there is nothing else.
Past its last day a consent counts no more for those it names, whether or not an event says so yet; what was agreed for
others counts to its own last day.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import TextClause, text

from muniment.consent.acts import CONSENT, LIVE, Kind, State
from muniment.database.packed import Keys
from muniment.database.session import CouncilSession

__all__ = ["STANDING", "Standing", "standing", "standings", "standings_of"]


class Standing(msgspec.Struct, frozen=True):
    """Where one consent or permission stands. `event_id` is the latest act, `at` its instant.

    `recipients` are the keys (`acts.recipient_key`) of those it names and is live for, in order. `expires_on` is the
    last day of that act, a date in London or, where that is over, the last day of those before it that count still.
    `explicit`: every act that still counts was explicit (UK GDPR Art 9(2)(a)).
    """

    event_id: UUID
    kind: Kind
    purpose: str
    state: State
    recipients: tuple[str, ...]
    expires_on: date | None
    notice_version: UUID | None
    explicit: bool
    policy_hash: str
    at: datetime

    @property
    def live(self) -> bool:
        """Whether it allows anything today."""
        return self.state in LIVE


STANDING = """
    select s.file_id, whole.id as event_id, whole.kind, whole.purpose,
        case when over.it and live.recipients is null then 'expired' else whole.state end as state,
        coalesce(live.recipients, '{}') as recipients,
        case when over.it and live.recipients is not null then nullif(live.until, 'infinity')
            else whole.expires_on end as expires_on,
        whole.version_id as notice_version,
        (whole.explicit or over.it and live.recipients is not null) and coalesce(live.explicit, true) as explicit,
        whole.policy_hash, whole.at
    from consent_subject s
    join lateral (
        select distinct on (e.kind, e.purpose) e.*
        from consent_event e
        where e.council_id = s.council_id and e.subject_id = s.id and %(which)s
        order by e.kind, e.purpose,
            (e.state in ('given', 'reconfirmed') or e.recipients = '{}' and e.state <> 'requested') desc,
            (e.state <> 'requested') desc, e.at desc, e.number desc
    ) whole on true
    cross join lateral (
        select whole.state in ('given', 'reconfirmed') and coalesce(whole.expires_on < :today, false) as it
    ) over
    left join lateral (
        select array_agg(newest.recipient order by newest.recipient) as recipients,
            max(coalesce(newest.expires_on, 'infinity')) as until, bool_and(newest.explicit) as explicit
        from (
            select distinct on (named.recipient) named.recipient, e.state, e.expires_on, e.explicit
            from consent_event e cross join lateral unnest(e.recipients) named (recipient)
            where e.council_id = s.council_id and e.subject_id = s.id
            and e.kind = whole.kind and e.purpose = whole.purpose and e.state <> 'requested'
            and not exists (
                select from consent_event ending
                where ending.council_id = e.council_id and ending.subject_id = e.subject_id
                and ending.kind = e.kind and ending.purpose = e.purpose and ending.recipients = '{}'
                and ending.state in ('refused', 'withdrawn', 'expired', 'superseded')
                and (ending.at, ending.number) > (e.at, e.number)
            )
            order by named.recipient, e.at desc, e.number desc
        ) newest
        where newest.state in ('given', 'reconfirmed')
        and (newest.expires_on is null or newest.expires_on >= :today)
    ) live on whole.state in ('given', 'reconfirmed')
    where s.council_id = :council_id and s.file_id = any(%(files)s)
"""
"""What stands, as SQL with the parameters `council_id` and `today`: a line for each file, kind and purpose that there
is any event of. `which` narrows the events `e`, as in `OF_PURPOSE`; `files` is an array of the files' keys, as in
`FILE_IDS`; higher domains may join it."""

OF_PURPOSE = "s.service = :service and e.kind = :kind and e.purpose = :purpose"
FILE_IDS = "cast(:file_ids as uuid[])"
ONE_FILE = "array[cast(:file_ids as uuid)]"
"""An array of one, which the server sees before it knows the key: it plans the statement once and not each time."""


@lru_cache
def _statement(which: str, files: str) -> TextClause:
    return text(STANDING % {"which": which, "files": files})


def standing(
    session: CouncilSession, file_ids: Collection[UUID], service: str, purpose: str, kind: Kind = CONSENT
) -> Mapping[UUID, Standing]:
    """Where one purpose's consents (or permissions) stand, by client file, in one query.

    A file that nobody ever asked about it is missing, and so is one of another service.
    """
    rows = _ask(session, OF_PURPOSE, file_ids, service=service, kind=kind, purpose=purpose)
    return {row.file_id: _standing(row) for row in rows}


def standings(session: CouncilSession, file_id: UUID) -> tuple[Standing, ...]:
    """Everything that stands or stood for one client file, by kind and purpose."""
    found = standings_of(session, [file_id]).get(file_id, ())
    return tuple(sorted(found, key=lambda each: (each.kind, each.purpose)))


def standings_of(session: CouncilSession, file_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Standing]]:
    """Everything that stands or stood, by client file, in one query."""
    found: dict[UUID, list[Standing]] = {}
    for row in _ask(session, "true", file_ids):
        found.setdefault(row.file_id, []).append(_standing(row))
    return found


def _ask(session: CouncilSession, which: str, file_ids: Collection[UUID], **asked: str) -> list[Any]:
    ids = Keys.of(file_ids)
    files, given = (ONE_FILE, ids[0]) if len(ids) == 1 else (FILE_IDS, ids)
    parameters = {"council_id": session.council_id, "file_ids": given, "today": session.clock.today(), **asked}
    return session.ask(_statement(which, files), parameters)


def _standing(row: Any) -> Standing:
    return msgspec.convert(row._asdict(), Standing)
