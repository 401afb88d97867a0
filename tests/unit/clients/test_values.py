"""Which conditions let special category and criminal offence data be recorded."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from muniment.api.clients import ClientDeclarations
from muniment.api.consent import PurposeDeclarations
from muniment.api.council import Council, Service
from muniment.api.retention import RetentionDeclarations
from muniment.clients.values import GivenValue, ValueRules
from muniment.policy.documents import stated
from muniment.policy.model import Policy, ServicePolicy

TODAY = date(2026, 11, 20)
HEALTH = {"kind": "special", "characteristic": "health"}
OFFENCE = {"kind": "criminal", "characteristic": "criminal-offence"}
DOCUMENT = {"title": "Document", "in_force_from": "2026-01-01"}
NINE_B = {"id": "b", "article": "9.2.b", "schedule_1": "1.1", "policy_document": DOCUMENT}


def rules_of(category: dict[str, Any], conditions: list[dict[str, Any]], **field: Any) -> ValueRules:
    clients = {
        "category": [{"id": "c", "title": "C", **category, "field": [{"id": "f", "title": "F", **field}]}],
        "source": [{"id": "client", "title": "Client", "kind": "person"}],
    }
    purposes = {
        "purpose": [{"id": "one", "title": "One"}, {"id": "two", "title": "Two"}],
        "condition": conditions,
    }
    retention = {"class": [{"id": "case", "title": "Case", "categories": ["c"]}]}
    policy = Policy(
        council=Council(slug="alpha", name="Alpha", nation="england", own_party="alpha"),
        services={
            "advice": ServicePolicy(
                service=Service(slug="advice", title="Advice", folder="advice"),
                clients=msgspec.convert(clients, ClientDeclarations),
                purposes=msgspec.convert(purposes, PurposeDeclarations),
                retention=msgspec.convert(retention, RetentionDeclarations),
            )
        },
    )
    return ValueRules(policy, "advice", TODAY, stated(policy, "advice", TODAY))


def code_of(rules: ValueRules, *purposes: str) -> str:
    given = {"c.f": GivenValue("canary", "client", TODAY, purposes or ("one",))}
    stored, problems = rules.check(rules.record_class("case", "digital"), given)
    assert bool(stored) != bool(problems)
    return problems[0].code if problems else ""


@pytest.mark.parametrize(
    ("category", "conditions", "code"),
    [
        ({}, [], ""),
        (HEALTH, [], "no-condition"),
        (HEALTH, [NINE_B], ""),
        (HEALTH, [{**NINE_B, "characteristics": ["health"]}], ""),
        (HEALTH, [{**NINE_B, "characteristics": ["genetic"]}], "no-condition"),
        (HEALTH, [{**NINE_B, "schedule_1": "2.6"}], "no-condition"),
        (HEALTH, [{"id": "b", "article": "9.2.b", "policy_document": DOCUMENT}], "no-condition"),
        (HEALTH, [{"id": "w", "in_words": "because we must"}], "no-condition"),
        (HEALTH, [{"id": "b", "article": "9.2.b", "schedule_1": "1.1"}], "no-policy-document"),
        (HEALTH, [{**NINE_B, "policy_document": {**DOCUMENT, "in_force_from": "2026-11-21"}}], "no-policy-document"),
        (HEALTH, [{**NINE_B, "policy_document": {**DOCUMENT, "in_force_until": "2026-11-19"}}], "no-policy-document"),
        (HEALTH, [{**NINE_B, "policy_document": {**DOCUMENT, "in_force_until": "2026-11-20"}}], ""),
        (HEALTH, [{"id": "a", "article": "9.2.a"}], ""),
        (HEALTH, [{"id": "g", "article": "9.2.g", "schedule_1": "2.13"}], ""),
        (HEALTH, [{"id": "h", "article": "9.2.h", "schedule_1": "1.2"}], ""),
        ({"characteristic": "health", "kind": "ordinary"}, [], "no-condition"),
        (OFFENCE, [NINE_B], "no-condition"),
        (OFFENCE, [{"id": "o", "article": "10", "schedule_1": "3.29"}], ""),
        (OFFENCE, [{"id": "o", "article": "10", "schedule_1": "2.10"}], "no-policy-document"),
        (HEALTH, [{"id": "o", "article": "10", "schedule_1": "3.29"}], "no-condition"),
    ],
)
def test_conditions(category: dict[str, Any], conditions: list[dict[str, Any]], code: str) -> None:
    assert code_of(rules_of(category, conditions)) == code


def test_a_condition_counts_for_its_purposes_alone() -> None:
    rules = rules_of(HEALTH, [{**NINE_B, "purposes": ["one"]}])
    assert code_of(rules, "one") == ""
    assert code_of(rules, "two") == "no-condition"
    assert code_of(rules, "one", "two") == "no-condition"


def test_a_field_may_be_ordinary_in_a_special_category() -> None:
    assert code_of(rules_of(HEALTH, [], kind="ordinary")) == ""


def test_a_field_may_be_special_in_an_ordinary_category() -> None:
    assert code_of(rules_of({}, [], characteristic="health")) == "no-condition"
