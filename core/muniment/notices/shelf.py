"""Published notices kept in memory, so that the page that everybody may read costs no more than a file.

A frozen rendering never changes, so it is kept by council and sha256 for good. Which versions there are is asked of the
database again after a few seconds; this process forgets it at once when it publishes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from muniment.database.session import CouncilSession
from muniment.notices.render import Rendered
from muniment.notices.versions import VersionView, list_versions, read_rendering
from muniment.web.shared import Believed, Kept
from muniment.web.unit_of_work import Places

__all__ = ["Shelf"]


T = TypeVar("T")


class Shelf:
    """Everything published, by council. One for a process, made by the composition root."""

    BELIEVED = 5.0
    """Seconds for which a list of versions is believed."""
    RENDERINGS = 512
    """How many are kept."""

    def __init__(self) -> None:
        self._versions: dict[UUID, Believed[tuple[VersionView, ...]]] = {}
        self._renderings: Kept[Rendered] = Kept(self.RENDERINGS)

    async def versions(self, places: Places, council_id: UUID) -> Believed[tuple[VersionView, ...]]:
        """Every published version of a council, newest first within a notice."""
        known = self._versions.get(council_id)
        if known is None or not known.stands:
            versions = await places.run(lambda: _in_council(places, council_id, _all_versions))
            known = self._versions[council_id] = Believed(versions, self.BELIEVED)
        return known

    async def rendering(self, places: Places, council_id: UUID, sha256: str) -> Rendered:
        """The frozen renderings of a version. Raises `NotFound`."""
        key = (council_id, sha256)
        if (kept := self._renderings.get(key)) is None:
            kept = await places.run(lambda: _in_council(places, council_id, lambda at: read_rendering(at, sha256)))
            self._renderings.put(key, kept)
        return kept

    def forget(self, council_id: UUID) -> None:
        """Ask again which versions a council has: it has published."""
        if (known := self._versions.pop(council_id, None)) is not None:
            known.doubt()


def _in_council(places: Places, council_id: UUID, read: Callable[[CouncilSession], T]) -> T:
    with places.database.council(council_id) as session:
        return read(session)


def _all_versions(session: CouncilSession) -> tuple[VersionView, ...]:
    return tuple(list_versions(session))
