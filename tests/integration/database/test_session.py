"""A council's session: scope, policy hash, limits, what happens after the commit."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from muniment.api.errors import NotFound
from muniment.database.session import Database


def test_scope_policy_and_limits_are_set_in_each_transaction(database: Database, councils: tuple[UUID, UUID]) -> None:
    with database.platform() as session:
        session.execute(text("update council set policy_hash = 'abc' where id = :id"), {"id": councils[0]})
    with database.council(councils[0]) as session:
        assert session.policy_hash == "abc"
        assert session.scalar(text("select current_setting('muniment.council_id')")) == str(councils[0])
        assert session.scalar(text("show lock_timeout")) == "10s"
        assert session.scalar(text("show statement_timeout")) == "1min"
    with database.council(councils[1]) as session:
        assert session.policy_hash is None


def test_an_unknown_council_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound), database.council(uuid4()) as session:
        session.execute(text("select 1"))
