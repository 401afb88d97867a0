"""A certificate proves itself to whoever has the public keys, and nothing in it can be changed without being found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from muniment.audit.merkle import inclusion_proof, leaf_hash
from muniment.audit.proofs import Unproven
from muniment.keys import KeyRing, Purpose
from muniment.retention.evidence.content import COMMITTED_BEFORE, canonical
from muniment.retention.evidence.document import CertificateDocument, NotSealed, check, read, written
from muniment.retention.evidence.membership import Membership, check_membership
from tests.unit.retention.paper import CONFIRMATIONS, CONTENT, KEYS, document, keys_of, unsealed

RING = KeyRing.generate()
SEALED = document(RING)
PUBLIC = keys_of(RING)


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a JSON document that holds a plain value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path


WHOLE = json.loads(written(SEALED))
PLACES = list(leaves(WHOLE))
CHARACTERS = "0123456789abcdefABCDEF xyz-:+TZé\u0000\u200b"


def put(place: tuple[str | int, ...], value: object) -> bytes:
    """The file with another value in one place."""
    changed = json.loads(written(SEALED))
    inner = changed
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return json.dumps(changed).encode()


def at(place: tuple[str | int, ...]) -> Any:
    found: Any = WHOLE
    for step in place:
        found = found[step]
    return found


def test_it_proves_itself() -> None:
    found = check(read(written(SEALED)), PUBLIC)
    assert found.whole
    assert (found.unproven, [key.version for key in found.keys]) == (0, [1])
    assert set(found.fields) == set(structs.asdict(CONTENT))


def test_it_may_be_spaced_and_ordered_otherwise() -> None:
    check(read(json.dumps(WHOLE, sort_keys=True).encode()), PUBLIC)


@given(st.sampled_from(PLACES), st.data())
def test_a_character_changed_anywhere_is_found(place: tuple[str | int, ...], data: st.DataObject) -> None:
    value = at(place)
    if isinstance(value, str) and value:
        spot = data.draw(st.integers(0, len(value) - 1))
        with_other = data.draw(st.sampled_from(CHARACTERS).filter(lambda each: each != value[spot]))
        new: object = value[:spot] + with_other + value[spot + 1 :]
    elif isinstance(value, bool):
        new = not value
    elif isinstance(value, int):
        new = data.draw(st.integers(-(2**40), 2**70).filter(lambda each: each != value))
    else:
        new = data.draw(st.sampled_from(["", 0, str(UUID(int=9)), [], {}]))
    with pytest.raises(Unproven):
        check(read(put(place, new)), PUBLIC)


@given(st.sampled_from(PLACES), st.sampled_from([None, 0, 1.0, True, "", "x", [], {}, "AB" * 32]))
def test_another_kind_of_value_anywhere_is_found(place: tuple[str | int, ...], value: object) -> None:
    if json.dumps(value) != json.dumps(at(place)):
        with pytest.raises(Unproven):
            check(read(put(place, value)), PUBLIC)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_nothing_can_be_left_out(place: tuple[str | int, ...]) -> None:
    changed = json.loads(written(SEALED))
    inner = changed
    for step in place[:-1]:
        inner = inner[step]
    del inner[place[-1]]
    with pytest.raises(Unproven):
        check(read(json.dumps(changed).encode()), PUBLIC)


def test_a_value_written_otherwise_or_twice_is_found() -> None:
    text = written(SEALED).decode()
    for old, new in (
        (CONTENT.root, CONTENT.root.upper()),
        ('"disposed": 11,', '"disposed": 11.0,'),
        ('"disposed": 11,', '"disposed": 11, "disposed": 11,'),
        ('"2026-11-20T12:00:00Z"', '"2026-11-20T12:00:00+00:00"'),
        (str(CONTENT.id), str(CONTENT.id).replace("-", "")),
    ):
        assert old in text
        with pytest.raises(Unproven):
            check(read(text.replace(old, new, 1).encode()), PUBLIC)


def test_what_is_no_certificate_is_refused() -> None:
    for data in (b"", b"{}", b"[]", b"\xff", b"{" * 100_000, b'{"format": 2}', b"null"):
        with pytest.raises(Unproven, match="no certificate"):
            read(data)


def test_a_confirmation_of_another_or_twice_is_found() -> None:
    first, second = SEALED.confirmations
    for changed in (
        structs.replace(SEALED, confirmations=(second, first)),
        structs.replace(SEALED, confirmations=(second, second), confirmed=4),
        structs.replace(SEALED, confirmations=(structs.replace(first, proof=second.proof), second)),
        structs.replace(SEALED, confirmations=(structs.replace(first, proof=None), second)),
        structs.replace(SEALED, proof=first.proof),
        structs.replace(SEALED, proof=None),
    ):
        with pytest.raises(Unproven):
            check(read(written(changed)), PUBLIC)


def test_an_earlier_state_is_proven_as_such() -> None:
    earlier = structs.replace(SEALED, confirmations=SEALED.confirmations[:1], confirmed=1, complete=False)
    assert not check(read(written(earlier)), PUBLIC).document.complete


def test_what_is_not_sealed_says_when_to_ask_again() -> None:
    with pytest.raises(NotSealed, match="ask for it again after 20/11/2026 at 12:02 UTC"):
        check(read(written(unsealed(RING))), PUBLIC)


def test_one_of_before_contents_were_kept_is_proven_in_part() -> None:
    old = document(RING, whole=False)
    found = check(old, PUBLIC)
    assert not found.whole
    assert found.fields == ("id", "council", *COMMITTED_BEFORE)
    bare = structs.replace(old, confirmations=tuple(structs.replace(each, proof=None) for each in old.confirmations))
    assert check(bare, PUBLIC).unproven == 2
    with pytest.raises(Unproven):
        check(structs.replace(old, certificate=structs.replace(CONTENT, disposed=12)), PUBLIC)
    renamed = structs.replace(old, certificate=structs.replace(CONTENT, id=UUID(int=99)), confirmations=(), confirmed=0)
    with pytest.raises(Unproven, match="about something else"):
        check(structs.replace(renamed, complete=False), PUBLIC)


def test_a_rotated_key_still_proves_and_another_rings_does_not() -> None:
    newer = RING.rotated(Purpose.SIGNING)
    public = keys_of(newer)
    assert [key.version for key in public.keys] == [1, 2]
    assert public.keys[0].superseded == public.keys[1].made
    assert [key.version for key in check(SEALED, public).keys] == [1]
    assert [key.version for key in check(document(newer), public).keys] == [2]
    with pytest.raises(Unproven, match="key 2, which is not among"):
        check(document(newer), PUBLIC)
    with pytest.raises(Unproven, match="signature"):
        check(SEALED, keys_of(KeyRing.generate()))
    with pytest.raises(Unproven, match="another council"):
        check(SEALED, structs.replace(PUBLIC, council=UUID(int=8)))


@given(st.integers(0, len(KEYS) - 1), st.data())
def test_a_record_is_shown_to_be_among_them_and_no_other(position: int, data: st.DataObject) -> None:
    path = inclusion_proof([leaf_hash(key.bytes) for key in KEYS], position)
    shown = Membership(1, CONTENT.id, KEYS[position], position, tuple(step.hex() for step in path))
    check_membership(CONTENT, shown, KEYS[position])
    other = data.draw(st.uuids().filter(lambda key: key != KEYS[position]))
    for changed, key in (
        (shown, other),
        (structs.replace(shown, key=other), other),
        (structs.replace(shown, position=(position + 1) % len(KEYS)), KEYS[position]),
        (structs.replace(shown, certificate=other), KEYS[position]),
        (structs.replace(shown, path=shown.path[1:]), KEYS[position]),
    ):
        with pytest.raises(Unproven):
            check_membership(CONTENT, changed, key)


def test_the_bytes_of_a_content_never_change() -> None:
    """What old events commit to must be written in the same way for ever."""
    assert canonical(CONTENT).startswith(b'{"action":"destroy","armed_by":"00000000-0000-0000-0000-000000000003",')
    assert canonical(CONFIRMATIONS[0]) == (
        b'{"certificate":"00000000-0000-0000-0000-000000000001","confirmed_at":"2026-11-21T12:00:00Z",'
        b'"confirmed_by":null,"confirmed_kind":"command (records manager)","count":1,"destroyed_on":"2026-11-21",'
        b'"id":"00000000-0000-0000-0000-000000000015","method":"shredded to DIN 66399 level P-4"}'
    )
    assert isinstance(read(written(SEALED)), CertificateDocument)
