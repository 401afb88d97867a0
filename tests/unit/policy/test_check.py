"""Each check finds what it is for, and stops finding it once it is declared or decided."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from muniment.api.notices import Notice, NoticeDeclarations
from muniment.defaults.law import Law, law_in_force
from muniment.policy.check import check
from muniment.policy.findings import LEVELS
from muniment.policy.predicates import PREDICATES
from muniment.testing.doubles import Declared
from tests.unit.policy.made import HOUSING, TODAY, compiled, decision


def found(*decisions: Any, today: date = TODAY, declared: Declared = HOUSING) -> dict[tuple[str, str], str]:
    made = compiled(*decisions, today=today, declared=declared)
    return {(entry.id, entry.path): entry.level for entry in check(made, law_in_force(today), today)}


def test_every_predicate_is_used_by_a_check_of_its_own() -> None:
    needs = [entry.needs for entry in law_in_force(TODAY).checks]
    assert sorted(needs) == sorted(PREDICATES)


@pytest.mark.parametrize(
    ("finding", "path"),
    [
        ("basis.enactment", "housing.basis.task.statutes"),
        ("basis.article", "housing.basis.words.article"),
        ("basis.purpose", "housing.purpose.letting"),
        ("condition.schedule-1", "housing.condition.interest.schedule_1"),
        ("condition.policy-document", "housing.condition.interest.policy_document"),
        ("notice.dpo-contact", "housing.notice.privacy.dpo"),
        ("notice.transfers", "housing.notice.privacy.transfers.use"),
        ("notice.automated-decisions", "housing.notice.privacy.automated.use"),
        ("notice.obligation-consequence", "housing.notice.privacy.obligation.consequence"),
        ("rights.not-listed", "housing.notice.privacy.right.objection"),
        ("rights.complain-to-controller", "housing.notice.privacy.right.complain-to-controller"),
        ("rights.complain-to-regulator", "housing.notice.privacy.right.complain-to-regulator"),
        ("retention.anchor", "housing.rule.tenancies.clause.usual.from"),
        ("retention.anchor-in-words", "housing.rule.tenancies.clause.words.from.event"),
        ("retention.period", "housing.rule.tenancies.clause.useful.keep"),
        ("retention.period-open", "housing.rule.tenancies.clause.range.keep"),
        ("retention.period-open", "housing.rule.tenancies.clause.about.bound"),
        ("retention.breadth", "housing.rule.tenancies.clause.money.classes"),
        ("sharing.purpose", "housing.recipient.landlords.purposes"),
        ("sharing.basis", "housing.recipient.landlords.bases"),
        ("sharing.categories", "housing.recipient.landlords.categories"),
        ("source.category", "housing.category.health"),
        ("source.gives", "housing.source.tenant.gives"),
    ],
)
def test_a_gap_is_found_where_it_can_be_decided(finding: str, path: str) -> None:
    assert found()[(finding, path)] == "gap"


@pytest.mark.parametrize(
    ("finding", "path", "value"),
    [
        ("retention.anchor", "housing.rule.tenancies.clause.usual.from", {"event": "case-closed"}),
        ("retention.anchor-in-words", "housing.rule.tenancies.clause.words.from.event", "expiry"),
        ("retention.breadth", "housing.rule.tenancies.clause.money.classes", ["rent"]),
        ("retention.period-open", "housing.rule.tenancies.clause.range.keep", "3 years"),
        ("condition.policy-document", "housing.condition.interest.policy_document",
         {"title": "APD", "in_force_from": "2026-01-01"}),
        ("condition.schedule-1", "housing.condition.interest.schedule_1", "2.6"),
        ("notice.dpo-contact", "housing.notice.privacy.dpo", {"role": "Officer", "email": "dpo@example.gov.uk"}),
        ("rights.complain-to-controller", "housing.notice.privacy.right.complain-to-controller", {}),
        ("sharing.categories", "housing.recipient.landlords.categories", ["contact"]),
    ],
)  # fmt: skip
def test_a_gap_that_is_decided_is_told_as_decided(finding: str, path: str, value: Any) -> None:
    levels = found(decision(path, value))
    assert levels[(finding, path)] == "decided"
    assert ("decision.made", path) not in levels


def test_a_decision_that_closes_no_gap_is_told_too() -> None:
    path = "housing.rule.tenancies.clause.usual.action"
    statement = decision("housing.notice.privacy.statement.kindness", {"section": "why", "text": "We are kind."})
    assert found(statement)[("decision.made", statement.path)] == "decided"
    assert ("decision.made", path) in found(decision(path, "destroy"))


def test_the_law_of_the_day_counts() -> None:
    gap = ("rights.complain-to-controller", "housing.notice.privacy.right.complain-to-controller")
    assert gap not in found(today=date(2026, 6, 18))
    assert gap in found(today=date(2026, 6, 19))


def test_a_policy_document_out_of_force_is_found() -> None:
    document = {"title": "APD", "in_force_from": "2026-01-01", "in_force_until": "2026-11-19"}
    path = "housing.condition.interest.policy_document"
    assert found(decision(path, document))[("condition.policy-document-date", path)] == "gap"
    document["in_force_until"] = "2026-11-20"
    assert ("condition.policy-document-date", path) not in found(decision(path, document))


def test_special_category_data_without_condition_are_found_by_characteristic() -> None:
    bare = Declared(clients=HOUSING.clients)
    assert found(declared=bare)[("special.condition", "housing.condition.health")] == "gap"
    assert not any(finding == "special.condition" for finding, _ in found())


def test_a_service_that_says_nothing_is_full_of_gaps() -> None:
    silent = {finding for finding, _ in found(declared=Declared())}
    assert silent >= {
        "basis.none", "policy.no-categories", "policy.no-notice", "policy.no-purposes", "policy.no-recipients",
        "policy.no-retention",
    }  # fmt: skip


def test_findings_come_worst_first() -> None:
    made = compiled(decision("housing.nothing.here", 1))
    levels = [LEVELS.index(entry.level) for entry in check(made, law_in_force(TODAY), TODAY)]
    assert levels == sorted(levels)
    assert levels[0] == 0


def test_every_check_has_a_provision_and_a_sentence() -> None:
    law: Law = law_in_force(TODAY)
    assert len({entry.id for entry in law.checks}) == len(law.checks)
    for entry in law.checks:
        assert entry.provision
        assert entry.message[0].isupper() or entry.message.startswith("{")
        assert set(entry.message.split("{")[1:]) <= {
            part for part in entry.message.split("{") if part.startswith("what}")
        }


@pytest.mark.parametrize("day", [date(2020, 1, 1), TODAY, date(2040, 1, 1)])
def test_there_is_one_regulator_on_each_day(day: date) -> None:
    assert len(law_in_force(day).regulators) == 1


def test_a_recipient_for_a_programmes_sake_needs_a_notice_of_that_programmes_own() -> None:
    of_recipient = decision("housing.recipient.landlords.programme", "bridge")
    gap = ("sharing.programme-notice", of_recipient.path)
    assert gap in found(of_recipient)
    title = "Generated bridge: privacy notice"
    another = decision("housing.notice.pier", {"title": title, "programme": "pier"})
    assert gap in found(of_recipient, another)
    own = decision("housing.notice.bridge", {"title": title, "programme": "bridge"})
    told = found(of_recipient, own)
    assert gap not in told
    assert not any(path.startswith("housing.notice.bridge.") for _, path in told), "the service's notice tells the rest"


def test_a_programmes_own_notice_is_no_notice_of_the_service() -> None:
    notice = Notice(id="bridge", title="Generated bridge: privacy notice", programme="bridge")
    alone = msgspec.structs.replace(HOUSING, notices=NoticeDeclarations(notices=(notice,)))
    assert ("policy.no-notice", "housing.notice") in found(declared=alone)
    assert ("policy.no-notice", "housing.notice") not in found()
