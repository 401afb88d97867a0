"""Each operation through the domain: scoped, permitted, audited, clocked and, where something goes, certified.

What is returned is looked at: a row with another council's record in it is counted, and an operation that did not do
what it was asked raises.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager, suppress
from uuid import UUID

import msgspec

from muniment.accounts.permissions import Caller, command_caller
from muniment.api.errors import NotFound
from muniment.audit.extracts import LogExtract, extract
from muniment.clients.context import Context
from muniment.clients.events import NewMilestone, add_milestone
from muniment.clients.files import NewClient, open_file, register_client
from muniment.clients.limiting import NewLimit, place_limit
from muniment.clients.people import everybody
from muniment.clients.records import NewRecord, NewValue, change_values
from muniment.clients.stub import Stub
from muniment.clients.views import FileView
from muniment.consent.acting import NewWithdrawal, withdraw
from muniment.consent.standing import standings
from muniment.database.ids import new_id
from muniment.database.session import CouncilSession
from muniment.files.store import FileStore
from muniment.jobs.actors import Deployment
from muniment.policy.store import adopt, adopted
from muniment.retention.actors import recompute
from muniment.retention.approval.arming import arm, preview
from muniment.retention.disposal.chunk import PolicyMoved, sweep_chunk
from muniment.retention.evidence.ledger import Ledger
from muniment.retention.subjects import RECORDS
from muniment.sharing.disclosing import Order, disclose
from muniment.sharing.extracting import OURS
from muniment.sharing.handing_out import open_export
from muniment.sharing.register import Looked, search_register
from tests.benchmarks.gdprbench.filled import Filled
from tests.benchmarks.gdprbench.mixes import Op, Step
from tests.benchmarks.gdprbench.town import (
    AGENCY,
    NEWS,
    OVER,
    PURPOSES,
    SERVICE,
    TENS,
    data_of,
    key_in,
    purpose_of,
    slug_of,
    with_other_period,
)

__all__ = ["Ours"]


PAGE = 500
FIELDS = tuple(f"category-{number}.data" for number in range(TENS))


class Ours:
    """The domain on one database; `gone` are the owners who are deleted. Any number of threads may call `do`."""

    def __init__(self, filled: Filled, deployment: Deployment, gone: Container[int]) -> None:
        self.filled, self.town, self.deployment, self._gone = filled, filled.town, deployment, gone
        self._store = FileStore(deployment.settings.files_dir, deployment.keys)
        self.wrong: list[int] = []
        self.last_extract: LogExtract | None = None
        """What was handed out last; the run checks it as whoever holds the public keys would."""
        self._callers = {id_: command_caller(id_, "benchmark") for id_ in filled.councils}
        self._ledgers = {id_: Ledger(deployment.settings.ledger_dir, id_) for id_ in filled.councils}
        self._adopting: Mapping[UUID, threading.Lock] = {id_: threading.Lock() for id_ in filled.councils}
        self._purposes: Mapping[tuple[UUID, str], threading.Lock] = {
            (id_, purpose_of(number)): threading.Lock() for id_ in filled.councils for number in range(PURPOSES)
        }
        self._steps: Mapping[Op, Callable[[UUID, Step], None]] = {
            Op.INSERT: self._insert,
            Op.READ: self._read,
            Op.READ_PURPOSE: self._read_purpose,
            Op.READ_USER: self._read_user,
            Op.UPDATE: self._update,
            Op.UPDATE_PURPOSE: self._update_purpose,
            Op.UPDATE_USER: self._update_user,
            Op.DELETE: self._delete,
            Op.LOGS: self._logs,
            Op.PROBE: self._probe,
        }

    def do(self, step: Step) -> None:
        """One operation, in transactions of its own."""
        self._steps[step.op](self.filled.councils[self.town.council_of(step.key)], step)

    @contextmanager
    def _council(self, council_id: UUID) -> Iterator[tuple[CouncilSession, Caller]]:
        caller = self._callers[council_id]
        with self.deployment.database.council(council_id, caller.actor) as session:
            yield session, caller

    def _context(self, session: CouncilSession) -> Context:
        return Context.of(session, self.filled.plugins, self.deployment.keys)

    def _insert(self, council_id: UUID, step: Step) -> None:
        new = NewClient(
            service=SERVICE,
            source=f"source-{step.key % TENS}",
            stub=Stub(given_names="Generated", family_name=f"New {step.key}", postcode="ZZ1 1ZZ", born_on=OVER),
            record=NewRecord(record_class=purpose_of(step.key), values=values_of(step.key, 0)),
            generated=True,
        )
        with self._council(council_id) as (session, caller):
            register_client(session, caller, self._context(session), new)

    def _read(self, council_id: UUID, step: Step) -> None:
        with self._council(council_id) as (session, caller):
            view = open_file(session, caller, self.town.file_of(step.key))
        self._look_at(step, view)

    def _read_purpose(self, council_id: UUID, step: Step) -> None:
        """Given to a processor, page by page, and fetched by it."""
        files = self.town.files_for(step.key, self._gone)
        for start in range(0, len(files), PAGE):
            order = Order(
                service=SERVICE,
                recipient=AGENCY,
                purpose=purpose_of(step.key),
                fields=FIELDS,
                files=files[start : start + PAGE],
                format="json",
            )
            self._look_at_export(step, self._given(council_id, order), len(order.files))

    def _given(self, council_id: UUID, order: Order) -> bytes:
        """What leaves. It is asked again where somebody in it objects before it is fetched: then it is destroyed."""
        while True:
            with self._council(council_id) as (session, caller):
                made = disclose(session, caller, self._context(session), self._store, order)
            if (made.given, made.refused) != (len(order.files), 0):
                raise RuntimeError(f"{made.given} were given of {len(order.files)}, {made.refused} refused")
            with suppress(NotFound), self._council(council_id) as (session, caller):
                return b"".join(open_export(session, caller, self._context(session), self._store, made.id).content)

    def _read_user(self, council_id: UUID, step: Step) -> None:
        """What a subject is told: the file, what they agreed to, who was given what."""
        file_id = self.town.file_of(step.key)
        with self._council(council_id) as (session, caller):
            everybody(session, self.town.id_of("person", self.town.owner(step.key)))
            view = open_file(session, caller, file_id)
            standings(session, file_id)
            search_register(session, caller, Looked(client=file_id))
        self._look_at(step, view)

    def _update(self, council_id: UUID, step: Step) -> None:
        record_id, values = self.town.id_of("record", step.key), values_of(step.key, step.amount)
        with self._council(council_id) as (session, caller):
            change_values(session, caller, self._context(session), self.town.file_of(step.key), record_id, dict(values))

    def _update_purpose(self, council_id: UUID, step: Step) -> None:
        purpose = step.key % PURPOSES
        with self._purposes[council_id, purpose_of(step.key)], self._adopting[council_id]:
            with self._council(council_id) as (session, caller):
                adopt(
                    session, with_other_period(adopted(session), purpose), session.clock, by="information asset owner"
                )
            recompute.run(self.deployment, council_id)
            with self._council(council_id) as (session, caller):
                seen = preview(session, caller, f"{SERVICE}/{purpose_of(step.key)}")
                arm(session, caller, f"{SERVICE}/{purpose_of(step.key)}", seen.rule_hash)

    def _update_user(self, council_id: UUID, step: Step) -> None:
        file_id = self.town.file_of(step.key)
        with self._council(council_id) as (session, caller):
            if step.amount % 2:
                told = withdraw(
                    session, caller, self._context(session), file_id, "consent", NEWS, NewWithdrawal(channel="email")
                )
                if not told.new:
                    raise RuntimeError("the consent was withdrawn already")
            else:
                place_limit(session, caller, file_id, NewLimit(ground="21.2", purposes=(NEWS,)))

    def _delete(self, council_id: UUID, step: Step) -> None:
        """The case was closed long ago: what is due by that goes, and is looked for afterwards."""
        file_id = self.town.file_of(step.key)
        if not self.town.is_over(step.key):
            with self._council(council_id) as (session, caller):
                closed = NewMilestone(kind="case-closed", happened_on=OVER, source="source-0")
                add_milestone(session, caller, self._context(session), file_id, closed)
        with self._purposes[council_id, purpose_of(step.key)]:  # not while its rule waits to be armed anew
            if not self._swept(council_id, file_id):
                raise RuntimeError("nothing was certified")
        self._find_nothing(council_id, file_id)

    def _swept(self, council_id: UUID, file_id: UUID) -> bool:
        run_id, ledger = self.filled.runs[council_id], self._ledgers[council_id]
        while (
            True
        ):  # as sweepers do: another policy may be adopted meanwhile, and what somebody has locked is passed over
            with suppress(PolicyMoved), self._council(council_id) as (session, _):
                chunk = sweep_chunk(session, RECORDS, ledger, run_id=run_id, limit=1, only=file_id)
                if chunk.locked or chunk.end is None:
                    return bool(chunk.certificates)

    def _logs(self, council_id: UUID, step: Step) -> None:
        with self._council(council_id) as (session, caller):
            found = extract(session, caller, slug_of(self.town.council_of(step.key)), step.amount)
        self.wrong += [-1 for entry in found.entries if entry.event is None or entry.event.council != council_id]
        self.last_extract = found

    def _probe(self, council_id: UUID, step: Step) -> None:
        self._find_nothing(council_id, new_id())

    def _find_nothing(self, council_id: UUID, file_id: UUID) -> None:
        try:
            with self._council(council_id) as (session, caller):
                open_file(session, caller, file_id)
        except NotFound:
            return
        raise RuntimeError("something was found that ought not to be there")

    def _look_at(self, step: Step, view: FileView) -> None:
        council = self.town.council_of(step.key)
        found = [key_in(str(value.value)) for record in view.records for value in record.values.values()]
        if step.key not in found:
            raise RuntimeError("the record asked for is not in the file")
        self.wrong += [key for key in found if self.town.council_of(key) != council]

    def _look_at_export(self, step: Step, content: bytes, clients: int) -> None:
        council = self.town.council_of(step.key)
        lines = msgspec.json.decode(content)["clients"]
        found = [key_in(value) for line in lines for name, value in line.items() if name != OURS]
        if len(lines) != clients:
            raise RuntimeError(f"{len(lines)} clients are in the export, not {clients}")
        self.wrong += [key for key in found if self.town.council_of(key) != council]


def values_of(key: int, version: int) -> dict[str, NewValue]:
    """The value of a record, with where it is from and what it is held for."""
    data = NewValue(data_of(key, version), f"source-{(key + version) % TENS}", (purpose_of(key),))
    return {f"category-{key % TENS}.data": data}
