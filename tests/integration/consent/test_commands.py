"""`muniment consent`, as an operator types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from muniment.cli import main
from muniment.cli.context import Context
from muniment.notices.words import Words
from tests.integration.consent.kit import House
from tests.server import TestServer
from tests.unit.notices.made import words

Run = Callable[..., Result]


@pytest.fixture
def run(
    house: House, server: TestServer, shared_database_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Run a command over the module's database."""
    house.keys.save(tmp_path / "keys.toml")
    monkeypatch.setenv("MUNIMENT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", server.url_of("muniment_application", shared_database_name))
    monkeypatch.setenv("MUNIMENT_TODAY", "2026-11-20")
    monkeypatch.setattr(Context, "plugins", house.plugins)
    monkeypatch.setattr(Words, "of", lambda _plugins: words())

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(main, ["consent", *map(str, arguments)])

    return invoke


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def test_from_asking_to_what_is_left_on_nothing(run: Run, house: House, tmp_path: Path) -> None:
    file_id = house.register({"personal.story": ("stories",), "personal.note": ("support",)})
    scan = tmp_path / "signed.pdf"
    scan.write_bytes(b"generated")
    told: Any = json.loads(
        run(
            "give", "alpha", file_id, "stories", "--answer", "given", "--language", "en", "--version", house.version,
            "--channel", "in-person", "--how", "signed", "--evidence", scan, "--json",
        ).stdout
    )  # fmt: skip
    assert "given, for The Generated Gazette, until 2027-11-20" in done(run("show", "alpha", file_id))
    page = tmp_path / "receipt.html"
    assert "Receipt for your consent" in done(run("receipt", "alpha", told["id"], "--page", page))
    assert "I agree that the council tells my story." in page.read_text()
    assert "Nothing is held without a basis." in done(run("unfounded", "alpha"))
    withdrawn = done(run("withdraw", "alpha", file_id, "stories", "--channel", "telephone"))
    assert withdrawn.startswith("Withdrawn. The council’s policy does not say")
    assert "It is held on nothing." in done(run("show", "alpha", file_id))
    assert "advice/case: personal.story" in done(run("unfounded", "alpha"))
    assert "Taken away from 1 of 1 records." in done(run("unfounded", "alpha", "--take-away"))
    assert "personal.story" not in done(run("show", "alpha", file_id))
    assert done(run("to-ask-again", "alpha")) == "Nothing is to be asked again."


def test_a_mistake_is_one_line_and_not_a_traceback(run: Run, house: House) -> None:
    file_id = house.register()
    asked = ("give", "alpha", file_id, "vacancies", "--answer", "given", "--language", "en", "--channel", "post",
             "--how", "signed", "--version", house.version)  # fmt: skip
    refused = run(*asked)
    assert refused.exit_code == 1
    assert "Name the body" in refused.stderr
    assert run(*asked, "--recipient", "employers/Made-up Bakery").exit_code == 0
    assert "never asked" in run("withdraw", "alpha", file_id, "stories", "--channel", "post").stderr
    assert run("give", "alpha", file_id, "stories").exit_code == 2
