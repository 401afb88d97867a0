"""What is recorded of people's answers, and what is refused."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from muniment.api.errors import Forbidden, InvalidInput, NotFound, TooLarge
from muniment.consent.acting import record_answer
from muniment.consent.asking import NamedRecipient, NewAnswer, NewEvidence
from muniment.consent.evidence import LARGEST, read_evidence
from muniment.consent.ledger import on_erased, wording_hash
from muniment.database.signals import ConsentsChanged, Erased, FilesChanged, consents_changed, files_changed
from muniment.web.callers import Caller, Permission
from tests.integration.consent.acts import IN_PERSON, answer, take_back, told
from tests.integration.consent.kit import SERVICE, TODAY, House


def test_everything_that_a_consent_must_prove_is_written_down(house: House) -> None:
    file_id = house.register()
    scan = NewEvidence("signed.pdf", "application/pdf", b"a generated scan")
    event_id = answer(house, file_id, language="cy", files=(scan,), form={"b": "ticked", "a": True})
    [event] = told(house, file_id)
    assert (event.id, event.number, event.kind, event.state, event.purpose) == (
        event_id, 1, "consent", "given", "stories",
    )  # fmt: skip
    assert event.wording == "Rwy'n cytuno i'r cyngor adrodd fy stori."
    assert (event.language, event.wording_sha256) == ("cy", wording_hash(event.wording))
    assert (event.version_id, event.channel, event.how) == (house.version, "in-person", "signed")
    assert (event.categories, event.recipients, event.named) == (
        ("personal",), ("newspaper",), ("The Generated Gazette",),
    )  # fmt: skip
    assert event.expires_on == date(2027, 11, 20)
    assert event.policy_hash == house.policy.hash
    assert event.recorded_kind == "command"
    assert sorted(event.evidence) == sorted(each.sha256 for each in event.files)
    with house.session() as session:
        found = {
            name: b"".join(content)
            for name, content in (
                read_evidence(session, house.caller, house.store, file_id, each.id) for each in event.files
            )
        }
    assert found == {"signed.pdf": b"a generated scan", "form.json": b'{"a":true,"b":"ticked"}'}
    audited = house.all("select event from audit_event where subject = :file order by id", file=file_id)
    assert "consent.consent.given" in [row.event for row in audited]


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("undeclared-purpose", {"purpose": "nothing"}),
    ("other-kind", {"purpose": "support"}),
    ("no-wording", {"purpose": "silent", "recipients": ()}),
    ("no-channel", {"channel": None}),
    ("no-act", {"how": None}),
    ("no-notice", {"version": None}),
    ("unnamed-recipient", {"purpose": "vacancies"}),
    ("undeclared-recipient", {"recipients": (NamedRecipient("radio"),)}),
    ("no-kind", {"recipients": (NamedRecipient("newspaper", "some editor"),)}),
    ("date-in-future", {"on": TODAY + timedelta(days=1)}),
    ("expiry", {"expires_on": date(2028, 1, 1)}),
    ("expiry", {"expires_on": TODAY - timedelta(days=1)}),
    ("later-policy", {"on": TODAY - timedelta(days=1), "wording": None}),
    ("later-policy", {"on": TODAY - timedelta(days=1), "recipients": None}),
    ("later-notice", {"on": TODAY - timedelta(days=1), "document": None, "version": "published"}),
    ("no-authority", {"authority": "deputy"}),
    ("type", {"files": (NewEvidence("a.html", "text/html", b"x"),)}),
    ("empty", {"files": (NewEvidence("a.pdf", "application/pdf", b""),)}),
]


@pytest.fixture(scope="module")
def asked(house: House) -> UUID:
    return house.register()


@pytest.mark.parametrize(("code", "changes"), REFUSED, ids=[f"{code}-{at}" for at, (code, _) in enumerate(REFUSED)])
def test_what_proves_nothing_is_refused(house: House, asked: UUID, code: str, changes: dict[str, Any]) -> None:
    changes = changes | ({"version": house.version} if changes.get("version") else {})
    with pytest.raises(InvalidInput) as refused:
        answer(house, asked, **changes)
    assert refused.value.code == code
    assert told(house, asked) == []


def test_a_notice_of_nobody_and_a_file_too_large_are_refused(house: House, asked: UUID, other: House) -> None:
    for version in (uuid4(), other.version):
        with pytest.raises(NotFound):
            answer(house, asked, version=version)
    with pytest.raises(TooLarge):
        answer(house, asked, files=(NewEvidence("a.pdf", "application/pdf", b"x" * (LARGEST + 1)),))
    with pytest.raises(NotFound):
        answer(other, asked, version=other.version)


def test_who_may_not_record_records_nothing(house: House, asked: UUID) -> None:
    reader = Caller(house.caller.actor, house.id, {Permission.READ_CLIENTS: None})
    elsewhere = Caller(house.caller.actor, house.id, {Permission.RECORD_CONSENTS: frozenset({"elsewhere"})})
    new = NewAnswer(purpose="stories", answer="given", version=house.version, **IN_PERSON)
    for caller, error in ((reader, Forbidden), (elsewhere, NotFound)):
        with pytest.raises(error), house.session() as session:
            record_answer(session, caller, house.context(session), house.store, asked, "consent", new)


def test_a_permission_is_kept_apart(house: House) -> None:
    file_id = house.register()
    college = (NamedRecipient("college"),)
    with pytest.raises(InvalidInput):
        answer(house, file_id, "support", "permission", recipients=college)  # nobody has said in which words
    answer(house, file_id, "support", "permission", recipients=college, wording="You may tell the college.")
    assert house.standing(file_id, "support") is None
    found = house.standing(file_id, "support", "permission")
    assert found is not None
    assert found.recipients == ("college",)
    follows = take_back(house, file_id, "support", "permission").follows
    assert follows.stays == ("public task (UK GDPR Art 6(1)(e))",)
    with pytest.raises(InvalidInput, match="permission"):
        answer(house, file_id, "support", wording="I agree.")
    with pytest.raises(InvalidInput, match="no mere permission"):
        answer(house, file_id, "stories", "permission")


def test_words_of_the_policy_are_in_the_languages_in_which_it_gives_them(house: House) -> None:
    file_id = house.register()
    for language in ("fr", "", "english", "\u202e", "x" * 500):
        with pytest.raises(InvalidInput) as refused:
            answer(house, file_id, language=language)
        assert refused.value.where == ("wording" if language == "fr" else "language")
    for language in ("fr", "cy"):  # these words are in the council's first language
        with pytest.raises(InvalidInput, match="wording"):
            answer(house, file_id, "vacancies", language=language, recipients=(NamedRecipient("employers", "works"),))
    answer(house, file_id, language="fr", wording="Je suis d'accord.")
    [event] = told(house, file_id)
    assert (event.language, event.wording) == ("fr", "Je suis d'accord.")
    with pytest.raises(InvalidInput):
        take_back(house, file_id, language="french")


def test_a_form_counts_among_the_pieces_and_is_kept_in_one_order(house: House) -> None:
    scan = NewEvidence("signed.pdf", "application/pdf", b"a generated scan")
    for too_much, what in (
        ({"files": (scan,) * 5, "form": {"a": 1}}, InvalidInput), ({"form": {"a": "x" * LARGEST}}, TooLarge),
    ):  # fmt: skip
        with pytest.raises(what):
            answer(house, house.register(), **too_much)
    kept = []
    for form in ({"b": {"d": 1, "c": 2}, "a": True}, {"a": True, "b": {"c": 2, "d": 1}}):
        file_id = house.register()
        answer(house, file_id, form=form)
        kept += [event.evidence for event in told(house, file_id)]
    assert kept[0] == kept[1]


def test_those_who_rest_on_a_consent_are_told_in_the_same_transaction(house: House) -> None:
    heard: list[Any] = []
    file_id = house.register()

    def listen(_session: Any, payload: Any) -> None:
        heard.append(payload)

    consents_changed.subscribe(listen)
    files_changed.subscribe(listen)
    try:
        answer(house, file_id)
        take_back(house, file_id)
    finally:
        for signal in (consents_changed, files_changed):
            signal._listeners.remove(listen)
    assert [(type(each), each.what) for each in heard] == [
        (FilesChanged, {"consent"}), (ConsentsChanged, {"given"}),
        (FilesChanged, {"consent"}), (ConsentsChanged, {"withdrawn"}),
    ]  # fmt: skip
    assert all(list(each.file_ids) == [file_id] for each in heard)


def test_what_was_handed_in_goes_with_the_file_and_its_hash_stays(house: House) -> None:
    file_id = house.register()
    scan = NewEvidence("canary.pdf", "application/pdf", b"a generated scan")
    event_id = answer(house, file_id, files=(scan,))
    [stored] = house.all("select stored_id from consent_evidence where file_id = :file", file=file_id)
    with house.session() as session:
        session.execute(text("delete from record where file_id = :file"), {"file": file_id})
        session.execute(text("delete from client_file where id = :file"), {"file": file_id})
        on_erased(session, Erased("client_file", [file_id]))
    [left] = house.all("select * from consent_evidence where event_id = :event", event=event_id)
    assert (left.file_id, left.stored_id, left.name) == (None, None, None)
    assert left.sha256 in house.scalar("select evidence from consent_event where id = :event", event=event_id)
    assert house.all("select id from stored_file where id = :id", id=stored.stored_id) == []
    assert house.all("select id from file_tombstone where id = :id", id=stored.stored_id) != []
    assert house.scalar("select service from consent_subject where ended_on = :day", day=TODAY) == SERVICE


def test_what_a_parent_agrees_to_counts_until_the_child_is_of_age(house: House) -> None:
    by_a_parent: dict[str, Any] = {
        "authority": "parental-responsibility",
        "files": (NewEvidence("birth.pdf", "application/pdf", b"generated", "authority"),),
    }
    soon, later, adult = (
        house.register(born_on=born_on) for born_on in (date(2009, 3, 2), date(2016, 2, 29), date(2008, 11, 20))
    )
    answer(house, soon, **by_a_parent)
    answer(house, later, **by_a_parent)
    assert [told(house, file_id)[0].expires_on for file_id in (soon, later)] == [date(2027, 3, 1), date(2027, 11, 20)]
    with pytest.raises(InvalidInput) as refused:
        answer(house, adult, **by_a_parent)
    assert refused.value.code == "of-age"
    answer(
        house, adult, on=TODAY - timedelta(days=1), **by_a_parent
    )  # the day before they turned 18: it counts no more
    found = house.standing(adult, "stories")
    assert found is not None
    assert found.state == "expired"
    answer(house, adult, answer="refused", version=None, **by_a_parent)
