"""The workshop: what is installed is what was tested, and the two commands are there."""

import re
import tomllib
from importlib.metadata import distribution
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.source import ROOT

_PIN: Final = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[\w.]+)")


def _pins() -> dict[str, str]:
    pins = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            match = _PIN.fullmatch(line)
            assert match is not None, f"constraints.txt holds more than name==version: {line}"
            pins[match["name"]] = match["version"]
    return pins


def test_everything_that_gets_installed_is_pinned() -> None:
    """A clone made next year gets the versions that passed; what they need in turn is pinned too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["dev"]]
    wanted += project["build-system"]["requires"]
    assert _needed(wanted) - set(_pins()) == set()


def _needed(requirements: list[str]) -> set[str]:
    """Follow requirements to the end, as they apply here."""
    seen: set[str] = set()
    left = [Requirement(text) for text in requirements]
    while left:
        requirement = left.pop()
        name = canonicalize_name(requirement.name)
        if name not in seen and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
            seen.add(name)
            left += [Requirement(text) for text in distribution(name).requires or ()]
    return seen


def test_the_commands_of_the_readme_exist() -> None:
    """``make demo`` and ``make test`` are the first two things anybody types."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("demo", "test", "check", "bench", "mutants", "fix", "venv"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
