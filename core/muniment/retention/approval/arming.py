"""Arming: a rule disposes of nothing until somebody with the right to approve has seen what it would dispose of.

What is armed is one rule, by its hash, for one class. Adopting a policy ends the approval of each rule that it
replaces, for good: one that comes back is to be approved again. So does a change (an import, the end of a programme)
that makes a great many of a class's records due at once: then somebody must look again. Time passing never disarms.
Whoever armed a rule is the authoriser of all that it disposes of.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select, text, update

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.api.text import say
from muniment.audit.events import AuditEvent
from muniment.audit.log import Fact, record
from muniment.database.ids import random_id
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.policy.model import PLATFORM, Policy
from muniment.policy.store import adopted
from muniment.retention.approval.counted import counted, kept, samples, stored_of
from muniment.retention.evidence.keeping import remember
from muniment.retention.rules.compile import AWAIT_HOLDER, Clock, clocks
from muniment.retention.rules.extended import kept_by_extensions
from muniment.retention.subjects import Subject
from muniment.retention.tables import Arming

__all__ = [
    "ArmedRule", "Preview", "arm", "disarm", "end_replaced", "note_newly_due", "preview", "previews", "replaced",
]  # fmt: skip

ARMING = table_of(Arming)
IN_FORCE = ARMING.c.ended_at.is_(None)

COUNT_ON = text(
    "update arming set newly_due = newly_due + :count"
    " where council_id = :council_id and record_class = :record_class and ended_at is null returning newly_due"
)

ARM = text(
    "insert into arming (council_id, id, record_class, rule_hash, policy_hash, armed_at, armed_kind, armed_role,"
    " armed_by, preview) values (:council_id, :id, :record_class, :rule_hash, :policy_hash, :armed_at, :armed_kind,"
    " :armed_role, :armed_by, cast(:preview as jsonb))"
)
ARMED = text(
    "select id, record_class, rule_hash, armed_at, armed_kind, armed_role, armed_by, newly_due from arming"
    " where council_id = :council_id and ended_at is null order by record_class"
)
END = text(
    "with standing as (select id from arming where council_id = :council_id and ended_at is null"
    " and record_class = any(cast(:classes as text[])) order by id for update)"
    " update arming set ended_at = :now, ended_because = :because from standing"
    " where arming.council_id = :council_id and arming.id = standing.id returning arming.id, arming.record_class"
)

MANY_RECORDS = 100
MANY_SHARE = 0.05
"""A rule is disarmed when a change makes more than `MANY_RECORDS` and more than `MANY_SHARE` of a class newly due."""


class ArmedRule(msgspec.Struct, frozen=True):
    """Who armed a rule and when. `armed_role` is by whose decision, where a command did; `newly_due` counts what
    changes have made due since the last sweep."""

    id: UUID
    rule_hash: str
    armed_at: str
    armed_kind: str
    armed_role: str
    armed_by: UUID | None
    newly_due: int


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What arming the rule of a class would let the next sweep do.

    `stored` records in all, of which `extended` would be due by their rule and are kept by an officer's extension;
    `by_state` how they are clocked (`unset`: not clocked yet, so that figures may still change), `due` how many are due
    now under the rule in force and have not gone, `kept` how many of these a hold or a restriction keeps, `due_by_year`
    and `ahead_by_year` the last days kept of what is due now and later. `samples` are opaque keys of due records.
    `actions` counts what is due by what is done then: a sweep destroys, or proposes what is to be reviewed. `rests_on`
    are the decisions behind the rule. `can_be_due` is whether the rule can make anything due at all.
    """

    record_class: str
    title: str
    rule: str
    rule_hash: str
    policy_hash: str
    stored: int
    due: int
    extended: int
    kept: int
    by_state: Mapping[str, int]
    due_by_year: Mapping[str, int]
    ahead_by_year: Mapping[str, int]
    actions: Mapping[str, int]
    samples: tuple[UUID, ...]
    rests_on: tuple[str, ...]
    unclocked_because: tuple[str, ...]
    can_be_due: bool
    armed: ArmedRule | None


