"""Commands that show what this is for with a scripted model: no key, no network."""

from pathlib import Path
from typing import Final

from cyclopts import App

import engine
from engine.config.resolve import Flag, Inputs, resolve
from engine.runtime.open_context import isolation_here
from events.errors import ExitCode
from sandbox.local.kind import LOCAL, NO_ISOLATION
from views.commands.run import carry
from views.runs import live
from views.runs.summary import exit_code
from views.terminal.host import Host
from views.terminal.options import ASIS, UNCHANGED, Given, Options, SettingOverrides

FOLDER: Final = Path(engine.__file__).parent / "demo"


async def demo(*, options: Options = ASIS, machine: Given) -> ExitCode:
    """Explore four small tasks with real commands in a real sandbox and a scripted model.

    One of the tasks ends without a verdict on purpose, since its model cannot be reached. If any task is solved, the
    exit code is 0 nevertheless.
    """
    flags = await _where(machine, options)
    resolved = resolve(Inputs(machine.folder, run_file=FOLDER / "run.toml", flags=flags))
    report = await carry(machine, options, resolved.spec)
    # One of its tasks has no verdict on purpose; where none is solved, the demo did not show what it should.
    return ExitCode.DONE if "solved" in report.outcomes.values() else exit_code(report.outcomes)


async def evaluate(*, repeats: int = 1, options: Options = ASIS, machine: Given) -> ExitCode:
    """Compare a skill with none, a placebo and none again on twelve small tasks, with a scripted student.

    The student knows nothing by itself: it does what it reads in the skill, and guesses without one. Stored scores are
    reused, so a second call asks nothing of the model.

    Args:
        repeats: Runs of each task under each arm.
    """
    flags = [Flag("--repeats", ("repeats",), repeats), *await _where(machine, options)]
    resolved = resolve(Inputs(machine.folder, run_file=FOLDER / "evaluate.toml", flags=flags))
    return live.code_of(await carry(machine, options, resolved.spec))


async def train(
    *, tasks: bool = False, changes: SettingOverrides = UNCHANGED, options: Options = ASIS, machine: Given
) -> ExitCode:
    """Train a skill from nothing on 24 questions about jars, over four epochs, with two scripted models.

    The target answers by rules that it finds in its skill, and by nothing else. The optimizer proposes what it reads in
    failures, whether it is true or not. So whatever the skill is good for, the gate has let through.

    Args:
        tasks: Train on eight tasks that the shell agent works on in a sandbox instead, over two epochs.
    """
    file = FOLDER / "train" / ("tasks.toml" if tasks else "train.toml")
    flags = [*changes.flags, *(await _where(machine, options) if tasks else ())]
    resolved = resolve(Inputs(machine.folder, run_file=file, flags=flags))
    return live.code_of(await carry(machine, options, resolved.spec))


async def evolve(*, options: Options = ASIS, machine: Given) -> ExitCode:
    """Go up a ladder of six arms over a suite of 24 small tasks, with a scripted solver and a scripted author.

    The solver goes by rules that it reads where skills are mounted, or in traces of earlier trials. The author writes
    what it reads in trajectories and feedback. So each step of the ladder shows what it is that an arm is given.
    """
    file, flags = FOLDER / "evolve" / "evolve.toml", await _where(machine, options)
    resolved = resolve(Inputs(machine.folder, run_file=file, flags=flags))
    return live.code_of(await carry(machine, options, resolved.spec))


async def _where(machine: Host, options: Options) -> list[Flag]:
    """Choose no isolation where there is none: commands of the demos are scripts of ours. Whoever looks on is told."""
    found = await isolation_here(options.means(machine), LOCAL.name)
    if not found.lacking:
        return []
    options.screen(machine).warn(
        f"{found.reason}. The demo's commands are scripts that come with Stillroom, so it runs without isolation; "
        f"other runs refuse to. Remedy: {found.remedy}"
    )
    return [Flag("--sandbox", ("sandbox",), NO_ISOLATION.name)]


async def construct(*, output: Path | None = None, options: Options = ASIS, machine: Given) -> ExitCode:
    """Construct three tasks from prompt specs in SPARK's form, with a scripted author and a scripted critic.

    What the author gets wrong at first it mends where it is told what was found: by rules, or by the proof of the task
    in a real sandbox.

    Args:
        output: Folder in which the tasks are published. Default: constructed.
    """
    folder = machine.folder / (output or "constructed")
    flags = [Flag("--output", ("construct", "output"), str(folder))]
    resolved = resolve(Inputs(machine.folder, run_file=FOLDER / "construct" / "construct.toml", flags=flags))
    return live.code_of(await carry(machine, options, resolved.spec))


app: Final = App(
    name="demo",
    help="Explore four small tasks, evaluate a skill, train one, evolve many, construct tasks, with a scripted model.",
)
app.default(demo)
app.command(evaluate)
app.command(train)
app.command(evolve)
app.command(construct)
