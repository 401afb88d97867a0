"""Every `muniment ...` line of the documents is one that the program takes: commands, options and arguments exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from muniment.cli import main

ROOT = Path(__file__).parents[3]
DOCUMENTS = [ROOT / "README.md", ROOT / "core/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(?P<line>muniment [a-z][^`]*)`")
STEP = re.compile(r"^(?:\$ )?(?P<line>(?:sudo -u \w+ )?(?:[A-Z_]+=\S+ )*muniment [a-z].*)$")


def command_lines(text: str) -> Iterator[str]:
    """Lines of code blocks that begin with the program, continued lines joined, and mentions of it in backticks."""
    for block in FENCE.finditer(text):
        for line in block["text"].replace("\\\n", " ").splitlines():
            if found := STEP.match(line.strip()):
                # A table of examples: what comes after two spaces says what the command is for.
                yield "muniment " + re.split(r"\s{2,}[^-\s'\"]", found["line"].partition("muniment ")[2])[0]
    yield from (found["line"] for found in INLINE.finditer(FENCE.sub("", text)))


CASES = [
    pytest.param(line, id=f"{path.relative_to(ROOT)}: {line}")
    for path in DOCUMENTS
    if path.is_file()
    for line in sorted(set(command_lines(path.read_text(encoding="utf-8"))))
]


PLACEHOLDER = re.compile(r"\b[A-Z][A-Z]+\b|\.\.\.")


@pytest.mark.parametrize("line", CASES)
def test_the_program_takes_it(line: str) -> None:
    words = shlex.split(line.replace("\\|", "|").replace("[", "").replace("]", ""), comments=True)[1:]
    command: click.Command = main
    context = click.Context(main, info_name="muniment")
    while words and isinstance(command, click.Group):
        assert words[0] in command.commands, f"there is no `{context.command_path} {words[0]}`"
        command = command.commands[words.pop(0)]
        context = click.Context(command, info_name=command.name, parent=context)
    known = {name for parameter in command.get_params(context) for name in parameter.opts}
    used = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert used <= known, f"`{context.command_path}` has no {', '.join(sorted(used - known))}"
    if words and used != {"--help"} and not PLACEHOLDER.search(line):
        command.parse_args(context, words)


def test_lines_are_found() -> None:
    assert len(CASES) > 40
