"""The command line's own ways: one line for every failure, JSON, help that fits; keys, database, log by command."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID, uuid4

import click
import pytest
from click.testing import CliRunner, Result

from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.cli import main
from muniment.database.session import Database
from muniment.keys import KeyRing
from muniment.settings import Settings


@pytest.fixture
def environ(settings: Settings, keys: KeyRing) -> dict[str, str]:
    keys.save(settings.keys_file)
    return {
        "MUNIMENT_DATA_DIR": str(settings.data_dir),
        "MUNIMENT_DATABASE_URL": settings.database_url or "",
        "MUNIMENT_OWNER_DATABASE_URL": settings.owner_database_url or "",
        "MUNIMENT_TODAY": "2026-11-20",
    }


def run(environ: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env=environ)


def every_command(group: click.Command = main, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    below = group.commands.items() if isinstance(group, click.Group) else ()
    return [path, *(each for name, command in below for each in every_command(command, (*path, name)))]


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_help_fits_a_terminal(path: tuple[str, ...]) -> None:
    result = run({}, *path, "--help")
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["nonsense"], 2),
        (["keys", "rotate", "nonsense"], 2),
        (["audit", "verify", "nowhere"], 1),
        (["audit", "verify", "--head", "x", "alpha"], 1),
        (["audit", "verify", "--head", "1:00"], 1),
        (["keys", "new"], 2),
        (["worker"], 2),
        (["schedule"], 2),
        (["db", "stop"], 2),
    ],
)
def test_bad_input_is_one_line(environ: dict[str, str], arguments: list[str], status: int) -> None:
    result = run(environ, *arguments)
    assert result.exit_code == status
    assert result.stderr.startswith("muniment: ")
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_a_bad_setting_is_one_line(environ: dict[str, str]) -> None:
    result = run(environ | {"MUNIMENT_PORT": "s3cret"}, "audit", "verify")
    assert (result.exit_code, result.stderr) == (2, "muniment: MUNIMENT_PORT must be a whole number.\n")


def test_what_nobody_foresaw_is_an_incident(
    environ: dict[str, str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise LookupError("Generated-Person")

    monkeypatch.setattr(KeyRing, "open", fail)
    result = run(environ, "keys", "rotate", "audit-signing")
    assert result.exit_code == 70
    assert len(result.stderr.splitlines()) == 1
    line = json.loads((settings.data_dir / "muniment.log").read_text())
    assert line["incident"] in result.stderr
    assert line["error"] == "builtins.LookupError"
    assert "Generated-Person" not in json.dumps(line) + result.stderr


def test_sealing_and_verifying_by_command(
    environ: dict[str, str], database: Database, councils: tuple[UUID, UUID]
) -> None:
    with database.council(councils[0]) as session:
        record(session, AuditEvent.FILE_READ, uuid4())
    assert json.loads(run(environ, "audit", "seal", "--json").stdout) == {"alpha": 1, "beta": 0}
    first = run(environ, "audit", "verify", "alpha", "--json")
    report = json.loads(first.stdout)["councils"]["alpha"]
    assert (first.exit_code, report["sound"], report["leaves"]) == (0, True, 1)
    assert run(environ, "audit", "verify", "alpha", "--head", report["head"]).exit_code == 0
    cut = run(environ, "audit", "verify", "beta", "--head", report["head"])
    assert (cut.exit_code, cut.stderr) == (1, "muniment: the audit log of beta is not sound\n")
    assert "NOT SOUND" in cut.stdout


def test_rotating_by_command(environ: dict[str, str], settings: Settings, keys: KeyRing) -> None:
    result = run(environ, "keys", "rotate", "audit-signing", "--json")
    assert json.loads(result.stdout) == {"purpose": "audit-signing", "version": 2}
    assert KeyRing.open(settings.keys_file).verify(b"m", keys.sign(b"m"))


def test_upgrading_by_command_again_changes_nothing(environ: dict[str, str]) -> None:
    report = json.loads(run(environ, "db", "upgrade", "--json").stdout)
    assert report["before"] == report["after"]


def test_bytes_that_are_not_utf_8_are_refused_before_anything_is_done(environ: dict[str, str]) -> None:
    result = run(environ, "staff", "add", "alpha", "--email", "a@b.example", "--name", "x\udcff", "--role", "adviser")
    assert (result.exit_code, result.stderr) == (2, "muniment: Argument 7 is not UTF-8 text.\n")


def test_a_folder_that_is_a_file_is_named(environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    result = run(environ, "policy", "schema", "--output", f"{file}/below")
    assert (result.exit_code, result.stderr) == (74, f"muniment: {file}/below: not a directory\n")
    result = run(environ | {"MUNIMENT_KEYS_FILE": f"{file}/below/keys.toml"}, "keys", "new")
    assert result.exit_code == 2
    assert f"cannot be written to {file}/below/keys.toml (Not a directory)" in result.stderr
    assert file.read_bytes() == b""


def test_a_port_that_is_no_number_is_no_address(environ: dict[str, str]) -> None:
    result = run(environ | {"MUNIMENT_DATABASE_URL": "postgresql://role:s3cret@host:port/db"}, "council", "list")
    assert result.exit_code == 2
    assert "not a URL" in result.stderr
    assert "s3cret" not in result.stderr


def test_the_demonstration_does_not_run_without_its_decisions(environ: dict[str, str], tmp_path: Path) -> None:
    result = run(environ, "demo", "--once", "--decisions", str(tmp_path / "nowhere"))
    assert result.exit_code == 1
    assert "--decisions" in result.stderr
    assert not Path(environ["MUNIMENT_DATA_DIR"], "demo").exists()
