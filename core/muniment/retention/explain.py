"""Why a record is kept until then: its rule, each clause with what it counts from, what stands in the way, what comes.

The answer comes from the same SQL that sets clocks, so an explanation cannot tell another story than the sweep acts on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import false, func, or_, select, true

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import NotFound
from muniment.api.text import say
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.facts import MILESTONE
from muniment.clients.use import in_use
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.plugins.facade import CouncilFacade
from muniment.plugins.manager import Plugins
from muniment.policy.store import adopted, adopted_or_none
from muniment.retention.approval import arming
from muniment.retention.counting import counts_from
from muniment.retention.holds.judging import ask
from muniment.retention.holds.standing import held, holds_on
from muniment.retention.rules.clock_sql import clauses_of_rows, decided, with_ids
from muniment.retention.rules.clocked import clocked_by
from muniment.retention.rules.compile import ClauseClock, Clock, clocks, undeclared
from muniment.retention.subjects import RECORDS, SUBJECTS, Subject
from muniment.retention.tables import Extension, Parked
from muniment.retention.words import (
    BY_HAND,
    FOR_THE_ARCHIVE,
    TO_BE_SEEN_TO,
    authority_words,
    clause_words,
    day_words,
    next_words,
    person_words,
    waits_words,
)  # fmt: skip

__all__ = ["ClauseExplained", "Explanation", "explain", "explain_file", "facade_in_force"]

EXTENSION = table_of(Extension)
PARKED = table_of(Parked)
READ = ("record_class", "disposal", "due_on", "rule_hash")
STORAGE_LIMITATION = "UK GDPR Art 5(1)(e)"


class ClauseExplained(msgspec.Struct, frozen=True, kw_only=True):
    """One clause as it stands for this record.

    `says` is the clause in words. `state` is *out* (its condition does not hold), *running* (what it counts from has
    not happened), *unclocked* (it cannot be computed; `because` says why), *dated* or *permanent*. `counts_from` says
    which day and where that comes from.
    """

    id: str
    says: str
    state: str
    counts_from: str
    anchor_on: date | None
    due_on: date | None
    because: str
    decides: bool
    rests_on: tuple[str, ...]


def _line(clause: ClauseExplained) -> str:
    until = f" Until {clause.due_on.strftime('%d/%m/%Y')}." if clause.due_on else ""
    detail = clause.counts_from or clause.because
    return f"{clause.says}.{until}{f' ({detail})' if detail else ''}"


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a record is kept and until when.

    `due_on` is the last day it is kept, `rule_on` the last by the rule alone, before `extended` (who keeps it longer,
    until when and why). `sentence` sums up; `blocks` are what keeps it although it is due; `on_request` what becomes of
    the client's request for deletion, empty where there is none. `review_on` is the day of the next review.
    `elsewhere` tells of clauses about what other holders have. `provisions` are what the period rests on, `decisions`
    the council's behind the rule. `for_person` is the answer for the person whom the record is about.
    """

    record_id: UUID
    file_id: UUID | None
    record_class: str
    title: str
    rule: str
    combine: str
    state: str
    due_on: date | None
    rule_on: date | None
    review_on: date | None
    action: str | None
    sentence: str
    next: str
    blocks: tuple[str, ...]
    extended: tuple[str, ...]
    on_request: str
    elsewhere: tuple[str, ...]
    clauses: tuple[ClauseExplained, ...]
    provisions: tuple[str, ...]
    decisions: tuple[str, ...]
    for_person: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """The answer for an adviser, line by line: what it comes to, the clauses that bear on it, what they rest on."""
        bearing = (clause for clause in self.clauses if clause.state != "out")
        decided = (f"Decided by the council: {', '.join(self.decisions)}.",) if self.decisions else ()
        rests_on = (f"It rests on: {'; '.join(self.provisions)}.",) if self.provisions else ()
        review = (f"It is to be reviewed on {day_words(self.review_on)}.",) if self.review_on else ()
        asked = (self.on_request,) if self.on_request else ()
        said = (self.sentence, *self.extended, *map(_line, bearing), *self.blocks, *asked, *review, *rests_on, *decided)
        return tuple(dict.fromkeys(said))


def explain(
    session: CouncilSession, caller: Caller, record_id: UUID, facade: CouncilFacade | None = None
) -> Explanation:
    """Explain one record or register. Reading it is an audit event.

    With `facade` the council's plugins are asked whether they would keep it, if it is due. Raises `NotFound`,
    `Forbidden`.
    """
    caller.require_somewhere(Permission.READ_RETENTION)
    for subject in SUBJECTS:
        found = _rows(session, caller, subject, [record_id], "id")
        if found:
            (row,) = found
            if subject is RECORDS and row.lock_id is not None:
                record(session, AuditEvent.FILE_READ, row.lock_id)
            return _explained(session, subject, row, facade)
    raise NotFound("There is no such record.")


