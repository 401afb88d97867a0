"""What people do and officers record: being asked, agreeing, refusing, agreeing again, withdrawing.

Withdrawing asks for less than agreeing and never for a reason (UK GDPR Art 7(3)). It counts from the moment it is
committed: whoever passes data on locks the same file and reads the ledger behind the lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import select

from muniment.api.consent import ConsentAct
from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.api.periods import Period, add_period
from muniment.clients.context import Context
from muniment.clients.facts import FILE
from muniment.clients.locks import LockedFile, change_file
from muniment.clock import london_day
from muniment.consent.acts import LIVE, Authority, Channel, How, Kind, recipient_key
from muniment.consent.asking import NamedRecipient, NewAnswer, check_language, entry_of, instant_of
from muniment.consent.evidence import handed_in, hashes, store_evidence
from muniment.consent.following import Following, follows
from muniment.consent.grounds import purpose_of
from muniment.consent.history import EventView, events_of, names_in
from muniment.consent.ledger import Entry, append, send
from muniment.consent.standing import Standing, standing
from muniment.database.session import CouncilSession
from muniment.files.store import FileStore
from muniment.notices.given import refuse_unfit
from muniment.policy.model import Policy
from muniment.policy.store import adopted_at, adopted_on
from muniment.web.callers import Caller, Permission

__all__ = ["NewWithdrawal", "Withdrawn", "record_answer", "withdraw"]

NEVER_ASKED: Final = "This client was never asked about that purpose. If they say no to it, record it as refused."
NOTHING_GIVEN: Final = "There is nothing to withdraw: no {kind} to this purpose was given."
OF_AGE: Final = (
    "They were of age on that day, and nobody has parental responsibility for an adult: ask them themselves."
)
AGAIN: Final = "There is no {kind} to this purpose to confirm: record it as given."


class NewWithdrawal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Somebody withdraws. `recipients` narrows it to some of those named; absent, it is for all. `on` is the day of
    the act, in London, today if absent. No reason is asked, and no evidence of whoever acts for the person: in doubt
    what was agreed to stops. `language` is that in which the person is told what follows, the council's first if
    absent."""

    channel: Channel
    language: str | None = None
    how: How | None = None
    recipients: tuple[NamedRecipient, ...] = ()
    on: date | None = None
    authority: Authority | None = None


class Withdrawn(msgspec.Struct, frozen=True):
    """What a withdrawal came to: the event, whether it is `new` or had been withdrawn already, and what follows."""

    id: UUID
    new: bool
    follows: Following


def record_answer(
    session: CouncilSession, caller: Caller, context: Context, store: FileStore, file_id: UUID, kind: Kind,
    new: NewAnswer,
) -> UUID:  # fmt: skip
    """Record what the person of a client file was asked and answered; returns the event's key.

    Raises `NotFound` for a file, version or document that is not there for the caller, `Forbidden`, `InvalidInput`, and
    `Conflict` where there is nothing to reconfirm. What somebody answers whose file is restricted is taken down all the
    same: they may consent to its use (UK GDPR Art 18(2)), which opens it where somebody claims that, and nothing else.
    """
    file = change_file(session, caller, file_id, Permission.RECORD_CONSENTS, though_limited=True)
    since = _words_since(session, context.policy, file.service, new)
    entry = entry_of(context.policy, since, file.service, kind, new, session.clock)
    if new.version is not None or new.document is not None:
        refuse_unfit(session, file.service, new.version, new.document, london_day(entry.at))
    if new.answer in LIVE and new.authority == "parental-responsibility":
        entry = _while_a_child(session, context.policy.council.nation, file, entry)
    if new.answer == "reconfirmed" and not _was_given(_standing(session, file, kind, new.purpose)):
        raise Conflict(AGAIN.format(kind=kind), code="never-given")
    pieces = handed_in(new)
    at = _after_all(session, events_of(session, file.id), kind, new.purpose, entry.at)
    event_id = append(session, file, msgspec.structs.replace(entry, at=at, evidence=hashes(pieces)))
    store_evidence(session, store, file, event_id, pieces)
    send(session, [file.id], new.answer)
    if new.answer in LIVE:
        _tell(session, context, file, event_id, entry, context.facade.consent_given)
    return event_id


def withdraw(
    session: CouncilSession, caller: Caller, context: Context, file_id: UUID, kind: Kind, purpose: str,
    new: NewWithdrawal,
) -> Withdrawn:  # fmt: skip
    """Withdraw from one purpose, for all recipients or for some.

    Of a purpose that the policy no longer declares too. Withdrawing again changes nothing. Raises `NotFound` for a file
    that is not there for the caller or was never asked, `Forbidden`, `InvalidInput`, `Conflict` if nothing was given.
    """
    file = change_file(session, caller, file_id, Permission.RECORD_CONSENTS, though_limited=True)
    if new.language is not None:
        check_language(new.language)
    declared = context.policy.service(file.service)
    before = _standing(session, file, kind, purpose)
    if before is None:
        raise NotFound(NEVER_ASKED)
    if not _was_given(before) and before.state != "withdrawn":
        raise Conflict(NOTHING_GIVEN.format(kind=kind), code="never-given")
    events = events_of(session, file.id)
    named = names_in(events, kind, purpose)
    keys = _narrowed(new.recipients, named)
    stops = [named[key] for key in keys or before.recipients]
    told = follows(declared, kind, purpose, stops, new.language or context.policy.council.languages[0])
    if before.state == "withdrawn" or (keys and not set(keys) & set(before.recipients)):
        return Withdrawn(before.event_id, False, told)
    found = purpose_of(declared, purpose)
    entry = Entry(
        kind=kind, state="withdrawn", purpose=purpose,
        at=_after_all(session, events, kind, purpose, instant_of(session.clock, new.on, last=True)),
        policy_hash=context.policy.hash, categories=found.categories if found is not None else (),
        recipients=keys, named=tuple(named[key] for key in keys),
        channel=new.channel, how=new.how, authority=new.authority,
    )  # fmt: skip
    event_id = append(session, file, entry)
    send(session, [file.id], "withdrawn")
    _tell(session, context, file, event_id, entry, context.facade.consent_withdrawn)
    if london_day(entry.at) < session.clock.today():
        told = _overtaken(told, before, _standing(session, file, kind, purpose), keys, named)
    return Withdrawn(event_id, True, told)


