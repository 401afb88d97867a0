"""What the two councils' plugins and the test policies declare, as far as it can be told without rendering."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cache
from importlib import resources

import msgspec
import pytest

import muniment_milton_keynes
import muniment_sefton
from muniment.api.periods import parse_keep
from muniment.policy.compile import compile_policy
from muniment.policy.model import Policy, ServicePolicy
from tests.policies import TEST_POLICIES, all_plugins

TODAY = date(2026, 11, 20)
COUNCILS = {"milton-keynes": "employment-support", "sefton": "sefton-at-work"}


@cache
def declared(slug: str) -> Policy:
    return compile_policy(all_plugins().facade(slug), [], TODAY).sound()


@pytest.fixture
def milton_keynes() -> ServicePolicy:
    return declared("milton-keynes").service("employment-support")


@pytest.fixture
def sefton() -> ServicePolicy:
    return declared("sefton").service("sefton-at-work")


def texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for entry in value.values():
                yield from texts(entry)
        case list() | tuple():
            for entry in value:
                yield from texts(entry)


@pytest.mark.parametrize("slug", [*COUNCILS, *TEST_POLICIES])
def test_a_policy_compiles_from_declarations_alone(slug: str) -> None:
    compiled = compile_policy(all_plugins().facade(slug), [], TODAY)
    assert [problem for problem in compiled.problems if problem.level == "error"] == []
    assert compiled.sound() == compiled.declared


@pytest.mark.parametrize("slug", [*COUNCILS, *TEST_POLICIES])
def test_no_text_is_empty_or_padded(slug: str) -> None:
    for text in texts(msgspec.to_builtins(declared(slug))):
        assert text == text.strip() != ""


@pytest.mark.parametrize("package", [muniment_milton_keynes, muniment_sefton])
def test_nobody_is_named_where_a_role_is_meant(package: object) -> None:
    folder = resources.files(package.__name__)  # type: ignore[attr-defined]
    written = "".join(file.read_text() for file in folder.rglob("*.toml"))  # type: ignore[attr-defined]
    assert "Linda" not in written
    assert "Patterson" not in written


def test_slugs_are_those_that_are_driven_from_outside() -> None:
    for council, service in COUNCILS.items():
        assert [entry.slug for entry in declared(council).council.services] == [service]


def test_milton_keynes_keeps_three_classes_three_years_from_no_day(milton_keynes: ServicePolicy) -> None:
    rules = {rule.id: rule for rule in milton_keynes.retention.rules}
    assert set(rules) == {"service-user-paper", "service-user-digital", "course-registers"}
    for rule in rules.values():
        assert [(clause.keep, clause.anchor, clause.bound) for clause in rule.clauses] == [("3 years", None, None)]
    shapes = {entry.id: (entry.shape, entry.media[0]) for entry in milton_keynes.retention.classes}
    assert shapes["service-user-paper"] == ("file", "paper")
    assert shapes["course-registers"] == ("register", "digital")


def test_milton_keynes_names_nineteen_kinds_of_recipient_and_one_data_match(milton_keynes: ServicePolicy) -> None:
    recipients = milton_keynes.recipients.recipients
    assert len([entry for entry in recipients if entry.match is None]) == 19
    [match] = [entry.match for entry in recipients if entry.match is not None]
    assert match.data_sets == ()
    assert match.statutes == ()


def test_milton_keynes_cites_no_article_and_no_condition(milton_keynes: ServicePolicy) -> None:
    assert [basis.article for basis in milton_keynes.purposes.bases] == [None, None]
    assert milton_keynes.purposes.conditions == ()


def test_sefton_cites_its_conditions_as_printed(sefton: ServicePolicy) -> None:
    cited = [(entry.article, entry.schedule_1, entry.policy_document) for entry in sefton.purposes.conditions]
    assert cited == [("9.2.b", None, None), ("9.2.g", "2.6", None), ("9.2.j", None, None)]
    assert [basis.article for basis in sefton.purposes.bases] == ["6.1.c", "6.1.e"]
    assert all(basis.purposes == () for basis in sefton.purposes.bases)


def test_sefton_holds_the_whole_record_for_seven_years_from_no_day(sefton: ServicePolicy) -> None:
    [rule] = sefton.retention.rules
    [clause] = [clause for clause in rule.clauses if clause.keep == "7 years"]
    assert clause.anchor is None
    assert clause.breadth_open
    assert clause.classes == ()
    assert clause.when is not None
    assert clause.when.milestone == "financial-support"
    assert set(rule.classes) == {entry.id for entry in sefton.retention.classes}


def test_sefton_document_is_version_5_of_october_2024(sefton: ServicePolicy) -> None:
    [notice] = sefton.notices.notices
    assert notice.restates is not None
    assert (notice.restates.version, notice.restates.dated) == ("5", date(2024, 10, 28))


@pytest.mark.parametrize(("slug", "service"), COUNCILS.items())
def test_every_category_has_a_class_that_stores_it(slug: str, service: str) -> None:
    policy = declared(slug).service(service)
    stored = {category for entry in policy.retention.classes for category in entry.categories}
    assert stored == {category.id for category in policy.clients.categories}


@pytest.mark.parametrize("slug", TEST_POLICIES)
def test_every_clause_of_a_test_policy_says_how_long(slug: str) -> None:
    for service in declared(slug).services.values():
        for rule in service.retention.rules:
            for clause in rule.clauses:
                assert clause.refer or clause.in_words or parse_keep(clause.keep or "").kind
