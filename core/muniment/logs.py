"""Logs: one JSON object a line, in codes, ids and places of the code; never a value, never an error's own message.

The message of an error that nobody foresaw may quote what somebody typed, so a log line holds its kind and the places
it passed, under an incident number that the person sees. What we wrote for the operator ourselves is told as it is.
"""

from __future__ import annotations

import logging
import secrets
import sys
import traceback
from pathlib import Path
from typing import TextIO

import structlog

from muniment.api.errors import NotReady

__all__ = ["configure_logs", "log_incident", "log_not_ready", "open_log"]

FRAMES = 12


def configure_logs(*, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Have every log line of this process written to standard error, or to another stream.

    What libraries log from a warning upwards is told by place and kind of error alone: their words may quote values.
    """
    logging.basicConfig(level=logging.WARNING, handlers=[_Wordless()], force=True)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=True,
    )


def log_incident(error: BaseException, *, place: str) -> str:
    """Log an error that nobody foresaw; returns the incident's number, to be shown to whoever met it."""
    incident = secrets.token_hex(8)
    structlog.get_logger(__name__).error(
        "unforeseen",
        incident=incident,
        place=place,
        **_facts(error),
    )
    return incident


def log_not_ready(error: NotReady) -> None:
    """Log what keeps the deployment from serving, in words that only the operator is to read: a place on the host."""
    if error.outward != str(error):
        structlog.get_logger(__name__).error("not_ready", code=error.code, detail=str(error))


def open_log(file: Path) -> TextIO:
    """Open a log file to append to, one that its owner alone can read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    return file.open("a", encoding="utf-8", buffering=1)


class _Wordless(logging.Handler):
    """Passes on what a library logged, without its words."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        place = f"{record.filename}:{record.lineno} {record.funcName}"
        structlog.get_logger(record.name).log(
            record.levelno, "library", logger=record.name, place=place, **(_facts(error) if error else {})
        )


def _facts(error: BaseException) -> dict[str, object]:
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": f"{type(error).__module__}.{type(error).__qualname__}",
        "sqlstate": getattr(getattr(error, "orig", None), "sqlstate", None),
        "where": [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-FRAMES:]],
    }
