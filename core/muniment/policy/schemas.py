"""JSON Schemas made from the structs: of declaration files, so that an editor completes and checks as one types, and of
documents that are handed out, so that others can read them."""

from __future__ import annotations

from collections.abc import Mapping
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


def schema_texts(documents: Mapping[str, type[msgspec.Struct]]) -> dict[str, str]:
    """The JSON Schema of each declaration file and of each of `documents` (by name), by the schema's file name."""
    made = {}
    for name, struct in {**SCHEMAS, **documents}.items():
        title = f"{name}.json" if name in documents else f"{name}.toml"
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
        schema |= msgspec.json.schema(struct)
        encoded = msgspec.json.encode(schema, order="sorted")
        made[f"{name}.schema.json"] = msgspec.json.format(encoded, indent=2).decode() + "\n"
    return made


def write_schemas(folder: Path, documents: Mapping[str, type[msgspec.Struct]]) -> list[Path]:
    """Write every schema into `folder`; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in schema_texts(documents).items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written
