"""How long data are kept: record classes, and rules made of clauses (`retention.toml`).

A rule is a list of clauses: *when* a condition holds, keep a *period* from an *anchor*, then act. What the source does
not say stays absent: a clause without an anchor is *unclocked*, never due, until the council decides one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from muniment.api.clients import Medium, Whose
from muniment.api.declaration import Declaration
from muniment.api.markers import hookspec
from muniment.api.periods import Keep, Length
from muniment.api.text import Id, Label, Slug, Text

__all__ = [
    "ATTACHMENTS", "BORN_ON", "POSTCODE", "Action", "Alignment", "Anchor", "Authority", "Bound", "Clause",
    "DisposedRecords", "Event", "Extension", "HeldQuestion", "HoldAnswer", "ProgrammePeriod", "RecordClass",
    "Reference", "RetentionDeclarations", "RetentionRule", "RetentionSpec", "Review", "ScheduleDefaults", "When",
    "Whose",
]  # fmt: skip

Event = Literal[
    "collection", "case-closed", "service-end", "last-contact", "last-action", "decision", "payment", "birth", "death",
    "programme-end", "superseded", "membership-end", "expiry", "consent-withdrawn", "transcribed", "approved",
    "financial-support", "outside-status", "request",
]  # fmt: skip
"""`collection`: the record's own date; `birth`: the stub's; `programme-end`: its fact; others: the latest milestone."""

Bound = Literal["exactly", "at-least", "at-most", "about"]
Action = Literal[
    "destroy", "anonymise", "pseudonymise", "archive", "transfer", "review", "redact", "publish", "restrict"
]

ATTACHMENTS, BORN_ON, POSTCODE = "attachments", "born-on", "postcode"
"""Beside fields: `redact` may name the files of a record (not named, they stay), `keep_fields` the client's birth, of
which a band of ages stays, and postcode, of which the area does."""

Alignment = Literal[
    "month-end", "quarter-end", "calendar-year-end", "financial-year-end", "tax-year-end", "academic-year-end"
]


class Anchor(Declaration, frozen=True):
    """The day a period counts from. One of `event`, `milestone`, `on`, `either`, `stage` is given, or `in_words` alone.

    `either` is the latest (or, by `occurrence`, the first) of several days; those that have not come are passed over.
    `stage` is the day that another clause of the rule, written before, comes to: 3 years after *that*.

    `birthday` moves a birth to the Nth birthday. `whose` says whose event it is; somebody else's days are milestones of
    the file with the same `whose`, and a birth that is not noted there leaves the clause unclocked. Then `plus` is
    added, and `align` moves the day to the end of the month, quarter or year in which it then lies (calendar: 31
    December, financial: 31 March, tax: 5 April, academic: 31 August): *current year plus six* is an aligned day and a
    `keep` of six years, *destroyed at the end of the seventh year* a `plus` of seven, aligned, and a `keep` of
    `none`. `in_words` alone is an anchor outside the vocabulary: unclocked until decided; beside an event it says more
    about it, such as who the *other* is. `ahead`: the day may be noted before it comes. `purpose`: of the consent
    withdrawn; without it, any that a value of the record is held for.
    """

    event: Event | None = None
    milestone: Slug | None = None
    on: date | None = None
    either: tuple[Anchor, ...] = ()
    stage: Id | None = None
    in_words: Text | None = None
    occurrence: Literal["latest", "first"] = "latest"
    whose: Whose = "client"
    birthday: Annotated[int, Meta(ge=1, le=120)] | None = None
    plus: Length | None = None
    align: Alignment | None = None
    programme: Slug | None = None
    ahead: bool = False
    purpose: Id | None = None

    @property
    def is_named(self) -> bool:
        """Whether it says more than words: something that a day can be looked up for."""
        return bool(self.event or self.milestone or self.on or self.either or self.stage)


class When(Declaration, frozen=True):
    """The condition of a clause. All that is given must hold; `either` and `never` combine further ones.

    `milestone` and `no_milestone`: the file has, or has not, such an event; `in_programme`: it is or was enrolled
    (`any` for any externally funded one); `cohort`: the client belongs to it, as far as its declaration says how that
    is known; `field`: a stored value, which `equals` one of these or, a number or pounds, is `more_than`, `at_least` or
    `less_than` a whole number; `medium`: of the record; `form`: of its class; `purpose`: a value
    of the record is held for it; `anchor` with `before` or `after`: one day against another (died before the 15th
    birthday); `request`: the person asked for deletion. `in_words` is a condition outside the vocabulary: it is
    *unknown* until decided. What is unknown leaves the clause unclocked.
    """

    in_words: Text | None = None
    milestone: Slug | None = None
    no_milestone: Slug | None = None
    in_programme: Slug | None = None
    cohort: Id | None = None
    field: Label | None = None
    equals: tuple[str, ...] = ()
    more_than: int | None = None
    at_least: int | None = None
    less_than: int | None = None
    medium: Medium | None = None
    purpose: Id | None = None
    form: Literal["identifiable", "pseudonymised", "anonymised"] | None = None
    request: bool = False
    anchor: Anchor | None = None
    before: Anchor | None = None
    after: Anchor | None = None
    either: tuple[When, ...] = ()
    never: When | None = None


class Reference(Declaration, frozen=True):
    """A period that stands elsewhere: rendered without a number, unclocked until the other place is declared.

    `class` takes over the clauses of that class's rule: always where the reference is the only clause here, else where
    that rule has one clause, or combines its clauses as this one does (not as stages). `programme-notice` takes the
    periods of the client's programmes. For the other places the clause may give, or a decision may say, the `keep`
    that is found there. `plus` is what comes on top: as the main file, plus one year.
    """

    to: Literal[
        "class",
        "service",
        "corporate-schedule",
        "programme-notice",
        "funder-notice",
        "recipient-rule",
        "guidance",
        "legislation",
        "agreement",
    ]
    id: Id | None = None
    title: Text | None = None
    plus: Length | None = None


class Authority(Declaration, frozen=True):
    """What a period rests on. Not always a law: *professional decision* and *business need* are authorities too."""

    kind: Literal["law", "council-policy", "business-need", "professional-decision", "practice", "funder", "other"]
    title: Text | None = None
    provision: str = ""


class Review(Declaration, frozen=True):
    """A repeated review while the period runs.

    The first is `every` after the day that the clause counts from (the record's own day where it names none), the next
    `every` after the last that was held. None is due after the record's last day.
    """

    every: Length
    by: Text | None = None


class Clause(Declaration, frozen=True):
    """One clause of a rule.

    `keep` absent: the source gives no period (then there is a `refer` or `in_words`), or an event alone: kept until
    then. `anchor` absent: it names no first day. `bound` absent: not stated (read as *exactly*). `classes` narrows the
    clause to some of the rule's classes; `breadth_open` marks a clause whose breadth the source leaves in doubt, so
    that it can be decided. `holder`: who holds the data, when not the council; then disposal is that holder's to
    confirm, and beside clauses about the council's own copy it moves no date of that.
    """

    id: Id
    when: When | None = None
    keep: Keep | None = None
    anchor: Anchor | None = msgspec.field(name="from", default=None)
    bound: Bound | None = None
    action: Action | None = None
    into: Id | None = None
    """The class a record moves to (`action = "transfer"`, or `pseudonymise` where that form is a class of its own), or
    the archive it goes to."""
    redact: tuple[Label, ...] = ()
    """What `action = "redact"` takes away: fields (`category.field`), and `attachments`, the record's files."""
    keep_fields: tuple[Label, ...] | None = None
    """What may stay when a record is made anonymous or pseudonymised: fields (`category.field`), the most important
    first; for the former also `born-on` and `postcode`. Without it, what their types allow and is not sensitive."""
    classes: tuple[Id, ...] = ()
    breadth_open: bool = False
    refer: Reference | None = None
    in_words: Text | None = None
    """The criterion as stated, where no period can be given: until no longer useful."""
    holder: Text | None = None
    review: Review | None = None
    authority: tuple[Authority, ...] = ()
    margin_days: Annotated[int, Meta(ge=0, le=366)] = 7
    """For *at most*: how many days before the limit `due_on` lies."""


class Extension(Declaration, frozen=True):
    """Somebody may keep longer for some people. `by` is a role; the reason is recorded with each extension.

    `at_most` beyond the last day by the rule; `once`: a record that was kept longer before is not extended again.
    """

    by: Text | None = None
    why: Text | None = None
    cohorts: tuple[Id, ...] = ()
    at_most: Length | None = None
    once: bool = False


class RecordClass(Declaration, frozen=True):
    """A kind of record. `categories` are those whose values it stores; `media` those it exists in.

    `shape` is `register` for a record about several people (course attendance), which goes as one.
    `personal` and `special` are what a schedule's columns say; absent when it has none.
    """

    id: Id
    title: Text
    categories: tuple[Id, ...] = ()
    media: tuple[Medium, ...] = ("digital",)
    systems: tuple[Id, ...] = ()
    shape: Literal["file", "register"] = "file"
    form: Literal["identifiable", "pseudonymised", "anonymised"] = "identifiable"
    about: Text | None = None
    group: Text | None = None
    personal: bool | None = None
    special: bool | None = None
    cohorts: tuple[Id, ...] = ()
    ours: bool = False
    """True where the class is Muniment's way of splitting what the source calls one record."""


class RetentionRule(Declaration, frozen=True):
    """How long the records of some classes are kept.

    `longest` keeps until the last clause has run out, `earliest` until the first. `sequence` takes the clauses as
    stages: a record is in the first whose condition holds, and moves on when that stage's action has been done.
    `cohorts`: the rule is about clients of these alone; for others, and where that is not known, nothing is due.
    """

    id: Id
    classes: tuple[Id, ...]
    combine: Literal["longest", "earliest", "sequence"] = "longest"
    clauses: tuple[Clause, ...] = msgspec.field(name="clause", default=())
    extension: Extension | None = None
    floor: bool = False
    """Set by law: a council may declare a longer rule for its classes, never a shorter one."""
    rationale: Text | None = None
    cohorts: tuple[Id, ...] = ()


class ProgrammePeriod(Declaration, frozen=True):
    """How long a programme's own notice keeps what it covers; what a `programme-notice` reference resolves to."""

    programme: Slug
    title: Text
    keep: Keep | None = None
    anchor: Anchor | None = msgspec.field(name="from", default=None)
    authority: tuple[Authority, ...] = ()
    generated: bool = False
    """Made up for a demonstration; never in a council's plugin."""


class ScheduleDefaults(Declaration, frozen=True):
    """What stands above all rows of a schedule: all periods are minimums; count from closure where nothing is said.

    `client` says whom the rows mean by the client of a file, where they write of a child or a parent: `whose = "child"`
    is then the client, whose birth stands in the file itself.

    `fewest` is how many persons must share a combination of facts that is kept when records are made anonymous,
    `fewest_sensitive` where it tells something of a special category or about an offence. They can only be raised.
    """

    bound: Bound | None = None
    anchor: Anchor | None = msgspec.field(name="from", default=None)
    action: Action | None = None
    principle: Text | None = None
    client: Literal["child", "parent", "other"] | None = None
    fewest: Annotated[int, Meta(ge=5, le=1000)] = 5
    fewest_sensitive: Annotated[int, Meta(ge=10, le=1000)] = 10


class RetentionDeclarations(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """`retention.toml`: record classes and rules of one service."""

    defaults: ScheduleDefaults = ScheduleDefaults()
    classes: tuple[RecordClass, ...] = msgspec.field(name="class", default=())
    rules: tuple[RetentionRule, ...] = msgspec.field(name="rule", default=())
    programmes: tuple[ProgrammePeriod, ...] = msgspec.field(name="programme", default=())


class HeldQuestion(msgspec.Struct, frozen=True):
    """A record about to be disposed of, as a judge sees it: one item of a batch. `file` is an opaque key."""

    item: int
    service: str
    record_class: str
    due_on: date
    file: str
    milestones: Mapping[str, date]


class HoldAnswer(msgspec.Struct, frozen=True):
    """A judge's wish to keep one item of the batch, with its legal ground in one sentence."""

    item: int
    ground: str


class DisposedRecords(msgspec.Struct, frozen=True):
    """Told to observers: so many records of a class went from the database, with which certificate. What awaits
    destruction on paper or in another system is not among them."""

    council: str
    record_class: str
    count: int
    certificate: str


class RetentionSpec:
    """Hooks about keeping and disposing."""

    @hookspec
    def retention_rules(self, service: str) -> RetentionDeclarations | None:
        """Declare record classes and retention rules of a service.

        When: at start-up and at each `policy check`. Order: core's defaults, then what the council uses, then the
        council. Results: all lists joined; of two rules for one class the council's replaces a default, unless the
        default is a floor set by law and the council's could end sooner: that is an error. Errors: a declaration that
        does not load is reported for this council alone. Since: 1.0.
        """

    @hookspec
    def retention_hold(self, questions: Sequence[HeldQuestion]) -> Sequence[HoldAnswer] | None:
        """Judge whether records must be kept although they are due: pure, no input or output.

        When: in the sweep, before anything is deleted. Order: irrelevant. Results: any hold holds. Errors: an exception
        or more than one second holds the whole batch until the next sweep, and is shown. Since: 1.0.
        """

    @hookspec
    def record_disposed(self, disposed: Sequence[DisposedRecords]) -> None:
        """Observe disposals.

        When: after commit, at most once. Order: irrelevant. Results: none. Errors: an exception or more than one second
        is logged with plugin and hook, and stops nobody. Since: 1.0.
        """
