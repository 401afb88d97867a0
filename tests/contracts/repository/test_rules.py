"""Rules of the repository that no linter knows."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def tracked(*patterns: str) -> list[Path]:
    """Files of the checkout; all files on disk where it is not one (an unpacked archive)."""
    done = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, capture_output=True, text=True)
    if done.returncode == 0:
        return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]
    return [path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()]


def test_core_names_no_council() -> None:
    """Behaviour switches on what a policy declares; a council's name in core would be a special case."""
    names = set()
    for entry in entry_points(group="muniment.plugins"):
        package = Path(str(entry.load().package).replace(".", "/"))
        for root in (ROOT / "plugins").iterdir():
            declared = root / package / "council.toml"
            if declared.is_file():
                council = tomllib.loads(declared.read_text(encoding="utf-8"))
                names |= {council["slug"], council["slug"].replace("-", "[ _]?"), package.name}
                names |= {service["slug"] for service in council["service"]}
    assert len(names) >= 6
    pattern = re.compile("|".join(sorted(names)), re.IGNORECASE)
    guilty = [path for path in tracked("core/**") if path.suffix != ".pyc" and pattern.search(_text(path))]
    assert guilty == []


def test_requirements_are_pinned_with_hashes_and_name_no_address() -> None:
    for name in ("runtime", "dev"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        pins = re.findall(r"^[a-z0-9][\w.-]*(?:\[[\w,-]+\])?==", text, re.MULTILINE)
        assert len(pins) > 20
        assert "://" not in text
        assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) >= len(pins)


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_every_requirement_asked_for_is_pinned(name: str) -> None:
    asked = re.findall(r"^([A-Za-z0-9][\w.-]*)", (ROOT / "requirements" / f"{name}.in").read_text(), re.MULTILINE)
    pinned = (ROOT / "requirements" / f"{name}.txt").read_text()
    assert [wanted for wanted in asked if not re.search(rf"^{wanted}(\[|==)", pinned, re.MULTILINE)] == []


def test_files_stay_readable() -> None:
    """A file that needs a map is two files. Tests and data may be longer."""
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked("core/**/*.py", "plugins/**/*.py", "notices/**/*.py")
        if (lines := _text(path).count("\n")) > 350 and "migrations/versions" not in str(path)
    }
    assert long == {}


def test_every_module_says_why_it_exists() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in tracked("core/**/*.py", "plugins/**/*.py", "notices/**/*.py")
        if _text(path).strip() and not _text(path).lstrip().startswith('"""')
    ]
    assert silent == []


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
