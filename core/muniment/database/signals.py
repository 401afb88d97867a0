"""How a lower domain tells a higher one, without importing it.

A signal is sent with a set of things that changed, in the transaction that changed them; a listener that raises rolls
the whole back. `muniment.wiring.wire` subscribes the listeners in the order of the layers, once in each process;
`docs/signals.md` lists who listens to what and a test keeps it true.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar
from uuid import UUID

import msgspec

from muniment.database.session import CouncilSession

__all__ = [
    "ArrangementsChanged",
    "ConsentsChanged",
    "DocumentWithdrawn",
    "Erased",
    "FieldsChanged",
    "FilesChanged",
    "PolicyAdopted",
    "ProgrammeChanged",
    "RegistersChanged",
    "Signal",
    "ValuesErased",
    "arrangements_changed",
    "consents_changed",
    "document_withdrawn",
    "erased",
    "fields_changed",
    "files_changed",
    "policy_adopted",
    "programme_changed",
    "registers_changed",
    "signals",
    "values_erased",
]

P = TypeVar("P")


class Signal(Generic[P]):
    """A thing that happens, named in the past tense, and who wants to know."""

    def __init__(self, name: str, doc: str) -> None:
        self.name = name
        self.__doc__ = doc
        self._listeners: list[Callable[[CouncilSession, P], None]] = []

    def subscribe(self, listener: Callable[[CouncilSession, P], None]) -> None:
        """Have `listener` called after those subscribed before it. Subscribing again changes nothing."""
        if listener not in self._listeners:
            self._listeners.append(listener)

    def send(self, session: CouncilSession, payload: P) -> None:
        """Tell every listener, in order, in the caller's transaction."""
        for listener in self._listeners:
            listener(session, payload)

    @property
    def listeners(self) -> tuple[Callable[[CouncilSession, P], None], ...]:
        """Who is told, in order."""
        return tuple(self._listeners)


class FilesChanged(msgspec.Struct, frozen=True):
    """Client files of the session's council in which something changed that a retention clause can read.

    `what` holds `milestone`, `record`, `enrolment`, `programme`, or a kind that a higher domain adds.
    """

    file_ids: Sequence[UUID]
    what: frozenset[str]


class ConsentsChanged(msgspec.Struct, frozen=True):
    """Client files whose consents or permissions changed. `what` holds the states of the events added: `given`,
    `withdrawn`, `expired` and so on. `again`: they were lost in a restore, and are added once more."""

    file_ids: Sequence[UUID]
    what: frozenset[str]
    again: bool = False


class ArrangementsChanged(msgspec.Struct, frozen=True):
    """What a council has settled with recipients ended, or was stopped or resumed: rows of `table`, by their ids."""

    table: str
    ids: Sequence[UUID]


class DocumentWithdrawn(msgspec.Struct, frozen=True):
    """The appropriate policy document for a condition of a service was taken out of force."""

    service: str
    condition: str


class RegistersChanged(msgspec.Struct, frozen=True):
    """Registers in which something changed that a retention clause can read."""

    register_ids: Sequence[UUID]


class PolicyAdopted(msgspec.Struct, frozen=True):
    """The council has adopted a policy; `before` is None the first time."""

    before: str | None
    after: str


class ProgrammeChanged(msgspec.Struct, frozen=True):
    """A fact about a programme changed, such as the day it ended."""

    programme: str


class FieldsChanged(msgspec.Struct, frozen=True):
    """Values that were recorded before were set otherwise or, where `erased`, taken away: by client file, the names of
    the fields (`category.field`, or a part of the identity stub such as `family-name`)."""

    fields: Mapping[UUID, frozenset[str]]
    erased: bool = False


class ValuesErased(msgspec.Struct, frozen=True):
    """Records of these client files were deleted, emptied, redacted or pseudonymised. Sent while the files are still
    there; a file in which no record is left goes next. `repeated`: they were so before, and a restored backup had
    brought them back."""

    file_ids: Sequence[UUID]
    repeated: bool = False


class Erased(msgspec.Struct, frozen=True):
    """Rows are gone for good: by table, their ids. Sent inside the transaction that deletes them."""

    table: str
    ids: Sequence[UUID]


files_changed: Signal[FilesChanged] = Signal("files_changed", "Facts of client files changed that clocks rest on.")
registers_changed: Signal[RegistersChanged] = Signal("registers_changed", "Facts of registers changed.")
consents_changed: Signal[ConsentsChanged] = Signal("consents_changed", "Consents or permissions changed.")
arrangements_changed: Signal[ArrangementsChanged] = Signal(
    "arrangements_changed", "Agreements with recipients ended, or disclosures were stopped or resumed."
)
document_withdrawn: Signal[DocumentWithdrawn] = Signal(
    "document_withdrawn", "An appropriate policy document was taken out of force."
)
programme_changed: Signal[ProgrammeChanged] = Signal("programme_changed", "A fact about a programme changed.")
policy_adopted: Signal[PolicyAdopted] = Signal("policy_adopted", "A council adopted a policy.")
fields_changed: Signal[FieldsChanged] = Signal("fields_changed", "Recorded values were rectified or taken away.")
values_erased: Signal[ValuesErased] = Signal(
    "values_erased", "Records of client files were disposed of, redacted or pseudonymised."
)
erased: Signal[Erased] = Signal("erased", "Rows were disposed of.")


def signals() -> tuple[Signal[FilesChanged] | Signal[RegistersChanged] | Signal[ProgrammeChanged]
                       | Signal[PolicyAdopted] | Signal[Erased] | Signal[ConsentsChanged] | Signal[FieldsChanged]
                       | Signal[ValuesErased] | Signal[ArrangementsChanged] | Signal[DocumentWithdrawn],
                       ...]:  # fmt: skip
    """Every signal there is."""
    return (
        files_changed, fields_changed, consents_changed, arrangements_changed, registers_changed, programme_changed,
        document_withdrawn, policy_adopted, values_erased, erased,
    )  # fmt: skip
