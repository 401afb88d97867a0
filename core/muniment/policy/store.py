"""The adopted policy and the decisions in the database: reading, deciding, adopting.

A compiled policy is immutable and found by its hash alone, so one cache serves all councils and cannot mix them up.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

import msgspec
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from muniment.api.errors import InvalidInput, NotFound, NotReady
from muniment.clock import LONDON, Clock
from muniment.database.ids import new_id
from muniment.database.session import CouncilSession
from muniment.database.signals import PolicyAdopted, policy_adopted
from muniment.policy.formats import read_policy
from muniment.policy.model import FORMAT, Decision, Policy, canonical
from muniment.policy.tables import AdoptedPolicy, DecisionEvent

__all__ = [
    "adopt",
    "adopted",
    "adopted_at",
    "adopted_on",
    "adopted_or_none",
    "adopted_still",
    "decide",
    "decisions_of",
    "declared_of",
    "first_adopted_at",
    "in_force",
    "policy_of_hash",
    "withdraw",
]

LOCK = text("select policy_hash from council where id = :council_id for no key update")
WRITE = text(
    "insert into adopted_policy (council_id, hash, format, document, declared, adopted_at, adopted_by)"
    " values (:council_id, :hash, :format, :document, :declared, :at, :by) on conflict do nothing"
)
ADOPT = text("update council set policy_hash = :hash where id = :council_id")

NOT_THEIRS: Final = ("data protection officer", "data_protection_officer", "dpo")
"""Who advises and may not decide (UK GDPR Art 38(6))."""


def adopted(session: CouncilSession) -> Policy:
    """The policy that the session's council had adopted when its transaction began. Raises `NotReady`."""
    policy = adopted_or_none(session)
    if policy is None:
        raise NotReady("The council has not adopted a policy yet. Run: muniment policy adopt COUNCIL")
    return policy


def adopted_or_none(session: CouncilSession) -> Policy | None:
    """As `adopted`; None where there is none yet."""
    return None if session.policy_hash is None else in_force(session, session.policy_hash)


def in_force(session: CouncilSession, policy_hash: str) -> Policy:
    """The policy of the hash that the council's own row has; whose it is need not be asked, as in `policy_of_hash`."""
    return _remembered(policy_hash).policy or policy_of_hash(session, policy_hash)


def adopted_still(session: CouncilSession) -> bool:
    """Whether the policy of the session is the council's still; nobody else adopts one until the transaction ends."""
    now = text("select policy_hash from council where id = :id for no key update")
    return bool(session.execute(now, {"id": session.council_id}).scalar_one() == session.policy_hash)


def first_adopted_at(session: CouncilSession) -> datetime | None:
    """When the council adopted its first policy; None if it has none."""
    here = AdoptedPolicy.council_id == session.council_id
    return session.scalar(select(func.min(AdoptedPolicy.adopted_at)).where(here))


def adopted_at(session: CouncilSession, policy_hash: str) -> datetime:
    """When the council first adopted the policy of a hash, which it has done at some time."""
    here = (AdoptedPolicy.council_id == session.council_id) & (AdoptedPolicy.hash == policy_hash)
    return session.scalars(select(AdoptedPolicy.adopted_at).where(here)).one()


def adopted_on(session: CouncilSession, day: date) -> Policy | None:
    """The policy that the council had adopted last by the end of a day in London; None if it had none yet. One that was
    adopted again counts from its first time."""
    here = (AdoptedPolicy.council_id == session.council_id, AdoptedPolicy.adopted_at < _end_of(day))
    latest = select(AdoptedPolicy.hash).where(*here).order_by(AdoptedPolicy.adopted_at.desc()).limit(1)
    found = session.scalar(latest)
    return None if found is None else policy_of_hash(session, found)


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), LONDON)


def policy_of_hash(session: CouncilSession, policy_hash: str) -> Policy:
    """A policy that the session's council adopted at some time. Raises `NotFound`, also for another council's."""
    document, number = _document(session, policy_hash)
    kept = _remembered(policy_hash)
    if kept.policy is None:
        kept.policy = read_policy(document, number)
    return kept.policy


