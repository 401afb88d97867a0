"""`muniment demo` as a newcomer runs it, at a terminal: it asks nothing, shows its certificates, and runs again."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("muniment")
ROOT = Path(__file__).parents[2]


def demo(data: Path) -> str:
    """What a whole run printed. Its input is a terminal at which nobody sits."""
    terminal, its_end = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "COLUMNS": "80", "MUNIMENT_DATA_DIR": str(data)}
    process = subprocess.Popen(
        [PROGRAM, "demo", "--once"], cwd=ROOT, env=environment, stdin=its_end, stdout=subprocess.PIPE, text=True
    )
    os.close(its_end)
    os.close(terminal)  # whoever asks reads the end of the input, and stops
    printed, _ = process.communicate(timeout=900)
    assert process.returncode == 0, printed[-2_000:]
    return printed


@pytest.mark.slow
def test_it_asks_nothing_and_a_second_run_brings_nobody_back(tmp_path: Path) -> None:
    first = demo(tmp_path).splitlines()
    certificates = [line for line in first if line.startswith("Certificate")]
    assert len(certificates) > 10
    assert sum(line.startswith("Notice written to") for line in first) == 6
    acts = ("Recorded.", "Withdrawn.", "Disclosure ")
    assert [sum(line.startswith(act) for line in first) for act in acts] == [5, 3, 5]
    refused = [line for line in first if line.startswith("Disclosure ") and "0 clients given about, 1 refused" in line]
    assert len(refused) == 3
    assert any(line.startswith("You receive no more updates") for line in first)
    assert any("contact-details.email, since" in line for line in first), "it is held on nothing"
    receipts = sorted((tmp_path / "demo" / "consents").glob("receipt-*.html"))
    assert len(receipts) == 5
    assert all("<h1" in receipt.read_text(encoding="utf-8") for receipt in receipts)
    assert all(any(line.endswith(receipt.name) for line in first[-30:]) for receipt in receipts), "it says where"
    second = demo(tmp_path).splitlines()
    assert not any(line.startswith(("Certificate", "importing", *acts)) for line in second)
    assert second[-30:] == first[-30:]
    assert sum(line.endswith("imported by an earlier run") for line in second) > 2
