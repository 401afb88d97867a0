"""Small policies and plugins of words, made up for these tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import muniment_notices
from muniment.api.clients import Category, ClientDeclarations, Field
from muniment.api.council import Council, Party, Service
from muniment.api.notices import Notice, NoticeDeclarations, Statement, TemplateFolder
from muniment.defaults.law import law_in_force
from muniment.notices.document import Document, assemble, notices_of
from muniment.notices.words import Words
from muniment.policy.compile import compile_policy
from muniment.policy.model import Decision, Policy, ServicePolicy
from tests.policies import all_plugins

TODAY = date(2026, 11, 20)
LAW = law_in_force(TODAY)
OURS = TemplateFolder(muniment_notices.__name__)


def small_policy(text: Any = "Generated text", *, slug: str = "alpha", **of_notice: Any) -> Policy:
    """A policy in which `text` is declared in several places."""
    service = ServicePolicy(
        service=Service(slug="housing", title="Housing", folder="housing", summary=text),
        clients=ClientDeclarations(
            categories=(Category(id="contacts", title=text, fields=(Field(id="name", title=text),)),)
        ),
        notices=NoticeDeclarations(
            notices=(
                Notice(
                    id="privacy",
                    title=text,
                    statements=(Statement(id="made", section="why", text=text),),
                    **of_notice,
                ),
            )
        ),
    )
    council = Council(
        slug=slug, name=f"Generated Council {slug}", nation="wales", own_party="own",
        languages=("en", "cy"), parties=(Party(id="own", name=text),),
    )  # fmt: skip
    return Policy(council=council, services={"housing": service})


@cache
def words() -> Words:
    """The words that come with Muniment, for any council."""
    return Words({"words": OURS}, lambda _slug: ("words",))


def document_of(policy: Policy, language: str = "en", spoken: Words | None = None) -> Document:
    """The first notice of a policy."""
    return assemble(policy, notices_of(policy)[0], language, LAW, spoken or words())


def statement(document: Document, name: str) -> Any:
    """The statement with an id; fails the test if there is none."""
    return next(entry for entry in document.statements() if entry.id == name)


def plugin_of_words(folder: Path, name: str, files: Mapping[str, str]) -> TemplateFolder:
    """A package below `folder` (which must be importable) with templates: by path below `privacy_notice/`."""
    for path, content in files.items():
        file = folder / name / "templates" / "privacy_notice" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    (folder / name / "__init__.py").write_text("")
    return TemplateFolder(name)


@cache
def compiled(slug: str) -> Policy:
    """The policy of an installed council or a test policy, as declared."""
    return policy_with(slug, ())


def policy_with(slug: str, decisions: Iterable[Decision]) -> Policy:
    """A council's policy with decisions."""
    return compile_policy(all_plugins().facade(slug), decisions, TODAY).sound()


@cache
def all_words() -> Words:
    """The words as the deployment loads them, test policies included."""
    return Words.of(all_plugins())
