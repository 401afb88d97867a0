"""The staff's pages about clients: finding a file and looking at it.

What is asked for is sent in the body of a form, so that no name or reference stands in an address or a log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, SkipValidation, URLEncodedBody

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput
from muniment.api.text import say
from muniment.clients.apart import apart_pages
from muniment.clients.attaching import attachment_pages
from muniment.clients.attachments import AttachmentView, of_records
from muniment.clients.files import open_file
from muniment.clients.limits import EXCEPTIONS, GROUNDS, Exception18
from muniment.clients.parsing import BadValue, parse_date
from muniment.clients.search import FoundPage, Search, search
from muniment.clients.views import FileView
from muniment.clients.web_limits import limit_pages
from muniment.database.session import CouncilSession
from muniment.policy.model import Policy
from muniment.policy.store import adopted
from muniment.web.console import ConsoleSection
from muniment.web.council import CouncilRef
from muniment.web.errors import Fault
from muniment.web.pages import Page
from muniment.web.unit_of_work import needs

__all__ = ["BesideFile", "WhyKept", "find_section", "pages"]

APART = (Permission.READ_RESTRICTED, Permission.FOLLOW_PSEUDONYMS)

WhyKept = Callable[[CouncilSession, Caller, UUID], Mapping[UUID, Sequence[str]]]
"""Why each record of a file is kept until when, in sentences, by the record's key: retention's answer, which the
composition root hands over as the dependency `why_kept`."""

BesideFile = Callable[[CouncilSession, Caller, UUID, Page], str]
"""What another domain has to show and to offer below a file, as HTML; the dependency `beside_file`."""


class FindForm(msgspec.Struct, frozen=True):
    """The fields of the form that finds a client; empty ones are not asked for."""

    reference: str = ""
    family_name: str = ""
    given_names: str = ""
    born_on: str = ""
    postcode: str = ""
    after: str = ""


def _find_fragment(session: CouncilSession, caller: Caller, page: Page) -> str:
    return page.text("clients/find_form.html", caller, asked=FindForm(), faults=[])


find_section = ConsoleSection("clients", "Find a client", Permission.READ_CLIENTS, _find_fragment)


@post("/console/clients", sync_to_thread=True, status_code=200, opt=needs(Permission.READ_CLIENTS))
def find(
    data: URLEncodedBody[FindForm],
    session: NamedDependency[CouncilSession],
    caller: NamedDependency[Caller],
    page: NamedDependency[Page],
) -> Response[str]:
    """What was found, or what is wrong with the question."""
    found, faults = FoundPage([], None), list[Fault]()
    try:
        found = search(session, caller, _asked(data))
    except InvalidInput as error:
        faults.append(Fault(error.where, str(error)))
    status = InvalidInput.status if faults else 200
    return page.render("clients/found.html", caller=caller, status=status, asked=data, found=found, faults=faults)


@get("/console/clients/{file_id:uuid}", sync_to_thread=True)
def show(
    file_id: FromPath[UUID],
    session: NamedDependency[CouncilSession],
    caller: NamedDependency[Caller],
    page: NamedDependency[Page],
    council: NamedDependency[CouncilRef],
    why_kept: NamedDependency[SkipValidation[WhyKept]],
    beside_file: NamedDependency[SkipValidation[BesideFile]],
    exception: FromQuery[Exception18 | None] = None,
) -> Response[str]:
    """A client file with its records, and why each is kept until when; without what is restricted, unless the exception
    of UK GDPR Art 18(2) is named that applies."""
    file = open_file(session, caller, file_id, exception)
    titles = _Titles(adopted(session), file, council.language)
    why = why_kept(session, caller, file_id)
    beside = beside_file(session, caller, file_id, page)
    apart = any(caller.allows(permission, file.service) for permission in APART)
    attached: dict[UUID, list[AttachmentView]] = {}
    for one in () if exception is not None else of_records(session, [record.id for record in file.records]):
        attached.setdefault(one.record_id, []).append(one)
    return page.render(
        "clients/file.html", caller=caller, file=file, titles=titles, why=why, beside=beside, apart=apart,
        grounds=GROUNDS, exceptions=EXCEPTIONS, exception=exception, attached=attached,
        may_attach=caller.allows(Permission.WRITE_CLIENTS, file.service) and exception is None,
    )  # fmt: skip


class _Titles:
    """What things are called in the adopted policy; what it no longer declares goes by its key."""

    def __init__(self, policy: Policy, file: FileView, language: str) -> None:
        declared = policy.services.get(file.service)
        self.service = file.service
        self._classes: dict[str, str] = {}
        self._fields: dict[str, str] = {}
        self._sources: dict[str, str] = {}
        self._purposes: dict[str, str] = {}
        if declared is not None:
            self.service = say(declared.service.title, language)
            self._classes = {entry.id: say(entry.title, language) for entry in declared.retention.classes}
            self._sources = {entry.id: say(entry.title, language) for entry in declared.clients.sources}
            self._purposes = {entry.id: say(entry.title, language) for entry in declared.purposes.purposes}
            self._fields = {
                f"{category.id}.{field.id}": say(field.title, language)
                for category in declared.clients.categories
                for field in category.fields
            }

    def record_class(self, key: str) -> str:
        return self._classes.get(key.partition("/")[2], key)

    def field(self, name: str) -> str:
        return self._fields.get(name, name)

    def source(self, key: str) -> str:
        return self._sources.get(key, key)

    def purposes(self, keys: Sequence[str]) -> str:
        return "; ".join(self._purposes.get(key, key) for key in keys)


def _asked(form: FindForm) -> Search:
    return Search(
        reference=form.reference.strip() or None,
        family_name=form.family_name.strip() or None,
        given_names=form.given_names.strip() or None,
        born_on=_day(form.born_on.strip()),
        postcode=form.postcode.strip() or None,
        after=_key(form.after),
    )


def _day(written: str) -> date | None:
    if not written:
        return None
    try:
        return parse_date(written)
    except BadValue:
        try:
            return parse_date(written, "%d/%m/%Y")
        except BadValue:
            raise InvalidInput("Write the date of birth as in 31/03/1980.", where="born_on") from None


def _key(written: str) -> UUID | None:
    try:
        return UUID(written) if written else None
    except ValueError:
        raise InvalidInput("This page of the list is not there: search again.", where="after") from None


pages = [find, show, *apart_pages, *limit_pages, *attachment_pages]
