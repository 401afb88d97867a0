"""Every fact of a council's own document stands in the notice that is rendered from its declarations.

The lists in `tests/contracts/facts` were written from the documents, line by line, and not from the declarations.
"""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from muniment.defaults.law import law_in_force
from muniment.notices.document import NoticeRef, assemble
from muniment.notices.render import FORMATS, Format, Rendered, render
from muniment.notices.words import Words
from muniment.policy.compile import compile_policy
from tests.policies import all_plugins

TODAY = date(2026, 11, 20)
FILES = sorted((Path(__file__).parents[1] / "facts").glob("*.toml"))


class Fact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fact of a document: `says` are strings that all must be found in the notice."""

    id: str
    what: str
    says: tuple[str, ...]


class FactList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The facts of one document in one language; `absent` strings must not be found."""

    notice: str
    language: str
    facts: tuple[Fact, ...] = msgspec.field(name="fact")
    absent: tuple[str, ...] = ()


@cache
def facts_of(file: Path) -> FactList:
    return msgspec.convert(tomllib.loads(file.read_text()), FactList)


@cache
def words() -> Words:
    said = {council: all_plugins().facade(council).notice_templates() for council in all_plugins().councils}
    folders = {entry.plugin: entry.value for answers in said.values() for entry in answers}
    return Words(folders, lambda council: [entry.plugin for entry in said[council]])


@cache
def rendered(council: str, notice: str, language: str) -> Rendered:
    policy = compile_policy(all_plugins().facade(council), [], TODAY).sound()
    service, _, name = notice.partition("/")
    return render(assemble(policy, NoticeRef(service, name), language, law_in_force(TODAY), words()))


class Visible(HTMLParser):
    """The text a reader of a page sees."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_data(self, data: str) -> None:
        self.seen.append(data)


def strings_in(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [text for entry in value for text in strings_in(entry)]
        case dict():
            return [text for entry in value.values() for text in strings_in(entry)]
        case _:
            return []


def readable(notice: Rendered, form: Format) -> str:
    """What a reader of that format finds, on one line and in lower case."""
    if form == "html":
        page = Visible()
        page.feed(notice.html)
        text = "".join(page.seen)
    elif form == "json":
        text = " ".join(strings_in(msgspec.json.decode(notice.json)))
    else:
        text = notice.text
    return " ".join(text.split()).casefold()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_fact_of_the_document_is_told(file: Path, form: Format) -> None:
    listed = facts_of(file)
    text = readable(rendered(file.name.partition(".")[0], listed.notice, listed.language), form)
    lost = [f"{fact.id}: {says}" for fact in listed.facts for says in fact.says if says.casefold() not in text]
    assert lost == []
    assert [words for words in listed.absent if words.casefold() in text] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_facts_are_listed_once(file: Path) -> None:
    ids = [fact.id for fact in facts_of(file).facts]
    assert len(ids) == len(set(ids))
    assert all(fact.what and all(fact.says) and fact.says for fact in facts_of(file).facts)
