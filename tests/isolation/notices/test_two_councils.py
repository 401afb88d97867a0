"""Nothing about one council's notices reaches another: rows, memory, words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError

from muniment.api.errors import NotFound
from muniment.clock import FixedClock
from muniment.database.ids import new_id
from muniment.database.session import Database
from muniment.defaults.law import law_in_force
from muniment.notices.document import notices_of
from muniment.notices.given import NewEarlier, NewGiven, earlier_documents, give_notice, note_earlier
from muniment.notices.shelf import Shelf
from muniment.notices.tables import EarlierDocument, NoticeGiven, NoticeVersion
from muniment.notices.versions import Approval, Draft, latest_documents, list_versions, publish, read_rendering
from muniment.policy.store import adopt
from muniment.web.callers import command_caller
from muniment.web.unit_of_work import Places
from tests.integration.notices.test_given import TODAY, make_file
from tests.policies import all_plugins
from tests.unit.notices.made import all_words, compiled

OURS, THEIRS = "sefton", "milton-keynes"


@pytest.fixture
def published(database: Database, clock: FixedClock, new_council: Callable[[str], UUID]) -> dict[str, UUID]:
    """Two councils that have each published a notice: their ids."""
    made = {}
    for slug in (OURS, THEIRS):
        made[slug] = new_council(slug)
        policy = compiled(slug)
        caller = command_caller(made[slug], "tests")
        with database.council(made[slug]) as session:
            adopt(session, policy, clock, by="information asset owner")
            draft = Draft(policy, notices_of(policy)[0], all_words(), law_in_force(clock.today()))
            approval = Approval("information asset owner", "generated")
            publish(session, caller, draft, all_plugins().facade(slug), approval)
    return made


def test_each_council_lists_and_reads_its_own_versions(database: Database, published: dict[str, UUID]) -> None:
    their_notice = notices_of(compiled(THEIRS))[0]
    with database.council(published[THEIRS]) as session:
        their_sha = list_versions(session)[0].sha256
    with database.council(published[OURS]) as session:
        assert {view.service for view in list_versions(session)} == {"sefton-at-work"}
        assert latest_documents(session, their_notice) == {}
        assert {entry.service for entry in earlier_documents(session)} == {"sefton-at-work"}
        with pytest.raises(NotFound):
            read_rendering(session, their_sha)


@pytest.mark.parametrize("model", [NoticeVersion, EarlierDocument, NoticeGiven])
def test_no_row_of_another_council_is_seen(
    database: Database, published: dict[str, UUID], model: type[NoticeVersion | EarlierDocument | NoticeGiven]
) -> None:
    """Asked without naming the council: row-level security alone must answer."""
    for slug in (OURS, THEIRS):
        with database.council(published[slug]) as session:
            service = next(iter(compiled(slug).services))
            file = make_file(session, service)
            given = NewGiven(version=list_versions(session)[0].id, on=TODAY, channel="post")
            give_notice(session, command_caller(published[slug], "tests"), file, given)
    with database.council(published[OURS]) as session:
        assert set(session.scalars(select(model.council_id))) == {published[OURS]}


def test_a_notice_of_another_council_cannot_be_given(database: Database, published: dict[str, UUID]) -> None:
    with database.council(published[THEIRS]) as session:
        theirs = list_versions(session)[0].id
        their_document = note_earlier(session, NewEarlier(service="employment-support", title="Generated"))
    caller = command_caller(published[OURS], "tests")
    with database.council(published[OURS]) as session:
        file = make_file(session)
        for given in (
            NewGiven(version=theirs, on=TODAY, channel="post"),
            NewGiven(document=their_document, on=TODAY, channel="post"),
        ):
            with pytest.raises(NotFound):
                give_notice(session, caller, file, given)
        row = {"id": new_id(), "council_id": published[OURS], "file_id": file, "version_id": theirs}
        with pytest.raises(DBAPIError, match="fk_notice_given_council_id_version_id"), session.begin_nested():
            session.execute(insert(NoticeGiven).values(**row, given_on=TODAY, channel="post"))


def test_what_is_kept_in_memory_is_kept_by_council(database: Database, published: dict[str, UUID]) -> None:
    shelf = Shelf()

    async def ask(slug: str) -> tuple[set[str], str]:
        places = Places(database, 2)
        versions = (await shelf.versions(places, published[slug])).value
        rendered = await shelf.rendering(places, published[slug], versions[0].sha256)
        return {view.service for view in versions}, rendered.text

    async def all_of_it() -> None:
        for _ in range(2):
            services, shown = await ask(OURS)
            assert services == {"sefton-at-work"}
            assert "Milton Keynes" not in shown
            services, shown = await ask(THEIRS)
            assert services == {"employment-support"}
            assert "Sefton" not in shown
        other = (await shelf.versions(Places(database, 2), published[THEIRS])).value[0].sha256
        with pytest.raises(NotFound):
            await shelf.rendering(Places(database, 2), published[OURS], other)

    with ThreadPoolExecutor(1) as thread:  # a browser of another test may have a loop running in this one
        thread.submit(asyncio.run, all_of_it()).result()
