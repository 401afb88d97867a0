"""Every table of every domain, imported so that they are known: for migrations, for tests, for the composition roots.

A domain with tables has one line here.
"""

from __future__ import annotations

import muniment.accounts.tables
import muniment.audit.tables
import muniment.clients.importing.tables
import muniment.clients.limit_tables
import muniment.clients.tables
import muniment.consent.tables
import muniment.councils.tables
import muniment.files.tables
import muniment.jobs.tables
import muniment.notices.tables
import muniment.policy.documents
import muniment.policy.tables
import muniment.retention.approval.tables
import muniment.retention.deliveries
import muniment.retention.disposal.tables
import muniment.retention.rules.tables
import muniment.retention.tables
import muniment.sharing.arrangement_tables
import muniment.sharing.tables  # noqa: F401  # all are imported for their tables
from muniment.database.base import Base

__all__ = ["metadata"]

metadata = Base.metadata
