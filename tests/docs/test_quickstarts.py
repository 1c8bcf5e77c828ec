"""The quickstarts, each typed from its top to its end into one shell, as a reader does it.

A file that a page shows under its name is written where it stands. Only the clone and its environment are not made
anew: they are those of the tests, and so is pip's, which installs a package of the reader beside them.
"""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.source import ROOT
from tests.cli.processes import ENVIRONMENT
from tests.docs.snippets import Snippet, console, plain, snippets, unprinted
from tests.support.isolation import asked_for, isolates

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # an audit walks 7,800 causes, twice

QUICKSTARTS: Final = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/quickstart-*.md"))
CLONE: Final = ("git clone ", "make -C clone venv")
PORT: Final = "8123"
"""On which the reader's stub listens."""


@pytest.mark.parametrize("page", QUICKSTARTS)
def test_a_quickstart_works_from_its_top_to_its_end(page: str, tmp_path: Path) -> None:
    """Every command ends well, and prints the lines that the page shows of it, in their order."""
    if "embed" in page and not isolates():
        pytest.skip("a program of one's own says by itself that it does without isolation: install bubblewrap")
    (tmp_path / "clone").symlink_to(ROOT)
    (tmp_path / "printed").mkdir()
    wanted: list[tuple[str, tuple[str, ...]]] = []
    lines = ["set -eu", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT", *_lines(page, tmp_path, wanted)]
    done = subprocess.run(
        ["/bin/bash", "-c", "\n".join(lines).replace(PORT, _free_port())],
        cwd=tmp_path, env=_environment(tmp_path), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout[-3000:], done.stderr[-3000:])
    for number, (command, shown) in enumerate(wanted):
        text = (tmp_path / "printed" / str(number)).read_text(encoding="utf-8")
        assert unprinted(shown, text, plain) is None, (command, text)


def _lines(page: str, folder: Path, wanted: list[tuple[str, tuple[str, ...]]]) -> Iterator[str]:
    text = (ROOT / page).read_text(encoding="utf-8").splitlines()
    for snippet in snippets(page):
        name = re.fullmatch(r"`(\S+)`:", text[snippet.line - 3])
        if name is not None:
            yield f"cat > {name[1]} <<'EndOfFile'\n{snippet.text}EndOfFile"
        elif snippet.language == "sh":
            yield from (line for line in snippet.text.splitlines() if not line.startswith(CLONE))
        elif snippet.language == "console":
            yield from _shown(snippet, folder, wanted)


def _shown(snippet: Snippet, folder: Path, wanted: list[tuple[str, tuple[str, ...]]]) -> Iterator[str]:
    for command, shown in console(snippet):
        yield f"{{ {command}; }} > {folder}/printed/{len(wanted)}"
        wanted.append((command, shown))


def _environment(folder: Path) -> dict[str, str]:
    """Give pip a place of its own, without a network, and commands those of this Python."""
    programs = folder / "programs"
    programs.mkdir()
    (programs / "stillroom").write_text(f'#!/bin/sh\nexec {sys.executable} -m stillroom "$@"\n')
    (programs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    for each in programs.iterdir():
        each.chmod(0o755)
    site = str(folder / "site")
    return {
        **ENVIRONMENT,
        **asked_for(),
        "HOME": str(folder),
        "PATH": f"{programs}:{ENVIRONMENT['PATH']}",
        "PYTHONPATH": f"{site}:{ROOT}",
        "PIP_TARGET": site,
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it as no: without isolation
        "PIP_NO_INDEX": "1",
    }


def _free_port() -> str:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return str(listening.getsockname()[1])
