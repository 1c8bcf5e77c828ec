"""The command line: the one place that reads the environment and puts the parts together."""

import os
import sqlite3
import sys
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Final

from cyclopts import App, Parameter

import engine
from engine import config, runtime
from engine.config_setting import open_log, open_setting
from engine.importers.spark import import_spark
from engine.runtime import RunReport
from engine.setting import Setting
from engine.spec import RunSpec
from engine.system import clock
from events.chain import seal
from events.errors import ExitCode
from events.verify import verify as verify_log
from projections.pdi import Method, PdiSettings
from sandbox.local import local_backend
from views import doctor, imports, live, logs, pdi, replays, runs, settings, show, skills, versions
from views.calling import call, finish
from views.ids import LATEST, find_run
from views.machine import Machine
from views.options import Asked, Given, Options, Tail, Wishes
from views.summary import exit_code

DEMO: Final = Path(engine.__file__).parent / "demo" / "run.toml"
ASIS: Final = Options()
NOWISH: Final = Wishes()
ASKED: Final = Asked()
TAIL: Final = Tail()

app = App(
    name="stillroom",
    help="Distil what agents verifiably did into skills. One append-only log holds everything.",
    version_flags=(),
    default_parameter=Parameter(negative=(), show_default=False),
    result_action="return_value",
)
run_app = App(name="run", help="Start a run: from a spec, or from flags alone.")
skills_app = App(name="skills", help="The skills that were distilled.")
log_app = App(name="log", help="The log itself.")
import_app = App(name="import", help="Read past runs of other systems into the log.")
config_app = App(name="config", help="What a run would be asked to do.")
for _group in (run_app, skills_app, log_app, import_app, config_app):
    app.command(_group)


@app.command
async def demo(*, options: Options = ASIS, machine: Given) -> ExitCode:
    """Explore four small tasks: real commands in a real sandbox, a script in place of the model."""
    resolved = config.resolve(config.Inputs(machine.folder, run_file=DEMO))
    report = await _carry(machine, options, resolved.spec)
    # One of its tasks has no verdict on purpose; where none is solved, the demo did not show what it should.
    return ExitCode.DONE if "solved" in report.outcomes.values() else exit_code(report.outcomes)


@run_app.default
async def run(spec: Path, /, *, wishes: Wishes = NOWISH, options: Options = ASIS, machine: Given) -> ExitCode:
    """Do what a spec says, and show how it goes on.

    Args:
        spec: A TOML or YAML file; `stillroom init` writes one.
    """
    return await _run(machine, options, wishes, spec)


@run_app.command
async def explore(*, wishes: Wishes = NOWISH, options: Options = ASIS, machine: Given) -> ExitCode:
    """Explore tasks without a spec: everything is said by flags, the environment and the config files."""
    return await _run(machine, options, wishes, None)


@app.command
async def resume(
    run: str = LATEST,
    /,
    *,
    accept_changes: bool = False,
    env_file: Path | None = None,
    options: Options = ASIS,
    machine: Given,
) -> ExitCode:
    """Go on with a run that was cut off; nothing that was answered is asked again.

    Args:
        run: Its id, shortened as far as it is unique.
        accept_changes: Go on although tasks, prompts or the package are not what the run started with.
        env_file: A file of NAME=value lines that hold keys.
    """
    machine = machine._replace(environment=Wishes(env_file=env_file).environment(machine))
    async with options.desk(machine) as desk:
        full = await find_run(desk.log, run)
        spec = await live.spec_of(desk.log, full)
    async with _setting(machine, options, spec) as setting:
        work = partial(runtime.resume_run, setting, full, accept_changes=accept_changes)
        report = await live.carry(setting.log, options.screen(machine), work)
    return exit_code(report.outcomes)


@app.command(name="runs")
async def list_runs(*, options: Options = ASIS, machine: Given) -> None:
    """List the runs of a log, oldest first."""
    async with options.desk(machine) as desk:
        desk.screen.show(runs.run_rows(await runs.look(desk)), runs.render_runs)


@app.command(name="show")
async def show_it(target: str = LATEST, /, *, full: bool = False, options: Options = ASIS, machine: Given) -> None:
    """Show a run, a trial, an attempt or an event.

    Args:
        target: RUN, RUN:TRIAL, RUN:TRIAL/2, TRIAL or TRIAL/2 of the latest run, an event's position, or
            RUN:STREAM@3. Ids may be shortened; @latest and RUN~2 work everywhere.
        full: Show texts to their end.
    """
    async with options.desk(machine) as desk:
        await show.tell(desk, target, full=full)


@app.command(name="pdi")
async def show_pdi(run: str = LATEST, /, *, asked: Asked = ASKED, options: Options = ASIS, machine: Given) -> None:
    """Show how far each memo of a run rested on what was executed: as recorded, or under other settings.

    Args:
        run: Its id.
    """
    async with options.desk(machine) as desk:
        await pdi.tell(desk, run, asked)


@app.command
async def replay(run: str = LATEST, /, *, rebuild: bool = False, options: Options = ASIS, machine: Given) -> None:
    """Run a past run again from the log alone, and fold its views again: no model, no sandbox, nothing written.

    Args:
        run: Its id.
        rebuild: Only fold its views; for imported runs, which have no actors to run again.
    """
    async with options.desk(machine) as desk:
        await replays.tell(desk, await find_run(desk.log, run), rebuild=rebuild)


