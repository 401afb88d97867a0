"""The rules about one client: what is held, consents, restriction, objection, notices, programmes, plugins."""

from __future__ import annotations

from muniment.sharing.question import Agreed
from muniment.sharing.ruling import FAILS, PASSES, Case, Rule, Ruling, passes_if
from muniment.sharing.terms import stands

__all__ = ["ABOUT_THE_CLIENT"]

OBJECTABLE = frozenset({"6.1.e", "6.1.ea", "6.1.f"})
UNANSWERED = ("none", "requested")


def _held_for_purpose(case: Case) -> Ruling:
    return tuple(sorted(case.facts.held_otherwise))


def _consent(case: Case) -> Ruling:
    return None if case.terms.rests_on != "6.1.a" else _live(case.facts.consent)


def _consent_names(case: Case) -> Ruling:
    if case.terms.rests_on != "6.1.a" or not case.facts.consent.live:
        return None
    return passes_if(case.facts.consent.named)


def _explicit(case: Case) -> Ruling:
    """Whether explicit consent is there for what no other condition that stands is for."""
    recipient = case.terms.recipient
    if recipient is None:
        return None
    needing = []
    for need in case.terms.needs:
        standing = [one for one in need.conditions if stands(one, case.around.documented, recipient)]
        by_consent = any(one.article == "9.2.a" or one.schedule_1 == "3.29" for one in standing)
        others = any(one.article != "9.2.a" and one.schedule_1 != "3.29" for one in standing)
        if by_consent and not others:
            needing.append(need.field)
    if not needing:
        return None
    consent = case.facts.consent
    return PASSES if consent.live and consent.explicit and consent.named else tuple(needing)


def _permission_asked(case: Case) -> bool:
    recipient = case.terms.recipient
    return recipient is not None and recipient.consent == "required" and case.terms.rests_on != "6.1.a"


def _permission(case: Case) -> Ruling:
    return _live(case.facts.permission) if _permission_asked(case) else None


def _permission_names(case: Case) -> Ruling:
    if not _permission_asked(case) or not case.facts.permission.live:
        return None
    return passes_if(case.facts.permission.named)


def _live(agreed: Agreed) -> Ruling:
    return PASSES if agreed.live else (agreed.state,)


def _opt_out(case: Case) -> Ruling:
    recipient = case.terms.recipient
    if recipient is None or recipient.consent != "opt-out":
        return None
    return passes_if(not _declined(case.facts.permission) and not _declined(case.facts.consent))


def _declined(agreed: Agreed) -> bool:
    """Whether somebody answered, and there is no live yes that names this recipient: a yes to others does not become
    one to this recipient by running out. That nobody was asked, or nobody has answered, is no opting out."""
    return agreed.state not in UNANSWERED and not (agreed.live and agreed.named)


def _restriction(case: Case) -> Ruling:
    return PASSES if not case.facts.limited else _excepted(case)


def _excepted(case: Case) -> Ruling:
    """Whether an exception of Art 18(2) is claimed. That of consent needs one that is live and was given since: who
    agreed first and had it restricted then has not agreed to its use all the same."""
    exception, consent = case.terms.question.exception, case.facts.consent
    if exception == "consent":
        return passes_if(consent.live and consent.named and case.facts.agreed_since)
    return passes_if(exception is not None)


def _objection(case: Case) -> Ruling:
    match case.facts.objection:
        case "none":
            return PASSES
        case "upheld":
            return FAILS
        case _:
            return _excepted(case) if case.terms.rests_on in OBJECTABLE else PASSES


def _enrolled(case: Case) -> Ruling:
    recipient = case.terms.recipient
    if recipient is None or recipient.programme is None:
        return None
    return passes_if(case.facts.enrolled)


def _programme_notice(case: Case) -> Ruling:
    recipient = case.terms.recipient
    if recipient is None or recipient.programme is None:
        return None
    return passes_if(case.facts.programme_notice)


def _told(case: Case) -> Ruling:
    request = case.around.request
    if not case.facts.obtained_elsewhere or (request is not None and request.shared and request.untold):
        return None
    return passes_if(case.facts.told)


