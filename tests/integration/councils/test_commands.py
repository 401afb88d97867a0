"""`muniment policy plan` and `adopt` as an operator types them: a plan that fits a terminal, and is kept or refused."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from muniment.api.errors import Conflict
from muniment.cli import main
from muniment.cli.plans import plan_lines
from muniment.database.session import Database
from muniment.keys import KeyRing
from muniment.policy.plan import Change, Moved, Plan, Waiting
from muniment.settings import Settings

Run = Callable[..., Result]


class Terminal(io.BytesIO):
    """Standard input at which somebody sits."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def run(database: Database, settings: Settings, keys: KeyRing, monkeypatch: pytest.MonkeyPatch) -> Run:
    keys.save(settings.keys_file)
    monkeypatch.setenv("MUNIMENT_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", settings.database_url or "")

    def policy(*arguments: str, typed: str | None = None) -> Result:
        stdin = None if typed is None else Terminal(typed.encode())
        return CliRunner().invoke(main, ["policy", *arguments], input=stdin)

    return policy


def test_what_was_planned_is_adopted_and_what_is_not_so_any_more_is_not(run: Run) -> None:
    before = json.loads(run("plan", "sefton", "--json").stdout)
    refused = run("adopt", "sefton", typed="n\n")
    assert refused.exit_code == 130
    assert "from nothing to" in refused.stderr
    assert "Adopt this policy of sefton?" in refused.stderr
    adopted = run("adopt", "sefton", "--plan", before["hash"], "--json")
    assert adopted.exit_code == 0, adopted.stderr
    assert json.loads(adopted.stdout) == {"before": None, "after": before["after"], "changed": True}
    assert run("plan", "sefton").stdout == "nothing would change\n"
    assert run("adopt", "sefton", typed="").stdout == "sefton: adopted already\n"

    path = json.loads(run("check", "sefton", "--json").stdout)["findings"]
    open_clause = next(one["path"] for one in path if one["id"] == "retention.anchor")
    decided = run("decide", "sefton", open_clause, '{ event = "case-closed" }', "--ground", "a test", "--by", "owner")
    assert decided.exit_code == 0, decided.stderr
    stale = run("adopt", "sefton", "--plan", before["hash"])
    assert stale.exit_code == Conflict.exit_code
    (line,) = " ".join(stale.stderr.split()).split("\n")
    assert "the decisions have changed since the plan" in line
    assert "muniment policy plan sefton" in line
    agreed = run("adopt", "sefton", typed="y\n")
    assert agreed.exit_code == 0, agreed.stderr
    assert "retention rule of class" in agreed.stderr
    assert max(map(len, agreed.stderr.splitlines())) <= 80


def test_a_plan_in_words() -> None:
    plan = Plan(
        hash="-".join(["0" * 16] * 4),
        before="a" * 64,
        after="b" * 64,
        changes=(Change("retention rule of class", "advice/case", "changed"),),
        notices=("advice/privacy",),
        consents=("advice/referral",),
        moved=(
            Moved("advice/case", "2027-01", "2025-01", 1_200, 1_200),
            Moved("advice/case", "2027-02", "", 3, 0),
            Moved("advice/case", "", "2031-02", 1_000_000, 0),
        ),
        waiting=(Waiting("advice/letter", 12),),
        disarmed=("advice/case",),
    )
    lines = list(plan_lines(plan, "alpha"))
    assert lines == [
        "from aaaaaaaaaaaa to bbbbbbbbbbbb",
        "  changed retention rule of class advice/case",
        "notices to publish again",
        "  advice/privacy",
        "purposes whose recipients change: ask for fresh consent",
        "  advice/referral",
        "rules no longer approved: nothing goes by them until they are armed again",
        "  advice/case",
        "last days kept that move in advice/case: 1,001,203, 1,200 due at once, 3 lose their day",
        "  2027-01 to 2025-01       1,200      2027-02 to no day            3",
        "   no day to 2031-02   1,000,000",
        "12 of advice/letter wait to be clocked and are not counted: plan again later",
        f"plan {plan.hash}",
        "to adopt exactly this: muniment policy adopt alpha --plan HASH, with that hash",
    ]
