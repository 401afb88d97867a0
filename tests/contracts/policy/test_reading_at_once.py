"""Threads of a fresh process may decode something for the first time at the same moment: `serve` does at its start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).with_name("format-1.json")
AT_ONCE = """
import sys, threading
sys.setswitchinterval(1e-6)
from datetime import date
from pathlib import Path
from muniment.defaults.law import law_in_force
from muniment.policy.formats import read_policy
from muniment.wiring import wire
wire()
document, barrier = Path(sys.argv[1]).read_bytes(), threading.Barrier(8)
read = {"policy": lambda: read_policy(document, 1), "law": lambda: law_in_force(date(2026, 11, 20))}[sys.argv[2]]
def first():
    barrier.wait()
    read()
threads = [threading.Thread(target=first) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


@pytest.mark.parametrize("what", ["policy", "law"])
def test_many_threads_may_read_something_for_the_first_time_at_once(what: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AT_ONCE, str(DOCUMENT), what], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
