"""`muniment policy`: check, plan, adopt, decide, show; and the JSON Schemas that editors complete declarations from."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from sqlalchemy import text

from muniment.api.errors import InvalidInput, MunimentError
from muniment.cli.certificates import DOCUMENTS
from muniment.cli.context import Context, fitted, json_option, pass_context, show
from muniment.cli.plans import plan_lines
from muniment.councils.adopting import adopt_policy, compiled_now, decide_policy, plan_policy, withdraw_decision
from muniment.councils.directory import sync_councils
from muniment.defaults.law import law_in_force
from muniment.policy.check import check
from muniment.policy.compile import Compiled, compile_policy
from muniment.policy.deciding import Proposal, parse_value, read_decisions
from muniment.policy.documents import approved_paths
from muniment.policy.findings import LEVELS, Finding
from muniment.policy.plan import Plan, plan_adoption
from muniment.policy.schemas import write_schemas
from muniment.policy.store import adopted_or_none
from muniment.retention.clocks.planning import foresee

__all__ = ["policy"]

F = TypeVar("F", bound=Callable[..., Any])


class PolicyUnsound(MunimentError):
    """A check found errors, or under `--strict` gaps that nobody has decided."""

    code = "policy-unsound"


@click.group()
def policy() -> None:
    """A council's policy: check, plan, adopt, decide, show."""


@policy.command("check")
@click.argument("council")
@click.option("--strict", is_flag=True, help="Fail on gaps that nobody has decided, too.")
@click.option("--declared", is_flag=True, help="Look at the plugin alone: no decisions, no database.")
@json_option
@pass_context
def check_command(context: Context, council: str, strict: bool, declared: bool, as_json: bool) -> None:
    """Check what COUNCIL declares and decided against the law of today.

    Exits 1 if there are errors. A gap is what the law asks and the council's document does not say.
    """
    today, (compiled, documents) = context.clock.today(), _compiled(context, council, declared)
    findings = check(compiled, law_in_force(today), today, documents)
    counts = {level: sum(found.level == level for found in findings) for level in LEVELS}
    lines = [line for found in findings for line in _finding(found)]
    summary = ", ".join(f"{count} {level}" for level, count in counts.items())
    show({"council": council, "counts": counts, "findings": findings}, as_json, *lines, f"{council}: {summary}")
    failing = counts["error"] + (counts["gap"] if strict else 0)
    if failing:
        raise PolicyUnsound(f"the policy of {council} has {failing} finding{'s' * (failing > 1)} to settle")


@policy.command()
@click.argument("council")
@json_option
@pass_context
def plan(context: Context, council: str, as_json: bool) -> None:
    """Show what adopting the policy of COUNCIL now would change, and the hash to adopt exactly that by.

    Counts the records whose last day kept would move, by class, from which month to which. Nothing is written.
    """
    facade = context.plugins.facade(council)
    if any(view.slug == council for view in _councils(context)):
        with context.council(council) as (session, _):
            planned = plan_policy(session, facade, foresee)
    else:
        compiled = compile_policy(facade, (), context.clock.today())
        planned = plan_adoption(None, compiled.sound(), compiled.declared or compiled.sound())
    show(planned, as_json, *plan_lines(planned, council))


@policy.command()
@click.argument("council")
@click.option("--by", default="operator", show_default=True, metavar="ROLE", help="Who adopts: a role, not a name.")
@click.option("--plan", "promised", metavar="HASH", help="Adopt exactly this plan; nothing, if it no longer holds.")
@click.option("--yes", is_flag=True, help="Adopt without showing the plan and asking first.")
@json_option
@pass_context
def adopt(context: Context, council: str, by: str, promised: str | None, yes: bool, as_json: bool) -> None:
    """Adopt what COUNCIL declares and decided: from now on it is rendered and enforced.

    At a terminal the plan is shown and asked about first, and exactly that plan is adopted. A script says --plan to
    adopt what somebody has looked at.
    """
    facade, jobs = context.plugins.facade(council), context.jobs
    sync_councils(context.database, context.plugins)
    if promised is None and not yes and sys.stdin.isatty():
        with context.council(council) as (session, _):
            planned = plan_policy(session, facade, foresee)
        promised = _ask(planned, council)
    with context.council(council) as (session, _):
        adoption = adopt_policy(session, facade, by=by, plan=promised, foresee=foresee)
    jobs.run(lambda name, done, waiting: click.echo(f"{name}: {done} done, {waiting} waiting", err=True))
    line = f"{council}: adopted {adoption.after}" if adoption.changed else f"{council}: adopted already"
    show(adoption, as_json, line)


def _ask(planned: Plan, council: str) -> str:
    """Show a plan and ask whether to adopt it; its hash if so."""
    if planned.before != planned.after:
        for line in plan_lines(planned, council):
            click.echo(fitted(line, sys.stderr), err=True)
        click.confirm(f"Adopt this policy of {council}?", abort=True, err=True)
    return planned.hash