def facade_in_force(session: CouncilSession, plugins: Plugins) -> CouncilFacade | None:
    """The plugins of the policy in force, to ask what they would keep; None without a policy, or without plugins."""
    policy = adopted_or_none(session)
    if policy is None or policy.council.slug not in plugins.councils:
        return None
    return plugins.facade(policy.council.slug, [used.name for used in policy.plugins])


def explain_file(session: CouncilSession, caller: Caller, file_id: UUID) -> tuple[Explanation, ...]:
    """Explain every record of a client file that was opened already (`muniment.clients.files.open_file`)."""
    return tuple(_explained(session, RECORDS, row) for row in _rows(session, caller, RECORDS, [file_id], "file_id"))


def _rows(session: CouncilSession, caller: Caller, subject: Subject, keys: Sequence[UUID], column: str) -> list[Any]:
    """What is to be explained, as far as the caller may see it."""
    table = subject.table
    columns = (table.c.id, subject.lock_id.label("lock_id"), *(table.c[name] for name in READ))
    restricted = ~in_use(table) if subject is RECORDS else false()
    found = session.execute(
        select(
            *columns,
            held(session, subject, table).label("held"),
            restricted.label("restricted"),
            subject.lies_here_alone.label("here_alone"),
        )
        .where(with_ids(session, keys, column)(table))
        .order_by(table.c[subject.collected], table.c.id)
    )
    needed = {True: Permission.READ_RESTRICTED, False: Permission.READ_RETENTION}
    return [row for row in found if caller.allows(needed[row.restricted], row.record_class.partition("/")[0])]


def _explained(session: CouncilSession, subject: Subject, row: Any, facade: CouncilFacade | None = None) -> Explanation:
    policy = adopted(session)
    clock = clocks(policy).get(row.record_class) or undeclared(row.record_class)
    file_id = row.lock_id if subject is RECORDS else None
    now = session.execute(select(decided(clock, subject, with_ids(session, [row.id])))).one_or_none()
    clauses = _clauses(session, subject, clock, row, now.place) if now is not None else ()
    extended = _extended(session, row) if file_id is not None and now is not None else ()
    blocks = _blocks(session, subject, row, clock, now, facade)
    title = say(clock.record_class.title, "en") if clock.record_class else row.record_class
    state, due_on = (now.state, now.due_on) if now is not None else ("awaiting", None)
    action = now.action if now is not None else None
    rationale = say(clock.rule.rationale, "en") if clock.rule is not None and clock.rule.rationale is not None else ""
    return Explanation(
        record_id=row.id,
        file_id=file_id,
        record_class=row.record_class,
        title=title,
        rule=clock.rule.id if clock.rule else "",
        combine=clock.combine,
        state=state,
        due_on=due_on,
        rule_on=now.rule_on if now is not None else None,
        review_on=now.review_on if now is not None else None,
        action=action,
        sentence=_sentence(clock, now, clauses),
        next=next_words(session.clock.today(), now, blocks),
        blocks=blocks,
        extended=extended,
        on_request=_on_request(session, row, clock, now, clauses) if file_id is not None else "",
        elsewhere=tuple(f"{say(entry.clause.holder, 'en')}: {clause_words(entry)}" for entry in clock.elsewhere),
        clauses=clauses,
        provisions=tuple(dict.fromkeys([STORAGE_LIMITATION, *(item for entry in clauses for item in entry.rests_on)])),
        decisions=arming.rests_on(policy, clock),
        for_person=person_words(
            title,
            why=[rationale, *(item for entry in clauses if entry.state != "out" for item in entry.rests_on)],
            state=state,
            due_on=due_on,
            action=action,
            longer=bool(extended) and now is not None and now.due_on != now.rule_on,
            held=row.held,
        ),
    )


def _clauses(
    session: CouncilSession, subject: Subject, clock: Clock, row: Any, deciding: int | None
) -> tuple[ClauseExplained, ...]:
    facts, lines = clauses_of_rows(clock, subject, with_ids(session, [row.id]))
    if lines is None:
        return ()
    found = session.execute(select(lines).select_from(facts.join(lines, true())).order_by(lines.c.place))
    explained: list[ClauseExplained] = []
    for line in found:
        entry = clock.clauses[line.place]
        explained.append(
            ClauseExplained(
                id=entry.clause.id,
                says=clause_words(entry),
                state=line.state,
                counts_from=counts_from(session, subject, row.lock_id, entry, line),
                anchor_on=line.anchor_on,
                due_on=line.due_on if line.state == "dated" else None,
                because=_because(entry, line.state),
                decides=line.place == deciding,
                rests_on=tuple(authority_words(authority) for authority in entry.clause.authority),
            )
        )
    return tuple(explained)


