"""What a policy says about one question: looked up once, whatever the number of clients.

Pure. Nothing is judged here: what is missing is absent, and the rules say what follows.
"""

from __future__ import annotations

import re

import msgspec

from muniment.api.consent import Basis, Condition, Purpose
from muniment.api.law import APPROPRIATE_POLICY, Article6
from muniment.api.sharing import Recipient
from muniment.api.text import is_blank, say
from muniment.consent.acts import body_of, recipient_key
from muniment.consent.grounds import CONSENT_ARTICLE, ground_of
from muniment.policy.model import Policy, ServicePolicy
from muniment.policy.special import Slot, covers, slots_of
from muniment.sharing.question import Question

__all__ = ["IDENTITY", "Need", "Terms", "stands", "terms_of"]

IDENTITY = ("reference", "given-names", "family-name", "born-on", "postcode", "address", "email", "phone")
"""The parts of the identity stub, which belong to no declared category."""

DATA_PROTECTION = re.compile(r"data protection", re.IGNORECASE)
NEEDS_ENACTMENT = frozenset({"6.1.c", "6.1.e"})
NOT_FOR_PUBLIC_TASKS = frozenset({"6.1.f", "6.1.ea"})


class Need(msgspec.Struct, frozen=True):
    """A special category or criminal offence field that is asked for, and the complete conditions that are for it."""

    field: str
    kind: str
    conditions: tuple[Condition, ...]


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """A question with what the policy declares about it; what it does not declare is None or empty.

    `recipient_key` is how registers and the consent ledger name who receives; `named` is who that is, in words:
    None where the policy names a kind of body and nobody says which. `rests_on` is the article the disclosure rests
    on: of the bases that the policy gives the recipient for the purpose, the first that a council may use and that
    names its enactment where it needs one, else consent. `without_enactment`: there is a basis that would serve if
    it named its enactment.
    """

    question: Question
    recipient: Recipient | None
    recipient_key: str
    named: str | None
    purpose: Purpose | None
    rests_on: Article6 | None
    basis: str | None
    without_enactment: bool
    undeclared: tuple[str, ...]
    beyond: tuple[str, ...]
    categories: frozenset[str]
    needs: tuple[Need, ...]


def terms_of(policy: Policy, question: Question) -> Terms:
    """What a policy says about a question."""
    service = policy.services.get(question.service)
    if service is None:
        service_fields: dict[str, Slot] = {}
        recipient = purpose = None
    else:
        service_fields = slots_of(service)
        recipient = next((one for one in service.recipients.recipients if one.id == question.recipient), None)
        purpose = next((one for one in service.purposes.purposes if one.id == question.purpose), None)
    asked = question.fields
    slots = {name: service_fields[name] for name in asked if name in service_fields}
    rests_on, basis, without = (None, None, False)
    if service is not None and recipient is not None and purpose is not None:
        rests_on, basis, without = _basis(service, recipient, purpose)
    key, named = recipient_key(question.recipient, question.body), None
    if recipient is not None:
        agreed = rests_on == "6.1.a" or recipient.consent == "required"
        key, named = _who(recipient, question.body, agreed=agreed)
    conditions = () if service is None else service.purposes.conditions
    return Terms(
        question=question,
        recipient=recipient,
        recipient_key=key,
        named=named,
        purpose=purpose,
        rests_on=rests_on,
        basis=basis,
        without_enactment=without,
        undeclared=tuple(name for name in asked if name not in slots and name not in IDENTITY),
        beyond=() if recipient is None else tuple(name for name in asked if not _within(recipient, name, slots)),
        categories=frozenset(slot.category.id for slot in slots.values()),
        needs=tuple(
            Need(name, slot.kind, tuple(one for one in conditions if covers(one, slot, question.purpose)))
            for name, slot in slots.items()
            if slot.kind != "ordinary"
        ),
    )


def _who(recipient: Recipient, body: str | None, *, agreed: bool) -> tuple[str, str | None]:
    """The key and the words for who receives; no words where nobody is named.

    A body that the policy does not name may be named by the client's own agreement, where giving it anything rests on
    that; then the rules about consent and permission see to it that it is named there.
    """
    if recipient.kind != "kind-of-body":
        return recipient_key(recipient.id, body), say(recipient.title, "en") if body is None else None
    if body is None or is_blank(body):
        return recipient_key(recipient.id), None
    key, name = body_of(recipient, body)
    declared = any(key == recipient_key(recipient.id, one.id) for one in recipient.bodies)
    return key, name if declared or agreed else None


def _within(recipient: Recipient, name: str, slots: dict[str, Slot]) -> bool:
    """Whether a recipient may receive a field at all: undeclared is none."""
    if name in IDENTITY:
        return name in recipient.identity
    slot = slots.get(name)
    if slot is None or slot.category.id not in recipient.categories:
        return False
    return not recipient.fields or name in recipient.fields


def _basis(service: ServicePolicy, recipient: Recipient, purpose: Purpose) -> tuple[Article6 | None, str | None, bool]:
    """The article and the id of what a disclosure rests on, and whether one lacks its enactment alone.

    Where consent alone is stated for the purpose, a basis whose purposes nobody states does not take its place: nobody
    who withdraws is told that another basis was meant all along (UK GDPR Art 5(1)(a))."""
    if purpose.consent:
        return "6.1.a", purpose.id, False
    if recipient.match is not None and recipient.match.statutes:
        return "6.1.c", recipient.match.statutes[0], False
    consent_alone = ground_of(service, purpose.id).consent_alone
    usable = [
        one
        for one in service.purposes.bases
        if one.id in recipient.bases
        and (one.article == CONSENT_ARTICLE or not consent_alone)
        and one.article is not None
        and one.article not in NOT_FOR_PUBLIC_TASKS
        and (not one.purposes or purpose.id in one.purposes)
    ]
    titles = {statute.id: say(statute.title, "en") for statute in service.purposes.statutes}
    complete = [one for one in usable if one.article not in NEEDS_ENACTMENT or _has_enactment(one, titles)]
    best = min(complete, key=lambda one: one.article == "6.1.a", default=None)
    if best is None:
        return None, None, bool(usable)
    return best.article, best.id, False


def _has_enactment(basis: Basis, titles: dict[str, str]) -> bool:
    """Whether a law is named that lays the task or obligation down: data-protection law itself is none."""
    return any(name in titles and not DATA_PROTECTION.search(titles[name]) for name in basis.statutes)


def stands(condition: Condition, documented: frozenset[str], recipient: Recipient) -> bool:
    """Whether a complete condition has the appropriate policy document it needs (DPA 2018 Sch 1 Part 4).

    None is needed where para 10 is relied on for disclosing to a competent authority (Sch 1 para 10(2)).
    """
    if condition.schedule_1 not in APPROPRIATE_POLICY or condition.id in documented:
        return True
    return condition.schedule_1 == "2.10" and recipient.competent_authority
