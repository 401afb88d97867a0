"""A generated policy that leaves something of each kind open."""

from __future__ import annotations

from datetime import date
from typing import Any

from muniment.api.clients import Category, ClientDeclarations, Cohort, Field, Source
from muniment.api.consent import Basis, Condition, Purpose, PurposeDeclarations
from muniment.api.council import Contact, Party
from muniment.api.notices import DeclaredRight, Notice, NoticeDeclarations, Obligation
from muniment.api.retention import Anchor, Clause, RecordClass, RetentionDeclarations, RetentionRule, When
from muniment.api.sharing import Recipient, RecipientDeclarations
from muniment.plugins.facade import CouncilFacade
from muniment.policy.compile import Compiled, compile_policy
from muniment.policy.model import Decision
from muniment.testing.doubles import Declared, StatedPlugin, load_doubles, stated_council

TODAY = date(2026, 11, 20)

HOUSING = Declared(
    clients=ClientDeclarations(
        cohorts=(Cohort(id="tenants", title="Tenants"),),
        categories=(
            Category(id="contact", title="Contact details", fields=(Field(id="nickname", title="Nickname"),)),
            Category(id="health", title="Health", kind="special", characteristic="health"),
        ),
        sources=(Source(id="tenant", title="The tenant", kind="person"),),
    ),
    purposes=PurposeDeclarations(
        purposes=(Purpose(id="letting", title="Letting homes"),),
        bases=(Basis(id="task", article="6.1.e"), Basis(id="words", in_words="The law lets us.")),
        conditions=(Condition(id="interest", article="9.2.g"),),
    ),
    recipients=RecipientDeclarations(
        recipients=(Recipient(id="landlords", title="Landlords", kind="kind-of-body"),),
    ),
    retention=RetentionDeclarations(
        classes=(
            RecordClass(id="tenancy", title="Tenancy", categories=("contact", "health")),
            RecordClass(id="rent", title="Rent"),
            RecordClass(id="notes", title="Notes"),
        ),
        rules=(
            RetentionRule(
                id="tenancies",
                classes=("tenancy", "rent"),
                clauses=(
                    Clause(id="usual", keep="3 years"),
                    Clause(id="range", keep="2 years to 5 years", anchor=Anchor(event="case-closed")),
                    Clause(id="money", keep="7 years", breadth_open=True, when=When(milestone="financial-support")),
                    Clause(id="words", keep="1 year", anchor=Anchor(in_words="when the boiler is replaced")),
                    Clause(id="about", keep="6 months", bound="about", anchor=Anchor(event="last-contact")),
                    Clause(id="useful", in_words="until no longer useful"),
                ),
            ),
            RetentionRule(id="by-law", classes=("notes",), floor=True, clauses=(Clause(id="floor", keep="6 years"),)),
        ),
    ),
    notices=NoticeDeclarations(
        notices=(
            Notice(
                id="privacy",
                title="Privacy notice",
                obligation=Obligation(kind="voluntary"),
                rights=(DeclaredRight(right="access"),),
                contacts=(Contact(role="Housing manager"),),
            ),
        ),
    ),
)


def facade(declared: Declared = HOUSING, **council: Any) -> CouncilFacade:
    return load_doubles(
        {"own": StatedPlugin(stated_council("alpha", "housing", **council), {"housing": declared})}
    ).facade("alpha")


def decision(path: str, value: Any, **more: Any) -> Decision:
    return Decision(
        path=path, value=value, ground="generated", decided_by="owner", decided_on=date(2026, 11, 1), **more
    )


def compiled(*decisions: Decision, declared: Declared = HOUSING, today: date = TODAY, **council: Any) -> Compiled:
    return compile_policy(facade(declared, **council), decisions, today)


def own_party() -> Party:
    return Party(id="the-council", name="Generated council alpha")
