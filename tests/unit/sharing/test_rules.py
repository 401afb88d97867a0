"""Each rule of the gate, alone: a case that all others allow, and the one thing that makes this rule refuse it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from muniment.api.consent import Condition
from muniment.consent.grounds import ground_of
from muniment.policy.special import covers, slots_of
from muniment.sharing.gate import decide
from muniment.sharing.question import Agreed, Circumstances, Facts, Question
from muniment.sharing.rules import RULES
from tests.unit.sharing.kit import AROUND, FACTS, PURPOSES, QUESTION, REQUEST, SERVICE, policy_of

MATCH = {"match": {"statutes": ["localism"], "data_sets": ["payroll"]}}
NO_HEALTH = {**PURPOSES, "condition": [one for one in PURPOSES["condition"] if one["id"] != "health"]}
NO_CRIME = {**PURPOSES, "condition": [one for one in PURPOSES["condition"] if one["id"] != "crime"]}
PUBLIC = {"kind": "the-public", "publication": {"where": "the web site", "fields": list(QUESTION.fields)}}
REDACTED = {**PUBLIC["publication"], "redacted": ["personal.ni"]}  # type: ignore[dict-item]
ORDINARY = ("personal.address", "work.history")
STORIES = {"purpose": "stories"}
PLAIN = {**STORIES, "fields": ORDINARY}

# Of each rule: what the policy says of the recipient, the question, the circumstances and the facts, as changes of the
# case that is allowed; then the changes that make the rule speak against, in the same four parts; the last part of each
# is the policy's purposes.
Parts = dict[str, Any]
CASES: dict[str, tuple[Parts, Parts]] = {
    "recipient-declared": ({}, {"question": {"recipient": "nobody"}}),
    "recipient-named": ({}, {"recipient": {"kind": "kind-of-body"}}),
    "purpose-declared": ({}, {"question": {"purpose": "gossip"}}),
    "purpose-of-recipient": ({}, {"recipient": {"purposes": ["stories"]}}),
    "fields-declared": ({}, {"question": {"fields": (*QUESTION.fields, "personal.shoes")}}),
    "categories": ({}, {"recipient": {"categories": ["work", "health", "offences"]}}),
    "basis": ({}, {"recipient": {"bases": ["interests"]}}),
    "enactment": ({}, {"recipient": {"bases": ["bare-task"]}}),
    "special-category": ({}, {"purposes": NO_HEALTH}),
    "criminal-offence": ({}, {"purposes": NO_CRIME}),
    "policy-document": ({}, {"around": {"documented": frozenset({"crime"})}}),
    "agreement": ({"recipient": {"agreement": True}}, {"around": {"agreements": ()}}),
    "transfer": ({"recipient": {"transfer": {"country": "US", "safeguard": "IDTA"}}},
                 {"recipient": {"transfer": {"country": "US"}}}),
    "match-statute": ({"recipient": MATCH, "question": {"data_set": "payroll"}},
                      {"recipient": {"match": {"data_sets": ["payroll"]}}}),
    "match-data-set": ({"recipient": MATCH, "question": {"data_set": "payroll"}}, {"question": {"data_set": "pupils"}}),
    "publication": ({"recipient": PUBLIC}, {"recipient": {"publication": REDACTED}}),
    "condition": ({"recipient": {"condition": "if you ask"}, "question": {"condition_met": True}},
                  {"question": {"condition_met": False}}),
    "request-decided": ({"recipient": {"on_request": True}, "around": {"request": REQUEST}},
                        {"around": {"request": replace(REQUEST, open=False)}}),
    "request-fields": ({"around": {"request": REQUEST}},
                       {"around": {"request": replace(REQUEST, fields=frozenset(ORDINARY))}}),
    "stopped": ({}, {"around": {"stopped": True}}),
    "held-for-purpose": ({}, {"facts": {"held_otherwise": frozenset({"personal.ni"})}}),
    "consent": ({"question": PLAIN}, {"facts": {"consent": Agreed("withdrawn", named=True, explicit=True)}}),
    "consent-names-recipient": ({"question": PLAIN}, {"facts": {"consent": Agreed("given")}}),
    "explicit-consent": ({"question": STORIES}, {"facts": {"consent": Agreed("given", named=True)}}),
    "permission": ({"recipient": {"consent": "required"}}, {"facts": {"permission": Agreed("expired", named=True)}}),
    "permission-names-recipient": ({"recipient": {"consent": "required"}}, {"facts": {"permission": Agreed("given")}}),
    "opt-out": ({"recipient": {"consent": "opt-out"}}, {"facts": {"permission": Agreed("refused")}}),
    "restriction": ({}, {"facts": {"limited": True}}),
    "objection": ({}, {"facts": {"objection": "pending"}}),
    "enrolled": ({"recipient": {"programme": "bridge"}}, {"facts": {"enrolled": False}}),
    "programme-notice": ({"recipient": {"programme": "bridge"}}, {"facts": {"programme_notice": False}}),
    "told": ({}, {"facts": {"told": False}}),
    "adult": ({"recipient": MATCH, "question": {"data_set": "payroll"}}, {"facts": {"adult": False}}),
    "request-about-client": ({"around": {"request": REQUEST}}, {"facts": {"requested": False}}),
    "plugins": ({}, {"facts": {"refusals": ("muniment-alpha: not in August",)}}),
}  # fmt: skip

ALSO_SAYS = {"purpose-declared": {"purpose-of-recipient", "special-category", "criminal-offence"}}
"""A purpose that is nobody's is not the recipient's either, nor any condition's."""