def _decision_options(command: F) -> F:
    for option in reversed(
        (
            click.option("--ground", default="", help="The document or reason that it rests on."),
            click.option("--by", default="", metavar="ROLE", help="Who decides: the information asset owner's role."),
            click.option("--review-on", type=click.DateTime(["%Y-%m-%d"]), help="When to look at it again."),
            click.option("--advice", default="", help="The data protection officer's advice."),
            click.option("--generated", is_flag=True, help="Mark it as a demonstration's."),
            click.option("--withdraw", "withdrawing", is_flag=True, help="Withdraw what was decided for PATH."),
            click.option(
                "--file",
                "file",
                type=click.Path(exists=True, dir_okay=False, path_type=Path),
                help="Take [[decision]] tables from a TOML file instead.",
            ),
        )
    ):
        command = option(command)
    return command


@policy.command()
@click.argument("council")
@click.argument("path", required=False)
@click.argument("value", required=False)
@_decision_options
@json_option
@pass_context
def decide(
    context: Context,
    council: str,
    path: str | None,
    value: str | None,
    ground: str,
    by: str,
    review_on: datetime | None,
    advice: str,
    generated: bool,
    withdrawing: bool,
    file: Path | None,
    as_json: bool,
) -> None:
    """Settle what the documents of COUNCIL leave open: PATH becomes VALUE at the next adoption.

    VALUE is written as in TOML: '{ event = "case-closed" }', '["finance"]', or a plain word.
    """
    facade = context.plugins.facade(council)
    if file is not None and (path is not None or withdrawing):
        raise InvalidInput("Give a path and a value, or a file of decisions, not both.", where="--file")
    if file is None and (path is None or (value is None) is not withdrawing):
        raise InvalidInput("Give a path and a value; with --withdraw a path alone.", where="PATH")
    if file is not None:
        proposals = list(read_decisions(file.read_bytes(), file=str(file)))
    elif path is not None and value is not None:
        proposals = [_proposal(path, value, ground, by, review_on, advice, generated)]
    sync_councils(context.database, context.plugins)
    with context.council(council) as (session, _):
        if withdrawing and path is not None:
            withdraw_decision(session, path, by=by, ground=ground)
            show({"withdrawn": [path]}, as_json, f"withdrawn {path}")
            return
        noted = decide_policy(session, facade, proposals)
    paths = [decision.path for decision in noted]
    lines = [f"decided {path}" for path in paths] or ["decided already"]
    show(
        {"decided": paths}, as_json, *lines, *([f"takes effect with: muniment policy adopt {council}"] if paths else [])
    )


def _proposal(
    path: str, value: str, ground: str, by: str, review_on: datetime | None, advice: str, generated: bool
) -> Proposal:
    return Proposal(
        path=path,
        value=parse_value(value),
        ground=ground,
        decided_by=by,
        review_on=review_on.date() if review_on is not None else None,
        advice=advice,
        generated=generated,
    )


@policy.command("show")
@click.argument("council")
@click.option("--declared", is_flag=True, help="What the plugins declare, without decisions and without a database.")
@json_option
@pass_context
def show_command(context: Context, council: str, declared: bool, as_json: bool) -> None:
    """Show the policy that COUNCIL has adopted: its decisions, plugins and hash; with --json all of it."""
    if declared:
        shown = _compiled(context, council, declared=True)[0].sound()
    else:
        with context.council(council) as (session, _):
            adopted = adopted_or_none(session)
        if adopted is None:
            raise InvalidInput(f"{council} has not adopted a policy; see --declared.", where="COUNCIL")
        shown = adopted
    lines = [f"{council}: {'declared' if declared else 'adopted'} {shown.hash}, format {shown.format}"]
    lines += [f"  plugin {used.name} {used.version} {used.digest[:12]}" for used in shown.plugins]
    lines += [f"  service {slug}" for slug in sorted(shown.services)]
    for made in shown.decisions:
        lines.append(f"  decided {made.path} = {msgspec.json.encode(made.value).decode()}")
        lines.append(f"    by {made.decided_by} on {made.decided_on}: {made.ground}")
    show(shown, as_json, *lines)


@policy.command()
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), required=True, help="The folder to fill.")
@json_option
def schema(output: Path, as_json: bool) -> None:
    """Write a JSON Schema for each kind of declaration file, for editors, and for each document that is handed out."""
    written = write_schemas(output, DOCUMENTS)
    show({"written": [str(path) for path in written]}, as_json, *(f"wrote {path}" for path in written))


def _compiled(context: Context, council: str, declared: bool) -> tuple[Compiled, frozenset[str]]:
    """What would be adopted now, and the conditions whose policy document was approved here; of the plugins alone where
    there is no database with the council yet."""
    facade = context.plugins.facade(council)
    if not declared and any(view.slug == council for view in _councils(context)):
        with context.council(council) as (session, _):
            compiled = compiled_now(session, facade)
            found = frozenset[str]() if compiled.policy is None else approved_paths(session, compiled.policy)
            return compiled, found
    return compile_policy(facade, (), context.clock.today()), frozenset()


class _Known(msgspec.Struct, frozen=True):
    slug: str


def _councils(context: Context) -> list[_Known]:
    """The councils in the database; none where there is no database yet, and none is started to find out."""
    if not context.has_database:
        return []
    with context.database.platform() as session:
        return [_Known(row.slug) for row in session.execute(text("select slug from council order by slug"))]


def _finding(found: Finding) -> Iterable[str]:
    yield f"{found.level:<8}{found.id}  {found.path}"
    yield f"        {found.message}" + (f" ({found.provision})" if found.provision else "")
