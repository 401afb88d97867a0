"""A pretended day and real people never meet.

`MUNIMENT_TODAY` moves every clock of a process, so what it sweeps goes as if that day had come. It is for
demonstrations and tests, where everybody is generated and marked so. A process that pretends a day therefore refuses to
start where anybody is not marked, and takes in nobody who is not.

A register has no mark of its own. It is as generated as the files that its entries point to; a name in it without a
file cannot be marked at all, and counts as a real person's.
"""

from __future__ import annotations

from sqlalchemy import text

from muniment.api.errors import Conflict, SettingsError
from muniment.clock import Clock
from muniment.database.session import Database

__all__ = ["refuse_real_people", "refuse_unmarked"]

UNMARKED = text(
    "select exists (select from client_file where council_id = :council_id and not generated)"
    " or exists (select from register_entry where council_id = :council_id and name is not null)"
)


def refuse_real_people(database: Database) -> None:
    """Raise `SettingsError` if the database's clock pretends a day and a council holds people not marked as generated.

    Every composition root asks this before it does anything, and every sweep again. Without a pretended
    day it asks the database nothing.
    """
    if not database.clock.pretended:
        return
    with database.platform() as session:
        councils = session.execute(text("select id, slug from council order by slug")).all()
    for council in councils:
        with database.council(council.id) as session:
            if session.scalar(UNMARKED, {"council_id": council.id}):
                raise SettingsError(
                    f"MUNIMENT_TODAY pretends a day, and the council {council.slug} holds people who are not marked as "
                    "generated: unset it, or use another data folder or database."
                )


def refuse_unmarked(clock: Clock, *, generated: bool) -> None:
    """Raise `Conflict` for somebody not marked as generated while the clock pretends a day."""
    if clock.pretended and not generated:
        raise Conflict(
            "MUNIMENT_TODAY pretends a day here, so nobody can be taken in who is not marked as generated.",
            code="pretended-day",
        )
