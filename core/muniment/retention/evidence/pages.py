"""A certificate as one HTML page that needs nothing beside it: to print, to file, to read aloud."""

from __future__ import annotations

import base64
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

from muniment.retention.evidence.document import CertificateDocument
from muniment.retention.evidence.reading import reading

__all__ = ["POLICY", "certificate_html"]

STYLE = files("muniment.retention").joinpath("templates", "certificate.css").read_text(encoding="utf-8")
POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(sha256(STYLE.encode()).digest()).decode()}';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The content security policy under which the page is served: its own style and nothing else."""


def certificate_html(document: CertificateDocument, language: str = "en") -> str:
    """The page in a language (English where there are no words for it)."""
    template = _environment().get_template("retention/certificate_alone.html")
    return template.render(it=reading(document, language), style=Markup(STYLE))  # noqa: S704  # a file of ours


@cache
def _environment() -> Environment:
    return Environment(
        loader=PrefixLoader({"retention": PackageLoader("muniment.retention")}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
