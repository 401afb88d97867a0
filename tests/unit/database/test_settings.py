"""Settings: what is read, what is refused, and that no value is shown."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from muniment.api.errors import SettingsError
from muniment.settings import Settings


def test_defaults_lie_under_the_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_environment({"HOME": "/elsewhere"})
    assert settings.data_dir == tmp_path / ".muniment"
    assert settings.keys_file == settings.data_dir / "keys.toml"
    assert settings.ledger_dir == settings.data_dir / "ledger"
    assert settings.files_dir == settings.data_dir / "files"
    assert settings.database_url is None


def test_values_are_converted() -> None:
    environ = {"MUNIMENT_TODAY": "2026-11-20", "MUNIMENT_PORT": "8080", "MUNIMENT_DATA_DIR": "/srv/muniment"}
    settings = Settings.from_environment(environ)
    assert (settings.today, settings.port, settings.data_dir) == (date(2026, 11, 20), 8080, Path("/srv/muniment"))


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://muniment_application@db/muniment\n")
    environ = {"MUNIMENT_DATABASE_URL_FILE": str(file)}
    assert Settings.from_environment(environ).database_url == "postgresql://muniment_application@db/muniment"


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"MUNIMENT_PROT": "8000"}, "MUNIMENT_PROT is not a setting"),
        ({"MUNIMENT_PORT": "s3cret"}, "MUNIMENT_PORT must be a whole number"),
        ({"MUNIMENT_PORT": "70000"}, "MUNIMENT_PORT must be a port"),
        ({"MUNIMENT_TODAY": "20/11/2026"}, "MUNIMENT_TODAY must be a date"),
        ({"MUNIMENT_POOL_SIZE": "0"}, "MUNIMENT_POOL_SIZE must be"),
        ({"MUNIMENT_SWEEP_REST": "101"}, "MUNIMENT_SWEEP_REST must be from 0 to 100"),
        ({"MUNIMENT_TRUSTED_PROXIES": "127.0.0.1, s3cret"}, "MUNIMENT_TRUSTED_PROXIES must be IP addresses"),
        ({"MUNIMENT_DATABASE_URL": "mysql://s3cret"}, "MUNIMENT_DATABASE_URL must begin with postgresql://"),
        ({"MUNIMENT_DATABASE_URL_FILE": "/nowhere"}, "MUNIMENT_DATABASE_URL_FILE names cannot be read"),
        (
            {"MUNIMENT_REDIS_URL": "redis://s3cret", "MUNIMENT_REDIS_URL_FILE": "/run/url"},
            "either MUNIMENT_REDIS_URL_FILE or MUNIMENT_REDIS_URL",
        ),
    ],
)
def test_what_is_wrong_is_named_and_not_shown(environ: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environ)
    assert told in str(caught.value)
    assert "s3cret" not in str(caught.value)
