"""What deploy/ says exists: commands, settings, queues, ports, paths, roles and secrets are the program's own.

There is no container engine here, so nothing is built; what the files name is held against the code instead, and
`tests/journeys/deploy` runs the units' commands.
"""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from muniment.cli import main
from muniment.clients.uploads import LARGEST
from muniment.database.roles import APPLICATION, BACKUP, OWNER
from muniment.settings import PREFIX, SECRETS, Settings
from muniment.web.health import health_routes
from muniment.wiring import actors
from tests.contracts.deploy.units import DEPLOY, UNITS, command, directives, environment_file

ROOT = DEPLOY.parent
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "muniment"}
CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
SCRIPTS = sorted(path for path in DEPLOY.rglob("*.sh"))
QUEUES = sorted({actor.queue for actor in actors()})
HEALTH = {path for route in health_routes([]) for path in route.paths}
SERVICE_UNITS = sorted(path.name for path in UNITS.glob("*.service"))


def image_environment() -> dict[str, str]:
    return dict(re.findall(r"(MUNIMENT_\w+)=(\S+)", CONTAINERFILE))


def taken(words: list[str]) -> None:
    """Have the program parse a command line without doing it."""
    group: click.Command = main
    context = click.Context(main, info_name="muniment")
    words = list(words)
    while isinstance(group, click.Group):
        group = group.commands[words.pop(0)]
        context = click.Context(group, info_name=group.name, parent=context)
    group.parse_args(context, words)


