"""Nothing that a policy declares for a notice is silently dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_type_hints

import msgspec
import pytest

from muniment.api.clients import ClientDeclarations, Field
from muniment.api.council import Council
from muniment.api.periods import Length
from muniment.api.text import Text, say
from muniment.notices.document import assemble, notice_named, notices_of
from muniment.notices.language import long_date, period_words
from muniment.notices.render import as_text
from muniment.notices.telling import Subject
from muniment.policy.model import Policy
from tests.policies import TEST_POLICIES
from tests.unit.notices.made import LAW, all_words, compiled

COUNCILS = ("milton-keynes", "sefton", *TEST_POLICIES)
NOT_FOR_READERS = {(ClientDeclarations, "imports"), (Field, "choices"), (Council, "services")}
TEXTS = (Text, Text | None, tuple[Text, ...])


def texts_in(value: Any, language: str) -> Iterator[str]:
    """Every text declared in a value, at any depth. A `wording` stands for all that is below it."""
    if isinstance(value, tuple):
        for entry in value:
            yield from texts_in(entry, language)
    if not isinstance(value, msgspec.Struct):
        return
    if getattr(value, "wording", None) is not None:
        yield say(value.wording, language)  # type: ignore[attr-defined]
        return
    hints = get_type_hints(type(value), include_extras=True)
    for name in value.__struct_fields__:
        held = getattr(value, name)
        if (type(value), name) in NOT_FOR_READERS or name in ("remark", "wording") or held is None:
            continue
        if hints[name] in TEXTS:
            yield from (say(text, language) for text in (held if isinstance(held, tuple) else (held,)))
        else:
            yield from texts_in(held, language)


def facts_in(value: Any, language: str) -> Iterator[str]:
    """Every figure, date, provision, registration number and version declared in a value."""
    for struct in structs_in(value):
        hints = get_type_hints(type(struct), include_extras=True)
        for name in struct.__struct_fields__:
            held = getattr(struct, name)
            if held in (None, "", ()):
                continue
            if name in ("registration", "version", "provision"):
                yield held
            elif name == "provisions":
                yield from held
            elif name == "keep" and held[0].isdigit():
                yield from (period_words(part, language) for part in held.split(" to "))
            elif hints[name] in (Length, Length | None):
                yield period_words(held, language)
            elif type(held).__name__ == "date" and name != "on":
                yield long_date(held, language)


def structs_in(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        for entry in value:
            yield from structs_in(entry)
    if isinstance(value, msgspec.Struct) and getattr(value, "wording", None) is None:
        yield value
        for name in value.__struct_fields__:
            if (type(value), name) not in NOT_FOR_READERS:
                yield from structs_in(getattr(value, name))


def told_about(policy: Policy, subject: Subject) -> list[Any]:
    """All that belongs in one notice."""
    parties = [party for party in policy.council.parties if party.id in subject.named_parties]
    return [subject.notice, *subject.services.values(), *policy.council.documents, *parties]


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("slug", COUNCILS)
def test_every_text_and_figure_of_a_policy_is_in_its_notice(slug: str) -> None:
    policy = compiled(slug)
    for ref in notices_of(policy):
        subject = Subject(policy, ref.service, notice_named(policy, ref))
        for language in policy.council.languages:
            shown = squeezed(as_text(assemble(policy, ref, language, LAW, all_words())).replace("  - ", ""))
            for declared in told_about(policy, subject):
                missing = {text for text in texts_in(declared, language) if squeezed(text) not in shown}
                assert not missing, (slug, ref.key, language)
                lacking = {fact for fact in facts_in(declared, "en") if squeezed(fact) not in shown}
                assert language != "en" or not lacking, (slug, ref.key)


def test_the_walk_finds_what_a_policy_declares() -> None:
    policy = compiled("sefton")
    texts = set(texts_in(policy.services["sefton-at-work"], "en"))
    assert {"National Insurance number", "Council Finance Policies", "Sefton Adult and Community Learning"} <= texts
    assert {"7 years", "24 months", "section 149"} <= set(facts_in(policy.services["sefton-at-work"], "en"))
