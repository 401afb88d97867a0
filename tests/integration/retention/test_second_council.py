"""A council that comes second, after the database has counted the rows of the first, is served as well as the first."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Engine, text

from muniment.clients.facts import FILE
from muniment.database.session import CouncilSession, Database
from muniment.retention.clocks.current import clock_rows
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.subjects import RECORDS
from muniment.settings import Settings
from tests.integration.retention.kit import House

FILES = 600

FILL = """
with numbered as (select generate_series(1, :files) as n),
persons as (insert into person (council_id, id) select :c, gen_random_uuid() from numbered returning id),
files as (
    insert into client_file (council_id, id, person_id, service, source, name_key, opened_on, generated)
    select :c, gen_random_uuid(), id, 'advice', 'client', '', date '2020-01-01', true from persons returning id
),
records as (
    insert into record (council_id, id, file_id, record_class, medium, recorded_on)
    select :c, gen_random_uuid(), id, 'advice/case', 'digital', date '2020-01-01' from files
)
insert into milestone (council_id, id, file_id, kind, happened_on, own_act, source, noted_on)
select :c, gen_random_uuid(), id, 'case-closed', date '2020-01-01', true, 'client', date '2020-01-01' from files
"""

READ = """
select sum(coalesce(idx_tup_fetch, 0) + coalesce(seq_tup_read, 0)) from pg_stat_xact_user_tables
where relname in ('record', 'milestone', 'client_file')
"""


def test_clocking_reads_each_file_once_whatever_the_statistics_know(
    database: Database, councils: tuple[UUID, UUID], settings: Settings, superuser_engine: Engine
) -> None:
    """A plan made for next to no rows reads all of the council's for each of them: 360,000 here, and a minute's work
    in an import of a thousand files."""
    first, second = (House(database, council_id, settings.ledger_dir) for council_id in councils)
    first.adopt()
    _fill(first, superuser_engine)
    first.clock_all()
    with superuser_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("analyze"))
    second.adopt()
    _fill(second, superuser_engine)
    with second.session() as session:
        files = session.scalars(FILE.select().with_only_columns(FILE.c.id).where(FILE.c.council_id == second.id)).all()
        before = _read(session)
        assert clock_rows(session, RECORDS, with_ids(session, files, RECORDS.lock_column)) == FILES
        assert _read(session) - before < 20 * FILES


def _read(session: CouncilSession) -> int:
    return int(session.scalar(text(READ)) or 0)


def _fill(house: House, superuser: Engine) -> None:
    with superuser.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))  # keys hold by construction
        connection.execute(text(FILL), {"c": house.id, "files": FILES})
