"""What is published works by itself: the wheels over the locked requirements, in an empty environment."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def run(*command: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MUNIMENT_", "PYTHON"))}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_wheels_over_the_locked_requirements_find_both_councils(tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    run("make", "wheels", f"BIN={Path(sys.executable).parent}", f"INTO={dist}", cwd=ROOT)
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    pip = (
        environment / "bin" / "python",
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
        "--no-compile",
    )
    run(*pip, "--require-hashes", "-r", ROOT / "requirements" / "runtime.txt", cwd=tmp_path)
    run(*pip, "--no-deps", *sorted(dist.glob("*.whl")), cwd=tmp_path)

    muniment = environment / "bin" / "muniment"
    listed = run(muniment, "plugin", "list", cwd=tmp_path)
    assert "milton-keynes" in listed
    assert "sefton" in listed
    for council in ("milton-keynes", "sefton"):
        notice = run(muniment, "notice", "render", council, "--format", "text", cwd=tmp_path)
        assert "complain" in notice
    run(environment / "bin" / "python", "-m", "pip", "check", cwd=tmp_path)
