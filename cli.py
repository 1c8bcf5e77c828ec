"""The command line: the one place that reads the environment, and the list of all commands."""

import os
import sqlite3
import sys
from pathlib import Path
from typing import Final

from cyclopts import App, Parameter

from engine.system import allow_many_files, clock
from views.calling import call, finish
from views.commands import (
    agents,
    bundle,
    control,
    exports,
    imports,
    log,
    look,
    pdi,
    prepare,
    replay,
    run,
    sandboxes,
    skills,
    tasks,
    what_if,
    why,
)
from views.machine import Machine
from views.shutdown import Shutdown

app: Final = App(
    name="stillroom",
    help="Distil what agents verifiably did into skills. One append-only log holds everything.",
    version_flags=(),
    default_parameter=Parameter(negative=(), show_default=False),
    result_action="return_value",
)


def _group(name: str, help_: str) -> App:
    """Add a word that has commands below it."""
    group = App(name=name, help=help_)
    app.command(group)
    return group


_run = _group("run", "Start a run: from a spec, or from flags alone.")
_pdi = _group("pdi", "How far each memo of a run rested on what was executed: as recorded, or under other settings.")
_tasks = _group("tasks", "Datasets of tasks.")
_agents = _group("agents", "Who acts in a sandbox: agents of ours, and those of other makes.")
_sandbox = _group("sandbox", "Where attempts take place.")
_skills = _group("skills", "The skills that were distilled.")
_log = _group("log", "The log itself.")
_bundle = _group("bundle", "Runs in one file, to be carried elsewhere.")
_export = _group("export", "Write runs in the formats of others.")
_import = _group("import", "Read past runs of other systems into the log.")
_config = _group("config", "What a run would be asked to do.")

app.command(run.demo)
_run.default(run.run)
_run.command(run.explore)
app.command(run.resume)
app.command(run.fork)
app.command(control.pause)
app.command(control.unpause)
app.command(control.drain)
app.command(control.cancel)
app.command(control.tune)

app.command(look.list_runs, name="runs")
app.command(look.show_it, name="show")
_pdi.default(look.show_pdi)
_pdi.command(pdi.audit)
_pdi.command(pdi.calibrate)

app.command(replay.replay)
app.command(what_if.ask, name="what-if")
app.command(why.why)
app.command(why.why_not, name="why-not")
app.command(why.blame)

_tasks.command(tasks.check_tasks, name="check")
_tasks.command(tasks.run_tasks, name="run")
_agents.command(agents.list_agents, name="list")
_agents.command(agents.check_agents, name="check")
_agents.command(agents.replay_attempt, name="replay")

_skills.command(skills.list_skills, name="list")
_skills.command(skills.show_skill, name="show")
_skills.command(skills.export_skill, name="export")

_export.command(exports.to_atif, name="atif")
_export.command(exports.to_harbor, name="harbor")
_import.command(imports.spark)
_import.command(imports.atif)
_import.command(imports.harbor)

_log.command(log.tail)
_log.command(log.stats)
_log.command(log.verify)
_log.command(log.seal_it, name="seal")
_log.command(log.keygen)
_log.command(log.copy)
_log.command(log.erase)

_bundle.command(bundle.write)
_bundle.command(bundle.verify)
_bundle.command(bundle.read)

_sandbox.command(sandboxes.collect, name="gc")

app.command(prepare.look_around, name="doctor")
_config.command(prepare.show_config, name="show")
app.command(prepare.init)
app.command(prepare.version, name="--version")


def main() -> int:
    """Run the command that was typed."""
    allow_many_files()
    with Shutdown(sys.stderr) as shutdown:
        machine = Machine(dict(os.environ), Path.cwd(), sys.stdout, sys.stderr, clock, sqlite3.sqlite_version, shutdown)
        code = finish(machine, call(app, sys.argv[1:], machine))
        if shutdown.received:
            os._exit(code)  # a thread that hangs would keep the process for ever
    return code


if __name__ == "__main__":
    sys.exit(main())
