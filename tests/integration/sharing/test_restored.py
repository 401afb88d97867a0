"""After a restore what people took back since the backup is taken back, and recipients are told once more of what is
erased or restricted again (UK GDPR Art 19): the backup does not know whom somebody had told since. The database is
dumped and restored for real."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from msgspec import convert
from msgspec.structs import replace

from muniment.api.retention import RetentionDeclarations
from muniment.clients.limiting import NewLimit, place_limit
from muniment.database.session import Database
from muniment.keys import KeyRing
from muniment.policy.store import adopt
from muniment.retention.disposal.restore import forget_outdated, recover
from muniment.retention.disposal.unfounded import take_away
from muniment.settings import Settings
from muniment.sharing.agreements import attach_document, end_agreement
from muniment.sharing.notifying import NotificationView, notifications, settle
from muniment.sharing.stopping import NewStop, end_stop, place_stop
from muniment.wiring import wire
from tests.integration.retention.backups import Dump
from tests.integration.retention.kit import House as Retention
from tests.integration.sharing.kit import RETENTION, SERVICE, House, policy_of
from tests.server import TestServer

STANDS = """
select id, ended_on, reason from sharing_stop
union all select id, last_day, ended_because from sharing_agreement order by reason, id
"""


@pytest.fixture
def alpha(database: Database, new_council: Callable[[str], UUID], keys: KeyRing, tmp_path: Path) -> House:
    """A council with a database of its own, to be dumped and restored."""
    wire()
    house = House(database, new_council("alpha"), "alpha", keys, tmp_path / "files")
    house.adopt()
    return house


def told(house: House) -> list[NotificationView]:
    """Who is to be told of what was erased or restricted, or was told."""
    with house.session() as session:
        found = notifications(session, house.caller, settled=True, limit=200).items
    return [one for one in found if one.change != "consent-withdrawn"]


def test_who_was_told_since_the_backup_is_told_once_more(
    alpha: House, settings: Settings, server: TestServer, database_name: str, tmp_path: Path
) -> None:
    retention = Retention(alpha.database, alpha.id, settings.ledger_dir)
    going, staying = alpha.register(address="1 Sample Street"), alpha.register(address="2 Sample Street")
    limited = alpha.register(address="3 Sample Street")
    for recipient in ("college", "research"):
        alpha.disclose(going, staying, limited, recipient=recipient, fields=("personal.address", "family-name"))
    unfounded = alpha.register(purposes=["stories"], address="4 Sample Street")
    alpha.agree(unfounded, "stories", "gazette")
    alpha.disclose(unfounded, recipient="gazette", purpose="stories", fields=("personal.address",))
    alpha.agree(unfounded, "stories", state="withdrawn")
    with alpha.session() as session:
        retention.milestones(session, [going], "case-closed", date(2019, 3, 1))
    alpha.run("update record set rule_hash = null where file_id = :f", f=going)
    retention.clock_all()
    retention.arm("case")
    backup = Dump(server, database_name, tmp_path / "dump")
    backup.take()

    assert retention.sweep().disposed == 1
    with alpha.session() as session:
        place_limit(session, alpha.caller, limited, NewLimit(ground="18.1.a"))
    record_id = alpha.scalar("select id from record where file_id = :f", f=unfounded)
    with alpha.session() as session:
        assert take_away(session, alpha.caller, retention.ledger, [record_id], None) == (record_id,)
    before = told(alpha)
    assert sorted((one.change, one.recipient) for one in before) == [
        ("erased", "college"), ("erased", "gazette"), ("erased", "research"), ("restricted", "college"),
        ("restricted", "research"),
    ]  # fmt: skip
    assert not any(one.repeated for one in before)
    for one in before:
        with alpha.session() as session:
            settle(session, alpha.caller, one.id, "sent")

    alpha.database.engine.dispose()
    backup.restore()
    assert told(alpha) == []
    for _ in range(2):  # to recover again adds nothing
        with alpha.session() as session:
            recover(session, retention.ledger)
        after = told(alpha)
        assert {(one.change, one.recipient, one.reference, one.fields, one.state, one.repeated) for one in after} == {
            (one.change, one.recipient, one.reference, one.fields, "to-send", True) for one in before
        }
        assert len(after) == len(before)
    assert alpha.scalar("select count(*) from client_file where id = :f", f=going) == 0
    assert alpha.scalar("select count(*) from disclosure_line where file_id = :f", f=staying) == 2
    retention.sweep()
    assert len(told(alpha)) == len(before), "what the sweep finds has gone already"


def test_of_what_is_pseudonymised_only_what_goes_is_told_then_and_once_more(
    alpha: House, settings: Settings, server: TestServer, database_name: str, tmp_path: Path
) -> None:
    retention = Retention(alpha.database, alpha.id, settings.ledger_dir)
    clause = {
        "id": "names", "keep": "3 years", "from": {"event": "case-closed"}, "action": "pseudonymise",
        "keep_fields": ["work.history"],
    }  # fmt: skip
    rest = {**clause, "id": "rest", "keep": "20 years", "action": "destroy", "keep_fields": None}
    (rule,) = RETENTION["rule"]
    declared = {**RETENTION, "rule": [{**rule, "combine": "sequence", "clause": [clause, rest]}]}
    policy = policy_of("alpha")
    advice = replace(policy.service(SERVICE), retention=convert(declared, RetentionDeclarations))
    with alpha.session() as session:
        adopt(session, replace(policy, services={SERVICE: advice}), session.clock, by="test")
    going, staying = (alpha.register(address="1 Sample Street", work__history="a baker") for _ in range(2))
    alpha.disclose(going, staying, fields=("personal.address", "work.history", "family-name"))
    other = "select council_id, gen_random_uuid(), file_id, 'advice/medical', medium, recorded_on, '{}' from record"
    columns = "council_id, id, file_id, record_class, medium, recorded_on, values"
    alpha.run(f"insert into record ({columns}) {other} where file_id = :f", f=staying)
    with alpha.session() as session:
        retention.milestones(session, [going, staying], "case-closed", date(2019, 3, 1))
    alpha.run("update record set rule_hash = null")
    retention.clock_all()
    retention.arm("case")
    backup = Dump(server, database_name, tmp_path / "dump")
    backup.take()

    def said() -> list[tuple[object, ...]]:
        return sorted((one.change, one.fields, one.repeated) for one in told(alpha))

    assert retention.sweep().changed == 2
    assert said() == [
        ("erased", ("family-name", "personal.address"), False), ("erased", ("personal.address",), False),
    ]  # fmt: skip
    alpha.database.engine.dispose()
    backup.restore()
    with alpha.session() as session:
        recover(session, retention.ledger)
    assert said() == [("erased", ("personal.address",), True)] * 2, "the stub is still there"
    assert retention.sweep().changed == 2
    assert said() == [
        ("erased", ("family-name",), False), ("erased", ("personal.address",), True),
        ("erased", ("personal.address",), True),
    ]  # fmt: skip


def test_what_was_taken_back_since_the_backup_is_taken_back(
    alpha: House, settings: Settings, server: TestServer, database_name: str, tmp_path: Path
) -> None:
    retention = Retention(alpha.database, alpha.id, settings.ledger_dir)
    asked = {"purpose": "stories", "fields": ("personal.address",)}
    gazette, college = {**asked, "recipient": "gazette"}, {**asked, "recipient": "college"}
    withdrawn, narrowed, refused, untouched = (
        alpha.register(purposes=["stories"], address=f"{number} Sample Street") for number in range(4)
    )
    for file in (withdrawn, narrowed, untouched):
        alpha.agree(file, "stories", "gazette", "college")
    alpha.disclose(withdrawn, **gazette)
    backup = Dump(server, database_name, tmp_path / "dump")
    backup.take()

    late = alpha.register(purposes=["stories"], address="9 Sample Street")
    alpha.agree(late, "stories", "gazette")
    for file in (withdrawn, late):
        alpha.agree(file, "stories", state="withdrawn")
    alpha.agree(narrowed, "stories", "gazette", state="withdrawn")
    alpha.agree(refused, "stories", state="refused")
    event = "select id, state, at from consent_event where state in ('withdrawn', 'refused') and subject_id in"
    lasting = f"{event} (select id from consent_subject where file_id <> :late) order by id"
    before = alpha.all(lasting, late=late)
    assert len(before) == 3

    alpha.database.engine.dispose()
    backup.restore()
    assert alpha.against(withdrawn, **gazette) == set(), "the restore would open the gate again"
    with alpha.session() as session:
        assert recover(session, retention.ledger).kept == 3
    assert alpha.against(withdrawn, **gazette) == {"consent"}
    assert alpha.against(narrowed, **gazette) == {"consent-names-recipient"}
    assert alpha.against(narrowed, **college) == alpha.against(untouched, **gazette) == set()
    assert alpha.all(lasting, late=late) == before
    with alpha.session() as session:
        (one,) = notifications(session, alpha.caller).items
    assert (one.change, one.recipient, one.repeated) == ("consent-withdrawn", "gazette", True)
    with alpha.session() as session:
        assert recover(session, retention.ledger).kept == 0, "it is taken back each time"

    lines = len(retention.ledger.chunks())
    for table, key in (("record", "file_id"), ("client_file", "id")):
        alpha.run(f"delete from {table} where {key} = :f", f=refused)
    with alpha.session() as session:
        assert forget_outdated(session, retention.ledger) == 2, "of files that are gone nothing is kept here"
    assert len(retention.ledger.chunks()) == lines - 2


@pytest.mark.parametrize("again", [False, True], ids=["standing", "resumed"])
def test_a_stop_and_the_end_of_an_agreement_outlive_a_restore(
    alpha: House, settings: Settings, server: TestServer, database_name: str, tmp_path: Path, again: bool
) -> None:
    """And a stop that had ended by then has: what was settled last counts."""
    retention = Retention(alpha.database, alpha.id, settings.ledger_dir)
    file = alpha.register(address="1 Sample Street")
    backup = Dump(server, database_name, tmp_path / "dump")
    agreement_id = alpha.settle_with("authority")
    backup.take()

    late = alpha.settle_with("authority")
    with alpha.session() as session:
        attach_document(session, alpha.caller, alpha.store, late, "application/pdf", b"%PDF-1.7 generated")
        stop_id = place_stop(session, alpha.caller, NewStop(service=SERVICE, recipient="college", reason="a breach"))
        for ended in (agreement_id, late):
            end_agreement(session, alpha.caller, ended, "the project is over")
    if again:
        with alpha.session() as session:
            end_stop(session, alpha.caller, stop_id)
    settled = alpha.all(STANDS)
    assert [ended is None for _, ended, _ in settled] == [not again, False, False]

    alpha.database.engine.dispose()
    backup.restore()
    assert alpha.disclose(file, recipient="college", fields=("personal.address",)).given == 1, (
        "the backup knows no stop"
    )
    for lines in (4 if again else 3, 0):
        with alpha.session() as session:
            assert recover(session, retention.ledger).chunks == lines
    assert alpha.all(STANDS) == settled
    given = alpha.disclose(file, recipient="college", fields=("personal.address",)).given
    assert given == (1 if again else 0)