def declared_of(session: CouncilSession, policy_hash: str) -> Policy:
    """What the plugins declared when a policy was adopted, without the decisions. Raises `NotFound`."""
    row = session.execute(
        select(AdoptedPolicy.declared, AdoptedPolicy.format).where(
            AdoptedPolicy.council_id == session.council_id, AdoptedPolicy.hash == policy_hash
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"The council never adopted a policy {policy_hash[:12]}.")
    return read_policy(row.declared, row.format)


class _Slot:
    """A place in the cache, filled by whoever first has the document at hand."""

    policy: Policy | None = None


@lru_cache(maxsize=256)
def _remembered(policy_hash: str) -> _Slot:  # the hash is the key, no council
    return _Slot()


def _document(session: CouncilSession, policy_hash: str) -> tuple[bytes, int]:
    row = session.execute(
        select(AdoptedPolicy.document, AdoptedPolicy.format).where(
            AdoptedPolicy.council_id == session.council_id, AdoptedPolicy.hash == policy_hash
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"The council never adopted a policy {policy_hash[:12]}.")
    return row.document, row.format


def decisions_of(session: CouncilSession) -> tuple[Decision, ...]:
    """The decisions that stand: of each path the last, unless it was withdrawn. In order of path."""
    last = (
        select(DecisionEvent)
        .where(DecisionEvent.council_id == session.council_id)
        .ext(distinct_on(DecisionEvent.path))
        .order_by(DecisionEvent.path, DecisionEvent.id.desc())
    )
    return tuple(
        Decision(
            path=event.path,
            value=event.value,
            ground=event.ground,
            decided_by=event.decided_by,
            decided_on=event.decided_on,
            review_on=event.review_on,
            advice=event.advice,
            generated=event.generated,
        )
        for event in session.scalars(last)
        if not event.withdrawn
    )


def decide(session: CouncilSession, decision: Decision, clock: Clock) -> None:
    """Note a decision; it takes effect when the policy is adopted. An earlier one for the path is superseded.

    That the path is open and the value allowed was checked by compiling with it (`muniment.policy.deciding`). Raises
    `InvalidInput` when the ground is missing or the data protection officer is named as deciding.
    """
    _refuse_adviser(decision.decided_by)
    if not decision.ground.strip():
        raise InvalidInput("A decision needs its ground: the document or reason that it rests on.", where="ground")
    session.add(
        DecisionEvent(
            council_id=session.council_id,
            id=new_id(),
            path=decision.path,
            withdrawn=False,
            value=msgspec.to_builtins(decision.value),
            ground=decision.ground,
            decided_by=decision.decided_by,
            decided_on=decision.decided_on,
            review_on=decision.review_on,
            advice=decision.advice,
            generated=decision.generated,
            noted_at=clock.now(),
        )
    )
    session.flush()


def withdraw(session: CouncilSession, path: str, *, by: str, ground: str, clock: Clock) -> None:
    """Withdraw the decision that stands for a path, from the next adoption on. Raises `NotFound`."""
    _refuse_adviser(by)
    if all(decision.path != path for decision in decisions_of(session)):
        raise NotFound(f"No decision stands for {path}.")
    session.add(
        DecisionEvent(
            council_id=session.council_id,
            id=new_id(),
            path=path,
            withdrawn=True,
            value=None,
            ground=ground,
            decided_by=by,
            decided_on=clock.today(),
            review_on=None,
            advice="",
            generated=False,
            noted_at=clock.now(),
        )
    )
    session.flush()


def adopt(session: CouncilSession, policy: Policy, clock: Clock, *, by: str, declared: Policy | None = None) -> bool:
    """Make `policy` the council's. False when it is already: then nothing happens.

    `by` is a role or an opaque staff key; `declared` is the policy without decisions, needed where there are any.
    Listeners of `policy_adopted` run in this transaction; the new policy is what `adopted` gives from the next
    transaction on.
    """
    # Two adoptions at once wait for each other here, so that `before` is true for both.
    [(before,)] = session.ask(LOCK, {"council_id": session.council_id})
    if before == policy.hash:
        return False
    document = canonical(policy)
    here = {"council_id": session.council_id, "hash": policy.hash}
    declaration = document if declared is None else canonical(declared)
    said = {"format": FORMAT, "document": document, "declared": declaration, "at": clock.now(), "by": by}
    session.ask_together((WRITE, here | said), (ADOPT, here))
    _remembered(policy.hash).policy = read_policy(document, FORMAT)
    policy_adopted.send(session, PolicyAdopted(before=before, after=policy.hash))
    return True


def _refuse_adviser(who: str) -> None:
    if not who.strip():
        raise InvalidInput("Say who decides: the role of the information asset owner.", where="decided_by")
    if who.strip().lower() in NOT_THEIRS:
        raise InvalidInput(
            "The data protection officer advises and decides no processing (UK GDPR Art 38(6)); "
            "name the information asset owner.",
            where="decided_by",
        )
