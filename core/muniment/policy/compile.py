"""From plugins and decisions to one policy: join, settle, check that it holds together.

What comes out is plain data; what went wrong comes out as findings, so that an author sees every problem at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import msgspec

from muniment.api.errors import Conflict, InvalidInput
from muniment.plugins.facade import CouncilFacade
from muniment.policy.findings import Finding
from muniment.policy.joining import join
from muniment.policy.model import Decision, Origin, Policy
from muniment.policy.references import unresolved
from muniment.policy.settling import settle
from muniment.policy.shapes import contradictions

__all__ = ["GRACE", "WARNING", "Compiled", "Whose", "compile_policy", "counts_on", "settle_all"]

WARNING = timedelta(days=30)
"""How long before its review date a decision is pointed out."""

GRACE = timedelta(days=30)
"""How long after its review date a decision still counts, with a warning."""

WITHDRAW = " Withdraw the decision, or change it."
"""What to do about a decision that stands and is refused, because the declarations have changed since."""


class Whose(msgspec.Struct, frozen=True):
    """Where a statement of the policy comes from; `plugin` is empty for a decision."""

    origin: Origin
    plugin: str = ""


@dataclass(frozen=True)
class Compiled:
    """A policy with what it comes from.

    `policy` has the decisions applied, `declared` has not; both are None when a file does not load. `problems` are
    findings of level *error* about the policy itself, and of other levels about decisions near their review.
    """

    slug: str
    policy: Policy | None
    declared: Policy | None
    provenance: Mapping[str, Whose] = field(default_factory=dict)
    problems: tuple[Finding, ...] = ()

    def sound(self) -> Policy:
        """The policy, for whoever cannot work with less. Raises `Conflict` with the first problem and their number."""
        errors = [problem for problem in self.problems if problem.level == "error"]
        if self.policy is None or errors:
            more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
            first = f"{errors[0].path}: {errors[0].message}" if errors else "It does not load."
            raise Conflict(f"The policy of {self.slug} has errors. {first}{more}", code="policy-errors")
        return self.policy

    def whose(self, path: str) -> Whose | None:
        """Whose the statement at a path is: that of the nearest path above that is known; None if none is."""
        while path:
            if path in self.provenance:
                return self.provenance[path]
            path = path.rpartition(".")[0]
        return None


def counts_on(decision: Decision, day: date) -> bool:
    """Whether a decision counts on a day in London: until 30 days after its review date, inclusive."""
    return decision.review_on is None or day <= decision.review_on + GRACE


def compile_policy(facade: CouncilFacade, decisions: Iterable[Decision], today: date) -> Compiled:
    """Compile the policy of one council. `today` is the day in London by which decisions count or no longer do.

    The order of `decisions` does not matter: they are applied by path, one for each path.
    Raises `PluginError` when a plugin's code fails; everything else is a finding.
    """
    joined = join(facade)
    if joined.policy is None or any(problem.id == "policy.does-not-load" for problem in joined.problems):
        return Compiled(facade.slug, None, None, problems=tuple(joined.problems))
    declared = joined.policy
    provenance = {
        path: Whose("law" if plugin == facade.asked[0].distribution else "council", plugin)
        for path, plugin in joined.said_by.items()
    }
    policy, problems = settle_all(declared, decisions, today)
    provenance |= {decision.path: Whose("decision") for decision in policy.decisions}
    for found in (*unresolved(policy), *contradictions(policy)):
        problems.append(_with_plugin(found, joined.said_by))
    return Compiled(facade.slug, policy, declared, provenance, (*joined.problems, *problems))


def settle_all(declared: Policy, decisions: Iterable[Decision], today: date) -> tuple[Policy, list[Finding]]:
    """Apply the decisions that count on a day, by path; and what there is to say about the others."""
    problems: list[Finding] = []
    policy, applied = declared, []
    for decision in sorted(decisions, key=lambda decision: decision.path.split(".")):
        if (due := _review(decision, today)) is not None:
            problems.append(due)
        if not counts_on(decision, today):
            continue
        plain = msgspec.structs.replace(decision, value=msgspec.to_builtins(decision.value))
        try:
            policy = settle(policy, plain)
        except InvalidInput as error:
            message = f"{error}{WITHDRAW}"
            problems.append(Finding(id="decision.refused", level="error", path=decision.path, message=message))
        else:
            applied.append(plain)
    return msgspec.structs.replace(policy, decisions=tuple(applied)), problems


def _review(decision: Decision, today: date) -> Finding | None:
    """What to say about a decision's review date, if anything."""
    if decision.review_on is None or today < decision.review_on - WARNING:
        return None
    if today <= decision.review_on:
        message = f"The decision is to be reviewed by {decision.review_on.isoformat()}."
        return Finding(id="decision.review-due", level="note", path=decision.path, message=message)
    last = (decision.review_on + GRACE).isoformat()
    if counts_on(decision, today):
        message = f"The decision was to be reviewed by {decision.review_on.isoformat()}; it counts until {last}."
        return Finding(id="decision.review-overdue", level="gap", path=decision.path, message=message)
    message = f"The decision was not reviewed and has not counted since {last}; decide again."
    return Finding(id="decision.lapsed", level="gap", path=decision.path, message=message)


def _with_plugin(found: Finding, said_by: Mapping[str, str]) -> Finding:
    path = found.path
    while path and path not in said_by:
        path = path.rpartition(".")[0]
    return msgspec.structs.replace(found, plugin=said_by.get(path, ""))
