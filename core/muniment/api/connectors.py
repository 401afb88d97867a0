"""Connecting: how core asks another system to erase what it holds, through a plugin that knows how to talk to it.

The plugin is named by the `connector` of a declared system. It is told opaque keys and nothing else: what they stand
for is gone from here already when it is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from muniment.api.markers import hookspec
from muniment.api.text import Id

__all__ = ["ConnectorSpec", "Erasure", "ErasureRequest", "ToErase"]


class ToErase(msgspec.Struct, frozen=True):
    """One record to erase: the `key` by which the system knows it. `once` is the same at every attempt, for systems
    that take an idempotency key."""

    key: str
    once: str


class ErasureRequest(msgspec.Struct, frozen=True):
    """Up to a hundred records of one class that a system is to erase. No key is there twice."""

    council: str
    service: str
    system: str
    record_class: str
    items: tuple[ToErase, ...]


class Erasure(msgspec.Struct, frozen=True):
    """What the system says of one key.

    `erased`: it is gone; `unknown`: the system holds nothing under that key; `later`: ask again, not before `after` (an
    instant with its zone); `refused`: the system will not, for a `reason`, and an officer must look; `failed`: ask
    again. `reason` is a code, never a value.
    """

    key: str
    outcome: Literal["erased", "unknown", "later", "refused", "failed"]
    after: datetime | None = None
    reason: Id | None = None


class ConnectorSpec:
    """Hooks that reach into other systems. Only the plugin that the system's declaration names is asked."""

    @hookspec
    def erase_in_system(self, request: ErasureRequest) -> Sequence[Erasure] | None:
        """Erase records in a system, by key.

        When: after disposal is committed, in a worker, with no transaction open; again, with growing pauses, until
        each key is `erased` or `unknown`. The same key may come twice, for a worker may die before it can note the
        answer. Order: irrelevant. Results: an answer for each key; a key without one has failed. Errors: an exception,
        more than 30 seconds, or an answer about a key that was not asked about fails the whole request. Since: 1.1.
        """

    @hookspec
    def still_in_system(self, request: ErasureRequest) -> Sequence[str] | None:
        """Look whether a system still holds keys that it says are erased; the keys that it does hold.

        When: straight after `erase_in_system`, for the keys that it called erased; without this hook the system's word
        stands, and the confirmation says so. Order: irrelevant. Results: a key that is still there has failed.
        Errors: as of `erase_in_system`; what could not be looked up is asked again. Since: 1.1.
        """
