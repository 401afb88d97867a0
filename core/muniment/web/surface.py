"""How a domain's routes are mounted, and the dependencies that they may name.

A domain's `web.py` exports `api_routes` and `pages`, lists of Litestar handlers with addresses relative to a council:
`/api/v1/councils/{council_slug}` and `/{council_slug}`. By name and annotated `NamedDependency[...]` a handler may ask
for what `muniment.web.unit_of_work` works out:

- `session`: `CouncilSession`, the request's one transaction, committed after the handler and before the answer
- `caller`: `Caller`, who asks; raises when nobody is known. Every route names it, or says in `opt={"public": ...}` why
  it does not
- `council`: `CouncilRef`, the council of the address
- `clock` and `keys`: the process's `Clock` and `KeyRing`; and what the domains bring (`app.Surface.things`)
- `page`: `Page`, renders templates with the shell's context
- `credentials`: `Credentials`; naming it, or `caller`, checks the form token of an unsafe request
- `once`: `Once`, the write's `Idempotency-Key`

A form of a page that answers 303 is taken once: its handler is called through `once_sent` and needs no word about it.

Handlers are plain functions with `sync_to_thread=True`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from litestar import Request, Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from muniment.api.errors import NotFound, NotSignedIn
from muniment.web.council import CouncilRef
from muniment.web.errors import heading_of, html_response, is_for_programs, problem_of, problem_response
from muniment.web.forms import Credentials
from muniment.web.pages import Assets, Page, Pages
from muniment.web.shared import Believed, rests_on
from muniment.web.unit_of_work import HandlerNeeds, Places, refusal_of

__all__ = [
    "API",
    "NOTHING_HERE",
    "ONCE_SENT",
    "RESERVED_SLUGS",
    "Councils",
    "api_router",
    "council_of_address",
    "page_for_request",
    "page_router",
    "respond_to_error",
    "static_routes",
]

API = "/api/v1/councils/{council_slug:str}"
PAGES = "/{council_slug:str}"
NOTHING_HERE = "There is nothing at this address."
"""Said of an unknown address, an unknown council and another council's object alike."""

RESERVED_SLUGS = frozenset({"api", "health", "metrics", "static", "console", "privacy"})
"""Words that no council may be called by, because addresses begin with them."""

COUNCIL = "muniment_council"
ONCE_SENT = "once_sent"
"""The dependency through which a form that does something is taken (`muniment.accounts.sent_once`)."""


class Councils:
    """Councils by the slug in an address. `find` looks one up in the database; what it says is believed for a while."""

    BELIEVED = 30.0
    """Seconds. A slug's council never changes; its name and colour may, and a new council must appear."""

    def __init__(self, find: Callable[[str], CouncilRef | None], places: Places) -> None:
        self._find = find
        self._places = places
        self._known: dict[str, Believed[CouncilRef]] = {}

    async def get(self, slug: str) -> Believed[CouncilRef]:
        """The council with this slug. Raises `NotFound`."""
        known = self._known.get(slug)
        if known is None or not known.stands:
            council = await self._places.run(lambda: self._find(slug))
            if council is None:
                raise NotFound(NOTHING_HERE)
            known = self._known[slug] = Believed(council, self.BELIEVED)
        return known


async def council_of_address(request: Request[Any, Any, Any]) -> CouncilRef:
    """The provider of `council`."""
    councils: Councils = request.app.state.councils
    council = await councils.get(request.path_params["council_slug"])
    rests_on(request, council)
    request.scope["state"][COUNCIL] = council.value
    return council.value


def page_for_request(request: Request[Any, Any, Any], council: CouncilRef, credentials: Credentials) -> Page:
    """The provider of `page`."""
    return Page(request.app.state.pages, council, credentials, request.scope["path"])


def api_router(routes: Sequence[HTTPRouteHandler], needs: HandlerNeeds, places: Places) -> Router:
    """What programs of one council ask."""
    return Router(API, route_handlers=[needs.in_one_turn(route, places) for route in routes])


def page_router(routes: Sequence[HTTPRouteHandler], needs: HandlerNeeds, places: Places) -> Router:
    """What people read: public pages, and staff pages below `/console`. None of it is part of the OpenAPI document."""
    mounted = [needs.in_one_turn(route, places, ONCE_SENT if _does(route) else None) for route in routes]
    return Router(PAGES, route_handlers=mounted, include_in_schema=False)


def _does(route: HTTPRouteHandler) -> bool:
    """Whether a form does something and leads on (303); any other answers with a page and changes nothing by itself."""
    return "POST" in route.http_methods and route.status_code == HTTPStatus.SEE_OTHER


def static_routes(assets: Assets) -> list[HTTPRouteHandler]:
    """The shell's own files, which never change under their name."""

    @get(
        "/static/{file_name:str}",
        sync_to_thread=False,
        include_in_schema=False,
        opt={"public": "style sheets hold no data"},
    )
    def static(file_name: FromPath[str]) -> Response[bytes]:
        found = assets.get(file_name)
        if found is None:
            raise NotFoundException
        content, media_type = found
        return Response(
            content, media_type=media_type, headers={"Cache-Control": "public, max-age=31536000, immutable"}
        )

    @get("/favicon.ico", sync_to_thread=False, include_in_schema=False, opt={"public": "a picture holds no data"})
    def favicon() -> Redirect:
        return Redirect(assets.url("favicon.svg"), status_code=308, headers={"Cache-Control": "public, max-age=86400"})

    return [static, favicon]


def respond_to_error(request: Request[Any, Any, Any], exc: Exception) -> Response[Any]:
    """The application's one exception handler: a problem document or a page, or the way to the sign-in page."""
    exc = refusal_of(request, exc)
    place = f"{request.method} {request.scope.get('path_template', '')}"
    problem = problem_of(exc, place=place)
    if is_for_programs(request):
        return problem_response(request, exc, problem)
    council: CouncilRef | None = request.scope["state"].get(COUNCIL)
    if isinstance(exc, NotSignedIn) and council is not None:
        return Redirect(f"/{council.slug}/console/sign-in", status_code=303)
    pages: Pages = request.app.state.pages
    html = pages.render(
        "web/error.html", problem=problem, council=council, heading=heading_of(problem), here=request.scope["path"]
    )
    return html_response(problem, exc, html)
