"""`muniment audit`: sealing the log, verifying it and what it proves, and dropping what is past its period."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import click
import msgspec
from sqlalchemy import text

from muniment.api.errors import InvalidInput, MunimentError
from muniment.audit.dropping import DroppedMonth
from muniment.audit.extracts import MOST, extract, read, written
from muniment.audit.heads import last_noted, missing_head
from muniment.audit.proofs import public_keys
from muniment.audit.sealing import seal_council
from muniment.audit.verification import CANNOT_FIND, FaultKind, Head, Verification, verify
from muniment.cli.certificates import FILE, content_of, keys_of, verify_certificate
from muniment.cli.context import Context, json_option, pass_context, show
from muniment.retention.upkeep import drop_oldest_month, months_over

__all__ = ["audit"]


class LogUnsound(MunimentError):
    """Verification found a fault: the log was tampered with, or damaged."""

    code = "audit-unsound"


@click.group()
def audit() -> None:
    """The audit log: seal, verify, export, key, drop."""


@audit.command()
@click.argument("council", required=False)
@json_option
@pass_context
def seal(context: Context, council: str | None, as_json: bool) -> None:
    """Take what waits into the sealed log of COUNCIL, or of all councils."""
    sealed = {slug: seal_council(context.deployment, id_) for slug, id_ in _councils(context, council).items()}
    show(sealed, as_json, *(f"{slug}: {count} events sealed" for slug, count in sealed.items()))


@audit.command("key")
@click.argument("council")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@pass_context
def key_command(context: Context, council: str, output: Path | None) -> None:
    """Print the public keys by which whoever was given a certificate of COUNCIL checks it.

    Every key that ever signed is there, with the days on which it was in use. Hand them out on a way of their own: who
    can exchange both the certificate and the keys can exchange what they say.
    """
    keys = public_keys(context.keys, context.council_id(council), council)
    data = msgspec.json.format(msgspec.json.encode(keys), indent=2) + b"\n"
    if output is None:
        click.echo(data, nl=False)
    else:
        output.write_bytes(data)
        click.echo(f"Written to {output}.", err=True)


@audit.command()
@click.argument("council")
@click.option("--last", type=int, default=1_000, show_default=True, help=f"How many events, at most {MOST:,}.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@pass_context
def export(context: Context, council: str, last: int, output: Path | None) -> None:
    """Print the last sealed events of COUNCIL's log with what proves them, as JSON.

    Whoever has the council's public keys checks it by itself: muniment audit verify --extract FILE --key KEYS
    """
    with context.council(council) as (session, caller):
        data = written(extract(session, caller, council, last))
    if output is None:
        click.echo(data, nl=False)
    else:
        output.write_bytes(data)
        click.echo(f"Written to {output}.", err=True)


@audit.command()
@click.argument("council")
@click.option("--preview", is_flag=True, help="Only say which months are past their period.")
@json_option
@pass_context
def drop(context: Context, council: str, preview: bool, as_json: bool) -> None:
    """Drop the months of COUNCIL's log that are past their period.

    Workers do the same once a day. Events about what a hold is on stay.
    """
    with context.council(council) as (session, _):
        over = months_over(session)
    if preview:
        lines = [f"{council}: {_month(month)} would be dropped" for month in over]
        show(over, as_json, *(lines or [f"{council}: nothing is past its period"]))
        return
    dropped: list[DroppedMonth] = []
    while True:
        with context.council(council) as (session, _):
            month = drop_oldest_month(session, context.keys)
        if month is None:
            break
        dropped.append(month)
        click.echo(f"{council}: {_month(month)} dropped ({len(dropped)} of {len(over)} months)", err=True)
    events = sum(month.events for month in dropped)
    show(dropped, as_json, f"{council}: {events} events of {len(dropped)} months dropped")


def _month(month: DroppedMonth) -> str:
    return f"{month.events} {month.record_class} of {month.month:%Y-%m}"


@audit.command("verify")
@click.argument("council", required=False)
@click.option("--head", metavar="SIZE:ROOT", help="A head noted earlier that the log must still contain.")
@click.option("--certificate", type=FILE, help="Check this certificate (JSON or PDF) instead, without any database.")
@click.option("--extract", "of_log", type=FILE, help="Check this extract of a log instead, without any database.")
@click.option("--key", "keys", type=FILE, help="The council's public keys, from: muniment audit key")
@click.option("--record", type=click.UUID, help="With --certificate: a record that it should be about.")
@click.option("--path", type=FILE, help="The path from that record to the certificate.")
@json_option
@pass_context
def verify_command(
    context: Context,
    council: str | None,
    head: str | None,
    certificate: Path | None,
    of_log: Path | None,
    keys: Path | None,
    record: UUID | None,
    path: Path | None,
    as_json: bool,
) -> None:
    """Verify the log of COUNCIL, or of all councils; or, with --certificate or --extract, one document by itself.

    Exits 1 if anything sealed was changed, is gone or was added. Note the head that it prints somewhere outside:
    given back with --head it shows whether the log was cut back since.
    """
    if of_log is not None:
        _verify_extract(of_log, keys, as_json)
        return
    if certificate is not None:
        verify_certificate(certificate, keys, record, path, as_json)
        return
    if keys is not None or record is not None or path is not None:
        raise InvalidInput("--key, --record and --path go with a certificate: name its file.", where="--certificate")
    noted = _head(head)
    if noted is not None and council is None:
        raise InvalidInput("--head belongs to one council: name it.", where="--head")
    results: dict[str, Verification] = {}
    for slug, council_id in _councils(context, council).items():
        beside = last_noted(context.settings.ledger_dir, council_id)
        with context.database.council(council_id, context.actor) as session:
            result = verify(session, context.keys, noted)
            lacks = missing_head(session, beside)
        if lacks is not None and all(known.root != lacks.root for known in result.cut_back):
            result = msgspec.structs.replace(result, cut_back=(*result.cut_back, lacks))
        results[slug] = result
    report = {slug: {"sound": result.sound, **msgspec.to_builtins(result)} for slug, result in results.items()}
    lines = [line for slug, result in results.items() for line in _lines(slug, result)]
    show({"councils": report, "cannot_find": CANNOT_FIND}, as_json, *lines, "Verification cannot find:",
         *(f"  {what}" for what in CANNOT_FIND))  # fmt: skip
    unsound = [slug for slug, result in results.items() if not result.sound]
    if unsound:
        raise LogUnsound(f"the audit log of {', '.join(unsound)} is not sound")


def _verify_extract(file: Path, keys: Path | None, as_json: bool) -> None:
    """Check an extract of a log. Raises `Unproven` if it does not hold, `InvalidInput` for what cannot be read."""
    if keys is None:
        raise InvalidInput("Give the council's public keys with --key FILE; it prints them with: muniment audit key")
    found = read(content_of(file))
    key = found.check(keys_of(keys))
    entries, sealed = len(found.entries), found.checkpoint
    dropped = sum(entry.event is None for entry in found.entries)
    show(
        {"proven": True, "slug": found.slug, "first": found.first, "entries": entries, "dropped": dropped,
         "checkpoint": sealed},
        as_json,
        f"The last {entries} of {sealed.size} events of {found.slug} are proven: none was changed, left out or put in.",
        *([f"  {dropped} of them were dropped at the end of their period; their hashes stand for them"]
          if dropped else []),
        f"  signed at {sealed.at} with signing key {key.version}, in use from {key.made:%d/%m/%Y}",
    )  # fmt: skip


def _councils(context: Context, slug: str | None) -> dict[str, UUID]:
    if slug is not None:
        return {slug: context.council_id(slug)}
    with context.database.platform() as session:
        return {row.slug: row.id for row in session.execute(text("select slug, id from council order by slug"))}


def _head(given: str | None) -> Head | None:
    if given is None:
        return None
    size, _, root = given.partition(":")
    try:
        return Head(int(size), bytes.fromhex(root))
    except ValueError:
        raise InvalidInput("--head is a number, a colon and 64 hexadecimal digits.", where="--head") from None


def _lines(slug: str, result: Verification) -> list[str]:
    lines = [
        f"{slug}: {'sound' if result.sound else 'NOT SOUND'}, {result.leaves} events sealed, {result.pending} waiting"
    ]
    if result.head is not None:
        lines.append(f"  head {result.head}")
    lines += [f"  {gone.events} {gone.record_class} dropped by rule until {gone.month}" for gone in result.dropped]
    lines += [f"  {cut.sentence}" for cut in result.cut_back]
    for fault in result.faults:
        where = " ".join(f"{key} {value}" for key, value in msgspec.to_builtins(fault).items() if key != "kind")
        lines.append(f"  {fault.kind}: {where}")
        for cut in result.cut_back:
            if fault.kind is FaultKind.HEAD_DIFFERS and fault.size is not None and cut.covers(fault.size):
                lines.append(f"    lies in what was cut back; found on {cut.at:%Y-%m-%d}")
    return lines
