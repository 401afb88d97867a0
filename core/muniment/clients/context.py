"""What recording anything about a client rests on besides the session: the adopted policy, the plugins, the keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from muniment.api.clients import ProposedValues
from muniment.api.errors import InvalidInput
from muniment.clients.values import ValueRules
from muniment.database.session import CouncilSession
from muniment.keys import KeyRing
from muniment.plugins.facade import CouncilFacade
from muniment.plugins.manager import Plugins
from muniment.policy.documents import documented
from muniment.policy.model import Policy
from muniment.policy.store import adopted

__all__ = ["Context", "plain", "value_rules"]


@dataclass(frozen=True)
class Context:
    """One council's policy as adopted when the transaction began, its plugins, and the deployment's keys."""

    policy: Policy
    facade: CouncilFacade
    keys: KeyRing

    @classmethod
    def of(cls, session: CouncilSession, plugins: Plugins, keys: KeyRing) -> Context:
        """The context of a transaction: those plugins are asked that the adopted policy names.

        Raises `NotReady` without an adopted policy, `NotFound` where no installed plugin is the council's.
        """
        policy = adopted(session)
        return cls(policy, plugins.facade(policy.council.slug, [used.name for used in policy.plugins]), keys)

    def under(self, policy: Policy) -> Context:
        """The same under another policy of the council: one that came into force since the transaction began."""
        return Context(policy, self.facade.using([used.name for used in policy.plugins]), self.keys)

    def judge(self, service: str, record_class: str, stored: Mapping[str, Any]) -> None:
        """Ask the plugins about the values of one record, in the form they are stored in.

        Raises `InvalidInput` with the first refusal, and who refused.
        """
        if not stored:
            return
        for refusal in self.facade.client_validate([ProposedValues(0, service, record_class, plain(stored))]):
            raise InvalidInput(f"{refusal.reason} (Refused by {refusal.plugin}.)", where="values", code=refusal.code)


def value_rules(session: CouncilSession, policy: Policy, service: str) -> ValueRules:
    """What a service may record today. Raises `NotFound` for a service that the policy does not have."""
    return ValueRules(policy, service, session.clock.today(), documented(session, policy, service))


def plain(stored: Mapping[str, Any]) -> dict[str, object]:
    """The values alone of the column `record.values`, as a judge sees them."""
    return {name: entry["v"] for name, entry in stored.items()}
