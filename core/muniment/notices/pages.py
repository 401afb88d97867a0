"""The public pages of privacy notices: the newest version, each earlier one, and the list of them.

They are for everybody, hold no personal data and are served from memory: they ask for no caller and no transaction, and
what they answer is shared (`muniment.web.shared`) for as long as council and versions are believed.
`/{council}/privacy/{service}` is the newest version; `.txt` and `.json` after the last part, `?format=`, or the header
`Accept` choose another form, `?language=` another language, `?notice=` one of several notices of a service. A
programme's own notice is asked for by name: it is for some, and the address of the service stays that of its notice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC
from email.utils import format_datetime
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from markupsafe import Markup

from muniment.api.errors import InvalidInput, NotFound
from muniment.clock import london_day
from muniment.notices.around import LANGUAGE_NAMES, around
from muniment.notices.document import Document
from muniment.notices.language import long_date
from muniment.notices.render import Format, Rendered
from muniment.notices.shelf import Shelf
from muniment.notices.versions import VersionView
from muniment.web.council import CouncilRef
from muniment.web.shared import rests_on, share
from muniment.web.surface import NOTHING_HERE

__all__ = ["public_pages"]

FOR_EVERYBODY = "a published privacy notice is for everybody and holds no personal data"
MEDIA: dict[Format, str] = {
    "html": "text/html",
    "text": "text/plain",
    "json": "application/json",
}
"""Texts are in UTF-8, which the response adds."""
ENDINGS: dict[str, Format] = {"txt": "text", "json": "json", "html": "html"}
ACCEPTED: dict[str, Format] = {"text/html": "html", "text/plain": "text", "application/json": "json"}
NEWEST = "public, max-age=60"
FROZEN = "public, max-age=86400"


class Link(msgspec.Struct, frozen=True):
    """A link to the same version in another language."""

    href: str
    code: str
    name: str


class Line(msgspec.Struct, frozen=True):
    """A link in a list."""

    href: str
    words: str


@get("/privacy/{service:str}", opt={"public": FOR_EVERYBODY})
async def newest_notice(
    request: Request[Any, Any, Any],
    state: State,
    shelf: NamedDependency[Shelf],
    council: NamedDependency[CouncilRef],
    service: FromPath[str],
    language: FromQuery[str | None] = None,
    notice: FromQuery[str | None] = None,
) -> Response[Any]:
    """The newest version of a service's notice; where it has several, the list of them."""
    slug, wanted = _form(request, service)
    found = _meant(_of_service(await _versions(request, state, council, shelf), slug, notice), notice)
    notices = list(dict.fromkeys((view.service, view.notice) for view in found))
    if len(notices) > 1:
        return await _choice(request, state, council, shelf, slug, found, wanted, language)
    newest = [view for view in found if view.number == found[0].number]
    return await _version(request, state, council, shelf, slug, newest, found[0].number, wanted, language, notice)


@get("/privacy/{service:str}/versions", opt={"public": FOR_EVERYBODY})
async def all_versions(
    request: Request[Any, Any, Any],
    state: State,
    shelf: NamedDependency[Shelf],
    council: NamedDependency[CouncilRef],
    service: FromPath[str],
    language: FromQuery[str | None] = None,
    notice: FromQuery[str | None] = None,
) -> Response[Any]:
    """Every version of a service's notices, newest first."""
    found = _of_service(await _versions(request, state, council, shelf), service, notice)
    _, wanted = _form(request, "")
    if wanted == "json":
        return _answer(request, msgspec.json.encode(found), "json", found, NEWEST)
    here = _in_language(found, language)
    words = around(here[0].language)
    several = len({(view.service, view.notice) for view in found}) > 1
    lines = [
        Line(
            f"/{council.slug}/privacy/{service}/versions/{view.number}{_query(view, several)}",
            _line(view, words["restates"], several),
        )
        for view in here
    ]
    html = state.pages.render(
        "notices/versions.html",
        council=council, language=_code(here[0].language), words=words, title=words["versions_title"], lines=lines,
    )  # fmt: skip
    return _answer(request, html.encode(), "html", found, NEWEST)


