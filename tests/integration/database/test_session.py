"""A council's session: scope, policy hash, limits, what happens after the commit; and who may not serve."""

from __future__ import annotations

from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from muniment.api.errors import NotFound, SettingsError
from muniment.database.engine import open_engine
from muniment.database.roles import APPLICATION
from muniment.database.session import Actor, Database
from muniment.database.upgrade import refuse_old_schema
from muniment.settings import Settings

SCOPE = text("select current_setting('muniment.council_id', true)")


def test_scope_policy_and_limits_are_set_in_each_transaction(database: Database, councils: tuple[UUID, UUID]) -> None:
    with database.platform() as session:
        session.execute(text("update council set policy_hash = 'abc' where id = :id"), {"id": councils[0]})
    with database.council(councils[0]) as session:
        assert session.policy_hash == "abc"
        assert session.scalar(SCOPE) == str(councils[0])
        assert session.scalar(text("show lock_timeout")) == "10s"
        assert session.scalar(text("show statement_timeout")) == "1min"
    with database.council(councils[1]) as session:
        assert session.policy_hash is None


def test_a_session_goes_on_in_its_scope_after_a_commit_and_in_a_savepoint(
    database: Database, councils: tuple[UUID, UUID]
) -> None:
    with database.council_session(councils[0]) as session:
        session.execute(text("select 1"))
        session.commit()
        with session.begin_nested():
            assert session.scalar(SCOPE) == str(councils[0])
        assert session.scalar(SCOPE) == str(councils[0])


def test_the_scope_ends_with_the_transaction(database: Database, councils: tuple[UUID, UUID]) -> None:
    with database.council(councils[0]) as session:
        session.execute(text("select 1"))
    with database.engine.connect() as connection:
        assert not connection.scalar(SCOPE)
        assert connection.scalar(text("select count(*) from service")) == 0
    with database.platform() as session:
        assert session.scalar(SCOPE) == ""


def test_an_unknown_council_is_not_found(database: Database) -> None:
    with database.council_session(uuid4()) as session, pytest.raises(NotFound):
        session.execute(text("select 1"))


def test_a_session_takes_no_connection_until_it_is_used(database: Database, councils: tuple[UUID, UUID]) -> None:
    with database.council_session(councils[0], Actor("system", name="test")) as session:
        assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # of the pool we use
        assert session.policy_hash is None
        assert database.engine.pool.checkedout() == 1  # type: ignore[attr-defined]


def test_what_follows_a_commit_follows_it_alone_and_cannot_undo_it(
    database: Database, councils: tuple[UUID, UUID]
) -> None:
    done: list[str] = []
    with database.council_session(councils[0]) as session:
        session.after_commit(lambda: done.append("rolled back"))
        session.rollback()
        session.after_commit(lambda: 1 / 0)  # type: ignore[arg-type]
        session.after_commit(lambda: done.append("committed"))
        session.commit()
        session.commit()
        session.after_commit(lambda: done.append("closed"))
    with database.council(councils[0]) as session:
        session.execute(text("select 1"))
    assert done == ["committed"]


def test_an_error_in_the_block_rolls_back(database: Database, councils: tuple[UUID, UUID]) -> None:
    def fail() -> None:
        with database.council(councils[0]) as session:
            session.execute(
                text("insert into service (council_id, slug, title) values (:id, 'x', 'x')"), {"id": councils[0]}
            )
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.council(councils[0]) as session:
        assert session.scalar(text("select count(*) from service")) == 0


def as_role(settings: Settings, role: str) -> Settings:
    assert settings.database_url is not None
    url = make_url(settings.database_url).set(username=role).render_as_string(hide_password=False)
    return msgspec.structs.replace(settings, database_url=url)


def test_roles_that_row_level_security_does_not_hold_are_refused(
    settings: Settings, superuser_engine: Engine, owner_engine: Engine
) -> None:
    superuser, owner = superuser_engine.url.username, owner_engine.url.username
    assert superuser is not None
    assert owner is not None
    for role, told in ((superuser, "is a superuser"), (owner, "owns tables"), ("muniment_backup", "has bypassrls")):
        with pytest.raises(SettingsError, match=told):
            Database.open(as_role(settings, role))
    Database.open(as_role(settings, APPLICATION)).close()


