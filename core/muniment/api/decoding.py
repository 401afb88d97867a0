"""TOML into frozen structs, with errors that an author can mend without reading core.

Every error names the file, the place in it (`$.rule[0].clause[1].keep`) and what is allowed there.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from muniment.api.errors import DeclarationError

__all__ = ["LARGEST_FILE", "allowed_at", "decode_toml", "work_out_types"]

T = TypeVar("T")

LARGEST_FILE = 1_000_000
"""Bytes; a declaration larger than this is refused before it is parsed."""

_DEEP_KEY = re.compile(rb"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){32}""")
"""A key of more parts than any declaration has. Reading one of thousands takes minutes."""

_PLACE = re.compile(r" - at (?:`key` in )?`(?P<path>[^`]*)`$")
_PATTERN = re.compile(r"Expected `str` matching regex .*")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>[^`]*)`")


def work_out_types() -> None:
    """Have every struct that is imported by now worked out, before there are threads.

    msgspec works a type out when it is first used, and two threads that do so at the same moment crash the process.
    """
    for struct in _structs_below(msgspec.Struct):
        with suppress(TypeError):  # nothing decodes what cannot be decoded
            msgspec.json.Decoder(struct)


def _structs_below(struct: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for inner in struct.__subclasses__():
        yield inner
        yield from _structs_below(inner)


def decode_toml(content: bytes, as_type: type[T], *, file: str) -> T:
    """Decode `content` as `as_type`. `file` is how the file is named in errors. Raises `DeclarationError`."""
    if len(content) > LARGEST_FILE:
        raise DeclarationError(f"the file is larger than {LARGEST_FILE} bytes", file=file)
    if _DEEP_KEY.search(content):
        raise DeclarationError("tables or lists are nested too deeply", file=file)
    try:
        document = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DeclarationError(f"not UTF-8 at byte {error.start}: save the file as UTF-8", file=file) from None
    except tomllib.TOMLDecodeError as error:
        raise DeclarationError(f"not TOML: {error}", file=file) from None
    except RecursionError:
        raise DeclarationError("tables or lists are nested too deeply", file=file) from None
    except ValueError:  # of a number with thousands of digits
        raise DeclarationError("not TOML: a number or date is out of range", file=file) from None
    try:
        return msgspec.convert(document, as_type)
    except msgspec.ValidationError as error:
        text = str(error)
        found = _PLACE.search(text)
        problem, path = (text[: found.start()], found["path"]) if found else (text, "$")
        raise DeclarationError(_explain(problem, path, as_type), file=file, path=path) from None


def _explain(problem: str, path: str, as_type: Any) -> str:
    allowed = allowed_at(as_type, path)
    if unknown := _UNKNOWN.search(problem):
        name = unknown["name"]
        near = difflib.get_close_matches(name, allowed, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        return f"unknown name {name!r}{hint}; allowed here: {', '.join(allowed)}"
    if _PATTERN.fullmatch(problem):
        examples = _examples_at(as_type, path)
        return "not in the form that is allowed here" + (f", for instance: {', '.join(examples)}" if examples else "")
    if allowed:
        return f"{problem}; allowed here: {', '.join(allowed)}"
    return problem


def allowed_at(as_type: Any, path: str) -> list[str]:
    """The field names, or literal values, allowed at `path` inside `as_type`; empty when anything of the type goes."""
    for option in _options(_node_at(as_type, path)):
        if isinstance(option, msgspec.inspect.StructType):
            return sorted(field.encode_name for field in option.fields)
        if isinstance(option, msgspec.inspect.LiteralType):
            return [str(value) for value in option.values]
    return []


def _examples_at(as_type: Any, path: str) -> list[str]:
    node = _node_at(as_type, path)
    candidates = [node, *_options(node)]
    metadata = [option.extra_json_schema or {} for option in candidates if isinstance(option, msgspec.inspect.Metadata)]
    return [str(example) for found in metadata for example in found.get("examples", [])]


def _node_at(as_type: Any, path: str) -> msgspec.inspect.Type:
    """The type at `path`; `Any` where the path leaves what the types describe."""
    node = msgspec.inspect.type_info(as_type)
    for step in re.findall(r"\.([A-Za-z0-9_-]+)|(\[[^]]*\])", path.removeprefix("$")):
        following = _step(node, *step)
        if following is None:
            return msgspec.inspect.AnyType()
        node = following
    return node


def _options(node: msgspec.inspect.Type) -> tuple[msgspec.inspect.Type, ...]:
    if isinstance(node, msgspec.inspect.Metadata):
        return _options(node.type)
    return node.types if isinstance(node, msgspec.inspect.UnionType) else (node,)


def _step(node: msgspec.inspect.Type, name: str, index: str) -> msgspec.inspect.Type | None:
    for option in _options(node):
        match option:
            case msgspec.inspect.StructType() if name:
                for field in option.fields:
                    if field.encode_name == name:
                        return field.type
            case msgspec.inspect.VarTupleType() | msgspec.inspect.ListType() if index:
                return option.item_type
            case msgspec.inspect.DictType() if index or name:
                return option.value_type
            case _:
                continue
    return None
