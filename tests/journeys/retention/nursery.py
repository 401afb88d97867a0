"""Workers as processes of their own, each started in an instant: forks of one process that has imported everything.

A hundred workers are killed in one test. Started as commands they would spend their lives importing; forked, each runs
the same `muniment worker` from its first line on. Small chunks give them more places to be killed at, and what takes a
minute in a deployment takes a moment here; nothing else differs.

Started by itself this file is that process. It reads a line on its standard input for each wish (`start`, or the number
of a process that has ended and is to be taken off the list) and answers each with a line.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from muniment.cli import main
from muniment.jobs import waiting
from muniment.retention.clocks.recomputing import clock_stale
from muniment.retention.disposal.sweep import Sweeper

ROOT = Path(__file__).parents[3]
WORKER = ["worker", "--threads", "2"]
MOMENT = timedelta(seconds=0.5)
"""How long a job that was rung for is taken to wait (`muniment.jobs.waiting.BELIEVED`), as hours are seconds here."""


class Nursery:
    """Starts and ends workers. A process id stays ours until its process has been reaped here."""

    def __init__(self, environment: dict[str, str], log: Path, files: int, rows: int) -> None:
        command = [sys.executable, "-m", "tests.journeys.retention.nursery", str(log), str(files), str(rows)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.workers: list[int] = []

    def start(self, count: int = 1) -> None:
        """Have so many more workers."""
        self.workers += [int(self._asked("start")) for _ in range(count)]

    def kill(self, *workers: int) -> None:
        """End workers without ceremony, all at the same moment; returns when none of them is left."""
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        for worker in workers:
            self.workers.remove(worker)
            assert self._asked(str(worker)) == str(-signal.SIGKILL)

    def stop(self) -> list[int]:
        """Tell all workers to stop, and let them finish what they began; returns their exit statuses."""
        for worker in self.workers:
            os.kill(worker, signal.SIGTERM)
        statuses = [int(self._asked(str(worker))) for worker in self.workers]
        self.workers.clear()
        return statuses

    def end(self) -> None:
        """End everything, whatever it does."""
        self._process.communicate()

    def _asked(self, wish: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(wish, file=self._process.stdin, flush=True)
        return self._process.stdout.readline().strip()


def serve(log: Path, files: int, rows: int) -> None:
    """Answer wishes until there is nobody to have any; then no worker is left."""
    smaller = Sweeper.__init__.__kwdefaults__
    assert smaller is not None
    smaller["files"] = files
    clock_stale.__defaults__ = (rows,)
    waiting.BELIEVED = MOMENT
    alive: set[int] = set()
    for line in sys.stdin:
        wish = line.strip()
        if wish == "start":
            child = os.fork()
            if child == 0:
                into = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.dup2(into, 1)
                os.dup2(into, 2)
                main.main(WORKER)
            alive.add(child)
            print(child, flush=True)
        else:
            alive.remove(int(wish))
            print(os.waitstatus_to_exitcode(os.waitpid(int(wish), 0)[1]), flush=True)
    for child in alive:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
