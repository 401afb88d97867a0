"""Every page there is can be used by everybody: WCAG 2.2 AA as far as a program can tell, in a real browser.

The pages are walked from the routes of the application, so a new one is looked at without a word here; then the forms
with something wrong in them. What a program cannot judge (whether words are plain, whether an order makes sense) is not
judged here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.isolation.application.addresses import Route, own, routes
from tests.isolation.application.tenants import House, Tenant
from tests.journeys.web.conftest import Visit

pytestmark = pytest.mark.slow

AXE = (Path(__file__).parents[2] / "vendored" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
NARROW, WIDE = {"width": 320, "height": 800}, {"width": 1200, "height": 900}
"""At 320 CSS pixels, which is 1280 at 400 per cent, nothing may need scrolling sideways (success criterion 1.4.10)."""

MOST_STOPS = 60
NO_PAGES = ("/content", "/attachments/{attachment_id}", "/destructions/list")
"""Ends of addresses that answer with a download or a PDF, which have tests of their own."""


def pages(house: House, tenant: Tenant) -> list[Route]:
    """The pages of a council that are HTML and can be asked for."""
    parts = own(tenant, Route("GET", "", (), is_page=True, is_public=False))
    return [
        route
        for route in routes(house)
        if not route.path.endswith(NO_PAGES)
        and route.is_page
        and route.method == "GET"
        and set(route.parts) <= parts.keys() | own(tenant, route).keys()
    ]


def breaches(page: Page) -> list[str]:
    """What axe finds on the page shown, and what has no heading, no title or does not fit."""
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    told = [
        f"{rule['id']} ({rule['impact']}): {[node['html'][:120] for node in rule['nodes'][:3]]}"
        for rule in found["violations"]
    ]
    if page.locator("h1").count() != 1:
        told.append("not one heading of the first level")
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    if (needed := page.evaluate("document.documentElement.scrollWidth")) > NARROW["width"]:
        told.append(f"needs {needed} pixels of {NARROW['width']}")
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    return told


def stops(page: Page) -> list[dict[str, Any]]:
    """What the keyboard reaches, in order, and whether one can see where one is."""
    reached: list[dict[str, Any]] = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        here: dict[str, Any] | None = page.evaluate(
            """() => {
                const at = document.activeElement;
                if (!at || at === document.body) return null;
                const style = getComputedStyle(at), box = at.getBoundingClientRect();
                return {
                    what: at.tagName + ' ' + (at.name || at.textContent.trim().slice(0, 40)),
                    seen: style.outlineStyle !== 'none' && box.width > 1 && box.bottom > 0 && box.top < innerHeight,
                };
            }"""
        )
        if here is None:
            break
        reached.append(here)
    return reached


def test_no_page_breaks_a_rule(house: House, visit: Visit) -> None:
    wrong: dict[str, list[str]] = {}
    titles: dict[str, str] = {}
    for tenant in house.tenants:
        page = visit(tenant)
        for route in pages(house, tenant):
            address = f"/{tenant.town.slug}{route.filled(own(tenant, route))}"
            answer = page.goto(address)
            assert answer is not None
            assert answer.status == 200, address
            wrong[address] = breaches(page)
            titles[address] = page.title()
    assert {address: told for address, told in wrong.items() if told} == {}
    assert len(wrong) > 25
    for tenant in house.tenants:
        mine = [title for address, title in titles.items() if address.startswith(f"/{tenant.town.slug}/console")]
        assert len(set(mine)) == len(mine), "two pages of the console have one title (success criterion 2.4.2)"


def test_a_page_that_is_not_there_breaks_none_either(house: House, visit: Visit) -> None:
    tenant = house.tenants[0]
    page = visit(tenant)
    page.goto(f"/{tenant.town.slug}/console/clients/{uuid4()}")
    assert breaches(page) == []
    expect(page.get_by_role("link", name="Go to the console")).to_be_visible()


def told_at(page: Page, field: str) -> None:
    """The page says what is wrong, leads to the field and ties the words to it (success criteria 3.3.1 and 3.3.3)."""
    assert page.title().startswith("Error: ")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("There is a problem")
    alert.get_by_role("link").first.click()
    at = page.locator(f"#{field}")
    expect(at).to_be_focused()
    expect(at).to_have_attribute("aria-invalid", "true")
    described = (at.get_attribute("aria-describedby") or "").split()
    expect(page.locator(f"#{described[-1]}")).to_contain_text(alert.get_by_role("link").first.inner_text())
    assert breaches(page) == []


def test_a_form_leads_from_what_is_wrong_to_the_field(house: House, visit: Visit) -> None:
    tenant = house.tenants[0]
    page = visit(None)
    page.goto(f"/{tenant.town.slug}/console/sign-in")
    page.get_by_label("Email address").fill("nobody@council.example")
    page.get_by_label("Password").fill("not the right words")
    page.get_by_role("button", name="Sign in").click()
    told_at(page, "email")

    page = visit(tenant)
    page.goto(f"/{tenant.town.slug}/console")
    page.get_by_label("Date of birth").fill("yesterday")
    page.get_by_role("button", name="Find").click()
    told_at(page, "born_on")

    page.goto(f"/{tenant.town.slug}/console/password")
    page.get_by_label("Current password").fill("not the right words")
    page.get_by_label("New password").fill("other generated words")
    page.get_by_role("button", name="Change password").click()
    told_at(page, "current")

    page.goto(f"/{tenant.town.slug}/console/clients/{tenant.ids['file_id'][0]}/extensions")
    page.get_by_label("Last day to keep them").fill("1/1/20")
    page.get_by_label("The reason").fill("a generated appeal")
    page.get_by_label("The role that authorises it").fill("manager")
    page.get_by_role("button", name="Keep longer").click()
    told_at(page, "until")
    expect(page.get_by_label("The reason")).to_have_value("a generated appeal")

    restricted = tenant.ids["restricted"][0]
    page.goto(f"/{tenant.town.slug}/console/clients/{restricted}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Restricted client file")
    assert breaches(page) == []
    page.get_by_role("link", name="Restriction and objection").click()
    page.get_by_label("The day the person was told").fill("yesterday")
    page.get_by_role("button", name="Record what becomes of it").click()
    told_at(page, f"told_on-{tenant.ids['limit_id'][0]}")


def test_the_keyboard_reaches_everything_and_shows_where_it_is(house: House, visit: Visit) -> None:
    tenant = house.tenants[0]
    for asker, path, last in (
        (None, "sign-in", "BUTTON Sign in"),
        (tenant, "password", "BUTTON Change password"),
        (tenant, "retention", ""),
        (tenant, f"clients/{tenant.ids['file_id'][0]}/extensions", "A Back to the client file"),
    ):
        page = visit(asker)
        page.goto(f"/{tenant.town.slug}/console/{path}")
        reached = stops(page)
        assert reached[0]["what"] == "A Skip to main content"
        assert [stop["what"] for stop in reached if not stop["seen"]] == [], path
        if last:
            assert reached[-1]["what"] == last


def test_the_menu_shows_where_one_is(house: House, visit: Visit) -> None:
    tenant = house.tenants[0]
    page = visit(tenant)
    for path, place, current in (
        ("console", "Console", "page"),
        ("console/policy", "Policy", "page"),
        ("console/retention", "Rules", "page"),
        ("console/retention/forecast", "Forecast", "page"),
        ("console/holds", "Holds", "page"),
        (f"console/certificates/{tenant.ids['certificate_id'][0]}", "Certificates", "true"),
    ):
        page.goto(f"/{tenant.town.slug}/{path}")
        marked = page.get_by_role("navigation", name="Console").locator("[aria-current]")
        expect(marked).to_have_count(1)
        expect(marked).to_have_text(place)
        expect(marked).to_have_attribute("aria-current", current)
