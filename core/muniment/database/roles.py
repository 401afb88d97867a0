"""The three roles that Muniment uses a database in, and the statements that make them.

The owner migrates and does nothing else. The application reads and writes under row-level security, and its errors do
not reach the server's log, where they would carry values. The backup role reads everything, past row-level security,
because `pg_dump` cannot run otherwise, and writes nothing. The embedded server runs these statements itself;
`deploy/roles.sql` is the same text for a database administrator to run, and a test holds the two together.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection

__all__ = ["APPLICATION", "BACKUP", "OWNER", "make_roles", "role_statements"]

OWNER = "muniment_owner"
APPLICATION = "muniment_application"
BACKUP = "muniment_backup"

QUIET = {
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
"""What keeps values out of the server's log. Superusers alone may set these, so they are set on the role."""


def make_roles(connection: Connection[Any]) -> None:
    """Make the roles, and give them the database that a superuser's connection is to; all of it or nothing."""
    with connection.transaction():
        for statement in role_statements():
            connection.execute(statement)


def role_statements() -> list[str]:
    """SQL that makes the roles and gives them the current database; for a superuser, in one transaction, repeatable."""
    # Roles are the server's: where two of its databases are set up at once, PostgreSQL fails one of them.
    statements = ["lock table pg_catalog.pg_authid in share row exclusive mode"]
    statements += [_role(role) for role in (OWNER, APPLICATION, BACKUP)]
    plain = "nosuperuser nocreatedb nocreaterole noreplication"
    statements += [
        f"alter role {OWNER} {plain} nobypassrls",
        f"alter role {APPLICATION} {plain} nobypassrls",
        f"alter role {BACKUP} {plain} bypassrls",
        f"alter role {BACKUP} set default_transaction_read_only = on",
        f"grant pg_read_all_data to {BACKUP}",
    ]
    statements += [f"alter role {APPLICATION} set {name} = '{value}'" for name, value in QUIET.items()]
    statements += [
        _on_database(f"alter database %I owner to {OWNER}"),
        _on_database("revoke all on database %I from public"),
        _on_database(f"grant connect, temporary on database %I to {APPLICATION}"),
        _on_database(f"grant connect on database %I to {BACKUP}"),
        f"alter schema public owner to {OWNER}",
        "revoke all on schema public from public",
        f"grant usage on schema public to {APPLICATION}, {BACKUP}",
    ]
    return statements


def _role(name: str) -> str:
    return (
        f"do $$ begin if not exists (select from pg_roles where rolname = '{name}') "
        f"then create role {name} login; end if; end $$"
    )


def _on_database(statement: str) -> str:
    """The statement with `%I` standing for the database one is connected to."""
    return f"do $$ begin execute format('{statement}', current_database()); end $$"
