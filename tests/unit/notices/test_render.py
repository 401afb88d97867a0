"""Three forms of one document: nothing lost, nothing run, nothing left to chance."""

from __future__ import annotations

import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.notices.document import Document
from muniment.notices.render import as_html, as_json, as_page, as_text, render
from tests.unit.notices.made import all_words, compiled, document_of, small_policy, statement

DECLARED = st.text(st.characters(exclude_categories=["Cs", "Cc", "Co"]), min_size=1).filter(lambda text: text.strip())


class Reader(HTMLParser):
    """What a person sees, and the elements and attributes it is made of."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


@given(DECLARED)
@settings(deadline=None)
def test_any_declared_text_survives_into_all_three_forms(text: str) -> None:
    document = document_of(small_policy(text))
    rendered = render(document)
    decoded = msgspec.json.decode(rendered.json, type=Document)
    assert squeezed(decoded.title) == squeezed(text)
    for shown in (Reader(rendered.html).text, rendered.text, "".join(_texts(decoded))):
        # The title, the summary, the category, its field, the statement and the party: each of them.
        assert squeezed(shown).count(squeezed(text)) >= 6


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "{{ 7 * 7 }} {% raw %}",
        "&lt;b&gt;",
        '" onmouseover="alert(1)',
        "javascript:alert(1)",
        'https://generated.example/"><script>alert(1)</script>',
        "- not a line of a list",
        "two\nlines\n- and a third",
        "ends in a stop. ",
    ],
)
def test_hostile_text_is_shown_and_does_nothing(text: str) -> None:
    document = document_of(small_policy(text))
    page = Reader(as_html(document))
    assert squeezed(text) in squeezed(page.text)
    assert {tag for tag, _ in page.tags} <= {"article", "h1", "h2", "p", "nav", "ul", "li", "a", "section"}
    assert {name for _, attributes in page.tags for name in attributes} <= {
        "aria-labelledby", "class", "data-notice", "data-origin", "href", "id", "lang",
    }  # fmt: skip
    links = [attributes["href"] or "" for tag, attributes in page.tags if tag == "a"]
    assert all(link.startswith(("#", "https://", "http://", "mailto:")) for link in links)
    assert squeezed(text) in squeezed(as_text(document))
    assert statement(document, "why.made").points == ()


def test_every_statement_is_an_element_with_its_id_and_origin() -> None:
    document = document_of(compiled("milton-keynes"), spoken=all_words())
    elements = {attributes.get("id"): attributes for _, attributes in Reader(as_html(document)).tags}
    for entry in document.statements():
        assert elements[entry.id]["data-origin"] == entry.origin


def test_headings_go_down_one_by_one_and_ids_are_unique() -> None:
    for slug in ("milton-keynes", "sefton"):
        tags = Reader(as_html(document_of(compiled(slug), spoken=all_words()))).tags
        levels = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
        ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
        assert len(ids) == len(set(ids))


def test_several_notices_on_one_page_share_no_id() -> None:
    document = document_of(compiled("sefton"), spoken=all_words())
    other = msgspec.structs.replace(document, notice="other")
    page = Reader(as_page([document, other]))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {tag for tag, _ in Reader(as_page([document])).tags} >= {"html", "head", "title", "style", "main"}


def test_what_is_said_in_another_language_is_marked_so() -> None:
    html = as_html(document_of(small_policy(), "de"))
    assert '<article class="notice" lang="de"' in html
    assert 'data-origin="council" lang="en-GB"' in html


def test_plain_text_keeps_to_eighty_columns_and_breaks_no_word() -> None:
    text = as_text(document_of(compiled("sefton"), spoken=all_words()))
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "seftonatwork.info@sefton.gov.uk" in text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_addresses_become_links_without_the_marks_after_them() -> None:
    html = as_html(document_of(small_policy("Write to desk@generated.example, or see https://generated.example/a(b).")))
    assert '<a href="mailto:desk@generated.example">desk@generated.example</a>,' in html
    assert '<a href="https://generated.example/a(b">' in html


def test_equal_documents_have_equal_json_and_one_hash() -> None:
    first, second = (render(document_of(compiled("sefton"), spoken=all_words())) for _ in range(2))
    assert first.json == second.json
    assert first.sha256 == second.sha256 == hashlib.sha256(first.json).hexdigest()
    assert as_json(msgspec.json.decode(first.json, type=Document)) == first.json


def _texts(document: Document) -> list[str]:
    statements = list(document.statements())
    return [document.title, *(f"{entry.text} {' '.join(entry.points)}" for entry in statements)]
