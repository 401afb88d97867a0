"""The lock between what works through a council's records in chunks and what must see none of them half done.

Chunks (of a sweep, of recomputing) share it; a hold by class or programme, the end of a programme and the settling of
the erasure ledger take it alone, and so wait for the chunks under way and hold off the next. It ends with the
transaction.
"""

from __future__ import annotations

from typing import Any

from muniment.database.advisory import take_alone, take_shared
from muniment.database.exchange import Asked
from muniment.database.session import CouncilSession

__all__ = ["alone", "one_at_a_time", "shared"]

NAME = "muniment.retention"


def shared(session: CouncilSession, *then: Asked) -> list[list[Any]]:
    """Take the council's lock along with others; the rows of each statement that is asked `then`."""
    return take_shared(session, NAME, *then)


def alone(session: CouncilSession, *then: Asked) -> list[list[Any]]:
    """Take the council's lock alone; as `shared`."""
    return take_alone(session, NAME, *then)


def one_at_a_time(session: CouncilSession, what: str) -> None:
    """Wait until no other transaction of the council does `what`; taken last, when the rows are locked already."""
    take_alone(session, f"{NAME}.{what}")
