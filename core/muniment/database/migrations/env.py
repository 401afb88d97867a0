"""What Alembic runs. The connection and its transaction are handed over by `muniment.database.upgrade`."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

from muniment.database.base import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata)
connection.execute(text("set local lock_timeout = '10s'"))
context.run_migrations()
