"""Extensions: an officer keeps the records of one person longer, with a reason. It only ever lengthens.

A hold is a legal reason not to dispose, and judged when disposing. An extension is the council's own choice for one
client; it moves the last day kept, is seen wherever that day is, and lets go by itself when that day is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, Forbidden, InvalidInput, NotFound
from muniment.api.periods import parse_period
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.facts import RECORD
from muniment.clients.locks import change_file, service_of, tell
from muniment.clients.parsing import check_day
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.defaults.calendars import working_days_of
from muniment.policy.store import adopted
from muniment.retention.evidence.keeping import remember
from muniment.retention.rules.clause_sql import added
from muniment.retention.rules.clock_sql import decided, with_ids
from muniment.retention.rules.compile import clocks
from muniment.retention.subjects import RECORDS
from muniment.retention.tables import Extension

__all__ = ["ExtensionView", "NewExtension", "extend", "extensions", "withdraw_extension"]

EXTENSION = table_of(Extension)
STANDING = EXTENSION.c.ended_at.is_(None)


class NewExtension(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An extension to place. `until` is the last day kept, inclusive, a date in London. Without `record_id` it is of
    every record of the file, those yet to come too. `authoriser` is a role, never a name."""

    until: date
    reason: str
    authoriser: str
    record_id: UUID | None = None


class ExtensionView(msgspec.Struct, frozen=True, kw_only=True):
    """An extension as it stands."""

    id: UUID
    file_id: UUID
    record_id: UUID | None
    until: date
    reason: str
    authoriser: str
    placed_at: str


def extend(session: CouncilSession, caller: Caller, file_id: UUID, new: NewExtension) -> UUID:
    """Keep the records of a file, or one of them, until a day; those that their rule keeps longer stay as they are.

    Needs `retention.hold`; where the rule of a record concerned declares no `extension`, `retention.arm` too. Raises
    `NotFound`, `Forbidden`, and `InvalidInput` for a day that has passed, a missing reason or role, or more than the
    rule of a record concerned allows (`at_most`, `once`).
    """
    file = change_file(session, caller, file_id, Permission.HOLD_RECORDS, though_limited=True)
    for where in ("reason", "authoriser"):
        if not getattr(new, where).strip():
            raise InvalidInput(f"An extension needs its {where}.", where=where)
    check_day(new.until, "until")
    if new.until < session.clock.today():
        raise InvalidInput("The day until which to keep lies in the past.", where="until")
    which = [with_ids(session, [file_id], "file_id")(RECORD), RECORD.c.disposal.is_(None)]
    if new.record_id is not None:
        which.append(RECORD.c.id == new.record_id)
    classes = session.scalars(select(RECORD.c.record_class).where(*which).distinct()).all()
    if new.record_id is not None and not classes:
        raise NotFound("This client file has no such record.")
    if not caller.allows(Permission.ARM_RETENTION, file.service):
        _only_where_declared(session, classes)
    _within_limits(session, file_id, new, classes)
    extension_id: UUID = session.execute(
        insert(EXTENSION)
        .values(
            council_id=session.council_id,
            file_id=file_id,
            record_id=new.record_id,
            until=new.until,
            reason=new.reason.strip(),
            authoriser=new.authoriser.strip(),
            placed_at=session.clock.now(),
        )
        .returning(EXTENSION.c.id)
    ).scalar_one()
    record(session, AuditEvent.EXTENSION_PLACED, file_id, extension=extension_id, until=new.until)
    remember(session, EXTENSION, [extension_id])
    tell(session, [file_id], "extension")
    return extension_id


