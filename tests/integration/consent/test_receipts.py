"""Receipts: valid by their schema, true to the ledger, the same for good, and found when the file has gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jsonschema_rs
import msgspec
import pytest
from sqlalchemy import text

from muniment.api.errors import NotFound
from muniment.consent.asking import NamedRecipient, NewEvidence
from muniment.consent.ledger import on_erased, wording_hash
from muniment.consent.receipts import Handed, hand_out
from muniment.database.signals import Erased
from muniment.web.callers import Caller, Permission
from tests.integration.consent.acts import answer, take_back
from tests.integration.consent.kit import House
from tests.unit.notices.made import words

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "schemas" / "consent-receipt.schema.json").read_text())


def handed(house: House, event_id: UUID, caller: Caller | None = None) -> Handed:
    with house.session() as session:
        return hand_out(session, caller or house.caller, words(), event_id)


def as_json(receipt: Handed) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(msgspec.json.encode(receipt.receipt))
    jsonschema_rs.validate(SCHEMA, told)
    return told


def test_a_receipt_has_every_field_that_the_standard_asks_for(house: House) -> None:
    event_id = answer(house, house.register(), language="cy")
    told = as_json(handed(house, event_id))
    assert told["schema_version"] == told["consent_record"]["schema_version"] == "ISO/IEC TS 27560:2023"
    assert told["receipt_id"] == told["consent_record"]["record_id"] == str(event_id)
    processing = told["pii_processing"]
    for name in (
        "privacy_notice", "language", "purpose", "pii_information", "pii_controllers", "storage_locations",
        "retention_period", "jurisdiction", "recipient_third_parties", "withdrawal_method",
    ):  # fmt: skip
        assert processing[name], name
    [party, recipient] = told["party_identification"]
    assert all(party[name] for name in ("party_id", "party_name", "party_address", "party_contact", "party_type"))
    assert (recipient["party_name"], recipient["party_type"]) == ("The Generated Gazette", "recipient")
    [event] = told["events"]
    assert (event["event_state"], event["event_type"], event["validity_duration"]) == (
        "given", "expressed", "until 2027-11-20",
    )  # fmt: skip
    assert processing["wording"] == "Rwy'n cytuno i'r cyngor adrodd fy stori."
    assert processing["wording_sha256"] == wording_hash(processing["wording"])
    assert processing["lawful_basis"] == ["6.1.a"]
    assert processing["retention_period"] == ["Cases: 3 years", "Portraits: 1 month"]
    assert processing["jurisdiction"] == "GB-WLS"


@pytest.mark.parametrize("missing", ["consent_record", "pii_processing", "party_identification", "events"])
def test_the_schema_refuses_what_lacks_a_part(house: House, missing: str) -> None:
    told = as_json(handed(house, answer(house, house.register())))
    del told[missing]
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(SCHEMA, told)


def test_the_page_shows_the_words_the_notice_and_its_fingerprint(house: House) -> None:
    event_id = answer(house, house.register())
    found = handed(house, event_id)
    [version] = house.all("select * from notice_version where id = :id", id=house.version)
    for shown in ("I agree that the council tells my story.", str(event_id), version.sha256, "The Generated Gazette"):
        assert shown in found.html
        assert shown in found.text
    assert version.text in found.text
    assert "Receipt for your consent" in found.html


def test_every_kind_of_act_has_a_receipt_in_each_language(house: House) -> None:
    for language in ("en", "cy"):
        file_id = house.register()
        answer(house, file_id, answer="requested", language=language, channel=None, how=None)
        answer(house, file_id, answer="refused", language=language)
        answer(house, file_id, language=language, version=None, document=house.document, explicit=True)
        answer(house, file_id, answer="reconfirmed", language=language, authority="deputy",
               files=(NewEvidence("order.pdf", "application/pdf", b"generated", "authority"),))  # fmt: skip
        take_back(house, file_id)
        permission = answer(house, file_id, "support", "permission", language=language, wording="Generated.",
                            recipients=(NamedRecipient("college"),))  # fmt: skip
        ids = house.all(
            "select e.id from consent_event e join consent_subject s on s.id = e.subject_id where s.file_id = :file"
            " order by e.number",
            file=file_id,
        )
        told = [as_json(handed(house, row.id)) for row in ids]
        assert [each["events"][0]["event_state"] for each in told] == [
            "requested", "refused", "given", "reconfirmed", "withdrawn", "given",
        ]  # fmt: skip
        assert told[2]["events"][0]["event_type"] == "explicit"
        assert told[3]["events"][0]["entity_id"] == "deputy"
        assert told[5]["@type"] == "permission-receipt"
        assert told[5]["pii_processing"]["lawful_basis"] == ["public task (UK GDPR Art 6(1)(e))"]
        title = {"en": "Receipt for your permission", "cy": "Derbynneb am eich caniatâd"}[language]
        assert title in handed(house, permission).html


def test_a_receipt_of_a_no_promises_nothing_that_a_yes_does(house: House) -> None:
    """Nobody is told how to withdraw what they have just withdrawn, nor that what they refused may be given on."""
    file_id = house.register()
    given = answer(house, file_id)
    for no in (take_back(house, file_id).id, answer(house, file_id, answer="refused")):
        assert "If you change your mind" in handed(house, given).html
        assert "If you change your mind" not in handed(house, no).html
        assert "It may be given to" in handed(house, given).text
        assert "It is not to be given to anybody on this." in handed(house, no).text
    named = answer(house, file_id, answer="refused", recipients=(NamedRecipient("newspaper"),))
    assert "It is not to be given to: The Generated Gazette." in handed(house, named).text


def test_a_later_policy_changes_no_receipt(house: House) -> None:
    event_id = answer(house, house.register())
    before = handed(house, event_id)
    house.adopt(purposes={"purpose": [{"id": "support", "title": "Another"}]})
    try:
        assert handed(house, event_id) == before
    finally:
        house.adopt()


def test_the_proof_is_found_when_the_file_has_gone_and_names_nobody(house: House) -> None:
    file_id = house.register()
    event_id = answer(house, file_id)
    before = handed(house, event_id)
    with house.session() as session:
        session.execute(text("delete from record where file_id = :file"), {"file": file_id})
        session.execute(text("delete from client_file where id = :file"), {"file": file_id})
        on_erased(session, Erased("client_file", [file_id]))
    after = handed(house, event_id)
    assert (after.receipt, after.html, after.file_id) == (before.receipt, before.html, None)
    assert str(file_id) not in after.html
    assert "Canary" not in after.html


def test_whose_it_is_not_gets_no_receipt(house: House, other: House) -> None:
    event_id = answer(house, house.register())
    for asked, asked_for in ((other, event_id), (house, uuid4())):
        with pytest.raises(NotFound):
            handed(asked, asked_for)
    elsewhere = Caller(house.caller.actor, house.id, {Permission.READ_CLIENTS: frozenset({"elsewhere"})})
    with pytest.raises(NotFound):
        handed(house, event_id, elsewhere)
