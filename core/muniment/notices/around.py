"""The few words around a published notice on its page, in the languages that Muniment itself speaks."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["LANGUAGE_NAMES", "around"]

LANGUAGE_NAMES = {"en": "English", "cy": "Cymraeg"}

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "skip": "Skip to main content",
        "published": "Published on",
        "also": "Also as",
        "text": "plain text",
        "languages": "In another language",
        "versions": "All versions of this notice",
        "earlier": "This is an earlier version.",
        "newest": "Read the version in force now",
        "fingerprint": "Fingerprint (SHA-256)",
        "versions_title": "Versions of this notice",
        "restates": "restates",
        "choose": "Privacy notices of this service",
    },
    "cy": {
        "skip": "Neidio i’r prif gynnwys",
        "published": "Cyhoeddwyd ar",
        "also": "Hefyd fel",
        "text": "testun plaen",
        "languages": "Mewn iaith arall",
        "versions": "Pob fersiwn o'r hysbysiad hwn",
        "earlier": "Fersiwn gynharach yw hon.",
        "newest": "Darllenwch y fersiwn sydd mewn grym nawr",
        "fingerprint": "Ôl bys (SHA-256)",
        "versions_title": "Fersiynau o'r hysbysiad hwn",
        "restates": "yn ailddatgan",
        "choose": "Hysbysiadau preifatrwydd y gwasanaeth hwn",
    },
}


def around(language: str) -> Mapping[str, str]:
    """The words in a language, or in English where Muniment does not speak it."""
    return _WORDS.get(language.partition(".")[0], _WORDS["en"])
