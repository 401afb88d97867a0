"""What is kept apart from a client's file, over the API and on the console: out of use, or without a name."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Forbidden
from muniment.clients.files import open_file
from muniment.clients.pseudonyms import file_behind, pseudonyms_of
from muniment.clients.use import read_restricted, reinstate
from muniment.clients.views import FileView, RecordView
from muniment.database.session import CouncilSession
from muniment.web.council import CouncilRef
from muniment.web.cursors import Listing
from muniment.web.pages import Page
from muniment.web.unit_of_work import needs

__all__ = ["apart_pages", "apart_routes"]

TAGS = ["clients"]
RESTRICTED = needs(Permission.READ_RESTRICTED)

Asker = NamedDependency[Caller]
Session = NamedDependency[CouncilSession]


class FileBehind(msgspec.Struct, frozen=True):
    """The client's file from which the records of a file without a name came; null where no key leads there."""

    file_id: UUID | None


@get("/clients/{file_id:uuid}/restricted", sync_to_thread=True, tags=TAGS)
def restricted(file_id: FromPath[UUID], session: Session, caller: Asker) -> Listing[RecordView]:
    """The records of a client file that their rule keeps out of use. Reading them is an audit event of its own."""
    return Listing(list(read_restricted(session, caller, file_id)))


@post(
    "/clients/{file_id:uuid}/records/{record_id:uuid}/reinstatement",
    sync_to_thread=True,
    status_code=204,
    tags=TAGS,
    opt=RESTRICTED,
)
def reinstated(file_id: FromPath[UUID], record_id: FromPath[UUID], session: Session, caller: Asker) -> None:
    """Put a record back into use. Its rule goes on, and does not take it out of use again."""
    reinstate(session, caller, file_id, record_id)


@get("/clients/{file_id:uuid}/pseudonyms", sync_to_thread=True, tags=TAGS)
def pseudonyms(file_id: FromPath[UUID], session: Session, caller: Asker) -> Listing[UUID]:
    """The files without a name that hold what was pseudonymised of a client. Asking is an audit event."""
    return Listing(list(pseudonyms_of(session, caller, file_id)))


@get("/clients/{file_id:uuid}/behind", sync_to_thread=True, tags=TAGS)
def behind(file_id: FromPath[UUID], session: Session, caller: Asker) -> FileBehind:
    """The client's file behind a file without a name, while its key is kept. Asking is an audit event."""
    return FileBehind(file_behind(session, caller, file_id))


@get("/console/clients/{file_id:uuid}/apart", sync_to_thread=True)
def apart_page(file_id: FromPath[UUID], session: Session, caller: Asker, page: NamedDependency[Page]) -> Response[str]:
    """What is kept apart from a client's file, as far as the caller may see it."""
    file = open_file(session, caller, file_id)
    may_restricted = caller.allows(Permission.READ_RESTRICTED, file.service)
    may_follow = caller.allows(Permission.FOLLOW_PSEUDONYMS, file.service)
    if not (may_restricted or may_follow):
        raise Forbidden(f"This needs the permission {Permission.READ_RESTRICTED} or {Permission.FOLLOW_PSEUDONYMS}.")
    records = read_restricted(session, caller, file_id) if may_restricted else ()
    found = _found(session, caller, file) if may_follow else ()
    return page.render(
        "clients/apart.html",
        caller=caller,
        file=file,
        records=records,
        may_restricted=may_restricted,
        found=found,
        may_follow=may_follow,
    )


@post(
    "/console/clients/{file_id:uuid}/records/{record_id:uuid}/reinstatement",
    sync_to_thread=True,
    status_code=303,
    opt=RESTRICTED,
)
def reinstate_on_page(
    file_id: FromPath[UUID],
    record_id: FromPath[UUID],
    session: Session,
    caller: Asker,
    council: NamedDependency[CouncilRef],
) -> Redirect:
    """Put a record back into use, and show the client's file."""
    reinstate(session, caller, file_id, record_id)
    return Redirect(f"/{council.slug}/console/clients/{file_id}", status_code=303)


def _found(session: CouncilSession, caller: Caller, file: FileView) -> tuple[UUID, ...]:
    """The client's file behind one without a name, or the files without a name of a client's."""
    if not file.pseudonymous:
        return pseudonyms_of(session, caller, file.id)
    found = file_behind(session, caller, file.id)
    return () if found is None else (found,)


apart_routes: list[Any] = [restricted, reinstated, pseudonyms, behind]
apart_pages: list[Any] = [apart_page, reinstate_on_page]
