"""Values that people read, and the names that declarations go by.

A text is one string, or one string per language (`{en = "...", cy = "..."}`); a variant for an audience is a language
with a suffix (`en.young`). Contact details are texts too: a Welsh page often gives another address.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated

from msgspec import Meta

__all__ = ["Id", "Label", "Language", "Slug", "Text", "is_blank", "languages_of", "say"]

Slug = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=63, examples=["adult-learning"])]
"""A name used in addresses: lower case letters, digits and single hyphens, starting with a letter."""

Id = Slug
"""The stable name of a declaration inside its list; statements, decisions and findings are addressed by it."""

Language = Annotated[str, Meta(pattern=r"^[a-z]{2}(\.[a-z]+)?$", examples=["en", "cy", "en.young"])]
"""An ISO 639-1 code, with an audience after a point where the wording differs for one: `en`, `cy`, `en.young`."""

Label = Annotated[str, Meta(min_length=1, max_length=10_000)]
"""Words that are there, and not a book: at most 10,000 characters."""

Text = Label | Annotated[dict[Language, Label], Meta(min_length=1)]


def say(text: Text | None, language: str) -> str:
    """The words of `text` in `language`; empty for None.

    An audience falls back to its language (`en.young` to `en`), a language without words of its own to the first one
    declared, because a fact in another language is better than a missing fact; `policy check` reports each such gap.
    """
    if text is None:
        return ""
    if isinstance(text, str):
        return text
    return text.get(language) or text.get(language.partition(".")[0]) or next(iter(text.values()))


def languages_of(text: Text) -> frozenset[str]:
    """The languages a text has words of its own in; empty for a plain string, which serves all."""
    return frozenset() if isinstance(text, str) else frozenset(text)


FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and signs that are drawn as nothing: Hangul fillers, the empty Braille cell."""


def is_blank(text: str) -> bool:
    """Whether nobody would see anything: no letter, mark, number, sign or symbol, only blanks and what is invisible
    (zero-width characters, controls of direction)."""
    return all(unicodedata.category(character)[0] in "ZC" or character in FILLERS for character in text)