def judged(*parts: Parts) -> Any:
    def joined(name: str) -> dict[str, Any]:
        return {key: value for part in parts for key, value in part.get(name, {}).items()}

    question: Question = replace(QUESTION, **joined("question"))
    around: Circumstances = replace(AROUND, **joined("around"))
    facts: Facts = replace(FACTS, **joined("facts"))
    return decide(policy_of(joined("recipient"), joined("purposes") or PURPOSES), question, around, facts)


@pytest.mark.parametrize("rule", [rule.id for rule in RULES])
def test_rule(rule: str) -> None:
    allowed_with, refused_for = CASES[rule]
    before, after = judged(allowed_with), judged(allowed_with, refused_for)
    assert before.allowed, before.against
    assert before.fields == judged(allowed_with).fields != ()
    assert not after.allowed
    assert set(after.against) - ALSO_SAYS.get(rule, set()) == {rule}
    assert after.fields == ()


NOT_ABOUT_IT = {
    "agreement", "transfer", "match-statute", "match-data-set", "publication", "condition", "request-decided",
    "request-fields", "consent", "consent-names-recipient", "explicit-consent", "permission",
    "permission-names-recipient", "opt-out", "enrolled", "programme-notice", "told", "adult", "request-about-client",
    "stopped",
}  # fmt: skip


def says_nothing(decision: Any) -> set[str]:
    return {rule.id for rule in RULES} - {reason.rule for reason in decision.reasons}


def test_a_rule_that_is_not_about_the_case_says_nothing() -> None:
    """Whatever the facts are that it would look at."""
    facts = {"consent": Agreed("given"), "permission": Agreed("given"), "enrolled": False, "programme_notice": False,
             "adult": False, "requested": False, "told": False, "obtained_elsewhere": False}  # fmt: skip
    for consent in (Agreed("given"), Agreed("refused"), Agreed()):
        decision = judged({"facts": {**facts, "consent": consent, "permission": consent}})
        assert decision.allowed, decision.against
        assert says_nothing(decision) == NOT_ABOUT_IT


def test_no_condition_is_said_to_stand_for_ordinary_data_nor_a_law_for_what_rests_on_consent() -> None:
    plain = judged({"question": PLAIN})
    assert plain.allowed
    assert {"special-category", "criminal-offence", "policy-document", "enactment"} <= says_nothing(plain)


