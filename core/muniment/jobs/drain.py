"""Work done where it was set going: for a command, and for a deployment without workers.

What sessions ring for is kept in memory; `run` does it in this thread, one after the other, and tells how it goes. An
error ends the run and is the command's; what was not done is found by the schedule another time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from muniment.jobs.actors import Deployment, JobActor

__all__ = ["Drain", "Progress"]

Progress = Callable[[str, int, int], None]
"""Told the actor that is about to run, how many ran before it and how many wait after it."""


class Drain:
    """The doorbell of a process that does its own work."""

    def __init__(self, deployment: Deployment, actors: Iterable[JobActor]) -> None:
        self._deployment = deployment
        self._actors = {actor.name: actor for actor in actors}
        self._waiting: deque[tuple[str, tuple[object, ...]]] = deque()
        deployment.database.doorbell = self._ring

    def _ring(self, name: str, arguments: Sequence[object]) -> None:
        job = (name, tuple(arguments))
        if job not in self._waiting:
            self._waiting.append(job)

    def run(self, progress: Progress | None = None) -> int:
        """Do all that waits, and what that sets going; returns how many jobs ran."""
        done = 0
        while self._waiting:
            name, arguments = self._waiting.popleft()
            if progress is not None:
                progress(name, done, len(self._waiting))
            self._actors[name].run(self._deployment, *arguments)
            done += 1
        return done
