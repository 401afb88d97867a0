"""Certificates from a sweep to an auditor's desk: handed out by command, checked where there is no database."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from muniment.cli import main
from muniment.keys import KeyRing, Purpose
from muniment.retention.disposal.restore import apply_again
from muniment.settings import Settings
from tests.integration.retention.kit import House

Run = Callable[..., Result]
LONG_AGO = date(2019, 3, 1)


@pytest.fixture
def run(house: House, settings: Settings, keys: KeyRing, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command over the council's database."""
    keys.save(settings.keys_file)
    monkeypatch.setenv("MUNIMENT_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MUNIMENT_LEDGER_DIR", str(house.ledger_dir))
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", settings.database_url or "")
    monkeypatch.setenv("MUNIMENT_TODAY", "2026-11-20")

    def told(*arguments: object, ok: bool = True) -> Result:
        result = CliRunner().invoke(main, [str(each) for each in arguments])
        assert (result.exit_code == 0) == ok, result.output
        return result

    return told


@pytest.fixture
def swept(house: House, run: Run) -> dict[str, str]:
    """A sweep of five cases and three letters on paper; its certificates by class."""
    house.adopt()
    for _ in range(3):
        house.file("case", "letter", milestones={"case-closed": LONG_AGO}, recorded_on=LONG_AGO, medium="paper")
    for _ in range(5):
        house.file("case", milestones={"case-closed": LONG_AGO})
    house.flush()
    house.arm("case", "letter")
    house.sweep()
    return {row.record_class: str(row.id) for row in house.all("select id, record_class from certificate")}


