"""The closed vocabulary of audit events: `domain.subject.action`, in the past tense.

An event's facts are ids, counts, codes and hashes; never a name, a value or free text. `docs/audit-events.md` is made
from this file and a test keeps it so.

How long an event is kept goes by its domain: daily work with files and accounts is kept to find misuse, what a council
decided, published, held and disposed of as evidence for as long as claims can come. What tells of a certificate, or of
a month that was dropped from the log, stays as long as the log: it identifies nobody, a certificate is proven by it,
and it shows that nothing else is missing.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["ACCESS", "DROPPED_BY_MONTH", "EVIDENCE", "LASTING", "PROOF", "AuditEvent", "events_of", "record_class_of"]

ACCESS, EVIDENCE, PROOF = "access-events", "evidence-events", "disposal-proof"

DROPPED_BY_MONTH = (ACCESS, EVIDENCE)
"""The record classes whose months are dropped when their period has run."""


class AuditEvent(StrEnum):
    """Everything that the audit log can say. A member's value is stored and never changes its meaning."""

    # accounts
    STAFF_ADDED = "accounts.staff.added"
    STAFF_CHANGED = "accounts.staff.changed"
    STAFF_CLOSED = "accounts.staff.closed"
    STAFF_ROLE_GIVEN = "accounts.role.given"
    STAFF_ROLE_TAKEN = "accounts.role.taken"
    PASSWORD_CHANGED = "accounts.password.changed"  # noqa: S105
    SIGNED_IN = "accounts.session.opened"
    SIGN_IN_REFUSED = "accounts.session.refused"
    SIGNED_OUT = "accounts.session.closed"
    TOKEN_MADE = "accounts.token.made"  # noqa: S105
    TOKEN_REVOKED = "accounts.token.revoked"  # noqa: S105

    # policy
    POLICY_ADOPTED = "policy.policy.adopted"
    DECISION_MADE = "policy.decision.made"
    DECISION_WITHDRAWN = "policy.decision.withdrawn"

    # clients
    PERSON_MADE = "clients.person.made"
    PERSONS_JOINED = "clients.person.joined"
    PERSONS_PARTED = "clients.person.parted"
    FILE_OPENED = "clients.file.opened"
    FILE_READ = "clients.file.read"
    FILE_CHANGED = "clients.file.changed"
    FILES_SEARCHED = "clients.file.searched"
    RECORD_ADDED = "clients.record.added"
    RECORD_CHANGED = "clients.record.changed"
    RESTRICTED_READ = "clients.restricted.read"
    RECORD_REINSTATED = "clients.record.reinstated"
    PSEUDONYM_FOLLOWED = "clients.pseudonym.followed"
    REGISTER_ADDED = "clients.register.added"
    REGISTER_CHANGED = "clients.register.changed"
    MILESTONE_SET = "clients.milestone.set"
    MILESTONE_UNSET = "clients.milestone.unset"
    ENROLMENT_MADE = "clients.enrolment.made"
    ENROLMENT_CHANGED = "clients.enrolment.changed"
    PROGRAMME_ENDED = "clients.programme.ended"
    IMPORT_STARTED = "clients.import.started"
    IMPORT_FINISHED = "clients.import.finished"
    LIMIT_PLACED = "clients.limit.placed"
    LIMIT_DECIDED = "clients.limit.decided"
    LIMIT_LIFTED = "clients.limit.lifted"
    LIMIT_PASSED = "clients.limit.passed"

    # notices
    NOTICE_PUBLISHED = "notices.version.published"
    EARLIER_DOCUMENT_REGISTERED = "notices.document.registered"
    NOTICE_GIVEN = "notices.notice.given"
    POLICY_DOCUMENT_PREPARED = "notices.policy-document.prepared"
    POLICY_DOCUMENT_APPROVED = "notices.policy-document.approved"
    POLICY_DOCUMENT_REJECTED = "notices.policy-document.rejected"
    POLICY_DOCUMENT_WITHDRAWN = "notices.policy-document.withdrawn"

    # consent
    CONSENT_REQUESTED = "consent.consent.requested"
    CONSENT_GIVEN = "consent.consent.given"
    CONSENT_REFUSED = "consent.consent.refused"
    CONSENT_RECONFIRMED = "consent.consent.reconfirmed"
    CONSENT_WITHDRAWN = "consent.consent.withdrawn"
    CONSENT_EXPIRED = "consent.consent.expired"
    CONSENT_SUPERSEDED = "consent.consent.superseded"
    PERMISSION_REQUESTED = "consent.permission.requested"
    PERMISSION_GIVEN = "consent.permission.given"
    PERMISSION_REFUSED = "consent.permission.refused"
    PERMISSION_RECONFIRMED = "consent.permission.reconfirmed"
    PERMISSION_WITHDRAWN = "consent.permission.withdrawn"
    PERMISSION_EXPIRED = "consent.permission.expired"
    PERMISSION_SUPERSEDED = "consent.permission.superseded"
    RECEIPT_READ = "consent.receipt.read"

    # retention
    RULE_ARMED = "retention.rule.armed"
    RULE_DISARMED = "retention.rule.disarmed"
    HOLD_PLACED = "retention.hold.placed"
    HOLD_RELEASED = "retention.hold.released"
    EXTENSION_PLACED = "retention.extension.placed"
    EXTENSION_WITHDRAWN = "retention.extension.withdrawn"
    RECORD_REVIEWED = "retention.record.reviewed"
    DISPOSAL_PROPOSED = "retention.disposal.proposed"
    DISPOSAL_APPROVED = "retention.disposal.approved"
    DISPOSAL_DEFERRED = "retention.disposal.deferred"
    DISPOSAL_REJECTED = "retention.disposal.rejected"
    ACTION_FULFILLED = "retention.action.fulfilled"
    SWEEP_STARTED = "retention.sweep.started"
    SWEEP_FINISHED = "retention.sweep.finished"
    RECORD_DISPOSED = "retention.record.disposed"
    FILE_DISPOSED = "retention.file.disposed"
    DESTRUCTION_AWAITED = "retention.destruction.awaited"
    DESTRUCTION_CONFIRMED = "retention.destruction.confirmed"
    DESTRUCTION_SEARCHED = "retention.destruction.searched"
    DESTRUCTION_LOST = "retention.destruction.lost"
    DESTRUCTION_WITHHELD = "retention.destruction.withheld"
    PAPER_DESTROYED = "retention.paper.destroyed"
    DELIVERY_DONE = "retention.delivery.done"
    DELIVERY_REFUSED = "retention.delivery.refused"
    DELIVERY_REPEATED = "retention.delivery.repeated"
    CERTIFICATE_ISSUED = "retention.certificate.issued"
    CERTIFICATE_CONFIRMED = "retention.certificate.confirmed"
    VALUES_WITHOUT_BASIS_REMOVED = "retention.value.removed"
    ERASURE_REPEATED = "retention.erasure.repeated"
    PACKAGE_OFFERED = "retention.package.offered"
    PACKAGE_READ = "retention.package.read"
    PACKAGE_RECEIVED = "retention.package.received"
    PACKAGE_REFUSED = "retention.package.refused"
    PLATFORM_DISPOSED = "retention.platform.disposed"

    # sharing
    DISCLOSURE_ASKED = "sharing.disclosure.asked"
    DISCLOSURE_MADE = "sharing.disclosure.made"
    DISCLOSURE_REFUSED = "sharing.disclosure.refused"
    REGISTER_SEARCHED = "sharing.register.searched"
    EXPORT_FETCHED = "sharing.export.fetched"
    EXPORT_WITHHELD = "sharing.export.withheld"
    AGREEMENT_MADE = "sharing.agreement.made"
    AGREEMENT_CHANGED = "sharing.agreement.changed"
    AGREEMENT_ENDED = "sharing.agreement.ended"
    SHARING_STOPPED = "sharing.stop.placed"
    SHARING_RESUMED = "sharing.stop.ended"
    REQUEST_RECEIVED = "sharing.request.received"
    REQUEST_DECIDED = "sharing.request.decided"
    RECIPIENT_TO_TELL = "sharing.notification.due"
    RECIPIENT_TOLD = "sharing.notification.changed"
    MATCH_RECEIVED = "sharing.match.received"
    MATCH_READ = "sharing.match.read"
    MATCH_CLOSED = "sharing.match.closed"

    # files
    OBJECT_STORED = "files.object.stored"
    OBJECT_READ = "files.object.read"
    OBJECT_REMOVED = "files.object.removed"

    # audit
    LOG_READ = "audit.log.read"
    LOG_VERIFIED = "audit.log.verified"
    MONTH_DROPPED = "audit.month.dropped"
    LOG_CUT_BACK = "audit.log.cut-back"