def test_what_is_published_has_no_recipient_to_name_and_must_be_declared() -> None:
    published = judged({"recipient": PUBLIC})
    assert published.allowed
    assert "recipient-named" in says_nothing(published)
    assert judged({"recipient": {"kind": "the-public"}}).against == ("publication",)


@pytest.mark.parametrize("role", ["processor", "sub-processor", "joint-controller"])
def test_whose_part_the_law_ties_to_an_agreement_needs_one_whether_or_not_the_policy_says_so(role: str) -> None:
    """UK GDPR Arts 26(1), 28(3), (4)."""
    bound = {"recipient": {"role": role}}
    assert judged(bound).allowed
    assert judged(bound, {"around": {"agreements": ()}}).against == ("agreement",)


def test_an_agreement_covers_its_purposes_and_its_categories_and_no_others() -> None:
    every = AROUND.agreements[0]
    for one in (replace(every, purposes=frozenset({"stories"})), replace(every, categories=frozenset({"personal"}))):
        assert judged({"recipient": {"agreement": True}, "around": {"agreements": (one,)}}).against == ("agreement",)
        assert judged({"recipient": {"agreement": True}, "around": {"agreements": (one, every)}}).allowed


def test_a_statutory_match_rests_on_its_law_and_needs_no_other_basis() -> None:
    match = {"recipient": {**MATCH, "bases": []}, "question": {"data_set": "payroll"}}
    decision = judged(match)
    assert decision.allowed, decision.against
    assert "enactment" not in says_nothing(decision)


def test_a_recipient_of_some_fields_may_receive_those_alone() -> None:
    some = {"recipient": {"fields": list(ORDINARY)}}
    assert judged(some, {"question": {"fields": ORDINARY}}).allowed
    assert judged(some, {"question": {"fields": (*ORDINARY, "personal.ni")}}).against == ("categories",)


def test_a_service_that_is_not_there_gives_nothing() -> None:
    assert {"recipient-declared", "purpose-declared"} <= set(judged({"question": {"service": "nowhere"}}).against)


def test_what_is_not_held_does_not_leave() -> None:
    decision = judged({"facts": {"held": frozenset({"work.history", "personal.ni", "personal.shoes"})}})
    assert decision.allowed
    assert decision.fields == ("personal.ni", "work.history")


def test_a_data_set_is_known_by_its_title_in_any_language() -> None:
    match = {"statutes": ["localism"], "data_sets": [{"en": "payroll", "cy": "cyflogau"}]}
    for title in ("payroll", "cyflogau"):
        assert judged({"recipient": {"match": match}, "question": {"data_set": title}}).allowed


def test_a_condition_that_is_a_programmes_is_met_by_being_in_it() -> None:
    recipient = {"recipient": {"programme": "bridge", "condition": "if you join"}}
    assert judged(recipient).allowed
    assert judged(recipient, {"facts": {"enrolled": False}}).against == ("enrolled",)


def test_who_is_answered_on_request_alone_needs_one_and_one_that_is_named_must_allow_it() -> None:
    assert judged({"recipient": {"on_request": True}}).against == ("request-decided",)
    assert judged({"around": {"request": replace(REQUEST, open=False)}}).against == ("request-decided",)


def test_a_request_that_was_refused_covers_nothing_and_that_is_one_reason() -> None:
    refused = {"around": {"request": replace(REQUEST, shared=False, fields=frozenset[str]())}}
    assert judged(refused).against == ("request-decided",)


def test_every_reason_is_said_for_and_against() -> None:
    decision = judged({"facts": {"limited": True, "told": False}})
    assert decision.against == ("restriction", "told")
    said = {reason.rule: reason for reason in decision.reasons}
    assert said["basis"].speaks_for
    assert said["basis"].provision == "UK GDPR Art 6(1)"
    assert said["restriction"].sentence == "A restriction stands: these data may only be stored."
    assert "consent" not in said  # it rests on another basis


