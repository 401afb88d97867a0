"""The main job over what is driven from outside: commands, a served process, and a browser.

From nothing to an answer that an adviser reads: a database, a policy with the council's decisions, an import, an armed
rule, a sweep with its certificates, a published notice, and on the console why a client's record is kept until when.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from muniment.cli.demonstration.population import Life, lives, write_csv
from muniment.plugins.manager import load_plugins
from muniment.policy.compile import compile_policy
from muniment.web.wording import day
from tests.benchmarks.load import free_port, wait_for

CHROMIUM = Path("/usr/bin/chromium")
OPTIONS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PROGRAM = Path(sys.executable).with_name("muniment")
DECISIONS = Path(__file__).parents[2] / "deploy" / "demo" / "decisions"
COUNCIL, SERVICE, FORMAT = "milton-keynes", "employment-support", "case-management"
EMAIL = "manager@council.example"
TODAY, PEOPLE = date(2026, 11, 20), 40
SECONDS = 120


@dataclass(frozen=True)
class Operator:
    """Somebody at a shell of the host."""

    environment: dict[str, str]

    def run(self, *arguments: str) -> str:
        """What a command printed; it must succeed."""
        done = self._run(arguments)
        assert done.returncode == 0, f"muniment {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def told(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json"))

    def refused(self, *arguments: str) -> str:
        """The one line of a command that must fail."""
        done = self._run(arguments)
        assert done.returncode not in {0, 70}
        assert len(done.stderr.splitlines()) == 1
        return done.stderr

    def _run(self, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        command = [str(PROGRAM), *arguments]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )

    @contextmanager
    def serving(self) -> Iterator[str]:
        """`muniment serve` on loopback: where it answers."""
        port = free_port()
        environment = self.environment | {"MUNIMENT_PORT": str(port)}
        process = subprocess.Popen([str(PROGRAM), "serve"], env=environment, stderr=subprocess.DEVNULL)
        try:
            wait_for(port, "/health/live")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


@pytest.fixture
def operator(passable_folder: Path) -> Iterator[Operator]:
    """An empty folder, and the embedded server that the first command starts there."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MUNIMENT_")}
    operator = Operator(environment | {"MUNIMENT_DATA_DIR": str(passable_folder), "MUNIMENT_TODAY": TODAY.isoformat()})
    yield operator
    operator.run("db", "remove", "--yes")


@contextmanager
def browser(base: str) -> Iterator[Page]:
    """A page of a real browser."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=OPTIONS)
        yield started.new_page(base_url=base)
        started.close()


def people() -> list[Life]:
    """Generated people with ten years of history."""
    return list(lives(PEOPLE, today=TODAY, seed="journey"))


def exported(file: Path) -> str:
    """Where an export of the council's case management with these people lies."""
    policy = compile_policy(load_plugins().facade(COUNCIL), (), TODAY).sound().services[SERVICE]
    source = next(entry for entry in policy.clients.imports if entry.id == FORMAT)
    write_csv(file, source, policy, people(), seed="journey")
    return str(file)


@pytest.mark.slow
def test_from_nothing_to_why_a_record_is_kept(operator: Operator, tmp_path: Path) -> None:
    operator.run("keys", "new")
    operator.run("db", "upgrade")
    assert "GAP" in operator.run("policy", "check", COUNCIL).upper()
    operator.run("policy", "decide", COUNCIL, "--file", str(DECISIONS / f"{COUNCIL}.toml"))
    operator.run("policy", "adopt", COUNCIL, "--by", "information asset owner")

    export = exported(tmp_path / "people.csv")
    imported = operator.told("client", "import", COUNCIL, FORMAT, export, "--history", "--generated")
    assert (imported["new"], imported["rejected"]) == (PEOPLE, 0)

    preview = operator.told("retention", "preview", COUNCIL)
    due = sum(seen["due"] for seen in preview)
    assert due > 0
    operator.run("retention", "arm", COUNCIL, "--all")
    swept = operator.run("retention", "sweep", COUNCIL)
    certificates = [line for line in swept.splitlines() if line.startswith("Certificate")]
    assert certificates, swept
    assert f"{due} disposed of" in swept
    assert "0 disposed of" in operator.run("retention", "sweep", COUNCIL)

    again = operator.told("client", "import", COUNCIL, FORMAT, export, "--history", "--generated")
    assert (again["new"], again["unchanged"]) == (0, PEOPLE - again["suppressed"])
    assert again["suppressed"] > 0

    assert "law" in operator.refused("notice", "publish", COUNCIL)
    operator.run("notice", "publish", COUNCIL, "--by", "information asset owner", "--ground", "The law asks for it.")
    operator.run("audit", "verify", COUNCIL)

    added = operator.told("staff", "add", COUNCIL, "--email", EMAIL, "--role", "manager", "--generate-password")
    with operator.serving() as base, browser(base) as page:
        _find_a_client(page, added["password"], tmp_path)


def _find_a_client(page: Page, password: str, shots: Path) -> None:
    """As an adviser does it, going by what the pages say; `shots` keeps what they looked like."""
    page.goto(f"/{COUNCIL}/privacy/{SERVICE}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.screenshot(path=shots / "notice.png", full_page=True)
    page.goto(f"/{COUNCIL}/console")
    page.screenshot(path=shots / "sign-in.png", full_page=True)
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_title(re.compile("Console"))
    page.screenshot(path=shots / "console.png", full_page=True)

    client = next(life for life in people() if life.closed_on is not None and life.closed_on.year == TODAY.year - 1)
    page.get_by_label("Reference").fill(f"GEN-{client.number:06d}")
    page.get_by_role("button", name="Find").click()
    page.screenshot(path=shots / "found.png", full_page=True)
    page.get_by_role("link", name=f"{client.given} {client.family}").click()
    assert client.closed_on is not None
    last_day = client.closed_on.replace(year=client.closed_on.year + 3)
    expect(page.get_by_text(f"Kept until {day(last_day)}, inclusive.")).to_be_visible()
    page.get_by_text("Why is this kept until then?").click()
    expect(page.get_by_text(re.compile("case was closed|closing of the case|closed"))).not_to_have_count(0)
    page.screenshot(path=shots / "file.png", full_page=True)
