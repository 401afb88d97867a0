"""The end of a log with its proof: it holds as it is, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from sqlalchemy import Engine, text

from muniment.accounts.permissions import Permission, command_caller
from muniment.api.errors import Conflict, Forbidden, InvalidInput
from muniment.audit.events import AuditEvent
from muniment.audit.extracts import Entry, LogExtract, extract, read, written
from muniment.audit.log import record_many
from muniment.audit.proofs import PublicKeys, Unproven, public_keys
from muniment.audit.sealing import seal_council
from muniment.cli import main
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing


def seal(deployment: Deployment, council_id: UUID, count: int) -> None:
    with deployment.database.council(council_id) as session:
        record_many(session, AuditEvent.RECORD_ADDED, [uuid4() for _ in range(count)], run=1)
    assert seal_council(deployment, council_id)


def last(deployment: Deployment, council_id: UUID, count: int) -> LogExtract:
    with deployment.database.council(council_id) as session:
        return extract(session, command_caller(council_id, "test"), "alpha", count)


def holds(found: LogExtract, keys: PublicKeys) -> bool:
    try:
        found.check(keys)
    except Unproven:
        return False
    return True


def put(at: int, entry: Entry) -> Callable[[LogExtract], LogExtract]:
    return lambda found: replace(found, entries=(*found.entries[:at], entry, *found.entries[at + 1 :]))


def test_an_extract_holds_as_it_is_and_not_otherwise(
    deployment: Deployment, councils: tuple[UUID, UUID], superuser_engine: Engine
) -> None:
    alpha, beta = councils
    with pytest.raises(Conflict):
        last(deployment, alpha, 5)
    for count in (3, 1, 9):
        seal(deployment, alpha, count)
    seal(deployment, beta, 2)
    keys = public_keys(deployment.keys, alpha, "alpha")
    for count, first in ((1, 12), (5, 8), (9, 4), (10, 3), (11, 2), (13, 0), (10_000, 0)):
        found = last(deployment, alpha, count)
        assert (found.first, len(found.entries)) == (first, 13 - first)
        assert read(written(found)).check(keys).version == 1
    found = last(deployment, alpha, 6)
    event = found.entries[2].event
    assert event is not None
    assert {entry.event.council for entry in found.entries if entry.event} == {alpha}
    changed: dict[str, Callable[[LogExtract], LogExtract]] = {
        "an event that says something else": put(2, Entry(replace(event, facts={"run": 2}))),
        "another event in its place": put(2, found.entries[1]),
        "neither an event nor a hash": put(2, Entry()),
        "half a hash": put(2, Entry(leaf="00")),
        "an event of another council": put(2, Entry(replace(event, council=beta))),
        "an entry left out": lambda it: replace(it, entries=it.entries[1:]),
        "the last one left out": lambda it: replace(it, entries=it.entries[:-1]),
        "one put in": lambda it: replace(it, entries=(*it.entries, it.entries[0])),
        "two in another order": lambda it: replace(it, entries=(it.entries[1], it.entries[0], *it.entries[2:])),
        "another beginning": lambda it: replace(it, first=it.first - 1),
        "a beginning that is none": lambda it: replace(it, first=0),
        "another log before it": lambda it: replace(it, peaks="00" * (len(it.peaks) // 2)),
        "another root": lambda it: replace(it, checkpoint=replace(it.checkpoint, root="00" * 32)),
        "another day": lambda it: replace(it, checkpoint=replace(it.checkpoint, at="2020-01-01T00:00:00.000000+00:00")),
        "the other council's": lambda it: replace(it, council=beta),
    }
    for what, change in changed.items():
        assert not holds(change(found), keys), what
    for others in (public_keys(deployment.keys, beta, "beta"), public_keys(KeyRing.generate(), alpha, "alpha")):
        assert not holds(found, others)
    with superuser_engine.begin() as connection:  # as the owner drops it when its period has run
        connection.execute(text("delete from audit_event where id = :id"), {"id": event.id})
    gone = last(deployment, alpha, 6)
    assert gone.entries[2] == Entry(leaf=event.leaf.hex())
    assert gone.check(keys).version == 1
    with pytest.raises(Unproven):
        read(b"{}")


def test_who_may_ask_and_for_how_much(deployment: Deployment, councils: tuple[UUID, UUID]) -> None:
    seal(deployment, councils[0], 2)
    everything = command_caller(councils[0], "test")
    with deployment.database.council(councils[0]) as session:
        for grants in ({}, {Permission.READ_AUDIT: frozenset({"advice"})}):
            with pytest.raises(Forbidden):
                extract(session, replace(everything, grants=grants), "alpha", 1)
        for count in (0, 10_001):
            with pytest.raises(InvalidInput):
                extract(session, everything, "alpha", count)
    last(deployment, councils[0], 2)
    with deployment.database.council(councils[0]) as session:
        read_by = session.scalars(text("select facts from audit_event where event = 'audit.log.read'")).all()
    assert read_by == [{"events": 2}]


def test_the_command_writes_one_and_checks_it_without_a_database(
    deployment: Deployment, councils: tuple[UUID, UUID], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal(deployment, councils[0], 3)
    deployment.keys.save(deployment.settings.keys_file)
    monkeypatch.setenv("MUNIMENT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", deployment.settings.database_url or "")
    log, keys = tmp_path / "log.json", tmp_path / "alpha.json"

    def run(*words: str) -> str:
        result = CliRunner().invoke(main, list(words))
        return f"{result.exit_code} {result.output}"

    assert run("audit", "key", "alpha", "--output", str(keys)).startswith("0")
    assert run("audit", "export", "alpha", "--last", "2", "--output", str(log)).startswith("0")
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    check = ("audit", "verify", "--extract", str(log), "--key", str(keys))
    assert run(*check).startswith("0 The last 2 of 3 events of alpha are proven")
    log.write_bytes(log.read_bytes().replace(b'"run": 1', b'"run": 2', 1))
    assert "something was changed or left out" in run(*check)
    assert run(*check[:-2]).startswith("2") or "--key" in run(*check[:-2])
