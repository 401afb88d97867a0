"""What a process keeps in memory never answers one council with another's.

The list of what is kept is closed: whatever in core looks like a cache is found in its source and must stand here with
what keeps councils apart in it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

import muniment
from muniment.accounts.limits import API_CALLS, ApiAllowance
from muniment.api.errors import NotFound, TooManyRequests
from muniment.policy.store import adopted, policy_of_hash
from muniment.retention.rules.compile import clocks
from tests.isolation.application.tenants import House

SOURCE = Path(muniment.__file__).parent
DECORATORS = frozenset({"cache", "lru_cache"})
EMPTY = frozenset(
    {"dict", "set", "list", "OrderedDict", "defaultdict", "deque", "Counter", "Kept", "WeakKeyDictionary"}
)

KEPT = {
    "accounts.limits.ApiAllowance._drawn": "by council and token",
    "audit.drops.Drops._lines": "one verification's own, of one council",
    "audit.drops.Drops._ranges": "one verification's own, of one council",
    "audit.merkle._Grown._peaks": "one tree's own",
    "clients.importing.layout.Layout._readers": "one import's own",
    "clients.importing.reader._Lines._waiting": "one file's own",
    "cli.demonstration.run.Demonstration.looks": "by the council's slug",
    "clients.pages._Titles._classes": "one page's own",
    "clients.pages._Titles._fields": "one page's own",
    "clients.pages._Titles._purposes": "one page's own",
    "clients.pages._Titles._sources": "one page's own",
    "clients.values.ValueRules._barred": "one policy's own, for one transaction",
    "consent.standing._statement": "statements of the software",
    "database.exchange._Sent._results": "one statement's own",
    "database.exchange._statement": "the software's own statements, as the server takes them",
    "database.exchange._written": "statements of the software; one with the key of a council or a row in it is refused",
    "database.gauges.Readings._failed": "names of gauges",
    "database.gauges.Readings._figures": "by the council's slug, which is among the labels",
    "database.registry._clocked": "tables, not rows",
    "database.registry._impersonal": "tables, not rows",
    "database.registry._kept": "tables, not rows",
    "database.registry._personal": "tables, not rows",
    "database.session._LimitedSession._after_commit": "one session's own",
    "database.session._LimitedSession._at_commit": "one session's own",
    "database.session._LimitedSession._first_rows": "one session's own",
    "database.signals.Signal._listeners": "functions, not what they are told",
    "defaults.calendars.working_days_of": "bank holidays of a nation",
    "defaults.law._whole_law": "the law is the same for all",
    "jobs.drain.Drain._waiting": "jobs with the council's key among their arguments",
    "notices.shelf.Shelf._renderings": "by council and sha256",
    "notices.shelf.Shelf._versions": "by council",
    "notices.words.Voice._macros": "one document's own",
    "notices.words.Voice._spoken": "one document's own",
    "plugins.limits._left_behind": "threads that hang, by whose they are; nothing of what they were asked or told",
    "policy.paths.field_named": "shapes of structs",
    "policy.paths.fields_of": "shapes of structs",
    "policy.paths.key_name": "shapes of structs",
    "policy.paths.table_of": "shapes of structs",
    "policy.store._remembered": "by hash of the whole policy; who may read a hash is asked of the database",
    "retention.clocks.current._classes": "statements of the software, by table and column",
    "retention.disposal.paper._template": "a template of the software",
    "retention.disposal.restore.RestoreCheck._passed": "by council",
    "retention.evidence.pages._environment": "templates of the software",
    "retention.evidence.pdf._template": "a template of the software",
    "retention.gauges.OpenChunks._known": "by council",
    "retention.rules.clocked._classes_stored": "statements of the software, by table",
    "retention.rules.compile._compiled": "by hash of the whole policy",
    "sharing.notifying._written": "statements of the software",
    "sharing.register._search": "statements of the software, by the names of what is asked for",
    "testing.saying._Text.parts": "one document's own",
    "web.metrics.Metrics._failures": "counts by name of gauge",
    "web.metrics.Metrics._requests": "counts of requests by route",
    "web.pages.Assets._by_name": "files of the software",
    "web.pages.Assets._urls": "files of the software",
    "web.shared.Kept._values": "whatever its owner keeps; see there",
    "web.shared.SharedAnswers._answers": "by the whole address, which begins with the council's slug",
    "web.surface.Councils._known": "by the slug in the address",
}
"""What is kept, and why it cannot mix councils up."""


def kept(path: Path) -> Iterator[str]:
    """Decorated functions, and containers that begin empty, at module level or on `self`: what could be a cache."""
    module = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(_called(entry) in DECORATORS for entry in node.decorator_list):
            yield f"{module}.{node.name}"
    for statement in tree.body:
        yield from (f"{module}.{name}" for name in _filled_later(statement))
        if isinstance(statement, ast.ClassDef):
            for inner in ast.walk(statement):
                yield from (f"{module}.{statement.name}.{name}" for name in _filled_later(inner, of_self=True))


def _filled_later(node: ast.AST, *, of_self: bool = False) -> Iterator[str]:
    if not isinstance(node, ast.Assign | ast.AnnAssign) or not _is_empty(node.value):
        return
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        if of_self and isinstance(target, ast.Attribute):
            yield target.attr
        if not of_self and isinstance(target, ast.Name):
            yield target.id


def _is_empty(value: ast.expr | None) -> bool:
    match value:
        case ast.Dict(keys=[]) | ast.List(elts=[]):
            return True
        case ast.Call():
            return _called(value) in EMPTY and not any(isinstance(entry, ast.Starred) for entry in value.args)
    return False


def _called(node: ast.expr) -> str:
    match node:
        case ast.Call(func=func) | ast.Subscript(value=func):
            return _called(func)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def test_the_list_of_what_is_kept_is_whole() -> None:
    found = {name for path in SOURCE.rglob("*.py") for name in kept(path)}
    assert found - KEPT.keys() == set(), "say here what keeps councils apart in it, and show it below"
    assert KEPT.keys() - found == set()


def test_a_policy_is_read_by_its_own_council_alone(house: House) -> None:
    hashes = {}
    for tenant, _ in house.pairs:
        with house.deployment.database.council(tenant.council_id) as session:
            policy = adopted(session)
            assert policy.council.slug == tenant.town.slug
            assert all(tenant.town.service in key or key.startswith("platform/") for key in clocks(policy))
            hashes[tenant.town.slug] = policy.hash
    for tenant, other in house.pairs:
        with house.deployment.database.council(tenant.council_id) as session, pytest.raises(NotFound):
            policy_of_hash(session, hashes[other.town.slug])


def test_a_page_that_was_kept_for_one_council_is_not_anothers(house: House) -> None:
    for _ in range(2):
        for tenant, other in house.pairs:
            own, foreign = tenant.town, other.town
            page = house.client.get(f"/{own.slug}/privacy/{own.service}")
            assert page.status_code == 200
            assert foreign.service not in page.text
            assert house.client.get(f"/{own.slug}/privacy/{foreign.service}").status_code == 404


def test_one_councils_calls_do_not_use_up_anothers(house: House) -> None:
    allowance, now = ApiAllowance(house.deployment.database), house.deployment.clock.now()
    mine, theirs = (tenant.council_id for tenant in house.tenants)

    def call(council_id: UUID) -> None:
        if not allowance.take(council_id, b"the same digest", now):
            allowance.draw(council_id, b"the same digest", now)

    for _ in range(API_CALLS.most):
        call(mine)
    with pytest.raises(TooManyRequests):
        call(mine)
    call(theirs)
