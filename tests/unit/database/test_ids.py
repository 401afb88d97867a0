"""Keys made by the thousand are of the same kind as those that are made one at a time."""

from __future__ import annotations

from uuid import RFC_4122

from muniment.database.ids import new_id, new_keys, random_id, random_keys

MANY = 1_000


def test_random_keys_are_random_uuids_and_all_different() -> None:
    keys = list(random_keys(MANY))
    assert {(key.version, key.variant) for key in keys} == {(random_id().version, RFC_4122)} == {(4, RFC_4122)}
    assert len(set(keys)) == MANY


def test_new_keys_grow_with_time() -> None:
    keys = list(new_keys(MANY))
    assert {key.version for key in keys} == {new_id().version} == {7}
    assert keys == sorted(set(keys))
