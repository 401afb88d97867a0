"""Many holds for one matter: placed in one call, each answered for, and released together.

All the files concerned are locked at once in the order of their keys, before anything is placed: so every hold of the
case stands from the same moment, and a sweep waits for none of them twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta
from sqlalchemy import ColumnElement, Select, func, select, union, update
from sqlalchemy.dialects.postgresql import insert

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record_many
from muniment.clients.facts import FILE, RECORD, REGISTER, REGISTER_ENTRY
from muniment.clients.locks import lock_files
from muniment.clients.normalise import reference_key
from muniment.database.ids import new_id
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.retention.evidence.keeping import remember
from muniment.retention.holds.meanwhile import gone_meanwhile
from muniment.retention.holds.placing import NewHold, check_words
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.tables import Hold

__all__ = ["MOST", "CaseLine", "NewCase", "PlacedCase", "place_case", "release_case", "stand_on"]

HOLD = table_of(Hold)

MOST = 10_000
"""Targets of one call."""

ManyScope = Literal["file", "person", "record"]


class NewCase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Holds to place for one matter, all on the same kind of thing and for the same reason; the rest as for one hold.

    `targets` are keys; of files references too, as they stand in the file. `case_id` adds to a case there is.
    """

    scope: ManyScope
    targets: Annotated[tuple[Annotated[str, Meta(max_length=200)], ...], Meta(min_length=1, max_length=MOST)]
    basis: str = "other"
    ground: str
    authoriser: str
    review_on: date
    case_id: UUID | None = None


