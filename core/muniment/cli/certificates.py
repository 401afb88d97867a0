"""`muniment retention certificate` and `muniment audit verify --certificate`: handing out proofs, checking them.

Checking opens no database and asks nobody: it needs the certificate and the council's public keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from uuid import UUID

import click
import msgspec

from muniment.api.errors import InvalidInput
from muniment.audit.proofs import PublicKeys
from muniment.audit.sealing import seal_council
from muniment.cli.context import Context, pass_context, show
from muniment.consent.receipt import Receipt
from muniment.retention.evidence.document import CertificateDocument, Checked, check, read, written
from muniment.retention.evidence.ledger import Ledger
from muniment.retention.evidence.membership import Membership, check_membership, membership, read_membership
from muniment.retention.evidence.pages import certificate_html
from muniment.retention.evidence.pdf import attached, certificate_pdf, is_pdf
from muniment.retention.evidence.proving import certificate_document
from muniment.retention.evidence.reading import LANGUAGES

__all__ = ["DOCUMENTS", "FILE", "certificate", "content_of", "keys_of", "verify_certificate"]

DOCUMENTS: Final[Mapping[str, type[msgspec.Struct]]] = {
    "certificate": CertificateDocument,
    "consent-receipt": Receipt,
    "public-keys": PublicKeys,
    "record-path": Membership,
}
"""What is handed out as JSON, by the name of its schema."""

CANNOT_PROVE = (
    "that no confirmation was added since",
    "that the pages of a PDF say what is attached to it: read what is printed here",
    "that what the council's own records said was true when it was written",
    "anything against somebody who holds the signing key",
)
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("council")
@click.argument("certificate_id", metavar="CERTIFICATE", type=click.UUID)
@click.option("--format", "form", type=click.Choice(["json", "html", "pdf"]), default="json", show_default=True)
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Of the words.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@click.option("--seal", is_flag=True, help="Seal the audit log first, so that it can be proven now.")
@click.option("--contains", metavar="KEY", type=click.UUID, help="The path from a record's key to this certificate.")
@pass_context
def certificate(
    context: Context,
    council: str,
    certificate_id: UUID,
    form: str,
    language: str,
    output: Path | None,
    seal: bool,
    contains: UUID | None,
) -> None:
    """Hand out a CERTIFICATE of COUNCIL with its proof, or the proof that a record is among those it is about."""
    if form == "pdf" and output is None and contains is None:
        raise InvalidInput("A PDF is written to a file: name it.", where="--output")
    if seal:
        seal_council(context.deployment, context.council_id(council))
    with context.council(council) as (session, caller):
        if contains is not None:
            ledger = Ledger(session.ledger_dir, session.council_id)
            shown = membership(session, caller, ledger, certificate_id, contains)
            data = msgspec.json.format(msgspec.json.encode(shown), indent=2) + b"\n"
        else:
            found = certificate_document(session, caller, certificate_id)
            data = _in_form(found, form, language)
            if found.ask_again_after is not None:
                _tell_unsealed(found, council)
    if output is None:
        click.echo(data, nl=False)
    else:
        output.write_bytes(data)
        click.echo(f"Written to {output}.", err=True)


def _in_form(found: CertificateDocument, form: str, language: str) -> bytes:
    match form:
        case "pdf":
            return certificate_pdf(found, language)
        case "html":
            return certificate_html(found, language).encode()
        case _:
            return written(found)


def _tell_unsealed(found: CertificateDocument, council: str) -> None:
    when = f"{found.ask_again_after:%d/%m/%Y at %H:%M} UTC"
    again = f"muniment retention certificate {council} {found.certificate.id} --seal"
    click.echo(f"Not sealed yet, so nothing proves it: ask again after {when}, or seal now: {again}", err=True)


def verify_certificate(file: Path, keys: Path | None, record: UUID | None, path: Path | None, as_json: bool) -> None:
    """Check a certificate's file (JSON, or a PDF that carries it), and that a record is among those it is about.

    Raises `Unproven` if it does not hold, `InvalidInput` if something to check it with is missing.
    """
    if keys is None:
        raise InvalidInput("Give the council's public keys with --key FILE; it prints them with: muniment audit key")
    if (record is None) != (path is None):
        raise InvalidInput("A record is checked by its key and its path: give both.", where="--record")
    data = content_of(file)
    found = check(read(attached(data) if is_pdf(data) else data), keys_of(keys))
    lines = _says(found)
    if record is not None and path is not None:
        check_membership(found.document.certificate, read_membership(content_of(path)), record)
        lines.append(f"The record {record} is among those that it is about.")
    value = {
        "proven": True,
        "whole": found.whole,
        "fields": found.fields,
        "unproven_confirmations": found.unproven,
        "record": record,
        "certificate": found.document.certificate,
        "confirmations": [entry.confirmation for entry in found.document.confirmations],
        "cannot_prove": CANNOT_PROVE,
    }
    show(value, as_json, *lines, "This cannot prove:", *(f"  {what}" for what in CANNOT_PROVE))


def content_of(file: Path) -> bytes:
    """The bytes of a file. Raises `InvalidInput` where it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.") from None


def keys_of(file: Path) -> PublicKeys:
    """The public keys in a file. Raises `InvalidInput` where there are none."""
    try:
        return msgspec.json.decode(content_of(file), type=PublicKeys)
    except msgspec.DecodeError:
        raise InvalidInput(f"{file} holds no public keys of a council.", where="--key") from None


def _says(found: Checked) -> list[str]:
    document = found.document
    content = document.certificate
    proven = (
        "Every value in it is as it was issued"
        if found.whole
        else f"It was issued before certificates were proven whole. Proven are its {', '.join(found.fields)}"
    )
    issued = f"last days kept {content.due_from} to {content.due_until}, issued {content.issued_at:%Y-%m-%d %H:%M} UTC"
    lines = [
        f"Certificate {content.id} of {content.council_name} is proven. {proven}.",
        f"  {content.disposed} records of {content.class_title} ({content.record_class}), {content.action}",
        f"  under rule {content.rule}, {issued}",
        f"  approved by {content.armed_kind}, {content.holds} holds judged, {content.kept} records kept by a hold",
    ]
    if content.extended is not None:
        lines.append(f"  {content.extended} records of the class kept longer by an officer's extension")
    if content.awaited:
        state = "complete" if document.complete else "not complete"
        lost = f", {document.lost} not found, which was settled" if document.lost else ""
        lines.append(f"  {document.confirmed} of {content.awaited} confirmed as destroyed elsewhere{lost}: {state}")
    if found.unproven:
        lines.append(f"  {found.unproven} of its confirmations are not proven: they were written before that was done")
    if document.proof is not None:
        sealed = document.proof.checkpoint
        lines.append(f"  leaf {document.proof.position} of the audit log of {sealed.size}, signed at {sealed.at}")
    for key in found.keys:
        until = f" until {key.superseded:%d/%m/%Y}" if key.superseded else ""
        lines.append(f"  signing key {key.version}, in use from {key.made:%d/%m/%Y}{until}")
    return lines
