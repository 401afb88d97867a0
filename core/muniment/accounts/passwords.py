"""Passwords: Argon2id hashes (RFC 9106, its second recommended choice), and what is asked of a new one.

Length is what is asked, as NCSC and NIST SP 800-63B advise, and nothing else: no composition rules, no expiry. Checking
takes the same time whether or not there is such an account.
"""

from __future__ import annotations

import secrets
import unicodedata
from base64 import b64encode

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION
from argon2.profiles import RFC_9106_LOW_MEMORY

from muniment.api.errors import InvalidInput

__all__ = ["check_password", "generate_password", "hash_password", "needs_new_hash"]

SHORTEST, LONGEST = 12, 256

_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


def generate_password() -> str:
    """A random password of 120 bits, to be shown once."""
    return secrets.token_urlsafe(15)


def hash_password(password: str) -> str:
    """The Argon2id hash of a new password. Raises `InvalidInput` if it is shorter than 12 characters or over 256."""
    normal = _normal(password)
    if not SHORTEST <= len(normal) <= LONGEST:
        message = f"A password has {SHORTEST} to {LONGEST} characters. Three random words make a good one."
        raise InvalidInput(message, where="password")
    return _hasher.hash(normal)


def check_password(stored: str | None, password: str) -> bool:
    """Whether `password` is the one that was hashed; without a hash, the same work and False."""
    try:
        _hasher.verify(stored or _of_nobody(), _normal(password)[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def needs_new_hash(stored: str) -> bool:
    """Whether the hash was made with weaker parameters than are used today."""
    return _hasher.check_needs_rehash(stored)


def _of_nobody() -> str:
    """What looks like a hash, costs as much to check, and is no password's: it was drawn, not computed."""
    salt, digest = (
        b64encode(secrets.token_bytes(size)).rstrip(b"=").decode() for size in (_hasher.salt_len, _hasher.hash_len)
    )
    costs = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${costs}${salt}${digest}"


def _normal(password: str) -> str:
    """Composed and compatibility characters typed on different keyboards are the same password."""
    return unicodedata.normalize("NFKC", password)
