"""The staff's pages about consents and, apart from them, permissions: a part of the client's page, and the form that
records what somebody was asked and answered. Nothing on it is chosen beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, SkipValidation, URLEncodedBody
from litestar.response import Redirect

from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.api.text import say
from muniment.clients.context import Context
from muniment.clients.locks import NO_FILE, service_of
from muniment.clients.parsing import BadValue, parse_date
from muniment.consent.acting import NewWithdrawal, record_answer, withdraw
from muniment.consent.acts import AUTHORITIES, CHANNELS, CONSENT, HOWS, PERMISSION, Channel, Kind
from muniment.consent.asking import NamedRecipient, NewAnswer, NewEvidence
from muniment.consent.evidence import LARGEST, LARGEST_BODY
from muniment.consent.reading import asked_of, consents_of
from muniment.consent.receipts import hand_out
from muniment.database.session import CouncilSession
from muniment.files.store import FileStore
from muniment.keys import KeyRing
from muniment.notices.around import LANGUAGE_NAMES
from muniment.notices.given import called_document, called_version, earlier_documents
from muniment.notices.versions import versions_published
from muniment.notices.words import Words
from muniment.plugins.manager import Plugins
from muniment.policy.model import Policy
from muniment.policy.store import adopted
from muniment.web.callers import Caller, Permission
from muniment.web.council import CouncilRef
from muniment.web.errors import Fault
from muniment.web.pages import Page
from muniment.web.unit_of_work import needs

__all__ = ["beside_file_of", "pages"]

Council = NamedDependency[CouncilRef]
Session = NamedDependency[CouncilSession]
Asks = NamedDependency[Caller]
Keys = NamedDependency[KeyRing]
Installed = NamedDependency[SkipValidation[Plugins]]
Spoken = NamedDependency[SkipValidation[Words]]
Store = NamedDependency[SkipValidation[FileStore]]
Shell = NamedDependency[Page]
Fields = NamedDependency[SkipValidation[dict[str, Any]]]
RECORDS = needs(Permission.RECORD_CONSENTS)

KINDS: Final[tuple[tuple[Kind, str], ...]] = ((CONSENT, "consents"), (PERMISSION, "permissions"))
WRITTEN: Final = "%d/%m/%Y"


class AnswerForm(msgspec.Struct, frozen=True):
    """The fields of the form that records an answer; empty ones were left open. `shown` is the key of a published
    version or of an earlier document, `recipients` a line for each who is named: an id, the body behind a stroke."""

    purpose: str = ""
    answer: str = ""
    language: str = ""
    wording: str = ""
    shown: str = ""
    channel: str = ""
    how: str = ""
    recipients: str = ""
    explicit: str = ""
    on: str = ""
    authority: str = ""


class WithdrawForm(msgspec.Struct, frozen=True):
    """The fields of the form that withdraws: the purpose, how the person said so, for whom (the key of one who is
    named; empty for all), and in which language they are told what follows."""

    purpose: str
    channel: str = ""
    whom: str = ""
    language: str = ""


Beside = Callable[[CouncilSession, Caller, UUID, Page], str]


def beside_file_of(words: Words) -> Beside:
    """Below a client's file: its consents and, apart, its permissions, and the forms to withdraw each."""

    def beside(session: CouncilSession, caller: Caller, file_id: UUID, page: Page) -> str:
        service = service_of(session, file_id)
        if service is None or not caller.allows(Permission.READ_CLIENTS, service):
            return ""
        return page.text(
            "consent/beside.html",
            caller,
            file_id=file_id,
            parts=[(kind, plural, consents_of(session, words, file_id, service, kind)) for kind, plural in KINDS],
            channels=CHANNELS,
            languages=_languages(adopted(session)),
            may_record=caller.allows(Permission.RECORD_CONSENTS, service),
        )

    return beside


