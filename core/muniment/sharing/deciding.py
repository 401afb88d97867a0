"""Asking the gate about clients: facts by one query, the heart once for each combination, plugins in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput, NotFound
from muniment.api.sharing import ProposedDisclosure
from muniment.audit.events import AuditEvent
from muniment.audit.log import record_many
from muniment.clients.context import Context
from muniment.clients.locks import NO_FILE
from muniment.database.packed import Keys
from muniment.database.session import CouncilSession
from muniment.sharing.around import circumstances
from muniment.sharing.gate import Decision, Gate, Reason
from muniment.sharing.gathering import MOST_FIELDS, Known, gather
from muniment.sharing.question import Question
from muniment.sharing.terms import terms_of
from muniment.sharing.wording import written

__all__ = ["MOST_FILES", "Answer", "Asked", "Group", "Judged", "ask", "judge"]

MOST_FILES = 10_000
"""Clients in one question, and in one disclosure."""


class Asked(Question, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A question about clients. `request` is the one-off request that it answers, if it answers one."""

    files: Annotated[Sequence[UUID], Meta(min_length=1, max_length=MOST_FILES)]
    request: UUID | None = None

    @property
    def question(self) -> Question:
        """The question without the clients it is about."""
        names = Question.__struct_fields__
        return Question(**{name: getattr(self, name) for name in names})


class Group(msgspec.Struct, frozen=True):
    """Clients of whom the same is known, and the decision about them."""

    files: Keys
    decision: Decision


class Judged(msgspec.Struct, frozen=True):
    """The gate's answer about all clients asked about, by the adopted policy of that hash."""

    policy: str
    gate: Gate
    groups: tuple[Group, ...]

    @property
    def given(self) -> int:
        """Of how many something would leave: an allowed client who has none of the fields has nothing to give."""
        return sum(len(group.files) for group in self.groups if group.decision.fields)

    @property
    def refused(self) -> int:
        """Of how many the gate says no."""
        return sum(len(group.files) for group in self.groups if not group.decision.allowed)


class GroupView(msgspec.Struct, frozen=True):
    """As `Group`, for programs. `fields` are those that would leave."""

    files: tuple[UUID, ...]
    allowed: bool
    fields: tuple[str, ...]
    reasons: tuple[Reason, ...]


class Answer(msgspec.Struct, frozen=True):
    """Yes or no about each client, with every reason for and against. `named` is who would receive; null: nobody is
    named. `policy` is the hash of the adopted policy."""

    policy: str
    recipient: str
    named: str | None
    groups: tuple[GroupView, ...]


def ask(session: CouncilSession, caller: Caller, context: Context, asked: Asked) -> Answer:
    """May these fields of these clients go to this recipient for this purpose now? Asking changes nothing; the answer
    tells something about each of them, so it is an event of each.

    Raises `Forbidden`, `NotFound` if one of the files or the request is not there for the caller, `InvalidInput`.
    """
    caller.require_somewhere(Permission.DISCLOSE)
    check(asked)
    judged = judge(session, caller, context, asked)
    record_many(
        session,
        AuditEvent.DISCLOSURE_ASKED,
        Keys.of(asked.files),
        service=asked.service,
        recipient=asked.recipient,
        purpose=asked.purpose,
        given=judged.given,
        refused=judged.refused,
    )
    return answer_of(judged)


def answer_of(judged: Judged) -> Answer:
    """The answer as programs read it."""
    terms = judged.gate.terms
    groups = tuple(
        GroupView(tuple(group.files), group.decision.allowed, group.decision.fields, group.decision.reasons)
        for group in judged.groups
    )
    return Answer(judged.policy, terms.recipient_key, terms.named, groups)


def check(asked: Asked) -> None:
    """Raise `InvalidInput` for a question that asks for no field, for too many, or for one twice, or with a name that
    is none: what is asked stands in the register."""
    if not asked.fields or len(asked.fields) > MOST_FIELDS:
        raise InvalidInput(f"Ask for 1 to {MOST_FIELDS} fields.", where="fields", code="fields")
    for where, name in (("body", asked.body), ("data_set", asked.data_set)):
        if name is not None:
            written(name, where)
    files = Keys.of(asked.files)
    for where, all_of, distinct in (("fields", asked.fields, set(asked.fields)), ("files", files, files.distinct())):
        if len(distinct) != len(all_of):
            raise InvalidInput(f"One of the {where} is there twice.", where=where, code="twice")


def judge(
    session: CouncilSession, caller: Caller, context: Context, asked: Asked, answering: UUID | None = None
) -> Judged:
    """The decision about each client by what is committed now.

    Whoever lets something leave locks the files first. `answering` is the disclosure that is about to be handed out: it
    is no answer yet to the request that it was made for. Raises `NotFound` if a file is not there for the caller, or is
    another service's; `Forbidden`.
    """
    if not caller.allows(Permission.DISCLOSE, asked.service):
        raise NotFound(NO_FILE)
    files, policy = Keys.of(asked.files), context.policy
    terms = terms_of(policy, asked.question)
    around, requested = circumstances(session, policy, terms, asked.request, answering)
    gate = Gate(terms, around)
    known = gather(session, policy, gate.terms, files, requested)
    if sum(len(one.files) for one in known) != len(files):
        raise NotFound(NO_FILE)
    decisions = [gate.decide(one.facts) for one in known]
    _ask_plugins(context, gate, known, decisions)
    groups = tuple(Group(one.files, decision) for one, decision in zip(known, decisions, strict=True))
    return Judged(policy.hash, gate, groups)


def _ask_plugins(context: Context, gate: Gate, known: Sequence[Known], decisions: list[Decision]) -> None:
    """Have the plugins judge what every other rule allows, and decide again where one refuses."""
    question = gate.question
    proposed = [
        ProposedDisclosure(
            item=place,
            service=question.service,
            recipient=question.recipient,
            body=question.body or "",
            purpose=question.purpose,
            fields=decisions[place].fields,
            clients=len(known[place].files),
        )
        for place in range(len(known))
        if decisions[place].fields
    ]
    if not proposed:
        return
    said: dict[int, list[str]] = {}
    for refusal in context.facade.sharing_refuse(proposed):
        said.setdefault(refusal.item, []).append(f"{refusal.plugin}: {refusal.reason}")
    for place, refusals in said.items():
        if 0 <= place < len(known):
            decisions[place] = gate.decide(replace(known[place].facts, refusals=tuple(refusals)))