@get("/privacy/{service:str}/versions/{number:str}", opt={"public": FOR_EVERYBODY})
async def one_version(
    request: Request[Any, Any, Any],
    state: State,
    shelf: NamedDependency[Shelf],
    council: NamedDependency[CouncilRef],
    service: FromPath[str],
    number: FromPath[str],
    language: FromQuery[str | None] = None,
    notice: FromQuery[str | None] = None,
) -> Response[Any]:
    """One version, for ever at this address."""
    digits, wanted = _form(request, number)
    found = _meant(_of_service(await _versions(request, state, council, shelf), service, notice), notice)
    first = found[0]
    asked = [
        view for view in found
        if str(view.number) == digits and (view.service, view.notice) == (first.service, first.notice)
    ]  # fmt: skip
    if not asked:
        raise NotFound(NOTHING_HERE)
    return await _version(request, state, council, shelf, service, asked, first.number, wanted, language, notice)


async def _version(
    request: Request[Any, Any, Any], state: State, council: CouncilRef, shelf: Shelf, service: str,
    languages: Sequence[VersionView], newest: int, wanted: Format, language: str | None, notice: str | None,
) -> Response[Any]:  # fmt: skip
    """The answer with one version: `languages` are that version in each of its languages."""
    view = _in_language(languages, language or council.language)[0]
    rendered = await shelf.rendering(state.places, council.id, view.sha256)
    others = tuple(other.language for other in languages if other.language != view.language)
    match wanted:
        case "html":
            body = _page(state, council, view, rendered, service, notice, others, newest).encode()
        case "text":
            body = rendered.text.encode()
        case "json":
            body = rendered.json
    return _answer(request, body, wanted, [view], NEWEST if view.number == newest else FROZEN)


def _page(
    state: State, council: CouncilRef, view: VersionView, rendered: Rendered, service: str, notice: str | None,
    others: Sequence[str], newest: int,
) -> str:  # fmt: skip
    base = f"/{council.slug}/privacy/{service}"
    address = f"{base}/versions/{view.number}"
    chosen = f"&notice={notice}" if notice else ""
    page: str = state.pages.render(
        "notices/version.html",
        council=council,
        language=_code(view.language),
        words=around(view.language),
        title=msgspec.json.decode(rendered.json, type=Document).title,
        article=Markup(rendered.html),  # noqa: S704  # escaped when it was rendered, and frozen since
        newest="" if view.number == newest else f"{base}?language={view.language}{chosen}",
        published=london_day(view.published_at).isoformat(),
        published_words=long_date(london_day(view.published_at), view.language),
        address=address,
        query=f"?language={view.language}{chosen}",
        languages=[
            Link(f"{address}?language={other}{chosen}", _code(other), LANGUAGE_NAMES.get(other, other))
            for other in others
        ],
        versions=f"{base}/versions?language={view.language}{chosen}",
        sha256=view.sha256,
    )
    return page


async def _choice(
    request: Request[Any, Any, Any], state: State, council: CouncilRef, shelf: Shelf, service: str,
    found: Sequence[VersionView], wanted: Format, language: str | None,
) -> Response[Any]:  # fmt: skip
    """The notices of a service that has several, each by its title."""
    newest = [view for view in _in_language(found, language or council.language) if view.number == _newest(found, view)]
    if wanted == "json":
        return _answer(request, msgspec.json.encode(newest), "json", newest, NEWEST)
    lines = []
    for view in newest:
        rendered = await shelf.rendering(state.places, council.id, view.sha256)
        title = msgspec.json.decode(rendered.json, type=Document).title
        lines.append(Line(f"/{council.slug}/privacy/{service}{_query(view, several=True)}", title))
    html = state.pages.render(
        "notices/versions.html",
        council=council,
        language=_code(newest[0].language),
        words=around(newest[0].language),
        title=around(newest[0].language)["choose"],
        lines=lines,
    )
    return _answer(request, html.encode(), "html", newest, NEWEST)


