"""The rules about what is asked: the recipient, the purpose, the fields, the law, agreements. They read no client.

What a policy does not declare is absent, and absent means no. Where the recipient itself is not declared, that is the
one reason that needs saying: the other rules have nothing to read.
"""

from __future__ import annotations

from muniment.sharing.ruling import FAILS, PASSES, Case, Rule, Ruling, passes_if
from muniment.sharing.terms import Need, stands

__all__ = ["ABOUT_THE_QUESTION"]


def _recipient_declared(case: Case) -> Ruling:
    return passes_if(case.terms.recipient is not None)


def _recipient_named(case: Case) -> Ruling:
    recipient = case.terms.recipient
    if recipient is None or recipient.kind == "the-public":
        return None
    return passes_if(case.terms.named is not None)


def _purpose_declared(case: Case) -> Ruling:
    return passes_if(case.terms.purpose is not None)


def _purpose_of_recipient(case: Case) -> Ruling:
    recipient = case.terms.recipient
    return None if recipient is None else passes_if(case.terms.question.purpose in recipient.purposes)


def _fields_declared(case: Case) -> Ruling:
    return case.terms.undeclared


def _categories(case: Case) -> Ruling:
    if case.terms.recipient is None:
        return None
    return tuple(name for name in case.terms.beyond if name not in case.terms.undeclared)


def _basis(case: Case) -> Ruling:
    if case.terms.recipient is None or case.terms.purpose is None or case.terms.without_enactment:
        return None
    return passes_if(case.terms.rests_on is not None)


def _enactment(case: Case) -> Ruling:
    if case.terms.without_enactment:
        return FAILS
    return PASSES if case.terms.rests_on in ("6.1.c", "6.1.e") else None


def _complete(case: Case, kind: str) -> Ruling:
    needs = [need for need in case.terms.needs if need.kind == kind]
    if not needs or case.terms.recipient is None:
        return None
    return tuple(need.field for need in needs if not need.conditions)


def _special_condition(case: Case) -> Ruling:
    return _complete(case, "special")


def _offence_condition(case: Case) -> Ruling:
    return _complete(case, "criminal")


def _policy_document(case: Case) -> Ruling:
    recipient = case.terms.recipient
    needs = [need for need in case.terms.needs if need.conditions]
    if recipient is None or not needs:
        return None
    return tuple(need.field for need in needs if not _documented(case, need))


def _documented(case: Case, need: Need) -> bool:
    recipient = case.terms.recipient
    return recipient is not None and any(stands(one, case.around.documented, recipient) for one in need.conditions)


def _agreement(case: Case) -> Ruling:
    recipient = case.terms.recipient
    if recipient is None:
        return None
    bound = recipient.role in ("processor", "sub-processor", "joint-controller")
    if not recipient.agreement and not bound:
        return None
    question = case.terms.question
    return passes_if(
        any(
            question.purpose in one.purposes and case.terms.categories <= one.categories
            for one in case.around.agreements
        )
    )


def _transfer(case: Case) -> Ruling:
    recipient = case.terms.recipient
    if recipient is None or recipient.transfer is None:
        return None
    return passes_if(recipient.transfer.safeguard is not None)


def _data_set(case: Case) -> Ruling:
    recipient = case.terms.recipient
    if recipient is None or recipient.match is None:
        return None
    titles = {title for data_set in recipient.match.data_sets for title in _titles(data_set)}
    return passes_if(case.terms.question.data_set in titles)


def _titles(text: object) -> tuple[str, ...]:
    return tuple(text.values()) if isinstance(text, dict) else (str(text),)


def _statute(case: Case) -> Ruling:
    recipient = case.terms.recipient
    if recipient is None or recipient.match is None:
        return None
    return passes_if(bool(recipient.match.statutes))


def _publication(case: Case) -> Ruling:
    recipient = case.terms.recipient
    if recipient is None or recipient.kind != "the-public":
        return None
    published = recipient.publication
    if published is None:
        return FAILS
    may_stand = set(published.fields).difference(published.redacted)
    return tuple(name for name in case.terms.question.fields if name not in may_stand)


def _condition(case: Case) -> Ruling:
    recipient = case.terms.recipient
    if recipient is None or recipient.condition is None or recipient.programme is not None:
        return None
    return passes_if(case.terms.question.condition_met)


def _request(case: Case) -> Ruling:
    recipient, request = case.terms.recipient, case.around.request
    if recipient is None or (not recipient.on_request and request is None):
        return None
    return passes_if(request is not None and request.shared and request.open)


def _requested_fields(case: Case) -> Ruling:
    request = case.around.request
    if request is None or not request.shared:
        return None
    return tuple(name for name in case.terms.question.fields if name not in request.fields)


def _stopped(case: Case) -> Ruling:
    return FAILS if case.around.stopped else None


