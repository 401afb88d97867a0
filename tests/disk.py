"""A small disk of a test's own that can be filled up or made read-only: for real where the test may mount one.

Root mounts one in memory. Anybody else is refused by the system in other words: a limit on the size of files stands for
a full disk, modes for a read-only one.
"""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Disk", "small_disk"]

SIZE = "256k"
IS_ROOT = os.geteuid() == 0


class Disk:
    """The folder that it is mounted on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def refusing(self, how: str) -> Iterator[None]:
        """The disk is `full` or `read-only` for as long."""
        with self._full() if how == "full" else self._read_only():
            yield

    @contextmanager
    def _full(self) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        ballast = self.folder / "ballast"
        if IS_ROOT:
            _fill(ballast)
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            ballast.unlink(missing_ok=True)

    @contextmanager
    def _read_only(self) -> Iterator[None]:
        modes = {path: path.stat().st_mode for path in (self.folder, *self.folder.rglob("*"))}
        if IS_ROOT:
            _mount("remount,ro", self.folder)
        else:
            for path in modes:
                path.chmod(0o500)
        try:
            yield
        finally:
            if IS_ROOT:
                _mount("remount,rw", self.folder)
            else:
                for path, mode in modes.items():
                    path.chmod(mode)


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """A disk of 256 KiB at a new folder."""
    folder.mkdir()
    if IS_ROOT:
        _mount(f"size={SIZE}", folder)
    try:
        yield Disk(folder)
    finally:
        if IS_ROOT:
            subprocess.run(["umount", "--lazy", folder], check=True)


def _mount(options: str, folder: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)


def _fill(ballast: Path) -> None:
    handle = os.open(ballast, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(handle, bytes(4096))
    except OSError:
        return
    finally:
        os.close(handle)