def queues_of(words: list[str]) -> list[str]:
    return [words[at + 1] for at, word in enumerate(words) if word == "--queue"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_service_of_ours_runs_a_command_there_is(name: str) -> None:
    taken(OURS[name]["command"])


@pytest.mark.parametrize("name", [name for name in SERVICE_UNITS if "backup" not in name])
def test_each_unit_runs_a_command_there_is(name: str) -> None:
    taken(command(name, instance=QUEUES[0]))


def test_every_kind_of_work_has_a_worker() -> None:
    assert sorted(queue for service in OURS.values() for queue in queues_of(service["command"])) == QUEUES
    runbook = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    enabled = re.search(r"systemctl enable --now (.*muniment-worker@.*)", runbook)
    assert enabled is not None
    assert sorted(re.findall(r"muniment-worker@(\w+)", enabled[1])) == QUEUES


def given_settings() -> dict[str, dict[str, str]]:
    """Every set of settings that a process of ours is given, by where."""
    found = {name: {**image_environment(), **service["environment"]} for name, service in OURS.items()}
    for unit in SERVICE_UNITS:
        own = dict(entry.split("=", 1) for entry in directives(UNITS / unit)["Environment"])
        if "backup" not in unit:
            found[unit] = {**environment_file(), **own}
    return found


@pytest.mark.parametrize("where", sorted(given_settings()))
def test_settings_are_ones_that_the_program_takes(where: str, tmp_path: Path) -> None:
    given = given_settings()[where]
    url = tmp_path / "url"
    url.write_text("postgresql://somebody@host/muniment")
    for name in given:
        if name.removeprefix(PREFIX).removesuffix("_FILE") in SECRETS:
            assert name.endswith("_FILE") or "@" not in given[name], f"{name} holds a password"
            given[name] = str(url) if name.endswith("_FILE") else given[name]
    settings = Settings.from_environment(given)
    assert settings.database_url is not None
    assert settings.redis_url is not None, "more than one process needs Redis"
    places = [settings.keys_file.parent, settings.ledger_dir, settings.files_dir]
    assert len({*places}) == len(places)
    assert (settings.owner_database_url is not None) == (where == "upgrade"), "the owner's password is one service's"


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_a_service_of_ours_writes_is_a_volume_and_nothing_else_can_be_written(name: str) -> None:
    service = OURS[name]
    mounted = {volume.split(":")[1] for volume in service["volumes"]}
    settings = image_environment()
    for setting in ("DATA_DIR", "LEDGER_DIR", "FILES_DIR"):
        assert settings[PREFIX + setting] in mounted
    assert str(Path(settings[PREFIX + "KEYS_FILE"]).parent) in mounted
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "ports" not in service, "the proxy alone is reached from outside"


def test_a_backup_can_hold_neither_the_ledger_nor_the_keys() -> None:
    mounted = " ".join(SERVICES["backup"]["volumes"])
    for volume in ("ledger", "keys", "files"):
        assert volume not in mounted
    assert SERVICES["backup"]["secrets"] == ["backup_url"]
    (hidden,) = directives(UNITS / "muniment-backup.service")["InaccessiblePaths"]
    for setting in ("LEDGER_DIR", "KEYS_FILE", "FILES_DIR"):
        assert Path(environment_file()[PREFIX + setting]).is_relative_to(hidden.removeprefix("-"))


def test_what_is_mounted_attached_and_promised_is_there() -> None:
    used = [source for service in SERVICES.values() for source in service.get("volumes", ())]
    for source in (volume.split(":")[0] for volume in used):
        if source.startswith("."):
            assert (DEPLOY / source).is_file(), source
        else:
            assert source in COMPOSE["volumes"]
    assert {name for service in SERVICES.values() for name in service["networks"]} == set(COMPOSE["networks"])
    assert {name for service in SERVICES.values() for name in service.get("secrets", ())} == set(COMPOSE["secrets"])
    assert SERVICES["backup"]["image"] == SERVICES["postgres"]["image"], "pg_dump is of the server's version"


def test_secrets_are_made_once_and_are_the_roles(tmp_path: Path) -> None:
    script = [str(DEPLOY / "secrets.sh"), str(tmp_path / "secrets")]
    subprocess.run(script, check=True, capture_output=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert set(made) == set(COMPOSE["secrets"])
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert len({made[name] for name in made if name.endswith("_password")}) == 4
    for role in (OWNER, APPLICATION, BACKUP):
        short = role.removeprefix("muniment_")
        password = made[f"{short}_password"]
        assert re.fullmatch("[0-9a-f]{64}", password)
        assert made[f"{short}_url"] == f"postgresql://{role}:{password}@postgres/muniment\n"
    subprocess.run(script, check=True, capture_output=True)
    assert made == {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}


def test_the_image_holds_no_secret_and_does_not_run_as_root() -> None:
    assert re.search(r"^USER \d{4,}$", CONTAINERFILE, re.MULTILINE)
    assert not re.search(r"(?i)^(ENV|ARG).*(password|secret|_url)", CONTAINERFILE, re.MULTILINE)
    assert re.findall(r"^FROM (\S+)", CONTAINERFILE, re.MULTILINE) == ["python:3.11-slim-bookworm"] * 2
    for copied in re.findall(r"^COPY (?!--from)(\S+) ", CONTAINERFILE, re.MULTILINE):
        assert (ROOT / copied).exists(), copied
        assert f"!{copied}" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert not any(re.search(r":latest$|^[^:]+$", service["image"]) for service in SERVICES.values()
                   if service["image"] != "muniment")  # fmt: skip


def test_ports_sizes_and_health_are_the_programs() -> None:
    port = image_environment()["MUNIMENT_PORT"]
    caddy, nginx = ((DEPLOY / "proxy" / name).read_text(encoding="utf-8") for name in ("Caddyfile", "nginx.conf"))
    assert f"reverse_proxy web:{port}" in caddy
    assert f"server 127.0.0.1:{environment_file()['MUNIMENT_PORT']};" in nginx
    assert f"EXPOSE {port}" in CONTAINERFILE
    assert set(re.findall(r"/health/\w+", caddy + nginx + CONTAINERFILE)) <= HEALTH
    assert f"127.0.0.1:{port}/health/live" in CONTAINERFILE
    assert f"max_size {LARGEST >> 20}MiB" in caddy
    assert f"client_max_body_size {LARGEST >> 20}m;" in nginx
    for proxy in (caddy, nginx):
        assert "/metrics" in proxy


@pytest.mark.parametrize("name", SERVICE_UNITS)
def test_units_are_hardened_and_their_credentials_are_used(name: str) -> None:
    unit = directives(UNITS / name)
    for directive, value in (
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("PrivateTmp", "yes"),
        ("CapabilityBoundingSet", ""),
        ("UMask", "0077"),
    ):
        assert unit[directive] == [value]
    assert unit["User"][0].startswith("muniment")
    loaded = {entry.split(":")[0] for entry in unit["LoadCredential"]}
    assert {word.partition("%d/")[2] for word in unit["Environment"] if "%d/" in word} == loaded


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="apt-get install systemd")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for path in UNITS.glob("muniment-*"):
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        (tmp_path / path.name).write_text(text)
    units = [str(path) for path in sorted(tmp_path.iterdir())]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_sound(script: Path) -> None:
    assert script.stat().st_mode & 0o111
    assert "set -euo pipefail" in script.read_text(encoding="utf-8")
    subprocess.run(["bash", "-n", str(script)], check=True)
    if shutil.which("shellcheck") is not None:
        subprocess.run(["shellcheck", str(script)], check=True)
