"""The identity stub of a client file: what somebody is found and reached by. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

import msgspec

from muniment.api.clients import Field
from muniment.api.errors import InvalidInput
from muniment.api.text import is_blank
from muniment.clients.normalise import name_key, postcode_key, reference_key
from muniment.clients.parsing import BadValue, check_day, parse_field, parse_text

__all__ = ["STUB_PARSERS", "Stub", "stub_columns"]


class Stub(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Names and contacts; all of it may be missing but one name. `reference` is the one of the file's source."""

    given_names: str | None = None
    family_name: str | None = None
    born_on: date | None = None
    reference: str | None = None
    postcode: str | None = None
    address: str | None = None
    email: str | None = None
    phone: str | None = None


def _field(kind: Any) -> Callable[[object], object]:
    declared = Field(id="stub", title="stub", type=kind)
    return lambda value: parse_field(declared, value)


def _reference(value: object) -> str:
    text = parse_text(value, 100)
    if not reference_key(text):
        raise BadValue("empty-reference", "takes a reference with a letter or a digit in it")
    return text


STUB_PARSERS: Final[Mapping[str, Callable[[object], object]]] = {
    "given_names": lambda value: parse_text(value, 200),
    "family_name": lambda value: parse_text(value, 200),
    "reference": _reference,
    "postcode": _field("postcode"),
    "address": lambda value: " ".join(parse_text(str(value).replace("\r", "").replace("\n", ", ")).split()),
    "email": _field("email"),
    "phone": _field("phone"),
}
"""How each column of text is read; `born_on` is a date."""


def stub_columns(stub: Stub, today: date) -> dict[str, Any]:
    """The columns of `client_file` that a stub fills, keys included. Raises `InvalidInput` for the first at fault."""
    columns: dict[str, Any] = {"born_on": stub.born_on}
    if stub.born_on is not None:
        check_day(stub.born_on, "born_on", today)
    for name, parse in STUB_PARSERS.items():
        given = getattr(stub, name)
        try:
            columns[name] = None if given is None or is_blank(given) else parse(given)
        except BadValue as error:
            raise InvalidInput(f"{name} {error}.", where=name, code=error.code) from None
    return with_keys(columns)


def with_keys(columns: dict[str, Any]) -> dict[str, Any]:
    """The same columns with those that lookups compare. Raises `InvalidInput` without any name."""
    columns["name_key"] = name_key(columns["family_name"], columns["given_names"])
    if not columns["name_key"]:
        raise InvalidInput("A client file has a given or a family name.", where="family_name", code="no-name")
    columns["reference_key"] = None if columns["reference"] is None else reference_key(columns["reference"])
    columns["postcode_key"] = None if columns["postcode"] is None else postcode_key(columns["postcode"])
    return columns
