"""What a notice has to tell: walks everything a policy declares for it and names each thing once, in order.

Nothing declared is dropped here: a test walks every declaration of a policy and looks for its words in the document.
What is left out on purpose is not for the reader of a notice: remarks, import formats, the values a choice field takes
and how a source misprinted a provision.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, get_args

import msgspec

from muniment.api.consent import Statute
from muniment.api.council import Contact, ControllerRole, Party
from muniment.api.law import ARTICLE_6, ARTICLE_9
from muniment.api.notices import Notice
from muniment.api.notices import Section as SectionName
from muniment.api.retention import ScheduleDefaults
from muniment.api.text import Text, say
from muniment.defaults.law import Law
from muniment.policy.model import Policy, ServicePolicy

__all__ = ["SECTIONS", "Subject", "Told", "law_told", "telling"]

SECTIONS: tuple[str, ...] = get_args(SectionName)
COMPLAINTS = {"complain-to-controller": "complaints", "complain-to-regulator": "regulator_complaints"}
"""The text of a notice by which a council can decide what the law asks, for each right to complain."""


class Told(NamedTuple):
    """One thing to tell: `kind` is the macro that says it, `about` the declaration, `more` what else it needs.

    `id` is the statement's, stable as long as the declaration keeps its own; `path` is where decisions address it.
    """

    id: str
    kind: str
    about: Any
    path: str
    more: Mapping[str, Any] = {}
    law: bool = False

    @property
    def section(self) -> str:
        return self.id.partition(".")[0]


class Subject:
    """One notice of one policy, with the services it covers."""

    def __init__(self, policy: Policy, service: str, notice: Notice) -> None:
        self.policy = policy
        self.notice = notice
        self.notice_path = f"{service}.notice.{notice.id}"
        slugs = notice.services or (service,)
        self.services: dict[str, ServicePolicy] = {slug: policy.service(slug) for slug in slugs}

    @cached_property
    def names(self) -> dict[tuple[str, str], Any]:
        """The title of everything that one declaration names in another, by kind and id."""
        found: dict[tuple[str, str], Any] = {
            **{("party", party.id): party.name for party in self.policy.council.parties},
            **{("article-6", code): f"6({code.split('.')[1]})({code.split('.')[2]})" for code in ARTICLE_6},
            **{("article-9", code): _article_9(code) for code in ARTICLE_9},
        }
        for slug, policy in self.policy.services.items():
            lists: dict[str, Sequence[Any]] = {
                "category": policy.clients.categories,
                "cohort": policy.clients.cohorts,
                "source": policy.clients.sources,
                "system": policy.clients.systems,
                "purpose": policy.purposes.purposes,
                "recipient": policy.recipients.recipients,
                "class": policy.retention.classes,
            }
            here = slug in self.services
            for kind, entries in lists.items():
                for entry in entries:
                    if here or (kind, entry.id) not in found:
                        found[kind, entry.id] = entry.title
            for category in policy.clients.categories:
                for field in category.fields:
                    name = f"{category.id}.{field.id}"
                    found["field", name] = field.title
                    found["unit", name] = "£" if field.type == "money" else ""
                    found |= {("choice", f"{name}.{choice.id}"): choice.title for choice in field.choices}
            for statute in policy.purposes.statutes:
                found["statute", statute.id] = _with_provisions(statute)
            for basis in policy.purposes.bases:
                found["basis", basis.id] = basis.in_words or (basis.article and found["article-6", basis.article])
            for programme in policy.retention.programmes:
                found["programme", programme.programme] = programme.title
            found["service", slug] = policy.service.title
        return found

    @cached_property
    def parties(self) -> dict[str, Party]:
        """Every party that the council declares, by id."""
        return {party.id: party for party in self.policy.council.parties}

    @cached_property
    def named_parties(self) -> frozenset[str]:
        """The parties that something in this notice is about; a council's others belong in its other notices."""
        named: set[str | None] = {self.policy.council.own_party}
        for policy in self.services.values():
            named |= {role.party for role in policy.service.controllers}
            named |= {system.operator for system in policy.clients.systems}
            for recipient in policy.recipients.recipients:
                named |= {recipient.party, *(body.party for body in recipient.bodies)}
        documents = (*self.policy.council.documents, *self.notice.given_before, self.notice.restates)
        named |= {document.whose for document in documents if document is not None}
        return frozenset(name for name in named if name)


