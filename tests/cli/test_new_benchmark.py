"""The guide to a new benchmark is true: its file is installed as it stands, and its commands say what it prints."""

import sys
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from engine.core import plugins
from tests.cli.terminal import type_in
from tests.docs.snippets import snippets

FENCES: Final = [(each.language, each.text) for each in snippets("docs/new-benchmark.md")]


def fences(language: str) -> list[str]:
    """Give the texts of all blocks of a language."""
    return [text for name, text in FENCES if name == language]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Follow the guide: write the file, register it, write the rows."""
    installed = tmp_path / "installed"
    info = installed / "units-1.0.dist-info"
    info.mkdir(parents=True)
    (installed / "units.py").write_text(fences("python")[0])
    points = tomllib.loads(fences("toml")[0])["project"]["entry-points"]
    lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in names.items()) for group, names in points.items()]
    (info / "entry_points.txt").write_text("\n".join(lines))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: units\nVersion: 1.0\n")
    base = tmp_path / "base"
    for name in ("conversions", "broken"):
        (base / name).mkdir(parents=True)
    (base / "conversions" / "test.jsonl").write_text(fences("jsonl")[0])
    (base / "broken" / "test.jsonl").write_text(fences("jsonl")[0].replace('"amount": 3', '"amount": "three"'))
    sys.path.append(str(installed))
    plugins.look_again()
    yield base
    sys.path.remove(str(installed))
    sys.modules.pop("units", None)
    plugins.look_again()


def test_each_command_of_the_guide_prints_what_it_says(folder: Path) -> None:
    """The block after a command is its output, or its error."""
    shown = [
        (command, then)
        for (kind, command), (_, then) in pairwise(FENCES)
        if kind == "sh" and command.startswith("stillroom sets")
    ]
    assert len(shown) == 2
    for command, then in shown:
        outcome = type_in(folder, *command.split()[1:])
        told = outcome.out + outcome.err
        for line in then.splitlines():
            assert line.rstrip() in told, (command, told)
