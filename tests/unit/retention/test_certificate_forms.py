"""A certificate's page and PDF say what it says, to everybody, in the same bytes each time."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from string import Formatter
from typing import Any

import jsonschema_rs
import msgspec
import pypdfium2
import pytest
from pypdf import PdfReader

from muniment.audit.proofs import Unproven
from muniment.keys import KeyRing
from muniment.retention.evidence.document import CertificateDocument, check, read, written
from muniment.retention.evidence.pages import POLICY, certificate_html
from muniment.retention.evidence.pdf import attached, certificate_pdf, is_pdf
from muniment.retention.evidence.reading import LANGUAGES, WORDING, reading
from tests.unit.retention.paper import CONTENT, KEYS, document, keys_of, unsealed

RING = KeyRing.generate()
SEALED = document(RING)
SCHEMA = Path(__file__).parents[3] / "docs" / "schemas" / "certificate.schema.json"


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return certificate_pdf(SEALED)


def text_of(pdf: bytes) -> str:
    with pypdfium2.PdfDocument(pdf) as found:
        pages = []
        for index in range(len(found)):
            page = found[index]
            words = page.get_textpage()
            pages.append(words.get_text_range())
            words.close()
            page.close()
    return " ".join(" ".join(pages).split())


def test_every_form_says_all_that_is_to_be_read(pdf: bytes) -> None:
    read_ = reading(SEALED)
    page, printed = certificate_html(SEALED), text_of(pdf).replace(" ", "")
    values = [row.value for row in (*read_.particulars, *read_.proof)] + [
        value for row in read_.confirmations for value in row
    ]
    for value in values:
        assert value.replace("&", "&amp;") in page
        assert value.replace(" ", "") in printed, value


def test_a_pdf_is_tagged_named_and_in_a_language(pdf: bytes) -> None:
    found = PdfReader(BytesIO(pdf))
    root: Any = found.trailer["/Root"].get_object()
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"].startswith("en")
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert found.metadata is not None
    assert found.metadata.title == f"Certificate of disposal {CONTENT.id}"
    xmp = root["/Metadata"].get_object().get_data().decode()
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp
    assert "<pdfaid:part>3</pdfaid:part>" in xmp


def test_the_same_certificate_gives_the_same_bytes(pdf: bytes) -> None:
    assert certificate_pdf(SEALED) == pdf
    assert certificate_html(SEALED) == certificate_html(SEALED)
    assert certificate_pdf(unsealed(RING)) != pdf


def test_a_pdf_carries_what_can_be_checked(pdf: bytes) -> None:
    assert is_pdf(pdf)
    assert attached(pdf) == written(SEALED)
    assert check(read(attached(pdf)), keys_of(RING)).whole
    for other in (b"%PDF-1.7 nothing", pdf[: len(pdf) // 2]):
        with pytest.raises(Unproven, match="PDF"):
            attached(other)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_words_for_everything(language: str) -> None:
    page = certificate_html(SEALED, language)
    assert f'<html lang="{language}">' in page
    assert WORDING[language]["title"] in page
    assert "{" not in page.partition("</style>")[2]
    assert is_pdf(certificate_pdf(SEALED, language))


def test_the_languages_have_the_same_phrases_and_places() -> None:
    def places(phrase: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(phrase)}

    english = {name: places(phrase) for name, phrase in WORDING["en"].items()}
    for language in LANGUAGES:
        assert {name: places(phrase) for name, phrase in WORDING[language].items()} == english


def test_one_that_is_not_sealed_says_so() -> None:
    page = certificate_html(unsealed(RING))
    assert "not sealed yet" in page
    assert "audit verify" not in page
    assert "not sealed yet" in text_of(certificate_pdf(unsealed(RING)))


def test_the_page_stands_alone_and_its_style_is_the_one_allowed() -> None:
    page = certificate_html(SEALED)
    assert "src=" not in page
    assert "href=" not in page
    assert "<script" not in page
    assert "unsafe" not in POLICY


def test_words_in_a_policy_are_never_markup() -> None:
    hostile = msgspec.structs.replace(CONTENT, class_title='<b>#eval("1")</b> *x* $y$ [z] \\', council_name="A & <B>")
    changed = msgspec.structs.replace(SEALED, certificate=hostile)
    assert "<b>" not in certificate_html(changed)
    assert '<b>#eval("1")</b> *x* $y$ [z] \\' in text_of(certificate_pdf(changed))


def test_it_lists_no_key_of_what_went(pdf: bytes) -> None:
    for form in (written(SEALED).decode(), certificate_html(SEALED), text_of(pdf)):
        assert not [key for key in KEYS if str(key) in form]


def test_its_json_is_valid_by_the_schema_and_nothing_else_is() -> None:
    schema = json.loads(SCHEMA.read_text())
    for each in (SEALED, unsealed(RING), document(RING, whole=False)):
        jsonschema_rs.validate(schema, json.loads(written(each)))
    wrong = json.loads(written(SEALED)) | {"more": 1}
    assert not jsonschema_rs.is_valid(schema, wrong)
    assert isinstance(read(written(SEALED)), CertificateDocument)
