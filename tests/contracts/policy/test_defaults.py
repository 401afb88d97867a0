"""Core's own tables have record classes with rules, and core's plugin passes what every plugin must."""

from __future__ import annotations

import ast
from pathlib import Path

import muniment.defaults
import muniment.schema
from muniment.database.registry import personal_tables
from muniment.policy.model import PLATFORM
from tests.unit.policy.made import compiled


def test_every_personal_table_is_of_a_class_that_has_a_rule() -> None:
    assert muniment.schema.metadata.tables
    policy = compiled().sound()
    classes = {entry.record_class for entry in personal_tables().values() if entry.record_class is not None}
    assert classes
    for record_class in classes:
        assert policy.rule_for(f"{PLATFORM}/{record_class}") is not None, record_class
        assert policy.record_class(f"{PLATFORM}/{record_class}").id == record_class


def test_every_class_of_core_can_be_clocked() -> None:
    platform = compiled().sound().platform
    ruled = {class_id for rule in platform.rules for class_id in rule.classes}
    assert ruled == {entry.id for entry in platform.classes}
    for rule in platform.rules:
        for clause in rule.clauses:
            assert clause.keep
            assert clause.authority
            if clause.keep == "permanent":
                assert rule.rationale, f"{rule.id} is kept for good and does not say why"
            else:
                assert clause.anchor
                assert clause.action == "destroy"


def test_core_defaults_import_the_surface_for_plugins_alone() -> None:
    for file in Path(muniment.defaults.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("muniment"):
                assert node.module.startswith(("muniment.api.", "muniment.defaults")), f"{file.name}: {node.module}"
