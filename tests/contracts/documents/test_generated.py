"""Documents that are made from the code and must say what it says.

`MUNIMENT_WRITE_DOCUMENTS=1 pytest tests/contracts/documents` writes them anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

import pytest

from muniment.audit.events import AuditEvent
from muniment.database.roles import role_statements
from muniment.database.signals import signals
from muniment.sharing.rules import ABOUT_THE_CLIENT, ABOUT_THE_QUESTION
from muniment.wiring import wire

ROOT = Path(__file__).parents[3]


def audit_events() -> Iterator[str]:
    yield "# Audit events"
    yield ""
    yield "Every event that the audit log can hold, by domain. A name is `domain.subject.action`, in the past tense,"
    yield "and never changes its meaning. Facts beside it are ids, counts, codes and hashes. Made from"
    yield "`muniment/audit/events.py`."
    for domain, events in groupby(AuditEvent, key=lambda event: event.partition(".")[0]):
        yield ""
        yield f"## {domain}"
        yield ""
        yield from (f"- `{event}`" for event in events)


def signals_and_listeners() -> Iterator[str]:
    wire()
    yield "# Signals"
    yield ""
    yield "How a lower domain tells a higher one: what is sent, and who listens, in the order in which they are told,"
    yield "in the transaction of the change. An exception in a listener rolls the change back. Made from"
    yield "`muniment/database/signals.py` and `muniment/wiring.py`."
    for signal in signals():
        yield ""
        yield f"## {signal.name}"
        yield ""
        yield str(signal.__doc__)
        yield ""
        told = [f"- `{listener.__module__}.{listener.__qualname__}`" for listener in signal.listeners]
        yield from told or ["Nobody listens yet."]


def roles() -> Iterator[str]:
    yield "-- Muniment's roles on a PostgreSQL server of your own, 15 or newer. Made from muniment/database/roles.py."
    yield "--"
    yield "-- As a superuser: create the database, then run this file in it, as often as you like:"
    yield "--   createdb --encoding UTF8 muniment"
    yield "--   psql --dbname muniment --file roles.sql"
    yield "-- Then give the roles passwords (psql: \\password muniment_application) or certificates, put the addresses"
    yield "-- into MUNIMENT_DATABASE_URL (application) and MUNIMENT_OWNER_DATABASE_URL (owner), and run:"
    yield "--   muniment db upgrade"
    yield "-- pg_dump connects as muniment_backup, with --enable-row-security left off."
    yield "\\set ON_ERROR_STOP on"
    yield "begin;"
    yield from (f"{statement};" for statement in role_statements())
    yield "commit;"


def gate() -> Iterator[str]:
    yield "# The gate"
    yield ""
    yield "May these fields of this client go to this recipient for this purpose now? The answer is yes only if none of"
    yield "these rules speaks against it, and it says every reason, for and against. A rule that is not about the case"
    yield "says nothing. Made from `muniment/sharing/rules.py`; [sharing.md](sharing.md) says how it is used."
    for title, rules in (("About what is asked", ABOUT_THE_QUESTION), ("About the client", ABOUT_THE_CLIENT)):
        yield from ("", f"## {title}", "", "| rule | for | against | provision | test |", "|---|---|---|---|---|")
        for rule in rules:
            test = f"`tests/unit/sharing/test_rules.py::test_rule[{rule.id}]`"
            against = rule.against.replace("{what}", "…")
            yield f"| `{rule.id}` | {rule.speaks_for} | {against} | {rule.provision} | {test} |"


DOCUMENTS: dict[str, Callable[[], Iterator[str]]] = {
    "docs/audit-events.md": audit_events,
    "docs/gate.md": gate,
    "docs/signals.md": signals_and_listeners,
    "deploy/roles.sql": roles,
}


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_document_says_what_the_code_says(path: str) -> None:
    made = "\n".join(DOCUMENTS[path]()) + "\n"
    if os.environ.get("MUNIMENT_WRITE_DOCUMENTS"):
        (ROOT / path).write_text(made, encoding="utf-8")
    assert (ROOT / path).read_text(encoding="utf-8") == made, f"write it anew: see {Path(__file__).name}"