def _adult(case: Case) -> Ruling:
    recipient = case.terms.recipient
    if recipient is None or recipient.match is None or recipient.match.minors:
        return None
    return passes_if(case.facts.adult)


def _requested(case: Case) -> Ruling:
    return None if case.around.request is None else passes_if(case.facts.requested)


def _plugins(case: Case) -> Ruling:
    return case.facts.refusals


ABOUT_THE_CLIENT: tuple[Rule, ...] = (
    Rule(
        "held-for-purpose", "UK GDPR Arts 5(1)(b), 8A",
        "What is given is held for this purpose, or for one that the council has judged compatible.",
        "These are held for other purposes alone: {what}.",
        _held_for_purpose,
    ),
    Rule(
        "consent", "UK GDPR Arts 4(11), 6(1)(a), 7",
        "The client has consented to this purpose, and the consent is live.",
        "This rests on consent, and there is no live one ({what}).",
        _consent,
    ),
    Rule(
        "consent-names-recipient", "UK GDPR Arts 4(11), 7(1); ICO guidance on consent",
        "The consent names this very recipient.",
        "The consent does not name this recipient: a new recipient means fresh consent.",
        _consent_names,
    ),
    Rule(
        "explicit-consent", "UK GDPR Art 9(2)(a); DPA 2018 Sch 1 para 29",
        "The consent is explicit and names this recipient.",
        "Only explicit consent that names this recipient allows it, and there is none: {what}.",
        _explicit,
    ),
    Rule(
        "permission", "The council's own promise; UK GDPR Art 5(1)(a)",
        "The client permits the sharing, as the council promised to ask.",
        "The council promises to share this only if the client permits it, and there is no live permission ({what}).",
        _permission,
    ),
    Rule(
        "permission-names-recipient", "The council's own promise; UK GDPR Art 5(1)(a)",
        "The permission names this very recipient.",
        "The client's permission does not name this recipient.",
        _permission_names,
    ),
    Rule(
        "opt-out", "The council's own promise; UK GDPR Arts 5(1)(a), 21; DPA 2018 Sch 1 para 8(5)",
        "The client has not opted out.",
        "The client has opted out, or has agreed to others and not to this recipient.",
        _opt_out,
    ),
    Rule(
        "restriction", "UK GDPR Art 18",
        "No restriction stands for this purpose, or an exception of Art 18(2) is claimed and recorded.",
        "A restriction stands: these data may only be stored.",
        _restriction,
    ),
    Rule(
        "objection", "UK GDPR Arts 18(1)(d), 21",
        "No objection stands in the way of this purpose.",
        "The client has objected to this purpose; until that is decided, or where it was upheld, nothing is given.",
        _objection,
    ),
    Rule(
        "enrolled", "UK GDPR Art 5(1)(b)",
        "The client takes part in the programme that this recipient is for.",
        "The client does not take part today in the programme that this recipient is for.",
        _enrolled,
    ),
    Rule(
        "programme-notice", "UK GDPR Arts 13(3), 14(4)",
        "The client was given the programme's own notice since joining it.",
        "The client has not been given the programme's own notice since joining it.",
        _programme_notice,
    ),
    Rule(
        "told", "UK GDPR Art 14(1)-(3)",
        "The client was told how their data are used, or need not be told again.",
        "The data came from somebody else and the client has not been told: a first disclosure is the last moment.",
        _told,
    ),
    Rule(
        "adult", "Local Audit and Accountability Act 2014 Sch 9; National Fraud Initiative, data specifications",
        "The client is known to be 18 or older.",
        "The client is under 18 or of unknown age, and this matching exercise takes adults alone.",
        _adult,
    ),
    Rule(
        "request-about-client", "UK GDPR Art 5(1)(c); DPA 2018 Sch 2 para 2",
        "The request is about this very client.",
        "The request is about somebody else: nothing is given about those it does not name.",
        _requested,
    ),
    Rule(
        "plugins", "The council's own rules",
        "No plugin of the council refuses.",
        "Refused by {what}.",
        _plugins,
    ),
)  # fmt: skip
