"""The systemd units of deploy/, read: their commands and settings as a host would run them."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from pathlib import Path

DEPLOY = Path(__file__).parents[3] / "deploy"
UNITS = DEPLOY / "systemd"
PROGRAM = "/opt/muniment/bin/muniment"
INSTANCE, CREDENTIALS = "%i", "%d"


def directives(path: Path) -> dict[str, list[str]]:
    """What a unit says, by directive; each may be given several times."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        if re.match(r"[A-Z]\w*=", line):
            name, _, value = line.partition("=")
            found[name].append(value)
    return found


def command(name: str, instance: str = "") -> list[str]:
    """The words after the program in a unit's ExecStart."""
    (line,) = directives(UNITS / name)["ExecStart"]
    program, *words = shlex.split(line.replace(INSTANCE, instance))
    assert program == PROGRAM, f"{name} runs {program}"
    return words


def environment_file() -> dict[str, str]:
    """The settings of `muniment.env`."""
    lines = (UNITS / "muniment.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
