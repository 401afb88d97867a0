"""Every predicate by the name that `law.toml` calls it. Each finds one thing in a policy and says where."""

from __future__ import annotations

from collections.abc import Mapping

from muniment.policy.predicates import bases, documents, holdings, notices, retention, rights, sharing, special
from muniment.policy.scene import Predicate

__all__ = ["PREDICATES"]

PREDICATES: Mapping[str, Predicate] = {
    predicate.__name__.replace("_", "-"): predicate
    for module in (bases, documents, holdings, notices, retention, rights, sharing, special)
    for predicate in module.PREDICATES
}
