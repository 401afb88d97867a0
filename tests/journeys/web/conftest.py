"""A browser that looks at two full councils: whatever it asks for, the application itself answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Route, sync_playwright

from muniment.web.forms import cookie_name
from tests.isolation.application.conftest import house as house
from tests.isolation.application.tenants import Client, House, Tenant

CHROMIUM = Path("/usr/bin/chromium")
OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SITE = "http://muniment.example"
MINUTES = 60_000.0

Visit = Callable[[Tenant | None], Page]


@pytest.fixture(scope="package")
def browser(house: House) -> Iterator[BrowserContext]:
    """A real browser without a network."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=OPTIONS)
        context = started.new_context(base_url=SITE, bypass_csp=True)
        context.set_default_timeout(MINUTES)
        context.route("**/*", lambda route: _answer(route, house.client))
        yield context
        started.close()


@pytest.fixture
def visit(browser: BrowserContext) -> Iterator[Visit]:
    """A new page for somebody signed in at a council, or for nobody known."""
    with _pages(browser) as open_page:
        yield open_page


@contextmanager
def _pages(browser: BrowserContext) -> Iterator[Visit]:
    pages: list[Page] = []

    def open_page(tenant: Tenant | None) -> Page:
        browser.clear_cookies()
        if tenant is not None:
            name = cookie_name(tenant.town.slug, secure=False)
            browser.add_cookies([{"name": name, "value": tenant.cookie, "url": SITE}])
        pages.append(browser.new_page())
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()


def _answer(route: Route, client: Client) -> None:
    asked = route.request
    client.cookies.clear()
    answer = client.request(
        asked.method,
        asked.url.removeprefix(SITE),
        content=asked.post_data_buffer,
        headers={name: value for name, value in asked.all_headers().items() if name not in {"host", "content-length"}},
    )
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    route.fulfill(status=answer.status_code, headers=headers, body=answer.content)
