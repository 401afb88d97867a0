"""The form of an encrypted object: AES-256-GCM in chunks, so that a large file streams and cannot be cut or reordered.

Each file has a key of its own, used for nothing else, so a counter can be the nonce: 11 bytes count the chunk, the last
byte says whether it is the final one. Each chunk is bound to the file's id. An object is empty of anything readable.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["Damaged", "decrypt", "encrypt", "new_key"]

CHUNK = 64 * 1024
TAG = 16


class Damaged(Exception):
    """The object is not what was stored: changed, cut short, or another file's."""


def new_key() -> bytes:
    """A key for one file."""
    return os.urandom(32)


def encrypt(key: bytes, bound_to: bytes, source: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks of an object for the bytes of `source`, in pieces of any size."""
    cipher, count = AESGCM(key), 0
    pending = bytearray()
    for piece in source:
        pending += piece
        while len(pending) > CHUNK:
            yield cipher.encrypt(_nonce(count, last=False), bytes(pending[:CHUNK]), bound_to)
            del pending[:CHUNK]
            count += 1
    yield cipher.encrypt(_nonce(count, last=True), bytes(pending), bound_to)


def decrypt(key: bytes, bound_to: bytes, source: BinaryIO) -> Iterator[bytes]:
    """The bytes that were stored, a chunk at a time, each verified before it is given. Raises `Damaged`."""
    cipher, count = AESGCM(key), 0
    chunk = source.read(CHUNK + TAG)
    while True:
        following = source.read(CHUNK + TAG)
        try:
            yield cipher.decrypt(_nonce(count, last=not following), chunk, bound_to)
        except InvalidTag:
            raise Damaged from None
        if not following:
            return
        chunk, count = following, count + 1


def _nonce(count: int, *, last: bool) -> bytes:
    return count.to_bytes(11, "big") + (b"\1" if last else b"\0")
