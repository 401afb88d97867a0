"""Statements: ids, origins, wording, languages."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest

from muniment.api.errors import NotFound
from muniment.api.notices import DeclaredRight, Notice, NoticeDeclarations
from muniment.defaults.law import law_in_force
from muniment.notices.document import NoticeRef, assemble, notices_of
from muniment.policy.model import Decision
from tests.policies import TEST_POLICIES
from tests.unit.notices.made import (
    LAW,
    TODAY,
    all_words,
    compiled,
    document_of,
    policy_with,
    small_policy,
    statement,
    words,
)

IDS = Path(__file__).parent / "ids"
RIGHT_TO_COMPLAIN = "complaints.complain-to-controller"


def decision(path: str, value: object) -> Decision:
    return Decision(
        path=path, value=value, ground="Generated ground", decided_by="information asset owner", decided_on=TODAY
    )


@pytest.mark.parametrize("slug", ["milton-keynes", "sefton", *TEST_POLICIES])
def test_ids_of_statements_are_stable(slug: str) -> None:
    """To change a golden file is to break links to statements and everything that cites them: do it knowingly."""
    policy, told = compiled(slug), list[str]()
    for ref in notices_of(policy):
        ids = [entry.id for entry in assemble(policy, ref, "en", LAW, all_words()).statements()]
        assert len(ids) == len(set(ids))
        told += ids
    assert told == (IDS / f"{slug}.txt").read_text().split()


def test_each_statement_stands_in_the_section_that_its_id_names() -> None:
    document = document_of(compiled("sefton"), spoken=all_words())
    for section in document.sections:
        assert all(entry.id.startswith(f"{section.id}.") for entry in section.statements)


def test_what_a_decision_settles_is_shown_as_decided_and_nothing_else() -> None:
    before = document_of(compiled("milton-keynes"), spoken=all_words())
    path = "employment-support.rule.course-registers.clause.three-years.from"
    decided = document_of(policy_with("milton-keynes", [decision(path, {"event": "collection"})]), spoken=all_words())
    assert statement(before, "retention.course-registers").origin == "council"
    assert "does not say from which day" in statement(before, "retention.course-registers").text
    assert {entry.id for entry in decided.statements() if entry.origin == "decision"} == {"retention.course-registers"}
    settled = statement(decided, "retention.course-registers")
    assert "3 years from the day the record was made" in settled.text
    assert settled.note


def test_the_right_to_complain_to_the_council_is_added_by_law_from_the_day_it_is_in_force() -> None:
    today = document_of(small_policy(), spoken=words())
    assert statement(today, RIGHT_TO_COMPLAIN).origin == "law"
    assert "164A" in statement(today, RIGHT_TO_COMPLAIN).text

    the_day_before = assemble(
        small_policy(), NoticeRef("housing", "privacy"), "en", law_in_force(date(2026, 6, 18)), words()
    )
    assert RIGHT_TO_COMPLAIN not in {entry.id for entry in the_day_before.statements()}


def test_a_right_that_the_document_lists_is_not_added_again() -> None:
    listed = small_policy(rights=(DeclaredRight(right="complain-to-controller"),))
    assert RIGHT_TO_COMPLAIN not in {entry.id for entry in document_of(listed).statements()}


def test_an_old_sentence_about_complaints_does_not_answer_the_law_but_a_decision_does() -> None:
    said = small_policy(complaints="Generated words about complaints")
    assert statement(document_of(said), RIGHT_TO_COMPLAIN).origin == "law"
    settled = msgspec.structs.replace(
        said, decisions=(decision("housing.notice.privacy.complaints", "Generated words about complaints"),)
    )
    document = document_of(settled)
    assert RIGHT_TO_COMPLAIN not in {entry.id for entry in document.statements()}
    assert statement(document, "complaints.complaints").origin == "decision"


def test_wording_takes_the_place_of_the_sentence() -> None:
    policy = small_policy()
    service = policy.services["housing"]
    category = msgspec.structs.replace(
        service.clients.categories[0], wording={"en": "Our own words", "cy": "Ein geiriau"}
    )
    clients = msgspec.structs.replace(service.clients, categories=(category,))
    services = {"housing": msgspec.structs.replace(service, clients=clients)}
    policy = msgspec.structs.replace(policy, services=services)
    assert statement(document_of(policy), "what-we-hold.contacts").text == "Our own words"
    assert statement(document_of(policy, "cy"), "what-we-hold.contacts").text == "Ein geiriau"


def test_texts_are_taken_in_the_language_of_the_notice_and_fall_back_one_by_one() -> None:
    policy = small_policy({"en": "English words", "cy": "Geiriau Cymraeg"})
    assert document_of(policy, "cy").title == "Geiriau Cymraeg"
    assert document_of(policy, "en").title == "English words"
    only_english = small_policy({"en": "English words"})
    assert document_of(only_english, "cy").title == "English words"


def test_a_statement_without_words_in_the_language_says_which_language_it_is_in() -> None:
    spoken = document_of(small_policy(), "de")
    assert all(entry.language == "en" for entry in spoken.statements())
    assert not any(entry.language for entry in document_of(small_policy(), "en").statements())
    assert not any(
        entry.language for entry in document_of(small_policy(), "en.young").statements() if not entry.language
    )


def test_a_notice_of_several_services_tells_what_each_declares() -> None:
    policy = small_policy()
    housing = policy.services["housing"]
    notice = msgspec.structs.replace(housing.notices.notices[0], services=("housing", "roads"))
    roads = msgspec.structs.replace(
        housing, service=msgspec.structs.replace(housing.service, slug="roads"), notices=NoticeDeclarations()
    )
    both = msgspec.structs.replace(
        policy,
        services={
            "housing": msgspec.structs.replace(housing, notices=NoticeDeclarations(notices=(notice,))),
            "roads": roads,
        },
    )
    ids = {entry.id for entry in document_of(both).statements()}
    assert {"what-we-hold.housing.contacts", "what-we-hold.roads.contacts", "why.made"} <= ids
    assert notices_of(both, "roads") == (NoticeRef("housing", "privacy"),)


def test_ids_that_would_be_the_same_are_counted() -> None:
    policy = small_policy()
    housing = policy.services["housing"]
    made = housing.notices.notices[0].statements[0]
    twice = Notice(id="privacy", title="Generated", statements=(made, made))
    services = {"housing": msgspec.structs.replace(housing, notices=NoticeDeclarations(notices=(twice,)))}
    ids = [entry.id for entry in document_of(msgspec.structs.replace(policy, services=services)).statements()]
    assert [name for name in ids if name.startswith("why.")] == ["why.made", "why.made-2"]


def test_the_same_policy_gives_the_same_document() -> None:
    assert document_of(compiled("sefton"), spoken=all_words()) == document_of(compiled("sefton"), spoken=all_words())


def test_an_unknown_service_or_notice_is_said_to_be_unknown() -> None:
    with pytest.raises(NotFound, match="there are: housing"):
        notices_of(small_policy(), "roads")
    with pytest.raises(NotFound, match="housing/other"):
        assemble(small_policy(), NoticeRef("housing", "other"), "en", LAW, words())
    empty = msgspec.structs.replace(small_policy(), services={})
    with pytest.raises(NotFound, match="declares no notice"):
        notices_of(empty)


@pytest.mark.parametrize(
    ("language", "words"), [("en", "take part in the programme bridge"), ("cy", "rhaglen: bridge")]
)
def test_a_programmes_own_notice_says_for_whom_it_is(language: str, words: str) -> None:
    said = statement(document_of(small_policy(programme="bridge"), language), "about-this-notice.programme")
    assert words in said.text
    assert said.language == ""
    assert not [each for each in document_of(small_policy()).statements() if each.id == said.id]
