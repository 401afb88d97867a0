"""The Merkle tree of RFC 6962 (Certificate Transparency), section 2.1: hashes, the growing tree, inclusion proofs.

Pure: bytes in, bytes out. A tree of n leaves is kept as its peaks, the roots of the perfect trees that n's binary
digits name, largest first; so a tree of millions grows by a leaf for the price of a few hashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

__all__ = ["HASH", "Tree", "inclusion_proof", "leaf_hash", "root_of", "verify_inclusion"]

HASH = 32
"""Bytes of a hash."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf: SHA-256 over 0x00 and the data."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256 over 0x01 and both children."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that grows. `size` leaves so far; `peaks` is what must be stored to go on from here."""

    def __init__(self, size: int = 0, peaks: bytes = b"") -> None:
        if len(peaks) != HASH * size.bit_count():
            raise ValueError("the peaks are not those of a tree of this size")
        self.size = size
        self._peaks = [peaks[at : at + HASH] for at in range(0, len(peaks), HASH)]

    @property
    def peaks(self) -> bytes:
        return b"".join(self._peaks)

    def append(self, leaf: bytes) -> None:
        """Add the hash of a leaf."""
        node, size = leaf, self.size
        while size & 1:
            node = node_hash(self._peaks.pop(), node)
            size >>= 1
        self._peaks.append(node)
        self.size += 1

    @property
    def root(self) -> bytes:
        """The Merkle tree hash of the leaves so far; of none, SHA-256 of nothing."""
        if not self._peaks:
            return sha256(b"").digest()
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of some leaf hashes, `tree_of(leaves).root`, level by level: the quick way for thousands.

    A node without a neighbour moves up unchanged, which is the split at the largest power of two.
    """
    level = list(leaves)
    if not level:
        return sha256(b"").digest()
    while len(level) > 1:
        nodes = iter(level)
        above = [sha256(b"\x01" + left + right).digest() for left, right in zip(nodes, nodes, strict=False)]
        level = [*above, level[-1]] if len(level) & 1 else above
    return level[0]


def tree_of(leaves: Iterable[bytes]) -> Tree:
    """The tree of some leaf hashes."""
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf)
    return tree


def inclusion_proof(leaves: Sequence[bytes], position: int, before: Tree | None = None) -> list[bytes]:
    """The audit path of the leaf at `position` (from 0), from the leaf upwards, in the tree that `leaves` (hashes) make
    of the tree `before` them; without one they are all there is.

    What lies before need not be known leaf by leaf: whatever part of it a later leaf's path names is one of its peaks.
    Raises `IndexError` if the position is not one of `leaves`.
    """
    before = before or Tree()
    if not before.size <= position < before.size + len(leaves):
        raise IndexError("there is no leaf at this position")
    return _Grown(before, leaves).path(position)


class _Grown:
    """A tree of which only the leaves after `before` are known one by one. Ranges are half open."""

    def __init__(self, before: Tree, leaves: Sequence[bytes]) -> None:
        self._old, self._new, self.size = before.size, leaves, before.size + len(leaves)
        self._peaks: dict[tuple[int, int], bytes] = {}
        at = 0
        for bit in range(before.size.bit_length() - 1, -1, -1):
            if before.size >> bit & 1:
                number = len(self._peaks)
                self._peaks[at, at + (1 << bit)] = before.peaks[number * HASH : (number + 1) * HASH]
                at += 1 << bit

    def path(self, position: int) -> list[bytes]:
        first, last = 0, self.size
        siblings: list[bytes] = []
        while last - first > 1:
            middle = _split(first, last)
            if position < middle:
                siblings.append(self._hash(middle, last))
                last = middle
            else:
                siblings.append(self._hash(first, middle))
                first = middle
        return siblings[::-1]

    def _hash(self, first: int, last: int) -> bytes:
        if first >= self._old:
            return tree_of(self._new[first - self._old : last - self._old]).root
        if last <= self._old:
            return self._peaks[first, last]
        middle = _split(first, last)
        return node_hash(self._hash(first, middle), self._hash(middle, last))


def _split(first: int, last: int) -> int:
    """Where RFC 6962 parts a range: after the largest power of two that is smaller than its length."""
    return first + (1 << (last - first - 1).bit_length() - 1)


def verify_inclusion(leaf: bytes, position: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof shows that the leaf stands at `position` of the tree with this size and root."""
    if not 0 <= position < size:
        return False
    node, at, last = leaf, position, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            node = node_hash(sibling, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and node == root