def previews(session: CouncilSession, caller: Caller) -> tuple[Preview, ...]:
    """The preview of every class of clients' records that the caller may see, in order of key."""
    services = caller.require_somewhere(Permission.READ_RETENTION)
    keys = (key for key in sorted(clocks(adopted(session))) if not key.startswith(f"{PLATFORM}/"))
    return tuple(preview(session, caller, key) for key in keys if services is None or key.partition("/")[0] in services)


def preview(session: CouncilSession, caller: Caller, record_class: str) -> Preview:
    """What the next sweep would do under the rule of a class. Raises `NotFound`, `Forbidden`."""
    policy, clock = _clock(session, record_class)
    caller.require(Permission.READ_RETENTION, record_class.partition("/")[0])
    stored = stored_of(session, record_class)
    counts = counted(session, stored)
    return Preview(
        record_class=record_class,
        title=_title(clock),
        rule=clock.rule.id if clock.rule else "",
        rule_hash=clock.hash,
        policy_hash=policy.hash,
        stored=counts.stored,
        due=counts.due,
        extended=kept_by_extensions(session, clock),
        kept=kept(session, stored) if counts.due else 0,
        by_state=dict(sorted(counts.by_state.items())),
        due_by_year=dict(sorted(counts.due_by_year.items())),
        ahead_by_year=dict(sorted(counts.ahead_by_year.items())),
        actions=dict(sorted(counts.actions.items())),
        samples=samples(session, stored) if counts.due else (),
        rests_on=rests_on(policy, clock),
        unclocked_because=tuple(dict.fromkeys(entry.why for entry in clock.clauses if entry.why)),
        can_be_due=_can_be_due(clock),
        armed=armed(session, record_class, clock.hash),
    )


def rests_on(policy: Policy, clock: Clock) -> tuple[str, ...]:
    """The paths of the decisions that the rule of a class rests on."""
    scope, _, class_id = clock.key.partition("/")
    places = [f"{scope}.class.{class_id}", f"{scope}.programme", f"{scope}.defaults"]
    if clock.rule is not None:
        places.append(f"{scope}.rule.{clock.rule.id}")
    return tuple(
        decision.path
        for decision in policy.decisions
        if any(decision.path == place or decision.path.startswith(f"{place}.") for place in places)
    )


def arm(session: CouncilSession, caller: Caller, record_class: str, rule_hash: str) -> UUID:
    """Let the rule in force dispose of a class; returns the arming's key.

    `rule_hash` is that of the preview which the caller saw. Raises `Conflict` if another rule is in force by now or
    records still wait to be clocked, `InvalidInput` if nothing could ever be disposed of, `Forbidden`, `NotFound`.
    """
    for needed in (Permission.ARM_RETENTION, Permission.READ_RETENTION):
        caller.require(needed, record_class.partition("/")[0])
    policy, clock = _clock(session, record_class)
    if clock.hash != rule_hash:
        raise Conflict("The rule has changed since that preview. Look at the new preview and arm that.")
    seen = counted(session, stored_of(session, record_class))
    if seen.by_state.get("unset"):
        raise Conflict("Some records have not been clocked under this rule yet. Wait for that, then look again.")
    if not _can_be_due(clock):
        raise InvalidInput("Nothing of this class can ever be due under its rule, so there is nothing to arm.")
    now = session.clock.now()
    _end(session, [record_class], "superseded")
    arming_id, actor = random_id(), caller.actor
    shown = {
        "stored": seen.stored,
        "due": seen.due,
        "extended": kept_by_extensions(session, clock),
        "due_by_year": dict(seen.due_by_year),
    }
    session.ask(
        ARM,
        {
            "council_id": session.council_id,
            "id": arming_id,
            "record_class": record_class,
            "rule_hash": rule_hash,
            "policy_hash": policy.hash,
            "armed_at": now,
            "armed_kind": actor.kind,
            "armed_role": actor.role,
            "armed_by": actor.id,
            "preview": msgspec.json.encode(shown).decode(),
        },
    )
    record(session, AuditEvent.RULE_ARMED, arming_id, record_class=record_class, rule_hash=rule_hash, due=seen.due)
    return arming_id


