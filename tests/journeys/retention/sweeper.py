"""A sweeper in a process of its own: `python -m tests.journeys.retention.sweeper DATABASE COUNCIL LEDGER TODAY RUN`."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from uuid import UUID

import muniment.schema  # noqa: F401
from muniment.clock import FixedClock
from muniment.database.session import Database
from muniment.retention.disposal.sweep import Sweeper
from muniment.retention.evidence.ledger import Ledger
from muniment.settings import Settings

FILES = 100_000
"""No fewer than there are: each walk is whole."""


def main(url: str, council: str, ledger: str, today: str, run: str) -> None:
    folder = Path(ledger)
    settings = Settings(
        data_dir=folder, database_url=url, keys_file=folder / "k", ledger_dir=folder, files_dir=folder, pool_size=2
    )
    database = Database.open(settings, FixedClock(date.fromisoformat(today)))
    sweeper = Sweeper(database, UUID(council), Ledger(folder, UUID(council)), files=3)
    print("ready", flush=True)
    while sweeper.work(UUID(run), chunks=FILES):
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
