"""A document as HTML, plain text and JSON.

The HTML is an article without a page around it: what is frozen when a notice is published. Everything in it is escaped;
only what looks like an address on the web or an email address becomes a link.
"""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Sequence
from importlib.resources import files
from typing import Literal

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from muniment.notices.document import Document, Section, Statement

__all__ = ["FORMATS", "Format", "Rendered", "as_html", "as_json", "as_page", "as_text", "render"]

Format = Literal["html", "text", "json"]
FORMATS: tuple[Format, ...] = ("html", "text", "json")
WIDTH = 80
"""Columns of the plain text."""

LINK = re.compile(
    r"""(?P<url>https?://[^\s<>"')]*[^\s<>"').,;:?!])"""
    r"""|(?P<email>[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"""
)


class Rendered(msgspec.Struct, frozen=True):
    """The three renderings of one document. `sha256` is that of the JSON, in hexadecimal: it names the version."""

    html: str
    text: str
    json: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.json).hexdigest()


def render(document: Document) -> Rendered:
    """All three renderings."""
    return Rendered(as_html(document), as_text(document), as_json(document))


def as_json(document: Document) -> bytes:
    """Canonical JSON, decoded by `msgspec.json.decode(..., type=Document)`: equal documents give equal bytes."""
    return msgspec.json.encode(document, order="sorted")


def as_html(document: Document, prefix: str = "") -> str:
    """An `<article>`. Each statement's element has the statement's id, after `prefix`, and `data-origin`."""
    return _template.render(document=document, prefix=prefix)


def as_page(documents: Sequence[Document]) -> str:
    """A whole HTML page of its own, with a small style for screen and paper, that holds one notice after another.

    Where there are several, the ids of each begin with its service and name, so that none stands twice.
    """
    several = len(documents) > 1
    articles = [
        Markup(as_html(document, f"{document.service}.{document.notice}." if several else ""))  # noqa: S704  # escaped
        for document in documents
    ]
    return _environment.get_template("document.html").render(
        language=documents[0].language,
        title=", ".join(document.title for document in documents),
        articles=articles,
        style=Markup(_style),  # noqa: S704  # our own file
    )


def as_text(document: Document) -> str:
    """Plain text of 80 columns, ending in a line break."""
    lines = [*_wrapped(document.title), "=" * min(len(document.title), WIDTH), ""]
    lines += [*_wrapped(f"{document.council_name}. {document.version_words}."), ""]
    for section in document.sections:
        lines += [section.heading, "-" * min(len(section.heading), WIDTH), ""]
        for statement in section.statements:
            lines += _statement_lines(statement)
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def _statement_lines(statement: Statement) -> list[str]:
    lines = _wrapped(statement.text, "* ", "  ")
    for point in statement.points:
        lines += _wrapped(point, "  - ", "    ")
    if statement.note:
        lines += _wrapped(f"[{statement.note}]", "  ", "  ")
    return lines


def _wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    """Words are never broken, so that an address or a name can be found again."""
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def _linked(text: str) -> Markup:
    """Escaped text with links."""
    done, parts = 0, []
    for found in LINK.finditer(text):
        address = found["url"] or f"mailto:{found['email']}"
        parts += [escape(text[done : found.start()]), Markup('<a href="{}">{}</a>').format(address, found[0])]
        done = found.end()
    return Markup("").join([*parts, escape(text[done:])])


def _lang(language: str) -> str:
    """The language as HTML names it: an audience (`en.young`) is none of its business."""
    code = language.partition(".")[0]
    return "en-GB" if code == "en" else code


def _lang_of(part: Section | Statement) -> Markup:
    return Markup(' lang="{}"').format(_lang(part.language)) if part.language else Markup("")


_environment = Environment(
    loader=PackageLoader("muniment.notices"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_environment.globals |= {"lang": _lang, "lang_of": _lang_of, "linked": _linked}
_style = files("muniment.notices").joinpath("templates", "notice.css").read_text(encoding="utf-8")
_template = _environment.get_template("article.html")
