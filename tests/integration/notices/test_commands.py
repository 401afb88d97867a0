"""`muniment notice`, as an operator types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from muniment.cli import main
from muniment.notices.document import Document
from muniment.settings import Settings
from tests.integration.notices.conftest import Publisher

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    return lambda *arguments: CliRunner().invoke(main, ["notice", *arguments])


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for data in which there is no database."""
    monkeypatch.setenv("MUNIMENT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("MUNIMENT_DATABASE_URL", raising=False)
    return tmp_path / "data"


@pytest.fixture
def deployed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's database as the commands' own."""
    monkeypatch.setenv("MUNIMENT_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", settings.database_url or "")
    monkeypatch.setenv("MUNIMENT_TODAY", "2026-11-20")


@pytest.mark.parametrize("council", ["milton-keynes", "sefton"])
def test_a_declared_notice_is_printed_without_any_database(run: Run, nowhere: Path, council: str) -> None:
    text = run("render", council)
    assert text.exit_code == 0
    assert "as declared" in text.stderr
    assert "How long we keep it" in text.stdout
    assert not (nowhere / "postgres").exists()
    html = run("render", council, "--format", "html").stdout
    assert html.startswith("<!DOCTYPE html>")
    document = msgspec.json.decode(run("render", council, "--format", "json").stdout, type=Document)
    assert document.council == council
    assert document.number is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["render", "nowhere"], "Installed: milton-keynes, sefton"),
        (["render", "sefton", "--service", "roads"], "there are: sefton-at-work"),
        (["render", "sefton", "--language", "cy"], "it has: en"),
        (["render", "sefton", "--format", "pdf"], "pdf"),
        (["render"], "COUNCIL"),
        (["publish", "sefton", "--by", "somebody"], "--by and --ground together"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(run: Run, nowhere: Path, arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert result.stdout == ""
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_the_adopted_policy_is_rendered_where_there_is_one(run: Run, deployed: None, sefton: Publisher) -> None:
    result = run("render", "sefton")
    assert result.exit_code == 0, result.stderr
    assert "which the council has adopted" in result.stderr
    declared = run("render", "milton-keynes")
    assert "as declared" in declared.stderr


def test_a_notice_is_checked_compared_and_published(run: Run, deployed: None, sefton: Publisher) -> None:
    findings = json.loads(run("check", "sefton", "--json").stdout)
    assert {(found["id"], found["statement"]) for found in findings} == {
        ("notice.added-by-law", "complaints.complain-to-controller")
    }
    before = run("diff", "sefton").stdout
    assert "against nothing published" in before
    assert "added retention.client-record" in before
    refused = run("publish", "sefton")
    assert refused.exit_code == 1
    assert "on what ground" in refused.stderr
    approval = ["--by", "information asset owner", "--ground", "The law asks for it (generated)"]
    published = run("publish", "sefton", *approval)
    assert published.stdout.startswith("Published sefton-at-work/privacy version 1 (en)")
    assert run("publish", "sefton", *approval).stdout.startswith("Unchanged sefton-at-work/privacy version 1 (en)")
    assert run("diff", "sefton").stdout == "sefton-at-work/privacy, against version 1: 0 statements differ\n"
    assert json.loads(run("diff", "sefton", "--json").stdout) == {"sefton-at-work/privacy": []}
