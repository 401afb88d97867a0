"""After disposal nothing is left of a person: not in a table, a file, a log, on Redis, on a page, in a statistic.

People are made of canaries: every value that somebody could have typed is unmistakable and was never seen before. They
are taken in by hand and by import, searched for, read, rejected, extended, shown on pages; then all of it is disposed
of by workers over Redis, and everything that a deployment writes anywhere is searched. What is planted is what is
searched for: a canary cannot be made without being remembered.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from litestar.testing import TestClient
from redis import Redis
from sqlalchemy import Engine, text

from muniment.accounts.permissions import Permission, Role
from muniment.accounts.sessions import begin_session
from muniment.accounts.staff import add_staff
from muniment.accounts.tokens import LONGEST, new_token
from muniment.app import open_application
from muniment.councils.adopting import adopt_policy
from muniment.councils.directory import sync_councils
from muniment.database.session import Database
from muniment.jobs.actors import Deployment
from muniment.jobs.broker import attach, make_broker
from muniment.keys import KeyRing
from muniment.logs import configure_logs
from muniment.settings import Settings
from muniment.testing.doubles import Declared, StatedPlugin, load_doubles, stated_council
from muniment.wiring import actors, wire
from tests.integration.retention.canaries import Canaries
from tests.integration.retention.canary_town import DECLARED, Town
from tests.integration.retention.systems import CRM, FakeSystem

pytestmark = pytest.mark.slow


@pytest.fixture
def town(
    settings: Settings, database: Database, keys: KeyRing, superuser_engine: Engine, redis_url: str, tmp_path: Path
) -> Iterator[Town]:
    wire()
    fake = FakeSystem()
    plugin = StatedPlugin(
        stated_council("canary", "advice", uses=(CRM,)),
        {"advice": msgspec.convert(DECLARED, Declared)},
    )
    plugins = load_doubles({"muniment-canary": plugin, CRM: fake})
    deployment = Deployment(
        msgspec.structs.replace(settings, redis_url=redis_url), database, database.clock, keys, plugins
    )
    keys.save(settings.keys_file)
    (council,) = sync_councils(database, plugins)
    now = database.clock.now()
    with database.council(council.id) as session:
        adopt_policy(session, plugins.facade("canary"), by="information asset owner")
    with database.council(council.id) as session:
        _, token = new_token(session, "canary", "tests", list(Permission), None, now + LONGEST, now)
        staff = add_staff(
            session, "staff@example.org", "Generated", "generated words for tests", [(role, None) for role in Role], now
        )
        cookie = begin_session(session, staff, now)
    log = tmp_path / "application.log"
    broker = make_broker(redis_url)
    attach(broker, actors(), deployment)
    with log.open("w") as stream, TestClient(open_application(deployment)) as client:
        configure_logs(stream=stream)

        def logs() -> str:
            stream.flush()
            return log.read_text()

        yield Town(
            Canaries(),
            deployment,
            client,
            token,
            cookie,
            superuser_engine,
            Redis.from_url(redis_url),
            logs,
            fake,
            broker,
            council.id,
        )
    broker.close()


def test_nothing_is_left_of_anybody_after_disposal(town: Town) -> None:
    old, recent = date(2014, 3, 3), date(2026, 3, 2)
    town.populate("gone", old)
    town.take_in("gone", old)
    town.maintain("analyze")
    planted = dict(town.canaries.planted)
    stored = set().union(*town.found(town.places()).values())
    never = {what for what in planted.values() if "no " in what or "rejected" in what or "ignored" in what}
    assert set(planted.values()) - stored == never, "each canary is found where it was stored"
    town.canaries.planted.clear()
    town.populate("kept", recent)
    town.canaries.planted = planted

    town.dispose()
    assert town.fake.held & planted.keys() == set(), "the other system has erased them too"
    town.maintain("analyze")
    town.maintain("vacuum full")
    assert town.found(town.places()) == {}
    for _ in range(5):
        left = town.found(town.pages_on_disk())
        if not left:
            break
        # A connection that just begins, to whichever database of the server, keeps an upkeep from taking all there is.
        town.maintain("vacuum full")
    assert left == {}


def test_the_search_would_find_a_canary_wherever_it_sings(town: Town, tmp_path: Path) -> None:
    made = town.canaries
    word = made.word("a word")
    for data in (word.upper().encode(), word.encode().hex().encode(), base64.b64encode(b"xx" + word.encode()),
                 json.dumps({"v": word}).encode()):  # fmt: skip
        assert made.left_in(b"before " + data + b" after") == {"a word"}
    (tmp_path / "files").mkdir(exist_ok=True)
    (tmp_path / "files" / "left").write_text(word)
    town.redis.rpush("queue", word)
    with town.superuser.begin() as connection:
        connection.execute(text("create table left_behind (data bytea)"))
        connection.execute(text("insert into left_behind values (:data)"), {"data": word.encode()})
    found = town.found(town.places())
    assert found.keys() == {"file files/left", "redis queue", "table public.left_behind"}
    assert timedelta(0) < LONGEST
