"""Who asks for what, how often, and of which keys: GDPRbench's four roles. Pure.

Controller, customer and processor as in its version of March 2021, the regulator as in that of January 2020. Customer
and regulator ask for some keys far more often than for others (YCSB's scrambled zipfian distribution).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from tests.benchmarks.gdprbench.town import Town

__all__ = ["PERSONAS", "Op", "Persona", "Step", "plan", "scrambled_zipfian"]

THETA: Final = 0.99
MOST_LOGS: Final = 1_000


class Op(StrEnum):
    """An operation, in GDPRbench's words."""

    INSERT = "insert"
    READ = "read by key"
    READ_PURPOSE = "read by purpose"
    READ_USER = "read by user"
    UPDATE = "update by key"
    UPDATE_PURPOSE = "update by purpose"
    UPDATE_USER = "update by user"
    DELETE = "delete by key"
    LOGS = "get system logs"
    PROBE = "verify deletion"


@dataclass(frozen=True)
class Persona:
    """A role: the share of each operation, and whether its keys are zipfian or uniform."""

    name: str
    mix: Mapping[Op, float]
    zipfian: bool = False


PERSONAS: Final = (
    Persona("controller", {Op.INSERT: 0.25, Op.UPDATE_PURPOSE: 0.25, Op.UPDATE_USER: 0.25, Op.DELETE: 0.25}),
    Persona(
        "customer",
        {Op.READ: 0.2, Op.READ_PURPOSE: 0.1, Op.READ_USER: 0.1, Op.UPDATE: 0.2, Op.UPDATE_PURPOSE: 0.1,
         Op.UPDATE_USER: 0.1, Op.DELETE: 0.2},
        zipfian=True,
    ),
    Persona("processor", {Op.READ: 0.2, Op.READ_PURPOSE: 0.4, Op.READ_USER: 0.4}),
    Persona("regulator", {Op.READ_USER: 0.46, Op.LOGS: 0.31, Op.PROBE: 0.23}, zipfian=True),
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One operation: `key` is a record's number (of an insert: of the new one), `amount` how many log entries."""

    op: Op
    key: int
    amount: int = 0


def plan(persona: Persona, random: Random, town: Town, *, ops: int, gone: set[int], changed: set[int]) -> list[Step]:
    """The steps of a role, the same for whoever runs them.

    `gone` are the owners whose records were deleted before, `changed` those who withdrew or objected; both are added
    to. Whoever is deleted here is asked for by no other step: then a record that is not found is an error, whatever the
    order. Each user withdraws or objects once.
    """
    draw = scrambled_zipfian(random, town.records) if persona.zipfian else lambda: random.randrange(town.records)
    chosen = _in_shares(persona.mix, ops)
    random.shuffle(chosen)

    def living(but: set[int]) -> int:
        while True:
            key = draw()
            if town.owner(key) not in but:
                return key

    deleted: list[int] = []
    for _ in range(chosen.count(Op.DELETE)):
        deleted.append(living(gone))
        gone.add(town.owner(deleted[-1]))
    steps: list[Step] = []
    for op in chosen:
        if op is Op.DELETE:
            key = deleted.pop()
        elif op is Op.INSERT:
            key = town.new_key(random)
        elif op is Op.UPDATE_USER:
            key = living(gone | changed)
            changed.add(town.owner(key))
        else:
            key = living(gone)
        steps.append(Step(op, key, random.randint(1, MOST_LOGS)))
    return steps


def scrambled_zipfian(random: Random, items: int) -> Callable[[], int]:
    """Draws numbers below `items`: the rank by Gray's method, then scattered by a hash, as YCSB does."""
    zeta = sum(1 / rank**THETA for rank in range(1, items + 1))
    alpha, second = 1 / (1 - THETA), 1 + 0.5**THETA
    eta = (1 - (2 / items) ** (1 - THETA)) / (1 - second / zeta)

    def draw() -> int:
        at = random.random()
        if at * zeta < 1:
            rank = 0
        elif at * zeta < second:
            rank = 1
        else:
            rank = int(items * (eta * at - eta + 1) ** alpha)
        return _fnv(rank) % items

    return draw


def _fnv(number: int) -> int:
    """FNV-1a over the eight bytes of a number."""
    found = 0xCBF29CE484222325
    for byte in number.to_bytes(8, "little"):
        found = (found ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return found


def _in_shares(mix: Mapping[Op, float], ops: int) -> list[Op]:
    """So many operations, each as often as its share says, whatever is left over going to those listed first."""
    counted = {op: int(share * ops + 1e-9) for op, share in mix.items()}
    chosen = [op for op, count in counted.items() for _ in range(count)]
    return chosen + list(mix)[: ops - len(chosen)]
