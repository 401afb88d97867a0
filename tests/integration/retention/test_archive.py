"""What is to go to an archive is packed and offered, and goes when the archive has it, and not before."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, Forbidden, InvalidInput, NotFound
from muniment.clients.attachments import add_attachment
from muniment.database.session import Actor
from muniment.files.store import FileStore
from muniment.keys import KeyRing
from muniment.retention.approval.deciding import Decision, decide, queue
from muniment.retention.disposal import chunk as chunks
from muniment.retention.disposal import packing
from muniment.retention.disposal.archiving import Package, packages, read_package, receive, refuse
from muniment.retention.disposal.erasing import delete_rows, tell
from muniment.retention.disposal.restore import apply_again
from muniment.retention.disposal.sweep import RunView, Sweeper, begin_run, run_view, want_run
from muniment.retention.explain import explain
from muniment.retention.gauges import gauges
from muniment.retention.subjects import RECORDS
from muniment.retention.words import waits_words
from muniment.settings import Settings
from muniment.wiring import wire
from tests.integration.retention.kit import House, hold
from tests.integration.retention.test_actions import VALUES, issued, with_rule
from tests.integration.retention.test_evidence import restored

CLOSED = date(2000, 5, 2)
OFFER = {"id": "offer", "keep": "20 years", "from": {"event": "case-closed"}, "action": "archive", "into": "county"}
FOR_GOOD = {"id": "for-good", "keep": "permanent"}
STORED = {name: {**entry, "s": "client", "on": "2000-01-01", "p": []} for name, entry in VALUES.items()}
REVIEWER = Actor("staff", UUID(int=7), "reviewer")


@dataclass
class Office:
    """A council whose cases go to an archive, and the store that packages lie in."""

    house: House
    store: FileStore
    settings: Settings

    def sweep(self, store: FileStore | None = None) -> RunView:
        house = self.house
        with house.session() as session:
            run_id = want_run(session)
            begin_run(session)
        sweeper = Sweeper(house.database, house.id, house.ledger, store=store or self.store)
        while sweeper.work(run_id):
            pass
        with house.session() as session:
            return run_view(session, house.caller, run_id)

    def case(self, content: bytes = b"scan") -> UUID:
        """A client with one case and a scan in it; the case's key."""
        file_id = self.house.file("case", milestones={"case-closed": CLOSED}, values=STORED)
        self.house.flush()
        [record_id] = self.house.ids("select id from record where file_id = :id", id=file_id)
        self.attach(record_id, content)
        return record_id

    def attach(self, record_id: UUID, content: bytes = b"scan") -> None:
        [file_id] = self.house.ids("select file_id from record where id = :id", id=record_id)
        with self.house.session() as session:
            add_attachment(
                session, self.house.caller, self.store, file_id, record_id, "../a b.txt", "text/plain", [content]
            )

    def packages(self, standing: Any = "offered") -> list[Package]:
        with self.house.session() as session:
            return list(packages(session, self.house.caller, standing=standing))

    def bytes_of(self, package: Package) -> bytes:
        with self.house.session() as session:
            return b"".join(read_package(session, self.house.caller, self.store, package.id))

    def receive(self, package: Package) -> None:
        with self.house.session() as session:
            receive(session, self.house.caller, package.id, reference="ACC/2026/17", received_on=date(2026, 11, 1))

    def refuse(self, package: Package) -> int:
        with self.house.session() as session:
            return refuse(session, self.house.caller, package.id, reason="not wanted")

    @property
    def objects(self) -> int:
        with self.house.session() as session:
            self.store.remove_objects(session)
        return sum(path.is_file() for path in self.settings.files_dir.rglob("*"))


@pytest.fixture
def office(house: House, keys: KeyRing, settings: Settings) -> Office:
    wire()
    house.adopt(with_rule(OFFER, FOR_GOOD, combine="sequence"))
    return Office(house, FileStore(settings.files_dir, keys), settings)


def figures(house: House) -> tuple[Any, Any]:
    """How many packages are outstanding, and for how many seconds the oldest, as `/metrics` says it."""
    by_name = {entry.name: entry for entry in gauges(house.ledger_dir)}
    with house.session() as session:
        return (
            by_name["muniment_retention_packages"].count(session),
            by_name["muniment_retention_package_oldest_seconds"].count(session),
        )


