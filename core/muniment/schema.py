"""Every table of every domain, imported so that they are known: for migrations, for tests, for the composition roots.

A domain with tables has one line here, in the order of the layers.
"""

from __future__ import annotations

import muniment.audit.tables  # imported for its tables, like all here
import muniment.clients.tables
import muniment.councils.tables  # noqa: F401
from muniment.database.base import Base

__all__ = ["metadata"]

metadata = Base.metadata