def disarm(session: CouncilSession, caller: Caller, record_class: str) -> None:
    """Take the approval back. Raises `NotFound` if the class is not armed, `Forbidden`."""
    caller.require(Permission.ARM_RETENTION, record_class.partition("/")[0])
    if not _end(session, [record_class], "withdrawn"):
        raise NotFound("The rule of this class is not armed.")


def note_newly_due(session: CouncilSession, subject: Subject, record_class: str, count: int) -> None:
    """A change has made records due: count them against the arming of their rule, and end it when they are too many."""
    counted_on = {"council_id": session.council_id, "record_class": record_class, "count": count}
    so_far = next((row.newly_due for row in session.ask(COUNT_ON, counted_on)), 0)
    if so_far <= MANY_RECORDS:
        return
    table = subject.table
    stored = session.scalar(
        select(func.count()).where(
            table.c.council_id == session.council_id,
            table.c.record_class == record_class,
            table.c.disposal.is_(None),
        )
    )
    if so_far > MANY_SHARE * (stored or 0):
        _end(session, [record_class], "newly-due", count=so_far)


def end_replaced(session: CouncilSession, rules: Mapping[str, str]) -> None:
    """Rules come into force, by class their hashes: the approvals of those that they replace end."""
    _end(session, [row.record_class for row in replaced(session, rules)], "policy")


def replaced(session: CouncilSession, rules: Mapping[str, str]) -> list[Any]:
    """The armings in force of rules that others would replace: `record_class` and `rule_hash`, in order of class."""
    rows = session.ask(ARMED, {"council_id": session.council_id})
    return [row for row in rows if rules.get(row.record_class) != row.rule_hash]


def forget_newly_due(session: CouncilSession) -> None:
    """A sweep has gone through: what it disposed of was approved as it stood."""
    here = ARMING.c.council_id == session.council_id
    session.execute(update(ARMING).where(here, IN_FORCE, ARMING.c.newly_due > 0).values(newly_due=0))


def armed(session: CouncilSession, record_class: str, rule_hash: str) -> ArmedRule | None:
    """The arming in force of a class under that rule; None where there is none."""
    for row in session.ask(ARMED, {"council_id": session.council_id}):
        if (row.record_class, row.rule_hash) == (record_class, rule_hash):
            at = row.armed_at.isoformat()
            return ArmedRule(row.id, rule_hash, at, row.armed_kind, row.armed_role, row.armed_by, row.newly_due)
    return None


def _end(session: CouncilSession, classes: Collection[str], because: str, **facts: Fact) -> bool:
    """End the armings in force of classes, once no chunk that rests on one is under way (`disposal.chunk` locks their
    keys); whether there was any. Each that is not superseded by another is an audit event."""
    over = {"classes": list(classes), "now": session.clock.now(), "because": because}
    rows = sorted(session.ask(END, {"council_id": session.council_id, **over})) if classes else []
    if not rows:
        return False
    remember(session, ARMING, [row.id for row in rows])
    if because != "superseded":
        for row in rows:
            record(session, AuditEvent.RULE_DISARMED, row.id, record_class=row.record_class, because=because, **facts)
    return True


def _can_be_due(clock: Clock) -> bool:
    return any(entry.fixed is None and entry.action != AWAIT_HOLDER for entry in clock.clauses)


def _clock(session: CouncilSession, record_class: str) -> tuple[Policy, Clock]:
    policy = adopted(session)
    clock = clocks(policy).get(record_class)
    if clock is None:
        raise NotFound(f"The adopted policy has no record class {record_class[:100]!r}.")
    return policy, clock


def _title(clock: Clock) -> str:
    return say(clock.record_class.title, "en") if clock.record_class else ""