LASTING = frozenset(
    {
        AuditEvent.CERTIFICATE_ISSUED,
        AuditEvent.CERTIFICATE_CONFIRMED,
        AuditEvent.MONTH_DROPPED,
        AuditEvent.LOG_CUT_BACK,
    }
)
"""What is kept for good, whatever its domain. The owner's function that drops events spares it too."""

RECORD_CLASSES = {
    "accounts": ACCESS,
    "policy": EVIDENCE,
    "clients": ACCESS,
    "notices": EVIDENCE,
    "consent": EVIDENCE,
    "sharing": EVIDENCE,
    "retention": EVIDENCE,
    "files": ACCESS,
    "audit": ACCESS,
}
"""The record class, of core's own, of each domain's events."""

SUBJECTS = {"clients.limit": EVIDENCE}
"""The same of subjects that differ from their domain: what was decided about a right is more than daily work."""


def record_class_of(event: AuditEvent) -> str:
    """The id of the record class that an event belongs to."""
    if event in LASTING:
        return PROOF
    return SUBJECTS.get(event.rpartition(".")[0]) or RECORD_CLASSES[event.partition(".")[0]]


def events_of(record_class: str) -> list[str]:
    """The stored names of the events of a record class."""
    return [event.value for event in AuditEvent if record_class_of(event) == record_class]
