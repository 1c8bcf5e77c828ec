"""Commands before a run: show and write a configuration, and print versions."""

from pathlib import Path
from typing import Final

from cyclopts import App

from views.commands.rows import Rows
from views.replay import report
from views.setup import settings
from views.terminal import versions
from views.terminal.options import ASIS, NOWISH, Given, Options, RunOverrides

ROWS: Final[Rows] = {
    "config show": (settings.SettingRow,),
    "init": (settings.WrittenFile,),
    "--version": (versions.Versions,),
}


def show_config(
    spec: Path | None = None,
    /,
    *,
    origin: bool = False,
    wishes: RunOverrides = NOWISH,
    options: Options = ASIS,
    machine: Given,
) -> None:
    """Print every key with its resolved value.

    Args:
        spec: A TOML or YAML file.
        origin: Also print where each value comes from.
    """
    view = settings.ORIGINS if origin else settings.SETTINGS
    options.screen(machine).show(settings.rows(wishes.gather(machine, spec)), view)


def init(path: Path = Path("run.toml"), /, *, options: Options = ASIS, machine: Given) -> None:
    """Write a commented spec to start from; never overwrites an existing file.

    Args:
        path: Output file.
    """
    settings.write_spec(machine.folder / path)
    options.screen(machine).draw(settings.WrittenFile(str(path)), settings.render_written)


def version(*, options: Options = ASIS, machine: Given) -> None:
    """Print component versions."""
    found = versions.versions(machine.sqlite, report.revisions())
    options.screen(machine).draw(found, versions.render)


app: Final = App(name="config", help="Show the resolved configuration.")
app.command(show_config, name="show")
