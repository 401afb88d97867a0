"""`muniment retention` as an operator types it: whose decision it is, and lines that a terminal can show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from io import StringIO

import pytest
from click.testing import CliRunner, Result

from muniment.api.errors import SettingsError
from muniment.cli import main
from muniment.cli.context import fitted
from muniment.keys import KeyRing
from muniment.settings import Settings
from tests.integration.retention.kit import House, hold

Run = Callable[..., Result]


@pytest.fixture
def run(house: House, settings: Settings, keys: KeyRing, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command over the council's database, with a case and a letter that are due."""
    keys.save(settings.keys_file)
    monkeypatch.setenv("MUNIMENT_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", settings.database_url or "")
    monkeypatch.setenv("MUNIMENT_TODAY", "2026-11-20")
    house.adopt()
    house.file("case", milestones={"case-closed": date(2020, 1, 1)})
    house.file("letter", medium="paper")
    house.flush()
    return lambda *arguments: CliRunner().invoke(main, ["retention", *arguments])


def test_evidence_says_whose_decision_a_command_carried_out(run: Run, house: House) -> None:
    armed = run("arm", "alpha", "--class", "advice/case", "--by", "records manager")
    assert armed.exit_code == 0, armed.stderr
    assert house.scalar("select armed_kind || armed_role from arming") == "commandrecords manager"
    house.arm("letter")
    house.sweep()
    kinds = house.all("select record_class, armed_kind from certificate order by record_class")
    assert [tuple(row) for row in kinds] == [("advice/case", "command (records manager)"), ("advice/letter", "command")]
    letter = house.scalar("select id from record")
    confirmed = run("confirm", "alpha", str(letter), "--destroyed-on", "2026-11-20", "--method", "shredded")
    assert confirmed.exit_code == 0, confirmed.stderr
    assert house.scalar("select confirmed_kind from confirmation") == "command (operator)"


def test_a_hold_says_who_placed_and_who_ended_it(run: Run, house: House) -> None:
    placed = hold(house, "class", "advice/case")
    ended = run("release", "alpha", str(placed.id), "--reason", "Settled", "--by", "head of legal services")
    assert ended.exit_code == 0, ended.stderr
    assert house.scalar("select release_reason from hold") == "Settled (decided by the head of legal services)"
    told = run("hold", "alpha", "--scope", "class", "--target", "advice/case", "--ground", "a claim", "--by", "auditor",
               "--review-on", "2027-01-01")  # fmt: skip
    assert told.exit_code == 0, told.stderr
    assert house.scalar("select authoriser from hold where released_at is null") == "auditor"


@pytest.mark.parametrize("role", ["", "somebody@example.org", "long " * 21])
def test_a_role_is_a_role(run: Run, role: str) -> None:
    told = run("arm", "alpha", "--all", "--by", role)
    assert told.exit_code == SettingsError.exit_code
    assert "not a name" in told.stderr


def test_lines_fit_a_terminal_and_a_certificate_begins_one(run: Run, house: House) -> None:
    house.arm("case", "letter")
    house.sweep()
    swept = run("certificates", "alpha")
    previewed = run("preview", "alpha")
    for told in (swept, previewed):
        assert told.exit_code == 0, told.stderr
        assert max(map(len, told.stdout.splitlines())) <= 80
    assert [line for line in swept.stdout.splitlines() if "Certificate" in line] == [
        line for line in swept.stdout.splitlines() if line.startswith("Certificate")
    ]
    assert swept.stdout.count("Certificate ") == 2
    assert max(map(len, run("certificates", "alpha", "--json").stdout.splitlines())) > 80  # JSON is never broken


def test_long_lines_are_broken_between_words_and_go_on_further_in() -> None:
    words = "  " + "word " * 30
    broken = fitted(words, StringIO()).split("\n")
    assert broken[0].startswith("  word")
    assert all(line.startswith("    word") for line in broken[1:])
    assert " ".join(" ".join(broken).split()) == words.strip()
    unbreakable = "x" * 200
    assert fitted(f"{unbreakable}\nshort", StringIO()) == f"{unbreakable}\nshort"
