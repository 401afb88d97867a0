"""Background work of clients: importing uploaded files."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from muniment.accounts.permissions import EVERY_SERVICE, Caller, Permission
from muniment.api.errors import MunimentError, NotReady
from muniment.clients.importing.chunk import PastPeriod
from muniment.clients.importing.ledger import finished_uploads, forget_upload, take_run
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
        """Import the file of one council that has waited longest, or whose import was killed, and let it go.

        Rings again for the next, so that a council with many files waits for the others between them.
        """
        who = Actor("system", None, IMPORT)
        caller = Caller(who, council_id, {Permission.IMPORT_CLIENTS: EVERY_SERVICE})
        store = FileStore(deployment.settings.files_dir, deployment.keys)
        importer = Importer(deployment.database, caller, deployment.plugins, deployment.keys, past_period)
        with deployment.database.council(council_id, who) as session:
            taken = take_run(session)
        if taken is not None and taken.stored_file_id is not None:
            with deployment.database.council(council_id, who) as session:
                content = store.read(session, taken.stored_file_id)
            order = Order(taken.service, taken.import_format, history=taken.history)
            try:
                importer.run(order, content, run_id=taken.id)
            except NotReady:
                raise  # the database is busy or away: the run is taken again when it has stalled
            except MunimentError:
                pass  # the run says why; a file that does not fit its format never will
        with deployment.database.council(council_id, who) as session:
            for run_id, stored_file_id in finished_uploads(session):
                store.remove(session, [stored_file_id])
                forget_upload(session, run_id)
            if taken is not None:
                session.ring(IMPORT, (council_id,))

    return run
