"""What each role of a council may do: pure rules, no database, no web.

Roles are held for named services or for all of them. A permission over clients or records reaches as far as the role
does; reading the policy is everybody's, because the policy is what the council publishes about itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from muniment.web.callers import EVERY_SERVICE, Caller, Permission, Services, command_caller

__all__ = [
    "EVERY_SERVICE",
    "PERMISSIONS_OF_ROLE",
    "Caller",
    "Permission",
    "Role",
    "Services",
    "both",
    "command_caller",
    "grants_of",
]

P = Permission


class Role(StrEnum):
    """The closed list of roles. The data protection officer advises and therefore decides no processing
    (UK GDPR Art 38(6)); the administrator keeps accounts and sees no client."""

    ADVISER = "adviser"
    MANAGER = "manager"
    RECORDS_MANAGER = "records_manager"
    INFORMATION_ASSET_OWNER = "information_asset_owner"
    DATA_PROTECTION_OFFICER = "data_protection_officer"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


PERMISSIONS_OF_ROLE: Mapping[Role, frozenset[Permission]] = {
    Role.ADVISER: frozenset({P.READ_CLIENTS, P.WRITE_CLIENTS, P.RECORD_CONSENTS, P.DISCLOSE}),
    Role.MANAGER: frozenset(
        {
            P.READ_CLIENTS,
            P.WRITE_CLIENTS,
            P.RECORD_CONSENTS,
            P.IMPORT_CLIENTS,
            P.RESTRICT_CLIENTS,
            P.DISCLOSE,
            P.READ_SHARING,
            P.PREPARE_DOCUMENTS,
            P.READ_RETENTION,
            P.HOLD_RECORDS,
            P.PROPOSE_DISPOSAL,
        }
    ),
    Role.RECORDS_MANAGER: frozenset(
        {
            P.PREPARE_DOCUMENTS,
            P.READ_CLIENTS,
            P.READ_RESTRICTED,
            P.FOLLOW_PSEUDONYMS,
            P.READ_RETENTION,
            P.ARM_RETENTION,
            P.SWEEP_RETENTION,
            P.HOLD_RECORDS,
            P.PROPOSE_DISPOSAL,
            P.REVIEW_DISPOSAL,
            P.ARCHIVE_RECORDS,
        }
    ),
    Role.INFORMATION_ASSET_OWNER: frozenset(
        {
            P.DECIDE_POLICY,
            P.ADOPT_POLICY,
            P.PUBLISH_NOTICES,
            P.PREPARE_DOCUMENTS,
            P.APPROVE_DOCUMENTS,
            P.RESTRICT_CLIENTS,
            P.AGREE_SHARING,
            P.READ_SHARING,
            P.READ_MATCHES,
            P.READ_RETENTION,
            P.REVIEW_DISPOSAL,
        }
    ),
    Role.DATA_PROTECTION_OFFICER: frozenset({P.READ_CLIENTS, P.READ_SHARING, P.READ_RETENTION, P.READ_AUDIT}),
    Role.AUDITOR: frozenset({P.READ_SHARING, P.READ_RETENTION, P.READ_AUDIT}),
    Role.ADMINISTRATOR: frozenset({P.MANAGE_STAFF, P.MANAGE_TOKENS}),
}


def grants_of(roles: Iterable[tuple[Role, str | None]]) -> dict[Permission, Services]:
    """What somebody may do who holds `roles`, each with the service it is held for (None: all services).

    >>> grants_of([(Role.AUDITOR, "housing")])[Permission.READ_AUDIT]
    frozenset({'housing'})
    """
    grants: dict[Permission, Services] = {}
    for role, service in roles:
        for permission in PERMISSIONS_OF_ROLE[role]:
            held = grants.get(permission, frozenset())
            grants[permission] = EVERY_SERVICE if service is None or held is None else held | {service}
        grants[P.READ_POLICY] = EVERY_SERVICE
    return grants


def both(one: Mapping[Permission, Services], other: Mapping[Permission, Services]) -> dict[Permission, Services]:
    """What two grants have in common; a permission that is left for no service is not held.

    >>> both({P.DISCLOSE: None, P.READ_AUDIT: None}, {P.DISCLOSE: frozenset({"housing"})})[P.DISCLOSE]
    frozenset({'housing'})
    """
    found: dict[Permission, Services] = {}
    for permission in one.keys() & other.keys():
        mine, theirs = one[permission], other[permission]
        common = theirs if mine is None else mine if theirs is None else mine & theirs
        if common is None or common:
            found[permission] = common
    return found