def _because(entry: ClauseClock, state: str) -> str:
    if state == "unclocked":
        return entry.why or "what it depends on is not known here"
    return "its condition does not hold" if state == "out" else ""


def _sentence(clock: Clock, now: Any, clauses: Sequence[ClauseExplained]) -> str:
    if now is None:
        return "It has been emptied here; its paper, or its copy in another system, awaits destruction."
    if clock.rule is None:
        return "The adopted policy has no rule for this class, so it is never due."
    decider = next((entry for entry in clauses if entry.decides), None)
    because = f" Clause {decider.id} decides: {decider.says}." if decider else ""
    match now.state:
        case "dated":
            longer = f" By the rule alone it would be {day_words(now.rule_on)}." if now.rule_on != now.due_on else ""
            return f"It is kept until the end of {day_words(now.due_on)}.{longer}{because}"
        case "running":
            return f"Its time has not begun.{because}"
        case "permanent":
            return f"It is kept for good.{because}"
    if decider is None and now.stage > 0:
        return "Every stage of its rule is done; nothing more happens to it by itself."
    missing = f" {decider.because[:1].upper()}{decider.because[1:]}." if decider and decider.because else ""
    return f"No day can be computed, so it is never due until the council decides.{because}{missing}"


def _blocks(
    session: CouncilSession, subject: Subject, row: Any, clock: Clock, now: Any, facade: CouncilFacade | None
) -> tuple[str, ...]:
    found = list(holds_on(session, subject, row.id)) if row.held else []
    if now is None:
        return tuple(found)
    if now.state != "dated":
        return ()
    waits = waits_words(now.action, here_alone=row.here_alone, register=subject is not RECORDS)
    if waits is not None:
        found.append(waits)
    if (
        waits in (None, BY_HAND, FOR_THE_ARCHIVE, TO_BE_SEEN_TO)
        and arming.armed(session, row.record_class, clock.hash) is None
    ):
        found.append("its rule is not armed")
    if row.rule_hash not in clocked_by(session, subject).get(row.record_class, (clock.hash,)):
        found.append("it waits to be clocked under the rule in force")
    if facade is not None and facade.judges_holds and now.due_on < session.clock.today():
        _, kept_by = ask(session, facade, subject, [row])
        found += [f"the plugin {plugin} keeps it{': ' + kept.failed if kept.failed else ''}"
                  for plugin, kept in kept_by.items()]  # fmt: skip
    parked = session.scalar(select(PARKED.c.reason).where(with_ids(session, [row.lock_id], "lock_id")(PARKED)))
    if parked is not None:
        found.append(f"the last sweep could not dispose of its file ({parked})")
    return tuple(found)


def _extended(session: CouncilSession, row: Any) -> tuple[str, ...]:
    """Who keeps the record longer, until when and why."""
    standing = select(EXTENSION.c.until, EXTENSION.c.authoriser, EXTENSION.c.reason).where(
        with_ids(session, [row.lock_id], "file_id")(EXTENSION),
        EXTENSION.c.ended_at.is_(None),
        or_(EXTENSION.c.record_id.is_(None), EXTENSION.c.record_id == row.id),
    )
    found = session.execute(standing.order_by(EXTENSION.c.until.desc(), EXTENSION.c.id)).all()
    return tuple(
        f"Extended until the end of {day_words(one.until)} (authorised by: {one.authoriser}): {one.reason}"
        for one in found
    )


def _on_request(session: CouncilSession, row: Any, clock: Clock, now: Any, clauses: Sequence[ClauseExplained]) -> str:
    """What becomes of a request for deletion, and what it cannot reach (UK GDPR Art 17(3))."""
    request = MILESTONE.c.kind == "request", MILESTONE.c.whose == "client"
    of_file = with_ids(session, [row.lock_id], "file_id")(MILESTONE)
    asked = session.scalar(select(func.max(MILESTONE.c.happened_on)).where(of_file, *request))
    if asked is None or now is None:
        return ""
    said = f"The client asked for deletion on {day_words(asked)}."
    if now.state == "dated" and now.due_on < session.clock.today():
        return f"{said} Its rule lets it go; a request does not reach what a hold keeps." if row.held else said
    decider = next((entry for entry in clauses if entry.decides), None)
    law = clock.rule is not None and clock.rule.floor
    if now.place is not None and not law:
        law = any(authority.kind == "law" for authority in clock.clauses[now.place].clause.authority)
    kept = f" It is kept all the same{f' by clause {decider.id}' if decider else ''}"
    if law:
        return f"{said}{kept}, which rests on the law: the request does not reach it (UK GDPR Art 17(3)(b))."
    return f"{said}{kept}. Unless a ground of UK GDPR Art 17(3) applies, the request prevails: an officer decides."
