"""The environment, read once into one frozen struct: everything that an operator can set and nothing else.

Every setting is an environment variable `MUNIMENT_*`. One that may hold a secret can be given as a file instead
(`MUNIMENT_DATABASE_URL_FILE=/run/secrets/url`), so that no secret need stand in a process's environment. A message
about a setting names the variable and never its value.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from ipaddress import ip_network
from pathlib import Path

import msgspec

from muniment.api.errors import SettingsError

__all__ = ["Settings"]

PREFIX = "MUNIMENT_"
SECRETS = frozenset({"DATABASE_URL", "OWNER_DATABASE_URL", "REDIS_URL"})


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the deployment is made of. Defaults suit one machine; see docs for each variable."""

    data_dir: Path
    """`MUNIMENT_DATA_DIR`: where the embedded server and, unless set apart, keys, ledger and files live."""

    database_url: str | None = None
    """`MUNIMENT_DATABASE_URL`: PostgreSQL 15 or newer as the application role. Absent: the embedded server."""

    owner_database_url: str | None = None
    """`MUNIMENT_OWNER_DATABASE_URL`: the same database as the owner role; only `muniment db upgrade` uses it."""

    redis_url: str | None = None
    """`MUNIMENT_REDIS_URL`: the doorbell of the workers. Absent: one process does everything."""

    keys_file: Path
    """`MUNIMENT_KEYS_FILE`: the key ring, readable by its owner alone."""

    ledger_dir: Path
    """`MUNIMENT_LEDGER_DIR`: the erasure ledger; every host sees it, no backup of the database holds it."""

    files_dir: Path
    """`MUNIMENT_FILES_DIR`: encrypted files."""

    today: date | None = None
    """`MUNIMENT_TODAY`: a pretended day, for demo and tests. Refused where people are not marked as generated."""

    host: str = "127.0.0.1"
    """`MUNIMENT_HOST`: the address to listen on."""

    port: int = 8000
    """`MUNIMENT_PORT`: the port to listen on, 1 to 65535."""

    trusted_proxies: str | None = None
    """`MUNIMENT_TRUSTED_PROXIES`: addresses or networks, by commas, whose `X-Forwarded-*` headers are believed."""

    pool_size: int = 16
    """`MUNIMENT_POOL_SIZE`: database connections of one process; also its handler threads."""

    statement_timeout_ms: int = 60_000
    """`MUNIMENT_STATEMENT_TIMEOUT_MS`: the longest a statement may run, in milliseconds; 0 is no limit."""

    lock_timeout_ms: int = 10_000
    """`MUNIMENT_LOCK_TIMEOUT_MS`: the longest a statement waits for a lock, in milliseconds; 0 is no limit."""

    sweep_rest: int = 9
    """`MUNIMENT_SWEEP_REST`: how many times as long as it worked a sweep rests while others use the database, 0 to 100;
    0 is no rest."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read `MUNIMENT_*` from `environ`; relative paths count from the current directory.

        Raises `SettingsError` for an unknown variable, a malformed value, or a secret given twice.
        """
        given = _given(environ)
        data_dir = Path(given.pop("DATA_DIR", ".muniment")).absolute()
        values: dict[str, object] = {"data_dir": data_dir}
        for name, default in (("KEYS_FILE", "keys.toml"), ("LEDGER_DIR", "ledger"), ("FILES_DIR", "files")):
            values[name.lower()] = Path(given.pop(name, str(data_dir / default))).absolute()
        values |= {name.lower(): value for name, value in given.items()}
        for field in msgspec.structs.fields(cls):
            if field.name in values and field.type is not Path:
                values[field.name] = _converted(field.name, values[field.name], field.type)
        settings = cls(**values)  # type: ignore[arg-type]  # each was converted to its field's type above
        return settings._checked()

    def _checked(self) -> Settings:
        if not 1 <= self.port <= 65535:
            raise SettingsError(f"{PREFIX}PORT must be a port number from 1 to 65535.")
        if not 1 <= self.pool_size <= 500:
            raise SettingsError(f"{PREFIX}POOL_SIZE must be from 1 to 500.")
        if self.statement_timeout_ms < 0 or self.lock_timeout_ms < 0:
            raise SettingsError(f"{PREFIX}STATEMENT_TIMEOUT_MS and {PREFIX}LOCK_TIMEOUT_MS must not be negative.")
        if not 0 <= self.sweep_rest <= 100:
            raise SettingsError(f"{PREFIX}SWEEP_REST must be from 0 to 100.")
        for name in ("database_url", "owner_database_url"):
            url = getattr(self, name)
            if url is not None and not url.startswith(("postgresql://", "postgres://")):
                raise SettingsError(f"{PREFIX}{name.upper()} must begin with postgresql://.")
        for proxy in (self.trusted_proxies or "*").split(","):
            if proxy.strip() != "*" and not _is_network(proxy.strip()):
                raise SettingsError(
                    f"{PREFIX}TRUSTED_PROXIES must be IP addresses or networks such as 10.0.0.0/8, by commas, or *."
                )
        return self


def _is_network(written: str) -> bool:
    try:
        ip_network(written)
    except ValueError:
        return False
    return True


def _given(environ: Mapping[str, str]) -> dict[str, str]:
    """The non-empty `MUNIMENT_*` variables without their prefix, secrets read from their files."""
    known = {field.name.upper() for field in msgspec.structs.fields(Settings)}
    given: dict[str, str] = {}
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or not value:
            continue
        name = variable.removeprefix(PREFIX)
        if name in known:
            given[name] = value
        elif name.removesuffix("_FILE") in SECRETS:
            if environ.get(variable.removesuffix("_FILE")):
                raise SettingsError(f"Set either {variable} or {variable.removesuffix('_FILE')}, not both.")
            given[name.removesuffix("_FILE")] = _secret(variable, Path(value))
        elif not name.startswith("TEST_"):
            raise SettingsError(f"{variable} is not a setting of Muniment. Known: {', '.join(sorted(known))}.")
    return given


def _secret(variable: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"The file that {variable} names cannot be read.") from None


def _converted(name: str, value: object, kind: object) -> object:
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        expected = {"today": "a date such as 2026-11-20"}.get(name, "a whole number")
        raise SettingsError(f"{PREFIX}{name.upper()} must be {expected}.") from None
