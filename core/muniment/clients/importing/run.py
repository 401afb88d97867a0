"""An import from beginning to end: a stream of bytes in, chunks of rows in a transaction each, a summary out.

Every chunk is whole or not there, and taking in the same rows again changes nothing: so an import that was killed is
run again from the start and ends as if it had never stopped. Two imports of one file at once take turns.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol
from uuid import UUID

import msgspec

from muniment.accounts.permissions import Caller, Permission
from muniment.api.clients import ImportSource, RegisteredClient
from muniment.api.errors import InvalidInput, MunimentError, NotReady
from muniment.clients.context import Context, value_rules
from muniment.clients.importing.chunk import Outcome, PastPeriod, judged, take_in
from muniment.clients.importing.layout import Layout, Reject, Row
from muniment.clients.importing.ledger import finish_run, note_progress, start_run
from muniment.clients.importing.reader import RawRow, read_rows
from muniment.clients.pretending import refuse_unmarked
from muniment.database.errors import DatabaseBusy
from muniment.database.session import CouncilSession, Database
from muniment.keys import KeyRing
from muniment.plugins.manager import Plugins
from muniment.policy.documents import documented
from muniment.policy.model import Policy
from muniment.policy.store import adopted

__all__ = ["CHUNK", "Importer", "Order", "Progress", "Summary", "find_format"]

CHUNK = 2_000
TRIES = 4
KEPT_REJECTS = 10_000


class Order(msgspec.Struct, frozen=True):
    """What to import: into which service, by which declared format. `history` lets in rows beyond their period;
    `dry_run` stores nothing and tells what would happen; `generated` marks made-up people."""

    service: str
    source: str
    history: bool = False
    dry_run: bool = False
    generated: bool = False


class Summary(msgspec.Struct):
    """What an import came to. Rows are counted, blank lines are not. `corrected` counts cells passed over because staff
    have corrected what is stored; `rejects` are the first 10,000 of these and of what was rejected."""

    service: str
    source: str
    run: UUID | None = None
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    suppressed: int = 0
    rejected: int = 0
    corrected: int = 0
    seconds: float = 0.0
    rejects: list[Reject] = msgspec.field(default_factory=list)

    @property
    def rows(self) -> int:
        """All rows read."""
        return self.new + self.updated + self.unchanged + self.suppressed + self.rejected


class _Digest(Protocol):
    def update(self, block: bytes, /) -> None: ...


Progress = Callable[[Summary], None]
"""Told after each chunk."""


def find_format(policy: Policy, service: str | None, source: str) -> tuple[str, ImportSource]:
    """The service and declared format of that id. Raises `InvalidInput` if there is none, or several and no service."""
    services = [service] if service is not None else sorted(policy.services)
    found = [(slug, entry) for slug in services for entry in policy.service(slug).clients.imports if entry.id == source]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{slug} {entry.id}" for slug in services for entry in policy.service(slug).clients.imports)
    problem = "several services declare" if found else "the adopted policy declares no"
    raise InvalidInput(f"{problem} import format of that name; there are: {known or 'none'}", where="source")


@dataclass
class Importer:
    """Imports into one council. `past_period` is retention's answer to which new files hold what should be gone."""

    database: Database
    caller: Caller
    plugins: Plugins
    keys: KeyRing
    past_period: PastPeriod
    _seen: set[int] = field(default_factory=set, init=False)
    _ready: tuple[object, Layout] | None = field(default=None, init=False)

    def run(
        self,
        order: Order,
        content: Iterable[bytes],
        *,
        run_id: UUID | None = None,
        progress: Progress | None = None,
    ) -> Summary:
        """Take in a whole file. `run_id` is the run to go on with, where one is noted already.

        Raises `InvalidInput` for a first line that does not fit the format (then nothing was taken in), `Forbidden`,
        `NotReady` without an adopted policy, `Conflict` for real people on a pretended day. What is wrong with a row
        becomes a reject and stops nothing.
        """
        self.caller.require(Permission.IMPORT_CLIENTS, order.service)
        self._seen.clear()
        self._ready = None
        began = time.monotonic()
        summary = Summary(order.service, order.source)
        with self._transaction(order) as session:
            source = self._layout(session, order).source
            if not order.dry_run:
                summary.run = run_id = start_run(session, order.service, order.source, order.history, run_id)
        digest = hashlib.sha256()
        rows = read_rows(_digesting(content, digest), delimiter=source.delimiter, encoding=source.encoding)
        try:
            refuse_unmarked(self.database.clock, generated=order.generated)
            header = self._header(next(rows, None))
            self._check_header(order, header)
            while chunk := list(islice(rows, CHUNK)):
                self._chunk(order, header, chunk, summary)
                summary.seconds = round(time.monotonic() - began, 3)
                if progress is not None:
                    progress(summary)
        except NotReady:
            raise  # nothing is wrong with the file: the run can be taken up again
        except MunimentError as error:
            with suppress(MunimentError):
                self._finish(order, summary, None, str(error))
            raise
        self._finish(order, summary, digest.digest(), None)
        summary.seconds = round(time.monotonic() - began, 3)
        return summary

    def _header(self, row: RawRow | None) -> tuple[str, ...]:
        if row is None:
            raise InvalidInput("The file is empty: its first line names the columns.", where="line 1", code="empty")
        if row.problem:
            message = f"line {row.line}: the line that names the columns cannot be read ({row.problem})."
            raise InvalidInput(message, where=f"line {row.line}", code=row.problem)
        return row.cells

    def _check_header(self, order: Order, header: tuple[str, ...]) -> None:
        with self._transaction(order) as session:
            self._layout_for(session, order, header)

    def _chunk(self, order: Order, header: tuple[str, ...], raw: list[RawRow], summary: Summary) -> None:
        """One chunk in one transaction, tried again when it met a lock that somebody else holds for long."""
        for attempt in range(1, TRIES + 1):
            try:
                with self._transaction(order) as session:
                    outcome, keys = self._take_in(session, order, header, raw, summary)
                break
            except DatabaseBusy:
                if attempt == TRIES:
                    raise
        self._seen.update(keys)
        summary.new += len(outcome.new)
        summary.updated += outcome.updated
        summary.unchanged += outcome.unchanged
        summary.suppressed += outcome.suppressed
        summary.rejected += len({reject.line for reject in outcome.rejects})
        summary.corrected += len(outcome.corrected)
        summary.rejects += [*outcome.rejects, *outcome.corrected][: KEPT_REJECTS - len(summary.rejects)]

    def _take_in(
        self, session: CouncilSession, order: Order, header: tuple[str, ...], raw: list[RawRow], summary: Summary
    ) -> tuple[Outcome, set[int]]:
        layout = self._layout_for(session, order, header)
        context = Context.of(session, self.plugins, self.keys)
        rows, rejects, seen = self._read(layout, raw)
        rows, refused = judged(context, layout, rows)
        run_id = summary.run or session.council_id
        outcome = take_in(
            session,
            context,
            layout,
            rows,
            run_id,
            generated=order.generated,
            past_period=None if order.history else self.past_period,
        )
        outcome.rejects = sorted([*rejects, *refused, *outcome.rejects], key=lambda reject: reject.line)
        if not order.dry_run:
            note_progress(session, run_id, len(raw), outcome, room=KEPT_REJECTS - len(summary.rejects))
            _tell_observers(session, context, order, outcome)
        return outcome, seen

    def _read(self, layout: Layout, raw: list[RawRow]) -> tuple[list[Row], list[Reject], set[int]]:
        """Rows understood, and rejects. A reference that the file had before is one: nobody could say which row holds.

        Of each reference only a hash is kept, so a file of a million rows takes some sixty megabytes.
        """
        rows: list[Row] = []
        rejects: list[Reject] = []
        seen = set[int]()
        for entry in raw:
            if entry.problem:
                rejects.append(Reject(entry.line, "", entry.problem))
                continue
            row, wrong = layout.read(entry.line, entry.cells)
            known_as = hash(row.key)
            if wrong:
                rejects += wrong
            elif known_as in seen or known_as in self._seen:
                rejects.append(Reject(entry.line, layout.column_of("reference"), "double-reference"))
            else:
                seen.add(known_as)
                rows.append(row)
        return rows, rejects, seen

    def _layout_for(self, session: CouncilSession, order: Order, header: tuple[str, ...]) -> Layout:
        """The layout with this header, made anew when another policy is adopted, another day has begun, or a policy
        document has come into force or gone out of it."""
        documents = documented(session, adopted(session), order.service)
        made_for = (session.policy_hash, session.clock.today(), documents)
        if self._ready is None or self._ready[0] != made_for:
            layout = self._layout(session, order)
            layout.take_header(header)
            self._ready = (made_for, layout)
        return self._ready[1]

    def _layout(self, session: CouncilSession, order: Order) -> Layout:
        policy = adopted(session)
        service, source = find_format(policy, order.service, order.source)
        return Layout(source, value_rules(session, policy, service), policy.service(service))

    @contextmanager
    def _transaction(self, order: Order) -> Iterator[CouncilSession]:
        with self.database.council_session(self.caller.council_id, self.caller.actor) as session:
            yield session
            if order.dry_run:
                session.rollback()
            else:
                session.commit()

    def _finish(self, order: Order, summary: Summary, file_digest: bytes | None, problem: str | None) -> None:
        if summary.run is not None:
            with self._transaction(order) as session:
                finish_run(session, summary.run, file_digest, problem)


def _tell_observers(session: CouncilSession, context: Context, order: Order, outcome: Outcome) -> None:
    slug = context.policy.council.slug
    registered = [RegisteredClient(slug, order.service, str(file_id)) for file_id in outcome.new]
    if registered:
        session.after_commit(lambda: context.facade.client_registered(registered))


def _digesting(content: Iterable[bytes], digest: _Digest) -> Iterator[bytes]:
    for block in content:
        digest.update(block)
        yield block
