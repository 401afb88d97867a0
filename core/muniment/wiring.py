"""What the composition roots share: every actor there is, and who listens to which signal.

Listeners are subscribed in the order of the layers. `docs/signals.md` is made from here.
"""

from __future__ import annotations

from muniment.audit.actors import seal
from muniment.jobs.actors import JobActor
from muniment.jobs.upkeep import check_files, remove_files

__all__ = ["actors", "wire"]


def actors() -> tuple[JobActor, ...]:
    """Every actor of every domain, in the order of the layers. A domain with actors has a line here."""
    return (
        remove_files,
        check_files,
        seal,
    )


def wire() -> None:
    """Subscribe every listener to its signal; harmless to repeat. A domain that listens has a line here."""
