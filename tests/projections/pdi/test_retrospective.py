"""PDI across finished runs, against the reconstruction that lies with the recordings."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from projections.pdi.index import PdiInput
from projections.pdi.retrospective import FinishedRun, phis, retrospective
from projections.pdi.spark_records import reflect_steps

SHARED: Final = Path(__file__).parents[4] / "shared"
VECTORS: Final = SHARED / "vectors" / "spark_pdi.json"
FOLDERS: Final = SHARED / "data" / "spark-trajectories"
EXPECTED: Final[dict[str, Any]] = (
    {name: task["offline_reconstruction"] for name, task in json.loads(VECTORS.read_bytes())["tasks"].items()}
    if VECTORS.exists()
    else {}
)
TASKS: Final = sorted(name for name, phi in EXPECTED.items() if phi and (FOLDERS / name / "SKILL.md").exists())


def finished(task: str) -> FinishedRun:
    """Read a run that passed from what SPARK left of it."""
    folder = FOLDERS / task
    record = json.loads((folder / "attempts.json").read_text(encoding="utf-8"))
    return FinishedRun(
        name=task,
        skill=(folder / "SKILL.md").read_text(encoding="utf-8"),
        commands=record["attempts"][-1]["agent_commands"],
        steps=tuple(step.given for step in reflect_steps([], record)),
    )


@pytest.mark.shared
@pytest.mark.skipif(not TASKS, reason="../shared is missing")
@pytest.mark.parametrize("task", TASKS)
def test_components_are_those_of_the_reconstruction(task: str) -> None:
    """Nobody published the original; two independent readings of its description agree."""
    found, expected = phis(finished(task)), EXPECTED[task]
    for name in ("phi_exec", "phi_plan", "phi_oss"):
        value = getattr(found, name)
        assert value is expected[name] is None or value == pytest.approx(expected[name], abs=1e-9)


def run(name: str, commands: str, *memos: str) -> FinishedRun:
    """A made-up run whose skill is always the same."""
    befores = ("", *memos)
    steps = tuple(
        PdiInput(memo=memo, previous_memo=before, commands="", summary="", previous_summary="", step=number)
        for number, (memo, before) in enumerate(zip(memos, befores, strict=False))
    )
    return FinishedRun(name=name, skill="pack the box with care", commands=commands, steps=steps)


def test_only_complete_runs_are_scored_against_each_other() -> None:
    """A run that passed at once has no memo; giving it a 0 would call its plan fresh."""
    memos = [f"### Verified Facts\nfact {n}\n\n### Next Strategy\nplan {n}\n" for n in range(3)]
    found = retrospective([run("at once", "pack"), run("a", "pack the box", *memos), run("b", "sleep", *memos[:2])])
    assert [(each.name, each.pdi is None, each.of) for each in found] == [
        ("at once", True, 2),
        ("a", False, 2),
        ("b", False, 2),
    ]


def test_of_two_runs_the_grounded_one_scores_higher() -> None:
    """All else equal, the one whose commands went into the skill."""
    memos = [f"### Verified Facts\nfact {n}\n\n### Next Strategy\nplan {n}\n" for n in range(2)]
    high, low = retrospective([run("a", "pack the box", *memos), run("b", "sleep late", *memos)])
    assert high.pdi == pytest.approx(1.0)
    assert low.pdi == pytest.approx(-1.0)