class CaseLine(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one target, by its place in the list (from 1): a hold, or the `problem` that kept it from one:
    `unknown` (or gone), `ambiguous` (several files have that reference), `forbidden`, `repeated`."""

    line: int
    hold_id: UUID | None = None
    problem: str = ""


class PlacedCase(msgspec.Struct, frozen=True, kw_only=True):
    """A case and what it came to. `gone` and `certificates` are as for a single hold, over all that was placed."""

    case_id: UUID
    placed: int
    lines: tuple[CaseLine, ...]
    gone: dict[str, int]
    certificates: tuple[UUID, ...]


def place_case(session: CouncilSession, caller: Caller, new: NewCase) -> PlacedCase:
    """Place a hold on each target that is there and that the caller may hold; the others are answered for.

    Raises `InvalidInput` for words that are missing, `NotFound` for a case that is not there, `Forbidden`.
    """
    caller.require_somewhere(Permission.HOLD_RECORDS)
    like = NewHold(
        scope=new.scope, basis=new.basis, ground=new.ground, authoriser=new.authoriser, review_on=new.review_on
    )
    check_words(session, like)
    if not 0 < len(new.targets) <= MOST:
        raise InvalidInput(f"Name from 1 to {MOST} targets.", where="targets")
    if new.case_id is not None:
        _require_case(session, new.case_id)
    keys, problems = _keys(session, new)
    services = _lock(session, new.scope, sorted(set(keys.values())))
    case_id = new.case_id or new_id()
    holds: dict[UUID, UUID] = {}
    lines: list[CaseLine] = []
    for number in range(1, len(new.targets) + 1):
        key, problem = keys.get(number), problems.get(number, "")
        if key is not None:
            mine = services.get(key)
            if not mine:
                problem = "unknown"
            elif not all(caller.allows(Permission.HOLD_RECORDS, service) for service in mine):
                problem = "forbidden"
            elif key in holds:
                problem = "repeated"
            else:
                holds[key] = new_id()
        lines.append(CaseLine(line=number, hold_id=None if problem or key is None else holds[key], problem=problem))
    if holds:
        stand_on(session, like, holds, case_id)
    gone, certificates = gone_meanwhile(session, _classes(session, new.scope, list(holds)))
    return PlacedCase(case_id=case_id, placed=len(holds), lines=tuple(lines), gone=gone, certificates=certificates)


def stand_on(session: CouncilSession, like: NewHold, holds: Mapping[UUID, UUID], case_id: UUID | None = None) -> None:
    """Place holds whose words were checked on targets that the caller has locked and may hold; `holds` are the keys of
    the new holds by target."""
    common = {
        "council_id": session.council_id, "scope": like.scope, "case_id": case_id, "basis": like.basis,
        "ground": like.ground, "authoriser": like.authoriser, "placed_at": session.clock.now(),
        "review_on": like.review_on,
    }  # fmt: skip
    rows = [{**common, "id": hold_id, "target_id": key} for key, hold_id in holds.items()]
    session.execute(insert(HOLD), rows)
    of_case = {"case": case_id} if case_id is not None else {}
    told = {"scope": like.scope, "review_on": like.review_on, **of_case}
    record_many(session, AuditEvent.HOLD_PLACED, list(holds.values()), **told)
    remember(session, HOLD, list(holds.values()))


def release_case(session: CouncilSession, caller: Caller, case_id: UUID, reason: str) -> int:
    """End every hold of a case that stands; returns how many. Raises `NotFound`, `Conflict` if all have ended,
    `Forbidden`, `InvalidInput` without a reason."""
    caller.require(Permission.HOLD_RECORDS)
    if not reason.strip():
        raise InvalidInput("Say why the holds end.", where="reason")
    _require_case(session, case_id)
    ended = {"released_at": session.clock.now(), "release_reason": reason}
    found = session.scalars(
        update(HOLD).where(*_of_case(session, case_id), HOLD.c.released_at.is_(None)).values(ended).returning(HOLD.c.id)
    ).all()
    if not found:
        raise Conflict("The holds of this case have been released already.")
    record_many(session, AuditEvent.HOLD_RELEASED, found)
    remember(session, HOLD, found)
    return len(found)


def _require_case(session: CouncilSession, case_id: UUID) -> None:
    if session.scalar(select(HOLD.c.id).where(*_of_case(session, case_id)).limit(1)) is None:
        raise NotFound("There is no such case of holds.")


def _of_case(session: CouncilSession, case_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return HOLD.c.council_id == session.council_id, HOLD.c.case_id == case_id


def _keys(session: CouncilSession, new: NewCase) -> tuple[dict[int, UUID], dict[int, str]]:
    """The keys of the targets by line, and the lines that name none: unknown, or several files."""
    keys: dict[int, UUID] = {}
    references: dict[int, str] = {}
    problems: dict[int, str] = {}
    for number, target in enumerate(new.targets, 1):
        try:
            keys[number] = UUID(target.strip())
        except ValueError:
            references[number] = reference_key(target) if new.scope == "file" else ""
            problems[number] = "unknown"
    wanted = sorted({reference for reference in references.values() if reference})
    if wanted:
        named = select(FILE.c.reference_key, func.array_agg(FILE.c.id)).where(
            FILE.c.council_id == session.council_id, FILE.c.reference_key == func.any(wanted)
        )
        found = {row[0]: row[1] for row in session.execute(named.group_by(FILE.c.reference_key))}
        for number, reference in references.items():
            match found.get(reference):
                case [one]:
                    keys[number] = one
                    del problems[number]
                case [_, *_]:
                    problems[number] = "ambiguous"
    return keys, problems


def _lock(session: CouncilSession, scope: ManyScope, keys: Sequence[UUID]) -> dict[UUID, set[str]]:
    """Lock the files and registers that the keys are about; the services that each is of, none for what is unknown."""
    register_ids: list[UUID] = []
    match scope:
        case "file":
            files = {key: {key} for key in keys}
        case "person":
            files = _several(
                session, select(FILE.c.person_id, FILE.c.id).where(with_ids(session, keys, "person_id")(FILE))
            )
        case "record":
            in_files = RECORD.c.file_id.is_not(None)
            files = _several(
                session, select(RECORD.c.id, RECORD.c.file_id).where(with_ids(session, keys)(RECORD), in_files)
            )
            register_ids = list(session.scalars(select(REGISTER.c.id).where(with_ids(session, keys)(REGISTER))))
    locked = lock_files(session, sorted({file_id for several in files.values() for file_id in several}))
    # What was read before the locks may have gone meanwhile.
    there = (
        set(session.scalars(select(RECORD.c.id).where(with_ids(session, keys)(RECORD)))) if scope == "record" else None
    )
    services = {
        key: {locked[file_id].service for file_id in several if file_id in locked}
        for key, several in files.items()
        if there is None or key in there
    }
    about = select(REGISTER_ENTRY.c.register_id).where(with_ids(session, list(locked), "file_id")(REGISTER_ENTRY))
    wanted = with_ids(session, register_ids)(REGISTER) if scope == "record" else REGISTER.c.id.in_(about)
    held = (
        select(REGISTER.c.id, REGISTER.c.service)
        .where(REGISTER.c.council_id == session.council_id, wanted)
        .order_by(REGISTER.c.id)
    )
    registers = session.execute(held.with_for_update(key_share=True)).all()
    return services | ({row.id: {row.service} for row in registers} if scope == "record" else {})


def _several(session: CouncilSession, pairs: Select[UUID, UUID | None]) -> dict[UUID, set[UUID]]:
    found: dict[UUID, set[UUID]] = {}
    for key, file_id in session.execute(pairs):
        if file_id is not None:
            found.setdefault(key, set()).add(file_id)
    return found


def _classes(session: CouncilSession, scope: ManyScope, keys: Sequence[UUID]) -> list[str]:
    """The classes of what the holds cover now."""
    name = "id" if scope == "record" else "file_id"
    if scope == "person":
        keys = list(session.scalars(select(FILE.c.id).where(with_ids(session, keys, "person_id")(FILE))))
    records = select(RECORD.c.record_class).where(with_ids(session, keys, name)(RECORD))
    entries = select(REGISTER_ENTRY.c.register_id).where(with_ids(session, keys, "file_id")(REGISTER_ENTRY))
    which = with_ids(session, keys)(REGISTER) if scope == "record" else REGISTER.c.id.in_(entries)
    registers = select(REGISTER.c.record_class).where(REGISTER.c.council_id == session.council_id, which)
    return sorted(session.scalars(union(records, registers)))
