"""Publishing: numbers, what is frozen, and whose decision it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import ProgrammingError

from muniment.api.errors import Conflict, Forbidden, InvalidInput, NotFound
from muniment.api.notices import PublishedNotice
from muniment.notices.document import Document
from muniment.notices.given import earlier_documents
from muniment.notices.tables import NoticeVersion
from muniment.notices.versions import Approval, latest_documents, list_versions, publish, read_rendering
from muniment.web.callers import Caller, command_caller
from tests.integration.notices.conftest import APPROVAL, Publisher, reworded
from tests.unit.notices.made import compiled


def test_versions_count_from_one_and_say_what_they_restate(sefton: Publisher) -> None:
    first = sefton.publish()
    assert first.new
    assert [(view.number, view.language) for view in first.versions] == [(1, "en")]
    assert first.versions[0].restates == "Client Privacy Policy, 5, 2024-10-28"
    second = sefton.publish(reworded("sefton", "Another title"))
    assert [view.number for view in second.versions] == [2]
    with sefton.database.council(sefton.id) as session:
        assert [view.number for view in list_versions(session, sefton.ref)] == [2, 1]
        assert latest_documents(session, sefton.ref)["en"].title == "Another title"


def test_publishing_when_a_reader_would_find_nothing_new_makes_no_version(sefton: Publisher) -> None:
    first = sefton.publish()
    again = sefton.publish()
    assert not again.new
    assert again.versions == first.versions
    other_hash = msgspec.structs.replace(compiled("sefton"), plugins=())
    assert other_hash.hash != compiled("sefton").hash
    assert not sefton.publish(other_hash).new


def test_the_json_names_the_version_and_the_renderings_are_what_was_published(sefton: Publisher) -> None:
    view = sefton.publish().versions[0]
    with sefton.database.council(sefton.id) as session:
        rendered = read_rendering(session, view.sha256)
    assert hashlib.sha256(rendered.json).hexdigest() == view.sha256
    document = msgspec.json.decode(rendered.json, type=Document)
    assert document.number == 1
    assert document.policy == view.policy_hash == compiled("sefton").hash
    assert "Version 1" in rendered.text
    assert "Version 1" in rendered.html


def test_all_languages_of_a_council_are_published_together(publisher: Callable[[str], Publisher]) -> None:
    council = publisher("rhondda-cynon-taf")
    assert [(view.number, view.language) for view in council.publish().versions] == [(1, "en"), (1, "cy")]
    title = {"en": "Work & Skills", "cy": "Teitl arall"}
    changed = council.publish(reworded("rhondda-cynon-taf", title))  # type: ignore[arg-type]  # a text by language
    assert [(view.number, view.language) for view in changed.versions] == [(2, "en"), (2, "cy")]


@pytest.mark.parametrize("statement", ["update notice_version set html = 'x'", "delete from notice_version"])
def test_the_database_takes_no_change_to_what_was_published(sefton: Publisher, statement: str) -> None:
    sefton.publish()
    with pytest.raises(ProgrammingError, match="42501"), sefton.database.council(sefton.id) as session:
        session.execute(text(statement))


def test_what_the_law_adds_is_published_by_a_decision_alone(sefton: Publisher) -> None:
    with pytest.raises(Conflict, match=r"complaints\.complain-to-controller.*whose it is and on what ground"):
        sefton.publish(approval=None)
    with pytest.raises(InvalidInput, match="ground"):
        sefton.publish(approval=Approval("information asset owner", " "))
    for who in ("", "Data Protection Officer", "dpo"):
        with pytest.raises(InvalidInput, match="information asset owner"):
            sefton.publish(approval=Approval(who, "generated"))
    sefton.publish()
    with sefton.database.council(sefton.id) as session:
        row = session.scalars(select(NoticeVersion)).one()
        assert (row.approved_by, row.ground) == (APPROVAL.by, APPROVAL.ground)
    assert sefton.publish(reworded("sefton", "Another title"), approval=None).new, "decided already"


def test_who_may_not_publish_does_not(sefton: Publisher) -> None:
    nobody = Caller(command_caller(sefton.id, "tests").actor, sefton.id, {})
    with pytest.raises(Forbidden), sefton.database.council(sefton.id) as session:
        publish(session, nobody, sefton.draft(session), sefton.facade, APPROVAL)


def test_publishing_twice_at_once_makes_one_version(sefton: Publisher) -> None:
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda _: sefton.publish(), range(4)))
    assert sorted(result.new for result in results) == [False, False, False, True]
    assert {view.number for result in results for view in result.versions} == {1}


def test_publishing_leaves_an_event_and_tells_observers_once_it_is_committed(
    sefton: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[PublishedNotice] = []
    monkeypatch.setattr(
        "muniment.plugins.facade.CouncilFacade.notice_published", lambda _, notices: told.extend(notices)
    )
    caller = command_caller(sefton.id, "tests")
    with sefton.database.council_session(sefton.id) as session:
        publish(session, caller, sefton.draft(session), sefton.facade, APPROVAL)
        session.rollback()
    assert told == []
    view = sefton.publish().versions[0]
    assert told == [PublishedNotice("sefton", "sefton-at-work/privacy", 1, "en", view.sha256)]
    with sefton.database.council(sefton.id) as session:
        events = session.execute(
            text("select subject, facts from audit_event where event = 'notices.version.published'")
        )
        assert [(row.subject, row.facts["sha256"]) for row in events] == [(view.id, view.sha256)]


def test_documents_that_people_may_hold_are_registered_so_that_history_can_cite_them(sefton: Publisher) -> None:
    sefton.publish()
    sefton.publish(reworded("sefton", "Another title"))
    with sefton.database.council(sefton.id) as session:
        documents = earlier_documents(session)
    assert [(entry.title, entry.version, str(entry.dated)) for entry in documents] == [
        ("Client Privacy Policy", "5", "2024-10-28")
    ]


def test_an_unknown_version_is_not_found(sefton: Publisher) -> None:
    with pytest.raises(NotFound), sefton.database.council(sefton.id) as session:
        read_rendering(session, "0" * 64)


def test_versions_are_frozen_for_the_owner_of_the_tables_too_unless_they_lift_the_row_security(
    sefton: Publisher, owner_engine: Engine
) -> None:
    sefton.publish()
    with owner_engine.begin() as connection:
        assert connection.execute(text("update notice_version set html = 'x'")).rowcount == 0
