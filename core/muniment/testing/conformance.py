"""The conformance kit: what every council's plugin must pass, whoever wrote it.

def test_it_conforms() -> None:
    conform("my-council", "my_distribution", plugin, today=date(2026, 11, 22), findings=Path("tests/findings.txt"))
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from difflib import unified_diff
from pathlib import Path

import msgspec

from muniment.defaults.law import Law, law_in_force
from muniment.notices.document import Document, assemble, notices_of
from muniment.notices.render import Rendered, render
from muniment.notices.words import Words
from muniment.plugins.manager import Plugins, PluginSource, installed_plugins, load_plugins
from muniment.policy.check import check
from muniment.policy.compile import Compiled, compile_policy
from muniment.policy.findings import Finding
from muniment.policy.model import Policy, canonical
from muniment.testing.consents import ConsentSaid, consents_said
from muniment.testing.saying import require, require_said

__all__ = ["Conformance", "conform"]


class Conformance(msgspec.Struct, frozen=True):
    """What a plugin came to: its compiled policy, everything that the law of the day finds in it, its notices, rendered
    without any decision, by `SERVICE/NOTICE` and language, and what it says of consents by `SERVICE/PURPOSE` and
    language, of each purpose that people are asked about."""

    compiled: Compiled
    findings: tuple[Finding, ...]
    notices: Mapping[tuple[str, str], Rendered]
    consents: Mapping[tuple[str, str], ConsentSaid]


def conform(
    slug: str,
    package: str,
    plugin: object,
    *,
    today: date,
    beside: Sequence[PluginSource] | None = None,
    findings: Path | None = None,
) -> Conformance:
    """Load `plugin` as the council `slug`; compile it, check it, render its notices on a day in London and, for each
    purpose that people are asked about, a receipt and what somebody is told who withdraws.

    `package` holds its files; `beside` are the plugins loaded with it, by default those installed except the council's.
    `findings` is the file that pins what the check finds, a line each (level, id, path); where there is none yet it is
    written, and the test fails once so that somebody reads it. Raises `AssertionError`, listing every error found, and
    what the contract raises (`PluginError`, also of a template that cannot be rendered).
    """
    others = installed_plugins() if beside is None else beside
    source = PluginSource(slug, package.replace("_", "-"), "0", package, plugin)
    plugins = load_plugins([*(other for other in others if other.name != slug), source])
    law = law_in_force(today)
    compiled = _compiled(plugins, slug, today)
    found = check(compiled, law, today)
    errors = [f"{finding.path}: {finding.message}" for finding in found if finding.level == "error"]
    require(not errors, "\n".join(errors))
    policy = compiled.sound()
    written = canonical(policy)
    require(canonical(msgspec.json.decode(written, type=Policy)) == written, "The policy changes when it is read back.")
    again = _compiled(plugins, slug, today).sound()
    require(again.hash == policy.hash, "The plugin says something else when it is asked a second time.")
    words = Words.of(plugins)
    notices, consents = dict(_rendered(policy, law, words)), dict(consents_said(policy, words, today))
    if findings is not None:
        _compare(found, findings)
    return Conformance(compiled, found, notices, consents)


def _compiled(plugins: Plugins, slug: str, today: date) -> Compiled:
    return compile_policy(plugins.facade(slug), (), today)


def _rendered(policy: Policy, law: Law, words: Words) -> Iterator[tuple[tuple[str, str], Rendered]]:
    """Each notice in each language; nothing that is said may be missing from any of the three forms."""
    declared = any(service.notices.notices for service in policy.services.values())
    for ref in notices_of(policy) if declared else ():
        for language in policy.council.languages:
            document = assemble(policy, ref, language, law, words)
            rendered = render(document)
            which = f"The notice {ref.service}/{ref.notice} in {language}"
            require(
                msgspec.json.decode(rendered.json, type=Document) == document, f"{which} changes when it is read back."
            )
            require_said(which, document, rendered.html, rendered.text)
            yield (f"{ref.service}/{ref.notice}", language), rendered


def _compare(found: Iterable[Finding], file: Path) -> None:
    lines = [f"{finding.level} {finding.id} {finding.path}" for finding in found]
    if not file.exists():
        file.write_text("\n".join([*lines, ""]), encoding="utf-8")
        require(False, f"{file} was not there and has been written: read what the law finds, and keep the file.")
    pinned = file.read_text(encoding="utf-8").splitlines()
    difference = "\n".join(unified_diff(pinned, lines, str(file), "found now", lineterm="", n=0))
    require(
        pinned == lines, f"The check finds something else. If it should, delete the file and run again.\n{difference}"
    )
