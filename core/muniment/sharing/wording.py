"""Words that somebody writes about a recipient, a request or a decision: there, printable, and not a book."""

from __future__ import annotations

from datetime import date

from muniment.api.errors import InvalidInput
from muniment.api.sharing import Recipient
from muniment.api.text import is_blank
from muniment.clients.parsing import BadValue, parse_date, parse_text
from muniment.consent.acts import body_of, recipient_key
from muniment.policy.model import Policy
from muniment.policy.store import NOT_THEIRS

__all__ = ["LONGEST", "day_of", "decider", "declared_recipient", "known_names", "optional_words", "written"]

LONGEST = 2_000
"""Characters of one answer."""


def written(text: str, where: str) -> str:
    """The words, trimmed. Raises `InvalidInput` where there are none, too many, or control characters."""
    said = optional_words(text, where)
    if is_blank(said):
        raise InvalidInput("Say it in words; it cannot be empty.", where=where, code="empty")
    return said


def optional_words(text: str, where: str) -> str:
    """As `written`, where saying nothing will do."""
    try:
        return parse_text(text, LONGEST)
    except BadValue as error:
        raise InvalidInput(f"This {error}.", where=where, code=error.code) from None


def decider(text: str, where: str) -> str:
    """The role of who decides, as `written`: not the data protection officer's (UK GDPR Art 38(6))."""
    said = written(text, where)
    if said.lower() in NOT_THEIRS:
        message = "The data protection officer advises and decides no processing (UK GDPR Art 38(6)): name who does."
        raise InvalidInput(message, where=where, code="adviser")
    return said


def day_of(text: str, where: str) -> date:
    """A day as a form writes it. Raises `InvalidInput`."""
    try:
        return parse_date(text.strip(), "%d/%m/%Y")
    except BadValue:
        raise InvalidInput("Write the day as in 31/03/2030.", where=where) from None


def declared_recipient(policy: Policy, service: str, recipient: str, body: str | None, *, whole: bool = False) -> str:
    """The key of a recipient that the adopted policy declares, and of its body where it is a kind of body; with `whole`
    a kind may be meant as a whole.

    Raises `InvalidInput`, naming what there is; `NotFound` for an unknown service.
    """
    found: Recipient | None = None
    declared = policy.service(service).recipients.recipients
    for one in declared:
        if one.id == recipient:
            found = one
    if found is None:
        known = ", ".join(one.id for one in declared) or "none"
        raise InvalidInput(f"The adopted policy declares no such recipient; it declares: {known}.", where="recipient")
    if (found.kind == "kind-of-body") != (body is not None) and not (whole and body is None):
        message = "Name the body." if body is None else "This recipient is itself one body: leave the body out."
        raise InvalidInput(message, where="body", code="body")
    return recipient_key(recipient) if body is None else body_of(found, written(body, "body"))[0]


def known_names(names: tuple[str, ...], known: frozenset[str], where: str) -> list[str]:
    """The names, each once. Raises `InvalidInput` where there is none, or one that is not declared."""
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        choice = ", ".join(sorted(known)) or "none"
        raise InvalidInput(f"Name declared {where}; the adopted policy declares: {choice}.", where=where)
    return list(dict.fromkeys(names))
