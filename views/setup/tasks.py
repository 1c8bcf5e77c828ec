"""Datasets: what is odd about their tasks, and whether they judge as they should."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec
from anyio import to_thread
from rich.console import Group, RenderableType

from engine.proving.inspection import inspect
from projections.trials.state import Trial
from sandbox.base import SandboxBackend
from sandbox.errors import TaskInvalid
from sandbox.harbor.dataset import DatasetPaths, tasks_named
from sandbox.harbor.lint import lint
from sandbox.harbor.oddity import Oddity
from sandbox.harbor.task import Task
from views.terminal.format import plural, reward
from views.terminal.tables import TableView

_STATES: Final = ("ok", "odd", "broken", "refused", "invalid", "other")
Verdict = Literal["sound", "unsound", "held", "no verdict", "refused"]
ProvingAgent = Literal["oracle", "nop"]


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
    """Whether a task judged agents as it should: the oracle earns everything, an agent that does nothing does not."""

    task: str
    agent: str
    """``oracle``, ``nop``, or ``both``, one after the other."""
    outcome: str
    """How the oracle's trial ended, if there was one; else that of ``nop``."""
    reward: float | None
    """What it earned. None: there is no verdict."""
    nop_reward: float | None
    """What an agent that does nothing earned. None: it was not tried, or there is no verdict."""
    verdict: Verdict
    """sound: both agents were judged as they should be. held: the only one that was asked for was."""
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
        oddities = (*lint(task), *_leaks(task))
    except TaskInvalid as error:
        oddity = Oddity("error", error.place, error.detail, error.remedy)
        return TaskRow(task.name, "invalid", task.digest, (), (), (oddity,))
    state: Literal["ok", "odd", "broken", "refused"] = "refused" if refused else _weighed(oddities)
    return TaskRow(task.name, state, task.digest, refused, notes, oddities)


def _leaks(task: Task) -> Iterator[Oddity]:
    """Find files of the tests or the solution that agents could read."""
    for each in inspect(task).exposed:
        what, remedy = f"holds what {each.answer} holds, and agents can read it", "take it out of environment/"
        yield Oddity("warning", each.place, what, remedy, "agent-image-test-leak")


def _weighed(oddities: Sequence[Oddity]) -> Literal["ok", "odd", "broken"]:
    weights = {each.weight for each in oddities}
    return "broken" if "error" in weights else "odd" if "warning" in weights else "ok"


class _Line(NamedTuple):
    task: str
    state: str
    details: str


_LINES: Final = TableView(_Line, "task… state details…")


def render(rows: Sequence[TaskRow]) -> RenderableType:
    """Draw a line for each thing to be said of a task; what is to be said of all stands once, above."""
    counts = {state: sum(row.state == state for row in rows) for state in _STATES}
    told = ", ".join(f"{number} {state}" for state, number in counts.items() if number)
    shared = _shared(rows)
    lines = [_Line("all tasks", "", line) for line in shared]
    lines += [_Line(row.task, row.state, line) for row in rows for line in _lines(row, shared)]
    return Group(_LINES(lines), f"{plural(len(rows), 'task')}: {told}")


def _shared(rows: Sequence[TaskRow]) -> tuple[str, ...]:
    """Give what is to be said of every task that can be read, in the order in which the first has it."""
    read = [row for row in rows if row.state not in {"invalid", "other"}]
    if len(read) < 2:
        return ()
    others = [set(_told(row)) for row in read[1:]]
    return tuple(line for line in _told(read[0]) if all(line in each for each in others))


def _lines(row: TaskRow, shared: Sequence[str]) -> Iterator[str]:
    yield from [line for line in _told(row) if line not in shared] or ("",)


def _told(row: TaskRow) -> list[str]:
    """Say the first things in full; the rest is one command away."""
    told = [f"not supported: {each}" for each in row.refused]
    told += [f"{each.weight}: {each.place}: {each.what} ({each.remedy})" for each in row.oddities]
    return told + [f"note: {each}" for each in row.notes]


def proof(task: str, trials: Mapping[ProvingAgent, Trial]) -> ProofRow:
    """Say whether a task judged the agents as it should.

    Args:
        task: Its name.
        trials: One or both agents' trial at it.
    """
    lacking = {agent: _why_silent(trial) for agent, trial in trials.items() if trial.reward is None}
    wrong = [
        _WRONG[agent]
        for agent, trial in trials.items()
        if trial.reward is not None and (trial.reward >= 1) != (agent == "oracle")
    ]
    first, nop = next(iter(trials.values())), trials.get("nop")
    name, earned = "both" if len(trials) > 1 else next(iter(trials)), None if nop is None else nop.reward
    verdict: Verdict = "sound" if len(trials) > 1 else "held"
    verdict = "unsound" if wrong else "no verdict" if lacking else verdict
    told = [*wrong, *_lacking(lacking, named=len(trials) > 1)]
    return ProofRow(task, name, first.state, first.reward, earned, verdict, "; ".join(told))


_WRONG: Final[Mapping[ProvingAgent, str]] = {
    "oracle": "the solution does not earn the full reward",
    "nop": "doing nothing earns the full reward",
}


def _lacking(lacking: Mapping[ProvingAgent, str], *, named: bool) -> Iterator[str]:
    """Say why agents have no verdict: once where it is the same, whatever each one's sandbox is called."""
    agents: dict[str, list[str]] = {}
    for agent, why in lacking.items():
        agents.setdefault(_ONE_SANDBOX.sub("the sandbox could not", why), []).append(agent)
    for why, who in agents.items():
        yield f"{', '.join(who)}: {why}" if named else why


_ONE_SANDBOX: Final = re.compile(r"^sandbox \S+ could not")


def _why_silent(trial: Trial) -> str:
    """Say why a trial has no verdict."""
    attempt = next(reversed(trial.attempts.values()), None)
    return "" if attempt is None else (attempt.outcome.reason if attempt.outcome else "") or attempt.detail


async def without_solution(text: str, places: DatasetPaths) -> frozenset[str]:
    """Name the tasks that bring nothing for the oracle to run."""
    found = await to_thread.run_sync(tasks_named, text, places)
    return frozenset(task.name for task in found.tasks if not task.has_solution)


def unproved(row: TaskRow, agent: str) -> ProofRow:
    """Give the row of a task that was not run."""
    why = (*row.refused, *[f"{each.place}: {each.what}" for each in row.oddities if each.weight == "error"])
    detail = "; ".join(why) or "no solution/solve.sh for the oracle"
    return ProofRow(row.task, agent, row.state, None, None, "refused", detail)


def _proved(rows: Sequence[ProofRow]) -> list[str]:
    sound, held = (sum(row.verdict == word for row in rows) for word in ("sound", "held"))
    if held:
        agent = next(row.agent for row in rows if row.verdict == "held")
        return [f"{held} of {plural(len(rows), 'task')} held for {agent} alone; without --agent both are tried"]
    return [f"{sound} of {plural(len(rows), 'task')} sound"]


_PROOFS: Final = TableView(
    ProofRow,
    "task… agent",
    (">reward", lambda row: reward(row.reward)),
    (">nop earns", lambda row: reward(row.nop_reward)),
    "verdict",
    ("details…", lambda row: row.detail),
    notes=_proved,
)


def render_proofs(rows: Sequence[ProofRow]) -> RenderableType:
    """Draw them, those that need a look last."""
    return _PROOFS(sorted(rows, key=lambda row: (row.verdict not in {"sound", "held"}, row.task)))
