"""Checking a compiled policy against the law of a day.

What is looked for, since when and under which provision is data (`muniment.defaults`); how it is found is a predicate.
Each check runs over the policy with its decisions and over the declarations alone: what is found in the declarations
and no longer with the decisions was *decided*.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import msgspec

from muniment.defaults.law import Law
from muniment.policy.compile import Compiled
from muniment.policy.findings import Finding, Level, worst_first
from muniment.policy.predicates import PREDICATES
from muniment.policy.scene import Scene

__all__ = ["Finding", "check"]


def check(compiled: Compiled, law: Law, today: date, documented: frozenset[str] = frozenset()) -> tuple[Finding, ...]:
    """Everything that is found in a policy, worst first. `law` is that of `today`, a day in London.

    `documented` are the paths of conditions for which a policy document that was approved here is in force
    (`muniment.policy.documents.approved_paths`): for the policy with its decisions that is as good as one stated. A
    policy that does not load has its problems alone.
    """
    if compiled.policy is None or compiled.declared is None:
        return worst_first(compiled.problems)
    found = {
        (finding.id, finding.path): finding for finding in _findings(Scene(compiled.policy, law, today, documented))
    }
    before = {(finding.id, finding.path): finding for finding in _findings(Scene(compiled.declared, law, today))}
    decided = [
        msgspec.structs.replace(finding, level="decided")
        for key, finding in before.items()
        if key not in found and finding.level == "gap"
    ]
    settled = {finding.path for finding in decided}
    others = [
        Finding(id="decision.made", level="decided", path=made.path, message=f"Decided: {made.ground}")
        for made in compiled.policy.decisions
        if not any(f"{path}.".startswith(f"{made.path}.") or f"{made.path}.".startswith(f"{path}.") for path in settled)
    ]
    findings = (_with_plugin(compiled, finding) for finding in (*found.values(), *decided, *others))
    return worst_first((*compiled.problems, *findings))


def _findings(scene: Scene) -> Iterator[Finding]:
    for entry in scene.law.checks:
        level: Level = entry.level
        for hit in PREDICATES[entry.needs](scene):
            message = entry.message.replace("{what}", hit.what)
            yield Finding(id=entry.id, level=level, path=hit.path, message=message, provision=entry.provision)


def _with_plugin(compiled: Compiled, finding: Finding) -> Finding:
    whose = compiled.whose(finding.path)
    return finding if whose is None else msgspec.structs.replace(finding, plugin=whose.plugin)
