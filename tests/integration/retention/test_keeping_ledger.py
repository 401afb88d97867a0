"""The ledger behind what keeps: a crash at any step loses nothing, and of rows that are gone it forgets all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from muniment.api.errors import NotReady
from muniment.retention.disposal.restore import Repeated, forget_outdated, recover, settle
from muniment.retention.evidence import keeping
from muniment.retention.evidence.ledger import Ledger
from tests.integration.retention.keeping_town import CASE, Town, town
from tests.integration.retention.kit import hold

__all__ = ["town"]

STEPS = ["before-intend", "after-intend", "before-done", "after-done"]


class Cut(BaseException):
    """A process that ends here; nothing of it catches anything."""


class CutLedger(Ledger):
    """A ledger whose process dies at a step, named in `at`."""

    at = ""

    def intend(self, line: Any) -> None:
        if self.at == "before-intend":
            raise Cut
        super().intend(line)
        if self.at == "after-intend":
            raise Cut

    def close(self, step: Any, chunks: Any) -> None:
        if self.at == "before-done":
            raise Cut
        super().close(step, chunks)
        if self.at == "after-done":
            raise Cut


@pytest.mark.parametrize("restored", [False, True], ids=["restart", "restore"])
@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_of_placing_a_hold_loses_none_that_was_committed(
    town: Town, monkeypatch: pytest.MonkeyPatch, step: str, restored: bool
) -> None:
    town.backup.take()
    town.release(hold(town.house, "file", town.due[1]).id)  # so that a restored database can be told from a live one
    with monkeypatch.context() as crashing:
        crashing.setattr(keeping, "Ledger", CutLedger)
        crashing.setattr(CutLedger, "at", step)
        with pytest.raises(Cut):
            hold(town.house, "file", town.due[0])
    committed = town.house.scalar("select count(*) from hold where target_id = :id", id=town.due[0])
    assert committed == (1 if step in {"before-done", "after-done"} else 0)
    if restored:
        town.restore()
    town.recover()
    stands = town.house.scalar("select count(*) from hold where target_id = :id and released_at is null",
                               id=town.due[0])  # fmt: skip
    in_doubt = restored and step == "after-intend"
    assert stands == (1 if in_doubt else committed)
    town.house.sweep()
    assert town.left & set(town.due) == (set(town.due[:1]) if stands else set())
    with town.house.session() as session:
        assert settle(session, town.house.ledger) == 0


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_of_releasing_a_hold_releases_nothing_in_doubt(
    town: Town, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    placed = hold(town.house, "file", town.due[0])
    town.backup.take()
    town.release(hold(town.house, "file", town.due[1]).id)
    with monkeypatch.context() as crashing:
        crashing.setattr(keeping, "Ledger", CutLedger)
        crashing.setattr(CutLedger, "at", step)
        with pytest.raises(Cut):
            town.release(placed.id)
    assert town.swept() & set(town.due) == (set() if step == "after-done" else {town.due[0]})


def test_without_a_ledger_nothing_is_placed_and_nothing_ended(town: Town) -> None:
    placed = hold(town.house, "file", town.due[0])
    extension_id = town.extend(town.due[1])
    before = town.keeping
    (path,) = town.house.ledger_dir.iterdir()
    content = path.read_bytes()
    path.unlink()
    doings: list[Callable[[], object]] = [
        lambda: hold(town.house, "class", CASE), lambda: town.release(placed.id), town.disarm,
        lambda: town.extend(town.due[2]), lambda: town.withdraw(extension_id),
    ]  # fmt: skip
    for state, said in (("missing", "is not there"), ("a folder", "cannot be written")):
        if state == "a folder":
            path.mkdir()  # opening it fails for root too, as on a disk that is read-only
        for doing in doings:
            with pytest.raises(NotReady, match=said):
                doing()
        assert town.keeping == before
    path.rmdir()
    path.write_bytes(content)
    town.release(placed.id)


def test_the_ledger_forgets_what_it_says_of_rows_that_are_gone(town: Town) -> None:
    house = town.house
    town.release(hold(house, "file", town.due[0]).id)
    standing = hold(house, "file", town.due[1])
    town.extend(town.due[2])
    house.sweep()
    words = house.ledger.path.read_bytes()
    assert b"wants support" in words
    assert b"the claim is settled" in words
    with house.session() as session:
        assert forget_outdated(session, house.ledger) == 0
    gone = [row[0] for row in house.all("delete from hold where released_at is not null returning id")]
    house.all("delete from extension returning id")
    with house.session() as session:
        assert forget_outdated(session, house.ledger) == 3
        assert forget_outdated(session, house.ledger) == 0
    words = house.ledger.path.read_bytes()
    assert b"wants support" not in words
    assert b"the claim is settled" not in words
    assert str(standing.id).encode() in words
    assert not any(str(key).encode() in words for key in gone)
    assert sum(len(chunk.intent.gone.get("record", ())) for chunk in house.ledger.chunks().values()) == 1
    hold(house, "file", town.due[2])
    with house.session() as session:
        assert (settle(session, house.ledger), recover(session, house.ledger)) == (0, Repeated())


def test_a_restored_database_has_the_ledger_forget_nothing(town: Town) -> None:
    town.backup.take()
    hold(town.house, "file", town.due[0])
    town.restore()
    with town.house.session() as session:
        assert forget_outdated(session, town.house.ledger) == 0
    assert town.swept() & set(town.due) == {town.due[0]}
