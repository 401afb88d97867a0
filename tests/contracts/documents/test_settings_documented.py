"""The operators' page lists every setting there is, no other, and the defaults that count."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from muniment.settings import PREFIX, SECRETS, Settings

PAGE = (Path(__file__).parents[3] / "docs/operators.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(MUNIMENT_\w+)` \| ([^|]*) \|", re.MULTILINE)


def test_every_setting_has_a_row_and_every_row_a_setting() -> None:
    fields = {PREFIX + field.name.upper() for field in msgspec.structs.fields(Settings)}
    assert {row[0] for row in ROW.findall(PAGE)} == fields
    assert len(ROW.findall(PAGE)) == len(fields)


def test_numbers_and_addresses_have_the_defaults_that_are_documented() -> None:
    documented = {name: default.strip("`") for name, default in ROW.findall(PAGE)}
    for field in msgspec.structs.fields(Settings):
        if isinstance(field.default, int | str):
            assert documented[PREFIX + field.name.upper()] == str(field.default)


def test_settings_that_may_come_from_a_file_are_named() -> None:
    sentence = next(part for part in PAGE.split("\n\n") if "`_FILE`" in part)
    assert set(re.findall(r"`MUNIMENT_(\w+)`", sentence)) == SECRETS
