"""Councils with adopted policies, and the application over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

import msgspec
import pytest
from jinja2 import PackageLoader
from litestar import Litestar
from litestar.testing import TestClient

import muniment.notices.web
from muniment.app import Surface, create_app
from muniment.clock import FixedClock
from muniment.database.session import CouncilSession, Database
from muniment.defaults.law import law_in_force
from muniment.keys import KeyRing
from muniment.notices.document import NoticeRef
from muniment.notices.shelf import Shelf
from muniment.notices.versions import Approval, Draft, Published, publish
from muniment.plugins.facade import CouncilFacade
from muniment.policy.model import Policy
from muniment.policy.store import adopt
from muniment.settings import Settings
from muniment.web.callers import command_caller
from tests.policies import all_plugins
from tests.unit.notices.made import all_words, compiled

APPROVAL = Approval("information asset owner", "The law has asked for it since 19 June 2026 (generated).")
REFS = {
    "sefton": NoticeRef("sefton-at-work", "privacy"),
    "milton-keynes": NoticeRef("employment-support", "privacy"),
    "rhondda-cynon-taf": NoticeRef("work-and-skills", "privacy"),
}


@dataclass(frozen=True)
class Publisher:
    """One council of the test, able to publish."""

    database: Database
    id: UUID
    slug: str

    @property
    def ref(self) -> NoticeRef:
        return REFS[self.slug]

    @property
    def facade(self) -> CouncilFacade:
        return all_plugins().facade(self.slug)

    def draft(self, session: CouncilSession, policy: Policy | None = None) -> Draft:
        law = law_in_force(session.clock.today())
        return Draft(policy or compiled(self.slug), self.ref, all_words(), law)

    def publish(self, policy: Policy | None = None, approval: Approval | None = APPROVAL) -> Published:
        caller = command_caller(self.id, "muniment notice publish")
        with self.database.council(self.id, caller.actor) as session:
            return publish(session, caller, self.draft(session, policy), self.facade, approval)


@pytest.fixture
def publisher(database: Database, clock: FixedClock, new_council: Callable[[str], UUID]) -> Callable[[str], Publisher]:
    """Make a council with its policy adopted."""

    def make(slug: str) -> Publisher:
        council_id = new_council(slug)
        with database.council(council_id) as session:
            adopt(session, compiled(slug), clock, by="information asset owner")
        return Publisher(database, council_id, slug)

    return make


@pytest.fixture
def sefton(publisher: Callable[[str], Publisher]) -> Publisher:
    return publisher("sefton")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def client(
    settings: Settings, database: Database, clock: FixedClock, keys: KeyRing, shelf: Shelf
) -> Iterator[TestClient[Litestar]]:
    """A browser, and a program, of the application with its notices."""
    surface = Surface(
        api_routes=muniment.notices.web.api_routes,
        pages=muniment.notices.web.pages,
        templates={"notices": PackageLoader("muniment.notices")},
        things={
            "plugins": all_plugins(),
            "words": all_words(),
            "shelf": shelf,
        },
    )
    with TestClient(create_app(settings, database, clock, keys, surface), raise_server_exceptions=False) as client:
        client.follow_redirects = False
        yield client


def reworded(slug: str, title: str) -> Policy:
    """A council's policy with another title for its notice: something that a reader would see."""
    policy, ref = compiled(slug), REFS[slug]
    service = policy.services[ref.service]
    notice = msgspec.structs.replace(service.notices.notices[0], title=title)
    notices = msgspec.structs.replace(service.notices, notices=(notice,))
    services = {**policy.services, ref.service: msgspec.structs.replace(service, notices=notices)}
    return msgspec.structs.replace(policy, services=services)
