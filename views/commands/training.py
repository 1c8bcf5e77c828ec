"""The command that trains a skill."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cyclopts import Parameter

from engine.config.resolve import Flag
from engine.config.spec import RunSpec
from engine.programs.train.alike import alike_in_sets, told
from engine.programs.train.spec import PURPOSES, train_spec
from events.errors import ExitCode
from views.commands.rows import Rows
from views.commands.run import carry, open_for
from views.commands.run import resume as resume_run
from views.runs import live, rows
from views.runs.left_out import InputOmissionRow
from views.terminal.errors import LogAbsent
from views.terminal.host import Host
from views.terminal.options import ASIS, NOWISH, Given, Options, RunOverrides, StartOptions
from views.training import dry_run as plans
from views.training import end
from views.training.unfinished import one_to_resume, refuse_second, unfinished_runs

ROWS: Final[Rows] = {
    "train, demo train": (InputOmissionRow, rows.RunRow, rows.TrialRow, end.TrainingEndRow),
    "train --dry-run": (plans.PlannedTrainingRow, plans.PlannedStageRow),
}


@Parameter(name="*")
@dataclass(frozen=True)
class TrainOptions(StartOptions):
    """What is trained, and how, on the command line; these override the spec."""

    skill: str | None = None
    """The skill to begin with: a folder, a Markdown file, run:RUN/SKILL@REVISION or library:NAME/SKILL; "" for none."""
    epochs: int | None = None
    """How often the training items are gone through."""
    gate: str | None = None
    """The gate, by name; see docs/gates.md. Its own settings are set with --set train.gate.settings.KEY=VALUE."""
    reuse: str | None = None
    """Stored scores that count in passes over selection and test items: all (the default), own or never."""
    resume: bool = False
    """Go on with the latest unfinished run of the same settings."""
    new: bool = False
    """Begin another run, although one of the same settings is not finished."""

    def flags(self) -> Iterator[Flag]:
        """List the settings that they stand for, but for the selection of items."""
        for name, key, value in (
            ("--skill", ("skill",), self.skill),
            ("--epochs", ("epochs",), self.epochs),
            ("--gate", ("gate", "name"), self.gate),
            ("--reuse", ("reuse",), self.reuse),
        ):
            if value is not None:
                yield Flag(name, ("train", *key), value)


AS_SPECIFIED: Final = TrainOptions()


async def train(
    spec: Path,
    /,
    *,
    training: TrainOptions = AS_SPECIFIED,
    wishes: RunOverrides = NOWISH,
    dry_run: bool = False,
    options: Options = ASIS,
    machine: Given,
) -> ExitCode:
    """Train a skill on the items of one set, past a gate on those of another.

    Args:
        spec: A TOML or YAML file with a table [train]; examples/train has one for each benchmark.
        dry_run: Print steps, rollouts, calls, the range of costs and what the gate can see, and start nothing.
    """
    resolved = resolve_training(machine, spec, training, wishes)
    machine = machine._replace(environment=wishes.environment(machine))
    if pairs := await alike_in_sets(machine.folder, resolved):
        options.screen(machine).warn(told(pairs))
    if dry_run:
        async with open_for(machine, options, resolved) as setting:
            await plans.tell(setting, options.screen(machine), resolved, skip_invalid=training.skip_invalid)
        return ExitCode.DONE
    found = await _unfinished(machine, options, resolved)
    if training.resume:
        return await resume_run(one_to_resume(found), options=options, machine=machine)
    if not training.new:
        refuse_second(found)
    return live.code_of(await carry(machine, options, resolved, training))


def resolve_training(machine: Host, spec: Path, training: TrainOptions, wishes: RunOverrides) -> RunSpec:
    """Resolve the spec of a training. What chooses items goes to each of its sets.

    Raises:
        ConfigError: The settings are invalid.
    """
    flags = [Flag("train", ("program",), "train"), *training.flags()]
    resolved = wishes.resolve(machine, spec, flags).spec
    settings = train_spec(resolved)
    sets = [("train", "sets", purpose) for purpose in PURPOSES if getattr(settings.sets, purpose).folder]
    tables = [*([()] if resolved.tasks else []), *sets]
    chosen = tuple(training.selection(machine, *tables))
    return wishes.resolve(machine, spec, [*flags, *chosen]).spec if chosen else resolved


async def _unfinished(machine: Host, options: Options, spec: RunSpec) -> list[str]:
    """Find unfinished runs of the same settings; without a log there is none."""
    try:
        async with options.desk(machine) as desk:
            return await unfinished_runs(desk, spec)
    except LogAbsent:
        return []
