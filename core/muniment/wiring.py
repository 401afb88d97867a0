"""What the composition roots share: every actor there is, and who listens to which signal.

Listeners are subscribed in the order of the layers. `docs/signals.md` is made from here.
"""

from __future__ import annotations

from muniment.audit.actors import seal
from muniment.clients.importing.actors import import_uploads
from muniment.councils.actors import review_decisions
from muniment.database.signals import files_changed, policy_adopted, programme_changed, registers_changed
from muniment.jobs.actors import JobActor
from muniment.jobs.upkeep import check_files, remove_files
from muniment.retention.actors import recompute, settle_ledger, sweep, upkeep
from muniment.retention.clocks import (
    on_files_changed,
    on_policy_adopted,
    on_programme_changed,
    on_registers_changed,
    past_period,
)

__all__ = ["actors", "wire"]


def actors() -> tuple[JobActor, ...]:
    """Every actor of every domain, in the order of the layers. A domain with actors has a line here."""
    return (
        remove_files,
        check_files,
        seal,
        review_decisions,
        import_uploads(past_period),
        recompute,
        sweep,
        settle_ledger,
        upkeep,
    )


def wire() -> None:
    """Subscribe every listener to its signal; harmless to repeat. A domain that listens has a line here."""
    files_changed.subscribe(on_files_changed)
    registers_changed.subscribe(on_registers_changed)
    programme_changed.subscribe(on_programme_changed)
    policy_adopted.subscribe(on_policy_adopted)
