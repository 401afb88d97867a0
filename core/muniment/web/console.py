"""The staff's front page: one section for each thing that a domain contributes and the caller may see."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from markupsafe import Markup

from muniment.database.session import CouncilSession
from muniment.web.callers import Caller, Permission
from muniment.web.pages import Page

__all__ = ["ConsoleSection", "console_routes"]


class ConsoleSection(msgspec.Struct, frozen=True):
    """A part of the console. `id` names it in the page's addresses, `permission` says who sees it (held for any
    service), `render` gives its HTML below an `h2`, by `page.text` of a template of the domain."""

    id: str
    title: str
    permission: Permission
    render: Callable[[CouncilSession, Caller, Page], str]


class _Rendered(msgspec.Struct, frozen=True):
    id: str
    title: str
    html: Markup


def console_routes(sections: Sequence[ConsoleSection]) -> list[HTTPRouteHandler]:
    """`/{council}/console`."""

    @get("/console", sync_to_thread=True)
    def console(
        session: NamedDependency[CouncilSession], caller: NamedDependency[Caller], page: NamedDependency[Page]
    ) -> Response[str]:
        """The sections that the caller may see, in order."""
        seen = [
            _Rendered(section.id, section.title, Markup(section.render(session, caller, page)))  # noqa: S704
            for section in sections
            if section.permission in caller.grants
        ]
        return page.render("web/console.html", caller=caller, sections=seen)

    return [console]
