"""What a reader of the next version would find changed: statements added, gone or said otherwise, by their ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from muniment.notices.document import Document, Statement

__all__ = ["Change", "changes"]


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One statement that differs. `before` and `after` are its text with its points, one a line."""

    id: str
    what: Literal["added", "removed", "changed"]
    before: str = ""
    after: str = ""


def changes(before: Document | None, after: Document) -> list[Change]:
    """The differences, in the order of `after`, then what is gone. Without a `before` everything is added."""
    return list(_changes(before, after))


def _changes(before: Document | None, after: Document) -> Iterator[Change]:
    old = {statement.id: statement for statement in before.statements()} if before is not None else {}
    new = {statement.id: statement for statement in after.statements()}
    for name, statement in new.items():
        if name not in old:
            yield Change(name, "added", after=_words(statement))
        elif old[name] != statement:
            yield Change(name, "changed", _words(old[name]), _words(statement))
    for name, statement in old.items():
        if name not in new:
            yield Change(name, "removed", before=_words(statement))


def _words(statement: Statement) -> str:
    note = [f"[{statement.note}]"] if statement.note else []
    return "\n".join([statement.text, *(f"- {point}" for point in statement.points), *note])
