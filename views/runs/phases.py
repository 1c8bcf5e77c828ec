"""What a trial does at this moment, in a word, and how many parts a run has in all."""

from collections.abc import Mapping
from typing import Final

from engine.config.program_registry import EVALUATE, TRAIN
from engine.core.lineage import lineage_of
from engine.programs.train.spec import train_spec
from engine.runtime.plan import recorded_plan, recorded_specs
from events.errors import StillroomError
from events.store.base import EventLog
from events.streams import attempt_stream, trial_stream
from events.types.run import RunOpened
from projections.trials.state import Run, Trial
from projections.trials.view import EXPLORE

_WORDS: Final[Mapping[str, str]] = {
    "task.asked": "reads the task",
    "step.asked": "begins a step",
    "solution.asked": "runs the solution",
    "files.asked": "reads files",
    "state.keep_asked": "keeps the files",
    "model.asked": "waits for the model",
    "model.retry_asked": "waits to ask again",
    "budget.asked": "waits for the budget",
    "sandbox.asked": "opens a sandbox",
    "sandbox.release_asked": "closes the sandbox",
    "action.asked": "runs a command",
    "agent.run_asked": "the agent works",
    "verify.asked": "is verified",
    "verify.again_asked": "is verified",
    "step.verify_asked": "is verified",
}
"""By the tag of what an attempt has asked for."""
NEXT: Final = "waits its turn"
"""What a trial does that has asked for nothing: its next step is decided as soon as the process comes to it."""


def phase_of(run: Run, trial: Trial) -> str:
    """Say what a trial waits for."""
    number = max(map(int, trial.attempts), default=0)
    own = run.in_flight.get(trial_stream(trial.name))
    if own is not None and own.what == "model.asked":
        return "reflects" if trial.state == "running" and trial.reward != 1 else "distils"
    asked = run.in_flight.get(attempt_stream(trial.name, number)) or own
    return NEXT if asked is None else _WORDS.get(asked.what, NEXT)


async def planned_epochs(log: EventLog, opened: RunOpened, run: str) -> int | None:
    """Read how many epochs a training has. None: the run is none, or nobody can read its settings."""
    if opened.program != TRAIN:
        return None
    try:
        return train_spec((await recorded_specs(log, opened, await lineage_of(log, run)))[-1]).epochs
    except StillroomError:  # progress needs nobody's settings
        return None


async def planned_parts(log: EventLog, opened: RunOpened, run: str) -> int | None:
    """Count the trials of a run, or the cells of an evaluation, begun or not. None: its program plans otherwise."""
    if (opened.program or EXPLORE) not in {EXPLORE, EVALUATE}:
        return None
    try:
        return len((await recorded_plan(log, opened, await lineage_of(log, run))).names)
    except StillroomError:  # such as one of a package that is not installed: progress needs nobody's plan
        return None
