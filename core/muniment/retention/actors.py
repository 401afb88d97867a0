"""Background work of retention: clocking what is not clocked, sweeping, settling the erasure ledger, upkeep."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from muniment.clients.pretending import refuse_real_people
from muniment.database.registry import kept_tables
from muniment.database.session import Actor
from muniment.files.store import FileStore
from muniment.jobs.actors import Deployment, actor
from muniment.plugins.facade import CouncilFacade
from muniment.policy.model import Policy
from muniment.policy.store import adopted_or_none
from muniment.retention.clocks.current import RECOMPUTE
from muniment.retention.clocks.recomputing import clock_stale
from muniment.retention.disposal.delivering import Courier
from muniment.retention.disposal.erasing import DELIVER
from muniment.retention.disposal.pace import Pace
from muniment.retention.disposal.restore import RESTORE, forget_outdated, recover
from muniment.retention.disposal.sweep import SWEEP, Sweeper, begin_run
from muniment.retention.evidence.ledger import Ledger
from muniment.retention.subjects import SUBJECTS
from muniment.retention.upkeep import CHUNK, dispose_some, drop_oldest_month

__all__ = ["deliver", "recompute", "settle_ledger", "sweep", "upkeep"]

CHUNKS = 20
"""Chunks that are clocked in one turn: then it is another council's."""


@actor(name=RECOMPUTE, queue="retention", every=timedelta(hours=1), time_limit=timedelta(hours=1))
def recompute(deployment: Deployment, council_id: UUID) -> None:
    """Clock rows of one council that no rule in force has clocked, and end the passes over classes whose rule was
    replaced; ring again while there may be more."""
    who, chunks = Actor("system", None, RECOMPUTE), 0
    for subject in SUBJECTS:
        last: UUID | None = None
        while True:
            with deployment.database.council(council_id, who) as session:
                if session.policy_hash is None:
                    return
                if chunks == CHUNKS or deployment.stopping.is_set():
                    session.ring(RECOMPUTE, (council_id,))
                    return
                done = clock_stale(session, subject, last)
            if done is None or not done.more:
                break
            last, chunks = done.last, chunks + 1


@actor(name=SWEEP, queue="retention", every=timedelta(hours=1), time_limit=timedelta(minutes=20))
def sweep(deployment: Deployment, council_id: UUID) -> None:
    """Work on the open run of one council, or on the day's first; ring again while there may be more to do.

    Where a day is pretended it is asked each time whether everybody is generated: a worker may have been running when
    real people came in by another process. Raises `SettingsError` if somebody is not.
    """
    refuse_real_people(deployment.database)
    settle_ledger.run(deployment, council_id)
    ledger = Ledger(deployment.settings.ledger_dir, council_id)
    with deployment.database.council(council_id, Actor("system", None, SWEEP)) as session:
        policy = adopted_or_none(session)
        run_id = None if policy is None else begin_run(session)
    if policy is None or run_id is None:
        return
    facade = deployment.plugins.facade(policy.council.slug, [plugin.name for plugin in policy.plugins])
    pace = Pace(deployment.settings.sweep_rest, deployment.stopping.wait)
    store = FileStore(deployment.settings.files_dir, deployment.keys)
    stopping = deployment.stopping
    if Sweeper(deployment.database, council_id, ledger, facade, pace=pace, store=store, stopping=stopping).work(run_id):
        with deployment.database.council(council_id) as session:
            session.ring(SWEEP, (council_id,))


@actor(name=DELIVER, queue="connectors", every=timedelta(minutes=1), time_limit=timedelta(hours=1))
def deliver(deployment: Deployment, council_id: UUID) -> None:
    """Ask other systems to erase what one council disposed of; ring again while there is more to ask."""

    def facade_of(policy: Policy) -> CouncilFacade:
        return deployment.plugins.facade(policy.council.slug, [plugin.name for plugin in policy.plugins])

    ledger = Ledger(deployment.settings.ledger_dir, council_id)
    if Courier(deployment.database, council_id, ledger, facade_of).work():
        with deployment.database.council(council_id) as session:
            session.ring(DELIVER, (council_id,))


@actor(name="retention.settle", queue="retention", every=timedelta(hours=1))
def settle_ledger(deployment: Deployment, council_id: UUID) -> None:
    """Close what crashes left open in one council's erasure ledger, and erase again what a restore brought back."""
    ledger = Ledger(deployment.settings.ledger_dir, council_id)
    with deployment.database.council(council_id, RESTORE) as session:
        recover(session, ledger)


@actor(name="retention.upkeep", queue="retention", every=timedelta(days=1), time_limit=timedelta(hours=1))
def upkeep(deployment: Deployment, council_id: UUID) -> None:
    """Delete what one council's part of core's own tables has kept past its period; drop months of the audit log.

    What the erasure ledger says of holds and the like goes when their rows have gone.
    """
    who = Actor("system", None, "retention.upkeep")
    for kept in kept_tables():
        gone = CHUNK
        while gone == CHUNK and not deployment.stopping.is_set():
            with deployment.database.council(council_id, who) as session:
                gone = dispose_some(session, kept)
    more = True
    while more and not deployment.stopping.is_set():
        with deployment.database.council(council_id, who) as session:
            more = drop_oldest_month(session, deployment.keys) is not None
    with deployment.database.council(council_id, who) as session:
        forget_outdated(session, Ledger(deployment.settings.ledger_dir, council_id))
