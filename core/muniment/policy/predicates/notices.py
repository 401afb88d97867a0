"""What a notice has to tell (UK GDPR Arts 13 and 14) and does not."""

from __future__ import annotations

import re
from collections.abc import Iterator

from muniment.policy.model import ServicePolicy
from muniment.policy.scene import Hit, Predicate, Scene, articles, words_of

__all__ = ["PREDICATES"]

CONSENT = re.compile(r"\bconsent|\bcydsyniad", re.IGNORECASE)


def controller_without_contact(scene: Scene) -> Iterator[Hit]:
    """The council's party has no address of any kind, nor has the notice."""
    party = scene.own_party
    if party is None or party.contact is not None:
        return
    if not all(notice.contacts for _, notice, _ in scene.notices()):
        yield Hit(f"council.party.{party.id}.contact")


def notice_missing(scene: Scene) -> Iterator[Hit]:
    """A service that no notice covers."""
    covered = {slug for path, notice, _ in scene.notices() for slug in notice.services or (path.partition(".")[0],)}
    yield from (Hit(f"{slug}.notice", slug) for slug, _ in scene.services if slug not in covered)


def dpo_contact_absent(scene: Scene) -> Iterator[Hit]:
    """No way to reach the data protection officer."""
    for path, notice, _ in scene.notices():
        if scene.dpo(notice) is None:
            yield Hit(f"{path}.dpo")


def dpo_by_post_only(scene: Scene) -> Iterator[Hit]:
    """The data protection officer can be written to on paper and not otherwise."""
    for path, notice, _ in scene.notices():
        contact = scene.dpo(notice)
        if contact is not None and contact.address and not (contact.email or contact.phone or contact.url):
            of_notice = notice.dpo is not None
            yield Hit(f"{path}.dpo.email" if of_notice else f"council.party.{scene.policy.council.own_party}.dpo.email")


def transfers_not_stated(scene: Scene) -> Iterator[Hit]:
    """Nothing about transfers abroad."""
    for path, notice, service in scene.notices():
        if notice.transfers.use is None and not any(entry.transfer for entry in service.recipients.recipients):
            yield Hit(f"{path}.transfers.use")


def transfer_without_safeguard(scene: Scene) -> Iterator[Hit]:
    """A transfer abroad and no word of what safeguards it."""
    for path, notice, _ in scene.notices():
        if notice.transfers.use == "some" and notice.transfers.safeguard is None:
            yield Hit(f"{path}.transfers.safeguard")
    for slug, service in scene.services:
        for entry in service.recipients.recipients:
            if entry.transfer is not None and entry.transfer.safeguard is None:
                yield Hit(f"{slug}.recipient.{entry.id}.transfer.safeguard", entry.id)


def automated_decisions_not_stated(scene: Scene) -> Iterator[Hit]:
    """Nothing about solely automated decisions."""
    for path, notice, _ in scene.notices():
        if notice.automated.use is None:
            yield Hit(f"{path}.automated.use")


def automated_decisions_without_safeguards(scene: Scene) -> Iterator[Hit]:
    """Solely automated decisions and no word of the safeguards."""
    for path, notice, _ in scene.notices():
        if notice.automated.use == "some" and notice.automated.safeguards is None:
            yield Hit(f"{path}.automated.safeguards")


def obligation_not_stated(scene: Scene) -> Iterator[Hit]:
    """Whether people must provide their data is not said."""
    for path, notice, _ in scene.notices():
        if notice.obligation.kind is None:
            yield Hit(f"{path}.obligation.kind")


def consequence_not_stated(scene: Scene) -> Iterator[Hit]:
    """What follows for somebody who does not provide data is not said."""
    for path, notice, _ in scene.notices():
        if notice.obligation.consequence is None:
            yield Hit(f"{path}.obligation.consequence")


def withdrawal_not_stated(scene: Scene) -> Iterator[Hit]:
    """Consent is used and the right to withdraw it is not told."""
    for path, notice, service in scene.notices():
        listed = any(entry.right == "withdraw-consent" for entry in notice.rights)
        if _uses_consent(service) and notice.withdrawal is None and not listed:
            yield Hit(f"{path}.withdrawal")


def voluntary_and_obliged(scene: Scene) -> Iterator[Hit]:
    """Giving data is called voluntary while a legal obligation is claimed for using them."""
    for path, notice, service in scene.notices():
        if notice.obligation.kind == "voluntary" and "6.1.c" in articles(service.purposes.bases):
            yield Hit(f"{path}.obligation.kind")


def _uses_consent(service: ServicePolicy) -> bool:
    """Whether anything in a service rests on consent, or is said to need it."""
    told = (statement.text for notice in service.notices.notices for statement in notice.statements)
    return (
        any(CONSENT.search(words_of(text)) for text in told)
        or any(purpose.consent for purpose in service.purposes.purposes)
        or "6.1.a" in articles(service.purposes.bases)
        or any(condition.article == "9.2.a" for condition in service.purposes.conditions)
        or any(recipient.consent == "required" for recipient in service.recipients.recipients)
    )


PREDICATES: tuple[Predicate, ...] = (
    controller_without_contact,
    notice_missing,
    dpo_contact_absent,
    dpo_by_post_only,
    transfers_not_stated,
    transfer_without_safeguard,
    automated_decisions_not_stated,
    automated_decisions_without_safeguards,
    obligation_not_stated,
    consequence_not_stated,
    withdrawal_not_stated,
    voluntary_and_obliged,
)
