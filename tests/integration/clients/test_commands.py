"""`muniment client import | limit | decide | lift`, as an operator types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from muniment.cli import main
from muniment.cli.context import Context
from muniment.keys import KeyRing
from muniment.settings import Settings
from tests.integration.clients.kit import House, csv_of, row

Run = Callable[..., Result]


@pytest.fixture
def command(house: House, settings: Settings, keys: KeyRing, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command over the test's database; the answer has `exit_code`, `stdout`, `stderr`."""
    keys.save(settings.keys_file)
    monkeypatch.setenv("MUNIMENT_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", settings.database_url or "")
    monkeypatch.setenv("MUNIMENT_TODAY", "2026-11-20")
    monkeypatch.setattr(Context, "plugins", house.plugins)
    return lambda *arguments: CliRunner().invoke(main, ["client", *arguments])


@pytest.fixture
def run(command: Run) -> Run:
    """Run an import."""
    return lambda *arguments: command("import", *arguments, "--generated")


def test_an_import_prints_what_it_came_to(run: Run, house: House, tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    file.write_bytes(csv_of([row(1), row(2, NI="bad"), row(3)]))
    dry = run("alpha", "export", str(file), "--service", "advice", "--dry-run")
    assert dry.exit_code == 0, dry.stderr
    would = "would import export into advice: 2 new, 0 updated, 0 unchanged, 0 suppressed, 1 rejected"
    assert " ".join(dry.stdout.split()).startswith(would)
    done = run("alpha", "export", str(file), "--service", "advice", "--json")
    assert done.exit_code == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["new"], summary["rejected"]) == (2, 1)
    assert summary["rejects"] == [{"line": 3, "column": "NI", "code": "not-an-ni-number"}]
    again = run("alpha", "export", str(file), "--service", "advice")
    assert "0 new, 0 updated, 2 unchanged" in " ".join(again.stdout.split())
    assert "line 3, column NI: not-an-ni-number" in again.stdout
    assert house.scalar("select count(*) from client_file") == 2


@pytest.mark.parametrize(
    ("arguments", "content", "says"),
    [
        (("alpha", "export"), b"", "several services declare"),
        (("alpha", "nothing", "--service", "advice"), b"", "declares no import format"),
        (("alpha", "export", "--service", "gardening"), b"", "There is no such service; there are: advice"),
        (("gamma", "export"), b"", "no council of that name"),
        (("alpha", "export", "--service", "advice"), b"", "The file is empty"),
        (("alpha", "export", "--service", "advice"), b"Ref,Canary\n", "line 1: column 2"),
    ],
)
def test_bad_input_is_one_line_and_a_status(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], content: bytes, says: str
) -> None:
    file = tmp_path / "export.csv"
    file.write_bytes(content)
    council, source, *options = arguments
    refused = run(council, source, str(file), *options)
    assert refused.exit_code != 0
    assert says in refused.stderr
    assert "Traceback" not in refused.output
    assert "Canary" not in refused.output


def test_restricting_by_command(command: Run, house: House) -> None:
    file = str(house.register())
    placed = command("limit", "alpha", file, "--ground", "21.1", "--purpose", "support", "--by", "team manager")
    assert placed.exit_code == 0, placed.stderr
    limit = placed.stdout.split()[0]
    listed = json.loads(command("limits", "alpha", file, "--json").stdout)
    assert [(entry["id"], entry["state"], entry["purposes"]) for entry in listed] == [(limit, "pending", ["support"])]
    told = ("--told-on", "2026-11-20")
    refused = command("decide", "alpha", limit, "overridden", *told, "--reason", "a court asks")
    assert refused.exit_code != 0
    assert "compelling-grounds, legal-claims" in refused.stderr
    assert command("decide", "alpha", limit, "upheld", *told).exit_code == 0
    assert "upheld" in command("limits", "alpha", file).stdout
    assert command("lift", "alpha", limit, *told, "--reason", "taken back").exit_code == 0
    assert command("lift", "alpha", limit, *told, "--reason", "taken back").exit_code != 0
    assert command("limit", "alpha", file, "--ground", "18.1.z").exit_code == 2