def test_a_package_says_what_it_holds_and_goes_with_its_records_when_the_archive_has_it(office: Office) -> None:
    house, record_id = office.house, office.case(b"x" * 200_000)
    other = office.case()
    assert office.packages() == []
    with house.session() as session:
        assert "its rule is not armed" in explain(session, house.caller, record_id).blocks
    house.arm("case")
    run = office.sweep()
    assert (run.proposed, run.disposed) == (2, 0)
    [package] = office.packages()
    assert (package.records, package.archive, package.record_class) == (2, "county", "advice/case")
    house.clock.advance(timedelta(hours=2))
    assert figures(house) == (1, 7200.0)

    content = office.bytes_of(package)
    assert hashlib.sha256(content).hexdigest() == package.sha256
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        assert opened.testzip() is None
        manifest = json.loads(opened.read("manifest.json"))
        assert (manifest["format"], manifest["records"], manifest["archive"]) == (packing.FORMAT, 2, "county")
        assert {entry["path"] for entry in manifest["files"]} == set(opened.namelist()) - {"manifest.json"}
        for entry in manifest["files"]:
            inside = opened.read(entry["path"])
            assert (len(inside), hashlib.sha256(inside).hexdigest()) == (entry["size"], entry["sha256"])
        said = json.loads(opened.read(f"records/{record_id}.json"))
        assert said["client"]["family_name"] == "Canary"
        assert said["values"]["payments.account"]["value"] == "canary-4711"
        assert said["milestones"][0]["kind"] == "case-closed"
        [file] = said["files"]
        assert opened.read(file["path"]) == b"x" * 200_000
    stored = [path.read_bytes() for path in office.settings.files_dir.rglob("*") if path.is_file()]
    assert not any(b"canary-4711" in sealed or sealed[:2] == b"PK" for sealed in stored)

    # Nothing goes and nothing is packed twice until the archive answers; then all of it does, with a certificate.
    assert (again := office.sweep()).disposed == 0
    assert again.proposed == 0
    with house.session() as session:
        assert "archivist" in explain(session, house.caller, record_id).next
    office.receive(package)
    assert office.packages() == []
    assert figures(house) == (0, 0.0)
    with pytest.raises(Conflict):
        office.bytes_of(package)
    hold(house, "record", other)
    run = office.sweep()
    assert (run.disposed, run.kept) == (1, 1)
    [certificate] = issued(house)
    assert (certificate.action, certificate.disposed) == ("archive", 1)
    assert "archive" in certificate.method
    assert list(house.ids("select id from record")) == [other]
    assert office.objects == 1, "the scan of what is held; no package"
    [answered] = office.packages("received")
    assert (answered.answer, answered.answered_on) == ("ACC/2026/17", date(2026, 11, 1))
    told = house.ids("select event from audit_event where event like 'retention.package.%' order by id")
    assert list(told) == [f"retention.package.{what}" for what in ("offered", "read", "received")]


def test_what_is_refused_is_reviewed_by_somebody_else(office: Office) -> None:
    house = office.house
    approved, rejected = office.case(), office.case()
    house.arm("case")
    office.sweep()
    [package] = office.packages()
    assert office.refuse(package) == 2
    assert office.objects == 2
    reviewer = Caller(REVIEWER, house.id, dict.fromkeys((Permission.REVIEW_DISPOSAL, Permission.READ_RETENTION)))
    with house.session() as session:
        by_record = {line.record_id: line.id for line in queue(session, reviewer)}
        [own] = decide(session, house.caller, [by_record[approved]], Decision(outcome="approve"))
        assert own.problem == "own"
        decide(session, reviewer, [by_record[approved]], Decision(outcome="approve"))
        decide(session, reviewer, [by_record[rejected]], Decision(outcome="reject", reason="still needed"))
    run = office.sweep()
    assert (run.disposed, run.proposed) == (1, 0)
    assert list(house.ids("select id from record")) == [rejected]
    [certificate] = issued(house)
    assert (certificate.action, certificate.approved_by) == ("destroy", REVIEWER.id)
    assert office.sweep().proposed == 0, "what was rejected is not offered again"


