"""The JSON Schemas for editors are those of the structs."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema_rs
import pytest

from muniment.cli.certificates import DOCUMENTS
from muniment.policy.schemas import schema_texts

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "schemas"


def test_the_schemas_are_current() -> None:
    kept = {file.name: file.read_text() for file in FOLDER.iterdir()}
    assert kept == schema_texts(DOCUMENTS), "write them again: muniment policy schema --output docs/schemas"


DECLARATIONS = [
    file
    for file in sorted((ROOT / "plugins").rglob("*.toml"))
    if file.parent.name != "milton_keynes" and f"{file.stem}.schema.json" in {name.name for name in FOLDER.iterdir()}
]


@pytest.mark.parametrize("file", DECLARATIONS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_what_is_declared_is_valid_by_its_schema(file: Path) -> None:
    schema = json.loads((FOLDER / f"{file.stem}.schema.json").read_text())
    document = json.loads(json.dumps(tomllib.loads(file.read_text()), default=str))
    jsonschema_rs.validate(schema, document)
