"""Every recipient of both councils, asked of the gate: by their documents, and with what the demonstration decides.

`docs/worked-cases.md` is made from the same cases; `MUNIMENT_WRITE_DOCUMENTS=1` writes it anew.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from muniment.api.text import say
from muniment.clients.values import ValueRules
from muniment.policy.compile import compile_policy
from muniment.policy.deciding import read_decisions
from muniment.policy.documents import needs_document, stated
from muniment.policy.model import Policy
from muniment.sharing.gate import Decision, decide
from muniment.sharing.question import Agreed, Circumstances, Facts, Question, RequestKnown
from muniment.sharing.rules import RULES
from tests.contracts.sharing.worked_consents import answered, consents, following, stories_of
from tests.policies import all_plugins
from tests.server import TODAY

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "docs" / "worked-cases.md"
SERVICES = {"milton-keynes": "employment-support", "sefton": "sefton-at-work"}


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something changed about a case, under the demonstration's decisions."""

    words: str
    against: tuple[str, ...]
    body: str | None = None
    fields: tuple[str, ...] | None = None
    request: tuple[str, ...] | None = None
    condition_met: bool | None = None
    facts: dict[str, Any] = {}
    undocumented: tuple[str, ...] = ()


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A question about the client for whom everything else stands well: agreed, told, enrolled, of age."""

    id: str
    council: str
    title: str
    words: str
    recipient: str
    purpose: str
    fields: tuple[str, ...]
    declared: tuple[str, ...]
    decided: tuple[str, ...]
    body: str = ""
    data_set: str | None = None
    request: tuple[str, ...] = ()
    condition_met: bool = False
    turns: tuple[Turn, ...] = msgspec.field(name="turn", default=())


CASES = msgspec.convert(tomllib.loads((Path(__file__).parent / "cases.toml").read_text())["case"], list[Case])
BY_ID = {case.id: case for case in CASES}


@cache
def policy_of(council: str, *, with_decisions: bool) -> Policy:
    file = ROOT / "deploy" / "demo" / "decisions" / f"{council}.toml"
    proposals = read_decisions(file.read_bytes(), file=file.name) if with_decisions else ()
    return compile_policy(all_plugins().facade(council), [made.made_on(TODAY) for made in proposals], TODAY).sound()


def documented(policy: Policy, service: str, *, prepared: bool) -> frozenset[str]:
    """The conditions whose document is in force: stated by the policy, and, `prepared`, made by the demonstration."""
    conditions = policy.service(service).purposes.conditions
    made = (one.id for one in conditions if prepared and needs_document(one) and one.schedule_1 != "2.10")
    return stated(policy, service, TODAY) | frozenset(made)


def answer(case: Case, turn: Turn | None = None, *, with_decisions: bool = True) -> Decision:
    """What the gate says."""
    policy, service = policy_of(case.council, with_decisions=with_decisions), SERVICES[case.council]
    changed = turn or Turn(words="", against=())
    body = case.body if changed.body is None else changed.body
    fields = case.fields if changed.fields is None else changed.fields
    request = case.request if changed.request is None else changed.request
    met = case.condition_met if changed.condition_met is None else changed.condition_met
    question = Question(
        service=service,
        recipient=case.recipient,
        purpose=case.purpose,
        fields=fields,
        body=body or None,
        data_set=case.data_set,
        condition_met=met,
    )
    around = Circumstances(
        documented=documented(policy, service, prepared=with_decisions).difference(changed.undocumented),
        request=RequestKnown(shared=True, open=True, fields=frozenset(request)) if request else None,
    )
    given = Agreed("given", named=True, explicit=True)
    best = {
        "held": frozenset(fields), "consent": given, "permission": given, "enrolled": True, "programme_notice": True,
        "told": True, "adult": True, "requested": True, "obtained_elsewhere": False,
    }  # fmt: skip
    return decide(policy, question, around, msgspec.convert({**best, **changed.facts}, Facts, from_attributes=True))


@pytest.mark.parametrize("council", SERVICES)
def test_every_recipient_has_a_case(council: str) -> None:
    recipients = policy_of(council, with_decisions=False).service(SERVICES[council]).recipients.recipients
    assert {one.id for one in recipients} == {case.recipient for case in CASES if case.council == council}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_answer_today_and_with_the_demonstrations_decisions(case: Case) -> None:
    assert answer(case, with_decisions=False).against == case.declared
    assert answer(case).against == case.decided
    for turn in case.turns:
        assert answer(case, turn).against == turn.against, turn.words


def test_the_councils_documents_alone_let_nothing_out() -> None:
    """No recipient of either is stated completely enough; what a document leaves open is never assumed."""
    assert all(case.declared for case in CASES)


def test_what_leaves_is_what_was_asked_and_no_more() -> None:
    for case in CASES:
        assert answer(case).fields == (case.fields if not case.decided else ())


def test_the_decisions_let_nobody_have_more_than_the_cases_say() -> None:
    """Of all recipients the demonstration opens five; every other question of every case stays refused."""
    allowed = {case.id for case in CASES if answer(case).allowed}
    assert allowed == {"employers", "police", "councillor", "adult-learning", "combined-authority"}


@pytest.mark.parametrize("council", SERVICES)
def test_what_clients_agree_to_has_its_words_opens_the_gate_and_closes_it_again(council: str) -> None:
    policy = policy_of(council, with_decisions=True)
    stories = stories_of(council)
    assert {"given", "refused"} == {story.answer for story in stories}
    assert any(story.withdrawn for story in stories)
    for story in stories:
        purpose = next(one for one in policy.service(story.service).purposes.purposes if one.id == story.purpose)
        assert purpose.consent_wording, "clients are asked in the words of the policy"
        assert following(policy, story).stated, "the policy says what follows"
        if story.recipient is not None:
            assert answered(policy, story, "given").fields == story.fields
            for state in ("none", "refused", "withdrawn"):
                assert answered(policy, story, state).against == ("permission",)


INTRODUCTION = """
# Worked cases: may I pass this on?

