"""Background work of clients: importing uploaded files."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from muniment.accounts.permissions import EVERY_SERVICE, Caller, Permission
from muniment.api.errors import MunimentError, NotReady
from muniment.clients.importing.chunk import PastPeriod
from muniment.clients.importing.ledger import finished_uploads, forget_upload, take_runs
from muniment.clients.importing.run import Importer, Order
from muniment.database.session import Actor
from muniment.files.store import FileStore
from muniment.jobs.actors import Deployment, JobActor, actor

__all__ = ["IMPORT", "import_uploads"]

IMPORT = "clients.import"


def import_uploads(past_period: PastPeriod) -> JobActor:
    """The actor that imports what was uploaded; `past_period` is retention's, which clients may not know."""

    @actor(name=IMPORT, queue="imports", every=timedelta(minutes=10), time_limit=timedelta(hours=4))
    def run(deployment: Deployment, council_id: UUID) -> None:
        """Import every file of one council that waits, or whose import was killed, and let the files go."""
        who = Actor("system", None, IMPORT)
        caller = Caller(who, council_id, {Permission.IMPORT_CLIENTS: EVERY_SERVICE})
        store = FileStore(deployment.settings.files_dir, deployment.keys)
        importer = Importer(deployment.database, caller, deployment.plugins, deployment.keys, past_period)
        with deployment.database.council(council_id, who) as session:
            waiting = [
                (taken.id, taken.stored_file_id, Order(taken.service, taken.import_format, history=taken.history))
                for taken in take_runs(session)
                if taken.stored_file_id is not None
            ]
        for run_id, stored_file_id, order in waiting:
            with deployment.database.council(council_id, who) as session:
                content = store.read(session, stored_file_id)
            try:
                importer.run(order, content, run_id=run_id)
            except NotReady:
                raise  # the database is busy or away: the run is taken again when it has stalled
            except MunimentError:
                pass  # the run says why; a file that does not fit its format never will
        with deployment.database.council(council_id, who) as session:
            for run_id, stored_file_id in finished_uploads(session):
                store.remove(session, [stored_file_id])
                forget_upload(session, run_id)

    return run
