"""The key ring: what it makes, that rotating loses nothing, and that a careless file is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from muniment.api.errors import SettingsError
from muniment.keys import KeyRing, Purpose


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing.generate()


def test_what_older_keys_made_is_still_read_after_rotating(ring: KeyRing) -> None:
    signature, wrapped, digest = ring.sign(b"m"), ring.wrap(b"k" * 32, b"file"), ring.digest("import.reference", "x")
    newer = ring
    for purpose in Purpose:
        newer = newer.rotated(purpose)
    assert newer.verify(b"m", signature)
    assert newer.unwrap(wrapped, b"file") == b"k" * 32
    assert digest in newer.digests("import.reference", "x")
    assert newer.digests("import.reference", "x")[0] == newer.digest("import.reference", "x") != digest
    assert newer.sign(b"m")[:2] == b"\x00\x02"
    assert not ring.verify(b"m", newer.sign(b"m"))


def test_a_signature_is_for_one_message(ring: KeyRing) -> None:
    signature = ring.sign(b"m")
    assert not ring.verify(b"n", signature)
    assert not ring.verify(b"m", signature[:-1] + bytes([signature[-1] ^ 1]))
    assert not ring.verify(b"m", b"")
    assert not KeyRing.generate().verify(b"m", signature)


def test_a_wrapped_key_opens_only_where_it_belongs(ring: KeyRing) -> None:
    wrapped = ring.wrap(b"k" * 32, b"one")
    for other, bound_to in ((ring, b"two"), (KeyRing.generate(), b"one")):
        with pytest.raises(SettingsError):
            other.unwrap(wrapped, bound_to)
    with pytest.raises(SettingsError):
        ring.unwrap(b"", b"one")


def test_digests_differ_by_context_and_by_ring(ring: KeyRing) -> None:
    assert ring.digest("a", "x") == ring.digest("a", b"x")
    assert len({ring.digest("a", "x"), ring.digest("b", "x"), KeyRing.generate().digest("a", "x")}) == 3
    assert len(ring.digest("a", "x")) == 34


def test_saved_and_opened_it_is_the_same(ring: KeyRing, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "keys.toml"
    ring.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert KeyRing.open(path).keys == ring.keys
    assert [each.name for each in path.parent.iterdir()] == ["keys.toml"]


def test_a_ring_is_never_overwritten_by_mistake(ring: KeyRing, tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    ring.save(path)
    with pytest.raises(SettingsError, match="already"):
        KeyRing.generate().save(path)
    assert KeyRing.open(path).keys == ring.keys
    rotated = ring.rotated(Purpose.SIGNING)
    rotated.save(path, replace=True)
    assert KeyRing.open(path).keys == rotated.keys


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused(ring: KeyRing, tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys.toml"
    ring.save(path)
    path.chmod(mode)
    with pytest.raises(SettingsError, match="chmod 600"):
        KeyRing.open(path)


def test_a_missing_ring_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="muniment keys new"):
        KeyRing.open(tmp_path / "keys.toml")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("format = 1", "format = 2"),
        lambda text: text.replace("version = 1", "version = 0"),
        lambda text: text.replace("audit-signing", "file-wrapping"),
        lambda text: text.replace('purpose = "audit-signing"', 'purpose = "other"'),
        lambda text: text[: text.rindex("[[key]]")],
        lambda text: text[:-20],
        lambda text: text.replace("secret = ", 'secret = "c2hvcnQ=" #'),
        lambda text: "\x00",
    ],
)
def test_a_damaged_ring_is_refused_without_showing_it(ring: KeyRing, tmp_path: Path, spoil: object) -> None:
    path = tmp_path / "keys.toml"
    ring.save(path)
    assert callable(spoil)
    path.write_text(spoil(path.read_text()))
    with pytest.raises(SettingsError) as caught:
        KeyRing.open(path)
    assert all(key.secret not in str(caught.value) for key in ring.keys)


def test_it_shows_no_secret_when_printed(ring: KeyRing) -> None:
    assert all(key.secret not in repr(ring) for key in ring.keys)


@pytest.mark.parametrize("content", ["key = " + "[" * 5_000, "format = " + "9" * 5_000, "format = 'x", "format = 1"])
def test_a_damaged_ring_is_called_damaged(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.toml"
    path.touch(mode=0o600)
    path.write_text(content)
    with pytest.raises(SettingsError, match="is damaged"):
        KeyRing.open(path)


def test_a_file_that_is_no_key_ring_is_left_open(tmp_path: Path) -> None:
    path = tmp_path / "passwd"
    path.write_text("root:x:0:0:root:/root:/bin/sh\n")
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="There is no key ring in") as caught:
        KeyRing.open(path)
    assert "chmod" not in str(caught.value)
