"""The Merkle tree against RFC 6962's definition and against known roots."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.audit.merkle import Tree, inclusion_proof, leaf_hash, node_hash, root_of, tree_of, verify_inclusion

DATA = st.lists(st.binary(max_size=8), min_size=1, max_size=70)


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(by_definition(leaves[:k]), by_definition(leaves[k:]))


def test_known_roots() -> None:
    """The test vectors that Certificate Transparency's implementations share."""
    inputs = [b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43"]
    assert Tree().root.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    roots = [tree_of(map(leaf_hash, inputs[:n])).root.hex() for n in (1, 2, 3)]
    assert roots == [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    ]


@given(DATA)
def test_a_growing_tree_has_the_root_of_the_definition(data: list[bytes]) -> None:
    leaves = [leaf_hash(each) for each in data]
    tree = Tree()
    for count, leaf in enumerate(leaves, start=1):
        tree = Tree(tree.size, tree.peaks)
        tree.append(leaf)
        assert tree.root == by_definition(leaves[:count])


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_quick_root_is_that_of_the_definition(data: list[bytes]) -> None:
    leaves = [leaf_hash(each) for each in data]
    assert root_of(leaves) == by_definition(leaves)


@given(DATA, st.data())
def test_a_proof_shows_its_leaf_and_no_other(data: list[bytes], draw: st.DataObject) -> None:
    leaves = [leaf_hash(bytes([index]) + each) for index, each in enumerate(data)]
    position = draw.draw(st.integers(0, len(leaves) - 1))
    proof, root = inclusion_proof(leaves, position), by_definition(leaves)
    assert verify_inclusion(leaves[position], position, len(leaves), proof, root)
    other = draw.draw(
        st.integers(0, len(leaves) - 1).filter(lambda at: at != position) if len(leaves) > 1 else st.none()
    )
    if other is not None:
        assert not verify_inclusion(leaves[other], position, len(leaves), proof, root)
        assert not verify_inclusion(leaves[position], other, len(leaves), proof, root)
    assert not verify_inclusion(leaves[position], position, len(leaves), [*proof, root], root)
    assert not verify_inclusion(leaves[position], len(leaves), len(leaves), proof, root)


@given(DATA, st.data())
def test_a_proof_needs_no_leaf_before_the_batch(data: list[bytes], draw: st.DataObject) -> None:
    leaves = [leaf_hash(bytes([index]) + each) for index, each in enumerate(data)]
    known = draw.draw(st.integers(0, len(leaves) - 1))
    position = draw.draw(st.integers(known, len(leaves) - 1))
    before = tree_of(leaves[:known])
    proof = inclusion_proof(leaves[known:], position, Tree(known, before.peaks))
    assert proof == inclusion_proof(leaves, position)
    assert verify_inclusion(leaves[position], position, len(leaves), proof, by_definition(leaves))


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="peaks"):
        Tree(3, b"\x00" * 32)
    with pytest.raises(IndexError):
        inclusion_proof([], 0)
    with pytest.raises(IndexError):
        inclusion_proof([sha256(b"").digest()], 0, tree_of([sha256(b"").digest()]))
