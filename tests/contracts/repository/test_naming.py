"""Each query on a council's table says whose rows it means, beside what row-level security says.

`tests.naming.watch` looks at what is composed, where a run asks for it; here is how it judges, and every statement that
stands written out in the product.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import muniment.schema  # noqa: F401  # every table must be known
from tests.naming import unnamed

CORE = Path(__file__).parents[3] / "core" / "muniment"
STATEMENT = re.compile(r"\s*(select|with|update|delete|insert)\s.*\b(from|set)\s", re.IGNORECASE | re.DOTALL)
OWNERS = {"schema_sql.py"}
"""What the owner of the tables runs, past row-level security, names rows by their keys."""


@pytest.mark.parametrize(
    ("sql", "without"),
    [
        ("select * from record where council_id = %(c)s", []),
        ("select * from record where id = %(i)s", ["record"]),
        ("update record set state = 'running'", ["record"]),
        ("delete from record where council_id = %(c)s::uuid and id = %(i)s", []),
        ("select * from record r, hold where r.council_id = hold.council_id and hold.council_id = %(c)s", []),
        ("select * from record r, hold where r.council_id = hold.council_id", ["hold", "record"]),
        ("select * from record r join hold h on h.target_id = r.id where r.council_id = %(c)s", ["hold"]),
        ("select * from record where council_id = %(c)s and id in (select target_id from hold)", ["hold"]),
        ("select * from council where id in (select council_id from hold where hold.council_id = council.id)", []),
        ("with due as (select id from record) select * from due", ["record"]),
        ("select id from record where council_id = %(c)s union all select id from register", ["register"]),
        ("insert into hold (id) select id from record where note = 'council_id = (1)'", ["record"]),
        ("update record set state = now.state from now where now.council_id = record.council_id", []),
        ("select * from record r left join hold h on (h.council_id, h.id) = (r.council_id, r.x)", ["hold", "record"]),
    ],
)
def test_what_a_statement_leaves_unnamed(sql: str, without: list[str]) -> None:
    assert unnamed(sql) == without


def test_no_statement_written_out_leaves_its_council_unnamed() -> None:
    found = {
        (str(path.relative_to(CORE)), sql): missing
        for path in CORE.rglob("*.py")
        if "migrations" not in path.parts and path.name not in OWNERS
        for sql in _strings(path)
        if STATEMENT.match(sql) and (missing := unnamed(sql))
    }
    assert found == {}


def _strings(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    inner = {id(part) for node in joined for part in node.values}
    plain = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [str(node.value) for node in plain if id(node) not in inner] + [
        "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values) for node in joined
    ]
