"""Plugins keep what is due, by an answer or by failing, and it shows; they are told of what went, once, and no more."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

import muniment.plugins.judges
from muniment.api.markers import hookimpl
from muniment.api.plugin import API_VERSION
from muniment.api.retention import DisposedRecords, HeldQuestion, HoldAnswer
from muniment.plugins.facade import CouncilFacade
from muniment.retention.evidence.ledger import Ledger
from muniment.testing.doubles import StatedPlugin, load_doubles, stated_council
from tests.integration.retention.kit import House

LONG_AGO = date(2019, 3, 1)


class Judge:
    api_version = API_VERSION

    def __init__(self, answer: Callable[[Sequence[HeldQuestion]], Any]) -> None:
        self.answer = answer

    @hookimpl
    def retention_hold(self, questions: Sequence[HeldQuestion]) -> Any:
        return self.answer(questions)


class Observer:
    api_version = API_VERSION

    def __init__(self, heard: list[Sequence[DisposedRecords]], *, fail: bool = False) -> None:
        self.heard, self.fail = heard, fail

    @hookimpl
    def record_disposed(self, disposed: Sequence[DisposedRecords]) -> None:
        self.heard.append(disposed)
        if self.fail:
            raise RuntimeError("a generated person's name")


def facade(**others: object) -> CouncilFacade:
    own = StatedPlugin(stated_council("alpha", uses=tuple(others)))
    return load_doubles({"own": own, **others}).facade("alpha")


def closed_first(questions: Sequence[HeldQuestion]) -> list[HoldAnswer]:
    """Keeps what was due first, by the milestones and days it is shown."""
    first = min(question.due_on for question in questions)
    assert all(question.milestones["case-closed"] < question.due_on for question in questions)
    return [HoldAnswer(question.item, "an inquiry") for question in questions if question.due_on == first]


def raising(_questions: Sequence[HeldQuestion]) -> Any:
    raise ValueError("a generated person's name")


def slow(_questions: Sequence[HeldQuestion]) -> Any:
    time.sleep(0.5)


@pytest.fixture
def ready(house: House) -> House:
    house.adopt()
    for month in (1, 2, 3):
        house.file("case", milestones={"case-closed": LONG_AGO.replace(month=month)})
    house.flush()
    house.arm("case")
    return house


def test_what_a_plugin_holds_stays_and_it_shows(ready: House) -> None:
    run = ready.sweep(facade=facade(careful=Judge(closed_first), idle=Judge(lambda _questions: [])))
    assert (run.disposed, run.kept) == (2, 1)
    assert ready.scalar("select happened_on from milestone") == date(2019, 1, 1)
    assert {plugin: (kept.records, kept.failed) for plugin, kept in run.kept_by.items()} == {"careful": (1, "")}
    assert ready.scalar("select kept from certificate") == 1
    again = ready.sweep(facade=facade(idle=Judge(lambda _questions: [])))
    assert (again.disposed, again.kept, again.kept_by) == (1, 0, {})


@pytest.mark.parametrize(
    ("answer", "why"),
    [(raising, "raised ValueError"), (slow, "took longer than"), (lambda _questions: "nonsense", "answered something")],
    ids=["raises", "too-slow", "nonsense"],
)
def test_a_judge_that_fails_holds_everything_and_it_shows_why(
    ready: House, monkeypatch: pytest.MonkeyPatch, answer: Callable[[Any], Any], why: str
) -> None:
    monkeypatch.setattr(muniment.plugins.judges, "PATIENCE", 0.2)
    run = ready.sweep(facade=facade(broken=Judge(answer), idle=Judge(lambda _questions: [])), files=2)
    assert (run.state, run.disposed, run.kept) == ("done", 0, 3)
    (kept,) = run.kept_by.values()
    assert kept.records == 3
    assert why in kept.failed
    assert "generated" not in kept.failed
    assert ready.scalar("select count(*) from record") == 3


def test_a_judge_may_take_up_to_a_second() -> None:
    assert muniment.plugins.judges.PATIENCE == 1.0


def test_a_plugin_that_is_missing_holds_everything(ready: House) -> None:
    plugins = load_doubles({"own": StatedPlugin(stated_council("alpha"))})
    run = ready.sweep(facade=plugins.facade("alpha", ["gone-astray"]))
    assert (run.disposed, run.kept) == (0, 3)
    assert "not installed" in run.kept_by["gone-astray"].failed


def test_observers_are_told_once_of_what_went_here(ready: House, caplog: pytest.LogCaptureFixture) -> None:
    ready.file("letter", medium="paper", recorded_on=LONG_AGO)
    ready.flush()
    ready.arm("letter")
    heard: list[Sequence[DisposedRecords]] = []
    both = facade(failing=Observer(heard, fail=True), listening=Observer(heard))
    run = ready.sweep(facade=both)
    assert (run.disposed, run.awaited) == (3, 1)
    (certificate_id,) = ready.ids("select id from certificate where record_class = 'advice/case'")
    told = [DisposedRecords("alpha", "advice/case", 3, str(certificate_id))]
    assert heard == [told, told]
    ready.sweep(facade=both)
    assert len(heard) == 2


def test_observers_are_not_told_of_what_was_rolled_back(ready: House, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Sequence[DisposedRecords]] = []

    def failing(*_arguments: object) -> None:
        raise RuntimeError("at the last step")

    with monkeypatch.context() as breaking:
        breaking.setattr(Ledger, "intend", failing)
        run = ready.sweep(facade=facade(listening=Observer(heard)))
    assert (run.disposed, run.parked, heard) == (0, 3, [])
    with ready.session() as session:
        assert session.execute(text("select count(*) from record")).scalar_one() == 3
