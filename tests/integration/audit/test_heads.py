"""A log that was put back to an earlier state says so itself, from the next sealing on, whoever did it and why."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from muniment.audit.events import AuditEvent
from muniment.audit.heads import cut_backs, last_noted, missing_head
from muniment.audit.log import record_many
from muniment.audit.sealing import seal_council
from muniment.audit.verification import FaultKind, Head, verify
from muniment.cli import main
from muniment.jobs.actors import Deployment

LATER = ("audit_leaf where position >= 3", "audit_checkpoint where size > 3")


def seal(deployment: Deployment, council_id: UUID, events: int) -> str:
    """Write events and seal them; returns the head."""
    with deployment.database.council(council_id) as session:
        record_many(session, AuditEvent.FILE_READ, [uuid4() for _ in range(events)])
    assert seal_council(deployment, council_id) >= events
    noted = last_noted(deployment.settings.ledger_dir, council_id)
    assert noted is not None
    return f"{noted.size}:{noted.root}"


def cut(engine: Engine) -> None:
    """Put the log back to what it was when three events were sealed, as a restore of the database would."""
    with engine.begin() as connection:
        connection.execute(text("delete from audit_unsealed"))
        connection.execute(text("delete from audit_event where id in (select event_id from audit_leaf"
                                " where position >= 3)"))  # fmt: skip
        for rows in LATER:
            connection.execute(text(f"delete from {rows}"))


@pytest.fixture
def council_id(deployment: Deployment, councils: tuple[UUID, UUID]) -> UUID:
    return councils[0]


def test_a_log_that_was_never_cut_back_says_nothing(deployment: Deployment, council_id: UUID) -> None:
    for events in (3, 2, 1):
        seal(deployment, council_id, events)
    with deployment.database.council(council_id) as session:
        result = verify(session, deployment.keys)
    assert (result.leaves, result.cut_back, result.faults) == (6, (), ())


def test_a_log_that_was_cut_back_says_when_and_how_much(
    deployment: Deployment, council_id: UUID, superuser_engine: Engine
) -> None:
    seal(deployment, council_id, 3)
    head = seal(deployment, council_id, 2)
    cut(superuser_engine)
    for _ in range(2):
        seal(deployment, council_id, 1)
    with deployment.database.council(council_id) as session:
        result = verify(session, deployment.keys)
        (found,) = cut_backs(session)
    assert result.cut_back == (found,)
    assert result.sound, "what is there is whole"
    assert (found.found, found.sealed) == (3, 5)
    assert head.endswith(found.root)
    assert result.leaves == 3 + 1 + 2, "the event itself is sealed"
    with deployment.database.council(council_id) as session:
        (fault,) = verify(session, deployment.keys, Head(5, bytes.fromhex(found.root))).faults
    assert fault.kind is FaultKind.HEAD_DIFFERS
    assert found.covers(5)
    assert not found.covers(3)


def test_a_log_cut_back_and_grown_again_is_found_by_the_root(
    deployment: Deployment, council_id: UUID, superuser_engine: Engine
) -> None:
    """Somebody cuts it and adds as many events: the size is the same, what was sealed is not."""
    seal(deployment, council_id, 3)
    seal(deployment, council_id, 2)
    noted = last_noted(deployment.settings.ledger_dir, council_id)
    path = deployment.settings.ledger_dir / f"{council_id}.head.json"
    kept = path.read_bytes()
    cut(superuser_engine)
    path.unlink()
    seal(deployment, council_id, 2)
    with deployment.database.council(council_id) as session:
        assert missing_head(session, last_noted(deployment.settings.ledger_dir, council_id)) is None
        assert missing_head(session, noted) is not None
    path.write_bytes(kept)
    seal(deployment, council_id, 1)
    with deployment.database.council(council_id) as session:
        assert [found.sealed for found in cut_backs(session)] == [5]


def test_a_note_that_cannot_be_read_or_written_stops_no_sealing(deployment: Deployment, council_id: UUID) -> None:
    seal(deployment, council_id, 1)
    path = deployment.settings.ledger_dir / f"{council_id}.head.json"
    path.write_bytes(b"{")
    with deployment.database.council(council_id) as session:
        record_many(session, AuditEvent.FILE_READ, [uuid4()])
    assert seal_council(deployment, council_id) == 1
    path.unlink()
    path.mkdir()
    with deployment.database.council(council_id) as session:
        record_many(session, AuditEvent.FILE_READ, [uuid4()])
    assert seal_council(deployment, council_id) == 1
    assert not list(path.parent.glob(".head-*")), "nothing half written is left"


def test_the_command_says_it_before_and_after_the_next_sealing(
    deployment: Deployment, council_id: UUID, superuser_engine: Engine, tmp_path: Path
) -> None:
    deployment.keys.save(deployment.settings.keys_file)
    seal(deployment, council_id, 3)
    head = seal(deployment, council_id, 2)
    cut(superuser_engine)
    environment = {
        "MUNIMENT_DATA_DIR": str(tmp_path),
        "MUNIMENT_DATABASE_URL": deployment.settings.database_url or "",
        "MUNIMENT_LEDGER_DIR": str(deployment.settings.ledger_dir),
    }
    program = CliRunner(env=environment)
    for _ in range(2):
        told = program.invoke(main, ["audit", "verify", "alpha"])
        assert told.exit_code == 0, told.output
        said = " ".join(told.output.split())
        assert "found with 3 events where 5 had been sealed" in said
        assert "restored from a backup, or somebody cut it" in said
        seal(deployment, council_id, 1)
    refused = program.invoke(main, ["audit", "verify", "alpha", "--head", head])
    assert refused.exit_code == 1
    assert "head-differs: size 5 lies in what was cut back" in " ".join(refused.output.split())