def _overtaken(
    told: Following, before: Standing, after: Standing | None, keys: Sequence[str], named: Mapping[str, str]
) -> Following:
    """What follows a withdrawal of a day that has passed: nothing from those whom they have agreed to since."""
    live = set(after.recipients) if after is not None else set[str]()
    meant = set(keys or before.recipients)
    stands = bool(meant & live) if keys else after is not None and after.live
    if not stands:
        return told
    stops = tuple(named[key] for key in sorted(meant - live))
    return msgspec.structs.replace(told, stops=stops, agreed_again=london_day(before.at))


def _narrowed(given: Sequence[NamedRecipient], named: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of those that a withdrawal is for. Raises `InvalidInput` for somebody who was never named."""
    by_name = {recipient_key(key.partition("/")[0], name): key for key, name in named.items()}
    keys = set[str]()
    for each in given:
        written = recipient_key(each.recipient, each.body)
        key = by_name.get(written, written)
        if key not in named:
            message = "One of these recipients was never named; to withdraw altogether name none."
            raise InvalidInput(message, where="recipients", code="never-named")
        keys.add(key)
    return tuple(sorted(keys))


def _standing(session: CouncilSession, file: LockedFile, kind: Kind, purpose: str) -> Standing | None:
    return standing(session, [file.id], file.service, purpose, kind).get(file.id)


def _was_given(found: Standing | None) -> bool:
    """Whether there is something to confirm or to withdraw: what expired or was superseded was given once."""
    return found is not None and found.state in (*LIVE, "expired", "superseded")


def _words_since(session: CouncilSession, policy: Policy, service: str, new: NewAnswer) -> date:
    """Since which day the policy asks about a purpose in these words and names these recipients: no later than that of
    the act if they were the same then. Of an act of today nothing need be asked."""
    if new.on is None:
        return date.min
    since = london_day(adopted_at(session, policy.hash))
    if new.on >= since:
        return since
    then = adopted_on(session, new.on)
    asked = [_asked(one, service, new.purpose) for one in (policy, then) if one is not None]
    return new.on if len(asked) == 2 and asked[0] == asked[1] else since


def _asked(policy: Policy, service: str, purpose_id: str) -> tuple[object, ...] | None:
    purpose = purpose_of(policy.services[service], purpose_id) if service in policy.services else None
    return None if purpose is None else (purpose.consent_wording, purpose.recipients)


def _while_a_child(session: CouncilSession, nation: str, file: LockedFile, entry: Entry) -> Entry:
    """An agreement by who has parental responsibility, which counts no longer than that lasts: to the day before the
    child turns 18 (Children Act 1989 ss.3(1), 105(1)), in Scotland 16 (Children (Scotland) Act 1995 s.2(7)). From then
    on they agree for themselves. Of an unknown day of birth nothing is known. Raises `InvalidInput` if it is over."""
    born_on: date | None = session.scalar(
        select(FILE.c.born_on).where(FILE.c.council_id == session.council_id, FILE.c.id == file.id)
    )
    if born_on is None:
        return entry
    last = add_period(born_on, Period(months=12 * (16 if nation == "scotland" else 18))) - timedelta(days=1)
    if last < london_day(entry.at):
        raise InvalidInput(OF_AGE, where="authority", code="of-age")
    return msgspec.structs.replace(entry, expires_on=min(entry.expires_on or last, last))


def _after_all(
    session: CouncilSession, events: Iterable[EventView], kind: Kind, purpose: str, at: datetime
) -> datetime:
    """The instant of an act. One of today is the latest there is: hosts' clocks differ, and the order is that of the
    lock."""
    if london_day(at) != session.clock.today():
        return at
    latest = max((event.at for event in events if (event.kind, event.purpose) == (kind, purpose)),
                 default=at)  # fmt: skip
    return max(at, latest)


def _tell(
    session: CouncilSession,
    context: Context,
    file: LockedFile,
    event_id: UUID,
    entry: Entry,
    tell: Callable[[Sequence[ConsentAct]], None],
) -> None:
    act = ConsentAct(
        context.policy.council.slug, file.service, str(file.id), str(event_id), entry.kind, entry.purpose,
        tuple(entry.recipients),
    )  # fmt: skip
    session.after_commit(lambda: tell([act]))
