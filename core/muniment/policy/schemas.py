"""JSON Schemas of the declaration files, made from the structs, so that an editor completes and checks as one types."""

from __future__ import annotations

from pathlib import Path

import msgspec

from muniment.api.clients import ClientDeclarations, ImportDeclarations
from muniment.api.consent import PurposeDeclarations
from muniment.api.council import Council
from muniment.api.notices import NoticeDeclarations
from muniment.api.retention import RetentionDeclarations
from muniment.api.sharing import RecipientDeclarations

__all__ = ["SCHEMAS", "schema_texts", "write_schemas"]

SCHEMAS: dict[str, type[msgspec.Struct]] = {
    "council": Council,
    "categories": ClientDeclarations,
    "imports": ImportDeclarations,
    "purposes": PurposeDeclarations,
    "recipients": RecipientDeclarations,
    "retention": RetentionDeclarations,
    "notice": NoticeDeclarations,
}
"""The struct of each declaration file, by the file's name without its ending."""


def schema_texts() -> dict[str, str]:
    """The JSON Schema of each file, by the schema's file name."""
    made = {}
    for name, struct in SCHEMAS.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"{name}.toml"}
        schema |= msgspec.json.schema(struct)
        encoded = msgspec.json.encode(schema, order="sorted")
        made[f"{name}.schema.json"] = msgspec.json.format(encoded, indent=2).decode() + "\n"
    return made


def write_schemas(folder: Path) -> list[Path]:
    """Write every schema into `folder`; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in schema_texts().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written
