"""Words from plugins: whose sentence is said, and that a template can do nothing but say it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import muniment_notices
from muniment.api.errors import PluginError
from muniment.notices.words import Words
from tests.unit.notices.made import OURS, document_of, plugin_of_words, small_policy, statement


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder from which packages can be imported."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("generated_"):
            del sys.modules[name]


def with_override(packages: Path, name: str, template: str) -> Words:
    """Words in which the council `alpha` has a template of its own."""
    own = plugin_of_words(packages, name, {"en/own.txt": template})
    return Words({"own": own, "words": OURS}, lambda slug: ("own", "words") if slug == "alpha" else ("words",))


def test_a_council_says_what_it_wants_to_say_itself_and_the_rest_in_common_words(packages: Path) -> None:
    spoken = with_override(
        packages, "generated_words_a", "{% macro statement(it) %}At alpha: {{ it.text }}{% endmacro %}"
    )
    document = document_of(small_policy("something"), spoken=spoken)
    assert statement(document, "why.made").text == "At alpha: something"
    assert statement(document, "what-we-hold.contacts").text.startswith("something.")


def test_a_phrase_can_be_said_otherwise_inside_a_common_sentence(packages: Path) -> None:
    spoken = with_override(packages, "generated_words_b", "{% macro field(it) %}<{{ it.title }}>{% endmacro %}")
    assert statement(document_of(small_policy("name"), spoken=spoken), "what-we-hold.contacts").points == ("<name>",)


def test_one_councils_words_are_never_said_for_another(packages: Path) -> None:
    """Both councils bring a template of the same name; they are asked for by turns, so that a cache would mix them."""
    made = {
        slug: plugin_of_words(
            packages,
            f"generated_words_of_{slug}",
            {"en/own.txt": "{% macro statement(it) %}Words of " + slug + "{% endmacro %}"},
        )
        for slug in ("alpha", "beta")
    }
    spoken = Words({**made, "words": OURS}, lambda slug: (slug, "words"))
    for _ in range(3):
        for slug in ("alpha", "beta"):
            document = document_of(small_policy(slug=slug), spoken=spoken)
            assert statement(document, "why.made").text == f"Words of {slug}"


@pytest.mark.parametrize(
    "hostile",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ it.__class__.__init__.__globals__ }}",
        "{{ phrase.__self__ }}",
        "{{ council.__struct_fields__ }}",
        "{% for n in range(10000000) %}x{% endfor %}",
        "{{ names.clear() }}",
        "{% include '/etc/passwd' %}",
        "{{ no_such_thing }}",
        "{{ 1 / 0 }}",
        "{{ phrase('no_such_macro', it) }}",
        "{{ 'x' * 10 ** 10 }}",
        "{{ [1] * 10000000000 }}",
        "{{ '%10000000000d' % 1 }}",
        "{{ 'x'.ljust(10000000000) }}",
        "{{ '{:>10000000000}'.format(1) }}",
        "{{ 'x' | center(10000000000) }}",
        "{{ 'x' | attr('__class__') }}",
        "{% for n in range(9) %}x{% endfor %}",
        "{{ lipsum(100000) }}",
        "{{ statement(it) }}",
        "{% import 'words/privacy_notice/../../../etc/passwd' as it %}",
    ],
)
def test_a_template_reaches_nothing_but_what_it_is_given(packages: Path, hostile: str) -> None:
    spoken = with_override(packages, "generated_hostile", "{% macro statement(it) %}" + hostile + "{% endmacro %}")
    with pytest.raises(PluginError):
        document_of(small_policy(), spoken=spoken)


def test_a_broken_template_is_named_with_its_plugin(packages: Path) -> None:
    spoken = with_override(packages, "generated_broken", "{% macro statement(it) %}{{ it.txt }}{% endmacro %}")
    with pytest.raises(PluginError, match=r"plugin own, .*own/privacy_notice/en/own\.txt, macro statement"):
        document_of(small_policy(), spoken=spoken)
    spoken = with_override(packages, "generated_unclosed", "{% macro statement(it) %}")
    with pytest.raises(PluginError, match=r"plugin own, .*own/privacy_notice/en/own\.txt"):
        document_of(small_policy(), spoken=spoken)


def test_a_council_without_a_plugin_of_words_is_told_what_is_missing() -> None:
    with pytest.raises(PluginError, match="has a macro"):
        document_of(small_policy(), spoken=Words({}, lambda _slug: ()))


def macros_of(language: str) -> set[str]:
    folder = Path(muniment_notices.__file__).parent / "templates" / "privacy_notice" / language
    found = [re.findall(r"{% macro (\w+)\(", file.read_text(encoding="utf-8")) for file in folder.glob("*.txt")]
    assert all(found)
    return {name for names in found for name in names}


def test_welsh_has_every_sentence_that_english_has() -> None:
    assert macros_of("cy") == macros_of("en")


def test_a_sentence_in_another_language_is_in_it_throughout(packages: Path) -> None:
    """German has words for addresses alone: an English sentence does not take them."""
    made = plugin_of_words(packages, "generated_german", {"de/own.txt": "{% macro addresses(it) %}Post{% endmacro %}"})
    spoken = Words({"own": made, "words": OURS}, lambda _slug: ("own", "words"))
    added = statement(document_of(small_policy(), "de", spoken), "complaints.complain-to-regulator")
    assert added.language == "en"
    assert "by post at" in added.text
