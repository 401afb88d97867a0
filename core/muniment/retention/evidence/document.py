"""A certificate as a document that a person can hold and an auditor can check without asking anybody.

It is what every form (page, PDF, JSON) is made from: what the certificate says, the confirmations added to it, and for
each of them the proof that the council's sealed audit log commits to it. Pure: `read` and `check` need the document and
the council's public keys, and neither database nor network.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from muniment.audit.events import AuditEvent
from muniment.audit.proofs import Proof, PublicKey, PublicKeys, Unproven
from muniment.retention.evidence.content import (
    COMMITTED_BEFORE,
    CertificateContent,
    ConfirmationContent,
    canonical,
    fingerprint,
)

__all__ = ["CertificateDocument", "Checked", "NotSealed", "ProvenConfirmation", "check", "read", "settled", "written"]


class NotSealed(Unproven):
    """The document is as it was issued, but the audit log had not been sealed yet when it was."""

    code = "not-sealed"


class ProvenConfirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a confirmation says, and the proof of it; null while it is not sealed."""

    confirmation: ConfirmationContent
    proof: Proof | None


class CertificateDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A certificate with its proof (null while it is not sealed) and its confirmations in the order of their time.

    `confirmed` of the records awaited are destroyed and `lost` are not found, which is settled; `complete` when these
    are all. `ask_again_after` is there while anything is not sealed: from then on the proof should be there.
    """

    format: Literal[1]
    certificate: CertificateContent
    proof: Proof | None
    confirmations: tuple[ProvenConfirmation, ...]
    confirmed: int
    complete: bool
    lost: int = 0
    ask_again_after: datetime | None = None


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a document proves. `whole` is false for a certificate of before contents were kept: then only `fields` of it
    are proven, and as many of its confirmations as have a proof: `unproven` have none. `keys` signed the checkpoints.
    """

    document: CertificateDocument
    whole: bool
    fields: tuple[str, ...]
    unproven: int
    keys: tuple[PublicKey, ...]


def settled(confirmations: Iterable[ConfirmationContent]) -> tuple[int, int]:
    """How many are destroyed, and how many are not found, which is settled."""
    counts = Counter[str]()
    for each in confirmations:
        counts[each.outcome] += each.count
    return counts["destroyed"], counts["lost"]


def written(document: CertificateDocument) -> bytes:
    """The JSON file."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def read(data: bytes) -> CertificateDocument:
    """The document of a JSON file, however it is spaced and ordered.

    Raises `Unproven` if it is not one, says a thing twice, or writes a value otherwise than it is issued: nothing in
    the file can be changed without the document being another.
    """
    try:
        found = json.loads(data, object_pairs_hook=_once)
        document = msgspec.convert(found, CertificateDocument)
        same = json.dumps(found, sort_keys=True) == json.dumps(msgspec.to_builtins(document), sort_keys=True)
    except (ValueError, RecursionError) as error:  # of JSON, UTF-8 and msgspec alike
        raise Unproven(f"It is no certificate of Muniment's: {_first_line(error)}.") from None
    if not same:
        raise Unproven("A value in it is not written as certificates are issued: it was changed.")
    return document


def check(document: CertificateDocument, keys: PublicKeys) -> Checked:
    """What the document proves to whoever trusts these public keys.

    Raises `Unproven`, saying what does not hold, and `NotSealed` where nothing is wrong but a proof is not there yet.
    """
    content, confirmations = document.certificate, [entry.confirmation for entry in document.confirmations]
    if content.council != keys.council:
        raise Unproven(f"The certificate is of another council than the public keys of {keys.slug}.")
    _check_sums(document, confirmations)
    missing = [entry for entry in document.confirmations if entry.proof is None]
    if document.ask_again_after is not None and (document.proof is None or missing):
        when = document.ask_again_after.strftime("%d/%m/%Y at %H:%M UTC")
        raise NotSealed(f"It is not sealed yet, so nothing proves it: ask for it again after {when}.")
    if document.ask_again_after is not None or document.proof is None:
        raise Unproven("It says whether it is sealed otherwise than it was issued: it was changed.")
    facts = _facts(document.proof, AuditEvent.CERTIFICATE_ISSUED, content)
    said = {name: value for name, value in msgspec.to_builtins(content).items() if name in COMMITTED_BEFORE}
    if said != {name: facts.get(name) for name in COMMITTED_BEFORE}:
        raise Unproven("The certificate says something else than its audit event.")
    whole = "content" in facts
    if whole and missing:
        raise Unproven("The proof of a confirmation was taken out of it.")
    signers = [document.proof.check(keys)]
    for entry in document.confirmations:
        if entry.proof is not None:
            if "content" not in _facts(entry.proof, AuditEvent.CERTIFICATE_CONFIRMED, entry.confirmation):
                raise Unproven("The audit event of a confirmation commits to nothing.")
            signers.append(entry.proof.check(keys))
    fields = CertificateContent.__struct_fields__ if whole else ("id", "council", *COMMITTED_BEFORE)
    unique = {key.version: key for key in signers}
    return Checked(document=document, whole=whole, fields=fields, unproven=len(missing), keys=tuple(unique.values()))


def _check_sums(document: CertificateDocument, confirmations: Sequence[ConfirmationContent]) -> None:
    content = document.certificate
    if any(each.certificate != content.id for each in confirmations):
        raise Unproven("A confirmation in it belongs to another certificate.")
    if len({each.id for each in confirmations}) < len(confirmations):
        raise Unproven("A confirmation stands in it twice.")
    confirmed, lost = settled(confirmations)
    said = (document.confirmed, document.lost, document.complete)
    if said != (confirmed, lost, confirmed + lost >= content.awaited):
        raise Unproven("What it calls confirmed is not what its confirmations come to.")
    if list(confirmations) != sorted(confirmations, key=lambda each: (each.confirmed_at, each.id)):
        raise Unproven("Its confirmations are not in the order of their time.")


def _facts(proof: Proof, kind: AuditEvent, content: CertificateContent | ConfirmationContent) -> dict[str, Any]:
    """What the event that is proven says, if it is one of that kind about this and commits to no other content."""
    event = proof.event
    if event.event != kind or event.subject != content.id:
        raise Unproven("The audit event in it is about something else.")
    facts = dict(event.facts)
    if "content" in facts and facts["content"] != fingerprint(canonical(content)):
        raise Unproven("What it says is not what its audit event commits to: something in it was changed.")
    return facts


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("it says one thing twice")
    return found


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")[:200] or type(error).__name__