def _form(request: Request[Any, Any, Any], last: str) -> tuple[str, Format]:
    """The last part of the address without its ending, and the form asked for: by ending, query or `Accept`.

    Raises `NotFound` for an ending that no notice has, `InvalidInput` for an unknown `?format=`.
    """
    name, dot, ending = last.partition(".")
    if dot:
        if ending not in ENDINGS:
            raise NotFound(NOTHING_HERE)
        return name, ENDINGS[ending]
    asked = request.query_params.get("format", "")
    if asked:
        if asked not in MEDIA:
            raise InvalidInput(f"A notice is given as: {', '.join(MEDIA)}.", where="format")
        return name, asked
    if request.headers.get("accept", "*/*").startswith(("text/html", "*/*")):
        return name, "html"  # what browsers send, without weighing all of it
    matched = request.accept.best_match(list(ACCEPTED), default="text/html")
    return name, ACCEPTED[matched]


async def _versions(
    request: Request[Any, Any, Any], state: State, council: CouncilRef, shelf: Shelf
) -> tuple[VersionView, ...]:
    versions = await shelf.versions(state.places, council.id)
    rests_on(request, versions)
    return versions.value


def _of_service(versions: Sequence[VersionView], service: str, notice: str | None) -> list[VersionView]:
    """The versions of the notices that cover a service, or of the one named. Raises `NotFound`."""
    found = [view for view in versions if service in view.covers and notice in (None, view.notice)]
    if not found:
        raise NotFound(NOTHING_HERE)
    return found


def _meant(found: list[VersionView], notice: str | None) -> list[VersionView]:
    """What an address means that names no notice: the service's one, where the others are programmes' own; else all."""
    general = [view for view in found if view.programme is None]
    return general if notice is None and len({(view.service, view.notice) for view in general}) == 1 else found


def _in_language(found: Sequence[VersionView], language: str | None) -> list[VersionView]:
    """Each version once: in the language asked for if it was published in it, else in English, else in any."""
    by_version: dict[tuple[str, str, int], list[VersionView]] = {}
    for view in found:
        by_version.setdefault((view.service, view.notice, view.number), []).append(view)
    wanted = (language or "en", "en")
    return [
        next((view for code in wanted for view in views if view.language == code), views[0])
        for views in by_version.values()
    ]


def _newest(found: Sequence[VersionView], view: VersionView) -> int:
    return max(other.number for other in found if (other.service, other.notice) == (view.service, view.notice))


def _query(view: VersionView, several: bool) -> str:
    """What an address needs besides its path to mean this version: its language, and its name if there are others."""
    return f"?language={view.language}" + (f"&notice={view.notice}" if several else "")


def _line(view: VersionView, restates: str, several: bool) -> str:
    day = long_date(london_day(view.published_at), view.language)
    title = f"{view.notice} " if several else ""
    return f"{title}{view.number}, {day}" + (f" ({restates}: {view.restates})" if view.restates else "")


def _code(language: str) -> str:
    return language.partition(".")[0]


def _answer(
    request: Request[Any, Any, Any], body: bytes, form: Format, views: Sequence[VersionView], cache: str
) -> Response[Any]:
    """What everybody who asks the same is answered with."""
    share(request)
    published = max(view.published_at for view in views).astimezone(UTC)
    headers = {
        "Cache-Control": cache,
        "ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"',
        "Last-Modified": format_datetime(published, usegmt=True),
        "Vary": "Accept",
    }
    return Response(body, media_type=MEDIA[form], headers=headers)


public_pages = [newest_notice, all_versions, one_version]
