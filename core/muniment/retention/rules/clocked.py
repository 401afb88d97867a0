"""Which rows the rules in force have clocked: a sweep takes these and no others.

A row bears the hash of the rule that clocked it, and what it bears is what that rule makes of the facts as they are:
whatever changes a fact unsets the hash or clocks anew. Where another rule comes to the same for a row, the row is not
written. It still bears the earlier rule's hash, and counts as clocked once a pass has looked at every row of the class
(`Reclocking`): from then on that hash *stands for* the rule in force. Before that such rows are out of reach.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache

from sqlalchemy import ColumnElement, TextClause, and_, false, or_, text, tuple_

from muniment.database.exchange import Asked
from muniment.database.session import CouncilSession
from muniment.policy.store import adopted
from muniment.retention.rules.compile import UNDECLARED, clocks, undeclared
from muniment.retention.subjects import Subject

__all__ = ["adopted_now", "classes_stored", "clocked_by", "is_clocked", "rules_of", "stored_in"]

ADOPTED = text("select policy_hash from council where id = :council_id")
THROUGH = text(
    "select record_class, rule_hash, stand_for from reclocking"
    " where council_id = :council_id and kept_in = :kept_in and finished_at is not null"
)

CLASSES_STORED = (
    "with recursive found (name) as ("
    " (select record_class from {0} where council_id = :council_id and disposal is null order by 1 limit 1)"
    " union all select (select record_class from {0} r where r.council_id = :council_id and r.disposal is null"
    " and r.record_class > found.name order by 1 limit 1) from found where found.name is not null)"
    " select name from found where name is not null"
)
"""The classes of a clocked table, one step of its index each: what it costs goes by them and not by the rows."""


def classes_stored(session: CouncilSession, subject: Subject) -> list[str]:
    """The classes that a clocked table has rows of, in order."""
    return [row.name for row in session.ask(*stored_in(session, subject))]


def stored_in(session: CouncilSession, subject: Subject) -> Asked:
    """What asks for the classes (`name`) that a clocked table has rows of."""
    return _classes_stored(subject.name), {"council_id": session.council_id}


@lru_cache
def _classes_stored(table: str) -> TextClause:
    return text(CLASSES_STORED.format(table))


def clocked_by(session: CouncilSession, subject: Subject) -> dict[str, tuple[str, ...]]:
    """For each class the hashes that its rows may bear: first the rule's in force, then those that stand for it.

    Classes that the adopted policy does not have are there where a pass over them is through.
    """
    by_key = clocks(adopted(session))
    found: dict[str, tuple[str, ...]] = {key: (clock.hash,) for key, clock in by_key.items()}
    for row in session.ask(THROUGH, {"council_id": session.council_id, "kept_in": subject.name}):
        rule = (by_key.get(row.record_class) or undeclared(row.record_class)).hash
        if row.rule_hash == rule:
            found[row.record_class] = (rule, *row.stand_for)
    return found


def is_clocked(session: CouncilSession, subject: Subject, keys: Collection[str] | None = None) -> ColumnElement[bool]:
    """The condition that a rule in force has clocked a row, or one that stands for it; null where nothing has.

    `keys` are the classes asked for; without them all, those too that the policy does not have.
    """
    row, by_class = subject.table, clocked_by(session, subject)
    pairs = _pairs(by_class, by_class if keys is None else keys)
    declared = tuple_(row.c.record_class, row.c.rule_hash).in_(pairs) if pairs else false()
    if keys is not None:
        return declared
    return or_(declared, and_(row.c.record_class.not_in(sorted(by_class)), row.c.rule_hash == UNDECLARED))


def rules_of(session: CouncilSession, subject: Subject, keys: Collection[str]) -> list[tuple[str, str]]:
    """Each of these classes with each hash that its rows may bear, in order of class."""
    return _pairs(clocked_by(session, subject), keys)


def _pairs(by_class: Mapping[str, tuple[str, ...]], keys: Collection[str]) -> list[tuple[str, str]]:
    return [(key, rule) for key in sorted(by_class.keys() & set(keys)) for rule in by_class[key]]


def adopted_now(session: CouncilSession) -> Asked:
    """What asks for the hash of the policy (`policy_hash`) that is the council's when the statement runs.

    Where it is not the session's any more, another policy was adopted since the transaction began. It is asked with
    the council's lock in hand: an adoption takes that alone, so that none can come in between.
    """
    return ADOPTED, {"council_id": session.council_id}
