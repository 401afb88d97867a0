"""A certificate as a PDF to print and to file: tagged (PDF/UA-1), for archives (PDF/A-3), with its JSON attached.

The same certificate gives the same bytes. What is attached is what can be checked; the pages are for people.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from io import BytesIO

import msgspec
import typst
from pypdf import PdfReader
from pypdf.errors import PyPdfError

from muniment.audit.proofs import Unproven
from muniment.retention.evidence.document import CertificateDocument, written
from muniment.retention.evidence.reading import reading

__all__ = ["ATTACHED", "attached", "certificate_pdf", "is_pdf"]

ATTACHED = "certificate.json"


def certificate_pdf(document: CertificateDocument, language: str = "en") -> bytes:
    """The PDF in a language (English where there are no words for it)."""
    read = reading(document, language)
    day = read.issued
    data = msgspec.to_builtins(read) | {"date": {"year": day.year, "month": day.month, "day": day.day}}
    return typst.compile(
        _template(),
        format="pdf",
        ignore_system_fonts=True,
        pdf_standards=["a-3a", "ua-1"],
        timestamp=read.issued,
        sys_inputs={"reading": msgspec.json.encode(data).decode(), "certificate": written(document).decode()},
    )


def is_pdf(data: bytes) -> bool:
    """Whether a file is a PDF by its first bytes."""
    return data.startswith(b"%PDF-")


def attached(pdf: bytes) -> bytes:
    """The JSON attached to a certificate's PDF. Raises `Unproven` if there is none, or more than one."""
    try:
        found = PdfReader(BytesIO(pdf)).attachments.get(ATTACHED, [])
    except (PyPdfError, ValueError, KeyError, TypeError, RecursionError):
        raise Unproven("The PDF cannot be read.") from None
    if len(found) != 1:
        raise Unproven("The PDF carries no certificate: hand in the one that was issued, or its JSON file.")
    return bytes(found[0])


@cache
def _template() -> bytes:
    return files("muniment.retention").joinpath("templates", "certificate.typ").read_bytes()
