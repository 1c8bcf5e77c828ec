"""Proofs of tasks as rows: what each step found."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

import msgspec
from rich.console import Group, RenderableType

from events.types.proving import ProofFinding, ProofStep
from projections.proofs import ProofRecord
from views.terminal.format import plural
from views.terminal.tables import TableView

Verdict = Literal["sound", "unsound", "not proved", "refused"]
STEPS: Final[dict[ProofStep, str]] = {
    "oracle": "oracle",
    "nop": "nop",
    "repeat": "same twice",
    "image": "answers out of reach",
    "cheat_reward": "cheat: reward",
    "cheat_tests": "cheat: tests",
    "cheat_solution": "cheat: solution",
}
"""Steps in words."""
_STATES: Final = {"held": "ok", "failed": "failed", "not_proved": "not proved", "skipped": "skipped"}


class TaskProofRow(msgspec.Struct, frozen=True, tag_field="kind", tag="task_proof"):
    """Whether a task judges as it should, and what each step of its proof found."""

    task: str
    verdict: Verdict
    """unsound: a step says what is wrong with it. not proved: nothing is, as far as it could be tried. refused: it
    cannot run here."""
    findings: tuple[ProofFinding, ...]
    run: str | None
    """Run that proved it; `stillroom show RUN` has its trials. None: it was not run."""
    detail: str
    """Why it was refused, or not proved to the end; empty otherwise."""


def proof_row(run: str, proof: ProofRecord) -> TaskProofRow:
    """Give the row of a proof."""
    match proof.verdict:
        case "sound" | "unsound" as verdict:
            return TaskProofRow(proof.task, verdict, proof.findings, run, "")
        case "not_proved":
            return TaskProofRow(proof.task, "not proved", proof.findings, run, "")
        case None:
            return TaskProofRow(proof.task, "not proved", (), run, "it was stopped")


def refused_row(task: str, why: str) -> TaskProofRow:
    """Give the row of a task that cannot run here."""
    return TaskProofRow(task, "refused", (), None, why)


class _Line(NamedTuple):
    task: str
    step: str
    state: str
    found: str


_LINES: Final = TableView(_Line, "task… step state found…")


def _lines(row: TaskProofRow) -> Iterator[_Line]:
    yield _Line(row.task, "", row.verdict, row.detail)
    for each in row.findings:
        yield _Line("", STEPS[each.step], _STATES[each.state], each.detail)


def render(rows: Sequence[TaskProofRow]) -> RenderableType:
    """Draw a line for each step of each task, those that need a look last."""
    ordered = sorted(rows, key=lambda row: (row.verdict != "sound", row.task))
    sound = sum(row.verdict == "sound" for row in rows)
    return Group(
        _LINES([line for row in ordered for line in _lines(row)]), f"{sound} of {plural(len(rows), 'task')} sound"
    )
