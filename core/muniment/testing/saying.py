"""Whether what a document says is there in every form of it: what the kit asks of notices and of receipts."""

from __future__ import annotations

from html.parser import HTMLParser

from muniment.notices.document import Document

__all__ = ["require", "require_said", "squeezed"]


def require(condition: bool, message: str) -> None:
    """Raise `AssertionError` with the message unless the condition holds, also where Python leaves assertions out."""
    if not condition:
        raise AssertionError(message)


def require_said(which: str, document: Document, html: str, text: str) -> None:
    """Raise `AssertionError` unless all that the document says stands in its HTML and in its plain text; `which` is the
    beginning of the message."""
    forms = {"HTML": squeezed(_Text.of(html)), "text": squeezed(text)}
    for statement in document.statements():
        for said in (statement.text, *statement.points, statement.note):
            lost = [form for form, shown in forms.items() if squeezed(said) not in shown]
            require(not lost, f"{which} loses {statement.id} as {' and '.join(lost)}: {said}")


def squeezed(text: str) -> str:
    """Without white space: where lines break is each form's own affair."""
    return "".join(text.split())


class _Text(HTMLParser):
    """The text of HTML, as a person reads it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []

    @classmethod
    def of(cls, html: str) -> str:
        parser = cls()
        parser.feed(html)
        parser.close()
        return "".join(parser.parts)

    def handle_data(self, data: str) -> None:
        self.parts.append(data)
