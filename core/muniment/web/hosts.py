"""A council's own host names: what is asked for under one of them is that council's, and nobody else's.

Under such a name addresses below `/privacy` and `/console` go without the council's slug, and `/` is the console; those
with the slug go on working, since pages link to them. Another council's addresses do not exist there. Under any other
name, such as the deployment's own, addresses are what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from litestar.types import HTTPScope

from muniment.web.shared import Believed, header_of
from muniment.web.unit_of_work import Places

__all__ = ["Hosts", "address_under"]

EVERYBODYS = ("/static/", "/health/", "/metrics", "/favicon.ico", "/api/v1/openapi.json")
"""What is the same under every name, and is answered without asking whose the name is."""
API = "/api/v1/councils/"
WITHOUT_SLUG = ("privacy", "console")


class Hosts:
    """The councils' host names. `read` gives slugs by name from the database, which is believed for a few seconds."""

    BELIEVED = 5.0

    def __init__(self, read: Callable[[], Mapping[str, str]], places: Places) -> None:
        self._read = read
        self._places = places
        self._known: Believed[Mapping[str, str]] | None = None

    async def council_of(self, scope: HTTPScope) -> str | None:
        """The slug of the council whose own name the request came under; None under any other name."""
        if scope["path"].startswith(EVERYBODYS):
            return None
        if self._known is None or not self._known.stands:
            self._known = Believed(await self._places.run(self._read), self.BELIEVED)
        host, _, port = header_of(scope, b"host").decode("latin-1").lower().rpartition(":")
        return self._known.value.get((host if port.isdigit() else port).rstrip("."))


def address_under(slug: str, path: str) -> str:
    """The path with slug that a path means under a name of the council `slug`; another council's means nothing."""
    first = path.removeprefix("/").partition("/")[0]
    if path == "/":
        return f"/{slug}/console"
    if first in WITHOUT_SLUG:
        return f"/{slug}{path}"
    if first == slug or path.startswith(f"{API}{slug}/") or path == f"{API}{slug}":
        return path
    return API.rstrip("/") if first == "api" else f"/{slug}"
