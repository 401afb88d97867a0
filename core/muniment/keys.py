"""The key ring: the deployment's secrets, in one file that its owner alone can read.

A key has a purpose and a version. The newest version makes, every version reads: whatever the ring makes (a signature,
a wrapped key, a digest) begins with two bytes that tell the version, so rotating never invalidates what is stored.
The file is TOML, made by `muniment keys new`; it is no part of any backup of the database.
"""

from __future__ import annotations

import base64
import hmac
import os
import secrets
import stat
import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from muniment.api.errors import SettingsError

__all__ = ["Key", "KeyRing", "Purpose", "split_signature"]

NONCE = 12
VERSION = 2
"""Bytes that tell the version of the key before everything that the ring makes."""


class Purpose(StrEnum):
    """What a key is for. No key serves two purposes."""

    SIGNING = "audit-signing"
    """Ed25519: signs the checkpoints of the audit log."""

    WRAPPING = "file-wrapping"
    """AES-256-GCM: wraps the keys of stored files."""

    DIGESTS = "keyed-digests"
    """HMAC-SHA256: digests that must not be guessable, such as references of clients who are gone."""


class Key(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of the key for a purpose: 32 random bytes in base64."""

    purpose: Purpose
    version: int
    made: datetime
    secret: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    key: list[Key]


class KeyRing:
    """Keys by purpose, the newest version of each first. Immutable."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self.keys = tuple(sorted(keys, key=lambda key: (key.purpose, key.version)))
        self._secrets = {(key.purpose, key.version): _decoded(key) for key in self.keys}
        self._newest = {key.purpose: key.version for key in self.keys}
        missing = set(Purpose) - self._newest.keys()
        if missing or len(self._secrets) != len(self.keys):
            what = f"no key for {', '.join(sorted(missing))}" if missing else "two keys of one purpose and version"
            raise SettingsError(f"The key ring has {what}. Restore it from where keys are kept.")

    @classmethod
    def generate(cls) -> KeyRing:
        """A new ring with one key for each purpose."""
        return cls(_new_key(purpose, 1) for purpose in Purpose)

    @classmethod
    def open(cls, path: Path) -> KeyRing:
        """Read the ring. Raises `SettingsError` if it is missing, malformed or readable by anybody else."""
        try:
            mode = path.stat().st_mode
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise SettingsError(f"There is no key ring at {path}. Make one with: muniment keys new") from None
        except (OSError, UnicodeDecodeError):
            raise SettingsError(f"The key ring at {path} cannot be read.") from None
        try:
            file = msgspec.convert(tomllib.loads(text), _File)
        except (ValueError, RecursionError):  # of TOML and msgspec alike
            raise SettingsError(
                f"There is no key ring in {path}, or it is damaged. Name the right file in MUNIMENT_KEYS_FILE, or"
                " restore the ring from where keys are kept."
            ) from None
        if stat.S_IMODE(mode) & 0o077:  # looked at last: nobody is told to shut a file that is no key ring
            raise SettingsError(f"The key ring at {path} can be read by others. Run: chmod 600 {path}")
        if file.format != 1:
            raise SettingsError(f"The key ring at {path} is of format {file.format}; this version reads format 1.")
        return cls(file.key)

    def save(self, path: Path, *, replace: bool = False) -> None:
        """Write the ring, readable by its owner alone, whole or not at all.

        Raises `SettingsError` if there is one already and `replace` is false, for a lost ring is lost evidence, and if
        it cannot be written; then everything is as it was.
        """
        unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(self._toml())
                    file.flush()
                    os.fsync(file.fileno())
                if replace:
                    unfinished.replace(path)
                else:
                    os.link(unfinished, path)
            finally:
                unfinished.unlink(missing_ok=True)
        except OSError as error:
            if isinstance(error, FileExistsError) and path.exists():
                raise SettingsError(f"There is a key ring at {path} already; it was left as it is.") from None
            raise SettingsError(
                f"The key ring cannot be written to {path} ({error.strerror}): nothing was changed. Make room there,"
                " let this account write, or name another place in MUNIMENT_KEYS_FILE."
            ) from error

    def rotated(self, purpose: Purpose) -> KeyRing:
        """The ring with a newer version for one purpose; the older ones stay, to read with."""
        return KeyRing([*self.keys, _new_key(purpose, self._newest[purpose] + 1)])

    def sign(self, message: bytes) -> bytes:
        """Sign with the newest signing key."""
        version = self._newest[Purpose.SIGNING]
        return _mark(version) + self._signing_key(version).sign(message)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether a key of this ring signed the message."""
        version, rest = _split(signature)
        if (Purpose.SIGNING, version) not in self._secrets:
            return False
        try:
            self._signing_key(version).public_key().verify(rest, message)
        except InvalidSignature:
            return False
        return True

    def public_keys(self) -> dict[int, tuple[datetime, bytes]]:
        """The signing keys by version: when each was made, and its public half, for who verifies without the ring."""
        made = {key.version: key.made for key in self.keys if key.purpose is Purpose.SIGNING}
        return {
            version: (when, self._signing_key(version).public_key().public_bytes_raw())
            for version, when in sorted(made.items())
        }

    def wrap(self, secret: bytes, bound_to: bytes) -> bytes:
        """Encrypt a key under the newest wrapping key, so that it opens for the same `bound_to` alone."""
        version, nonce = self._newest[Purpose.WRAPPING], os.urandom(NONCE)
        cipher = AESGCM(self._secrets[Purpose.WRAPPING, version])
        return _mark(version) + nonce + cipher.encrypt(nonce, secret, bound_to)

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        """What `wrap` was given. Raises `SettingsError` if this ring did not wrap it or it is bound elsewhere."""
        version, rest = _split(wrapped)
        try:
            cipher = AESGCM(self._secrets[Purpose.WRAPPING, version])
            return cipher.decrypt(rest[:NONCE], rest[NONCE:], bound_to)
        except (KeyError, InvalidTag, ValueError):
            raise SettingsError("A stored file's key does not open with this key ring: is it another's?") from None

    def digest(self, context: str, value: str | bytes) -> bytes:
        """A digest under the newest key that nobody without the ring can compute: 34 bytes.

        `context` separates uses ("import.reference"): equal values under two contexts have unlike digests.
        """
        return self._digest(self._newest[Purpose.DIGESTS], context, value)

    def digests(self, context: str, value: str | bytes) -> list[bytes]:
        """The digest under every version, the newest first: look stored ones up with `= any(...)`."""
        versions = sorted((key.version for key in self.keys if key.purpose is Purpose.DIGESTS), reverse=True)
        return [self._digest(version, context, value) for version in versions]

    def _digest(self, version: int, context: str, value: str | bytes) -> bytes:
        data = value.encode() if isinstance(value, str) else value
        key = self._secrets[Purpose.DIGESTS, version]
        return _mark(version) + hmac.digest(key, context.encode() + b"\0" + data, "sha256")

    def _signing_key(self, version: int) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._secrets[Purpose.SIGNING, version])

    def _toml(self) -> str:
        lines = [
            "# Muniment's key ring. Keep a copy apart from the database's backups; show it to nobody.",
            "format = 1",
        ]
        for key in self.keys:
            lines += [
                "",
                "[[key]]",
                f'purpose = "{key.purpose}"',
                f"version = {key.version}",
                f"made = {key.made.isoformat()}",
                f'secret = "{key.secret}"',
            ]
        return "\n".join(lines) + "\n"

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(f'{key.purpose} {key.version}' for key in self.keys)})"


def _new_key(purpose: Purpose, version: int) -> Key:
    made = datetime.now(UTC).replace(microsecond=0)
    return Key(purpose=purpose, version=version, made=made, secret=base64.b64encode(secrets.token_bytes(32)).decode())


def _decoded(key: Key) -> bytes:
    try:
        secret = base64.b64decode(key.secret, validate=True)
    except ValueError:
        secret = b""
    if len(secret) != 32 or not 1 <= key.version <= 0xFFFF:
        raise SettingsError(f"The key ring's key {key.purpose} {key.version} is damaged. Restore the ring.")
    return secret


def _mark(version: int) -> bytes:
    return version.to_bytes(VERSION, "big")


def split_signature(signature: bytes) -> tuple[int, bytes]:
    """The version of the key that signed, and the bare Ed25519 signature."""
    return _split(signature)


def _split(made: bytes) -> tuple[int, bytes]:
    return int.from_bytes(made[:VERSION], "big"), made[VERSION:]
