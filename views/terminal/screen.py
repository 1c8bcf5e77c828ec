"""Where output goes: data to stdout, words for people to stderr, and as JSON if that was asked for."""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Final, NoReturn, TypeVar

import msgspec
from rich.console import Console, RenderableType
from rich.text import Text

from views.terminal.host import Host

SCHEMA: Final = 1
"""Version of the JSON that commands print; it grows when a key changes its meaning or goes."""
WIDE: Final = 10_000
"""Columns where there is no terminal: what is piped into another program is never cut or wrapped."""

READABLE: Final = 100
"""Columns of prose where there is no terminal."""

_encoder = msgspec.json.Encoder(order=None, decimal_format="string")

R = TypeVar("R", bound=msgspec.Struct)


class OutputStyle(Enum):
    """How to speak."""

    TERMINAL = "terminal"
    """Colours and live progress."""
    LINES = "lines"
    """Plain lines: no terminal, ``CI``, ``NO_COLOR``, or asked for."""
    JSON = "json"
    """One object a line on stdout, and nothing else there."""


class Screen:
    """A command's two outputs."""

    def __init__(self, machine: Host, *, json: bool = False, plain: bool = False) -> None:
        self.manner = _manner(machine, json=json, plain=plain)
        self.shutdown = machine.shutdown
        self.out = _console(machine, error=False, manner=self.manner)
        self.err = _console(machine, error=True, manner=self.manner)

    @property
    def live(self) -> bool:
        """Whether progress may be drawn over itself, on stderr."""
        return self.manner is OutputStyle.TERMINAL and self.err.is_terminal

    def show(self, rows: Sequence[R], render: Callable[[Sequence[R]], RenderableType]) -> None:
        """Print rows: as they are in JSON, else as a view draws them."""
        if self.manner is OutputStyle.JSON:
            for row in rows:
                self.line(row)
        else:
            self.out.print(render(rows))

    def line(self, row: msgspec.Struct) -> None:
        """Print one row as JSON, whatever the manner."""
        self.out.file.write(encode(row).decode() + "\n")
        self.out.file.flush()

    def draw(self, row: R, render: Callable[[R], RenderableType]) -> None:
        """Print one row."""
        self.show([row], lambda rows: render(rows[0]))

    def say(self, words: RenderableType) -> None:
        """Tell people something, on stderr."""
        self.err.print(words)

    def warn(self, words: str) -> None:
        """Tell people of something that failed and ends nothing; as JSON if that was asked for."""
        if self.manner is OutputStyle.JSON:
            self.err.file.write(encode(Warned(words)).decode() + "\n")
        else:
            self.say(Text.assemble(("warning  ", "bold yellow"), words))


class Warned(msgspec.Struct, frozen=True):
    """A warning, as ``--json`` prints it on stderr."""

    warning: str


def encode(row: msgspec.Struct) -> bytes:
    """Write a row as JSON, its schema first."""
    return b'{"schema":%d,' % SCHEMA + _encoder.encode(row)[1:]


def _manner(machine: Host, *, json: bool, plain: bool) -> OutputStyle:
    if json:
        return OutputStyle.JSON
    said = machine.environment
    bare = plain or said.get("NO_COLOR") or said.get("CI") or said.get("TERM") == "dumb"
    return OutputStyle.LINES if bare or not machine.stdout.isatty() else OutputStyle.TERMINAL


def prose(machine: Host) -> Console:
    """Give a console for help, which is read even where there is no terminal: its lines have an end."""
    console = _console(machine, error=False, manner=OutputStyle.LINES)
    console.soft_wrap = False
    console.width = console.width if machine.stdout.isatty() else READABLE
    return console


def _console(machine: Host, *, error: bool, manner: OutputStyle) -> Console:
    stream = machine.stderr if error else machine.stdout
    terminal = stream.isatty()
    settings: dict[str, Any] = {} if terminal else {"width": WIDE}
    console = Console(
        file=stream,
        force_terminal=None if terminal and manner is OutputStyle.TERMINAL else False,
        no_color=manner is not OutputStyle.TERMINAL,
        # Rich would else read the process's own environment, which a test and a library caller do not share.
        _environ=dict(machine.environment),
        highlight=False,
        emoji=False,
        markup=False,
        soft_wrap=not terminal,
        legacy_windows=False,
        **settings,
    )
    # Rich would end the process itself, and with an error; `call` knows that a reader who leaves is no trouble.
    console.on_broken_pipe = _raise_again  # type: ignore[method-assign]
    return console


def _raise_again() -> NoReturn:
    """Let the error that is being handled go on."""
    raise  # noqa: PLE0704 - called by rich while it handles a BrokenPipeError
