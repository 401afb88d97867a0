"""The rights a notice lists, against those that people have under the bases it claims."""

from __future__ import annotations

import re
from collections.abc import Iterator

from muniment.api.law import Right
from muniment.policy.scene import Hit, Predicate, Scene, articles, words_of

__all__ = ["PREDICATES"]

ALWAYS: tuple[Right, ...] = ("access", "rectification", "erasure", "restriction", "objection")
NO_CONSENT = frozenset({"6.1.c", "6.1.e"})
COMPLAINT = re.compile(r"complain|cwyn", re.IGNORECASE)
LEGITIMATE = re.compile(r"legitimate interest", re.IGNORECASE)


def rights_not_listed(scene: Scene) -> Iterator[Hit]:
    """A right that everybody has under some basis claimed, and the notice does not list."""
    for path, notice, service in scene.notices():
        wanted = [*ALWAYS]
        if articles(service.purposes.bases) & {"6.1.a", "6.1.b"}:
            wanted.append("portability")
        listed = {entry.right for entry in notice.rights}
        for right in wanted:
            if right not in listed:
                yield Hit(f"{path}.right.{right}", right)


def complaint_to_controller_absent(scene: Scene) -> Iterator[Hit]:
    """The right to complain to the controller is not listed."""
    for path, notice, _ in scene.notices():
        if all(entry.right != "complain-to-controller" for entry in notice.rights):
            yield Hit(f"{path}.right.complain-to-controller")


def complaint_to_regulator_absent(scene: Scene) -> Iterator[Hit]:
    """The right to complain to the regulator is not told in any way."""
    for path, notice, _ in scene.notices():
        listed = any(entry.right == "complain-to-regulator" for entry in notice.rights)
        if not (listed or notice.regulator_complaints or notice.regulator):
            yield Hit(f"{path}.right.complain-to-regulator")


def objection_told_as_complaint(scene: Scene) -> Iterator[Hit]:
    """The right to object explained as a right to complain."""
    for path, notice, _ in scene.notices():
        for entry in notice.rights:
            if entry.right == "objection" and COMPLAINT.search(words_of(entry.stated_as)):
                yield Hit(f"{path}.right.objection")


def portability_without_its_bases(scene: Scene) -> Iterator[Hit]:
    """Portability is offered, and no basis claimed carries it."""
    for path, notice, service in scene.notices():
        claimed = articles(service.purposes.bases)
        if claimed and claimed <= NO_CONSENT and any(entry.right == "portability" for entry in notice.rights):
            yield Hit(f"{path}.right.portability")


def erasure_without_its_bases(scene: Scene) -> Iterator[Hit]:
    """Erasure is offered without limits, while the bases claimed restrict it to what is no longer necessary."""
    for path, notice, service in scene.notices():
        claimed = articles(service.purposes.bases)
        if claimed and claimed <= NO_CONSENT and any(entry.right == "erasure" for entry in notice.rights):
            yield Hit(f"{path}.right.erasure")


def rights_under_legitimate_interests(scene: Scene) -> Iterator[Hit]:
    """Rights are explained by legitimate interests, a basis that is not claimed."""
    for path, notice, service in scene.notices():
        told = [notice.rights_limits, *(entry.stated_as for entry in notice.rights)]
        if "6.1.f" not in articles(service.purposes.bases) and any(LEGITIMATE.search(words_of(text)) for text in told):
            yield Hit(f"{path}.right")


def rights_without_contact(scene: Scene) -> Iterator[Hit]:
    """Nobody is named to whom a request can be made."""
    for path, notice, _ in scene.notices():
        if not notice.contacts and notice.rights_to is None and scene.dpo(notice) is None:
            yield Hit(f"{path}.rights_to")


def contact_is_a_person(scene: Scene) -> Iterator[Hit]:
    """The source names a person where a role would stay true."""
    for path, notice, _ in scene.notices():
        for position, contact in enumerate(notice.contacts, 1):
            if contact.person_named:
                yield Hit(f"{path}.contact.{position}", words_of(contact.role))


PREDICATES: tuple[Predicate, ...] = (
    rights_not_listed,
    complaint_to_controller_absent,
    complaint_to_regulator_absent,
    objection_told_as_complaint,
    portability_without_its_bases,
    erasure_without_its_bases,
    rights_under_legitimate_interests,
    rights_without_contact,
    contact_is_a_person,
)
