"""The page about rules: every example loads, contradicts nothing, and comes to what stands below it."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from muniment.api.clients import Category, Cohort, Field
from muniment.api.retention import RetentionDeclarations
from muniment.policy.shapes import contradictions
from tests.integration.retention.kit import House, policy_of
from tests.integration.retention.reference import Answer, History, expected
from tests.integration.retention.test_clocks_agree import agree

PAGE = Path(__file__).parents[3] / "docs" / "retention-rules.md"
SECTION = re.compile(r"^## (?P<title>.+?)\n.*?```toml\n(?P<toml>.+?)```\n\n(?P<table>(?:\|[^\n]*\n)+)", re.M | re.S)
EXAMPLES = {match["title"]: match for match in SECTION.finditer(PAGE.read_text(encoding="utf-8"))}
COHORTS = (Cohort(id="learners", title="Learners", in_programme="bridge"), Cohort(id="carers", title="Carers"))
VALUE = Field(id="value", title="Value", type="money")
CATEGORIES = (Category(id="contract", title="Contract", fields=(VALUE,)),)
DAY = r"(?P<day>\d{4}-\d\d-\d\d)"


def test_every_section_has_an_example_that_is_tried() -> None:
    assert list(EXAMPLES) == re.findall(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), re.M)


@pytest.mark.parametrize("title", EXAMPLES)
def test_each_example_comes_to_what_the_page_says(house: House, title: str) -> None:
    retention = tomllib.loads(EXAMPLES[title]["toml"])
    retention["class"] = [{"id": "case", "title": "Cases"}, *retention.get("class", [])]
    retention = msgspec.to_builtins(retention)
    policy = policy_of(retention, cohorts=COHORTS, categories=CATEGORIES)
    assert list(contradictions(policy)) == []
    declared = msgspec.convert(retention, RetentionDeclarations)
    lines = [line.strip("| ").split(" | ") for line in EXAMPLES[title]["table"].splitlines()[2:]]
    for happened, says in lines:
        history = history_of(happened)
        assert expected(declared, "case", history, COHORTS) == answer_of(says), happened
        agree(house, retention, [history], history.ended, COHORTS)


def history_of(words: str) -> History:
    history = History(recorded_on=date(2020, 1, 1))
    for part in words.split(", "):
        day = date.fromisoformat(part[-10:]) if re.search(DAY, part) else date.min
        match part.split():
            case ["nothing"]:
                pass
            case ["paper"]:
                history.medium = "paper"
            case ["born", _]:
                history.born_on = day
            case ["reviewed", _]:
                history.reviewed_on = day
            case ["extended", _]:
                history.extended.append((day, False, False))
            case ["in", programme]:
                history.enrolled.append(programme)
            case [programme, "ended", _]:
                history.ended[programme] = day
            case [count, "stage" | "stages", "done"]:
                history.stage = int(count)
            case [name, "=", value, "for", purpose]:
                history.values[name] = {"v": value, "p": [purpose]}
            case ["child" | "parent" | "other" as whose, kind, _]:
                history.milestones.append((kind, day, True, whose))
            case ["our", kind, _]:
                history.milestones.append((kind, day, False, "client"))
            case [kind, _]:
                history.milestones.append((kind, day, True, "client"))
            case other:
                raise ValueError(f"not understood: {other}")
    return history


def answer_of(words: str) -> Answer:
    told: dict[str, Any] = {"state": words}
    if found := re.fullmatch(rf"until {DAY}, (?P<action>[a-z]+)(?:; review (?P<review>\S+))?", words):
        told = {"state": "dated", "due_on": date.fromisoformat(found["day"]), "action": found["action"]}
        told["review_on"] = date.fromisoformat(found["review"]) if found["review"] else None
    return Answer(**told)
