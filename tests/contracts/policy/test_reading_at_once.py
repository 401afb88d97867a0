"""Threads of a fresh process may read their first policy at the same moment: `serve` does, when it starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DOCUMENT = Path(__file__).with_name("format-1.json")
READ_AT_ONCE = """
import sys, threading
sys.setswitchinterval(1e-6)
from pathlib import Path
from muniment.policy.formats import read_policy
document, barrier = Path(sys.argv[1]).read_bytes(), threading.Barrier(8)
def read():
    barrier.wait()
    read_policy(document, 1)
threads = [threading.Thread(target=read) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_many_threads_may_read_their_first_policy_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", READ_AT_ONCE, str(DOCUMENT)], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
