"""What holds of the gate whatever the policy, the question and the facts: it only ever closes."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from muniment.clients.limits import EXCEPTIONS
from muniment.policy.model import Policy
from muniment.sharing.gate import Gate, decide
from muniment.sharing.question import Agreed, AgreementKnown, Circumstances, Facts, Question, RequestKnown
from muniment.sharing.terms import IDENTITY, terms_of
from tests.unit.sharing.kit import AROUND, FACTS, FIELDS, QUESTION, SERVICE, policy_of

FLAGS = st.booleans()
LIKELY = st.integers(0, 9).map(bool)
CATEGORIES = ("personal", "work", "health", "offences")
STATES = ("none", "requested", "given", "refused", "withdrawn", "expired", "superseded")


def mostly(likely: Any, *others: Any) -> st.SearchStrategy[Any]:
    """Nine times in ten what lets a case through, so that cases which pass are common enough to say something."""
    return st.integers(0, 9).flatmap(lambda n: st.sampled_from(others) if n == 0 and others else st.just(likely))


some = st.sets(st.sampled_from(CATEGORIES)).map(sorted)
recipients = st.fixed_dictionaries(
    {
        "kind": mostly("body", "kind-of-body", "the-person", "the-public"),
        "purposes": mostly(["support", "stories"], ["support"], []),
        "categories": st.one_of(st.just(list(CATEGORIES)), some),
        "bases": mostly(["task"], [], ["interests"], ["bare-task"], ["agreement"], ["obligation", "agreement"]),
        "consent": st.sampled_from(["required", "not-required", "opt-out", "not-stated"]),
        "identity": mostly(list(IDENTITY), []),
    },
    optional={
        "body": st.just([{"id": "north", "name": "North"}]),
        "programme": st.just("bridge"),
        "condition": st.just("if you ask"),
        "match": st.sampled_from([{"statutes": ["localism"], "data_sets": ["payroll"]}, {"data_sets": ["payroll"]}]),
        "transfer": st.sampled_from([{"country": "US"}, {"country": "US", "safeguard": "IDTA"}]),
        "agreement": FLAGS,
        "on_request": FLAGS,
        "competent_authority": FLAGS,
        "role": st.sampled_from(["recipient", "processor"]),
        "publication": st.just({"where": "the web", "fields": list(FIELDS)}),
    },
)
policies = recipients.map(policy_of)
fields = st.sets(st.sampled_from(FIELDS), min_size=1).map(lambda names: tuple(sorted(names)))
questions = st.builds(
    Question,
    service=st.just(SERVICE),
    recipient=mostly("college", "nobody"),
    purpose=st.sampled_from(["support", "stories"]),
    fields=fields,
    body=st.sampled_from([None, None, "north", "south"]),
    data_set=st.sampled_from([None, "payroll"]),
    exception=st.sampled_from([None, *EXCEPTIONS]),
    condition_met=FLAGS,
)
sets_of_fields = st.one_of(st.just(frozenset(FIELDS)), st.frozensets(st.sampled_from(FIELDS)))
agreements = st.builds(AgreementKnown, st.just(frozenset({"support", "stories"})), st.just(frozenset(CATEGORIES)))
requests = st.builds(RequestKnown, LIKELY, LIKELY, sets_of_fields, FLAGS)
arounds = st.builds(
    Circumstances,
    documented=mostly(frozenset({"health", "crime"}), frozenset()),
    agreements=st.lists(agreements, max_size=1).map(tuple),
    request=st.one_of(st.none(), requests),
    stopped=LIKELY.map(lambda flag: not flag),
)
agreed = st.builds(Agreed, mostly("given", *STATES), LIKELY, LIKELY)
facts = st.builds(
    Facts,
    held=sets_of_fields,
    held_otherwise=mostly(frozenset(), frozenset({"personal.ni"})),
    consent=agreed,
    permission=agreed,
    limited=LIKELY.map(lambda flag: not flag),
    objection=mostly("none", "pending", "upheld"),
    agreed_since=FLAGS,
    enrolled=LIKELY,
    programme_notice=LIKELY,
    obtained_elsewhere=FLAGS,
    told=LIKELY,
    adult=LIKELY,
    requested=LIKELY,
    refusals=mostly((), ("plugin: no",)),
)
Asked = tuple[Policy, Question, Circumstances, Facts]
cases: st.SearchStrategy[Asked] = st.tuples(policies, questions, arounds, facts)


def worse_agreed(was: Agreed) -> st.SearchStrategy[Agreed]:
    """Refused, withdrawn, expired; or the same naming nobody, or not explicit any more."""
    ended = st.sampled_from(["refused", "withdrawn", "expired", "superseded"]).map(
        lambda state: replace(was, state=state)
    )
    return st.one_of(ended, st.just(replace(was, named=False)), st.just(replace(was, explicit=False)))


@st.composite
def worsened(draw: st.DrawFn) -> tuple[Asked, Asked]:
    """A case, and the same with one thing more that speaks against it."""
    policy, question, around, known = draw(cases)
    change = draw(
        st.sampled_from(
            ["limited", "pending", "upheld", "consent", "permission", "document", "agreement", "request", "stopped",
             "refusal", "not told", "left programme", "otherwise"]
        )
    )  # fmt: skip
    worse, after = known, around
    match change:
        case "limited":
            worse = replace(known, limited=True, agreed_since=False)
        case "pending":
            objection = "upheld" if known.objection == "upheld" else "pending"
            worse = replace(known, objection=objection, agreed_since=False)
        case "upheld":
            worse = replace(known, objection="upheld")
        case "consent" | "permission" as kind:
            worse = replace(known, **{kind: draw(worse_agreed(getattr(known, kind)))})
        case "document":
            after = replace(around, documented=frozenset(list(around.documented)[1:]))
        case "agreement":
            after = replace(around, agreements=())
        case "request" if around.request is not None:
            after = replace(around, request=replace(around.request, open=False))
        case "stopped":
            after = replace(around, stopped=True)
        case "refusal":
            worse = replace(known, refusals=(*known.refusals, "another: no"))
        case "not told":
            worse = replace(known, told=False, programme_notice=False)
        case "left programme":
            worse = replace(known, enrolled=False)
        case "otherwise":
            worse = replace(known, held_otherwise=known.held_otherwise | {"work.history"})
    return (policy, question, around, known), (policy, question, after, worse)


@given(cases)
def test_nothing_leaves_without_a_named_recipient(case: Asked) -> None:
    policy, question, _, _ = case
    decision = decide(*case)
    declared = policy.services[SERVICE].recipients.recipients[0]
    by_policy = question.recipient == declared.id and (
        question.body is None
        if declared.kind != "kind-of-body"
        else question.body in [one.id for one in declared.bodies]
    )
    by_the_client = question.body is not None and (case[3].consent.named or case[3].permission.named)
    if decision.allowed:
        assert question.recipient == declared.id
        assert by_policy or by_the_client
        assert terms_of(policy, question).named


OPTIONAL = policy_of({"consent": "opt-out"})
AGREED_TO_OTHERS = replace(FACTS, permission=Agreed("given", named=False))
RUN_OUT = replace(FACTS, permission=Agreed("expired", named=False))


@example(((OPTIONAL, QUESTION, AROUND, AGREED_TO_OTHERS), (OPTIONAL, QUESTION, AROUND, RUN_OUT)))
@given(worsened())
def test_what_speaks_against_never_turns_no_into_yes(pair: tuple[Asked, Asked]) -> None:
    before, after = pair
    assert decide(*before).allowed or not decide(*after).allowed


@given(cases, st.sampled_from(CATEGORIES))
def test_asking_for_less_never_turns_yes_into_no(case: Asked, category: str) -> None:
    policy, question, around, known = case
    less = tuple(name for name in question.fields if not name.startswith(f"{category}."))
    assume(less)
    if decide(*case).allowed:
        after = decide(policy, replace(question, fields=less), around, known)
        assert after.allowed
        assert set(after.fields) <= set(decide(*case).fields)


@given(cases)
def test_only_what_was_asked_and_is_held_leaves(case: Asked) -> None:
    decision = decide(*case)
    assert set(decision.fields) <= set(case[1].fields) & case[3].held
    assert decision.allowed == (not decision.against)
    assert bool(decision.fields) <= decision.allowed


@given(cases)
def test_a_gate_that_is_closed_is_closed_to_everybody(case: Asked) -> None:
    policy, question, around, known = case
    gate = Gate(terms_of(policy, question), around)
    assert not (gate.closed and gate.decide(known).allowed)


def test_the_cases_are_worth_their_while() -> None:
    assert decide(policy_of(), QUESTION, AROUND, FACTS).allowed
