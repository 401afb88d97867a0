"""Who was given what: recorded once, by who may, about the right service; and the Art 14 clock stops."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from muniment.api.errors import Forbidden, InvalidInput, NotFound
from muniment.database.ids import new_id
from muniment.database.session import CouncilSession
from muniment.notices.given import NewEarlier, NewGiven, give_notice, note_earlier, notices_given, register_earlier
from muniment.web.callers import Caller, Permission, command_caller
from tests.integration.notices.conftest import Publisher

TODAY = date(2026, 11, 20)
DUE = date(2026, 12, 1)


def make_file(session: CouncilSession, service: str = "sefton-at-work") -> UUID:
    """A generated client file whose Art 14 clock runs."""
    person, file = new_id(), new_id()
    council = session.council_id
    session.execute(text("insert into person (council_id, id) values (:c, :p)"), {"c": council, "p": person})
    session.execute(
        text(
            "insert into client_file (council_id, id, person_id, service, given_names, family_name, name_key,"
            " opened_on, source, referred_on, notice_due_on, generated)"
            " values (:c, :f, :p, :s, 'Generated', 'Person', 'generated person', :d, 'client', :d, :due, true)"
        ),
        {"c": council, "f": file, "p": person, "s": service, "d": TODAY, "due": DUE},
    )
    return file


def due_on(session: CouncilSession, file: UUID) -> date | None:
    found: date | None = session.execute(
        text("select notice_due_on from client_file where id = :f"), {"f": file}
    ).scalar_one()
    return found


def test_giving_a_notice_stops_the_clock_and_keeps_the_day_it_would_have_run_to(sefton: Publisher) -> None:
    version = sefton.publish().versions[0].id
    caller = command_caller(sefton.id, "tests")
    with sefton.database.council(sefton.id) as session:
        file = make_file(session)
        give_notice(session, caller, file, NewGiven(version=version, on=TODAY, channel="post"))
        assert due_on(session, file) is None
        document = register_earlier(
            session, caller, NewEarlier(service="sefton-at-work", title="Generated leaflet", version="4")
        )
        earlier = NewGiven(document=document, on=TODAY - timedelta(days=400), channel="in-person")
        give_notice(session, caller, file, earlier)
        given = notices_given(session, caller, file)
        assert [(entry.document, entry.version, entry.channel, entry.due_on, entry.called) for entry in given] == [
            (document, None, "in-person", None, "Generated leaflet 4"),
            (None, version, "post", DUE, "privacy, version 1, en"),
        ]
    with sefton.database.council(sefton.id) as session:
        events = session.scalars(text("select event from audit_event where subject = :f order by id"), {"f": file})
        assert list(events) == ["notices.notice.given", "notices.notice.given", "clients.file.read"]


def test_what_was_given_goes_with_the_file(sefton: Publisher) -> None:
    version = sefton.publish().versions[0].id
    with sefton.database.council(sefton.id) as session:
        file = make_file(session)
        given = NewGiven(version=version, on=TODAY, channel="email")
        give_notice(session, command_caller(sefton.id, "tests"), file, given)
        session.execute(text("delete from client_file where id = :f"), {"f": file})
        assert session.execute(text("select count(*) from notice_given")).scalar_one() == 0
        assert session.execute(text("select count(*) from notice_version")).scalar_one() == 1


def test_what_cannot_have_been_given_is_refused(sefton: Publisher) -> None:
    version = sefton.publish().versions[0].id
    caller = command_caller(sefton.id, "tests")
    with sefton.database.council(sefton.id) as session:
        file, elsewhere = make_file(session), make_file(session, "other-service")
        ok = NewGiven(version=version, on=TODAY, channel="post")
        for refused in (
            NewGiven(on=TODAY, channel="post"),
            NewGiven(version=version, document=version, on=TODAY, channel="post"),
            NewGiven(version=version, on=TODAY + timedelta(days=1), channel="post"),
        ):
            with pytest.raises(InvalidInput):
                give_notice(session, caller, file, refused)
        with pytest.raises(InvalidInput) as later:
            give_notice(session, caller, file, NewGiven(version=version, on=TODAY - timedelta(days=1), channel="post"))
        assert later.value.code == "later-notice"
        dated = NewEarlier(service="sefton-at-work", title="Generated leaflet", version="6", dated=TODAY)
        document = register_earlier(session, caller, dated)
        with pytest.raises(InvalidInput, match="is of"):
            give_notice(
                session, caller, file, NewGiven(document=document, on=TODAY - timedelta(days=1), channel="post")
            )
        with pytest.raises(InvalidInput, match="not for the service"):
            give_notice(session, caller, elsewhere, ok)
        with pytest.raises(NotFound):
            give_notice(session, caller, file, NewGiven(version=uuid4(), on=TODAY, channel="post"))
        with pytest.raises(NotFound):
            give_notice(session, caller, uuid4(), ok)
        assert due_on(session, file) == DUE


def test_a_caller_sees_and_changes_only_the_files_of_their_services(sefton: Publisher) -> None:
    version = sefton.publish().versions[0].id
    actor = command_caller(sefton.id, "tests").actor
    other = frozenset({"other-service"})
    stranger = Caller(actor, sefton.id, {Permission.READ_CLIENTS: other, Permission.WRITE_CLIENTS: other})
    nobody = Caller(actor, sefton.id, {})
    given = NewGiven(version=version, on=TODAY, channel="post")
    with sefton.database.council(sefton.id) as session:
        file = make_file(session)
        for ask in (lambda who: give_notice(session, who, file, given), lambda who: notices_given(session, who, file)):
            with pytest.raises(NotFound):
                ask(stranger)
            with pytest.raises(Forbidden):
                ask(nobody)


def test_registering_a_document_again_changes_nothing(sefton: Publisher) -> None:
    caller = command_caller(sefton.id, "tests")
    undated = NewEarlier(service="sefton-at-work", title="Generated leaflet")
    with sefton.database.council(sefton.id) as session:
        assert register_earlier(session, caller, undated) == register_earlier(session, caller, undated)
        dated = NewEarlier(service="sefton-at-work", title="Generated leaflet", dated=TODAY)
        assert register_earlier(session, caller, dated) != register_earlier(session, caller, undated)
        of_programme = NewEarlier(service="sefton-at-work", title="Generated leaflet", programme="bridge")
        assert note_earlier(session, of_programme) != register_earlier(session, caller, undated)
        assert note_earlier(session, of_programme) == note_earlier(session, of_programme)
        for refused in (NewEarlier(service="sefton-at-work", title=" "), of_programme):
            with pytest.raises(InvalidInput):
                register_earlier(session, caller, refused)
