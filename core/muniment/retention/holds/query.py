"""A hold on whatever matches a question: declared, checked against the adopted policy, and asked when disposing.

What matches then is held, whether or not it did when the hold was placed: a record that comes in later is held from the
moment it is stored. The question is a few conditions that all must hold, never SQL, and names nobody.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import ColumnElement, FromClause, and_, func, literal, select

from muniment.api.errors import InvalidInput
from muniment.clients.events import milestone_kinds
from muniment.clients.facts import ENROLMENT, FILE, MILESTONE, RECORD
from muniment.clients.programmes import require_programme
from muniment.policy.model import Policy, ServicePolicy
from muniment.retention.subjects import Subject

__all__ = ["HoldQuery", "check_query", "matches"]

Words = Annotated[str, Meta(min_length=1, max_length=200)]


class HoldQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Which records of a service are meant: those for which everything given holds. Days are inclusive.

    `classes` are ids of its record classes, all without them. `recorded_from` and `recorded_until` bound the record's
    own day (a register's the day it was held). The others are about the client file: when it was opened; a `milestone`
    of a kind, with bounds on its day; a `programme` the client is or was in; a value stored in the file under `field`
    (`category.field`) that equals one of `equals`; the `source` its identity came from. They all must hold of one file;
    a register matches where they hold of a file that it names.
    """

    service: Words
    classes: Annotated[tuple[Words, ...], Meta(max_length=200)] = ()
    recorded_from: date | None = None
    recorded_until: date | None = None
    opened_from: date | None = None
    opened_until: date | None = None
    milestone: Words | None = None
    milestone_from: date | None = None
    milestone_until: date | None = None
    programme: Words | None = None
    field: Words | None = None
    equals: Annotated[tuple[Words, ...], Meta(max_length=200)] = ()
    source: Words | None = None


def check_query(policy: Policy, query: HoldQuery) -> None:
    """Raise `InvalidInput` or `NotFound` for what the policy does not know, and for bounds with nothing in between."""
    service = policy.service(query.service)
    for class_id in query.classes:
        policy.record_class(f"{query.service}/{class_id}")
    for name in ("recorded", "opened", "milestone"):
        first, last = getattr(query, f"{name}_from"), getattr(query, f"{name}_until")
        if first is not None and last is not None and last < first:
            raise InvalidInput(f"The days end before they begin: {name}_until.", where=f"{name}_until")
    if query.milestone is None and (query.milestone_from or query.milestone_until):
        raise InvalidInput("Say of which milestone the days are.", where="milestone")
    if query.milestone is not None and query.milestone not in (kinds := milestone_kinds(service)):
        raise InvalidInput(f"There is no such milestone; there are: {', '.join(sorted(kinds))}.", where="milestone")
    if query.programme is not None:
        require_programme(policy, query.programme)
    if bool(query.equals) != (query.field is not None):
        raise InvalidInput("A field goes with the values that it equals.", where="field")
    if query.field is not None and query.field not in _fields(service):
        raise InvalidInput(f"The service {query.service} stores no such field.", where="field")
    if query.source is not None and query.source not in (known := {source.id for source in service.clients.sources}):
        raise InvalidInput(f"There is no such source; there are: {', '.join(sorted(known))}.", where="source")


def matches(query: HoldQuery, subject: Subject, row: FromClause) -> ColumnElement[bool]:
    """The condition that a row of a clocked table matches: one predicate, whatever is asked."""
    collected = row.c[subject.collected]
    if query.classes:
        own: ColumnElement[bool] = row.c.record_class.in_([f"{query.service}/{class_id}" for class_id in query.classes])
    else:
        own = func.split_part(row.c.record_class, "/", 1) == query.service
    asked = [own, *_between(collected, query.recorded_from, query.recorded_until)]
    file = FILE.alias("asked_file")
    of_file = _of_file(query, file)
    if of_file:
        mine = select(literal(1)).where(
            file.c.council_id == row.c.council_id, file.c.id.in_(subject.files_of(row)), *of_file
        )
        asked.append(mine.correlate(row).exists())
    return and_(*asked)


def _of_file(query: HoldQuery, file: FromClause) -> list[ColumnElement[bool]]:
    asked = _between(file.c.opened_on, query.opened_from, query.opened_until)
    if query.source is not None:
        asked.append(file.c.source == query.source)
    if query.programme is not None:
        asked.append(_any(ENROLMENT, file, ENROLMENT.c.programme == query.programme))
    if query.milestone is not None:
        days = _between(MILESTONE.c.happened_on, query.milestone_from, query.milestone_until)
        asked.append(_any(MILESTONE, file, MILESTONE.c.kind == query.milestone, *days))
    if query.field is not None:
        # An alias: the row that is asked about may be of the same table.
        stored = RECORD.alias("asked_value")
        asked.append(_any(stored, file, stored.c["values"][query.field]["v"].astext.in_(query.equals)))
    return asked


def _any(table: FromClause, file: FromClause, *which: ColumnElement[bool]) -> ColumnElement[bool]:
    mine = select(literal(1)).where(table.c.council_id == file.c.council_id, table.c.file_id == file.c.id, *which)
    return mine.correlate(file).exists()


def _between(day: ColumnElement[Any], first: date | None, last: date | None) -> list[ColumnElement[bool]]:
    return [*([day >= first] if first is not None else []), *([day <= last] if last is not None else [])]


def _fields(service: ServicePolicy) -> set[str]:
    return {f"{category.id}.{field.id}" for category in service.clients.categories for field in category.fields}
