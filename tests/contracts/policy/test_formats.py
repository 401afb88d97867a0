"""Every format of an adopted policy stays readable for ever: one document of each is kept here, and never changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from muniment.api.errors import NotReady
from muniment.policy.formats import read_policy
from muniment.policy.model import FORMAT, canonical

KEPT = sorted(Path(__file__).parent.glob("format-*.json"))
SHA256 = {1: "5df25e67a4428d271d360e20c32dd990e0dfac135f7a4ca3ca232d558ee54adf"}
"""What each document is cited by. It must not change: consents, disclosures and disposals cite it."""


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_a_kept_document_is_read_and_keeps_its_hash(file: Path) -> None:
    number = int(file.stem.partition("-")[2])
    document = file.read_bytes()
    assert hashlib.sha256(document).hexdigest() == SHA256[number]
    policy = read_policy(document, number)
    assert policy.record_class("housing/rent").title == "Rent"
    assert policy.rule_for("housing/tenancy") is not None
    assert policy.decisions
    if number == FORMAT:
        assert canonical(policy) == document, "the model changed what is written: that needs another format number"
        assert policy.hash == SHA256[number]


def test_there_is_a_document_of_each_format() -> None:
    assert [int(file.stem.partition("-")[2]) for file in KEPT] == list(range(1, FORMAT + 1))


def test_a_document_of_a_newer_version_is_refused() -> None:
    with pytest.raises(NotReady, match="newer version"):
        read_policy(b"{}", FORMAT + 1)
