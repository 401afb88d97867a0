"""How statements are planned that come with many keys.

Of a statement that comes often the server soon keeps one plan, made for no values in particular: it takes an array for
ten keys, whatever is in it. What looks at ten again and again looks at ten thousand ten thousand times.
"""

from __future__ import annotations

from sqlalchemy import text

from muniment.database.session import CouncilSession

__all__ = ["MANY", "plan_for"]

MANY = 50
"""Keys from which on planning anew costs less than a plan for any."""

PLAN_ANEW = text("set local plan_cache_mode = force_custom_plan")


def plan_for(session: CouncilSession, keys: int) -> None:
    """Have what follows in this transaction planned for the values it comes with, if it comes with many keys."""
    if keys >= MANY:
        session.execute(PLAN_ANEW)
