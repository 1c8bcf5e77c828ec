"""A command typed in a test: no terminal, no environment but what the test gives, nothing patched."""

import io
import json
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from typing_extensions import override

import cli
from events.errors import ExitCode
from tests.support.isolation import asked_for
from views.terminal.dispatch import call
from views.terminal.host import Host

SQLITE: Final = "3.51.3"
"""What a machine of these stories keeps logs with."""


class CommandOutcome(NamedTuple):
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Read stdout as JSON lines; anything else on it fails the test."""
        return [json.loads(line) for line in self.out.splitlines()]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    @override
    def isatty(self) -> bool:
        """Say so."""
        return True


def ticking() -> Callable[[], int]:
    """Make a clock that moves a millisecond at each look."""
    times = count(1_790_000_000_000_000, 1_000)
    return lambda: next(times)


def machine(folder: Path, environment: Mapping[str, str] | None = None, *, terminal: bool = False) -> Host:
    """Make a machine; where nothing isolates, its user asked for sandboxes without isolation."""
    stream = Terminal if terminal else io.StringIO
    return Host({**asked_for(), **(environment or {})}, folder, stream(), stream(), ticking(), SQLITE)


def type_in(folder: Path, *words: str, on: Host | None = None) -> CommandOutcome:
    """Type a command in a folder."""
    given = on or machine(folder)
    code = call(cli.app, words, given)
    assert isinstance(given.stdout, io.StringIO)
    assert isinstance(given.stderr, io.StringIO)
    return CommandOutcome(code, given.stdout.getvalue(), given.stderr.getvalue())


def isolated(outcome: CommandOutcome) -> CommandOutcome:
    """Give what came of a command whose sandboxes must have no network; the test is skipped where nothing isolates."""
    if "without isolation" in outcome.err.lower():
        assert outcome.code == ExitCode.USAGE, "it is refused before it starts"
        pytest.skip("agents at items are refused where nothing keeps them from the network: install bubblewrap")
    return outcome
