"""Statements compiled once in a process, however many engines its tests open.

Each test has a database of its own and so engines of its own, and SQLAlchemy would compile every statement for each of
them again: a sixth of the time of a run. What it compiles depends on the dialect alone, and one server has one.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy
from sqlalchemy import Dialect, Engine
from sqlalchemy.util import LRUCache

__all__ = ["create_engine"]

_dialects: Final[dict[object, Dialect]] = {}
_compiled: Final[LRUCache[Any, Any]] = LRUCache(2_000)


def create_engine(url: str, **options: Any) -> Engine:
    """An engine as SQLAlchemy makes it, that shares what is compiled with all others to the same server."""
    engine = sqlalchemy.create_engine(url, **options)
    server = (engine.url.host, engine.url.port, engine.url.normalized_query)
    engine.dialect = _dialects.setdefault(repr(server), engine.dialect)
    engine.update_execution_options(compiled_cache=_compiled)
    return engine