Every recipient that the two councils' notices name, put to the gate, with its answer and its reasons. Asking changes
nothing: `muniment share decide`, the console and the API ask the same gate. Each case is about a client for whom all
else stands well: they agreed, were told, and are of age. *Today* is what the council's own document states; *decided*
is what the demonstration settles besides (`deploy/demo/decisions`), which is nobody's policy. The turns below a case
change one thing. Made from `tests/contracts/sharing/cases.toml`; a test asks the gate. What generated clients agree to,
refuse and take back stands at the end of each council (`deploy/demo/consents`).
"""


def pages() -> Iterator[str]:
    yield INTRODUCTION.strip()
    for council, service in SERVICES.items():
        policy = policy_of(council, with_decisions=True)
        yield ""
        yield f"## {say(policy.council.name, 'en')}, {say(policy.service(service).service.title, 'en')}"
        if council == "milton-keynes":
            yield from referral()
        for case in (case for case in CASES if case.council == council):
            yield from page(policy, service, case)
        yield from consents(council, policy)


REFERRAL = """
### The Department for Work and Pensions refers somebody

The notice says that another organisation, such as the department, may refer people to the service, as a rule on their
behalf and with their knowledge. What it sends is taken in by the declared import format and nothing else of it: a
column that the council has no use for is ignored on purpose, one that nobody declared is refused. The person is told
where the data came from within a month of their coming (UK GDPR Art 14(3)(a)); until then nothing of it goes to
anybody.
"""


def referral() -> Iterator[str]:
    """What a referral brings, column by column, by the document and with what the demonstration decides."""
    yield ""
    yield REFERRAL.strip()
    yield ""
    for column, today, decided in referred():
        yield f"- {column}: {today}" + (f" With what the demonstration decides: {decided}" if decided != today else "")


def referred() -> Iterator[tuple[str, str, str]]:
    council, service = "milton-keynes", SERVICES["milton-keynes"]
    policies = [policy_of(council, with_decisions=decided) for decided in (False, True)]
    rules = [ValueRules(policy, service, TODAY, stated(policy, service, TODAY)) for policy in policies]
    imports = policies[0].service(service).clients.imports
    [source] = [one for one in imports if one.id == "dwp-referral"]
    for column in source.columns:
        said = []
        for each in rules:
            kind, _, name = column.to.partition(":")
            problem = None
            if kind == "field":
                problem = each.bar(each.classes[column.record_class or ""], name, source.source, source.purposes)
            taken = "taken in." if problem is None else f"refused. {problem.message}"
            said.append("ignored." if kind == "ignore" else taken)
        yield column.name, said[0], said[1]


def test_a_referral_brings_what_is_declared_and_no_more() -> None:
    found = {column: (today, decided) for column, today, decided in referred()}
    assert found["NI number"] == ("ignored.", "ignored.")
    today, decided = found["Health condition or disability"]
    assert (today.split(".")[0], decided) == ("refused", "taken in.")
    assert found["Last name"] == ("taken in.", "taken in.")
    declared = policy_of("milton-keynes", with_decisions=False).service("employment-support").clients
    [source] = [one for one in declared.imports if one.id == "dwp-referral"]
    assert source.referral, "it starts the clock of Art 14(3)(a)"
    assert source.source == "department-for-work-and-pensions"


def page(policy: Policy, service: str, case: Case) -> Iterator[str]:
    declared = policy.service(service)
    recipient = next(one for one in declared.recipients.recipients if one.id == case.recipient)
    purpose = next(one for one in declared.purposes.purposes if one.id == case.purpose)
    bodies = {body.id: say(body.name, "en") for body in recipient.bodies}
    named = f" ({bodies.get(case.body, case.body)})" if case.body else ""
    yield ""
    yield f"### {case.title}"
    yield ""
    yield case.words
    yield ""
    yield f"- Recipient: {say(recipient.title, 'en')}{named}"
    yield f"- Purpose: {say(purpose.title, 'en')}"
    yield f"- Asked for: {', '.join(f'`{name}`' for name in case.fields)}"
    yield ""
    yield from told("Today", answer(case, with_decisions=False))
    yield ""
    yield from told("Decided", answer(case))
    for turn in case.turns:
        found = answer(case, turn)
        yield ""
        yield f"{turn.words} **{'Yes' if found.allowed else 'No'}.**"
        if not found.allowed:
            yield ""
            yield from against(found)


def told(when: str, found: Decision) -> Iterator[str]:
    yield f"**{when}: {'yes' if found.allowed else 'no'}.**"
    yield ""
    if not found.allowed:
        yield from against(found)
    else:
        yield from (f"- {one.sentence} ({one.provision})" for one in found.reasons)


def against(found: Decision) -> Iterator[str]:
    yield from (f"- {one.sentence} ({one.provision})" for one in found.reasons if not one.speaks_for)


def test_the_document_says_what_the_gate_says() -> None:
    made = "\n".join(pages()) + "\n"
    if os.environ.get("MUNIMENT_WRITE_DOCUMENTS"):
        DOCUMENT.write_text(made, encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == made, "write it anew: MUNIMENT_WRITE_DOCUMENTS=1"


def test_the_cases_touch_most_rules() -> None:
    told_of = {rule for case in CASES for rule in (*case.declared, *case.decided)}
    told_of |= {rule for case in CASES for turn in case.turns for rule in turn.against}
    assert told_of <= {rule.id for rule in RULES}
    assert len(told_of) > 15
