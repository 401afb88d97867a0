"""The compiled policy: what a council's declarations and decisions come to, as one frozen, hashable value.

Everything that renders, enforces or explains reads this and nothing else. It is plain data: canonical JSON in, the same
JSON out, readable for ever by its format number.
"""

from __future__ import annotations

import hashlib
from datetime import date
from functools import cached_property
from typing import Any, Literal

import msgspec

from muniment.api.clients import ClientDeclarations
from muniment.api.consent import PurposeDeclarations
from muniment.api.council import Council, Service
from muniment.api.errors import NotFound
from muniment.api.notices import NoticeDeclarations
from muniment.api.retention import RecordClass, RetentionDeclarations, RetentionRule
from muniment.api.sharing import RecipientDeclarations

__all__ = ["FORMAT", "PLATFORM", "Decision", "Origin", "PluginUsed", "Policy", "ServicePolicy", "canonical"]

FORMAT = 1
PLATFORM = "platform"
"""What stands for the service in the key of a record class of core's own tables: `platform/sign-ins`."""

Origin = Literal["council", "decision", "law"]


class Decision(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What the council settled where its documents leave something open.

    `path` addresses what it settles (`housing.rule.tenancies.clause.closed.from`, in the manner of
    `muniment.policy.paths`); `value` is plain data. `decided_by` is a role or opaque staff key of the information asset
    owner; `advice` is the data protection officer's. `review_on`: from the day after, plus 30 days' warning before, it
    counts no more. `generated` marks a demonstration's decision.
    """

    path: str
    value: Any
    ground: str
    decided_by: str
    decided_on: date
    review_on: date | None = None
    advice: str = ""
    generated: bool = False


class PluginUsed(msgspec.Struct, frozen=True):
    """Which plugin spoke: its distribution, version, and a sha256 over its code, data and templates."""

    name: str
    version: str
    digest: str


class ServicePolicy(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One service: the joined declarations of every plugin, decisions applied."""

    service: Service
    clients: ClientDeclarations = ClientDeclarations()
    purposes: PurposeDeclarations = PurposeDeclarations()
    recipients: RecipientDeclarations = RecipientDeclarations()
    retention: RetentionDeclarations = RetentionDeclarations()
    notices: NoticeDeclarations = NoticeDeclarations()


class Policy(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, dict=True):
    """A council's whole policy. `services` are by slug; `platform` holds core's own record classes and rules."""

    format: int = FORMAT
    council: Council
    services: dict[str, ServicePolicy] = msgspec.field(default_factory=dict)
    platform: RetentionDeclarations = RetentionDeclarations()
    decisions: tuple[Decision, ...] = ()
    plugins: tuple[PluginUsed, ...] = ()

    @cached_property
    def hash(self) -> str:
        """Sha256 of the canonical JSON, in hexadecimal: what every consent, disclosure and disposal cites."""
        return hashlib.sha256(canonical(self)).hexdigest()

    def service(self, slug: str) -> ServicePolicy:
        """The service of that slug. Raises `NotFound`."""
        try:
            return self.services[slug]
        except KeyError:
            raise NotFound(f"There is no such service; there are: {', '.join(sorted(self.services))}.") from None

    def record_class(self, key: str) -> RecordClass:
        """The class of a key `service/class` or `platform/class`. Raises `NotFound`."""
        retention, class_id = self._retention_of(key)
        for entry in retention.classes:
            if entry.id == class_id:
                return entry
        raise NotFound(f"the adopted policy has no record class {key!r}")

    def rule_for(self, key: str) -> RetentionRule | None:
        """The rule that covers the class of that key; None where the policy has none: such records are unclocked."""
        retention, class_id = self._retention_of(key)
        return next((rule for rule in retention.rules if class_id in rule.classes), None)

    def record_class_keys(self) -> tuple[str, ...]:
        """Every class key, services in order of slug, then the platform's."""
        scopes = [(slug, self.services[slug].retention) for slug in sorted(self.services)]
        return tuple(
            f"{slug}/{entry.id}"
            for slug, retention in [*scopes, (PLATFORM, self.platform)]
            for entry in retention.classes
        )

    def _retention_of(self, key: str) -> tuple[RetentionDeclarations, str]:
        slug, _, class_id = key.partition("/")
        return (self.platform if slug == PLATFORM else self.service(slug).retention), class_id


def canonical(value: Any) -> bytes:
    """Canonical JSON: keys sorted, no blanks, defaults omitted. Equal values give equal bytes, and equal hashes."""
    return msgspec.json.encode(value, order="sorted")