def telling(subject: Subject) -> Iterator[Told]:
    """Every statement of the notice except the law's own. Ids are unique: where two services, or two kinds of thing,
    would share one, the service or a count is added."""
    seen: Counter[str] = Counter()
    several = len(subject.services) > 1
    for service, told in _everything(subject):
        section, _, name = told.id.partition(".")
        key = f"{section}.{service}.{name}" if several and service else told.id
        seen[key] += 1
        yield told._replace(id=key if seen[key] == 1 else f"{key}-{seen[key]}")


def law_told(subject: Subject, law: Law) -> Iterator[Told]:
    """What the law asks and neither the council's document nor a decision says.

    A right to complain that the document lists, or a decision on the text about complaints, answers the law; an old
    sentence about complaints does not: the right to complain to the council is newer than it.
    """
    listed = {entry.right for entry in subject.notice.rights}
    decided = {decision.path for decision in subject.policy.decisions}
    for required in law.statements:
        path = f"{subject.notice_path}.{COMPLAINTS.get(required.unless_right or '', required.id)}"
        if required.unless_right in listed or path in decided:
            continue
        more = {"regulator": law.regulator}
        yield Told(f"{required.section}.{required.id}", "law", required, path, more, law=True)


def _everything(subject: Subject) -> Iterator[tuple[str, Told]]:
    for told in _of_notice(subject):
        yield "", told
    for slug, policy in subject.services.items():
        for told in (*_who(subject, slug, policy), *_data(slug, policy), *_why(slug, policy), *_after(slug, policy)):
            yield slug, told


def _of_notice(subject: Subject) -> Iterator[Told]:
    notice, path = subject.notice, subject.notice_path
    yield from _texts(notice, path)
    if notice.programme is not None:
        yield Told("about-this-notice.programme", "of_programme", notice.programme, f"{path}.programme")
    if notice.restates is not None:
        yield Told("about-this-notice.restates", "restates", notice.restates, f"{path}.restates")
    for document in notice.given_before:
        at = f"{path}.given_before.{document.id}"
        yield Told(f"about-this-notice.given-before-{document.id}", "given_before", document, at)
    for layer in notice.layers:
        yield Told(f"about-this-notice.{layer.id}", "layer", layer, f"{path}.layer.{layer.id}")
    for document in subject.policy.council.documents:
        yield Told(f"about-this-notice.document-{document.id}", "document", document, f"council.document.{document.id}")
    for right in notice.rights:
        yield Told(f"rights.{right.right}", "right", right, f"{path}.right.{right.right}")
    for statement in notice.statements:
        at = f"{path}.statement.{statement.id}"
        yield Told(f"{statement.section}.{statement.id}", "statement", statement, at)
    for contact in notice.contacts:
        name = slug_of(contact)
        yield Told(f"contact.{name}", "contact", contact, f"{path}.contact.{name}")
    for role, official in (("dpo", notice.dpo), ("regulator", notice.regulator)):
        if official is not None:
            yield Told(f"contact.{role}", role, official, f"{path}.{role}")
    for party in subject.parties.values():
        if party.id in subject.named_parties and _worth_telling(party):
            yield Told(f"contact.party-{party.id}", "party", party, f"council.party.{party.id}")


TEXTS = (
    ("about-this-notice", "audience"),
    ("about-this-notice", "intro"),
    ("rights", "rights_to"),
    ("rights", "rights_limits"),
    ("rights", "withdrawal"),
    ("complaints", "complaints"),
    ("complaints", "regulator_complaints"),
)


def _texts(notice: Notice, path: str) -> Iterator[Told]:
    """The parts of a notice that are one text, or one small table."""
    for section, attribute in TEXTS:
        if (text := getattr(notice, attribute)) is not None:
            yield Told(f"{section}.{attribute.replace('_', '-')}", attribute, text, f"{path}.{attribute}")
    for section, attribute in (
        ("obligation", "obligation"),
        ("automated-decisions", "automated"),
        ("transfers", "transfers"),
        ("equality", "equality"),
    ):
        table = getattr(notice, attribute)
        if table is not None and table != type(table)():
            yield Told(f"{section}.{attribute}", attribute, table, f"{path}.{attribute}")


