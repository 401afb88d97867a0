"""The facade: who is asked, what is passed, what a failure comes to."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from structlog.testing import capture_logs

import muniment.plugins.judges
import muniment.plugins.observers
from muniment.api.clients import Category, ClientDeclarations, ProposedValues, Refusal, RegisteredClient
from muniment.api.errors import DeclarationError, PluginError
from muniment.api.markers import hookimpl
from muniment.api.plugin import API_VERSION, WordsPlugin
from muniment.api.retention import DisposedRecords, HeldQuestion, HoldAnswer
from muniment.plugins.facade import CouncilFacade
from muniment.testing.doubles import Declared, StatedPlugin, load_doubles, stated_council

PROPOSED = [ProposedValues(number, "housing", "tenancy", {"contact.name": "generated"}) for number in (1, 2)]
QUESTIONS = [HeldQuestion(number, "housing", "tenancy", date(2026, 1, 1), "key", {}) for number in (1, 2)]


class Judge:
    api_version = API_VERSION

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.seen: list[Any] = []

    @hookimpl
    def client_validate(self, proposed: Sequence[ProposedValues]) -> Any:
        self.seen.append(proposed)
        return self.answer() if callable(self.answer) else self.answer

    @hookimpl
    def retention_hold(self, questions: Sequence[HeldQuestion]) -> Any:
        self.seen.append(questions)
        return self.answer() if callable(self.answer) else self.answer


class Observer:
    api_version = API_VERSION

    def __init__(self, heard: list[str], name: str, error: type[BaseException] | None = None) -> None:
        self.heard, self.name, self.error = heard, name, error

    @hookimpl
    def client_registered(self, clients: Sequence[RegisteredClient]) -> None:
        self.heard.append(self.name)
        if self.error is not None:
            raise self.error("a generated person's name")


def facade(*uses: tuple[str, object], idle: object | None = None) -> CouncilFacade:
    names = tuple(name for name, _ in uses)
    plugins = {"own": StatedPlugin(stated_council("alpha", "housing", uses=names), {"housing": Declared()})}
    others = dict(uses) | ({"idle": idle} if idle is not None else {})
    return load_doubles({**plugins, **others}).facade("alpha")


def raising() -> Any:
    raise ValueError("a generated person's name")


def test_declarations_keep_who_said_them() -> None:
    class Programme(StatedPlugin):
        pass

    said = ClientDeclarations(categories=(Category(id="contact", title="Contact"),))
    shared = Programme(None, {"housing": Declared(clients=said)})
    answers = facade(("a-programme", shared)).client_categories("housing")
    assert [answer.plugin for answer in answers.said] == ["a-programme", "own"]
    assert answers.said[0].value == said
    assert facade(("a-programme", shared)).client_categories("another").said == ()


def test_a_declaration_of_the_wrong_type_is_found() -> None:
    wrong = ClientDeclarations(categories=(Category(id="Not An Id", title="Contact"),))
    answers = facade(("a-programme", StatedPlugin(None, {"housing": Declared(clients=wrong)}))).client_categories(
        "housing"
    )
    assert [error.plugin for error in answers.errors] == ["a-programme"]
    assert "a-programme, hook client_categories" in str(answers.errors[0].value)


def test_an_exception_names_plugin_and_hook() -> None:
    class Broken(StatedPlugin):
        @hookimpl
        def retention_rules(self, service: str) -> None:
            raise ZeroDivisionError("secret")

    with pytest.raises(PluginError, match="ZeroDivisionError") as caught:
        facade(("broken", Broken(None))).retention_rules("housing")
    assert (caught.value.plugin, caught.value.hook) == ("broken", "retention_rules")
    assert "secret" not in str(caught.value)


def test_a_file_that_does_not_load_is_an_answer_of_its_own() -> None:
    class Typo(StatedPlugin):
        @hookimpl
        def retention_rules(self, service: str) -> None:
            raise DeclarationError("unknown name 'kep'", file="typo/retention.toml", path="$.rule[0]")

    answers = facade(("typo", Typo(None))).retention_rules("housing")
    assert [said.plugin for said in answers.said] == ["own"]
    assert [error.plugin for error in answers.errors] == ["typo"]


def test_a_refusal_is_kept_with_its_plugin() -> None:
    judge = Judge([Refusal(2, "too-old", "The person is too old.")])
    (refused,) = facade(("judge", judge)).client_validate(PROPOSED)
    assert (refused.plugin, refused.item, refused.code) == ("judge", 2, "too-old")
    assert judge.seen == [PROPOSED]


def test_only_plugins_that_the_council_uses_are_asked() -> None:
    judge = Judge([Refusal(1, "no", "No.")])
    assert facade(idle=judge).client_validate(PROPOSED) == ()
    assert judge.seen == []


def test_which_plugins_are_asked_can_be_another_policy_s() -> None:
    asked = facade(("a-programme", StatedPlugin(None, {})), idle=StatedPlugin(None, {})).using(["idle"])
    assert [source.distribution for source in asked.asked] == ["muniment", "idle", "own"]


@pytest.mark.parametrize(
    "answer",
    [raising, [{"item": 1}], "no", 7, [Refusal(9, "no", "No.")], [Refusal("1", "no", "No.")]],  # type: ignore[arg-type]  # wrong on purpose
    ids=["raises", "other struct", "text", "number", "item not asked about", "wrong type inside"],
)
def test_a_judge_that_fails_refuses_and_holds_everything(answer: Any) -> None:
    asked = facade(("judge", Judge(answer)))
    refused = asked.client_validate(PROPOSED)
    assert [(entry.item, entry.code) for entry in refused] == [(1, "judge-failed"), (2, "judge-failed")]
    held = asked.retention_hold(QUESTIONS)
    assert [(entry.item, entry.failed) for entry in held] == [(1, True), (2, True)]
    assert not any("generated person" in entry.reason for entry in refused)


def test_an_empty_answer_refuses_nothing() -> None:
    assert facade(("judge", Judge(None))).client_validate(PROPOSED) == ()
    assert facade(("judge", Judge([]))).retention_hold(QUESTIONS) == ()


def test_no_judge_overrules_another() -> None:
    hold = [HoldAnswer(1, "a claim is pending")]
    asked = facade(("holds", Judge(hold)), ("lets-go", Judge([])))
    assert [(entry.plugin, entry.item) for entry in asked.retention_hold(QUESTIONS)] == [("holds", 1)]


def test_a_plugin_that_is_gone_refuses_and_holds() -> None:
    plugins = load_doubles({"own": StatedPlugin(stated_council("alpha", "housing"), {})})
    asked = plugins.facade("alpha", uses=("gone",))
    assert asked.missing == ("gone",)
    assert {entry.code for entry in asked.client_validate(PROPOSED)} == {"plugin-missing"}
    assert all(entry.failed for entry in asked.retention_hold(QUESTIONS))
    assert asked.client_validate([]) == ()


@pytest.mark.parametrize("error", [RuntimeError, SystemExit])
def test_one_observer_that_raises_stops_no_other(error: type[BaseException]) -> None:
    heard: list[str] = []
    asked = facade(("first", Observer(heard, "first", error)), ("second", Observer(heard, "second")))
    asked.client_registered([RegisteredClient("alpha", "housing", "key")])
    assert heard == ["first", "second"]


class Hanging:
    """Judges and observes, and does not come back before it may."""

    api_version = API_VERSION

    def __init__(self) -> None:
        self.may_go_on, self.calls = threading.Event(), 0

    def hang(self) -> None:
        self.calls += 1
        self.may_go_on.wait(30)

    def go_on(self) -> None:
        self.may_go_on.set()
        for thread in threading.enumerate():
            if thread.name.endswith(" of hangs"):
                thread.join()

    @hookimpl
    def record_disposed(self, disposed: Sequence[DisposedRecords]) -> Any:
        self.hang()
        return "x" * 10_000_000

    @hookimpl
    def retention_hold(self, questions: Sequence[HeldQuestion]) -> list[HoldAnswer]:
        self.hang()
        return []


def test_an_observer_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(muniment.plugins.observers, "PATIENCE", 0.05)
    hanging, threads = Hanging(), threading.active_count()
    asked = facade(("hangs", hanging))
    with capture_logs() as logs:
        for _ in range(3):
            asked.record_disposed([])
    assert hanging.calls == 1
    assert threading.active_count() == threads + 1
    assert {(entry["plugin"], entry["hook"]) for entry in logs} == {("hangs", "record_disposed")}
    assert [entry["error"] for entry in logs] == ["took longer than 0.05 second", *["still at an earlier call"] * 2]
    hanging.go_on()
    asked.record_disposed([])
    assert hanging.calls == 2


def test_a_judge_that_hangs_says_no_and_takes_one_thread_of_each_council(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(muniment.plugins.judges, "PATIENCE", 0.05)
    hanging, threads = Hanging(), threading.active_count()
    councils = {slug: StatedPlugin(stated_council(slug, uses=("hangs",))) for slug in ("alpha", "beta")}
    plugins = load_doubles({**councils, "hangs": hanging})
    for facade in (plugins.facade("alpha"), plugins.facade("beta")):
        held = [facade.retention_hold(QUESTIONS) for _ in range(3)]
        assert all([(entry.item, entry.failed) for entry in entries] == [(1, True), (2, True)] for entries in held)
        assert "took longer than 0.05 second" in held[0][0].ground
        assert all("earlier question and is still at it" in entries[0].ground for entries in held[1:])
    assert hanging.calls == 2
    assert threading.active_count() == threads + 2
    hanging.go_on()
    assert plugins.facade("alpha").retention_hold(QUESTIONS) == ()


def test_templates_are_searched_from_the_council_to_the_words() -> None:
    class Own(StatedPlugin):
        @hookimpl
        def notice_templates(self) -> Any:
            return WordsPlugin("muniment.accounts").notice_templates()

    own = Own(stated_council("alpha", uses=("words",)))
    asked = load_doubles({"own": own, "words": WordsPlugin("muniment.web")}).facade("alpha")
    assert [said.plugin for said in asked.notice_templates()] == ["own", "words"]
