"""Stories of a folder whose own modules have the names of ours: common words, and a command works beside them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.cli.processes import ENVIRONMENT

OURS = ("events", "projections", "sandbox", "engine", "replay", "views", "cli")


def typed(folder: Path, code: list[str], *path: Path) -> subprocess.CompletedProcess[str]:
    """Start Python in a folder, with others on its path."""
    places = os.pathsep.join(map(str, path))
    return subprocess.run(
        [sys.executable, *code],
        cwd=folder,
        env={**ENVIRONMENT, "HOME": str(folder), "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.fixture
def shadowing(tmp_path: Path) -> Path:
    """Give a folder with a module of each of our names."""
    for name in OURS:
        (tmp_path / f"{name}.py").write_text(f"MINE = {name!r}\n", encoding="utf-8")
    return tmp_path


@pytest.mark.slow
def test_the_command_works_beside_modules_of_our_names(shadowing: Path) -> None:
    """By its module, and as the installed script starts it."""
    script = "import sys; sys.argv = ['stillroom', '--version']; from stillroom.__main__ import main; sys.exit(main())"
    for code in (["-m", "stillroom", "--version"], ["-c", script]):
        done = typed(shadowing, code, shadowing, ROOT)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("stillroom")


@pytest.mark.parametrize("name", ["cli", "events"])
def test_a_module_that_was_there_first_is_named(shadowing: Path, name: str) -> None:
    """Two modules of one name cannot both be imported; whose file is in the way is said, without a traceback."""
    early = f"import sys, {name}; sys.argv = ['stillroom', 'runs']; "
    done = typed(shadowing, ["-c", early + "from stillroom.__main__ import main; sys.exit(main())"], shadowing, ROOT)
    assert str(shadowing / f"{name}.py") in done.stderr
    assert f"a module named {name!r} was imported before stillroom" in done.stderr
    if name == "cli":  # the others are claimed when the package is imported, before the command begins
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
