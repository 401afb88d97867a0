"""The tutorial for plugin authors, done as it is written: its files are built and its promises tried."""

from __future__ import annotations

import importlib
import re
import runpy
import sys
import tomllib
from collections.abc import Iterator
from datetime import date
from importlib import invalidate_caches
from pathlib import Path
from types import ModuleType

import pytest

from muniment.api.clients import ProposedValues
from muniment.defaults.law import law_in_force
from muniment.notices.document import assemble, notices_of
from muniment.notices.render import as_text
from muniment.notices.words import Words
from muniment.plugins.manager import Plugins, PluginSource, installed_plugins, load_plugins
from muniment.policy.check import check
from muniment.policy.compile import compile_policy
from muniment.policy.findings import Finding
from muniment.testing.conformance import conform
from muniment.testing.plugin import Conforms

PAGE = (Path(__file__).parents[3] / "docs/plugin-authors.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(?P<kind>\w+)(?: (?P<name>\w+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = {
    block["text"].partition("\n")[0].removeprefix("# "): block["text"]
    for block in BLOCK.finditer(PAGE)
    if block["kind"] in ("toml", "python")
}
SHOWN = {block["name"]: block["text"].strip() for block in BLOCK.finditer(PAGE) if block["kind"] == "text"}
SLUG, PACKAGE, TODAY = "exampleton", "muniment_exampleton", date(2026, 11, 20)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The tutorial's package, written out and imported."""
    for path, text in FILES.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    invalidate_caches()
    yield importlib.import_module(PACKAGE)
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def loaded(plugin: object) -> Plugins:
    return load_plugins([*installed_plugins(), PluginSource(SLUG, PACKAGE.replace("_", "-"), "0.1.0", PACKAGE, plugin)])


def findings(plugin: object) -> tuple[Finding, ...]:
    return check(compile_policy(loaded(plugin).facade(SLUG), (), TODAY), law_in_force(TODAY), TODAY)


def test_every_block_is_a_file_of_the_package() -> None:
    assert set(FILES) == {
        "pyproject.toml", "tests/test_conformance.py",
        *(f"{PACKAGE}/{name}" for name in ("__init__.py", "judging.py", "council.toml")),
        *(f"{PACKAGE}/library/{name}.toml" for name in ("categories", "purposes", "retention", "notice")),
    }  # fmt: skip


def test_the_entry_point_names_the_plugin() -> None:
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    assert project["entry-points"]["muniment.plugins"] == {SLUG: f"{PACKAGE}:plugin"}


def test_it_conforms_and_the_gap_is_as_shown(package: ModuleType) -> None:
    result = conform(SLUG, PACKAGE, package.plugin, today=TODAY)
    level, id_, path = SHOWN["check"].split()
    assert [found.level for found in result.findings if (found.id, found.path) == (id_, path)] == [level]
    clause = result.compiled.sound().services["library"].retention.rules[1].clauses[0]
    assert (clause.id, clause.anchor) == ("one-year", None)


def test_the_test_that_every_plugin_passes_pins_what_is_found(
    package: ModuleType, tmp_path: Path, muniment_conforms: Conforms
) -> None:
    test = runpy.run_path(str(tmp_path / "tests/test_conformance.py"))["test_it_conforms"]
    with pytest.raises(AssertionError, match="has been written"):
        test(muniment_conforms)
    test(muniment_conforms)
    pinned = tmp_path / "tests/findings.txt"
    pinned.write_text(pinned.read_text().replace("gap ", "note ", 1))
    with pytest.raises(AssertionError, match=r"(?s)finds something else.*\n-note .*\n\+gap "):
        test(muniment_conforms)


def test_the_notice_renders_what_was_declared(package: ModuleType) -> None:
    plugins = loaded(package.plugin)
    policy = compile_policy(plugins.facade(SLUG), (), TODAY).sound()
    (ref,) = notices_of(policy, None)
    text = " ".join(as_text(assemble(policy, ref, "en", law_in_force(TODAY), Words.of(plugins))).split())
    facts = (
        "Exampleton Council",
        "large print",
        "Lend you books",
        "2 years",
        "1 year",
        "trained",
        "section 7",
        "version 2",
    )
    assert [fact for fact in facts if fact not in text] == []


def test_a_mistake_is_explained_as_shown(package: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / PACKAGE / "library/retention.toml"
    file.write_text(file.read_text().replace('keep = "1 year"', 'keeps = "1 year"'), encoding="utf-8")
    (found,) = (found for found in findings(package.plugin) if found.level == "error")
    assert SHOWN["error"] in found.message


def test_the_judge_refuses_what_it_says(package: ModuleType) -> None:
    plugin = importlib.import_module(f"{PACKAGE}.judging").plugin
    proposed = [
        ProposedValues(number, "library", "library/reader-records", {"contacts.telephone": telephone})
        for number, telephone in enumerate(("01632 960001", "0909 8790001"))
    ]
    refused = loaded(plugin).facade(SLUG).client_validate(proposed)
    assert [refusal.item for refusal in refused] == [1]
