"""`muniment retention systems | awaiting | ask-again`, from an installed connector that refuses to one that erases."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import date
from importlib import import_module, invalidate_caches
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert

from muniment.api.connectors import Erasure
from muniment.cli import main
from muniment.clients.facts import RECORD
from muniment.database.ids import new_id
from muniment.keys import KeyRing
from muniment.settings import Settings
from tests.integration.retention.kit import SERVICE, House
from tests.integration.retention.systems import FakeSystem

CRM = "made-up-crm"
PACKAGES = {
    "alpha": """
import msgspec
from muniment.api.clients import ClientDeclarations
from muniment.api.retention import RetentionDeclarations
from muniment.testing.doubles import Declared, StatedPlugin, stated_council
from tests.integration.retention.kit import RETENTION, SERVICE

system = {"id": "crm", "title": "Case system", "medium": "other-system", "connector": "made-up-crm"}
declared = Declared(
    clients=msgspec.convert({"system": [system]}, ClientDeclarations),
    retention=msgspec.convert(RETENTION, RetentionDeclarations),
)
plugin = StatedPlugin(stated_council("alpha", SERVICE, uses=("made-up-crm",)), {SERVICE: declared})
""",
    "crm": """
from tests.integration.retention.systems import FakeSystem

plugin = FakeSystem()
""",
}


@pytest.fixture
def crm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSystem]:
    """The connector of a case system, installed beside a council's plugin as pip would install them."""
    for name, text in PACKAGES.items():
        package = tmp_path / f"made_up_{name}"
        package.mkdir()
        (package / "__init__.py").write_text(text, encoding="utf-8")
        info = tmp_path / f"made_up_{name}-0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: made-up-{name}\nVersion: 0\n", encoding="utf-8")
        (info / "entry_points.txt").write_text(
            f"[muniment.plugins]\n{name} = made_up_{name}:plugin\n", encoding="utf-8"
        )
    monkeypatch.syspath_prepend(tmp_path)
    invalidate_caches()
    found = import_module("made_up_crm").plugin
    assert isinstance(found, FakeSystem)
    yield found
    for name in PACKAGES:
        sys.modules.pop(f"made_up_{name}", None)


def test_a_system_that_refused_is_asked_again_by_command(
    crm: FakeSystem, house: House, settings: Settings, keys: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.save(settings.keys_file)
    monkeypatch.setenv("MUNIMENT_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", settings.database_url or "")
    monkeypatch.setenv("MUNIMENT_TODAY", "2026-11-20")

    def tried(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    def run(*arguments: str) -> str:
        done = tried(*arguments)
        assert done.exit_code == 0, done.stderr
        return " ".join(done.stdout.split())

    run("policy", "adopt", "alpha", "--by", "information asset owner", "--yes")
    assert run("retention", "systems", "alpha") == "No system was asked to erase anything."
    file_id, record_id = house.file(milestones={"case-closed": date(2019, 3, 1)}), new_id()
    house.flush()
    row = {
        "council_id": house.id, "id": record_id, "file_id": file_id, "record_class": f"{SERVICE}/case",
        "medium": "digital", "recorded_on": date(2018, 1, 1), "values": {}, "system": "crm", "external_key": "K-1",
    }  # fmt: skip
    with house.session() as session:
        session.execute(insert(RECORD), [row])
    house.clock_all()
    crm.held.add("K-1")
    crm.answer = lambda request: [Erasure(item.key, "refused", reason="locked") for item in request.items]

    run("retention", "arm", "alpha", "--class", f"{SERVICE}/case", "--by", "records manager")
    assert "0 disposed of, 1 to be destroyed elsewhere" in run("retention", "sweep", "alpha")
    assert run("retention", "systems", "alpha").startswith(f"{SERVICE}/crm: 0 erasures awaited, 1 refused, the oldest")
    [owed] = json.loads(run("retention", "awaiting", "alpha", "--json"))
    assert {name: owed[name] for name in ("id", "system", "external_key", "delivery", "attempts", "reason")} == {
        "id": str(record_id), "system": "crm", "external_key": "K-1", "delivery": "refused", "attempts": 1,
        "reason": "locked",
    }  # fmt: skip
    assert "crm, key K-1" in run("retention", "awaiting", "alpha")

    crm.answer = None
    again = run("retention", "ask-again", "alpha", str(record_id), "--by", "records manager")
    assert again == f"1 asked for again. {SERVICE}/crm: 0 erasures awaited, 0 refused"
    assert (crm.held, crm.asked) == (set(), ["K-1", "K-1"])
    assert run("retention", "awaiting", "alpha") == "Nothing awaits destruction."
    assert run("retention", "systems", "alpha") == f"{SERVICE}/crm: 0 erasures awaited, 0 refused"
    [certificate] = json.loads(run("retention", "certificates", "alpha", "--json"))
    assert (certificate["awaited"], certificate["confirmed"], certificate["complete"]) == (1, 1, True)
    nothing = tried("retention", "ask-again", "alpha", str(record_id))
    assert (nothing.exit_code != 0, nothing.stderr) == (True, "muniment: No system is asked to erase one of these.\n")
