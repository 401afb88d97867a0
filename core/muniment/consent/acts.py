"""The vocabulary of the ledger, and how the body is written down that a consent names. Pure: no database, no web."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal, get_args
from unicodedata import normalize

from muniment.api.sharing import Body, Recipient
from muniment.api.text import say

__all__ = [
    "AUTHORITIES",
    "CHANNELS",
    "CONSENT",
    "HOWS",
    "KINDS",
    "LIVE",
    "PERMISSION",
    "STATES",
    "Authority",
    "Channel",
    "How",
    "Kind",
    "State",
    "body_of",
    "keys_of",
    "recipient_key",
]

Kind = Literal["consent", "permission"]
"""`consent`: the purpose rests on it (UK GDPR Arts 6(1)(a), 9(2)(a)). `permission`: the person agrees to something that
rests on another basis; taking it back ends that agreement and not the basis."""

State = Literal["requested", "given", "refused", "reconfirmed", "withdrawn", "expired", "superseded"]
"""What an event of the ledger says (ISO/IEC TS 27560 `event_state`; `superseded` is its `invalidated`)."""

Channel = Literal["in-person", "post", "email", "text-message", "telephone", "online-form"]
"""How it reached the council. A referrer's consent is none of ours, so there is no such channel."""

How = Literal["signed", "ticked", "written", "spoken", "signed-language"]
"""The affirmative act (UK GDPR Art 4(11)): signing, ticking an empty box, writing so, saying so, signing it in BSL."""

Authority = Literal[
    "parental-responsibility", "lasting-power-of-attorney", "deputy", "appointee", "litigation-friend",
    "written-authority",
]  # fmt: skip
"""What somebody acts on who acts for the person."""

KINDS: Final = get_args(Kind)
STATES: Final = get_args(State)
CHANNELS: Final = get_args(Channel)
HOWS: Final = get_args(How)
AUTHORITIES: Final = get_args(Authority)

CONSENT: Final = "consent"
PERMISSION: Final = "permission"

LIVE: Final = ("given", "reconfirmed")
"""The states that allow something, until they expire."""


def recipient_key(recipient: str, body: str | None = None) -> str:
    """How the ledger names who may receive: a recipient that is one body by its id, else its id and the body's.

    `body` is the id of a declared body or, where the policy leaves open which bodies there are, its name as written;
    case and blanks do not count, nor whether a letter is written with its accent or as two.

    >>> recipient_key("employers", "  Generated  Works Ltd")
    'employers/generated works ltd'
    """
    return recipient if body is None else f"{recipient}/{_folded(body)}"


def body_of(recipient: Recipient, named: str, language: str = "en") -> tuple[str, str]:
    """The key and the name of a body of a kind of recipient: a declared one by its id or any of its names, else one as
    written."""
    written = " ".join(named.split())
    for body in recipient.bodies:
        if _folded(written) in {body.id, *map(_folded, _names(body))}:
            return recipient_key(recipient.id, body.id), say(body.name, language)
    return recipient_key(recipient.id, written), written


def keys_of(recipient: Recipient, named: str) -> frozenset[str]:
    """Every key under which a body may have been written down: as `body_of` has it today, as it was written, and by
    each of its names, from before the policy declared it."""
    key, _ = body_of(recipient, named)
    declared = [body for body in recipient.bodies if recipient_key(recipient.id, body.id) == key]
    names = [named, *(name for body in declared for name in _names(body))]
    return frozenset({key, *(recipient_key(recipient.id, name) for name in names)})


def _folded(name: str) -> str:
    return " ".join(normalize("NFC", name.casefold()).split())


def _names(body: Body) -> Collection[str]:
    return [body.name] if isinstance(body.name, str) else body.name.values()
