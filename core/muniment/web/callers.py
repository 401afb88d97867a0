"""Who is asking, in the words that every domain and every surface share.

A page, an API call and a command all reach a domain with a `Caller`. It stands here, below the domains, so that each
of them can name it; what a member of staff or a token may do is settled one floor up, in `muniment.accounts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID

import msgspec

from muniment.api.errors import Forbidden
from muniment.database.session import Actor

__all__ = ["EVERY_SERVICE", "Caller", "Permission", "Services", "command_caller"]

Services = frozenset[str] | None
"""Slugs of the services a permission is held for; `EVERY_SERVICE` (None) means all, also those added later."""

EVERY_SERVICE: None = None


class Permission(StrEnum):
    """Everything that somebody may be allowed to do. Closed: a new right is a new line here and in the roles."""

    READ_CLIENTS = "clients.read"
    WRITE_CLIENTS = "clients.write"
    IMPORT_CLIENTS = "clients.import"
    READ_RESTRICTED = "clients.read-restricted"
    FOLLOW_PSEUDONYMS = "clients.follow-pseudonyms"
    RESTRICT_CLIENTS = "clients.restrict"
    READ_POLICY = "policy.read"
    DECIDE_POLICY = "policy.decide"
    ADOPT_POLICY = "policy.adopt"
    PUBLISH_NOTICES = "notices.publish"
    PREPARE_DOCUMENTS = "documents.prepare"
    APPROVE_DOCUMENTS = "documents.approve"
    RECORD_CONSENTS = "consents.record"
    READ_RETENTION = "retention.read"
    ARM_RETENTION = "retention.arm"
    SWEEP_RETENTION = "retention.sweep"
    HOLD_RECORDS = "retention.hold"
    PROPOSE_DISPOSAL = "retention.propose"
    REVIEW_DISPOSAL = "retention.review"
    ARCHIVE_RECORDS = "retention.archive"
    DISCLOSE = "sharing.disclose"
    READ_SHARING = "sharing.read"
    AGREE_SHARING = "sharing.agree"
    READ_MATCHES = "matches.read"
    READ_AUDIT = "audit.read"
    MANAGE_STAFF = "staff.manage"
    MANAGE_TOKENS = "tokens.manage"


class Caller(msgspec.Struct, frozen=True):
    """Somebody or something that acts in one council, with what it may do there.

    `grants` gives for each permission held the services it is held for. A permission that is absent is not held.
    """

    actor: Actor
    council_id: UUID
    grants: Mapping[Permission, Services]

    def allows(self, permission: Permission, service: str | None = None) -> bool:
        """Whether `permission` is held for `service`; without a service, whether it is held for every service."""
        if permission not in self.grants:
            return False
        services = self.grants[permission]
        return services is None or service in services

    def require(self, permission: Permission, service: str | None = None) -> None:
        """Raise `Forbidden` unless `permission` is held for `service`, or for every service when none is named.

        Naming no service is the narrow question on purpose: an act on the whole council needs a role held for the
        whole council. To list what somebody may see, ask `require_somewhere`.
        """
        if not self.allows(permission, service):
            where = f" for the service {service}" if service is not None else " for every service of the council"
            raise Forbidden(f"This needs the permission {permission}{where}.")

    def require_somewhere(self, permission: Permission, *others: Permission) -> Services:
        """The services that `permission` is held for, or one of the `others` that will do as well, to filter by;
        `Forbidden` when there is none."""
        held = [self.grants[each] for each in (permission, *others) if each in self.grants]
        if not held:
            raise Forbidden(f"This needs the permission {' or '.join((permission, *others))}.")
        if None in held:
            return EVERY_SERVICE
        return frozenset[str]().union(*(services for services in held if services is not None))


def command_caller(council_id: UUID, name: str, role: str = "") -> Caller:
    """Who asks when an operator runs a command on the host: all permissions, named for the command, not the person.

    Whoever can run commands can reach the keys and the database; the audit log still says which command acted.
    `role` is whose decision it carries out, as the operator says.
    """
    return Caller(
        actor=Actor(kind="command", id=None, name=name, role=role),
        council_id=council_id,
        grants=dict.fromkeys(Permission, EVERY_SERVICE),
    )
