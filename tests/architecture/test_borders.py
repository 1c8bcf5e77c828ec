"""Who may know whom, and what of this machine may be in the project: nothing."""

import re
from collections.abc import Iterator
from importlib.metadata import distribution, distributions
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.source import PACKAGES, ROOT, named, shipped, tracked

_OURS: Final = {*PACKAGES, "cli"}
_INDEXES: Final = re.compile(
    rb"files\.pythonhosted\.org|\bpypi\.org/simple|//[\w.-]*(?:artifactory|devpi|nexus)[\w.-]*|index-url\s*=|extra-index",
)
_MACHINE: Final = re.compile(
    rb"(?<![\w.])/(?:work/(?:main|shared)|Users/[A-Za-z]+|home/[a-z]+)\b|" + re.escape(bytes(ROOT))
)
_MADE_UP: Final = (b"/home/a", b"/home/user", b"/home/agent", b"/root/.cache")
"""Paths inside sandboxes and in samples: nobody's machine."""

_HAS_CLONE: Final = pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="not a clone: nothing says which files count"
)


def test_nobody_knows_the_command_line() -> None:
    """It puts the parts together, and no part may need it; the import linter takes packages only."""
    knows = re.compile(r"^\s*(?:import cli\b|from cli import)", re.MULTILINE)
    assert [named(path) for path in shipped() if knows.search(path.read_text(encoding="utf-8"))] == []


def test_layers_and_doors_hold(capfd: pytest.CaptureFixture[str]) -> None:
    """The import contracts of ``pyproject.toml``, so that they are asked wherever the tests are."""
    from importlinter.cli import lint_imports  # noqa: PLC0415 - the linter sets up much when it is imported

    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0, capfd.readouterr().out


@_HAS_CLONE
def test_no_file_names_a_package_index() -> None:
    """Where packages come from is the business of whoever installs, and may be private."""
    assert list(_found(_INDEXES)) == []


@_HAS_CLONE
def test_no_file_knows_the_machine_it_was_written_on() -> None:
    """A path of one machine in a file is a mistake on every other."""
    assert list(_found(_MACHINE)) == []


def _found(pattern: re.Pattern[bytes]) -> Iterator[str]:
    for path in tracked():
        if path == Path(__file__):
            continue
        for match in pattern.finditer(path.read_bytes()):
            if not match[0].startswith(_MADE_UP):
                yield f"{named(path)}: {match[0].decode(errors='replace')}"


def test_no_dependency_owns_one_of_our_names() -> None:
    """Our top-level names are common words; pip would overwrite one package with another without a word."""
    owners = {
        f"{distribution.name} owns {file.parts[0]}"
        for distribution in distributions()
        if distribution.name != "stillroom"
        for file in distribution.files or ()
        if file.parts[0].removesuffix(".py") in _OURS
    }
    assert owners == set()


def test_every_entry_point_leads_somewhere() -> None:
    """A command or plug-in that cannot be imported is found here, not by a user."""
    ours = distribution("stillroom").entry_points
    assert any(point.name == "stillroom" and point.group == "console_scripts" for point in ours)
    for point in ours:
        assert point.load() is not None, point
