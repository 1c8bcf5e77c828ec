"""Datasets: what is odd about their tasks, and whether they judge as they should."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

import msgspec
from anyio import to_thread
from rich.console import Group, RenderableType

from projections.trials.state import Trial
from sandbox.base import SandboxBackend
from sandbox.errors import TaskInvalid
from sandbox.harbor.dataset import DatasetPaths, tasks_named
from sandbox.harbor.lint import Oddity, lint
from sandbox.harbor.task import Task
from views.terminal.format import plural, reward
from views.terminal.tables import TableView

_STATES: Final = ("ok", "odd", "broken", "refused", "invalid", "other")
Verdict = Literal["sound", "unsound", "no verdict", "refused"]


class TaskRow(msgspec.Struct, frozen=True, tag_field="kind", tag="task"):
    """A task folder that was looked at."""

    task: str
    state: Literal["ok", "odd", "broken", "refused", "invalid", "other"]
    """odd: it can run, and its author should look at it. broken: its environment cannot be built. refused: the sandbox
    cannot honour it. invalid: unreadable. other: a folder beside the tasks that holds nothing of one."""
    digest: str | None
    """Package digest (Harbor's rule). None: it cannot be read."""
    refused: tuple[str, ...]
    """Features that the sandbox cannot honour."""
    notes: tuple[str, ...]
    """Features that it honours less strictly."""
    oddities: tuple[Oddity, ...]


class ProofRow(msgspec.Struct, frozen=True, tag_field="kind", tag="proof"):
    """Whether a task judged an agent as it should: the oracle earns everything, an agent that does nothing does not."""

    task: str
    agent: str
    outcome: str
    reward: float | None
    """None: there is no verdict."""
    verdict: Verdict
    detail: str


async def look(text: str, places: DatasetPaths, backend: SandboxBackend) -> list[TaskRow]:
    """Look at a task folder, at each in a folder of them, or at those of a dataset in a registry.

    Raises:
        TaskInvalid: There is none at all.
        RegistryWrong, TaskNotFetched: The registry does not hold it, or git does not bring it.
    """
    found = await to_thread.run_sync(tasks_named, text, places)
    rows = [_row(task, backend) for task in found.tasks]
    for each in found.incomplete:
        oddity = Oddity("error", each.place, each.detail, each.remedy)
        rows.append(TaskRow(each.name, "invalid", None, (), (), (oddity,)))
    for each in found.others:
        oddity = Oddity("note", each.place, each.detail, each.remedy)
        rows.append(TaskRow(each.name, "other", None, (), (), (oddity,)))
    return sorted(rows, key=lambda row: row.task)


def _row(task: Task, backend: SandboxBackend) -> TaskRow:
    try:
        refused, notes = tuple(backend.check(task)), tuple(backend.notes(task))
        oddities = lint(task)
    except TaskInvalid as error:
        oddity = Oddity("error", error.place, error.detail, error.remedy)
        return TaskRow(task.name, "invalid", task.digest, (), (), (oddity,))
    state: Literal["ok", "odd", "broken", "refused"] = "refused" if refused else _weighed(oddities)
    return TaskRow(task.name, state, task.digest, refused, notes, oddities)


def _weighed(oddities: Sequence[Oddity]) -> Literal["ok", "odd", "broken"]:
    weights = {each.weight for each in oddities}
    return "broken" if "error" in weights else "odd" if "warning" in weights else "ok"


class _Line(NamedTuple):
    task: str
    state: str
    details: str


_LINES: Final = TableView(_Line, "task… state details…")


def render(rows: Sequence[TaskRow]) -> RenderableType:
    """Draw a line for each thing to be said of a task."""
    counts = {state: sum(row.state == state for row in rows) for state in _STATES}
    told = ", ".join(f"{number} {state}" for state, number in counts.items() if number)
    lines = [_Line(row.task, row.state, line) for row in rows for line in _lines(row)]
    return Group(_LINES(lines), f"{plural(len(rows), 'task')}: {told}")


def _lines(row: TaskRow) -> Iterator[str]:
    """Say the first things in full; the rest is one command away."""
    told = [f"not supported: {each}" for each in row.refused]
    told += [f"{each.weight}: {each.place}: {each.what} ({each.remedy})" for each in row.oddities]
    told += [f"note: {each}" for each in row.notes]
    yield from told or ("",)


def proof(task: str, agent: str, trial: Trial) -> ProofRow:
    """Say whether a task judged an agent as it should."""
    earned = trial.reward
    if earned is None:
        attempt = next(reversed(trial.attempts.values()), None)
        detail = "" if attempt is None else (attempt.outcome.reason if attempt.outcome else "") or attempt.detail
        return ProofRow(task, agent, trial.state, None, "no verdict", detail)
    verdict: Verdict = "sound" if (earned >= 1) == (agent == "oracle") else "unsound"
    said = "the solution does not earn the full reward" if agent == "oracle" else "doing nothing earns the full reward"
    return ProofRow(task, agent, trial.state, earned, verdict, said if verdict == "unsound" else "")


async def without_solution(text: str, places: DatasetPaths) -> frozenset[str]:
    """Name the tasks that bring nothing for the oracle to run."""
    found = await to_thread.run_sync(tasks_named, text, places)
    return frozenset(task.name for task in found.tasks if not task.has_solution)


def unproved(row: TaskRow, agent: str) -> ProofRow:
    """Give the row of a task that was not run."""
    why = (*row.refused, *[f"{each.place}: {each.what}" for each in row.oddities if each.weight == "error"])
    detail = "; ".join(why) or "no solution/solve.sh for the oracle"
    return ProofRow(row.task, agent, row.state, None, "refused", detail)


_PROOFS: Final = TableView(
    ProofRow,
    "task… agent",
    (">reward", lambda row: reward(row.reward)),
    "verdict",
    ("details…", lambda row: row.detail),
    notes=lambda rows: [f"{sum(row.verdict == 'sound' for row in rows)} of {plural(len(rows), 'task')} sound"],
)


def render_proofs(rows: Sequence[ProofRow]) -> RenderableType:
    """Draw them, those that need a look last."""
    return _PROOFS(sorted(rows, key=lambda row: (row.verdict != "sound", row.task)))
