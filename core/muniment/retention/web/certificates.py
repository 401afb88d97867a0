"""One certificate over the API and on the console: shown, and handed out in each form."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from muniment.accounts.permissions import Caller
from muniment.api.errors import InvalidInput, NotFound
from muniment.database.session import CouncilSession
from muniment.retention.evidence.document import CertificateDocument, written
from muniment.retention.evidence.pages import POLICY, certificate_html
from muniment.retention.evidence.pdf import certificate_pdf
from muniment.retention.evidence.proving import certificate_document
from muniment.retention.evidence.reading import LANGUAGES, reading
from muniment.web.council import CouncilRef
from muniment.web.pages import Page

__all__ = ["certificate_pages", "certificate_routes"]

TAGS = ["retention"]

Asker = NamedDependency[Caller]
Council = NamedDependency[CouncilRef]
Session = NamedDependency[CouncilSession]
Form = Literal["json", "html", "pdf"]

ACCEPTED: dict[str, Form] = {"application/json": "json", "text/html": "html", "application/pdf": "pdf"}
MEDIA = {form: media for media, form in ACCEPTED.items()}


@get("/certificates/{certificate_id:str}", sync_to_thread=True, tags=TAGS)
def one_certificate(
    certificate_id: FromPath[str],
    request: Request[Any, Any, Any],
    session: Session,
    caller: Asker,
    council: Council,
    language: FromQuery[str | None] = None,
) -> Response[Any]:
    """One certificate with the proof of what it says; it identifies nobody. The schema is `certificate.schema.json`.

    `.json`, `.html` or `.pdf` after the key, or the header `Accept`, choose the form; `language` that of the words.
    """
    key, form = _form(certificate_id)
    matched = request.accept.best_match(list(ACCEPTED), default="application/json")
    found = certificate_document(session, caller, key)
    return _answer(found, form or ACCEPTED[matched], _language(language, council))


@get("/console/certificates/{certificate_id:str}", sync_to_thread=True)
def certificate_page(
    certificate_id: FromPath[str],
    session: Session,
    caller: Asker,
    council: Council,
    page: NamedDependency[Page],
    language: FromQuery[str | None] = None,
) -> Response[Any]:
    """A certificate to read; with `.pdf`, `.json` or `.html` after its key, to keep."""
    key, form = _form(certificate_id)
    found, spoken = certificate_document(session, caller, key), _language(language, council)
    if form is not None:
        return _answer(found, form, spoken)
    return page.render("retention/certificate.html", caller=caller, it=reading(found, spoken), language=spoken)


def _form(name: str) -> tuple[UUID, Form | None]:
    """The key and the form that an address asks for. Raises `NotFound` for what is no key or no form."""
    key, dot, ending = name.partition(".")
    form = next((form for form in MEDIA if form == ending), None)
    try:
        found = UUID(key)
    except ValueError:
        found = None
    if found is None or str(found) != key.lower() or (dot and form is None):
        raise NotFound("There is no such certificate.")
    return found, form


def _language(asked: str | None, council: CouncilRef) -> str:
    if asked is not None and asked not in LANGUAGES:
        raise InvalidInput(f"A certificate is given in: {', '.join(LANGUAGES)}.", where="language")
    return asked or (council.language if council.language in LANGUAGES else "en")


def _answer(found: CertificateDocument, form: Form, language: str) -> Response[Any]:
    headers = {"Vary": "Accept", "Content-Disposition": f'inline; filename="certificate-{found.certificate.id}.{form}"'}
    match form:
        case "json":
            return Response(written(found), media_type=MEDIA[form], headers=headers)
        case "html":
            headers["Content-Security-Policy"] = POLICY
            return Response(certificate_html(found, language), media_type=MEDIA[form], headers=headers)
        case "pdf":
            return Response(certificate_pdf(found, language), media_type=MEDIA[form], headers=headers)


certificate_routes = [one_certificate]
certificate_pages = [certificate_page]
