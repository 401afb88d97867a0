"""What the gate is asked, and what it is told: pure values, no database.

A question is about one recipient, one purpose and some fields. What is known besides is of two kinds: circumstances,
the same for every client of a batch, and facts about a client. Clients of whom the same is known get the same answer.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from muniment.api.text import Id
from muniment.clients.limits import Exception18

__all__ = [
    "Agreed",
    "AgreementKnown",
    "Circumstances",
    "Facts",
    "ObjectionState",
    "Question",
    "RequestKnown",
]

Field = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)?$", max_length=127)]
"""`category.field` or a part of the identity stub: the register keeps what was asked for, and takes no other words."""

Name = Annotated[str, Meta(min_length=1, max_length=200)]

ObjectionState = Literal["none", "pending", "upheld"]


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """May these fields go to this recipient for this purpose?

    `fields` are `category.field`, or a part of the identity stub (`family-name`); `body` names the body where the
    policy declares a kind of body: by its id or name or, where it rests on the client's agreement, as that names
    it; `data_set` the data set of a statutory match. What somebody answers for: an exception of Art 18(2) for
    restricted data (`exception`), and that the recipient's condition in words is met (`condition_met`). Both are
    recorded with who said so.
    """

    service: Id
    recipient: Id
    purpose: Id
    fields: tuple[Field, ...]
    body: Name | None = None
    data_set: Name | None = None
    exception: Exception18 | None = None
    condition_met: bool = False


class AgreementKnown(msgspec.Struct, frozen=True):
    """A data sharing agreement with the recipient that is in force today: what it is for."""

    purposes: frozenset[str]
    categories: frozenset[str]


class RequestKnown(msgspec.Struct, frozen=True):
    """A one-off request and what was decided about it. `fields` are those that may be given.

    `untold`: it was decided that the person is not told, because telling would prejudice what DPA 2018 Sch 2 para 2 or
    5 protects. `open`: its last day has not passed or, where it has none, it has not been answered already.
    """

    shared: bool
    open: bool
    fields: frozenset[str]
    untold: bool = False


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What is known besides the policy that is the same for every client of a batch.

    `documented` are the ids of the service's conditions whose appropriate policy document is in force today;
    `agreements` those in force with the recipient; `stopped`: the council has stopped giving it anything.
    """

    documented: frozenset[str] = frozenset()
    agreements: tuple[AgreementKnown, ...] = ()
    request: RequestKnown | None = None
    stopped: bool = False


class Agreed(msgspec.Struct, frozen=True):
    """What the ledger says of one kind of agreement for the purpose: consent, or a permission.

    `state` is that of the newest event, `none` without any; `given` is live. `named`: it names this very recipient.
    """

    state: str = "none"
    named: bool = False
    explicit: bool = False

    @property
    def live(self) -> bool:
        return self.state == "given"


NOT_ASKED = Agreed()


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one client today.

    `held` are the asked fields that hold a value for the purpose, or for one compatible with it; `held_otherwise` those
    that hold values for other purposes alone. `limited` and `objection`: a restriction (Art 18) stands, an objection
    (Art 21) is pending or upheld, for this purpose or one that values may be held for instead. `agreed_since`: they
    consented, naming this recipient, after the last of these was placed; known only where the exception `consent` is
    claimed. `enrolled`: in the recipient's programme today; `programme_notice`: that programme's own notice was given
    since joining, and no other counts. `obtained_elsewhere`: data came from somebody else (Art 14); `told`: some notice
    was given. `adult`: known to be 18 or older. `requested`: the one-off request is about this client. `refusals` are
    what plugins said, each `plugin: reason`.
    """

    held: frozenset[str] = frozenset()
    held_otherwise: frozenset[str] = frozenset()
    consent: Agreed = NOT_ASKED
    permission: Agreed = NOT_ASKED
    limited: bool = False
    objection: ObjectionState = "none"
    agreed_since: bool = False
    enrolled: bool = False
    programme_notice: bool = False
    obtained_elsewhere: bool = True
    told: bool = False
    adult: bool = False
    requested: bool = False
    refusals: tuple[str, ...] = ()
