"""A programme is a plugin: its own notice, period and recipient come into force for those who join it.

The council's document names no programme that the combined authority funds, so this one is made up, and says so.
"""

from __future__ import annotations

from functools import cache

import msgspec
import pytest

from muniment.api.council import Council
from muniment.api.markers import hookimpl
from muniment.api.notices import NoticeDeclarations
from muniment.api.plugin import CouncilPlugin
from muniment.api.retention import RetentionDeclarations
from muniment.defaults.law import law_in_force
from muniment.notices.document import NoticeRef, assemble
from muniment.notices.words import Words
from muniment.plugins.manager import Plugins, PluginSource, installed_plugins, load_plugins
from muniment.policy.compile import compile_policy
from muniment.policy.model import Decision, Policy
from muniment.sharing.gate import decide
from muniment.sharing.question import Agreed, Circumstances, Facts, Question
from muniment.testing.doubles import Declared, StatedPlugin
from tests.server import TODAY

SERVICE, PROGRAMME, AUTHORITY = "sefton-at-work", "generated-pathways", "liverpool-city-region"
PERIOD = {"programme": PROGRAMME, "title": "Generated Pathways", "keep": "10 years",
          "from": {"event": "programme-end", "programme": PROGRAMME}, "generated": True}  # fmt: skip
NOTICE = {"id": PROGRAMME, "programme": PROGRAMME, "title": "Generated Pathways: privacy notice (made up)",
          "intro": "This notice holds besides that of the service while you take part."}  # fmt: skip
DECIDED = {
    f"{SERVICE}.statute.localism": {"title": "Localism Act 2011", "provisions": ["section 1"]},
    f"{SERVICE}.basis.brokerage": {"article": "6.1.e", "statutes": ["localism"], "purposes": ["support"]},
    f"{SERVICE}.recipient.{AUTHORITY}.programme": PROGRAMME,
    f"{SERVICE}.recipient.{AUTHORITY}.purposes": ["support"],
    f"{SERVICE}.recipient.{AUTHORITY}.categories": ["personal"],
    f"{SERVICE}.recipient.{AUTHORITY}.bases": ["brokerage"],
}
QUESTION = Question(service=SERVICE, recipient=AUTHORITY, purpose="support", fields=("personal.employment-status",))


class Using(CouncilPlugin):
    """The council's own plugin in a deployment where it uses the programme too."""

    @hookimpl
    def council(self) -> Council:
        stated = CouncilPlugin.council(self)
        return msgspec.structs.replace(stated, uses=(*stated.uses, "muniment-generated-programme"))


@cache
def plugins() -> Plugins:
    declared = Declared(
        retention=msgspec.convert({"programme": [PERIOD]}, RetentionDeclarations),
        notices=msgspec.convert({"notice": [NOTICE]}, NoticeDeclarations),
    )
    programme = StatedPlugin(None, {SERVICE: declared})
    others = [source for source in installed_plugins() if source.distribution != "muniment-sefton"]
    return load_plugins([
        *others,
        PluginSource("sefton", "muniment-sefton", "0", "muniment_sefton", Using("muniment_sefton")),
        PluginSource("generated-programme", "muniment-generated-programme", "0", "tests", programme),
    ])  # fmt: skip


@cache
def policy() -> Policy:
    made = [
        Decision(path=path, value=value, ground="Made up", decided_by="tests", decided_on=TODAY, generated=True)
        for path, value in DECIDED.items()
    ]
    return compile_policy(plugins().facade("sefton"), made, TODAY).sound()


def test_its_notice_stands_beside_that_of_the_service_and_says_its_own_period() -> None:
    ref, law, words = NoticeRef(SERVICE, PROGRAMME), law_in_force(TODAY), Words.of(plugins())
    document = assemble(policy(), ref, "en", law, words)
    said = " ".join(statement.text for statement in document.statements())
    assert "This notice holds besides that of the service while you take part." in said
    assert "for people who take part in the programme Generated Pathways" in said
    assert "Generated Pathways, by its own notice: 10 years" in said
    assert "Made up for a demonstration" in said
    assert {notice.id for notice in policy().service(SERVICE).notices.notices} == {"privacy", PROGRAMME}


@pytest.mark.parametrize(
    ("enrolled", "noticed", "against"),
    [
        (True, True, ()),
        (True, False, ("programme-notice",)),
        (False, False, ("enrolled", "programme-notice")),
        (False, True, ("enrolled",)),
    ],
)
def test_the_authority_receives_for_those_alone_who_joined_and_were_told(
    enrolled: bool, noticed: bool, against: tuple[str, ...]
) -> None:
    facts = Facts(
        held=frozenset(QUESTION.fields), permission=Agreed("given", named=True), enrolled=enrolled,
        programme_notice=noticed, told=True,
    )  # fmt: skip
    assert decide(policy(), QUESTION, Circumstances(), facts).against == against
