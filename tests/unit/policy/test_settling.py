"""A decision settles what is open and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from muniment.api.clients import ClientDeclarations
from muniment.api.consent import PolicyDocument
from muniment.api.council import Contact
from muniment.api.errors import InvalidInput
from muniment.api.retention import Anchor
from muniment.policy.settling import settle
from tests.unit.policy.made import compiled, decision

RULE = "housing.rule.tenancies.clause"


def policy() -> Any:
    return compiled().sound()


def settled(path: str, value: Any) -> Any:
    return settle(policy(), decision(path, value))


def clause(found: Any, name: str) -> Any:
    return next(entry for entry in found.services["housing"].retention.rules[0].clauses if entry.id == name)


@pytest.mark.parametrize(
    ("name", "attribute", "value", "read"),
    [
        ("usual", "from", {"event": "case-closed"}, Anchor(event="case-closed")),
        ("usual", "action", "destroy", "destroy"),
        ("usual", "bound", "at-most", "at-most"),
        ("range", "keep", "4 years", "4 years"),
        ("range", "keep", "2 years", "2 years"),
        ("money", "classes", ["rent"], ("rent",)),
        ("about", "bound", "exactly", "exactly"),
        ("useful", "keep", "1 year", "1 year"),
    ],
)
def test_what_a_clause_leaves_open_can_be_decided(name: str, attribute: str, value: Any, read: Any) -> None:
    found = clause(settled(f"{RULE}.{name}.{attribute}", value), name)
    assert getattr(found, {"from": "anchor"}.get(attribute, attribute)) == read


def test_an_anchor_in_words_can_be_read_as_an_event() -> None:
    anchor = clause(settled(f"{RULE}.words.from.milestone", "boiler-replaced"), "words").anchor
    assert (anchor.milestone, anchor.in_words) == ("boiler-replaced", "when the boiler is replaced")


def test_lists_that_may_grow_take_a_new_element() -> None:
    value = {
        "article": "9.2.g",
        "schedule_1": "2.8",
        "policy_document": {"title": "APD", "in_force_from": "2026-01-01"},
    }
    conditions = settled("housing.condition.equality", value).services["housing"].purposes.conditions
    assert [entry.id for entry in conditions] == ["interest", "equality"]
    assert conditions[1].policy_document.in_force_from.isoformat() == "2026-01-01"
    rights = (
        settled("housing.notice.privacy.right.erasure", {"stated_as": "x"})
        .services["housing"]
        .notices.notices[0]
        .rights
    )
    assert [entry.right for entry in rights] == ["access", "erasure"]
    contacts = (
        settled("housing.notice.privacy.contact.2", {"role": "Clerk"}).services["housing"].notices.notices[0].contacts
    )
    assert contacts[1] == Contact(role="Clerk")
    bodies = settled("housing.recipient.landlords.body.trust", {"name": "A trust"}).services["housing"].recipients
    assert bodies.recipients[0].bodies[0].id == "trust"


def test_the_council_itself_can_be_completed() -> None:
    found = settled("council.party.the-council.dpo", {"role": "Data protection officer", "email": "dpo@example.gov.uk"})
    assert found.council.parties[0].dpo.email == "dpo@example.gov.uk"


def test_a_decided_thing_can_be_completed_by_another_decision() -> None:
    made = compiled(
        decision("housing.condition.equality.policy_document", {"title": "APD", "in_force_from": "2026-01-01"}),
        decision("housing.condition.equality", {"article": "9.2.g", "schedule_1": "2.8"}),
    )
    assert made.problems == ()
    document = made.sound().services["housing"].purposes.conditions[1].policy_document
    assert isinstance(document, PolicyDocument)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (f"{RULE}.range.from", {"event": "birth"}, "is declared"),
        (f"{RULE}.range.from.plus", "1 year", "is declared"),
        (f"{RULE}.usual.keep", "1 year", "is declared"),
        (f"{RULE}.range.keep", "1 year", "lies outside"),
        (f"{RULE}.range.keep", "6 years", "lies outside"),
        (f"{RULE}.range.keep", "permanent", "lies outside"),
        (f"{RULE}.usual.when", {"request": True}, "is declared"),
        (f"{RULE}.usual.holder", "Somebody else", "is declared"),
        (f"{RULE}.usual.classes", ["rent"], "is declared"),
        (f"{RULE}.money.when.request", True, "is declared"),
        (f"{RULE}.usual.wording", "For ever.", "is declared"),
        (f"{RULE}.usual.breadth_open", True, "is declared"),
        (f"{RULE}.usual", {"keep": "1 year"}, "is declared"),
        (f"{RULE}.another", {"keep": "1 year"}, "there is no 'another'"),
        (f"{RULE}.usual.form", "x", "there is no 'form'"),
        (f"{RULE}.usual.from", {"event": "christmas"}, "allowed there: approved"),
        (f"{RULE}.usual.from", {"evnt": "birth"}, "allowed there: ahead, align"),
        (f"{RULE}.usual.action", "burn", "allowed there: anonymise"),
        (f"{RULE}.money.classes", [], "withdraw"),
        (f"{RULE}.money.classes", "rent", "expected `array`"),
        ("housing.rule.by-law.clause.floor.from", {"event": "birth"}, "set by law"),
        ("housing.rule.by-law.clause.floor.bound", "at-most", "set by law"),
        ("housing.rule.tenancies.cohorts", ["tenants"], "is declared"),
        ("housing.rule.tenancies.combine", "earliest", "is declared"),
        (
            "housing.rule.second",
            {"classes": ["tenancy"], "clause": [{"id": "a", "keep": "none"}]},
            "has a rule already",
        ),
        ("housing.category.secrets", {"title": "Secrets"}, "there is no 'secrets'"),
        ("housing.purpose.marketing", {"title": "Marketing"}, "there is no 'marketing'"),
        ("housing.recipient.press", {"title": "Press", "kind": "the-public"}, "there is no 'press'"),
        ("housing.category.contact.kind", "special", "is declared"),
        ("housing.notice.privacy.right.access", {}, "is declared"),
        ("housing.notice.privacy.right.erasure", {"right": "access"}, "its path says"),
        ("housing.notice.privacy.right.flying", {}, "allowed there"),
        ("housing.notice.privacy.contact.9", {"role": "Clerk"}, "position, 2"),
        ("housing.notice.privacy.dpo.email", "dpo@example.gov.uk", "decide the whole"),
        ("housing.notice.privacy.title.en", "Another", "nothing below it"),
        ("housing.notice.privacy.title", "Another", "is declared"),
        ("housing.condition.x", "9.2.g", "is a table of"),
        ("housing.clients.category", [], "there is no 'clients'"),
        ("housing.rule", [], "is declared"),
        ("council.slug", "beta", "is declared"),
        ("council.own_party", "beta", "is declared"),
        ("parks.rule", [], "there is no service 'parks'"),
        ("housing", 1, "a path is"),
        ("housing..rule", 1, "a path is"),
        ("", 1, "a path is"),
        ("platform.rule.evidence.clause.claims.keep", "1 day", "is declared"),
    ],
)
def test_everything_else_is_refused_in_one_sentence(path: str, value: Any, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        settled(path, value)
    message = str(caught.value)
    assert words in message
    assert message.startswith(f"{path} cannot be decided: ")
    assert message.count("\n") == 0
    assert caught.value.where == path


def test_settling_leaves_what_it_was_given_alone() -> None:
    before = policy()
    settle(before, decision(f"{RULE}.usual.action", "destroy"))
    assert before == policy()
    assert before.services["housing"].clients != ClientDeclarations()


def test_the_notice_that_is_decided_is_a_programmes_own() -> None:
    title = {"title": "Generated bridge: privacy notice"}
    added = settled("housing.notice.bridge", {**title, "programme": "bridge"}).services["housing"].notices.notices
    assert [(notice.id, notice.programme) for notice in added] == [("privacy", None), ("bridge", "bridge")]
    for path, value in (
        ("housing.notice.other", title),  # another notice of the service is the council's to write
        ("housing.notice.privacy.programme", "bridge"),  # one that names no programme is for everybody
    ):
        with pytest.raises(InvalidInput):
            settled(path, value)
