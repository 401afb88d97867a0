"""A forecast as people meet it: on a terminal of 80 columns, as a page with chart and table, as JSON and CSV."""

from __future__ import annotations

import csv
import json
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from litestar.testing import TestClient

from muniment.accounts.permissions import Permission, Role
from muniment.accounts.sessions import begin_session
from muniment.accounts.staff import add_staff
from muniment.accounts.tokens import new_token
from muniment.app import open_application
from muniment.cli import main
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing
from muniment.retention.clocks.forecasting import Forecast, Forecasted
from muniment.retention.clocks.tabulating import grids, total
from muniment.retention.web.forecast import charted
from muniment.settings import Settings
from muniment.web.forms import form_token
from tests.integration.retention.kit import House

RULES = """
[[rule]]
id = "case"
classes = ["case"]
[[rule.clause]]
id = "closed"
keep = "4 years"
from = { event = "case-closed" }
"""
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def filled(house: House, settings: Settings, keys: KeyRing, monkeypatch: pytest.MonkeyPatch) -> House:
    keys.save(settings.keys_file)
    monkeypatch.setenv("MUNIMENT_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", settings.database_url or "")
    monkeypatch.setenv("MUNIMENT_TODAY", "2026-11-20")
    house.adopt()
    for day in (date(2020, 1, 1), date(2024, 3, 31), date(2024, 3, 30), date(2025, 1, 1)):
        house.file("case", milestones={"case-closed": day})
    house.file("case", "letter")
    house.flush()
    return house


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["retention", "forecast", "alpha", *arguments])
    assert result.exit_code == 0, result.stderr
    return result


@pytest.mark.usefixtures("filled")
def test_a_year_fits_a_line_of_the_terminal() -> None:
    lines = run("--class", "advice/case").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "advice/case: 3 in these months, 1 overdue, 1 running" in lines
    assert lines[-2].split() == ["2027", "-", "-", "2", *"-" * 9]
    assert lines[-1].split() == ["2028", "1", *"-" * 11]
    assert "all classes: 3 in these months, 2 overdue, 1 running" in run().stdout


@pytest.mark.usefixtures("filled")
def test_what_another_rule_would_make_of_it_is_added_up_and_says_that_it_is_not_armed(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES)
    lines = run("--rules", str(rules), "--service", "advice").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[:3] == [
        "Rules that would be others: advice/case",
        "Nothing goes by such a rule before it has been armed anew.",
        "",
    ]
    assert [line.split() for line in lines[-2:]] == [["2029-01", "0", "1", "destroy"], ["all", "months", "3", "3"]]
    nowhere = CliRunner().invoke(main, ["retention", "forecast", "alpha", "--rules", str(rules)])
    assert nowhere.stderr == "muniment: Say of which service the rules are; there are: advice.\n"
    declared = "advice.rule.case.clause.closed.keep=5 years"
    told = CliRunner().invoke(main, ["retention", "forecast", "alpha", "--what-if", declared])
    assert "give its whole [[rule]] table" in " ".join(told.stderr.split())


@pytest.mark.usefixtures("filled")
def test_json_and_csv_say_the_same() -> None:
    found = json.loads(run("--json").stdout)
    lines = list(csv.DictReader(run("--format", "csv").stdout.splitlines()))
    assert [
        (line["record_class"], line["when"], line["action"], int(line["records"])) for line in lines
    ] == [tuple(line.values()) for line in found["counts"]]  # fmt: skip
    assert {line["forecast"] for line in lines} == {"adopted"}


@pytest.mark.usefixtures("filled")
def test_a_command_shows_what_would_be_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(RULES, encoding="utf-8")
    lines = run("--service", "advice", "--rules", str(file)).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert ["2027-03", "2", "0", "destroy"] in [line.split() for line in lines]
    assert ["2028-03", "0", "2", "destroy"] in [line.split() for line in lines]
    supposed = run("--service", "advice", "--rules", str(file), "--format", "csv").stdout
    assert "supposed,advice/case,2028-03,destroy,2" in supposed
    refused = CliRunner().invoke(main, ["retention", "forecast", "alpha", "--what-if", "advice.rule.case"])
    assert refused.exit_code != 0
    assert "PATH=VALUE" in refused.stderr


