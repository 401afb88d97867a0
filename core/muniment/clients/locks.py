"""The lock that every change of a client file takes, and telling those whose clocks rest on what changed.

A file's row is locked `for no key update`: changes of one file wait for each other and for its disposal, while rows
that point to it may still be added. Several files are locked in the order of their keys, so that two changes can wait
for each other only in one direction.

A file that is restricted, every use of it, is changed by nobody (`muniment.clients.limits`). Only what serves the
person may be written all the same: that they were told, that they withdrew a consent, that it is to be kept longer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import NotFound
from muniment.clients.limits import Limits, limits_asked, limits_in
from muniment.database.exchange import Asked
from muniment.database.packed import Keys
from muniment.database.session import CouncilSession
from muniment.database.signals import FilesChanged, files_changed

__all__ = [
    "LIMIT_AGAIN", "NO_FILE", "LockedFile", "change_file", "lock_files", "service_asked", "service_of",
    "tell",
]  # fmt: skip

NO_FILE = "There is no such client file."
"""Said of an unknown file, another council's, and one of a service the caller may not see."""

LIMIT_AGAIN: Final = "limit-again"
"""What changed in a file whose restriction a restore had lost and that has been put back: it stood all the time."""

_LOCK = text(
    "select id, person_id, service from client_file where council_id = :council_id and id = any(:ids)"
    " order by id for no key update"
)

_SERVICE = text("select service from client_file where council_id = :council_id and id = :id")


class LockedFile(msgspec.Struct, frozen=True):
    """A file whose row is locked until the transaction ends. `limits` is what stands on it, if it was asked."""

    id: UUID
    person_id: UUID
    service: str
    limits: Limits = Limits()


def lock_files(session: CouncilSession, file_ids: Collection[UUID]) -> dict[UUID, LockedFile]:
    """Lock client files in the order of their keys; those that are gone are missing from the answer.

    What was read of a file before it was locked may have changed: read it again.
    """
    return _files(session.ask(*_locking(session, file_ids))) if file_ids else {}


def _locking(session: CouncilSession, file_ids: Collection[UUID]) -> Asked:
    return _LOCK, {"council_id": session.council_id, "ids": list(file_ids)}


def _files(rows: Iterable[Any], limits: Mapping[UUID, Limits] = MappingProxyType({})) -> dict[UUID, LockedFile]:
    return {row.id: LockedFile(row.id, row.person_id, row.service, limits.get(row.id, Limits())) for row in rows}


def change_file(
    session: CouncilSession,
    caller: Caller,
    file_id: UUID,
    permission: Permission = Permission.WRITE_CLIENTS,
    *,
    though_limited: bool = False,
) -> LockedFile:
    """Lock one file for a caller who may change it.

    Raises `NotFound` if there is none that the caller may see, `Forbidden` if they may see it and not change it, and
    `Conflict` (`restricted`) if every use of it is barred, unless `though_limited` says that the act serves the person.
    Where some purposes alone are barred the caller asks the `limits` of the answer about what it changes.
    """
    caller.require_somewhere(permission)
    locked, standing = session.ask_together(_locking(session, [file_id]), limits_asked(session, [file_id]))
    file = _files(locked, limits_in(standing)).get(file_id)
    if file is None or not (
        caller.allows(permission, file.service) or caller.allows(Permission.READ_CLIENTS, file.service)
    ):
        raise NotFound(NO_FILE)
    caller.require(permission, file.service)
    if not though_limited:
        file.limits.refuse()
    return file


def service_of(session: CouncilSession, file_id: UUID) -> str | None:
    """The service of a file; None if there is no such file."""
    rows = session.ask(*service_asked(session, file_id))
    return rows[0].service if rows else None


def service_asked(session: CouncilSession, file_id: UUID) -> Asked:
    """What asks for the `service` of a file."""
    return _SERVICE, {"council_id": session.council_id, "id": file_id}


def tell(session: CouncilSession, file_ids: Collection[UUID], *what: str) -> None:
    """Tell those who listen that something in these files changed, in this transaction."""
    files_changed.send(session, FilesChanged(Keys.of(file_ids), frozenset(what)))
