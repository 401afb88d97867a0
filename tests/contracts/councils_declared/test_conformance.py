"""Both councils and the test policies pass the kit that Muniment gives to authors of plugins."""

from __future__ import annotations

from datetime import date
from importlib import import_module
from pathlib import Path

import pytest

from muniment.api.consent import Basis, Purpose, PurposeDeclarations
from muniment.api.markers import hookimpl
from muniment.api.notices import TemplateFolder
from muniment.api.sharing import Recipient, RecipientDeclarations
from muniment.testing.conformance import Conformance, conform
from muniment.testing.consents import ConsentSaid
from muniment.testing.doubles import Declared, StatedPlugin, stated_council
from tests.policies import TEST_POLICIES

TODAY = date(2026, 11, 20)
PACKAGES = {"milton-keynes": "muniment_milton_keynes", "sefton": "muniment_sefton", **TEST_POLICIES}


@pytest.mark.parametrize("slug", PACKAGES)
def test_it_conforms(slug: str) -> None:
    result = conform(slug, PACKAGES[slug], import_module(PACKAGES[slug]).plugin, today=TODAY)
    assert result.compiled.sound().council.slug == slug
    assert result.findings


def test_a_receipt_and_the_answer_to_a_withdrawal_are_made_of_each_purpose_that_people_are_asked_about() -> None:
    def said(slug: str) -> dict[tuple[str, str], ConsentSaid]:
        return dict(conform(slug, PACKAGES[slug], import_module(PACKAGES[slug]).plugin, today=TODAY).consents)

    [(where, updates)] = said("milton-keynes").items()
    assert where == ("employment-support/updates-and-marketing", "en")
    assert updates.receipt.kind == "consent"
    assert "You can withdraw your consent at any time" in updates.page
    assert updates.withdrawal[0].startswith("Where we use your information because you gave us consent")
    assert said("sefton") == {}, "no purpose of its document rests on consent, and no recipient is tied to one"


STORIES = Declared(
    purposes=PurposeDeclarations(
        purposes=(
            Purpose(
                id="stories", title={"en": "Telling stories", "cy": "Adrodd straeon"}, consent=True,
                consent_wording={"en": "I agree.", "cy": "Cytunaf."}, expires="12 months",
                recipients=("newspaper", "employers"),
                withdrawal={"en": "We take it down.", "cy": "Rydym yn ei dynnu."},
            ),
            Purpose(id="letting", title="Letting"),
        ),
        bases=(Basis(id="task", article="6.1.e", purposes=("letting",)),),
    ),
    recipients=RecipientDeclarations(
        recipients=(
            Recipient(id="newspaper", title="The Generated Gazette", kind="body"),
            Recipient(id="employers", title="Employers", kind="kind-of-body"),
        )
    ),
)  # fmt: skip


def conforming(words: TemplateFolder | None = None) -> Conformance:
    """The kit's answer about a made-up council in two languages, with the usual words, or with its own before them."""

    class Speaking(StatedPlugin):
        @hookimpl
        def notice_templates(self) -> TemplateFolder | None:
            return words

    council = stated_council("alpha", "housing", uses=("muniment-notices",), languages=("en", "cy"))
    return conform("alpha", "tests", Speaking(council, {"housing": STORIES}), today=TODAY)


def test_whom_a_consent_names_and_what_follows_is_said_in_each_language() -> None:
    found = conforming().consents
    assert set(found) == {("housing/stories", "en"), ("housing/stories", "cy")}
    for (_, language), said in found.items():
        for fact in ("The Generated Gazette", "Generated body", {"en": "I agree.", "cy": "Cytunaf."}[language]):
            assert fact in said.page
        assert said.withdrawal[0] == {"en": "We take it down.", "cy": "Rydym yn ei dynnu."}[language]
        assert "The Generated Gazette" in said.withdrawal[1]
        assert said.receipt.events[0].validity_duration == "until 2027-11-20"


@pytest.mark.parametrize(
    ("macro", "left_out"),
    [
        ("withdrawal_stops(it)", "who withdraws of housing/stories in en leaves out: The Generated Gazette"),
        ("withdrawal_stated(it)", "leaves out: We take it down."),
        ("receipt_who(it)", "receipt of housing/stories in en leaves out: The Generated Gazette"),
        ("receipt_record(it)", "receipt of housing/stories in en leaves out: "),
    ],
)
def test_words_that_leave_something_out_do_not_conform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, macro: str, left_out: str
) -> None:
    name = f"words_{macro.partition('(')[0]}"
    file = tmp_path / name / "templates" / "consent" / "en" / "short.txt"
    file.parent.mkdir(parents=True)
    file.write_text(f"{{% macro {macro} %}}Some.{{% endmacro %}}", encoding="utf-8")
    (tmp_path / name / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AssertionError, match=left_out):
        conforming(TemplateFolder(name))
