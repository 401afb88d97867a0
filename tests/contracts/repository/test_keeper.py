"""A test run that is killed leaves neither a server nor a folder, and never takes away what is not its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.keeper import Kept, remove_left_behind, works_in

ROOT = Path(__file__).parents[3]
RUN = """
import sys
from pathlib import Path
from muniment.database.embedded import EmbeddedServer
from tests.keeper import Kept
kept = Kept(Path(sys.argv[1]))
EmbeddedServer(kept.folder).start()
print(kept.folder, flush=True)
sys.stdin.read()
"""


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_killed_run_takes_its_server_along(passable_folder: Path) -> None:
    command = [sys.executable, "-c", RUN, str(passable_folder)]
    run = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    folder = Path(run.stdout.readline().strip())
    server = int((folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    run.send_signal(signal.SIGKILL)
    run.communicate()
    wait_until(lambda: not folder.exists())
    assert not works_in(server, folder)


def test_what_a_killed_keeper_left_behind_goes_at_the_next_start(tmp_path: Path) -> None:
    mine = Kept(tmp_path)
    left, others, elsewhere = (tmp_path / f"muniment-test-{name}" for name in ("left", "others", "elsewhere"))
    for folder in (left, others, elsewhere):
        folder.mkdir()
    (left / "owner").touch()
    server = subprocess.Popen(["sleep", "600"], cwd=left)
    stranger = subprocess.Popen(["sleep", "600"], cwd=elsewhere)
    (left / "server.pid").write_text(f"{server.pid}\n{left}\n")
    (left / "old.pid").write_text(str(stranger.pid))  # a number that now is another process
    (left / "odd.pid").write_text("")
    try:
        remove_left_behind(tmp_path)
        assert server.poll() in (-signal.SIGQUIT, -signal.SIGKILL)  # the latter where a shell has it ignore the first
        assert stranger.poll() is None
        assert {folder.name for folder in tmp_path.iterdir()} == {mine.folder.name, others.name, elsewhere.name}
    finally:
        for process in (server, stranger):
            process.kill()
            process.wait()
    mine.end()
    assert not mine.folder.exists()