@pytest.mark.parametrize("how", ["value", "file", "erased"])
def test_a_package_whose_records_have_changed_or_gone_is_replaced(office: Office, how: str) -> None:
    house = office.house
    first, second = office.case(), office.case()
    house.arm("case")
    office.sweep()
    [old] = office.packages()
    with house.session() as session:
        if how == "value":
            session.execute(text("update record set values = values - 'payments.amount' where id = :id"), {"id": first})
        elif how == "erased":
            gone = delete_rows(session, RECORDS, [first])
            tell(session, {"record": gone})
    if how == "file":
        office.attach(first, b"later")
    if how != "erased":
        office.receive(old)
        assert office.sweep().disposed == 1, "only what the archive has as it is now"
        [new] = office.packages()
        assert new.records == 1
        office.receive(new)
    else:
        assert office.packages("replaced")[0].id == old.id
        assert office.sweep().proposed == 1
        [new] = office.packages()
        assert f"records/{first}.json" not in zipfile.ZipFile(io.BytesIO(office.bytes_of(new))).namelist()
        office.receive(new)
    office.sweep()
    assert house.scalar("select count(*) from record where id in (:a, :b)", a=first, b=second) == 0
    assert office.objects == 0


@pytest.mark.parametrize("where", ["pack", "store", "destroy"])
def test_a_crash_at_any_step_loses_nothing(office: Office, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    house = office.house
    office.case()
    house.arm("case")

    def crash(*_: Any, **__: Any) -> Any:
        raise ValueError("the worker is gone")

    if where == "destroy":
        office.sweep()
        office.receive(office.packages()[0])
    with monkeypatch.context() as broken:
        target = {"pack": (packing, "_entry"), "store": (chunks, "offer"), "destroy": (chunks, "_certify")}[where]
        broken.setattr(*target, crash)
        assert office.sweep().parked == 1
    assert house.scalar("select count(*) from record") == 1
    assert house.scalar("select count(*) from archive_package") == (1 if where == "destroy" else 0)
    office.sweep()
    if where != "destroy":
        office.receive(office.packages()[0])
        office.sweep()
    assert house.scalar("select count(*) from record") == 0
    assert len(issued(house)) == 1


def test_a_restore_does_not_bring_a_package_back(office: Office, superuser_engine: Engine) -> None:
    house = office.house
    office.case()
    house.arm("case")
    office.sweep()
    kept = ("stored_file", "archive_package", "archive_item", "attachment")
    with superuser_engine.begin() as connection:
        for table in kept:
            connection.execute(text(f"create table before_{table} as select * from {table}"))
    with restored(house, superuser_engine):
        office.receive(office.packages()[0])
        assert office.sweep().disposed == 1
        with superuser_engine.begin() as connection:
            for table in ("file_tombstone", *kept[::-1]):
                connection.execute(text(f"delete from {table}"))
    with superuser_engine.begin() as connection:
        for table in kept:
            connection.execute(text(f"insert into {table} select * from before_{table}"))
    with house.session() as session:
        assert apply_again(session, house.ledger).rows > 0
    assert house.scalar("select count(*) from record") == 0
    assert house.scalar("select count(*) from stored_file") == 0
    assert office.packages("replaced")


def test_who_may_answer_and_with_what(office: Office) -> None:
    house = office.house
    office.case()
    house.arm("case")
    office.sweep()
    [package] = office.packages()
    reader = Caller(house.caller.actor, house.id, {Permission.READ_RETENTION: None})
    stranger = Caller(house.caller.actor, house.id, {Permission.ARCHIVE_RECORDS: frozenset({"housing"})})
    with pytest.raises(Forbidden), house.session() as session:
        refuse(session, reader, package.id, reason="no")
    with pytest.raises(NotFound), house.session() as session:
        next(read_package(session, stranger, office.store, package.id))
    for reference, day in [(" ", date(2026, 11, 1)), ("A", date(2030, 1, 1)), ("A" * 3000, date(2026, 11, 1))]:
        with pytest.raises(InvalidInput), house.session() as session:
            receive(session, house.caller, package.id, reference=reference, received_on=day)
    office.receive(package)
    with pytest.raises(Conflict):
        office.refuse(package)
    assert office.packages() == []


def test_what_a_sweep_does_not_do_by_itself_is_told() -> None:
    assert waits_words("anonymise") is None
    assert waits_words("anonymise", here_alone=False) is None
    assert "a register" in (waits_words("archive", register=True) or "")
    told = waits_words("pseudonymise", here_alone=False)
    assert told is not None
    assert "lies elsewhere too" in told


def test_packages_are_cut_by_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "LARGEST", 10)
    file = packing.PackedFile("files/a", UUID(int=1), "a", "text/plain", 6, date(2026, 1, 1))
    records = [packing.PackedRecord(UUID(int=number), {}, [file]) for number in range(3)]
    assert [len(part) for part in packing.parts(records)] == [1, 1, 1]
    monkeypatch.setattr(packing, "LARGEST", 12)
    assert [len(part) for part in packing.parts(records)] == [2, 1]
