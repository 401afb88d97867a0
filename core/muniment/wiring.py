"""What the composition roots share: every actor and gauge there is, and who listens to which signal.

Listeners are subscribed in the order of the layers. `docs/signals.md` is made from here.
"""

from __future__ import annotations

import gc

from muniment.api.decoding import work_out_types
from muniment.audit import gauges as audit_gauges
from muniment.audit.actors import seal
from muniment.clients import attachments
from muniment.clients import gauges as client_gauges
from muniment.clients.importing.actors import import_uploads
from muniment.consent import ledger as consent_ledger
from muniment.consent import refreshing as consent_refreshing
from muniment.consent.actors import refresh
from muniment.councils.actors import review_decisions
from muniment.database.gauges import Gauge, Readings
from muniment.database.signals import (
    arrangements_changed,
    consents_changed,
    document_withdrawn,
    erased,
    fields_changed,
    files_changed,
    policy_adopted,
    programme_changed,
    registers_changed,
    values_erased,
)
from muniment.files import gauges as file_gauges
from muniment.jobs import failures
from muniment.jobs.actors import Deployment, JobActor
from muniment.jobs.gauges import queue_gauges
from muniment.jobs.upkeep import check_files, forget_failures, remove_files
from muniment.notices import gauges as notice_gauges
from muniment.notices.actors import review_documents
from muniment.retention import gauges as retention_gauges
from muniment.retention.actors import deliver, recompute, settle_ledger, sweep, upkeep
from muniment.retention.approval.proposing import on_erased
from muniment.retention.clocks.current import (
    on_files_changed,
    on_policy_adopted,
    on_programme_changed,
    on_registers_changed,
    past_period,
)
from muniment.retention.disposal import archiving, outstanding
from muniment.retention.evidence import keeping
from muniment.sharing import agreements, around, notifying, stopping, withholding

__all__ = ["actors", "gauges", "settle", "wire"]


def actors() -> tuple[JobActor, ...]:
    """Every actor of every domain, in the order of the layers. A domain with actors has a line here."""
    return (
        remove_files,
        check_files,
        forget_failures,
        seal,
        review_decisions,
        import_uploads(past_period),
        review_documents,
        refresh,
        recompute,
        sweep,
        deliver,
        settle_ledger,
        upkeep,
    )


def gauges(deployment: Deployment) -> list[Gauge]:
    """Every gauge of every domain, in the order of the layers. `docs/operators.md` lists them."""
    of_councils = (
        *file_gauges.GAUGES,
        *failures.GAUGES,
        *audit_gauges.GAUGES,
        *client_gauges.GAUGES,
        *notice_gauges.GAUGES,
    )
    of_sharing = (*agreements.GAUGES, *notifying.GAUGES)
    of_retention = (*retention_gauges.gauges(deployment.settings.ledger_dir), *outstanding.GAUGES)
    return [
        *Readings(deployment.database, (*of_councils, *of_sharing, *of_retention)).gauges(),
        *queue_gauges(deployment.settings.redis_url, deployment.database, actors()),
    ]


def wire() -> None:
    """What every process does once, before it has threads; harmless to repeat.

    Types are worked out, and every listener subscribes to its signal: a domain that listens has a line here.
    """
    work_out_types()
    erased.subscribe(attachments.on_erased)
    erased.subscribe(consent_ledger.on_erased)
    policy_adopted.subscribe(consent_refreshing.on_policy_adopted)
    policy_adopted.subscribe(around.on_policy_adopted)
    policy_adopted.subscribe(stopping.on_policy_adopted)
    document_withdrawn.subscribe(around.on_document_withdrawn)
    files_changed.subscribe(notifying.on_files_changed)
    fields_changed.subscribe(notifying.on_fields_changed)
    consents_changed.subscribe(notifying.on_consents_changed)
    values_erased.subscribe(notifying.on_values_erased)
    programme_changed.subscribe(around.on_programme_changed)
    files_changed.subscribe(on_files_changed)
    registers_changed.subscribe(on_registers_changed)
    programme_changed.subscribe(on_programme_changed)
    policy_adopted.subscribe(on_policy_adopted)
    erased.subscribe(on_erased)
    erased.subscribe(archiving.on_erased)
    files_changed.subscribe(keeping.on_files_changed)
    consents_changed.subscribe(keeping.on_consents_changed)
    policy_adopted.subscribe(keeping.on_policy_adopted)
    arrangements_changed.subscribe(keeping.on_arrangements_changed)
    # Last: these lock exports, which a sweep does with the council's lock in hand, and so must everybody.
    files_changed.subscribe(withholding.on_files_changed)
    fields_changed.subscribe(withholding.on_fields_changed)
    consents_changed.subscribe(withholding.on_consents_changed)
    values_erased.subscribe(withholding.on_values_erased)
    arrangements_changed.subscribe(withholding.on_arrangements_changed)
    programme_changed.subscribe(withholding.on_programme_changed)
    document_withdrawn.subscribe(withholding.on_document_withdrawn)
    policy_adopted.subscribe(withholding.on_policy_adopted)


def settle() -> None:
    """What a process of its own does when it has made what it keeps until it ends; harmless to repeat.

    The garbage collector passes over modules, types and routes from then on. Looking through them again and again was
    two fifths of what an import cost Python, and a pause in a request now and then.
    """
    gc.freeze()
