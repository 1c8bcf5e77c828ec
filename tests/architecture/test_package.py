"""What is shipped is all of it: a wheel, built from the sdist, installed elsewhere, runs the demo."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, named, shipped

BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"

DEMO = """
import sys, cli, engine
assert all("installed" in module.__file__ for module in (cli, engine)), engine.__file__
sys.argv = ["stillroom", "demo", "--json"]
sys.exit(cli.main())
"""


def build(what: str, source: Path, target: Path) -> Path:
    """Build as a front end does, in a process of its own, without fetching anything."""
    built = subprocess.run(
        [sys.executable, "-c", BUILD, what, str(target)], cwd=source, capture_output=True, text=True, check=True
    )
    return target / built.stdout.splitlines()[-1]


def copied(source: Path, target: Path) -> Path:
    """Copy what a clone would hold: building writes into its source."""
    left_out = shutil.ignore_patterns(
        ".git", ".venv", "__pycache__", "*.egg-info", ".*_cache", ".hypothesis", ".stillroom"
    )
    return Path(shutil.copytree(source, target, ignore=left_out))


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_wheel_from_the_sdist_runs_the_demo_elsewhere(tmp_path: Path) -> None:
    """With every prompt, task and hidden file; the source it was built from is gone by then."""
    sdist = build("build_sdist", copied(ROOT, tmp_path / "source"), tmp_path)
    shutil.rmtree(tmp_path / "source")
    shutil.unpack_archive(sdist, tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    wheel = build("build_wheel", unpacked, tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        files = set(archive.namelist())
        archive.extractall(tmp_path / "installed")
    shutil.rmtree(tmp_path / "unpacked")
    assert {named(path) for path in shipped()} <= files
    assert {named(path) for path in (ROOT / "engine/programs").glob("*/prompts/*.md")} <= files
    demo = [path for path in (ROOT / "engine/demo").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {named(path) for path in demo} <= files
    assert not any(file.startswith(("tests/", "docs/", "benchmarks/")) for file in files)

    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}  # noqa: TID251 - a process needs its path
    (tmp_path / "elsewhere").mkdir()
    ran = subprocess.run(
        [sys.executable, "-P", "-c", DEMO],
        cwd=tmp_path / "elsewhere", env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count('"outcome":"solved"') == 2
