"""`muniment notice`: rendering, checking, publishing and comparing privacy notices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import click
import msgspec

from muniment.api.errors import InvalidInput, NotFound
from muniment.cli.context import Context, json_option, pass_context, show
from muniment.defaults.law import law_in_force
from muniment.notices.changes import changes
from muniment.notices.document import Document, assemble, notices_of
from muniment.notices.render import Format, as_json, as_page, as_text
from muniment.notices.versions import Approval, Draft, by_law, latest_documents, publish
from muniment.notices.words import Words
from muniment.plugins.manager import Plugins, load_plugins
from muniment.policy.compile import compile_policy
from muniment.policy.model import Policy
from muniment.policy.store import adopted, adopted_or_none

__all__ = ["notice"]

ADDED_BY_LAW = "notice.added-by-law"
LANGUAGE_MISSING = "notice.language-missing"
MESSAGES = {
    ADDED_BY_LAW: "the law asks for it and the council's document lacks it; publishing it needs a decision",
    LANGUAGE_MISSING: "has no words in this language",
}


class NoticeFinding(msgspec.Struct, frozen=True):
    """Something to look at before publishing: its stable id, and which statement of which notice it is about."""

    id: str
    notice: str
    language: str
    statement: str


@click.group()
def notice() -> None:
    """Privacy notices: render, check, publish, compare."""


@notice.command("render")
@click.argument("council")
@click.option("--service", help="Only the notices of this service.")
@click.option("--language", help="Language of the notice, such as en or cy. [default: the council's first]")
@click.option("--format", "form", type=click.Choice(get_args(Format)), default="text", show_default=True)
@pass_context
def render_notice(context: Context, council: str, service: str | None, language: str | None, form: Format) -> None:
    """Print a council's notices to standard output.

    They are rendered from the policy that the council has adopted; where there is no database, or nothing has been
    adopted in it, from what its plugin declares. Standard error says which.
    """
    plugins = load_plugins()
    policy, whence = _policy(context, plugins, council)
    chosen = _language(policy, language)
    words, law = Words.of(plugins), law_in_force(context.clock.today())
    documents = [assemble(policy, ref, chosen, law, words) for ref in notices_of(policy, service)]
    click.echo(f"Rendered from the policy {policy.hash[:12]}, {whence}.", err=True)
    click.echo(_printed(documents, form), nl=False)


@notice.command("check")
@click.argument("council")
@click.option("--service", help="Only the notices of this service.")
@json_option
@pass_context
def check_notice(context: Context, council: str, service: str | None, as_json: bool) -> None:
    """List what is worth an officer's eye before a notice is published.

    That is what the law adds to it, and what has no words in one of the council's languages. `muniment policy check`
    lists the gaps of the policy itself, `muniment notice diff` what differs from the published version.
    """
    plugins = load_plugins()
    policy, whence = _policy(context, plugins, council)
    words, law = Words.of(plugins), law_in_force(context.clock.today())
    findings = [
        finding
        for ref in notices_of(policy, service)
        for document in Draft(policy, ref, words, law).documents().values()
        for finding in _findings(document)
    ]
    lines = [f"{found.notice} ({found.language}) {found.statement}: {MESSAGES[found.id]}" for found in findings]
    click.echo(f"Checked the policy {policy.hash[:12]}, {whence}.", err=True)
    show(findings, as_json, *(lines or ["Nothing to report."]))


@notice.command("publish")
@click.argument("council")
@click.option("--service", help="Only the notices of this service.")
@click.option("--by", help="Who decided to publish what the law adds: a role, such as 'information asset owner'.")
@click.option("--ground", help="The ground of that decision.")
@json_option
@pass_context
def publish_notice(
    context: Context, council: str, service: str | None, by: str | None, ground: str | None, as_json: bool
) -> None:
    """Publish the adopted policy's notices; a notice in which nothing changed keeps its version."""
    if (by is None) != (ground is None):
        raise InvalidInput("Give --by and --ground together: a decision has an owner and a ground.", where="ground")
    approval = Approval(by, ground) if by is not None and ground is not None else None
    plugins = load_plugins()
    with context.council(council) as (session, caller):
        policy = adopted(session)
        words, law = Words.of(plugins), law_in_force(context.clock.today())
        facade = plugins.facade(council, policy.council.uses)
        results = [
            publish(session, caller, Draft(policy, ref, words, law), facade, approval)
            for ref in notices_of(policy, service)
        ]
    lines = [
        f"{'Published' if result.new else 'Unchanged'} {view.service}/{view.notice} version {view.number}"
        f" ({view.language}) {view.sha256}"
        for result in results
        for view in result.versions
    ]
    show(results, as_json, *lines)


@notice.command("diff")
@click.argument("council")
@click.option("--service", help="Only the notices of this service.")
@click.option("--language", help="Language to compare in. [default: the council's first]")
@json_option
@pass_context
def diff_notice(context: Context, council: str, service: str | None, language: str | None, as_json: bool) -> None:
    """Show what a reader would find changed if the adopted policy's notices were published now."""
    plugins = load_plugins()
    found: dict[str, object] = {}
    lines: list[str] = []
    with context.council(council) as (session, _):
        policy = adopted(session)
        chosen = _language(policy, language)
        words, law = Words.of(plugins), law_in_force(context.clock.today())
        for ref in notices_of(policy, service):
            before = latest_documents(session, ref).get(chosen)
            differences = changes(before, assemble(policy, ref, chosen, law, words))
            found[ref.key] = differences
            against = "nothing published" if before is None else f"version {before.number}"
            lines.append(f"{ref.key}, against {against}: {len(differences)} statements differ")
            for change in differences:
                lines.append(f"  {change.what} {change.id}")
                lines += [f"    - {line}" for line in change.before.splitlines()]
                lines += [f"    + {line}" for line in change.after.splitlines()]
    show(found, as_json, *lines)


def _findings(document: Document) -> Iterator[NoticeFinding]:
    def found(what: str, statement: str) -> NoticeFinding:
        return NoticeFinding(what, f"{document.service}/{document.notice}", document.language, statement)

    for statement in by_law(document):
        yield found(ADDED_BY_LAW, statement.id)
    for statement in document.statements():
        if statement.language:
            yield found(LANGUAGE_MISSING, statement.id)


def _policy(context: Context, plugins: Plugins, council: str) -> tuple[Policy, str]:
    """The adopted policy, or what is merely declared, and which of them it is. No database is made for the asking."""
    facade = plugins.facade(council)
    if context.has_database:
        try:
            council_id = context.council_id(council)
        except NotFound:
            pass
        else:
            with context.database.council(council_id, context.actor) as session:
                policy = adopted_or_none(session)
            if policy is not None:
                return policy, "which the council has adopted"
    return compile_policy(facade, (), context.clock.today()).sound(), "as declared; the council has adopted none here"


def _language(policy: Policy, wanted: str | None) -> str:
    known = policy.council.languages
    if wanted is None:
        return known[0]
    if wanted not in known:
        raise InvalidInput(
            f"{policy.council.slug} has no notices in {wanted!r}; it has: {', '.join(known)}.", where="language"
        )
    return wanted


def _printed(documents: list[Document], form: Format) -> str:
    match form:
        case "html":
            return as_page(documents)
        case "text":
            return "\n\n".join(as_text(document) for document in documents)
        case "json":
            several: object = documents if len(documents) > 1 else msgspec.Raw(as_json(documents[0]))
            return msgspec.json.encode(several, order="sorted").decode() + "\n"
