"""Client files: opening one and registering one.

`open_file` is the one way in, for pages, programs and commands alike: it checks the permission for the file's service
and leaves an audit event. A file of another council and a file of a service that the caller may not see are answered
in the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy import select, text, update

from muniment.accounts.permissions import Caller, Permission
from muniment.api.clients import RegisteredClient
from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.context import Context
from muniment.clients.limits import Exception18
from muniment.clients.locks import NO_FILE, LockedFile, change_file, tell
from muniment.clients.memory import lock_references, remember
from muniment.clients.normalise import notice_due_on
from muniment.clients.parsing import check_day
from muniment.clients.people import new_person, person_exists
from muniment.clients.pretending import refuse_unmarked
from muniment.clients.records import NewRecord, insert_record
from muniment.clients.stub import Stub, stub_columns
from muniment.clients.tables import ClientFile
from muniment.clients.views import FileView, read_view, without_restricted
from muniment.database.exchange import Asked
from muniment.database.ids import new_id
from muniment.database.session import CouncilSession
from muniment.database.signals import FieldsChanged, fields_changed

__all__ = ["NewClient", "change_stub", "open_file", "register_client"]


_ADD = text(
    "insert into client_file (council_id, id, person_id, service, source, issuer, opened_on, referred_on,"
    " notice_due_on, generated, given_names, family_name, name_key, born_on, reference, reference_key, postcode,"
    " postcode_key, address, email, phone) values (:council_id, :id, :person_id, :service, :source, :issuer,"
    " :opened_on, :referred_on, :notice_due_on, :generated, :given_names, :family_name, :name_key, :born_on,"
    " :reference, :reference_key, :postcode, :postcode_key, :address, :email, :phone)"
)


class NewClient(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Somebody to register in a service, with the first record about them.

    `source` is the declared source of what is recorded; `issuer` the import format whose reference the stub carries,
    if any: then that import will know the file. `referred_on` is given when the data were obtained from
    somebody else, and is the day of that; the Art 14 clock then runs. `person_id` names somebody the council already
    holds data about in another service. `opened_on` is today if absent. `generated` marks a made-up person.
    """

    service: str
    source: str
    issuer: str = ""
    stub: Stub
    record: NewRecord
    opened_on: date | None = None
    referred_on: date | None = None
    person_id: UUID | None = None
    generated: bool = False


def open_file(session: CouncilSession, caller: Caller, file_id: UUID, exception: Exception18 | None = None) -> FileView:
    """The whole file, for a caller who may read it; the reading is an audit event.

    What is restricted is withheld, unless `exception` names which of UK GDPR Art 18(2) the caller relies on: that is an
    audit event of its own. Raises `NotFound` if there is none that the caller may see, `Forbidden` if they may see no
    client at all.
    """
    caller.require_somewhere(Permission.READ_CLIENTS)
    view = read_view(session, file_id)
    if view is None or not caller.allows(Permission.READ_CLIENTS, view.service):
        raise NotFound(NO_FILE)
    record(session, AuditEvent.FILE_READ, file_id)
    if not view.limits:
        return view
    if exception is None:
        return without_restricted(view)
    record(session, AuditEvent.LIMIT_PASSED, file_id, exception=exception)
    return view


