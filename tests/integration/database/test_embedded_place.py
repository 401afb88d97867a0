"""Where the embedded server lies when root starts it in a folder that others cannot pass."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from muniment.database import embedded_place
from muniment.database.embedded_place import data_folder, passable, program_folder


def test_a_folder_is_passable_only_if_all_above_are(tmp_path: Path) -> None:
    open_folder = tmp_path / "closed" / "open"
    open_folder.mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    assert not passable(open_folder)
    assert not passable(open_folder / "not" / "there")
    assert passable(Path("/"))


def test_root_in_a_private_folder_keeps_data_and_programs_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passable_folder: Path
) -> None:
    home = passable_folder / "home"
    monkeypatch.setattr(embedded_place, "HOME", home)
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    if os.geteuid() != 0:  # whoever is not root is who the server runs as: nothing need lie elsewhere
        assert data_folder(private / "data") == private / "data" / "postgres"
        return
    assert data_folder(private / "data").is_relative_to(home)
    assert data_folder(passable_folder) == passable_folder / "postgres"

    package = program_folder().parents[1]
    wheel = private / "site-packages"
    shutil.copytree(package, wheel / package.name, symlinks=True, ignore=shutil.ignore_patterns("pginstall"))
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, wheel / libraries.name, symlinks=True)
    monkeypatch.syspath_prepend(str(wheel))
    monkeypatch.delitem(sys.modules, package.name, raising=False)
    copied = program_folder()
    assert copied.is_relative_to(home)
    shutil.rmtree(wheel)
    done = subprocess.run([copied / "initdb", "--version"], capture_output=True, text=True, user="nobody", check=False)
    assert (done.returncode, done.stdout[:6]) == (0, "initdb")
