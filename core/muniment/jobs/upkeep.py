"""The work of the layers below: what files leave to be removed; and failed jobs that nobody need know of any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from muniment.files.store import REMOVE_FILES, FileStore
from muniment.jobs.actors import Deployment, actor
from muniment.jobs.failures import forget_old

__all__ = ["check_files", "forget_failures", "remove_files"]

log = structlog.get_logger(__name__)


@actor(name=REMOVE_FILES, queue="files", every=timedelta(minutes=10))
def remove_files(deployment: Deployment, council_id: UUID) -> None:
    """Remove the objects of one council's files that are gone."""
    store = FileStore(deployment.settings.files_dir, deployment.keys)
    removed = 1
    while removed:
        with deployment.database.council(council_id) as session:
            removed = store.remove_objects(session)


@actor(name="files.check", queue="files", every=timedelta(days=1), time_limit=timedelta(hours=1))
def check_files(deployment: Deployment, council_id: UUID) -> None:
    """Remove one council's orphaned objects and log how many rows have lost theirs."""
    store = FileStore(deployment.settings.files_dir, deployment.keys)
    with deployment.database.council(council_id) as session:
        orphans = store.sweep_orphans(session, datetime.now(UTC))
    if orphans.removed or orphans.missing:
        log.warning("files_checked", removed=orphans.removed, missing=len(orphans.missing))


@actor(name="jobs.forget", queue="policy", every=timedelta(days=1))
def forget_failures(deployment: Deployment, council_id: UUID) -> None:
    """Forget the failed jobs of one council that have not failed for a month."""
    with deployment.database.council(council_id) as session:
        forget_old(session)
