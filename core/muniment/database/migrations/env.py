"""What Alembic runs. The connection and its transaction are handed over by `muniment.database.upgrade`.

No model is known here: a revision builds what it says and nothing else, and names every constraint itself.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

connection = context.config.attributes["connection"]
context.configure(connection=connection)
connection.execute(text("set local lock_timeout = '10s'"))
context.run_migrations()
