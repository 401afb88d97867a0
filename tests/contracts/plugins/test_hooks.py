"""Within a major version the hooks only grow, and the page about them says what they are."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import pytest

from muniment.api.plugin import API_VERSION
from muniment.plugins.reference import hook_specifications, hooks_reference

ROOT = Path(__file__).parents[3]
SNAPSHOT = Path(__file__).parent / f"hooks-{API_VERSION}.json"
QUESTIONS = ("When:", "Order:", "Results:", "Errors:", "Since:")


def signatures() -> dict[str, list[str]]:
    return {
        name: [parameter for parameter in inspect.signature(specification).parameters if parameter != "self"]
        for name, specification in hook_specifications().items()
    }


def test_nothing_of_the_snapshot_is_gone() -> None:
    now = signatures()
    for name, parameters in json.loads(SNAPSHOT.read_text()).items():
        assert name in now, f"the hook {name} was taken away: that needs another major version"
        missing = set(parameters) - set(now[name])
        assert not missing, f"{name} lost {missing}: that needs another major version"


def test_the_snapshot_is_current() -> None:
    assert json.loads(SNAPSHOT.read_text()) == signatures(), f"a hook was added: write it into {SNAPSHOT.name}"


@pytest.mark.parametrize("name", sorted(hook_specifications()))
def test_each_specification_answers_the_same_questions(name: str) -> None:
    specification = hook_specifications()[name]
    doc = inspect.getdoc(specification) or ""
    unanswered = [question for question in QUESTIONS if question not in doc]
    assert not unanswered
    assert inspect.signature(specification).return_annotation is not inspect.Signature.empty


def test_the_page_about_hooks_is_current() -> None:
    page = (ROOT / "docs" / "hooks.md").read_text()
    assert page.rstrip() == hooks_reference().rstrip(), "write it again: muniment plugin hooks > docs/hooks.md"
    headings = re.findall(r"^## `(\w+)\(", page, re.MULTILINE)
    assert headings == list(hook_specifications())
