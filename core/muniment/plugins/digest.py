"""What code, data and templates a plugin consists of, as one hash.

The adopted policy records it, so that it can be told later exactly which plugin spoke.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from importlib.resources.abc import Traversable

__all__ = ["digest_of"]


def digest_of(package: str) -> str:
    """Sha256, in hexadecimal, over every file of an importable package: path, length and content, in order of path.

    Compiled files are left out: they differ between machines and say nothing that the sources don't.
    """
    digest = hashlib.sha256()
    for path, file in sorted(_files(resources.files(package), "")):
        content = file.read_bytes()
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _files(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__":
                found += _files(entry, f"{prefix}{entry.name}/")
        elif not entry.name.endswith((".pyc", ".pyo")):
            found.append((f"{prefix}{entry.name}", entry))
    return found