def withdraw_extension(session: CouncilSession, caller: Caller, extension_id: UUID, reason: str) -> UUID:
    """End an extension before its day: its records are kept by their rules alone, and by other extensions.

    Returns the key of the file. Raises `NotFound`, `Conflict` if it was withdrawn already, `Forbidden`, `InvalidInput`
    without a reason.
    """
    caller.require_somewhere(Permission.HOLD_RECORDS)
    if not reason.strip():
        raise InvalidInput("Say why the extension ends.", where="reason")
    one = EXTENSION.c.council_id == session.council_id, EXTENSION.c.id == extension_id
    file_id: UUID | None = session.scalar(select(EXTENSION.c.file_id).where(*one))
    if file_id is None:
        raise NotFound("There is no such extension.")
    change_file(session, caller, file_id, Permission.HOLD_RECORDS, though_limited=True)
    ended = {"ended_at": session.clock.now(), "end_reason": reason.strip()}
    found = session.execute(
        update(EXTENSION).where(*one, STANDING).values(ended).returning(EXTENSION.c.id)
    ).one_or_none()
    if found is None:
        raise Conflict("This extension has been withdrawn already.")
    record(session, AuditEvent.EXTENSION_WITHDRAWN, file_id, extension=extension_id)
    remember(session, EXTENSION, [extension_id])
    tell(session, [file_id], "extension")
    return file_id


def extensions(session: CouncilSession, caller: Caller, file_id: UUID) -> tuple[ExtensionView, ...]:
    """The extensions of a file that stand, the longest first; none where the caller may not see retention there."""
    service = service_of(session, file_id)
    if service is None or not caller.allows(Permission.READ_RETENTION, service):
        return ()
    rows = session.execute(
        select(EXTENSION)
        .where(EXTENSION.c.council_id == session.council_id, EXTENSION.c.file_id == file_id, STANDING)
        .order_by(EXTENSION.c.until.desc(), EXTENSION.c.id)
    )
    return tuple(
        ExtensionView(
            id=row.id,
            file_id=row.file_id,
            record_id=row.record_id,
            until=row.until,
            reason=row.reason,
            authoriser=row.authoriser,
            placed_at=row.placed_at.isoformat(),
        )
        for row in rows
    )


def _within_limits(session: CouncilSession, file_id: UUID, new: NewExtension, classes: Sequence[str]) -> None:
    """Refuse what a rule does not allow: keeping longer than `at_most` beyond its own last day, or a second time.

    An extension that was withdrawn is none. A record without a last day cannot be measured, and has nothing to extend.
    """
    by_key = clocks(adopted(session))
    here = EXTENSION.c.council_id == session.council_id, EXTENSION.c.file_id == file_id
    before = select(EXTENSION.c.id).where(*here, STANDING)
    if new.record_id is not None:
        before = before.where(or_(EXTENSION.c.record_id.is_(None), EXTENSION.c.record_id == new.record_id))
    for key in sorted(classes):
        clock = by_key.get(key)
        allowed = clock.rule.extension if clock is not None and clock.rule is not None else None
        if clock is None or allowed is None:
            continue
        if allowed.once and session.scalar(before.limit(1)) is not None:
            raise InvalidInput(f"The rule of {key} lets its records be kept longer once, and they are.", where="until")
        if allowed.at_most is None:
            continue
        one = (
            with_ids(session, [new.record_id]) if new.record_id is not None else with_ids(session, [file_id], "file_id")
        )
        rule_on = decided(clock, RECORDS, one).c.rule_on
        last = added(rule_on, parse_period(allowed.at_most), working_days_of(adopted(session).council.nation))
        if not session.scalar(select(func.coalesce(func.bool_and(func.coalesce(last >= new.until, False)), False))):
            raise InvalidInput(
                f"The rule of {key} lets its records be kept {allowed.at_most} longer than its own last day at most.",
                where="until",
            )


def _only_where_declared(session: CouncilSession, classes: Sequence[str]) -> None:
    """Refuse where a rule says nothing of keeping longer: whoever approves rules may still decide so."""
    by_key = clocks(adopted(session))
    for key in sorted(classes):
        rule = by_key[key].rule if key in by_key else None
        if rule is None or rule.extension is None:
            raise Forbidden(
                f"The rule of {key} declares no extension, so only somebody who may arm rules can keep its records"
                " longer."
            )