async def read_form(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """The provider of `sent`: the fields of a form, and the files that were chosen, whichever way they were sent."""
    form = await request.form()
    return {name: form.get(name) for name in form}


def _pages(kind: Kind, plural: str) -> list[HTTPRouteHandler]:
    """The pages of one kind."""
    place = f"/console/clients/{{file_id:uuid}}/{plural}"

    @get(place, sync_to_thread=True)
    def form(
        file_id: FromPath[UUID], session: Session, caller: Asks, keys: Keys, plugins: Installed, page: Shell
    ) -> Response[str]:
        """The form that records what somebody was asked and answered."""
        return _form(session, caller, Context.of(session, plugins, keys), page, file_id, kind, AnswerForm(), ())

    @post(
        place, sync_to_thread=True, status_code=303, opt=RECORDS, request_max_body_size=LARGEST_BODY,
        dependencies={"sent": Provide(read_form)},
    )  # fmt: skip
    def recorded(
        file_id: FromPath[UUID], sent: Fields, session: Session, caller: Asks, keys: Keys, plugins: Installed,
        page: Shell, council: Council, file_store: Store,
    ) -> Response[Any]:  # fmt: skip
        """Record it and show the client's page, or say what is wrong with the form."""
        context = Context.of(session, plugins, keys)
        asked = AnswerForm(**{name: str(sent.get(name) or "") for name in AnswerForm.__struct_fields__})
        try:
            new = _answer(asked, _evidence(sent), session)
            record_answer(session, caller, context, file_store, file_id, kind, new)
        except (InvalidInput, Conflict) as fault:
            faults = (Fault(getattr(fault, "where", ""), str(fault)),)
            return _form(session, caller, context, page, file_id, kind, asked, faults, fault.status)
        return Redirect(f"/{council.slug}/console/clients/{file_id}", status_code=303)

    @post(f"{place}/withdraw", sync_to_thread=True, status_code=200, opt=RECORDS)
    def withdrawn(
        file_id: FromPath[UUID], data: URLEncodedBody[WithdrawForm], session: Session, caller: Asks, keys: Keys,
        plugins: Installed, page: Shell, words: Spoken,
    ) -> Response[str]:  # fmt: skip
        """Withdraw, and show what follows, to be read to the person."""
        context = Context.of(session, plugins, keys)
        if data.channel not in CHANNELS:
            raise InvalidInput("Say how the person told the council.", where="channel")
        recipient, _, body = data.whom.partition("/")
        new = NewWithdrawal(
            channel=msgspec.convert(data.channel, Channel), language=data.language or None,
            recipients=(NamedRecipient(recipient, body or None),) if data.whom else (),
        )  # fmt: skip
        done = withdraw(session, caller, context, file_id, kind, data.purpose, new)
        told = done.follows.said(words, context.policy.council, data.language or context.policy.council.languages[0])
        return page.render(
            "consent/withdrawn.html", caller=caller, kind=kind, file_id=file_id, done=done, told=told,
            language=data.language,
        )  # fmt: skip

    return [form, recorded, withdrawn]


@get("/console/receipts/{event_id:uuid}", sync_to_thread=True)
def receipt(event_id: FromPath[UUID], session: Session, caller: Asks, words: Spoken, page: Shell) -> Response[str]:
    """The receipt of an event, and the forms in which it can be kept and handed on."""
    found = hand_out(session, caller, words, event_id)
    return page.render(
        "consent/receipt.html", caller=caller, event_id=event_id, article=found.article, file_id=found.file_id
    )


def _form(
    session: CouncilSession, caller: Caller, context: Context, page: Page, file_id: UUID, kind: Kind, asked: AnswerForm,
    faults: tuple[Fault, ...], status: int = 200,
) -> Response[str]:  # fmt: skip
    service = service_of(session, file_id)
    if service is None or not caller.allows(Permission.READ_CLIENTS, service):
        raise NotFound(NO_FILE)
    caller.require(Permission.RECORD_CONSENTS, service)
    declared, language = context.policy.service(service), context.policy.council.languages[0]
    purposes = asked_of(context.policy, declared, kind)
    versions = [each for each in versions_published(session) if service in each.covers]
    documents = [each for each in earlier_documents(session) if each.service == service]
    choices = {
        "purpose": [(each.purpose, each.title) for each in purposes],
        "languages": _languages(context.policy),
        "shown": [
            *((str(each.id), called_version(each.notice, each.number, each.language)) for each in versions),
            *((str(each.id), called_document(each.title, each.version)) for each in documents),
        ],
        "recipients": [
            (f"{one.id}/…" if one.kind == "kind-of-body" else one.id, say(one.title, language))
            for one in declared.recipients.recipients
        ],
        "channels": _spaced(CHANNELS), "hows": _spaced(HOWS), "authorities": _spaced(AUTHORITIES),
    }  # fmt: skip
    return page.render(
        "consent/record.html", caller=caller, status=status, kind=kind, plural=dict(KINDS)[kind], file_id=file_id,
        asked=asked, faults=faults, purposes=purposes, choices=choices,
    )  # fmt: skip


def _languages(policy: Policy) -> list[tuple[str, str]]:
    return [(code, LANGUAGE_NAMES.get(code, code)) for code in policy.council.languages]


def _spaced(codes: Sequence[str]) -> list[tuple[str, str]]:
    return [(code, code.replace("-", " ")) for code in codes]


def _answer(asked: AnswerForm, files: tuple[NewEvidence, ...], session: CouncilSession) -> NewAnswer:
    """What the form says. Raises `InvalidInput` with the field."""
    for where, words in (("purpose", "Choose the purpose."), ("answer", "Choose what the person answered."),
                         ("language", "Choose the language of the words that were used.")):  # fmt: skip
        if not getattr(asked, where):
            raise InvalidInput(words, where=where)
    shown = _key(asked.shown)
    is_document = any(each.id == shown for each in earlier_documents(session))
    given: dict[str, Any] = {
        "purpose": asked.purpose, "answer": asked.answer, "language": asked.language,
        "wording": asked.wording.strip() or None, "version": None if is_document else shown,
        "document": shown if is_document else None, "channel": asked.channel or None, "how": asked.how or None,
        "explicit": bool(asked.explicit), "on": _day(asked.on), "authority": asked.authority or None,
    }  # fmt: skip
    lines = [line.strip() for line in asked.recipients.splitlines() if line.strip()]
    named = tuple(NamedRecipient(name.strip(), body.strip() or None) for name, _, body in map(_parted, lines))
    try:
        new = msgspec.convert(given, NewAnswer)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"This form was not filled in as it can be: {error}.", where="answer") from None
    return msgspec.structs.replace(new, recipients=named or None, files=files)


def _parted(line: str) -> tuple[str, str, str]:
    return line.partition("/")


def _evidence(data: dict[str, Any]) -> tuple[NewEvidence, ...]:
    """The files that were chosen: evidence of the answer, and of the authority of whoever acted for the person."""
    found = []
    for field, proves in (("evidence", "consent"), ("evidence_of_authority", "authority")):
        upload = data.get(field)
        if isinstance(upload, UploadFile) and upload.filename:
            content = upload.file.read(LARGEST + 1)
            if content:
                found.append(msgspec.convert(
                    {"name": upload.filename, "media_type": upload.content_type, "proves": proves}
                    | {"content": content}, NewEvidence,
                ))  # fmt: skip
    return tuple(found)


def _day(written: str) -> date | None:
    if not written.strip():
        return None
    try:
        return parse_date(written.strip(), WRITTEN)
    except BadValue:
        raise InvalidInput("Write the day as in 31/03/2026.", where="on") from None


def _key(written: str) -> UUID | None:
    try:
        return UUID(written) if written else None
    except ValueError:
        raise InvalidInput("Choose the notice that the person had.", where="shown") from None


pages = [*(handler for kind, plural in KINDS for handler in _pages(kind, plural)), receipt]
