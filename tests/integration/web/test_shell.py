"""What holds for every answer, and the addresses that are no council's."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import UUID

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from muniment.api.council import Council
from muniment.api.errors import NotReady
from muniment.api.markers import hookimpl
from muniment.app import Surface, create_app, open_application
from muniment.clock import FixedClock
from muniment.database.gauges import Gauge
from muniment.database.session import Database
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing
from muniment.settings import Settings
from muniment.testing.doubles import StatedPlugin, load_doubles, stated_council
from muniment.web.health import ReadinessCheck

Client = TestClient[Litestar]
Councils = tuple[UUID, UUID]

ADDRESSES = ["/health/live", "/alpha/console/sign-in", "/nowhere/at/all", "/api/v1/councils/alpha/staff", "/%ff"]


def test_every_answer_has_the_security_headers(client: Client, councils: Councils, subtests: pytest.Subtests) -> None:
    for address in ADDRESSES:
        with subtests.test(address=address):
            headers = client.get(address).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            assert headers["cache-control"] == "no-store"
            assert "strict-transport-security" not in headers


def test_pages_need_no_script_and_no_inline_style(client: Client, councils: Councils) -> None:
    page = client.get("/alpha/console/sign-in").text
    assert "<script" not in page
    assert " style=" not in page
    assert "<style" not in page
    assert re.findall(r'(?:src|href)="(https?:|//)', page) == []


def test_head_is_get_without_the_body(client: Client, councils: Councils) -> None:
    get, head = client.get("/alpha/console/sign-in"), client.head("/alpha/console/sign-in")
    assert (head.status_code, head.content) == (get.status_code, b"")


def test_the_style_sheet_may_be_kept_for_ever(client: Client, councils: Councils) -> None:
    address = re.search(r'href="(/static/[^"]+[.]css)"', client.get("/alpha/console/sign-in").text)
    assert address is not None
    answer = client.get(address[1])
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]


def test_a_browser_that_asks_for_the_usual_icon_finds_ours(client: Client, councils: Councils) -> None:
    assert '<link rel="icon" type="image/svg+xml" href="/static/favicon.' in client.get("/alpha/console/sign-in").text
    answer = client.get("/favicon.ico", follow_redirects=True)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert client.get("/static/muniment.css").status_code == 404


def test_an_unknown_council_is_nothing(client: Client, councils: Councils) -> None:
    unknown, nowhere = client.get("/gamma/console"), client.get("/gamma/nowhere/at/all")
    assert unknown.status_code == nowhere.status_code == 404
    assert unknown.text == nowhere.text


def test_ready_says_what_is_awaited(settings: Settings, database: Database, clock: FixedClock, keys: KeyRing) -> None:
    def ledger() -> None:
        raise NotReady("The erasure ledger is being settled.")

    def broken() -> None:
        raise ValueError("Generated Person")

    surface = Surface(readiness=[ReadinessCheck("ledger", ledger), ReadinessCheck("broken", broken)])
    with TestClient(create_app(settings, database, clock, keys, surface)) as client:
        answer = client.get("/health/ready")
        assert client.get("/health/live").json()["status"] == "live"
    assert answer.status_code == 503
    assert answer.json()["status"] == "not-ready"
    assert [check["passed"] for check in answer.json()["checks"]] == [True, False, False]
    assert "settled" in answer.text
    assert "Generated" not in answer.text


def test_ready_names_a_council_out_of_service_and_serves_the_others(
    settings: Settings, database: Database, clock: FixedClock, keys: KeyRing, councils: Councils
) -> None:
    class Failing(StatedPlugin):
        @hookimpl
        def council(self) -> Council:
            raise KeyError("generated")

    alpha = Failing(stated_council("alpha"))
    plugins = load_doubles({"muniment-alpha": alpha, "muniment-beta": StatedPlugin(stated_council("beta", "housing"))})
    deployment = Deployment(settings, database, clock, keys, plugins)
    with TestClient(open_application(deployment)) as client:
        answer = client.get("/health/ready")
        assert (answer.status_code, answer.json()["status"]) == (200, "ready")
        (remark,) = [check["reason"] for check in answer.json()["checks"] if check["name"] == "plugins"]
        assert remark.endswith(": alpha.")
        assert [client.get(f"/{slug}/console/sign-in").status_code for slug in ("alpha", "beta")] == [200, 200]


def test_metrics_name_routes_and_never_addresses(
    settings: Settings, database: Database, clock: FixedClock, keys: KeyRing, councils: Councils
) -> None:
    broken: dict[tuple[str, ...], float] = {}
    gauges = [
        Gauge("muniment_broken", "Fails", ("kind",), lambda: {("broken",): broken["never",]}),
        Gauge("muniment_things", "Things", ("kind",), lambda: {("made up",): 3.0}),
    ]
    with TestClient(create_app(settings, database, clock, keys, Surface(gauges=gauges))) as client:
        client.delete("/api/v1/councils/alpha/tokens/00000000-0000-4000-8000-000000000000")
        client.request("INVENTED", "/alpha/console")
        text = client.get("/metrics").text
    assert 'route="/api/v1/councils/{council_slug}/tokens/{token_id}"' in text
    assert "00000000-0000" not in text
    assert "INVENTED" not in text
    assert 'muniment_things{kind="made up"} 3.0' in text
    assert 'muniment_gauge_failures_total{gauge="muniment_broken"} 1.0' in text


def test_the_openapi_document_tells_of_problems(client: Client) -> None:
    document = client.get("/api/v1/openapi.json").json()
    operation = document["paths"]["/api/v1/councils/{council_slug}/staff"]["get"]
    assert operation["responses"]["404"]["content"] == {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
    }
    assert document["security"] == [{"token": []}]
    assert document["paths"]["/health/live"]["get"]["security"] == []
    assert not [path for path in document["paths"] if "console" in path]


def test_what_a_token_may_do(client: Client, councils: Councils, token_of: Callable[..., dict[str, str]]) -> None:
    answer = client.get("/api/v1/councils/alpha/caller", headers=token_of(councils[0], "alpha", services=["one"]))
    assert answer.json()["kind"] == "token"
    assert answer.json()["permissions"]["clients.read"] == ["one"]
