"""Commands before a run: what this machine offers, what a run would be asked to do."""

from pathlib import Path
from typing import Final

from cyclopts import App

from events.errors import ExitCode
from views import crashes, doctor, replays, settings, versions
from views.commands.rows import Rows
from views.options import ASIS, NOWISH, Given, Options, Wishes

ROWS: Final[Rows] = {
    "doctor": (doctor.Check, crashes.CrashRow),
    "config show": (settings.SettingRow,),
    "init": (settings.Written,),
    "--version": (versions.Versions,),
}


async def look_around(
    *, crash_test: bool = False, sandbox: str = "local", options: Options = ASIS, machine: Given
) -> ExitCode:
    """Check what this machine offers: isolation, container engines, disk space, keys by name, SQLite.

    Args:
        crash_test: Kill a small run at a handful of places instead, resume it, and compare; takes half a minute.
        sandbox: The backend that the crash test opens its sandboxes with.
    """
    if crash_test:
        return await crashes.tell(options.screen(machine), options.means(machine), machine.workspace, sandbox)
    options.screen(machine).show(await doctor.checks(machine, machine.sqlite), doctor.render)
    return ExitCode.DONE


def show_config(
    spec: Path | None = None,
    /,
    *,
    origin: bool = False,
    wishes: Wishes = NOWISH,
    options: Options = ASIS,
    machine: Given,
) -> None:
    """Print every key with its value, as a run would get it.

    Args:
        spec: A TOML or YAML file.
        origin: Say where each value came from, too.
    """
    render = settings.render_origin if origin else settings.render
    options.screen(machine).show(settings.rows(wishes.gather(machine, spec)), render)


def init(path: Path = Path("run.toml"), /, *, options: Options = ASIS, machine: Given) -> None:
    """Write a commented spec to start from; never overwrites an existing file.

    Args:
        path: Where to.
    """
    settings.write_spec(machine.folder / path)
    options.screen(machine).draw(settings.Written(str(path)), settings.render_written)


def version(*, options: Options = ASIS, machine: Given) -> None:
    """Print component versions."""
    found = versions.versions(machine.sqlite, replays.revisions())
    options.screen(machine).draw(found, versions.render_short)


app: Final = App(name="config", help="Show the resolved configuration.")
app.command(show_config, name="show")
