"""A certificate as somebody reads it: headings, sentences and labelled values, which page and PDF merely lay out."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Final

import msgspec

from muniment.clock import london_day
from muniment.notices.language import long_date
from muniment.retention.evidence.content import CertificateContent
from muniment.retention.evidence.document import CertificateDocument, ProvenConfirmation

__all__ = ["COMMAND", "LANGUAGES", "Reading", "reading"]

WORDING: Final[Mapping[str, Mapping[str, str]]] = tomllib.loads(
    files("muniment.retention").joinpath("templates", "certificate.toml").read_text(encoding="utf-8")
)
LANGUAGES: Final = tuple(WORDING)
"""The languages that there are words for."""

COMMAND = "muniment audit verify --certificate FILE --key KEYS"


class Labelled(msgspec.Struct, frozen=True):
    """A value under its label; `code` ones are hashes and keys, set in a fixed width."""

    label: str
    value: str
    code: bool = False


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on the page, in order.

    `heads` stand above labels and values, `columns` above the rows of `confirmations`; `command` checks the proof.
    """

    language: str
    title: str
    council: str
    id: str
    issued: datetime
    lead: tuple[str, ...]
    heads: tuple[str, str]
    particulars_title: str
    particulars: tuple[Labelled, ...]
    confirmations_title: str
    columns: tuple[str, ...]
    confirmations: tuple[tuple[str, ...], ...]
    proof_title: str
    proof_says: str
    command: str
    proof: tuple[Labelled, ...]
    page: str


def reading(document: CertificateDocument, language: str = "en") -> Reading:
    """The certificate in a language; in English where there are no words for it."""
    language = language if language in WORDING else "en"
    said = _Words(language)
    content = document.certificate
    done = f"lead_{content.action}"
    phrase = done if done in WORDING[language] else "lead"
    lead = [said(phrase, council=content.council_name, disposed=content.disposed, title=content.class_title)]
    if content.awaited:
        lead.append(said("elsewhere", awaited=content.awaited, confirmed=document.confirmed))
    if document.lost:
        lead.append(said("lost", lost=document.lost))
    still_open = content.awaited - document.confirmed - document.lost
    lead.append(said("complete") if document.complete else said("awaiting", open=still_open))
    return Reading(
        language=language,
        title=said("title"),
        council=content.council_name,
        id=str(content.id),
        issued=content.issued_at,
        lead=tuple(lead),
        heads=(said("item"), said("value")),
        particulars_title=said("particulars"),
        particulars=tuple(_particulars(document, said)),
        confirmations_title=said("confirmations"),
        columns=tuple(
            map(said, ("count", "became", "destroyed_on", "method", "confirmed_at", "confirmed_by", "sealed"))
        ),
        confirmations=tuple(_confirmation(document, entry, said) for entry in document.confirmations),
        proof_title=said("proof"),
        proof_says=_proof_says(document, said),
        command=COMMAND if document.proof else "",
        proof=tuple(_proof(document, said)),
        page=said("page"),
    )


class _Words:
    """The phrases of one language, filled in."""

    def __init__(self, language: str) -> None:
        self.language, self._phrases = language, WORDING[language]

    def __call__(self, name: str, **places: object) -> str:
        return self._phrases[name].format_map(places)

    def action(self, name: str) -> str:
        return self._phrases.get(name, name)

    def moment(self, at: datetime) -> str:
        """A day in the council's own time, and the time of day in UTC, which nobody can mistake."""
        stamp = at.astimezone(UTC)
        return f"{long_date(london_day(at), self.language)} ({stamp.isoformat(sep=' ', timespec='seconds')[:19]} UTC)"


def _particulars(document: CertificateDocument, said: _Words) -> Sequence[Labelled]:
    content = document.certificate
    span = said(
        "span", first=long_date(content.due_from, said.language), last=long_date(content.due_until, said.language)
    )
    approved = f"{content.armed_kind} {content.armed_by}" if content.armed_by else content.armed_kind
    return [
        Labelled(said("id"), str(content.id), True),
        Labelled(said("council_name"), content.council_name),
        Labelled(said("issued_at"), said.moment(content.issued_at)),
        Labelled(said("record_class"), f"{content.class_title} ({content.record_class})"),
        Labelled(said("rule"), content.rule),
        Labelled(said("action"), said.action(content.action)),
        Labelled(said("disposed"), str(content.disposed)),
        Labelled(said("awaited"), str(content.awaited)),
        Labelled(said("confirmed"), str(document.confirmed)),
        *([Labelled(said("not_found"), str(document.lost))] if document.lost else []),
        Labelled(said("due"), span),
        Labelled(said("approved"), approved),
        *_decided(content, said),
        Labelled(said("holds"), str(content.holds)),
        Labelled(said("kept"), str(content.kept)),
        *([] if content.extended is None else [Labelled(said("extended"), str(content.extended))]),
        Labelled(said("method"), content.method),
        Labelled(said("rule_hash"), content.rule_hash, True),
        Labelled(said("policy_hash"), content.policy_hash, True),
        Labelled(said("root"), content.root, True),
    ]


def _decided(content: CertificateContent, said: _Words) -> Sequence[Labelled]:
    """Who decided record by record, where somebody did."""
    if content.approved_kind is None:
        return ()
    who = f"{content.approved_kind} {content.approved_by}" if content.approved_by else content.approved_kind
    return (Labelled(said("decided"), who),)


def _confirmation(document: CertificateDocument, entry: ProvenConfirmation, said: _Words) -> tuple[str, ...]:
    what = entry.confirmation
    if entry.proof is not None:
        sealed = said("sealed_as", position=entry.proof.position)
    else:
        sealed = said("never" if document.ask_again_after is None else "not_yet")
    by = f"{what.confirmed_kind} {what.confirmed_by}" if what.confirmed_by else what.confirmed_kind
    when = long_date(what.destroyed_on, said.language)
    became = said(f"became_{what.outcome.replace('-', '_')}")
    return (str(what.count), became, when, what.method, said.moment(what.confirmed_at), by, sealed)


def _proof_says(document: CertificateDocument, said: _Words) -> str:
    if document.proof is None:
        after = document.ask_again_after
        return said("unproven", when=said.moment(after) if after else "")
    return said("proven" if "content" in document.proof.event.facts else "proven_before")


def _proof(document: CertificateDocument, said: _Words) -> Sequence[Labelled]:
    proof = document.proof
    if proof is None:
        return ()
    signed = proof.checkpoint
    return [
        Labelled(said("event"), str(proof.event.id), True),
        Labelled(said("position"), str(proof.position)),
        Labelled(said("size"), str(signed.size)),
        Labelled(said("log_root"), signed.root, True),
        Labelled(said("signed_at"), said.moment(datetime.fromisoformat(signed.at))),
        Labelled(said("key"), str(signed.key)),
        Labelled(said("signature"), signed.signature, True),
    ]