def test_what_may_be_used_though_restricted_is_said_by_somebody() -> None:
    limited = {"facts": {"limited": True}}
    assert judged(limited, {"question": {"exception": "legal-claims"}}).allowed
    assert not judged(limited, {"question": {"exception": "consent"}}).allowed
    assert judged({"facts": {"limited": True, "agreed_since": True}}, {"question": {"exception": "consent"}}).allowed
    gone = {"facts": {"limited": True, "agreed_since": True, "consent": Agreed("withdrawn", named=True)}}
    assert not judged(gone, {"question": {"exception": "consent"}}).allowed
    assert not judged({"facts": {"objection": "upheld"}}, {"question": {"exception": "legal-claims"}}).allowed


def test_an_objection_under_way_does_not_stop_what_the_law_obliges_to() -> None:
    assert judged({"recipient": {"bases": ["obligation"]}, "facts": {"objection": "pending"}}).allowed


def test_no_policy_document_is_needed_for_telling_the_police_of_a_crime() -> None:
    undocumented = {"around": {"documented": frozenset({"health"})}}
    assert judged(undocumented).against == ("policy-document",)
    police = {"recipient": {"competent_authority": True}}
    assert judged(undocumented, police).allowed
    assert judged(police, {"around": {"documented": frozenset({"crime"})}}).against == ("policy-document",)


@pytest.mark.parametrize("paragraph", ["3.36", "3.37"])
def test_what_is_met_by_way_of_part_2_needs_its_policy_document(paragraph: str) -> None:
    conditions = [{"id": "crime", "article": "10", "schedule_1": paragraph, "purposes": ["support"]}]
    asked = replace(QUESTION, fields=("offences.conviction",))
    policy = policy_of(purposes={**PURPOSES, "condition": conditions})
    assert decide(policy, asked, AROUND, FACTS).allowed
    assert decide(policy, asked, replace(AROUND, documented=frozenset()), FACTS).against == ("policy-document",)


def test_equality_of_opportunity_is_a_condition_for_four_kinds_of_data_alone() -> None:
    """DPA 2018 Sch 1 para 8(2)."""
    slot = slots_of(policy_of().service(SERVICE))["health.condition"]
    monitoring = msgspec.convert({"id": "equality", "article": "9.2.g", "schedule_1": "2.8"}, Condition)
    assert covers(monitoring, slot, "support")
    for characteristic in ("trade-union-membership", "political-opinions", "genetic", "sex-life"):
        other = replace(slot, field=replace(slot.field, characteristic=characteristic))
        assert not covers(monitoring, other, "support")


def test_a_body_of_a_kind_is_named_by_the_question() -> None:
    kind = {"recipient": {"kind": "kind-of-body", "body": [{"id": "north", "name": "North College"}]}}
    assert not judged(kind).allowed
    assert not judged(kind, {"question": {"body": "south"}}).allowed
    assert judged(kind, {"question": {"body": "north"}}).allowed
    assert judged(kind, {"question": {"body": "North College"}}).allowed


def test_a_basis_stated_for_one_purpose_is_none_for_another() -> None:
    purposes = {**PURPOSES, "purpose": [*PURPOSES["purpose"], {"id": "visits", "title": "Visits"}]}
    visits = {"purposes": purposes, "recipient": {"purposes": ["support", "visits"]}}
    assert judged(visits).allowed
    assert judged(visits, {"question": {"purpose": "visits", "fields": ORDINARY}}).against == ("basis",)


def test_who_is_no_kind_of_body_has_no_body_to_be_named() -> None:
    assert judged({"question": {"body": "north"}}).against == ("recipient-named",)


def test_an_employer_is_named_by_the_client() -> None:
    employer = {"recipient": {"kind": "kind-of-body", "consent": "required"}, "question": {"body": "Generated Works"}}
    assert judged(employer).allowed
    assert judged(employer, {"facts": {"permission": Agreed("given")}}).against == ("permission-names-recipient",)
    assert judged(employer, {"question": {"body": "   "}}).against == ("recipient-named",)
    assert judged(employer, {"recipient": {"consent": "not-required"}}).against == ("recipient-named",)
    assert judged(employer, {"recipient": {"consent": "not-required"}, "question": PLAIN}).allowed


