"""Where output goes: data to stdout, words for people to stderr, and as JSON if that was asked for."""

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from io import StringIO
from typing import IO, Any, Final, NoReturn, TypeVar, cast

import msgspec
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text
from typing_extensions import override

from views.terminal.format import inert
from views.terminal.host import Host
from views.terminal.outlet import Outlet, ascii_json

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
        self._data, self._words = Outlet(machine.stdout, needed=True), Outlet(machine.stderr, needed=False)
        self.out = _console(machine, self._data, manner=self.manner)
        self.err = _console(machine, self._words, manner=self.manner)

    @property
    def live(self) -> bool:
        """Whether progress may be drawn over itself, on stderr."""
        return self.manner is OutputStyle.TERMINAL and self.err.is_terminal

    def keep_going(self) -> None:
        """Let the command go on when the reader of its stdout leaves (``| head``), since it does more than print."""
        self._data.needed = False

    def show(
        self,
        rows: Sequence[R],
        render: Callable[[Sequence[R]], RenderableType],
        table: Callable[[Sequence[R]], RenderableType] | None = None,
    ) -> None:
        """Print rows: as they are in JSON, else as a view draws them.

        Args:
            rows: What.
            render: Draws them for people.
            table: The table of them for a format that was asked for. None: `render`, if it is one; else all fields.
        """
        del table
        if self.manner is OutputStyle.JSON:
            for row in rows:
                self.line(row)
        else:
            self.out.print(render(rows))

    def line(self, row: msgspec.Struct) -> None:
        """Print one row as JSON, whatever the manner."""
        _write_row(self._data, row)

    def head(self, row: R, render: Callable[[R], RenderableType]) -> None:
        """Print one row above a table that tells more of the same."""
        self.draw(row, render)

    def draw(self, row: R, render: Callable[[R], RenderableType]) -> None:
        """Print one row."""
        self.show([row], lambda rows: render(rows[0]))

    def say(self, words: RenderableType) -> None:
        """Tell people something, on stderr; as JSON if that was asked for."""
        if self.manner is OutputStyle.JSON:
            self.trouble(StderrNote(_plain(words)))
        else:
            self.err.print(words)

    def warn(self, words: str) -> None:
        """Tell people of something that failed and ends nothing; as JSON if that was asked for."""
        if self.manner is OutputStyle.JSON:
            self.trouble(Warned(words))
        else:
            self.say(Text.assemble(("warning  ", "bold yellow"), words))

    def trouble(self, row: msgspec.Struct) -> None:
        """Print a row as JSON on stderr, of which each line is an object."""
        _write_row(self._words, row)


class StderrNote(msgspec.Struct, frozen=True):
    """What a command tells people beside its data, as ``--json`` prints it on stderr."""

    note: str


class Warned(msgspec.Struct, frozen=True):
    """A warning, as ``--json`` prints it on stderr."""

    warning: str


def encode(row: msgspec.Struct) -> bytes:
    """Write a row as JSON, its schema first."""
    try:
        written = _encoder.encode(row)
    except UnicodeEncodeError:
        written = _encoder.encode(_encodable(msgspec.to_builtins(row)))
    return b'{"schema":%d,' % SCHEMA + written[1:]


def _encodable(value: Any) -> Any:
    """Write bytes of a file's name that are no letters, which Python gives as lone surrogates, as escapes."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode("utf-8")
        case dict():
            return {_encodable(key): _encodable(each) for key, each in value.items()}
        case list() | tuple():
            return [_encodable(each) for each in value]
        case _:
            return value


def _write_row(stream: Outlet, row: msgspec.Struct) -> None:
    line = encode(row).decode()
    stream.write((line if stream.unicode else ascii_json(line)) + "\n")
    stream.flush()


def _plain(words: RenderableType) -> str:
    """Give words without any colours, and without an end that only fills lines."""
    if isinstance(words, str):
        return words
    if isinstance(words, Text):
        return words.plain
    console = Console(file=StringIO(), width=WIDE, force_terminal=False, no_color=True, soft_wrap=True, _environ={})
    with console.capture() as drawn:
        console.print(words)
    return "\n".join(line.rstrip() for line in drawn.get().splitlines())


def _manner(machine: Host, *, json: bool, plain: bool) -> OutputStyle:
    if json:
        return OutputStyle.JSON
    said = machine.environment
    bare = plain or said.get("NO_COLOR") or said.get("CI") or said.get("TERM") == "dumb"
    return OutputStyle.LINES if bare or not machine.stdout.isatty() else OutputStyle.TERMINAL


def prose(machine: Host) -> Console:
    """Give a console for help, which is read even where there is no terminal: its lines have an end."""
    console = _console(machine, Outlet(machine.stdout, needed=True), manner=OutputStyle.LINES)
    console.soft_wrap = False
    console.width = console.width if machine.stdout.isatty() else READABLE
    return console


class _InertConsole(Console):
    """A console on a terminal, which acts on nothing that names, answers and outputs hold."""

    @override
    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Draw something; characters of texts that the terminal would act on are written out."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else inert(text), style, control)


def _console(machine: Host, stream: Outlet, *, manner: OutputStyle) -> Console:
    terminal = stream.isatty()
    settings: dict[str, Any] = {} if terminal else {"width": WIDE}
    console = (_InertConsole if terminal else Console)(
        file=cast("IO[str]", stream),
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
