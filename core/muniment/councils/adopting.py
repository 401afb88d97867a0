"""Deciding and adopting as acts of a council: tried, noted, written to the audit log, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.councils.directory import note_services
from muniment.database.session import CouncilSession
from muniment.plugins.facade import CouncilFacade
from muniment.policy.compile import Compiled, compile_policy, counts_on, settle_all
from muniment.policy.deciding import Proposal, try_decisions
from muniment.policy.model import Decision
from muniment.policy.plan import NONE, PARTS, Foresee, Plan, keep_promise, plan_adoption, stale
from muniment.policy.store import adopt, adopted_or_none, adopted_still, decide, decisions_of, declared_of, withdraw

__all__ = [
    "Adoption", "adopt_policy", "compiled_now", "decide_policy", "lapse_decisions", "plan_policy", "withdraw_decision",
]  # fmt: skip


class Adoption(msgspec.Struct, frozen=True):
    """What adopting came to. `changed` is false when the policy was adopted already."""

    before: str | None
    after: str
    changed: bool


def compiled_now(session: CouncilSession, facade: CouncilFacade) -> Compiled:
    """The policy as it would be adopted now: what the plugins declare, with the decisions that stand."""
    return compile_policy(facade, decisions_of(session), session.clock.today())


def decide_policy(session: CouncilSession, facade: CouncilFacade, proposals: Sequence[Proposal]) -> list[Decision]:
    """Note decisions, all or none. One that stands already in the same words is not noted twice.

    Returns those that were noted. Raises `InvalidInput` for the first that is refused.
    """
    today = session.clock.today()
    standing = {decision.path: decision for decision in decisions_of(session)}
    proposed = [_keep_day(proposal, standing).made_on(today) for proposal in proposals]
    new = [decision for decision in proposed if standing.get(decision.path) != decision]
    if new:
        try_decisions(facade, standing.values(), proposed, today)
    for decision in new:
        decide(session, decision, session.clock)
        record(session, AuditEvent.DECISION_MADE, path=decision.path)
    return new


def withdraw_decision(session: CouncilSession, path: str, *, by: str, ground: str) -> None:
    """Withdraw the decision that stands for a path. Raises `NotFound`."""
    withdraw(session, path, by=by, ground=ground, clock=session.clock)
    record(session, AuditEvent.DECISION_WITHDRAWN, path=path)


def plan_policy(session: CouncilSession, facade: CouncilFacade, foresee: Foresee) -> Plan:
    """What adopting now would change, to what is stored too; writes nothing. `Conflict` while there are errors."""
    return _plan(session, compiled_now(session, facade), foresee)


def adopt_policy(
    session: CouncilSession,
    facade: CouncilFacade,
    *,
    by: str,
    plan: str | None = None,
    foresee: Foresee = lambda _session, _policy: NONE,
) -> Adoption:
    """Adopt what the plugins declare with the decisions that stand. Raises `Conflict` while there are errors.

    With `plan`, the hash of a plan whose consequences `foresee` told, exactly that is adopted or nothing: raises
    `Conflict` where anything that it rests on has changed since (records in the seconds between counting and adopting
    apart: nobody is kept waiting meanwhile), `InvalidInput` for what is no plan's hash.
    """
    compiled = compiled_now(session, facade)
    policy, before = compiled.sound(), session.policy_hash
    if plan is not None:
        keep_promise(plan, _plan(session, compiled, foresee), facade.slug)
        if not adopted_still(session):
            raise stale(facade.slug, PARTS[0])
    changed = adopt(session, policy, session.clock, by=by, declared=compiled.declared)
    if changed:
        note_services(session, policy)
        record(session, AuditEvent.POLICY_ADOPTED, before=before or "", after=policy.hash)
    return Adoption(before, policy.hash, changed)


def _plan(session: CouncilSession, compiled: Compiled, foresee: Foresee) -> Plan:
    after = compiled.sound()
    return plan_adoption(adopted_or_none(session), after, compiled.declared or after, foresee(session, after))


def lapse_decisions(session: CouncilSession) -> Adoption | None:
    """Take out of the adopted policy the decisions that count no more, and nothing else; None where all still count.

    What the plugins declare now is not looked at: only an adoption brings that in.
    """
    today, policy = session.clock.today(), adopted_or_none(session)
    if policy is None or all(counts_on(decision, today) for decision in policy.decisions):
        return None
    declared = declared_of(session, policy.hash)
    # A decision that completed a lapsed one (the document of a condition decided) has nothing left to complete.
    lasting, _ = settle_all(declared, policy.decisions, today)
    adopt(session, lasting, session.clock, by="review", declared=declared)
    record(session, AuditEvent.POLICY_ADOPTED, before=policy.hash, after=lasting.hash)
    return Adoption(policy.hash, lasting.hash, changed=True)


def _keep_day(proposal: Proposal, standing: dict[str, Decision]) -> Proposal:
    """A proposal without a day that repeats what stands keeps the day it was decided on."""
    before = standing.get(proposal.path)
    if proposal.decided_on is not None or before is None:
        return proposal
    return msgspec.structs.replace(proposal, decided_on=before.decided_on) if _same(proposal, before) else proposal


def _same(proposal: Proposal, before: Decision) -> bool:
    return msgspec.to_builtins(proposal.value) == before.value and proposal.ground == before.ground
