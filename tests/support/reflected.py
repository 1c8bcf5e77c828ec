"""Trials with many reflect steps, made up from a seed: enough of them to fit and to audit PDI on."""

import json
from pathlib import Path

from projections.pdi.index import PdiInput
from projections.pdi.rng import draw, pick
from projections.pdi.trials import ReadStep, ReadTrial
from tests.engine.importers.spark.made import reflection, result

WORDS = [f"w{number}" for number in range(40)]


def memo(task: str, number: int) -> str:
    """Write a memo whose facts are partly those of the task, and partly its own."""
    facts = [pick(WORDS, 1, task, index) for index in range(8)] + [pick(WORDS, 2, task, number, i) for i in range(8)]
    plan = [pick(WORDS, 3, task, index) for index in range(4)] + [pick(WORDS, 4, task, number, i) for i in range(6)]
    return f"## Memo\n\n### Verified Facts\n{' '.join(facts)}\n\n### Next Strategy\n{' '.join(plan)}\n"


def commands(task: str, number: int) -> str:
    """Give what an attempt ran: words of the task, and some of its own."""
    own = [pick(WORDS, 5, task, number, index) for index in range(10)]
    return " ".join([pick(WORDS, 1, task, index) for index in range(4)] + own)


def rows(task: str, number: int) -> str:
    """Give one or two failed tests."""
    return "\n".join(f"  ✗ t{draw(6, task, number, index) % 3} - {task}" for index in range(2))


def trial(task: str, steps: int = 5, *, solved: bool = True) -> ReadTrial:
    """Make a trial that reflected so often, as a fold of the log would give it."""
    told = [
        PdiInput(
            memo=memo(task, number),
            previous_memo=memo(task, number - 1) if number else "",
            commands=commands(task, number),
            summary=rows(task, number),
            previous_summary=rows(task, number - 1) if number else "",
            step=number,
        )
        for number in range(steps)
    ]
    read = [ReadStep(number, given, "failed") for number, given in enumerate(told)]
    read[-1].next = "solved" if solved else "unknown"
    return ReadTrial(f"run-{task}", task, task, read, "solved" if solved else "failed")


def trials(count: int, steps: int = 5) -> list[ReadTrial]:
    """Make trials of as many tasks, every other one solved."""
    return [trial(f"task{number}", steps, solved=number % 2 == 0) for number in range(count)]


def write_spark(folder: Path, tasks: int, steps: int = 5) -> Path:
    """Write the same as SPARK would have, one folder a task."""
    for made in trials(tasks, steps):
        lines = [_line for step in made.steps for _line in _lines(step)]
        if made.came == "solved":
            lines.append(result(steps, reward=1.0))
        path = folder / made.task / "trajectory.jsonl"
        path.parent.mkdir(parents=True)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder


def _lines(step: ReadStep) -> list[dict[str, object]]:
    given = step.given
    ran = result(step.attempt, agent_commands=given.commands, test_summary=given.summary)
    return [ran, reflection(step.attempt, memo_before=given.previous_memo, memo_after=given.memo)]
