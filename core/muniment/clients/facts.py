"""The tables that higher domains may read in SQL: retention computes due dates where the facts lie.

The mapped classes stay private to `muniment.clients`. Reading through these is free; changing what lies in them is
for the functions of `muniment.clients.files` and, for the columns of a clock and for disposal, `muniment.retention`.
What stands in `LIMIT` is asked through `muniment.clients.limits`.
"""

from __future__ import annotations

from muniment.clients import limit_tables, tables
from muniment.clients.importing import tables as importing
from muniment.database.registry import table_of

__all__ = [
    "ATTACHMENT",
    "ENROLMENT",
    "FILE",
    "IMPORT_MEMORY",
    "IMPORT_RUN",
    "LIMIT",
    "MILESTONE",
    "PERSON",
    "PROGRAMME_FACT",
    "PSEUDONYM_KEY",
    "RECORD",
    "REGISTER",
    "REGISTER_ENTRY",
]

PERSON = table_of(tables.Person)
FILE = table_of(tables.ClientFile)
RECORD = table_of(tables.Record)
ATTACHMENT = table_of(tables.Attachment)
MILESTONE = table_of(tables.Milestone)
ENROLMENT = table_of(tables.Enrolment)
LIMIT = table_of(limit_tables.ClientLimit)
PROGRAMME_FACT = table_of(tables.ProgrammeFact)
PSEUDONYM_KEY = table_of(tables.PseudonymKey)
REGISTER = table_of(tables.Register)
REGISTER_ENTRY = table_of(tables.RegisterEntry)
IMPORT_MEMORY = table_of(importing.ImportMemory)
IMPORT_RUN = table_of(importing.ImportRun)
