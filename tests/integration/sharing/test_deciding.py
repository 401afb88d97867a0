"""What the gate is told of clients: every fact as it lies in the database, for one client and for many alike."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Forbidden, InvalidInput, NotFound
from muniment.database.ids import new_id
from muniment.sharing.deciding import Asked, ask
from tests.integration.sharing.kit import FIELDS, House, asked

STORIES = {"recipient": "gazette", "purpose": "stories"}


def test_yes_says_every_reason_and_what_would_leave(house: House) -> None:
    file = house.register(address="1 Sample Street", work__history="Baker")
    answer = house.decide(file)
    [group] = answer.groups
    assert group.allowed
    assert group.files == (file,)
    assert group.fields == FIELDS
    assert answer.named == "The college"
    assert {reason.rule for reason in group.reasons} >= {"recipient-named", "basis", "held-for-purpose", "restriction"}
    [event] = house.all("select event, facts from audit_event where subject = :id and event like 'sharing%'", id=file)
    assert event.event == "sharing.disclosure.asked"
    assert house.scalar("select count(*) from disclosure") == 0


def test_a_value_held_for_something_else_is_not_given(house: House) -> None:
    file = house.register(purposes=["statistics"], address="1 Sample Street")
    assert house.against(file) == {"held-for-purpose"}
    assert house.against(file, recipient="research") == set()
    on_consent = house.register(purposes=["stories"], address="1 Sample Street")
    assert house.against(on_consent, recipient="research") == {"held-for-purpose"}


def test_what_nobody_holds_leaves_nothing_and_refuses_nothing(house: House) -> None:
    file = house.register(address="1 Sample Street")
    [group] = house.decide(file, fields=("work.history",)).groups
    assert group.allowed
    assert group.fields == ()


def test_consent_is_asked_of_the_ledger(house: House) -> None:
    file = house.register(purposes=["stories"], address="1 Sample Street")
    assert house.against(file, **STORIES) == {"consent"}
    house.agree(file, "stories", "college")
    assert house.against(file, **STORIES) == {"consent-names-recipient"}
    house.agree(file, "stories", "gazette")
    assert house.against(file, **STORIES) == set()
    house.agree(file, "stories", state="withdrawn")
    assert house.against(file, **STORIES) == {"consent"}
    gone = house.register(purposes=["stories"], address="1 Sample Street")
    house.agree(gone, "stories", "gazette", expires_on=date(2026, 11, 19))
    assert house.against(gone, **STORIES) == {"consent"}


def test_an_employer_is_named_by_the_client(house: House) -> None:
    file = house.register(address="1 Sample Street")
    employer = {"recipient": "employers", "body": "Generated Works Ltd"}
    assert house.against(file, recipient="employers") == {"recipient-named", "permission"}
    assert house.against(file, **employer) == {"permission"}
    house.agree(file, "support", "employers/generated works ltd", kind="permission")
    assert house.against(file, **employer) == set()
    assert house.against(file, recipient="employers", body="Others") == {"permission-names-recipient"}


def test_restriction_and_objection_close_it(house: House) -> None:
    file, other = house.register(address="1 Sample Street"), house.register(address="1 Sample Street")
    house.limit(file, purposes="{statistics}")
    assert house.against(file) == set()
    house.limit(file, purposes="{support}")
    assert house.against(file) == {"restriction"}
    assert house.against(file, exception="legal-claims") == set()
    house.limit(other, "objection", "pending")
    assert house.against(other) == {"objection"}


def test_what_is_restricted_does_not_leave_for_a_compatible_purpose(house: House) -> None:
    file = house.register(purposes=["statistics"], address="1 Sample Street")
    to: dict[str, Any] = {"recipient": "research", "fields": ("personal.address",)}
    assert house.against(file, **to) == set()
    house.limit(file, purposes="{statistics}")
    assert house.against(file, **to) == {"restriction"}


def test_of_whom_the_gate_was_asked_the_log_knows(house: House) -> None:
    files = {house.register(address="1 Sample Street") for _ in range(3)}
    house.decide(*files)
    asked_of = house.all("select subject from audit_event where event = 'sharing.disclosure.asked'"
                         " order by id desc limit 3")  # fmt: skip
    assert {row.subject for row in asked_of} == files


def test_consent_to_the_use_of_restricted_data_is_given_after_they_were_restricted(house: House) -> None:
    """UK GDPR Art 18(2): who agreed and had it restricted then has not agreed to its use all the same."""
    file = house.register(purposes=["stories"], address="1 Sample Street")
    to: dict[str, Any] = {"recipient": "gazette", "purpose": "stories", "fields": ("personal.address",)}
    before, after = (datetime(2026, 11, 20, hour, tzinfo=UTC) for hour in (10, 12))  # it is placed at 11
    house.agree(file, "stories", "gazette", at=before)
    house.limit(file)
    assert house.against(file, exception="consent", **to) == {"restriction"}
    house.agree(file, "stories", "college", at=after)
    assert house.against(file, exception="consent", **to) == {"restriction"}
    house.agree(file, "stories", "gazette", at=after)
    assert house.against(file, **to) == {"restriction"}
    assert house.against(file, exception="consent", **to) == set()


def test_what_is_asked_is_no_place_for_other_words(house: House) -> None:
    """The register keeps what was asked, and nobody can take it out again."""
    file = house.register(address="1 Sample Street")
    for wrong in (
        {"fields": ("Ms Canary, ill",)},
        {"body": "x" * 201},
        {"data_set": "x" * 201},
        {"fields": ("a" * 200,)},
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({**asked({}), "files": [str(file)], **wrong}, Asked)
    for name in (" ", "\x07bell"):
        with pytest.raises(InvalidInput):
            house.decide(file, recipient="employers", body=name)


def test_a_programme_and_its_notice(house: House) -> None:
    file = house.register(address="1 Sample Street")
    to = {"recipient": "authority"}
    assert house.against(file, **to) == {"agreement", "enrolled", "programme-notice"}
    house.run(
        "insert into enrolment (council_id, file_id, programme, started_on) values (:c, :f, 'bridge', '2026-11-02')",
        c=house.id, f=file,
    )  # fmt: skip
    not_told = {"agreement", "programme-notice"}
    house.give(file, date(2026, 11, 3))  # the service's is none of the programme's
    assert house.against(file, **to) == not_told
    house.give(file, date(2026, 11, 3), programme="another")
    assert house.against(file, **to) == not_told
    house.give(file, date(2026, 11, 1), programme="bridge")  # before joining
    assert house.against(file, **to) == not_told
    house.give(file, date(2026, 11, 2), programme="bridge")
    assert house.against(file, **to) == {"agreement"}
    house.run("update enrolment set ended_on = '2026-11-19' where file_id = :f", f=file)
    assert house.against(file, **to) == {"agreement", "enrolled", "programme-notice"}
    house.run(
        "insert into enrolment (council_id, file_id, programme, started_on) values (:c, :f, 'bridge', '2026-11-20')",
        c=house.id, f=file,
    )  # fmt: skip
    assert house.against(file, **to) == not_told  # who joins anew is told anew


def test_who_was_referred_is_told_before_anything_leaves(house: House) -> None:
    file = house.register(referred_on=date(2026, 11, 10), address="1 Sample Street")
    assert house.against(file) == {"told"}


def test_a_match_takes_adults_of_a_declared_data_set(house: House) -> None:
    file = house.register(address="1 Sample Street")
    to = {"recipient": "initiative"}
    assert house.against(file, **to) == {"match-data-set"}
    assert house.against(file, data_set="payroll", **to) == set()
    house.run("update client_file set born_on = '2008-11-21' where id = :f", f=file)
    assert house.against(file, data_set="payroll", **to) == {"adult"}
    house.run("update client_file set born_on = '2008-11-20' where id = :f", f=file)
    assert house.against(file, data_set="payroll", **to) == set()


def test_plugins_refuse_what_everything_else_allows(house: House) -> None:
    file = house.register(address="1 Sample Street")
    try:
        house.judge.refuses = "college"
        [group] = house.decide(file).groups
        assert [reason.sentence for reason in group.reasons if not reason.speaks_for] == [
            "Refused by muniment-alpha: Not in August."
        ]
        house.judge.refuses, house.judge.fails = None, True
        assert house.against(file) == {"plugins"}
    finally:
        house.judge.refuses, house.judge.fails = None, False


def test_many_are_asked_about_as_one_is(house: House) -> None:
    files = [house.register(address="1 Sample Street", work__history="Baker") for _ in range(4)]
    house.limit(files[1])
    house.run("update client_file set referred_on = '2026-11-01' where id = :f", f=files[2])
    together = house.decide(*files)
    alone = {file: house.decide(file).groups[0] for file in files}
    assert {file for group in together.groups for file in group.files} == set(files)
    assert len(together.groups) == 3
    for group in together.groups:
        for file in group.files:
            assert (group.allowed, group.fields, group.reasons) == (
                alone[file].allowed, alone[file].fields, alone[file].reasons,
            )  # fmt: skip


def test_who_may_not_is_told_nothing(houses: tuple[House, House]) -> None:
    ours, theirs = houses
    file = theirs.register(address="1 Sample Street")
    for unknown in (file, new_id()):
        with pytest.raises(NotFound, match="There is no such client file"):
            ours.decide(unknown)
    reader = Caller(ours.caller.actor, ours.id, {Permission.READ_CLIENTS: None})
    elsewhere = Caller(ours.caller.actor, ours.id, {Permission.DISCLOSE: frozenset({"housing"})})
    mine = ours.register(address="1 Sample Street")
    with ours.session() as session, pytest.raises(Forbidden):
        ask(session, reader, ours.context(session), Asked(files=(mine,), **asked({})))
    with ours.session() as session, pytest.raises(NotFound):
        ask(session, elsewhere, ours.context(session), Asked(files=(mine,), **asked({})))


def test_a_question_asks_for_something_once(house: House) -> None:
    file = house.register(address="1 Sample Street")
    for wrong in ({"fields": ()}, {"fields": ("personal.ni", "personal.ni")}):
        with pytest.raises(InvalidInput):
            house.decide(file, **wrong)
    with pytest.raises(InvalidInput):
        house.decide(file, file)
