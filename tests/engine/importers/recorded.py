"""A task of SPARK's, made up, with PDI as SPARK would have recorded it: to four decimals."""

import json
from collections.abc import Mapping
from pathlib import Path

from projections.pdi.compare import read_all
from projections.pdi.index import PdiSettings, Reading
from tests.engine.importers.spark.made import reflection, result
from tests.support.reflected import trial

ROUNDED = ("proxy_exec", "proxy_plan", "proxy_oss", "raw_pdi", "weight", "weighted_pdi")
NOTHING: Mapping[int, Mapping[str, object]] = {}
_AS_IT_IS: Mapping[str, object] = {}


def snapshot(attempt: int, reading: Reading) -> dict[str, object]:
    """Write a reading as SPARK does."""
    values = {name: round(getattr(reading, name), 4) for name in ROUNDED}
    told = {"step": reading.step, "triggered": reading.triggered, "level": reading.level}
    return {"type": "pdi_snapshot", "attempt": attempt, **values, **told}


def write_task(
    folder: Path,
    *,
    steps: int = 5,
    readings: Mapping[int, Mapping[str, object]] = NOTHING,
    attempts: Mapping[int, Mapping[str, object]] = NOTHING,
    settings: PdiSettings | None = None,
) -> Path:
    """Write a task that was solved after failures, with a reading after each of them.

    Args:
        folder: Where.
        steps: How many failures.
        readings: What is otherwise in a reading, by attempt. An empty one: it is lost.
        attempts: What is otherwise in an attempt.
        settings: Of PDI. None: SPARK's.
    """
    made = trial("task4", steps)
    read = read_all([step.given for step in made.steps], settings or PdiSettings())
    lines: list[dict[str, object]] = []
    for step, reading in zip(made.steps, read, strict=True):
        given, other = step.given, attempts.get(step.attempt, _AS_IT_IS)
        lines.append(result(step.attempt, agent_commands=given.commands, test_summary=given.summary) | {**other})
        changed = readings.get(step.attempt)
        if changed is None or changed:
            lines.append(snapshot(step.attempt, reading) | {**(changed or _AS_IT_IS)})
        lines.append(reflection(step.attempt, memo_before=given.previous_memo, memo_after=given.memo))
    lines.append(result(steps, reward=1.0) | {**attempts.get(steps, _AS_IT_IS)})
    path = folder / "task4" / "trajectory.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder
