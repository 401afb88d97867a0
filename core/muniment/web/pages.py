"""Pages: templates by domain, one layout, rendered where the handler runs.

Each domain's templates are mounted under its name (`clients/file.html`). No loader ever looks at the current council:
the cache of Jinja keeps what a name once meant, and would serve one council's words to another. What differs between
councils is data handed to the template.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import msgspec
from jinja2 import BaseLoader, Environment, PackageLoader, PrefixLoader, StrictUndefined
from litestar import MediaType, Response
from litestar.datastructures import Cookie

from muniment.web.brand import brand_of_name, brand_style, sheet_name
from muniment.web.callers import Caller, Permission
from muniment.web.council import CouncilRef
from muniment.web.forms import FORM_FIELD, Credentials
from muniment.web.wording import FILTERS

__all__ = ["Assets", "MenuEntry", "Page", "Pages"]

MEDIA_TYPES = {".css": "text/css", ".svg": "image/svg+xml"}


class Assets:
    """The shell's own files, held in memory and named by their content, so that they can be cached for ever."""

    def __init__(self) -> None:
        self._by_name: dict[str, tuple[bytes, str]] = {}
        self._urls: dict[str, str] = {}
        for entry in sorted(files("muniment.web").joinpath("static").iterdir(), key=lambda entry: entry.name):
            stem, dot, ending = entry.name.rpartition(".")
            content = entry.read_bytes()
            name = f"{stem}.{hashlib.sha256(content).hexdigest()[:16]}.{ending}"
            self._by_name[name] = (content, MEDIA_TYPES[dot + ending])
            self._urls[entry.name] = f"/static/{name}"

    def url(self, name: str) -> str:
        """The address of a file by its plain name, such as `muniment.css`."""
        return self._urls[name]

    def get(self, name: str) -> tuple[bytes, str] | None:
        """Content and media type of a file by the name in its address."""
        if (colour := brand_of_name(name)) is not None:
            return brand_style(colour).encode(), MEDIA_TYPES[".css"]
        return self._by_name.get(name)

    def brand_url(self, colour: str) -> str:
        """The address of the style sheet for a council's colour; empty if the page keeps the plain style."""
        name = sheet_name(colour)
        return f"/static/{name}" if name else ""


class MenuEntry(msgspec.Struct, frozen=True):
    """A page of the console that stands in its menu: `path` below `/{council}/console/`, for whoever holds
    `permission` for any service, or `instead`, where that will do as well."""

    path: str
    title: str
    permission: Permission
    instead: Permission | None = None


class Pages:
    """The template environment of the application, made once by the composition root."""

    def __init__(
        self, assets: Assets, loaders: Mapping[str, BaseLoader] | None = None, menu: Sequence[MenuEntry] = ()
    ) -> None:
        self._environment = Environment(
            loader=PrefixLoader({"web": PackageLoader("muniment.web"), **(loaders or {})}),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals["asset"] = assets.url
        self._environment.globals["brand"] = assets.brand_url
        self._environment.globals["form_field"] = FORM_FIELD
        self._environment.globals["menu"] = self._menu = menu
        self._environment.filters |= FILTERS

    def place_of(self, path: str) -> str:
        """The entry of the menu under which an address below `/{council}/console/` is; empty if under none."""
        above = [entry.path for entry in self._menu if f"{path}/".startswith(f"{entry.path}/")]
        return max(above, key=len, default="")

    def render(self, template: str | Sequence[str], **context: Any) -> str:
        """Render a template, or the first of several that exists."""
        names = [template] if isinstance(template, str) else list(template)
        defaults: dict[str, Any] = {"council": None, "caller": None, "form_token": "", "language": "en", "here": ""}
        return self._environment.select_template(names).render(defaults | context)


class Page:
    """Pages for one request: what the layout needs is filled in. The dependency `page`."""

    def __init__(self, pages: Pages, council: CouncilRef, credentials: Credentials, path: str) -> None:
        self._pages = pages
        self._council = council
        self._credentials = credentials
        self._path = path

    def text(self, template: str | Sequence[str], caller: Caller | None = None, **context: Any) -> str:
        """A page or a fragment as HTML text. Pages of the console are in English; `language` says otherwise."""
        shell = {
            "council": self._council,
            "caller": caller,
            "form_token": self._credentials.form_token,
            "here": self._path,
            "place": self._pages.place_of(self._path.removeprefix(f"/{self._council.slug}/console/")),
        }
        return self._pages.render(template, **(shell | context))

    def render(
        self,
        template: str | Sequence[str],
        *,
        caller: Caller | None = None,
        status: int = 200,
        cookies: Sequence[Cookie] = (),
        headers: Mapping[str, str] | None = None,
        **context: Any,
    ) -> Response[str]:
        """The answer that shows a page. Call it in the handler: nothing is rendered later."""
        html = self.text(template, caller, **context)
        return Response(
            html, status_code=status, media_type=MediaType.HTML, cookies=list(cookies), headers=dict(headers or {})
        )
