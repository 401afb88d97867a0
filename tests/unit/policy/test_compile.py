"""Joining, resolving, deciding: what a policy comes to and what is said when it does not."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from muniment.api.clients import Category, ClientDeclarations
from muniment.api.consent import Basis, Purpose, PurposeDeclarations
from muniment.api.decoding import decode_toml
from muniment.api.errors import Conflict, DeclarationError
from muniment.api.markers import hookimpl
from muniment.api.notices import Notice, NoticeDeclarations
from muniment.api.plugin import CouncilPlugin
from muniment.api.retention import (
    Anchor,
    Clause,
    RecordClass,
    Reference,
    RetentionDeclarations,
    RetentionRule,
    ScheduleDefaults,
    When,
)  # fmt: skip
from muniment.api.sharing import Recipient, RecipientDeclarations
from muniment.plugins.manager import PluginSource, load_plugins
from muniment.policy.compile import Whose, compile_policy
from muniment.policy.findings import Finding
from muniment.policy.model import PLATFORM
from muniment.testing.doubles import Declared, StatedPlugin, load_doubles, stated_council
from tests.unit.policy.made import HOUSING, TODAY, compiled, decision


def problems(declared: Declared) -> set[tuple[str, str]]:
    return {(found.id, found.path) for found in compiled(declared=declared).problems}


def test_a_sound_policy_has_no_problems() -> None:
    made = compiled()
    assert made.problems == ()
    assert made.sound().record_class("housing/rent").title == "Rent"
    assert made.sound().record_class(f"{PLATFORM}/access-events").personal is None


def test_programmes_add_to_what_the_council_declares_and_keep_their_name() -> None:
    extra = Declared(clients=ClientDeclarations(categories=(Category(id="funding", title="Funding"),)))
    own = StatedPlugin(stated_council("alpha", "housing", uses=("programme",)), {"housing": HOUSING})
    plugins = load_doubles({"own": own, "programme": StatedPlugin(None, {"housing": extra})})
    made = compile_policy(plugins.facade("alpha"), (), TODAY)
    categories = made.sound().services["housing"].clients.categories
    assert [entry.id for entry in categories] == ["funding", "contact", "health"]
    assert made.whose("housing.category.funding.title") == Whose("council", "programme")
    assert made.whose("housing.category.contact") == Whose("council", "own")
    assert made.whose("platform.rule.evidence") == Whose("law", "muniment")
    assert [used.name for used in made.sound().plugins] == ["muniment", "programme", "own"]


def test_an_id_declared_twice_is_an_error() -> None:
    twice = Declared(clients=ClientDeclarations(categories=(Category(id="a", title="A"), Category(id="a", title="B"))))
    assert problems(twice) == {("policy.duplicate-id", "housing.category.a")}


@pytest.mark.parametrize(
    ("declared", "path"),
    [
        (Declared(purposes=PurposeDeclarations(bases=(Basis(id="a", purposes=("x",)),))), "housing.basis.a.purposes"),
        (Declared(purposes=PurposeDeclarations(bases=(Basis(id="a", statutes=("x",)),))), "housing.basis.a.statutes"),
        (Declared(purposes=PurposeDeclarations(purposes=(Purpose(id="a", title="A", recipients=("x",)),))),
         "housing.purpose.a.recipients"),
        (Declared(recipients=RecipientDeclarations(recipients=(
            Recipient(id="a", title="A", kind="body", party="x"),))), "housing.recipient.a.party"),
        (Declared(notices=NoticeDeclarations(notices=(Notice(id="a", title="A", services=("x",)),))),
         "housing.notice.a.services"),
        (Declared(retention=RetentionDeclarations(classes=(RecordClass(id="c", title="C", categories=("x",)),))),
         "housing.class.c.categories"),
    ],
)  # fmt: skip
def test_a_name_that_refers_to_nothing_says_what_there_is(declared: Declared, path: str) -> None:
    found = compiled(declared=declared).problems
    assert [(problem.id, problem.path, problem.plugin) for problem in found] == [("policy.unknown-id", path, "own")]
    assert "'x'" in found[0].message
    assert "there are: " in found[0].message or "is declared" in found[0].message


@pytest.mark.parametrize(
    ("clause", "words"),
    [
        (Clause(id="a"), "a period"),
        (Clause(id="a", keep="1 year", anchor=Anchor()), "one of `event`"),
        (Clause(id="a", keep="1 year", anchor=Anchor(event="birth", milestone="x")), "one of `event`"),
        (Clause(id="a", keep="1 year", anchor=Anchor(event="death", birthday=18)), "birthday"),
        (Clause(id="a", keep="1 year", when=When()), "empty"),
        (Clause(id="a", keep="1 year", when=When(equals=("x",))), "field"),
        (Clause(id="a", keep="1 year", when=When(before=Anchor(event="birth"))), "anchor"),
        (Clause(id="a", keep="1 year", action="transfer"), "into"),
        (Clause(id="a", keep="1 year", action="destroy", into="c"), "into"),
        (Clause(id="a", keep="1 year", classes=("d",)), "narrows"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_an_error(clause: Clause, words: str) -> None:
    classes = (RecordClass(id="c", title="C"), RecordClass(id="d", title="D"))
    rules = (RetentionRule(id="r", classes=("c",), clauses=(clause,)),)
    found = compiled(declared=Declared(retention=RetentionDeclarations(classes=classes, rules=rules))).problems
    assert [problem.id for problem in found] == ["policy.contradiction"]
    assert words in found[0].message


FILES, REGISTER = RecordClass(id="files", title="F"), RecordClass(id="courses", title="C", shape="register")


def of_register(*clauses: Clause, others: tuple[RetentionRule, ...] = (), **defaults: Any) -> set[tuple[str, str]]:
    rule = RetentionRule(id="r", classes=("files", "courses"), clauses=clauses)
    declared = RetentionDeclarations(
        defaults=ScheduleDefaults(**defaults), classes=(FILES, REGISTER, RecordClass(id="old", title="O")),
        rules=(rule, *others),
    )  # fmt: skip
    return problems(Declared(retention=declared))


@pytest.mark.parametrize("action", ["pseudonymise", "redact", "restrict", "transfer"])
def test_a_register_goes_as_one(action: Any) -> None:
    refused = {("policy.contradiction", "housing.rule.r.clause.a.action")}
    into = "old" if action == "transfer" else None
    clause = Clause(id="a", keep="1 year", action=action, into=into)
    assert of_register(clause) == refused
    for fine in (
        Clause(id="a", keep="1 year", action=action, into=into, classes=("files",)),
        Clause(id="a", keep="1 year", action=action, into=into, holder="The partner"),
    ):
        assert of_register(fine) == set()
    assert of_register(Clause(id="a", keep="permanent", action=action, into=into)) == set()
    if action != "transfer":
        assert of_register(Clause(id="a", keep="1 year"), action=action) == refused
        old = RetentionRule(id="old", classes=("old",), clauses=(Clause(id="b", keep="1 year", action=action),))
        as_old = Clause(id="a", refer=Reference(to="class", id="old"))
        assert of_register(as_old, others=(old,)) == refused
        assert of_register(msgspec.structs.replace(as_old, action="review"), others=(old,)) == set()


@pytest.mark.parametrize("action", [None, "anonymise", "archive", "destroy", "publish", "review"])
def test_what_a_register_can_be_declared_to_come_to(action: Any) -> None:
    assert of_register(Clause(id="a", keep="1 year", action=action)) == set()


def test_a_class_has_one_rule() -> None:
    rules = tuple(RetentionRule(id=name, classes=("c",), clauses=(Clause(id="x", keep="1 year"),)) for name in "ab")
    declared = Declared(retention=RetentionDeclarations(classes=(RecordClass(id="c", title="C"),), rules=rules))
    assert problems(declared) == {("policy.contradiction", "housing.class.c")}


def test_a_councils_rule_replaces_a_default_and_no_floor() -> None:
    def own(floor: bool) -> RetentionDeclarations:
        rule = RetentionRule(id="longer", classes=("access-events",), floor=floor, clauses=(
            Clause(id="a", keep="2 years", anchor=Anchor(event="collection")),))  # fmt: skip
        return RetentionDeclarations(rules=(rule,))

    plugin = StatedPlugin(
        stated_council("alpha", "housing"), {"housing": HOUSING, PLATFORM: Declared(retention=own(False))}
    )
    made = compile_policy(load_doubles({"own": plugin}).facade("alpha"), (), TODAY).sound()
    rule = made.rule_for("platform/access-events")
    assert rule is not None
    assert rule.id == "longer"
    floor = StatedPlugin(None, {"housing": Declared(), PLATFORM: Declared()})
    floor.services["housing"] = Declared(retention=msgspec.structs.replace(
        HOUSING.retention, classes=(), rules=(HOUSING.retention.rules[1],)))  # fmt: skip
    for keep, refused in (("1 year", {"policy.floor"}), ("7 years", set())):
        other = RetentionRule(id="other", classes=("notes",), clauses=(Clause(id="a", keep=keep),))
        wanted = stated_council("alpha", "housing", uses=("floor",))
        council = StatedPlugin(
            wanted,
            {"housing": Declared(retention=RetentionDeclarations(classes=HOUSING.retention.classes, rules=(other,)))},
        )
        compiled = compile_policy(load_doubles({"own": council, "floor": floor}).facade("alpha"), (), TODAY)
        assert {problem.id for problem in compiled.problems if problem.level == "error"} & {"policy.floor"} == refused
        assert compiled.policy is not None
        replaced = compiled.policy.rule_for("housing/notes")
        assert replaced is not None
        assert (replaced.id, replaced.floor) == ("other", True)  # so that no decision shortens it


def test_a_file_that_does_not_load_is_told_and_nothing_is_compiled() -> None:
    class Typo(StatedPlugin):
        @hookimpl
        def retention_rules(self, service: str) -> None:
            raise DeclarationError("unknown name 'kep'; allowed here: keep", file="x/retention.toml", path="$.rule[0]")

    plugin = Typo(stated_council("alpha", "housing"), {"housing": HOUSING})
    made = compile_policy(load_doubles({"own": plugin}).facade("alpha"), (), TODAY)
    assert made.policy is None
    assert {found.id for found in made.problems} == {"policy.does-not-load"}
    assert "x/retention.toml at $.rule[0]" in made.problems[0].message
    with pytest.raises(Conflict, match="kep"):
        made.sound()


def test_a_plugin_that_is_used_and_missing_is_an_error() -> None:
    found = compiled(uses=("words-nobody-has",)).problems
    assert [(problem.id, problem.path) for problem in found] == [("policy.plugin-missing", "council.uses")]


def test_a_service_cannot_take_a_word_that_paths_begin_with() -> None:
    plugin = StatedPlugin(stated_council("alpha", "platform"), {})
    found = compile_policy(load_doubles({"own": plugin}).facade("alpha"), (), TODAY).problems
    assert "policy.reserved-name" in {problem.id for problem in found}


def test_a_decision_that_the_declarations_overtook_is_an_error_until_withdrawn() -> None:
    made = compiled(decision("housing.rule.tenancies.clause.usual.keep", "1 year"))
    assert [(found.id, found.level) for found in made.problems] == [("decision.refused", "error")]
    assert made.policy is not None
    assert made.policy.decisions == ()
    with pytest.raises(Conflict, match="Withdraw"):
        made.sound()


@pytest.mark.parametrize(
    ("days", "counts", "finding"),
    [(-31, True, None), (-30, True, "decision.review-due"), (0, True, "decision.review-due"),
     (1, True, "decision.review-overdue"), (30, True, "decision.review-overdue"), (31, False, "decision.lapsed")],
)  # fmt: skip
def test_a_decision_past_its_review_warns_and_then_counts_no_more(days: int, counts: bool, finding: str | None) -> None:
    review = date(2026, 11, 20)
    made = compiled(
        decision("housing.rule.tenancies.clause.usual.action", "destroy", review_on=review),
        today=review + timedelta(days=days),
    )
    assert bool(made.sound().decisions) is counts
    assert [found.id for found in made.problems] == ([finding] if finding else [])


def test_a_typo_in_a_file_names_file_path_and_what_is_allowed() -> None:
    class Package(CouncilPlugin):
        def _load(self, path: str, as_type: type) -> object:  # type: ignore[override]  # the file's content is given here
            content = {
                "council.toml": b'slug = "alpha"\nname = "A"\nnation = "england"\nown_party = "a"\n'
                b'[[party]]\nid = "a"\nname = "A"\n[[service]]\nslug = "housing"\ntitle = "H"\nfolder = "housing"\n',
                "housing/retention.toml": b'[[class]]\nid = "c"\ntitle = "C"\n[[rule]]\nid = "r"\nclasses = ["c"]\n'
                b'[[rule.clause]]\nid = "x"\nkeeep = "1 year"\n',
            }.get(path)
            return None if content is None else decode_toml(content, as_type, file=f"package/{path}")

    source = PluginSource("alpha", "own", "0", "muniment.testing", Package("muniment.testing"))
    made = compile_policy(load_plugins([source]).facade("alpha"), (), TODAY)
    (found,) = made.problems
    assert isinstance(found, Finding)
    assert "package/housing/retention.toml at $.rule[0].clause[0]" in found.message
    assert "did you mean 'keep'" in found.message