def _who(subject: Subject, slug: str, policy: ServicePolicy) -> Iterator[Told]:
    service, own = policy.service, subject.policy.council.own_party
    yield Told("who-we-are.service", "service", service, f"council.service.{slug}", {"council": subject.policy.council})
    roles = service.controllers
    if not any(role.party == own for role in roles):
        roles = (ControllerRole(party=own, role="controller"), *roles)
    for role in roles:
        party = subject.parties.get(role.party)
        name = f"who-we-are.{role.party}-{role.role}"
        at = f"council.service.{slug}.controller.{role.party}"
        yield Told(name, "controller", role, at, {"party": party or Party(id=role.party, name=role.party)})


def _data(slug: str, policy: ServicePolicy) -> Iterator[Told]:
    clients = policy.clients
    for cohort in clients.cohorts:
        yield Told(f"about-this-notice.cohort-{cohort.id}", "cohort", cohort, f"{slug}.cohort.{cohort.id}")
    for category in clients.categories:
        yield Told(f"what-we-hold.{category.id}", "category", category, f"{slug}.category.{category.id}")
    for limit in clients.limits:
        yield Told(f"what-we-hold.limit-{limit.id}", "limit", limit, f"{slug}.limit.{limit.id}")
    for source in clients.sources:
        yield Told(f"where-from.{source.id}", "source", source, f"{slug}.source.{source.id}")
    for system in clients.systems:
        yield Told(f"storage.{system.id}", "system", system, f"{slug}.system.{system.id}")


def _why(slug: str, policy: ServicePolicy) -> Iterator[Told]:
    declared = policy.purposes
    for purpose in declared.purposes:
        yield Told(f"why.{purpose.id}", "purpose", purpose, f"{slug}.purpose.{purpose.id}")
    for basis in declared.bases:
        yield Told(f"basis.{basis.id}", "basis", basis, f"{slug}.basis.{basis.id}")
    for statute in declared.statutes:
        yield Told(f"basis.statute-{statute.id}", "statute", statute, f"{slug}.statute.{statute.id}")
    for condition in declared.conditions:
        yield Told(f"special.{condition.id}", "condition", condition, f"{slug}.condition.{condition.id}")


def _after(slug: str, policy: ServicePolicy) -> Iterator[Told]:
    """Who gets the data, and how long they are kept."""
    for recipient in policy.recipients.recipients:
        yield Told(f"sharing.{recipient.id}", "recipient", recipient, f"{slug}.recipient.{recipient.id}")
    if policy.recipients.open_list:
        yield Told("sharing.open-list", "sharing_open_list", None, f"{slug}.open_list")
    retention = policy.retention
    for_readers = msgspec.structs.replace(retention.defaults, client=None, remark="")
    if for_readers != ScheduleDefaults():
        yield Told("retention.defaults", "schedule_defaults", retention.defaults, f"{slug}.defaults")
    classes = {entry.id: entry for entry in retention.classes}
    for rule in retention.rules:
        more = {
            "classes": [classes[name] for name in rule.classes if name in classes],
            "all_classes": classes,
            "default_anchor": retention.defaults.anchor,
        }
        yield Told(f"retention.{rule.id}", "rule", rule, f"{slug}.rule.{rule.id}", more)
    covered = {name for rule in retention.rules for name in rule.classes}
    for entry in retention.classes:
        if entry.id not in covered:
            yield Told(f"retention.class-{entry.id}", "class_without_rule", entry, f"{slug}.class.{entry.id}")
    for programme in retention.programmes:
        at = f"{slug}.programme.{programme.programme}"
        yield Told(f"retention.programme-{programme.programme}", "programme_period", programme, at)


def slug_of(contact: Contact) -> str:
    """What a contact, which has no id, is called in statements: its role in the first language, as a slug."""
    name = re.sub(r"[^a-z0-9]+", "-", say(contact.role, "en").lower()).strip("-")
    return name or "contact"


def _worth_telling(party: Party) -> bool:
    """Whether more is known of a party than its name."""
    return msgspec.structs.replace(party, wording=None, remark="") != Party(id=party.id, name=party.name)


def _with_provisions(statute: Statute) -> Text:
    provisions = ", ".join(("", *statute.provisions))
    if isinstance(statute.title, str):
        return statute.title + provisions
    return {language: title + provisions for language, title in statute.title.items()}


def _article_9(code: str) -> str:
    first, *rest = code.split(".")
    return first + "".join(f"({part})" for part in rest)
