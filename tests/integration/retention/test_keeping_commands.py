"""Keeping longer, reviewing and explaining, as an operator types it: each says what came of it, in lines that fit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from click.testing import CliRunner, Result

from muniment.cli import main
from muniment.keys import KeyRing
from muniment.settings import Settings
from tests.integration.retention.kit import RETENTION, House

Run = Callable[..., Result]


@pytest.fixture
def run(house: House, settings: Settings, keys: KeyRing, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command over the council's database, with a case that is due and to be reviewed every year."""
    keys.save(settings.keys_file)
    monkeypatch.setenv("MUNIMENT_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", settings.database_url or "")
    monkeypatch.setenv("MUNIMENT_TODAY", "2026-11-20")
    case, *others = RETENTION["rule"]
    clause = {"id": "closed", "keep": "20 years", "from": {"event": "case-closed"}, "review": {"every": "1 year"}}
    house.adopt({**RETENTION, "rule": [{**case, "clause": [clause]}, *others]})
    house.file("case", milestones={"case-closed": date(2020, 1, 1)})
    house.flush()
    return lambda *arguments: CliRunner().invoke(main, ["retention", *arguments])


def said(run: Run, *arguments: Any) -> str:
    answer = run(*map(str, arguments))
    assert answer.exit_code == 0, answer.stderr
    assert all(len(line) <= 80 for line in answer.stdout.splitlines())
    return " ".join(answer.stdout.split())


def test_an_extension_is_placed_explained_and_withdrawn(run: Run, house: House) -> None:
    [(file_id, record_id)] = house.all("select file_id, id from record")
    reason = ("--reason", "an appeal")
    told = said(run, "extend", "alpha", file_id, "--until", "2045-01-31", *reason, "--by", "team manager")
    extension = house.scalar("select id from extension")
    assert str(extension) in told
    explained = said(run, "explain", "alpha", record_id)
    assert "It is kept until the end of 31 January 2045. By the rule alone it would be 1 January 2040." in explained
    assert "authorised by: team manager" in explained
    assert "Next review: 2021-01-01" in explained
    person = said(run, "explain", "alpha", record_id, "--for-person")
    assert person.startswith("We hold this about you: Cases.")
    assert "We keep it until the end of 31 January 2045. After that it is destroyed." in person
    said(run, "withdraw", "alpha", extension, *reason, "--by", "records manager")
    assert house.scalar("select end_reason from extension") == "an appeal (decided by the records manager)"
    assert house.scalar("select due_on from record") == date(2040, 1, 1)


def test_a_name_is_no_role_and_another_councils_file_is_unknown(run: Run) -> None:
    stranger = "01890a5d-ac96-774b-bcce-b302099a8057"
    wanted = ("extend", "alpha", stranger, "--until", "2045-01-31", "--reason", "an appeal", "--by")
    assert run(*wanted, "someone@council.example").exit_code != 0
    refused = run(*wanted, "team manager")
    assert refused.exit_code != 0
    assert "There is no such client file." in refused.stderr


def test_reviews_are_listed_and_noted(run: Run, house: House) -> None:
    record_id = house.scalar("select id from record")
    assert f"{record_id} advice/case: since 2021-01-01" in said(run, "reviews", "alpha")
    assert "The next review is on 2027-11-20." in said(run, "reviewed", "alpha", record_id, "--by", "records manager")
    assert said(run, "reviews", "alpha") == "No review is due."
