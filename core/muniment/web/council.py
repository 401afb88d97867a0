"""The council of an address, as the shell knows it: enough to lay out a page and to open a session."""

from __future__ import annotations

from uuid import UUID

import msgspec

__all__ = ["CouncilRef"]


class CouncilRef(msgspec.Struct, frozen=True):
    """A council that a request is about. `colour` is `#rrggbb`, or empty for the plain style."""

    id: UUID
    slug: str
    name: str
    colour: str = ""
    language: str = "en"
