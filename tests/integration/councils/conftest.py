"""Two generated councils with plugins of their own, and the application that serves them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from jinja2 import PackageLoader
from litestar import Litestar
from litestar.testing import TestClient

from muniment.accounts.permissions import Permission
from muniment.accounts.tokens import new_token
from muniment.app import Surface, create_app
from muniment.clock import FixedClock
from muniment.councils.web import api_routes, menu, pages, policy_section
from muniment.database.session import Database
from muniment.keys import KeyRing
from muniment.plugins.manager import Plugins
from muniment.retention.clocks.planning import foresee
from muniment.settings import Settings
from muniment.testing.doubles import StatedPlugin, load_doubles, stated_council
from tests.unit.policy.made import HOUSING


@pytest.fixture
def plugins() -> Plugins:
    """`alpha` and `beta`, each with the service `housing`."""
    return load_doubles(
        {slug: StatedPlugin(stated_council(slug, "housing"), {"housing": HOUSING}) for slug in ("alpha", "beta")}
    )


@pytest.fixture
def app(settings: Settings, database: Database, clock: FixedClock, keys: KeyRing, plugins: Plugins) -> Litestar:
    surface = Surface(
        api_routes=api_routes,
        pages=pages,
        menu=menu,
        templates={"councils": PackageLoader("muniment.councils")},
        sections=[policy_section(plugins)],
        things={
            "plugins": plugins,
            "foresee": foresee,
        },
    )
    return create_app(settings, database, clock, keys, surface)


@pytest.fixture
def client(app: Litestar) -> Iterator[TestClient[Litestar]]:
    with TestClient(app, raise_server_exceptions=False) as client:
        client.follow_redirects = False
        yield client


@pytest.fixture
def token_of(database: Database, clock: FixedClock) -> Callable[..., dict[str, str]]:
    """Make a token of a council and give the header that shows it."""

    def make(council_id: UUID, slug: str, *permissions: Permission) -> dict[str, str]:
        with database.council(council_id) as session:
            expires = clock.now() + timedelta(days=30)
            _, token = new_token(session, slug, "tests", permissions, None, expires, clock.now())
        return {"Authorization": f"Bearer {token}"}

    return make
