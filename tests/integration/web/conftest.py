"""An application over the test's database, with a few routes of its own to make things go wrong on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import msgspec
import pytest
from litestar import Litestar, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody
from litestar.testing import TestClient
from sqlalchemy import text

from muniment.accounts.idempotency import Once
from muniment.accounts.permissions import Caller, Permission, Role
from muniment.accounts.staff import add_staff
from muniment.accounts.tables import ApiToken
from muniment.accounts.tokens import new_token
from muniment.app import Surface, create_app, open_application
from muniment.clock import FixedClock
from muniment.database.ids import new_id
from muniment.database.session import CouncilSession, Database
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing
from muniment.settings import Settings
from muniment.web.council import CouncilRef
from muniment.web.forms import form_token

PASSWORD = "generated words for tests"


class Thing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A made-up body."""

    label: str
    count: int = 0


class Made(msgspec.Struct, frozen=True):
    """A made-up answer."""

    id: UUID


def _insert(session: CouncilSession, label: str, digest: bytes = b"") -> UUID:
    token_id = new_id()
    session.execute(
        text(
            "insert into api_token (council_id, id, digest, label, permissions, made_at, expires_at)"
            " values (:c, :i, :d, :l, '[]', now(), now())"
        ),
        {"c": session.council_id, "i": token_id, "d": digest or token_id.bytes, "l": label},
    )
    return token_id


@post("/things", sync_to_thread=True)
def make_thing(
    data: JSONBody[Thing],
    session: NamedDependency[CouncilSession],
    caller: NamedDependency[Caller],
    once: NamedDependency[Once],
) -> Response[Made]:
    caller.require(Permission.WRITE_CLIENTS)
    if (again := once.replay()) is not None:
        return again
    thing = _insert(session, data.label)
    return once.answer(201, body=Made(thing), location=f"/things/{thing}", ids=[thing])


@post("/fails", sync_to_thread=True)
def fails(session: NamedDependency[CouncilSession], caller: NamedDependency[Caller]) -> None:
    _insert(session, "left behind?")
    raise RuntimeError("Generated Person, born 1 January 1990")


@post("/fails-at-commit", sync_to_thread=True)
def fails_at_commit(session: NamedDependency[CouncilSession], caller: NamedDependency[Caller]) -> None:
    _insert(session, "left behind?")
    session.execute(
        text("create temporary table once_only (n int unique deferrable initially deferred) on commit drop")
    )
    session.execute(text("insert into once_only values (1), (1)"))


@get("/days", sync_to_thread=True)
def days(caller: NamedDependency[Caller], count: FromQuery[int] = 0) -> dict[str, int]:
    return {"count": count}


@post("/councils-things", sync_to_thread=True)
def takes_a_thing(data: JSONBody[Thing], council: NamedDependency[CouncilRef], caller: NamedDependency[Caller]) -> None:
    """Names the council too, whose slug in the address Litestar then counts among the arguments."""


@get("/councils-days", sync_to_thread=True)
def counts_days(count: FromQuery[int], council: NamedDependency[CouncilRef], caller: NamedDependency[Caller]) -> None:
    """The same, with a parameter of the query."""


@post("/nul", sync_to_thread=True)
def stores_text(
    data: JSONBody[Thing], session: NamedDependency[CouncilSession], caller: NamedDependency[Caller]
) -> None:
    _insert(session, data.label)


@get("/console/breaks", sync_to_thread=True)
def page_that_breaks(caller: NamedDependency[Caller]) -> None:
    raise RuntimeError("Generated Person")


@pytest.fixture
def app(settings: Settings, database: Database, clock: FixedClock, keys: KeyRing) -> Litestar:
    surface = Surface(
        api_routes=[make_thing, fails, fails_at_commit, days, stores_text, takes_a_thing, counts_days],
        pages=[page_that_breaks],
    )
    return create_app(settings, database, clock, keys, surface)


@pytest.fixture
def whole_app(deployment: Deployment) -> Litestar:
    """The application as it is served, with every domain and every installed plugin."""
    return open_application(deployment)


@pytest.fixture
def whole(whole_app: Litestar) -> Iterator[TestClient[Litestar]]:
    with TestClient(whole_app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(app: Litestar) -> Iterator[TestClient[Litestar]]:
    with TestClient(app, raise_server_exceptions=False) as client:
        client.follow_redirects = False
        yield client


@pytest.fixture
def token_of(database: Database, clock: FixedClock) -> Callable[..., dict[str, str]]:
    """Make a token of a council and give the header that shows it."""

    def make(
        council_id: UUID, slug: str, *permissions: Permission, services: list[str] | None = None
    ) -> dict[str, str]:
        with database.council(council_id) as session:
            for service in services or []:
                session.execute(
                    text("insert into service (council_id, slug, title) values (:c, :s, 'Made up')"),
                    {"c": council_id, "s": service},
                )
            expires = clock.now().replace(year=clock.now().year + 1)
            _, token = new_token(
                session, slug, "tests", permissions or tuple(Permission), services, expires, clock.now()
            )
        return {"Authorization": f"Bearer {token}"}

    return make


@pytest.fixture
def staff_of(database: Database, clock: FixedClock) -> Callable[..., str]:
    """Make a member of staff; returns their (generated) email. The password is `PASSWORD`."""

    def make(council_id: UUID, role: Role = Role.ADMINISTRATOR, email: str = "generated@council.example") -> str:
        with database.council(council_id) as session:
            add_staff(session, email, "Generated Person", PASSWORD, [(role, None)], clock.now())
        return email

    return make


@pytest.fixture
def sign_in(client: TestClient[Litestar]) -> Callable[..., str]:
    """Sign in as a browser would; returns the form token of the session, empty if it was refused."""

    def go(slug: str, email: str, password: str = PASSWORD) -> str:
        client.cookies.pop(f"muniment-{slug}", None)
        client.get(f"/{slug}/console/sign-in")
        token = form_token(client.cookies[f"muniment-{slug}-form"])
        client.post(f"/{slug}/console/sign-in", data={"email": email, "password": password, "form_token": token})
        secret = client.cookies.get(f"muniment-{slug}")
        return form_token(secret) if secret else ""

    return go


def count_tokens(database: Database, council_id: UUID, label: str) -> int:
    with database.council(council_id) as session:
        return session.query(ApiToken).filter_by(label=label).count()
