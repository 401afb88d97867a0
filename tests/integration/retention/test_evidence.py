"""The erasure ledger settles what a crash left open, and keeps a restore from bringing an erased person back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID
from zlib import crc32

import pytest
from sqlalchemy import Engine, text

from muniment.api.errors import InvalidInput, NotFound, NotReady
from muniment.database.ids import random_id
from muniment.database.packed import Keys
from muniment.retention.disposal.confirming import confirm
from muniment.retention.disposal.destruction import awaiting
from muniment.retention.disposal.restore import Repeated, RestoreCheck, apply_again, settle
from muniment.retention.evidence.certificates import certificates
from muniment.retention.evidence.ledger import Ledger, Line
from tests.integration.retention.kit import House

LONG_AGO = date(2019, 3, 1)


class Cut(BaseException):
    """A process that ends here; nothing of it catches anything."""


class CutLedger(Ledger):
    """A ledger whose process dies at a step."""

    def __init__(self, ledger: Ledger, at: str) -> None:
        self._path, self._at = ledger._path, at

    def intend(self, line: Line) -> None:
        if self._at == "before-intend":
            raise Cut
        super().intend(line)
        if self._at == "after-intend":
            raise Cut

    def close(self, step: Any, chunks: Any) -> None:
        if self._at == "before-done":
            raise Cut
        super().close(step, chunks)


@pytest.fixture
def ready(house: House) -> House:
    house.adopt()
    for _ in range(3):
        house.file("case", milestones={"case-closed": LONG_AGO})
    house.flush()
    house.arm("case")
    return house


@pytest.mark.parametrize(
    ("at", "gone", "settled"), [("before-intend", 0, 0), ("after-intend", 0, 1), ("before-done", 3, 1)]
)
def test_a_crash_at_any_step_is_settled(
    ready: House, monkeypatch: pytest.MonkeyPatch, at: str, gone: int, settled: int
) -> None:
    with monkeypatch.context() as crashing:
        crashing.setattr(House, "ledger", property(lambda house: CutLedger(Ledger(house.ledger_dir, house.id), at)))
        with pytest.raises(Cut):
            ready.sweep()
    assert ready.scalar("select count(*) from record") == 3 - gone
    with ready.session() as session:
        assert settle(session, ready.ledger) == settled
        assert settle(session, ready.ledger) == 0
        assert apply_again(session, ready.ledger) == Repeated()
    ready.sweep()
    assert ready.scalar("select count(*) from record") == 0
    assert ready.scalar("select sum(disposed) from certificate") == 3


def test_a_line_cut_off_does_not_spoil_the_next(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, random_id())
    first, second = random_id(), random_id()
    ledger.intend(Line("intend", first))
    with next(tmp_path.iterdir()).open("ab") as file:
        file.write(b'{"step":"intend","chu')
    ledger.intend(Line("intend", second))
    ledger.close("done", [second])
    chunks = ledger.chunks()
    assert list(chunks) == [first, second]
    assert (chunks[first].is_open, chunks[second].is_open) == (True, False)


def test_a_line_a_crash_cut_off_is_no_damage_wherever_it_was_cut(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, random_id())
    first, second = random_id(), random_id()
    ledger.intend(Line("intend", first))
    (path,) = tmp_path.iterdir()
    begun = path.read_bytes()
    for length in range(1, len(begun) - 1, 9):
        path.write_bytes(begun + begun[:length])
        assert list(ledger.chunks()) == [first]
        ledger.close("done", [first])
        ledger.intend(Line("intend", second))
        assert [chunk.is_open for chunk in ledger.chunks().values()] == [False, True]


def test_a_line_of_an_older_version_is_read(tmp_path: Path) -> None:
    ledger, chunk, keys = Ledger(tmp_path, random_id()), random_id(), [random_id(), random_id()]
    listed = ",".join(f'"{key}"' for key in keys)
    body = f'{{"step":"intend","chunk":"{chunk}","gone":{{"record":[{listed}]}},"emptied":{{"register":[]}}'.encode()
    ledger.intend(Line("intend", random_id()))
    (path,) = tmp_path.iterdir()
    path.write_bytes(body + b',"crc":"%08x"}\n' % crc32(body))
    ledger.intend(Line("intend", random_id(), {"record": Keys.of(keys)}))
    for found in ledger.chunks().values():
        assert list(found.intent.gone["record"]) == keys


@pytest.mark.parametrize("line", [0, 1, 2])
@pytest.mark.parametrize("how", ["flipped", "cut", "emptied", "gone"])
def test_a_damaged_ledger_is_noticed(tmp_path: Path, line: int, how: str) -> None:
    ledger = Ledger(tmp_path, random_id())
    first, second = random_id(), random_id()
    ledger.intend(Line("intend", first, {"record": Keys.of([random_id()])}))
    ledger.close("done", [first])
    ledger.intend(Line("intend", second))
    ledger.close("done", [second])
    (path,) = tmp_path.iterdir()
    lines = path.read_bytes().splitlines(keepends=True)
    whole = lines[line]
    chunk = str(first if line < 2 else second).encode()
    another = chunk[:-1] + (b"1" if chunk.endswith(b"0") else b"0")  # it reads well, and is not what was written
    flipped = whole.replace(chunk, another)
    assert flipped != whole
    damaged = {"flipped": flipped, "cut": whole[:30] + b"\n", "emptied": b"\n", "gone": b""}
    lines[line] = damaged[how]
    path.write_bytes(b"".join(lines))
    if how == "gone" and line == 1:
        assert ledger.chunks()[first].is_open  # a `done` that is missing as a whole is that of a crash: it is settled
        return
    number = {0: 1, 2: 3}[line] if how == "gone" else line + 1  # of the `done` whose beginning is gone
    with pytest.raises(NotReady, match=rf"Line {number} of the erasure ledger {path} .*restore the ledger from"):
        ledger.chunks()


def test_the_last_line_damaged_but_whole_is_no_crash(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, random_id())
    ledger.intend(Line("intend", random_id()))
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes().rstrip(b"\n") + b"?")
    with pytest.raises(NotReady, match="Line 1"):
        ledger.chunks()


def test_a_folder_that_is_a_file_is_told(ready: House) -> None:
    ready.ledger_dir.parent.mkdir(parents=True, exist_ok=True)
    ready.ledger_dir.write_text("")
    sentence = "is a file: MUNIMENT_LEDGER_DIR must name a folder"
    with pytest.raises(NotReady, match=sentence):
        RestoreCheck(ready.database, ready.ledger_dir)()
    with pytest.raises(NotReady, match=sentence):
        ready.ledger.intend(Line("intend", random_id()))


def test_a_deployment_with_a_damaged_ledger_is_not_ready(ready: House) -> None:
    ready.sweep()
    check = RestoreCheck(ready.database, ready.ledger_dir)
    check()
    (path,) = ready.ledger_dir.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"intend", b"intenD", 1))
    with pytest.raises(NotReady, match="Line 1"):
        check()
    with ready.session() as session, pytest.raises(NotReady, match="Line 1"):
        settle(session, ready.ledger)
    path.write_bytes(whole)
    check()


@contextmanager
def restored(house: House, engine: Engine) -> Iterator[None]:
    """What happens in the block is undone in the database alone, as by restoring a backup made before it."""
    tables = ["person", "client_file", "record", "milestone", "arming"]
    with engine.begin() as connection:
        for table in tables:
            connection.execute(text(f"create table kept_{table} as select * from {table}"))
    yield
    with engine.begin() as connection:
        connection.execute(text("delete from certificate"))
        connection.execute(text("delete from disposal"))
        connection.execute(text("delete from sweep_run"))
        for table in tables[::-1]:
            connection.execute(text(f"delete from {table}"))
        for table in tables:
            connection.execute(text(f"insert into {table} select * from kept_{table}"))


def test_a_restore_brings_nobody_back(ready: House, superuser_engine: Engine) -> None:
    check = RestoreCheck(ready.database, ready.ledger_dir)
    check()
    with restored(ready, superuser_engine):
        assert ready.sweep().disposed == 3
    assert ready.scalar("select count(*) from client_file") == 3
    with pytest.raises(NotReady):
        RestoreCheck(ready.database, ready.ledger_dir)()
    with ready.session() as session:
        assert apply_again(session, ready.ledger) == Repeated(1, 9, 1)
    assert ready.scalar("select count(*) from client_file") + ready.scalar("select count(*) from person") == 0
    with pytest.raises(NotReady):
        RestoreCheck(ready.database, ready.ledger_dir)()
    ready.sweep()
    RestoreCheck(ready.database, ready.ledger_dir)()
    with ready.session() as session:
        assert apply_again(session, ready.ledger) == Repeated()


def test_what_was_never_done_is_not_applied(ready: House) -> None:
    (record_id, *_) = ready.ids("select id from record")
    ready.ledger.intend(Line("intend", random_id(), {"record": Keys.of([record_id])}))
    with ready.session() as session:
        settle(session, ready.ledger)
        assert apply_again(session, ready.ledger) == Repeated()
    assert ready.scalar("select count(*) from record") == 3


def test_paper_goes_when_somebody_confirms_it(house: House, councils: tuple[UUID, UUID]) -> None:
    house.adopt()
    for _ in range(2):
        house.file("letter", medium="paper", recorded_on=LONG_AGO)
    house.flush()
    house.arm("letter")
    run = house.sweep()
    with house.session() as session:
        waiting = awaiting(session, house.caller)
        (found,) = certificates(session, house.caller, run_id=run.id)
    assert (found.awaited, found.confirmed, found.complete) == (2, 0, False)
    assert {entry.location for entry in waiting} == {"shelf 3"}
    other = House(house.database, councils[1], house.ledger_dir)
    for who, keys in ((other, [waiting[0].id]), (house, [waiting[0].id, random_id()])):
        with pytest.raises(NotFound), who.session() as session:
            confirm(session, who.caller, who.ledger, keys, destroyed_on=date(2026, 11, 20), method="shredded")
    with pytest.raises(InvalidInput), house.session() as session:
        confirm(session, house.caller, house.ledger, [waiting[0].id], destroyed_on=date(2026, 11, 21), method="x")
    for count, entry in enumerate(waiting, 1):
        with house.session() as session:
            confirm(session, house.caller, house.ledger, [entry.id], destroyed_on=date(2026, 11, 20), method="shredded")
        with house.session() as session:
            (found,) = certificates(session, house.caller, run_id=run.id)
        assert (found.confirmed, found.complete) == (count, count == 2)
    assert house.scalar("select count(*) from record") == 0