@skills_app.command(name="list")
async def list_skills(*, options: Options = ASIS, machine: Given) -> None:
    """List every revision of every skill, oldest run first."""
    async with options.desk(machine) as desk:
        desk.screen.show(await skills.load(desk), skills.render)


@skills_app.command(name="show")
async def show_skill(skill: str, /, *, options: Options = ASIS, machine: Given) -> None:
    """Print a skill.

    Args:
        skill: NAME for the latest of that name, or RUN:NAME; either may be shortened.
    """
    async with options.desk(machine) as desk:
        await skills.tell(desk, skill)


@skills_app.command(name="export")
async def export_skill(skill: str, folder: Path = Path(), /, *, options: Options = ASIS, machine: Given) -> None:
    """Write a skill as a folder, with its provenance beside it. What is there already is left as it is.

    Args:
        skill: NAME for the latest of that name, or RUN:NAME.
        folder: Where its folder goes. Default: here.
    """
    async with options.desk(machine) as desk:
        chosen = await skills.choose(desk, skill)
        desk.screen.draw(await skills.export(desk, chosen, machine.folder / folder), skills.render_exported)


@import_app.command
async def spark(folder: Path, /, *, method: Method = "token_overlap", options: Options = ASIS, machine: Given) -> None:
    """Read past runs of SPARK: SKILL.md, attempts.json and trajectory.jsonl, any of them missing or broken.

    Args:
        folder: One task's folder, or a folder of them.
        method: By which recorded PDI is computed again and compared.
    """
    async with open_log(options.means(machine)) as log:
        found = await import_spark(log, machine.folder / folder, settings=PdiSettings(method=method))
    options.screen(machine).show(imports.rows(found), imports.render)


@log_app.command(name="tail")
async def tail(run: str | None = None, /, *, which: Tail = TAIL, options: Options = ASIS, machine: Given) -> None:
    """Show the last events, of a run or of the whole log.

    Args:
        run: Its id. Default: all runs.
    """
    async with options.desk(machine) as desk:
        await logs.tail(desk, events=which.events, run=run, follow=which.follow)


@log_app.command(name="stats")
async def stats(*, options: Options = ASIS, machine: Given) -> None:
    """Count what a log holds."""
    async with options.desk(machine) as desk:
        desk.screen.draw(await logs.stats(desk.log, str(desk.path), desk.path.stat().st_size), logs.render_stats)


@log_app.command(name="verify")
async def verify(*, seal: str | None = None, options: Options = ASIS, machine: Given) -> ExitCode:
    """Read the whole log and say what is proved, and what is not.

    Args:
        seal: What `stillroom log seal` printed earlier; without it a cut tail cannot be seen.
    """
    async with options.desk(machine) as desk:
        report = await verify_log(desk.log, None if seal is None else logs.parse_seal(seal))
        desk.screen.draw(logs.verify_row(report), logs.render_verify)
        return ExitCode.DONE if report.sound else ExitCode.INTEGRITY


@log_app.command(name="seal")
async def seal_it(*, options: Options = ASIS, machine: Given) -> None:
    """Print how far the log reaches, to be kept elsewhere: it makes a cut tail and a rewritten log visible."""
    async with options.desk(machine) as desk:
        desk.screen.draw(logs.seal_row(await seal(desk.log)), logs.render_seal)


@app.command(name="doctor")
async def look_around(*, options: Options = ASIS, machine: Given) -> None:
    """Say what this machine offers a run: isolation, room, keys by name, SQLite."""
    backend = await local_backend(machine.workspace / "sandboxes")
    options.screen(machine).show(doctor.checks(machine, backend.describe(), sqlite3.sqlite_version), doctor.render)


@config_app.command(name="show")
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


@app.command
def init(path: Path = Path("run.toml"), /, *, options: Options = ASIS, machine: Given) -> None:
    """Write a commented spec to start from. A file that is there is left as it is.

    Args:
        path: Where to.
    """
    settings.write_spec(machine.folder / path)
    options.screen(machine).draw(settings.Written(str(path)), settings.render_written)


@app.command(name="--version")
def version(*, options: Options = ASIS, machine: Given) -> None:
    """Say which versions of what are here."""
    found = versions.versions(sqlite3.sqlite_version, replays.revisions())
    options.screen(machine).draw(found, versions.render_short)


async def _run(machine: Machine, options: Options, wishes: Wishes, file: Path | None) -> ExitCode:
    spec = wishes.resolve(machine, file).spec
    report = await _carry(machine._replace(environment=wishes.environment(machine)), options, spec)
    return exit_code(report.outcomes)


async def _carry(machine: Machine, options: Options, spec: RunSpec) -> RunReport:
    async with _setting(machine, options, spec) as setting:
        return await live.carry(setting.log, options.screen(machine), partial(runtime.start_run, setting, spec))


def _setting(machine: Machine, options: Options, spec: RunSpec) -> AbstractAsyncContextManager[Setting]:
    screen = options.screen(machine)
    return open_setting(options.means(machine), spec, warn=lambda text: screen.say(f"warning  {text}"))


def main() -> int:
    """Run the command that was typed."""
    machine = Machine(dict(os.environ), Path.cwd(), sys.stdout, sys.stderr, clock)
    return finish(machine, call(app, sys.argv[1:], machine))


if __name__ == "__main__":
    sys.exit(main())