def test_a_database_without_the_schema_is_not_served(settings: Settings, owner_engine: Engine) -> None:
    refuse_old_schema(owner_engine)
    with owner_engine.begin() as connection:
        connection.execute(text("delete from alembic_version"))
    database = Database.open(settings)
    with pytest.raises(Exception, match="muniment db upgrade"):
        refuse_old_schema(database.engine)
    database.close()


def test_the_backup_role_reads_all_and_writes_nothing(
    database: Database, councils: tuple[UUID, UUID], settings: Settings
) -> None:
    for council_id in councils:
        with database.council(council_id) as session:
            insert = text("insert into service (council_id, slug, title) values (:id, 'x', 'x')")
            session.execute(insert, {"id": council_id})
    engine = open_engine(as_role(settings, "muniment_backup").database_url or "", pool_size=1)
    backup = Database(engine, database.clock, settings.ledger_dir)
    with backup.platform_session() as session:
        assert session.scalar(text("select count(*) from service")) == 2
        with pytest.raises(Exception, match="SQLSTATE"):
            session.execute(text("set transaction read write; delete from service"))
    backup.close()


NAMED = text("insert into service (council_id, slug, title) values (:council_id, :slug, 'Made up')")
SLUGS = text("select slug from service where council_id = :council_id order by slug")


def slugs(database: Database, council_id: UUID) -> list[str]:
    with database.council(council_id) as session:
        return [row.slug for row in session.ask(SLUGS, {"council_id": council_id})]


def test_the_first_question_is_asked_in_the_scope_that_it_is_sent_along_with(
    database: Database, councils: tuple[UUID, UUID]
) -> None:
    for council_id in councils:
        with database.council(council_id) as session:
            session.execute(NAMED, {"council_id": council_id, "slug": f"of-{council_id}"})
    assert slugs(database, councils[0]) == [f"of-{councils[0]}"]
    with database.council(councils[0]) as session:
        theirs = session.ask(SLUGS, {"council_id": councils[1]})
        again = session.ask(SLUGS, {"council_id": councils[0]})
        assert session.scalar(SCOPE) == str(councils[0])
    assert not theirs
    assert [row.slug for row in again] == [f"of-{councils[0]}"]


def test_what_goes_with_the_commit_is_there_if_and_only_if_it_was_committed(
    database: Database, councils: tuple[UUID, UUID]
) -> None:
    council_id = councils[0]
    with database.council_session(council_id) as session:
        session.at_commit(NAMED, {"council_id": council_id, "slug": "rolled-back"})
        session.rollback()
        session.commit()
    with database.council(council_id) as session:
        session.execute(NAMED, {"council_id": council_id, "slug": "one"})
        session.at_commit(NAMED, {"council_id": council_id, "slug": "two"})
        session.at_commit(NAMED, {"council_id": council_id, "slug": "three"})
    with database.council_session(council_id) as session:
        session.execute(NAMED, {"council_id": council_id, "slug": "four"})
        session.at_commit(NAMED, {"council_id": council_id, "slug": "one"})
        with pytest.raises(IntegrityError, match="23505"):
            session.commit()
    assert slugs(database, council_id) == ["one", "three", "two"]
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_a_savepoint_that_is_rolled_back_takes_along_what_was_asked_for_in_it_alone(
    database: Database, councils: tuple[UUID, UUID]
) -> None:
    def ask(slug: str) -> None:
        session.at_commit(NAMED, {"council_id": councils[0], "slug": slug})

    with database.council(councils[0]) as session:
        ask("before")
        outer = session.begin_nested()
        ask("within, sent")
        session.send_waiting()
        ask("within, waiting")
        with session.begin_nested():
            ask("further within")
        outer.rollback()
        ask("after")
    assert slugs(database, councils[0]) == ["after", "before"]


def test_what_cannot_be_begun_says_so_in_our_words(database: Database, councils: tuple[UUID, UUID]) -> None:
    with database.council_session(councils[0]) as session, pytest.raises(DBAPIError) as caught:
        session.ask(text("select cast(:name as int)"), {"name": "Generated Person"})
    assert "Generated Person" not in str(caught.value)
    assert slugs(database, councils[0]) == []


def test_a_connection_that_was_closed_while_it_lay_idle_is_replaced(
    database: Database, councils: tuple[UUID, UUID], superuser_engine: Engine
) -> None:
    assert slugs(database, councils[0]) == []
    with superuser_engine.begin() as connection:
        ended = connection.execute(
            text(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = :name"
                " and datname = current_database()"
            ),
            {"name": APPLICATION},
        ).all()
    assert ended
    assert slugs(database, councils[0]) == []