def test_somebody_who_is_not_told_of_a_request_need_not_have_been_told_before() -> None:
    untold = {"around": {"request": replace(REQUEST, untold=True)}, "facts": {"told": False}}
    assert judged(untold).allowed
    assert judged({"around": {"request": REQUEST}, "facts": {"told": False}}).against == ("told",)


def test_consent_is_what_it_rests_on_only_where_nothing_else_stands() -> None:
    both = {"recipient": {"bases": ["agreement", "task"]}, "facts": {"consent": Agreed("refused")}}
    assert judged(both).allowed
    assert judged(both, {"recipient": {"bases": ["agreement"]}}).against == ("consent",)


def test_a_basis_whose_purposes_nobody_states_does_not_take_the_place_of_consent() -> None:
    """What the ledger takes for consent the gate takes for consent (UK GDPR Arts 5(1)(a), 7(3))."""
    bases = [{"id": "agreement", "article": "6.1.a", "purposes": ["support"]},
             {"id": "task", "article": "6.1.e", "statutes": ["localism"]}]  # fmt: skip
    policy = policy_of({"bases": ["task", "agreement"]}, {**PURPOSES, "basis": bases})
    withdrawn = replace(FACTS, consent=Agreed("withdrawn", named=True))
    assert ground_of(policy.service(SERVICE), "support").consent_alone
    assert decide(policy, QUESTION, AROUND, withdrawn).against == ("consent",)
    assert not decide(policy_of({"bases": ["task"]}, {**PURPOSES, "basis": bases}), QUESTION, AROUND, FACTS).allowed


def test_explicit_consent_is_needed_only_where_it_is_the_one_condition_that_stands() -> None:
    silent = {"facts": {"consent": Agreed()}}
    also = {**PURPOSES, "condition": [*PURPOSES["condition"], {"id": "agreed", "article": "9.2.a",
            "characteristics": ["health"], "purposes": ["support"]}]}  # fmt: skip
    assert judged(silent, {"purposes": also}).allowed
    assert judged(silent, {"purposes": NO_HEALTH}).against == ("special-category",)


def test_explicit_consent_that_was_taken_back_is_none() -> None:
    taken_back = {"facts": {"consent": Agreed("withdrawn", named=True, explicit=True)}}
    assert judged({"question": STORIES}, taken_back).against == ("consent", "explicit-consent")


def test_a_permission_is_asked_for_where_consent_is_not_and_is_one_rule_at_a_time() -> None:
    asked = {"recipient": {"consent": "required"}}
    assert judged(asked, {"question": PLAIN, "facts": {"permission": Agreed("refused")}}).allowed
    assert judged(asked, {"facts": {"permission": Agreed("expired")}}).against == ("permission",)


def test_an_exercise_that_takes_minors_takes_them() -> None:
    match = {"recipient": {"match": {**MATCH["match"], "minors": True}}, "question": {"data_set": "payroll"}}
    assert judged(match, {"facts": {"adult": False}}).allowed


def test_who_agreed_to_others_alone_has_opted_out_of_this_one() -> None:
    optional = {"recipient": {"consent": "opt-out"}, "facts": {"consent": Agreed()}}
    assert judged(optional).allowed
    assert judged(optional, {"facts": {"permission": Agreed()}}).allowed
    assert judged(optional, {"facts": {"permission": Agreed("given")}}).against == ("opt-out",)


@pytest.mark.parametrize("state", ["expired", "superseded"])
def test_agreement_to_others_that_runs_out_is_no_agreement_to_this_one(state: str) -> None:
    optional = {"recipient": {"consent": "opt-out"}, "facts": {"consent": Agreed()}}
    assert judged(optional, {"facts": {"permission": Agreed(state)}}).against == ("opt-out",)
    assert judged(optional, {"facts": {"permission": Agreed("requested")}}).allowed
