"""A database with the town's councils and records in it, as both sides of a measurement find it.

The rows are made by SQL and are those that registering would leave (it is measured that inserts are right, not here).
The rest is done by the domain: clocking, the audit log with an event for each record, sealing, arming every rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

import psycopg
from sqlalchemy import text

from muniment.accounts.permissions import command_caller
from muniment.audit.events import AuditEvent
from muniment.audit.log import record_many
from muniment.audit.sealing import seal_council
from muniment.councils.adopting import adopt_policy
from muniment.councils.directory import sync_councils
from muniment.jobs.actors import Deployment
from muniment.plugins.manager import Plugins
from muniment.policy.store import adopted
from muniment.retention.actors import recompute
from muniment.retention.approval.arming import arm, preview
from muniment.retention.disposal.sweep import start_sweep
from tests.benchmarks.gdprbench.town import NEWS, OVER, PURPOSES, SERVICE, TENS, Town, plugins_of, slug_of
from tests.benchmarks.stage import Stage

__all__ = ["Filled", "fill"]

AT_ONCE = 5_000

POPULATE = """
create temporary table owned as
  select c.id as council_id, c.slug, number as owner, number - c.place * %(users)s as usr, c.place,
    ('01900001-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid as file_id,
    ('01900002-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid as person_id,
    ('01900003-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid as milestone_id
  from (select id, slug, row_number() over (order by slug) - 1 as place from council) c,
    generate_series(c.place * %(users)s, (c.place + 1) * %(users)s - 1) number;
insert into person (council_id, id) select council_id, person_id from owned;
insert into client_file (council_id, id, person_id, service, given_names, family_name, name_key, born_on, postcode,
    postcode_key, opened_on, source, generated)
  select council_id, file_id, person_id, %(service)s, 'Generated', 'User ' || owner, 'user ' || owner || ' generated',
    date '1960-01-01' + usr::int, 'ZZ1 1ZZ', 'ZZ11ZZ', date '2014-06-01', 'source-0', true
  from owned;
insert into milestone (council_id, id, file_id, kind, happened_on, own_act, source, noted_on)
  select council_id, milestone_id, file_id, 'case-closed', %(over)s, false, 'source-0', '2020-01-01'
  from owned where usr %% %(tens)s = 0;
insert into earlier_document (council_id, id, service, title, version)
  select distinct council_id, council_id, %(service)s, 'Generated notice', '1' from owned;
insert into consent_subject (council_id, id, file_id, service)
  select council_id, milestone_id, file_id, %(service)s from owned;
insert into consent_event (council_id, id, subject_id, number, kind, state, purpose, at, recorded_at, policy_hash,
    wording, wording_sha256, language, document_id, channel, how)
  select o.council_id, milestone_id, milestone_id, 1, 'consent', 'given', %(news)s, '2020-01-01', '2020-01-01',
    c.policy_hash, 'Generated wording', encode(sha256('Generated wording'), 'hex'), 'en', o.council_id, 'in-person',
    'signed'
  from owned o join council c on c.id = o.council_id;
insert into record (council_id, id, file_id, record_class, medium, recorded_on, values)
  select o.council_id, ('01900000-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid, o.file_id,
    %(service)s || '/purpose-' || number %% %(purposes)s, 'digital', date '2014-06-01',
    jsonb_build_object('category-' || number %% %(tens)s || '.data', jsonb_build_object(
      'v', lpad(number::text, 14, '0') || substr(repeat(md5(number::text), 3), 1, 86),
      's', 'source-' || number %% %(tens)s, 'on', '2014-06-01',
      'p', jsonb_build_array('purpose-' || number %% %(purposes)s)))
  from generate_series(0, %(records)s - 1) number
    join owned o on o.place = number / %(each)s and o.usr = number %% %(each)s %% %(users)s;
"""

ARM_AS_THE_FIRST = """
create temporary table armed as select * from arming where council_id = '{first}';
update armed set council_id = '{other}', id = gen_random_uuid(),
  policy_hash = (select policy_hash from council where id = '{other}');
insert into arming select * from armed;
"""


@dataclass(frozen=True)
class Filled:
    """What was filled: the councils' keys by number, and the run that a sweep of each works on."""

    town: Town
    plugins: Plugins
    councils: tuple[UUID, ...]
    runs: Mapping[UUID, UUID]
    empty_bytes: int

    def deployment(self, stage: Stage, database: str) -> Deployment:
        """A deployment whose plugins are the town's; its `database` is the caller's to close."""
        found = stage.deployment(database)
        return replace(found, plugins=self.plugins)


def fill(stage: Stage, name: str, town: Town) -> Filled:
    """Fill a database that has the schema and nothing else."""
    plugins = plugins_of(town)
    deployment = replace(stage.deployment(name), plugins=plugins)
    database = deployment.database
    slugs = {slug_of(number) for number in range(town.councils)}
    ids = tuple(view.id for view in sync_councils(database, plugins) if view.slug in slugs)
    for number, council_id in enumerate(ids):
        with database.council(council_id) as session:
            adopt_policy(session, plugins.facade(slug_of(number)), by="information asset owner")
    with psycopg.connect(stage.bare_url(name)) as connection, psycopg.ClientCursor(connection) as cursor:
        (empty,) = cursor.execute("select pg_database_size(current_database())").fetchone() or (0,)
        cursor.execute(
            POPULATE,
            {"users": town.users, "each": town.each, "records": town.records, "service": SERVICE,
             "purposes": PURPOSES, "tens": TENS, "over": OVER,
             "news": NEWS},
        )  # fmt: skip
    stage.run("vacuum analyze", name)
    runs = {council_id: _made_ready(deployment, council_id) for council_id in ids}
    _arm(deployment, ids[0])
    for council_id in ids[1:]:
        stage.run(ARM_AS_THE_FIRST.format(first=ids[0], other=council_id), name)
    database.close()
    stage.run("vacuum analyze", name)
    return Filled(town, plugins, ids, runs, empty)


def _made_ready(deployment: Deployment, council_id: UUID) -> UUID:
    """Have the domain do the rest for one council; returns the run of its sweep."""
    recompute.run(deployment, council_id)
    caller = command_caller(council_id, "benchmark")
    with deployment.database.council(council_id, caller.actor) as session:
        files = session.scalars(text("select file_id from record order by id")).all()
        for start in range(0, len(files), AT_ONCE):
            record_many(session, AuditEvent.RECORD_ADDED, files[start : start + AT_ONCE])
        run_id = start_sweep(session, caller)
    seal_council(deployment, council_id)
    return run_id


def _arm(deployment: Deployment, council_id: UUID) -> None:
    """Arm every rule of one council; the others have the same."""
    caller = command_caller(council_id, "benchmark")
    with deployment.database.council(council_id, caller.actor) as session:
        for record_class in adopted(session).services[SERVICE].retention.classes:
            seen = preview(session, caller, f"{SERVICE}/{record_class.id}")
            arm(session, caller, f"{SERVICE}/{record_class.id}", seen.rule_hash)
