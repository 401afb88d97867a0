"""Confirming by hand that things are destroyed, on paper or in another system.

A record may lie in both. Of one whose system a connector asks, whoever confirms speaks of the paper alone: it stays
outstanding for the system, as what a system has erased stays outstanding for its paper. That it was erased in such a
system by hand must be said, for nobody asks the system any more then. Of a system that no connector asks nobody else
would ever say it: there, confirming says that it is done in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy import select

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, InvalidInput
from muniment.clients.facts import RECORD
from muniment.database.packed import Keys
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.policy.store import adopted_or_none
from muniment.retention.deliveries import Delivery
from muniment.retention.disposal.delivering import asked_systems
from muniment.retention.disposal.destruction import Outcome, close, lock_named, note, refuse_held
from muniment.retention.disposal.erasing import let_go_of_paper
from muniment.retention.evidence.ledger import Ledger
from muniment.retention.rules.clock_sql import with_ids

__all__ = ["Confirmed", "confirm"]

DELIVERY = table_of(Delivery)


class Confirmed(msgspec.Struct, frozen=True):
    """How many destructions were confirmed; `asked` of them on paper alone, for a system is still asked to erase the
    record there."""

    count: int
    asked: int = 0


def confirm(
    session: CouncilSession,
    caller: Caller,
    ledger: Ledger,
    record_ids: Sequence[UUID],
    *,
    destroyed_on: date,
    method: str,
    in_system: bool = False,
) -> Confirmed:
    """Note that things were destroyed, on a day in London; all or none of them.

    `method` says how, in words without personal data. `in_system`: they were erased by hand in the systems that are
    asked for them, too. Raises `NotFound` if one of them awaits no destruction, `Conflict` if a hold stands on one or,
    unless `in_system`, one lies nowhere but in a system that is asked, `InvalidInput`, `Forbidden`.
    """
    if not method.strip():
        raise InvalidInput("Say how it was destroyed.", where="method")
    if destroyed_on > session.clock.today():
        raise InvalidInput("The day of destruction lies in the future.", where="destroyed_on")
    locked = lock_named(session, caller, Permission.SWEEP_RETENTION, record_ids)
    refuse_held(session, locked)
    done = Outcome("destroyed", destroyed_on, method, caller.actor)
    asked = Keys() if in_system else _asked(session, locked.get(RECORD.name, Keys()))
    if asked:
        _refuse_without_paper(session, asked)
        let_go_of_paper(session, asked)
        note(session, ledger, {RECORD.name: asked}, replace(done, became="paper-destroyed"))
    whole = {name: rest for name, keys in locked.items() if (rest := keys.without([asked]))}
    if whole:
        close(session, ledger, whole, done)
    return Confirmed(sum(map(len, locked.values())), len(asked))


def _asked(session: CouncilSession, keys: Keys) -> Keys:
    """Those of the locked records that a system is asked to erase, by a connector of the adopted policy."""
    policy = adopted_or_none(session)
    systems = sorted(asked_systems(policy)) if policy is not None else []
    if not keys or not systems:
        return Keys()
    mine = with_ids(session, keys, "record_id")(DELIVERY), DELIVERY.c.system.in_(systems)
    return Keys.of(session.scalars(select(DELIVERY.c.record_id).where(*mine)))


def _refuse_without_paper(session: CouncilSession, asked: Keys) -> None:
    """Raise `Conflict` for what lies in a system alone, which is asked to erase it."""
    alone = select(RECORD.c.id, RECORD.c.system).where(with_ids(session, asked)(RECORD), RECORD.c.medium != "paper")
    row = session.execute(alone.order_by(RECORD.c.id).limit(1)).one_or_none()
    if row is not None:
        message = f"{row.id} is in {row.system}, which is asked to erase it: its paper, if it had any, is settled."
        raise Conflict(f"{message} If somebody erased it there by hand, say so (in_system).", code="in-system")
