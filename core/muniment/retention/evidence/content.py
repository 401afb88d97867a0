"""What a certificate, or a confirmation added to one, says: the very words and figures that its audit event commits to.

It is written once, as canonical JSON, kept as it was written and shown from there in every form; the event carries its
SHA-256. So nothing that a certificate shows can be changed without the sealed log contradicting it, and no later
version of this software can make an old certificate say something else.

A row of before contents were kept has none: what it shows then is put together from its columns, and its event commits
to some of that alone (`COMMITTED_BEFORE`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from muniment.api.errors import NotFound
from muniment.policy.model import Policy

__all__ = [
    "COMMITTED_BEFORE",
    "CertificateContent",
    "ConfirmationContent",
    "canonical",
    "certificate_content",
    "confirmation_content",
    "fingerprint",
]

COMMITTED_BEFORE: Final = ("record_class", "rule_hash", "root", "disposed", "awaited")
"""What every event of a certificate says of it, whenever it was written."""


class CertificateContent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What was disposed of, under which rule, by whose approval; it identifies nobody.

    `disposed` records went here, `awaited` were set going elsewhere. `root` is the RFC 6962 root over their keys, in
    hexadecimal. `due_from` and `due_until` span the last days kept (inclusive). `holds` in force were judged, which
    restrictions of a file count among, `kept` records of the class stayed because of one. `extended` records of the
    class, in the whole council when this was issued, were past the last day of their rule and kept by an officer's
    extension; it is not there in certificates that did not count them. `armed_kind` and `armed_by` say who let the rule
    act: a capacity, and the key of a member of staff where it was one. `council_name` and `class_title` are those of
    the policy. `approved_kind` and `approved_by` are there where a reviewer decided about each record, and say who.
    """

    id: UUID
    council: UUID
    council_name: str
    run_id: UUID | None
    record_class: str
    class_title: str
    rule: str
    rule_hash: str
    policy_hash: str
    action: str
    disposed: int
    awaited: int
    root: str
    due_from: date
    due_until: date
    armed_kind: str
    armed_by: UUID | None
    holds: int
    kept: int
    method: str
    issued_at: datetime
    extended: int | None = None
    approved_kind: str | None = None
    approved_by: UUID | None = None


class ConfirmationContent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """That somebody noted, on the day `destroyed_on` and in the words of `method`, what became of `count` of what a
    certificate awaited: `destroyed`; `lost`, which is not found and settled; or, still outstanding, `not-found`,
    `still-needed` or `paper-destroyed`, whose copy in another system is still to be erased."""

    id: UUID
    certificate: UUID
    count: int
    destroyed_on: date
    method: str
    confirmed_at: datetime
    confirmed_kind: str
    confirmed_by: UUID | None
    outcome: Literal["destroyed", "lost", "not-found", "still-needed", "paper-destroyed"] = "destroyed"


def certificate_content(council_id: UUID, policy: Policy, row: Mapping[str, Any]) -> CertificateContent:
    """What the row of a certificate says under the policy that it names."""
    own = {name: row[name] for name in CertificateContent.__struct_fields__ if name in row}
    try:
        title = policy.record_class(row["record_class"]).title
    except NotFound:
        title = row["record_class"]
    own |= {"council": council_id, "council_name": policy.council.name, "class_title": title, "root": row["root"].hex()}
    return CertificateContent(**own)


def confirmation_content(row: Mapping[str, Any]) -> ConfirmationContent:
    """What the row of a confirmation says."""
    own = {name: row[name] for name in ConfirmationContent.__struct_fields__ if name in row}
    return ConfirmationContent(**own, certificate=row["certificate_id"])


def canonical(content: CertificateContent | ConfirmationContent) -> bytes:
    """The bytes that are kept and that the event commits to: JSON, members in order of name, no spaces."""
    return msgspec.json.encode(content, order="sorted")


def fingerprint(content: bytes) -> str:
    """SHA-256 of canonical bytes, in hexadecimal: what the audit event carries."""
    return sha256(content).hexdigest()