@pytest.fixture
def offline(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Check a certificate with its public keys and nothing else: no settings, database or key ring."""
    keys = tmp_path / "keys.json"
    run("audit", "key", "alpha", "--output", keys)

    def told(file: Path, *more: object, ok: bool = True, public: Path = keys) -> Result:
        with monkeypatch.context() as elsewhere:
            for name in ("MUNIMENT_DATA_DIR", "MUNIMENT_DATABASE_URL", "MUNIMENT_LEDGER_DIR"):
                elsewhere.setenv(name, "/nowhere")
            return run("audit", "verify", "--certificate", file, "--key", public, *more, ok=ok)

    return told


@pytest.mark.parametrize("form", ["json", "pdf"])
def test_a_certificate_is_proven_by_itself(
    run: Run, swept: dict[str, str], offline: Run, tmp_path: Path, form: str
) -> None:
    file = tmp_path / f"certificate.{form}"
    early = run("retention", "certificate", "alpha", swept["advice/case"], "--format", form, "--output", file)
    assert "Not sealed yet" in early.stderr
    assert "--seal" in early.stderr
    assert "not sealed yet, so nothing proves it: ask for it again after 20/11/2026 at 12:02" in offline(
        file, ok=False
    ).output.replace("\n  ", " ")
    run("retention", "certificate", "alpha", swept["advice/case"], "--format", form, "--output", file, "--seal")
    assert "Every value in it is as it was issued" in offline(file).output.replace("\n  ", " ")
    again = tmp_path / "again"
    run("retention", "certificate", "alpha", swept["advice/case"], "--format", form, "--output", again)
    assert again.read_bytes() == file.read_bytes()


def test_a_changed_certificate_and_other_keys_are_refused(
    run: Run, swept: dict[str, str], offline: Run, tmp_path: Path
) -> None:
    file, other = tmp_path / "certificate.json", tmp_path / "other.json"
    run("retention", "certificate", "alpha", swept["advice/case"], "--output", file, "--seal")
    run("audit", "key", "beta", "--output", other)
    assert "another council" in offline(file, ok=False, public=other).output
    for name, value in (("council_name", "Another"), ("kept", 7), ("class_title", "Nothing"), ("holds", 3)):
        changed = json.loads(file.read_text())
        assert changed["certificate"][name] != value
        changed["certificate"][name] = value
        (tmp_path / "changed.json").write_text(json.dumps(changed))
        assert "something in it was changed" in " ".join(offline(tmp_path / "changed.json", ok=False).output.split())
    assert "holds no public keys" in offline(file, ok=False, public=file).output
    assert "no certificate" in offline(other, ok=False).output
    assert "--key" in run("audit", "verify", "--certificate", file, ok=False).output


def test_an_old_key_still_verifies_after_it_was_rotated(
    run: Run, swept: dict[str, str], offline: Run, settings: Settings, tmp_path: Path
) -> None:
    file, newer = tmp_path / "certificate.json", tmp_path / "newer.json"
    run("retention", "certificate", "alpha", swept["advice/case"], "--output", file, "--seal")
    run("keys", "rotate", Purpose.SIGNING.value)
    run("audit", "key", "alpha", "--output", newer)
    assert [key["version"] for key in json.loads(newer.read_text())["keys"]] == [1, 2]
    assert "signing key 1, in use from" in offline(file, public=newer).output
    assert "until" in offline(file, public=newer).output.partition("signing key 1")[2]


def test_confirmations_are_proven_as_they_come(
    run: Run, swept: dict[str, str], offline: Run, house: House, tmp_path: Path
) -> None:
    file, letters = tmp_path / "certificate.json", house.ids("select id from record where record_class like '%letter'")
    for count, letter in enumerate(letters, 1):
        run("retention", "confirm", "alpha", letter, "--destroyed-on", "2026-11-20", "--method", "shredded",
            "--by", "records manager")  # fmt: skip
        run("retention", "certificate", "alpha", swept["advice/letter"], "--output", file)
        assert "not sealed yet" in offline(file, ok=False).output
        run("retention", "certificate", "alpha", swept["advice/letter"], "--output", file, "--seal")
        told = offline(file).output
        assert f"{count} of 3 confirmed as destroyed elsewhere" in told
        assert ("not complete" in told) == (count < 3)
    found = json.loads(file.read_text())
    assert found["complete"]
    assert [entry["confirmation"]["confirmed_kind"] for entry in found["confirmations"]] == [
        "command (records manager)"
    ] * 3


def test_who_knows_a_records_key_can_show_that_it_went(house: House, run: Run, offline: Run, tmp_path: Path) -> None:
    house.adopt()
    for _ in range(4):
        house.file("case", "letter", milestones={"case-closed": LONG_AGO}, recorded_on=LONG_AGO)
    house.flush()
    keys = {kind: house.ids(f"select id from record where record_class like '%{kind}'") for kind in ("case", "letter")}
    house.arm("case", "letter")
    house.sweep()
    file, path = tmp_path / "certificate.json", tmp_path / "path.json"
    for kind, other in (("case", "letter"), ("letter", "case")):
        certificate = house.scalar(f"select id from certificate where record_class like '%{kind}'")
        run("retention", "certificate", "alpha", certificate, "--output", file, "--seal")
        for key in keys[kind]:
            run("retention", "certificate", "alpha", certificate, "--contains", key, "--output", path)
            assert "is among those" in offline(file, "--record", key, "--path", path).output.replace("\n  ", " ")
        stranger = next(iter(keys[other]))
        assert "begins at another" in offline(file, "--record", stranger, "--path", path, ok=False).output
        refused = run("retention", "certificate", "alpha", certificate, "--contains", stranger, ok=False)
        assert "No record of this key" in refused.output


def test_it_names_nobody(run: Run, swept: dict[str, str], house: House, superuser_engine: Engine) -> None:
    run("audit", "seal", "alpha")
    shown = "".join(
        run("retention", "certificate", "alpha", key, "--format", form).stdout
        for key in swept.values()
        for form in ("json", "html")
    )
    assert "Canary" not in shown
    assert "shelf 3" not in shown
    with superuser_engine.begin() as connection:
        keys = connection.execute(
            text("select id from client_file union select id from person union select id from record")
        ).scalars()
    assert not [key for key in keys if str(key) in shown]


def test_one_of_before_contents_were_kept_says_what_is_proven(
    run: Run, swept: dict[str, str], offline: Run, tmp_path: Path, superuser_engine: Engine
) -> None:
    with superuser_engine.begin() as connection:
        connection.execute(text("update certificate set content = null"))
        connection.execute(text("update audit_event set facts = facts - 'content'"))
    file = tmp_path / "certificate.json"
    run("retention", "certificate", "alpha", swept["advice/case"], "--output", file, "--seal")
    told = offline(file).output.replace("\n  ", " ")
    assert "Proven are its id, council, record_class, rule_hash, root, disposed, awaited" in told
    assert json.loads(file.read_text())["certificate"]["council_name"] == "Alpha"


def test_a_certificate_written_again_after_a_restore_is_proven_again(
    run: Run, swept: dict[str, str], offline: Run, house: House, tmp_path: Path, superuser_engine: Engine
) -> None:
    with superuser_engine.begin() as connection:
        for table in ("awaiting", "certificate", "disposal", "audit_unsealed", "audit_event"):
            connection.execute(text(f"delete from {table}"))
    with house.session() as session:
        apply_again(session, house.ledger)
    file = tmp_path / "certificate.json"
    run("retention", "certificate", "alpha", swept["advice/case"], "--output", file, "--seal")
    assert "Every value in it is as it was issued" in offline(file).output.replace("\n  ", " ")
