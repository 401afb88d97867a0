"""What makes a table safe: row-level security, its policy and grants; and the one thing done with the owner's rights.

Migrations call `secure_table` for each table that they add. None can be forgotten: a test compares what they built with
the models, where a council's table is one that has the `CouncilTable` mixin and a table that may only grow says so.
"""

from __future__ import annotations

from muniment.database.roles import APPLICATION

__all__ = ["COUNCIL_SETTING", "DROP_AUDIT_EVENTS", "SCOPE", "secure_table"]

COUNCIL_SETTING = "muniment.council_id"
"""The name of the transaction's setting that holds the council's id."""

SCOPE = f"council_id = nullif(current_setting('{COUNCIL_SETTING}', true), '')::uuid"
"""The policy of every council's table. Without a council the setting is null or empty: no row is seen or taken."""

DROP_AUDIT_EVENTS = (
    """
    create function drop_audit_events(which uuid) returns bigint
    language sql security definer set search_path = pg_catalog, public, pg_temp as $$
        with gone as (
            delete from public.audit_event e
            using public.audit_drop d, unnest(d.positions) taken, public.audit_leaf l
            where d.id = which and l.council_id = d.council_id
            and l.position >= lower(taken) and l.position < upper(taken)
            and e.council_id = l.council_id and e.id = l.event_id
            and e.at >= timezone('Europe/London', d.month::timestamp)
            and e.at < timezone('Europe/London', d.month + interval '1 month')
            and e.at < now() - interval '6 months'
            and e.event not in
                ('audit.month.dropped', 'audit.log.cut-back',
                 'retention.certificate.issued', 'retention.certificate.confirmed')
            returning 1
        )
        select count(*) from gone
    $$
    """,
    "revoke all on function drop_audit_events(uuid) from public",
    f"grant execute on function drop_audit_events(uuid) to {APPLICATION}",
)
"""How the application, which may only append to the audit log, has a month dropped: what a line of `audit_drop` names.

It takes sealed events of the month that the line says, in the council of the transaction, for row-level security holds
the owner too; never one that is kept for good (`muniment.audit.events`), and never one younger than six months, which
is how long the National Cyber Security Centre asks logs to be kept at least ("Introduction to logging for security
purposes"). That is counted by the database's own clock: what it guards against is whoever acts as the application. A
change of it is a new revision with a text of its own.
"""


def secure_table(name: str, *, council: bool, append_only: bool, goes_by_rule: bool = False) -> list[str]:
    """SQL that grants the application what it may do with a table and, for a council's, forces row-level security.

    No statistics are kept of a council's `council_id`: from those of a deployment that holds one council so far the
    planner concludes that any other has no rows at all, takes an index that leads to all of a council's rows as good as
    one that leads to the row it wants, and spends a minute where a second would do (docs/decisions/0021).

    `append_only` withholds UPDATE and DELETE; `goes_by_rule` gives DELETE back, for rows whose period has run.
    """
    may = "select, insert" if append_only else "select, insert, update, delete"
    if append_only and goes_by_rule:
        may += ", delete"
    statements = [f"grant {may} on table {name} to {APPLICATION}"]
    if council:
        statements += [
            f"alter table {name} enable row level security",
            f"alter table {name} force row level security",
            f"create policy council on {name} using ({SCOPE}) with check ({SCOPE})",
            f"alter table {name} alter column council_id set statistics 0",
        ]
    return statements
