"""How a worker takes jobs: each waits once, one that failed is tried again later and later, and people can see it.

Instead of the library's retries, which write the words of an error into the message on Redis: they may quote a value.
A job that has failed for good is no message any more but a row (`muniment.jobs.failures`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from dramatiq import Broker, Middleware
from dramatiq.broker import MessageProxy
from dramatiq.common import compute_backoff

from muniment.api.errors import MunimentError
from muniment.database.session import Database
from muniment.jobs.failures import RETRIES, code_of, note_failure, note_success
from muniment.jobs.waiting import Waiting

__all__ = ["Conduct", "job_key"]

log = structlog.get_logger(__name__)

FIRST_PAUSE_MS, LONGEST_PAUSE_MS = 1_000, 60_000
TRIES = "tries"


def job_key(name: str, arguments: Any) -> str:
    """What a job is known by while it waits: its actor and its arguments, the council first."""
    return " ".join([name, *map(str, arguments)])


class Conduct(Middleware):
    """What happens before and after a job. Pauses double from one second to a minute, and differ by chance."""

    def __init__(self, database: Database, waiting: Waiting) -> None:
        self._database, self._waiting = database, waiting

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """From now on whoever rings wants the job once more."""
        self._waiting.begun(_key(message))

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any | None = None,
        exception: BaseException | None = None,
    ) -> None:
        """Note how it ended, and try again what failed."""
        self._note(message, exception)
        tries = int(message.options.get(TRIES, 0)) + 1
        # Where the same job waits anyway it is tried with that: one that many ring for is tried no more often.
        if exception is not None and tries <= RETRIES and self._waiting.rung(_key(message)):
            _, pause = compute_backoff(tries - 1, factor=FIRST_PAUSE_MS, max_backoff=LONGEST_PAUSE_MS)
            broker.enqueue(message.copy(options={TRIES: tries}), delay=pause)

    def _note(self, message: MessageProxy, error: BaseException | None) -> None:
        council_id = UUID(str(message.args[0]))
        if error is not None:
            log.error("job_failed", actor=message.actor_name, council=str(council_id), error=code_of(error))
        try:
            with self._database.council(council_id) as session:
                if error is None:
                    note_success(session, message.actor_name)
                else:
                    note_failure(session, message.actor_name, code_of(error))
        except MunimentError as unnoted:  # the database is away, as likely as not why the job failed
            log.warning("outcome_not_noted", actor=message.actor_name, reason=unnoted.code)


def _key(message: MessageProxy) -> str:
    return job_key(message.actor_name, message.args)