def register_client(session: CouncilSession, caller: Caller, context: Context, new: NewClient) -> UUID:
    """Register somebody in a service and store the first record about them; returns the file's key.

    A reference whose file was disposed of may be registered again so: that is an officer's deliberate act, where an
    import's would be an accident. Raises `InvalidInput`, `Forbidden`, `NotFound` for an unknown person, and `Conflict`
    if the person has a file in the service, the source's reference is in use there, or a day is pretended and the
    person is not marked as generated.
    """
    declared = context.policy.service(new.service)
    caller.require(Permission.WRITE_CLIENTS, new.service)
    refuse_unmarked(session.clock, generated=new.generated)
    if all(source.id != new.source for source in declared.clients.sources):
        known = ", ".join(source.id for source in declared.clients.sources) or "none"
        message = f"The adopted policy declares no such source; it declares: {known}."
        raise InvalidInput(message, where="source", code="undeclared-source")
    if new.issuer and all(entry.id != new.issuer for entry in declared.clients.imports):
        known = ", ".join(entry.id for entry in declared.clients.imports) or "none"
        raise InvalidInput(f"The issuer is an import format: {known}.", where="issuer", code="undeclared-import")
    today = session.clock.today()
    opened_on = new.opened_on or new.referred_on or today
    for where, day in (("opened_on", opened_on), ("referred_on", new.referred_on)):
        if day is not None:
            check_day(day, where, today)
    columns = stub_columns(new.stub, today)
    person_id, *made = _person(session, new.person_id, new.service)
    reference = columns["reference_key"]
    _refuse_known_reference(session, new.service, new.issuer, reference)
    file_id = new_id()
    row = {
        "id": file_id,
        "council_id": session.council_id,
        "person_id": person_id,
        "service": new.service,
        "source": new.source,
        "issuer": new.issuer,
        "opened_on": opened_on,
        "referred_on": new.referred_on,
        "notice_due_on": None if new.referred_on is None else notice_due_on(new.referred_on),
        "generated": new.generated,
        **columns,
    }
    session.ask_together(*made, (_ADD, row))
    if reference is not None:
        remember(session, context.keys, new.service, new.issuer, reference, file_id)
    record(session, AuditEvent.FILE_OPENED, file_id, service=new.service)
    insert_record(session, context, LockedFile(file_id, person_id, new.service), new.record)
    tell(session, [file_id], "file", "record")
    _tell_observers(session, context, new.service, file_id)
    return file_id


def change_stub(session: CouncilSession, caller: Caller, file_id: UUID, stub: Stub) -> None:
    """Replace the stub of a file, except its reference, which is its source's. No import changes back what differs.

    Raises `NotFound`, `InvalidInput`, `Conflict` where the file is restricted.
    """
    change_file(session, caller, file_id)
    columns = stub_columns(stub, session.clock.today())
    del columns["reference"], columns["reference_key"]
    before = session.get_one(ClientFile, (session.council_id, file_id), populate_existing=True)
    by_hand = {name for name in columns if not name.endswith("_key") and getattr(before, name) != columns[name]}
    changed = {name: (getattr(before, name), columns[name]) for name in by_hand}  # the update refreshes `before`
    here = (ClientFile.council_id == session.council_id) & (ClientFile.id == file_id)
    corrected = sorted(by_hand.union(before.corrected))
    session.execute(update(ClientFile).where(here).values({**columns, "corrected": corrected}))
    record(session, AuditEvent.FILE_CHANGED, file_id)
    tell(session, [file_id], "file")
    _tell_parts(session, file_id, changed)


def _tell_parts(session: CouncilSession, file_id: UUID, parts: Mapping[str, tuple[object, object]]) -> None:
    """Tell those who listen which parts of the stub are no longer what they were, by the names fields go by."""
    known = {name.replace("_", "-"): now is None for name, (was, now) in parts.items() if was is not None}
    for erased in (False, True):
        names = frozenset(name for name, gone in known.items() if gone == erased)
        if names:
            fields_changed.send(session, FieldsChanged({file_id: names}, erased=erased))


def _person(session: CouncilSession, person_id: UUID | None, service: str) -> tuple[UUID, *tuple[Asked, ...]]:
    """Whose file it will be, and what writes a person who is new."""
    if person_id is None:
        return new_person(session)
    if not person_exists(session, person_id):
        raise NotFound("There is no such person.")
    has_file = session.scalar(
        select(ClientFile.id)
        .where(
            ClientFile.council_id == session.council_id,
            ClientFile.person_id == person_id,
            ClientFile.service == service,
        )
        .limit(1)
    )
    if has_file is not None:
        raise Conflict("This person has a file in the service already.", code="has-file")
    return (person_id,)


def _refuse_known_reference(session: CouncilSession, service: str, issuer: str, key: str | None) -> None:
    if key is None:
        return
    lock_references(session, service, issuer)
    known = session.scalar(
        select(ClientFile.id).where(
            ClientFile.council_id == session.council_id,
            ClientFile.reference_key == key,
            ClientFile.service == service,
            ClientFile.issuer == issuer,
        )
    )
    if known is not None:
        raise Conflict("A file of this service has that reference already.", code="reference-in-use")


def _tell_observers(session: CouncilSession, context: Context, service: str, file_id: UUID) -> None:
    registered = RegisteredClient(context.policy.council.slug, service, str(file_id))
    session.after_commit(lambda: context.facade.client_registered([registered]))