ABOUT_THE_QUESTION: tuple[Rule, ...] = (
    Rule(
        "recipient-declared", "UK GDPR Arts 5(1)(a), 13(1)(e)",
        "The council's policy names this recipient.",
        "The council's policy names no such recipient.",
        _recipient_declared,
    ),
    Rule(
        "recipient-named", "UK GDPR Arts 4(11), 5(2), 15(1)(c)",
        "It is known exactly who receives.",
        "The policy names only a kind of recipient, or not this body: nobody unnamed receives anything.",
        _recipient_named,
    ),
    Rule(
        "purpose-declared", "UK GDPR Art 5(1)(b)",
        "The service's policy declares this purpose.",
        "The service's policy declares no such purpose.",
        _purpose_declared,
    ),
    Rule(
        "purpose-of-recipient", "UK GDPR Arts 5(1)(b), 13(1)(c)",
        "The policy says that this recipient receives data for this purpose.",
        "The policy does not say that this recipient receives data for this purpose.",
        _purpose_of_recipient,
    ),
    Rule(
        "fields-declared", "UK GDPR Art 5(1)(a), (c)",
        "Every field asked for is declared.",
        "These fields are not declared: {what}.",
        _fields_declared,
    ),
    Rule(
        "categories", "UK GDPR Arts 5(1)(c), 14(1)(d)",
        "Every field asked for is one that this recipient may receive.",
        "The policy does not say that this recipient may receive: {what}.",
        _categories,
    ),
    Rule(
        "basis", "UK GDPR Art 6(1)",
        "A lawful basis stands for giving it to this recipient for this purpose.",
        "The policy states no lawful basis, that a council may use, for giving it to this recipient for this purpose.",
        _basis,
    ),
    Rule(
        "enactment", "UK GDPR Art 6(3); DPA 2018 s.8",
        "The law that lays down the task or the obligation is named.",
        "The policy rests it on a legal obligation or a public task and names no law that lays it down.",
        _enactment,
    ),
    Rule(
        "special-category", "UK GDPR Art 9(2); DPA 2018 s.10(1)-(3), Sch 1",
        "A complete condition is stated for the special category data.",
        "The policy states no complete condition for special category data: {what}.",
        _special_condition,
    ),
    Rule(
        "criminal-offence", "UK GDPR Art 10; DPA 2018 ss.10(4)-(5), 11(2), Sch 1",
        "A complete condition is stated for the criminal offence data.",
        "The policy states no complete condition for criminal offence data: {what}.",
        _offence_condition,
    ),
    Rule(
        "policy-document", "DPA 2018 Sch 1 paras 1(1)(b), 5(1), 10(2), 38-40",
        "The appropriate policy document is in force, or none is needed.",
        "The condition needs an appropriate policy document and none is in force today: {what}.",
        _policy_document,
    ),
    Rule(
        "agreement", "UK GDPR Arts 26, 28(3); ICO Data Sharing Code",
        "An agreement with this recipient that covers purpose and categories is in force.",
        "No agreement with this recipient that covers purpose and categories is in force today.",
        _agreement,
    ),
    Rule(
        "transfer", "UK GDPR Arts 44A-49A",
        "The transfer abroad has a safeguard.",
        "The recipient is abroad and the policy states no safeguard.",
        _transfer,
    ),
    Rule(
        "match-statute", "UK GDPR Art 6(3); Local Audit and Accountability Act 2014 s.33, Sch 9",
        "The law that requires the data for matching is named.",
        "The policy names no law that requires data for this matching exercise.",
        _statute,
    ),
    Rule(
        "match-data-set", "Local Audit and Accountability Act 2014 Sch 9 para 2",
        "The data set is one that was declared or decided for this matching exercise.",
        "No such data set was declared or decided: what the exercise asks for is a fact about each data set.",
        _data_set,
    ),
    Rule(
        "publication", "UK GDPR Arts 5(1)(a), (c), 6(1)",
        "The policy declares this publication, and what is to be taken out is not asked for.",
        "The policy declares no such publication, or these are to be taken out of it: {what}.",
        _publication,
    ),
    Rule(
        "condition", "UK GDPR Art 5(1)(a)",
        "Who discloses has confirmed that the recipient's condition is met.",
        "The policy sets a condition for this recipient, and nobody has confirmed that it is met.",
        _condition,
    ),
    Rule(
        "request-decided", "UK GDPR Art 5(2); DPA 2018 Sch 2 paras 2, 5; ICO Data Sharing Code",
        "A request was received, and it was decided to share.",
        "This recipient is answered on request alone, and no request was decided in its favour that is still open.",
        _request,
    ),
    Rule(
        "request-fields", "UK GDPR Art 5(1)(c)",
        "Nothing beyond the decided request is given.",
        "The decided request does not cover: {what}.",
        _requested_fields,
    ),
    Rule(
        "stopped", "UK GDPR Arts 5(1)(f), 24, 32",
        "Nothing has stopped disclosures to this recipient.",
        "The council has stopped all disclosures to this recipient.",
        _stopped,
    ),
)  # fmt: skip
