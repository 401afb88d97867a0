"""Ends a test run's servers and removes its folder, however the run ended: told to, killed, or with the machine.

A run works in one folder. Whatever server it starts there leaves a file with its process id (`*.pid`, PostgreSQL and
Redis alike) in the folder that it works in. The keeper is a process of its own that holds the reading end of a pipe;
the writing end is held by the process that pytest was started in and goes with it, also when nobody could tell.

A keeper can be killed too. So both hold a shared lock on a file in the folder; the next run removes every folder
whose lock nobody holds any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TextIO

__all__ = ["Kept", "remove_left_behind", "works_in"]

PREFIX = "muniment-test-"
LOCK = "owner"
SECONDS = 30.0
"""How long a server may take to end before it is killed."""


class Kept:
    """A new folder in `place`, and its keeper. Anybody may pass the folder: PostgreSQL's own user has to."""

    def __init__(self, place: Path | None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        self.folder.chmod(0o711)
        self._lock = _held(self.folder / "owner.new")
        (self.folder / "owner.new").rename(self.folder / LOCK)  # there, it is locked: nobody takes it for left behind
        command = [sys.executable, "-I", __file__, str(self.folder)]
        self._keeper = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        assert self._keeper.stdout is not None
        self._keeper.stdout.readline()  # it holds the lock too

    def end(self) -> None:
        """Let the keeper do its work; when this returns, nothing of the run is left."""
        self._lock.close()
        self._keeper.communicate()


def remove_left_behind(place: Path) -> None:
    """Remove the folders of runs that ended together with their keepers."""
    for lock in place.glob(f"{PREFIX}*/{LOCK}"):
        with contextlib.suppress(OSError), lock.open("a") as file:  # somebody else's, or removed meanwhile
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(lock.parent)


def remove(folder: Path) -> None:
    """End the servers that work in the folder, and remove it."""
    for file in folder.rglob("*.pid"):
        _end(file, folder)
    shutil.rmtree(folder, ignore_errors=True)


def _end(file: Path, folder: Path) -> None:
    """End the process of a pid file without ceremony, if that number is still a process that works in the folder."""
    try:
        process = int(file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return
    until = time.monotonic() + SECONDS
    with contextlib.suppress(ProcessLookupError):
        while works_in(process, folder):
            os.kill(process, signal.SIGQUIT if time.monotonic() < until else signal.SIGKILL)
            time.sleep(0.02)


def works_in(process: int, folder: Path) -> bool:
    """Whether the process runs, and in this folder or below it."""
    try:
        return Path(f"/proc/{process}/cwd").readlink().is_relative_to(folder.resolve())
    except OSError:  # it has ended, or is another user's
        return False


def _held(file: Path) -> TextIO:
    opened = file.open("a")
    fcntl.flock(opened, fcntl.LOCK_SH)
    return opened


def keep(folder: Path) -> None:
    """What the keeper does: wait until the other end of the pipe is gone, then clean up."""
    with _held(folder / LOCK):
        print("kept", flush=True)
        sys.stdin.buffer.read()
        remove(folder)


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
