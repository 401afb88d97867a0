"""The tables of the ledger that higher domains may read in SQL.

What stands now is for `muniment.consent.standing` to say; only `muniment.consent.ledger` writes.
"""

from __future__ import annotations

from muniment.consent import tables
from muniment.database.registry import table_of

__all__ = ["CONSENT_EVENT", "CONSENT_EVIDENCE", "CONSENT_SUBJECT"]

CONSENT_SUBJECT = table_of(tables.ConsentSubject)
CONSENT_EVENT = table_of(tables.ConsentEvent)
CONSENT_EVIDENCE = table_of(tables.ConsentEvidence)