def test_over_http_for_those_who_may(filled: House, deployment: Deployment, councils: tuple[UUID, UUID]) -> None:
    now = filled.clock.now()
    with filled.session() as session:
        allowed = {
            name: new_token(session, "alpha", "tests", [permission], None, now + timedelta(days=30), now)[1]
            for name, permission in (("reader", Permission.READ_RETENTION), ("other", Permission.READ_CLIENTS))
        }
        staff_id = add_staff(
            session, "generated@example.org", "Generated", "generated words", [(Role.AUDITOR, None)], now
        )
        cookie = begin_session(session, staff_id, now)
    api = "/api/v1/councils/alpha/retention/forecast"
    with TestClient(open_application(deployment)) as client:
        reader, other = ({"Authorization": f"Bearer {allowed[name]}"} for name in ("reader", "other"))
        assert client.get(api, headers=other).status_code == 403
        asked = client.get(api, headers=reader).json()
        assert {"record_class": "advice/case", "when": "2027-03", "action": "destroy", "records": 2} in asked["counts"]
        assert client.get(f"{api}.csv", headers=reader).text.count("\n") == len(asked["counts"]) + 1
        supposed = {"service": "advice", "rules": RULES}
        answer = client.post(f"{api}/what-if", json=supposed, headers=reader)
        assert answer.json()["classes"] == ["advice/case"]
        refused = client.post(f"{api}/what-if", json={"service": "advice", "rules": "[[rule"}, headers=reader)
        assert refused.status_code == 422
        client.cookies.set("muniment-alpha", cookie)
        page = "/alpha/console/retention/forecast"
        shown = client.get(page)
        assert shown.status_code == 200, shown.text
        assert_accessible(shown.text)
        form = {"form_token": form_token(cookie), "path": "", "value": "", **supposed}
        line = '<td>2028-03</td><td>destroy</td><td class="number">0</td><td class="number">2</td>'
        assert line in client.post(page, data=form).text
        wrong = client.post(page, data=form | {"rules": "[[rule"})
        assert (wrong.status_code, 'role="alert"' in wrong.text) == (422, True)


def assert_accessible(page: str) -> None:
    """Every chart has a name and a description that exist once, and a table with the same figures after it."""
    charts = page.split("<figure>")[1:]
    assert len(charts) == 3
    for text in charts:
        drawn = ElementTree.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])
        for part in drawn.attrib["aria-labelledby"].split():
            assert page.count(f'id="{part}"') == 1
        bars = sum(int(title.text.split(": ")[1]) for title in drawn.iterfind(f"{SVG}rect/{SVG}title") if title.text)
        cells = text[text.index("<tbody>") : text.index("</tbody>")].split('<td class="number">')[1:]
        assert bars == sum(int(cell.split("<")[0] or 0) for cell in cells)


@pytest.mark.parametrize(("most", "scale"), [(0, [0, 1]), (1, [0, 1]), (7, [0, 2, 4, 6, 8]), (123, [0, 50, 100, 150])])
def test_a_chart_reaches_its_tallest_bar_in_few_whole_steps(most: int, scale: list[int]) -> None:
    counts = (Forecasted("a/b", "2027-03", "destroy", most),) if most else ()
    told = Forecast(
        today=date(2026, 11, 20), policy_hash="", first_month="2026-11", last_month="2036-10", counts=counts
    )
    chart = charted(total(told))
    assert [count for count, _ in chart.scale] == scale
    assert len(chart.bars) == 120
    assert [year for year, _ in chart.years] == [str(year) for year in range(2027, 2037)]
    assert all(bar.y + bar.height <= 200 and bar.y >= 0 for bar in chart.bars)
    assert len(grids(told)) == bool(most)
