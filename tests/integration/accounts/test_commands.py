"""`muniment staff` and `muniment token`, as an operator types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from muniment.accounts.passwords import check_password
from muniment.cli import main
from muniment.database.session import Database
from muniment.keys import KeyRing
from muniment.settings import Settings

Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings, keys: KeyRing, councils: tuple[UUID, UUID], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command over the test's database; the answer has `exit_code`, `stdout`, `stderr`."""
    keys.save(settings.keys_file)
    monkeypatch.setenv("MUNIMENT_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", settings.database_url or "")

    def go(*arguments: str, typed: str = "") -> Result:
        return CliRunner().invoke(main, arguments, input=typed)

    return go


def test_a_generated_password_is_printed_once_and_stored_as_a_hash(
    run: Run, database: Database, councils: tuple[UUID, UUID]
) -> None:
    added = run("staff", "add", "alpha", "--email", "one@council.example", "--role", "adviser",
                "--generate-password", "--json")  # fmt: skip
    assert added.exit_code == 0, added.stderr
    shown = json.loads(added.stdout)
    with database.council(councils[0]) as session:
        stored = session.execute(text("select password_hash from staff")).scalar_one()
    assert check_password(stored, shown["password"])
    assert shown["password"] not in stored
    assert shown["password"] not in run("staff", "list", "alpha", "--json").stdout


def test_a_typed_password_is_not_printed(run: Run) -> None:
    typed = "three random words\nthree random words\n"
    added = run("staff", "add", "alpha", "--email", "one@council.example", "--role", "manager", typed=typed)
    assert added.exit_code == 0, added.stderr
    assert "three random words" not in added.stdout
    assert run("staff", "list", "alpha").stdout == "one@council.example  manager\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("staff", "add", "gamma", "--email", "a@b.example", "--role", "adviser"), "no council of that name"),
        (("staff", "add", "alpha", "--email", "nonsense", "--role", "adviser"), "not an email address"),
        (("staff", "add", "alpha", "--email", "a@b.example", "--role", "king"), "'king' is not one of"),
        (
            ("staff", "add", "alpha", "--email", "a@b.example", "--role", "adviser", "--service", "no"),
            "no such service",
        ),
        (("staff", "close", "alpha", "nobody@b.example"), "no open account"),
        (("token", "new", "alpha", "--label", " ", "--permission", "clients.read"), "label of 1 to 100"),
        (
            ("token", "new", "alpha", "--label", "x", "--permission", "clients.read", "--service", "no"),
            "no such service",
        ),
        (("token", "new", "alpha", "--label", "x", "--permission", "everything"), "is not one of"),
        (("token", "revoke", "alpha", "00000000-0000-4000-8000-000000000000"), "no such token"),
        (("token", "revoke", "alpha", "one"), "not a valid UUID"),
    ],
)
def test_bad_input_is_one_line(run: Run, arguments: tuple[str, ...], says: str) -> None:
    generate = ("--generate-password",) if arguments[:2] == ("staff", "add") else ()
    refused = run(*arguments, *generate)
    assert refused.exit_code > 0
    assert refused.stdout == ""
    assert says in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert "@" not in refused.stderr.replace("name@council.example", "")


def test_a_second_account_with_an_address_is_refused(run: Run) -> None:
    add = ("staff", "add", "alpha", "--role", "adviser", "--generate-password", "--email")
    assert run(*add, "one@council.example").exit_code == 0
    again = run(*add, "ONE@council.example")
    assert again.exit_code == 1
    assert "already" in again.stderr


def test_roles_password_and_closing(run: Run, database: Database, councils: tuple[UUID, UUID]) -> None:
    run("staff", "add", "alpha", "--email", "one@council.example", "--role", "adviser", "--generate-password")
    roles = run("staff", "roles", "alpha", "one@council.example", "--role", "auditor", "--role", "manager")
    assert roles.exit_code == 0, roles.stderr
    assert run("staff", "password", "alpha", "one@council.example", "--generate-password").exit_code == 0
    assert run("staff", "list", "alpha").stdout == "one@council.example  auditor manager\n"
    assert run("staff", "close", "alpha", "one@council.example").exit_code == 0
    assert run("staff", "list", "alpha").stdout.endswith("closed\n")
    with database.council(councils[0]) as session:
        events = list(session.scalars(text("select event from audit_event order by at, id")))
    assert set(events) == {
        "accounts.staff.added",
        "accounts.role.given",
        "accounts.role.taken",
        "accounts.password.changed",
        "accounts.staff.closed",
    }


def test_a_token_of_somebody_says_whose_it_is(run: Run) -> None:
    run("staff", "add", "alpha", "--email", "one@council.example", "--role", "adviser", "--generate-password")
    new = ("token", "new", "alpha", "--label", "case system", "--permission")
    mine = ("--staff", "One@council.example")
    assert run(*new, "clients.read", *mine).exit_code == 0
    assert run(*new, "clients.read").exit_code == 0

    def listed() -> str:
        return " ".join(run("token", "list", "alpha").stdout.split())

    assert "case system one@council.example clients.read until" in listed()
    assert "case system a program clients.read until" in listed()
    for refused, says in (
        (run(*new, "retention.arm", *mine), "do not give this there: retention.arm"),
        (run(*new, "clients.read", "--staff", "two@council.example"), "no open account"),
    ):
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert says in refused.stderr
    assert run("staff", "close", "alpha", "one@council.example").exit_code == 0
    assert "one@council.example clients.read revoked" in listed()
    assert "a program clients.read until" in listed()


def test_a_token_is_shown_once_and_revoked_for_good(run: Run) -> None:
    made = json.loads(run("token", "new", "alpha", "--label", "case system", "--permission", "clients.read",
                          "--json").stdout)  # fmt: skip
    assert made["token"].startswith("muniment_alpha_")
    listed = run("token", "list", "alpha").stdout
    assert "case system" in listed
    assert made["token"] not in listed
    assert run("token", "revoke", "alpha", made["id"]).exit_code == 0
    assert "revoked" in run("token", "list", "alpha").stdout
    assert run("token", "revoke", "alpha", made["id"]).exit_code == 1
