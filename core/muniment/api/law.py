"""The vocabulary of the law that declarations use: articles, conditions and what each needs.

Only names and the fixed relations between provisions stand here; what a notice must say, since when, is data in
`muniment.defaults`. Articles are of the UK GDPR, schedules and sections of the Data Protection Act 2018.
"""

from __future__ import annotations

from typing import Final, Literal

__all__ = [
    "APPROPRIATE_POLICY",
    "ARTICLE_6",
    "ARTICLE_9",
    "NEEDS_SCHEDULE_1",
    "Article6",
    "Article9",
    "Characteristic",
    "DataKind",
    "Right",
    "Schedule1",
]

DataKind = Literal["ordinary", "special", "criminal"]
"""Ordinary, special category (Art 9(1)) or criminal offence data (Art 10; DPA s.11(2): allegations too)."""

Characteristic = Literal[
    "racial-or-ethnic-origin",
    "political-opinions",
    "religious-or-philosophical-beliefs",
    "trade-union-membership",
    "genetic",
    "biometric",
    "health",
    "sex-life",
    "sexual-orientation",
    "criminal-offence",
]
"""What makes a field special category data (Art 9(1)) or criminal offence data (Art 10)."""

Article6 = Literal["6.1.a", "6.1.b", "6.1.c", "6.1.d", "6.1.e", "6.1.ea", "6.1.f"]
ARTICLE_6: Final[dict[str, str]] = {
    "6.1.a": "consent",
    "6.1.b": "contract",
    "6.1.c": "legal obligation",
    "6.1.d": "vital interests",
    "6.1.e": "public task",
    "6.1.ea": "recognised legitimate interest",
    "6.1.f": "legitimate interests",
}

Article9 = Literal["9.2.a", "9.2.b", "9.2.c", "9.2.d", "9.2.e", "9.2.f", "9.2.g", "9.2.h", "9.2.i", "9.2.j", "10"]
ARTICLE_9: Final[dict[str, str]] = {
    "9.2.a": "explicit consent",
    "9.2.b": "employment, social security and social protection law",
    "9.2.c": "vital interests of a person unable to consent",
    "9.2.d": "members of a not-for-profit body",
    "9.2.e": "made public by the person",
    "9.2.f": "legal claims and courts",
    "9.2.g": "substantial public interest",
    "9.2.h": "health or social care",
    "9.2.i": "public health",
    "9.2.j": "archiving, research and statistics",
    "10": "criminal offence data",
}

Schedule1 = Literal[
    "1.1", "1.2", "1.3", "1.4",
    "2.6", "2.7", "2.8", "2.9", "2.10", "2.11", "2.12", "2.13", "2.14", "2.15", "2.16", "2.17", "2.18", "2.19", "2.20",
    "2.21", "2.22", "2.23", "2.24", "2.25", "2.26", "2.27", "2.28",
    "3.29", "3.30", "3.31", "3.32", "3.33", "3.34", "3.35", "3.36", "3.37",
]  # fmt: skip
"""A condition of DPA 2018 Schedule 1 as part.paragraph: `2.8` is Part 2, paragraph 8."""

NEEDS_SCHEDULE_1: Final[dict[str, tuple[str, ...]]] = {
    "9.2.b": ("1.1",),
    "9.2.g": tuple(f"2.{number}" for number in range(6, 29)),
    "9.2.h": ("1.2",),
    "9.2.i": ("1.3",),
    "9.2.j": ("1.4",),
    "10": (
        *(f"1.{number}" for number in range(1, 5)),
        *(f"2.{number}" for number in range(6, 29)),
        *(f"3.{number}" for number in range(29, 38)),
    ),
}
"""The Schedule 1 conditions of which one must be met: with an Art 9(2) point (DPA s.10(2)-(3)) or Art 10 (s.10(5))."""

APPROPRIATE_POLICY: Final[frozenset[str]] = frozenset(
    {"1.1", "3.35", "3.36", "3.37", *(f"2.{number}" for number in range(6, 29) if number != 13)}
)
"""Conditions that ask for an appropriate policy document in force (Sch 1 paras 1(1)(b), 5(1), 35): paras 36 and 37 too,
which are met only by what meets a condition of Part 2 but for one requirement, that of a document not being it. Para
10(2) and 27(3) make exceptions for certain disclosures, which the disclosure gate knows, not the recording of data."""

Right = Literal[
    "informed",
    "access",
    "rectification",
    "erasure",
    "restriction",
    "portability",
    "objection",
    "automated-decisions",
    "withdraw-consent",
    "complain-to-controller",
    "complain-to-regulator",
]
