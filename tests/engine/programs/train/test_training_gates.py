"""What gates do within a training: vetoes, refusals before anything is paid for, rulings that are passed on as such."""

from pathlib import Path
from typing import Any, Final

import pytest

from engine.config.errors import ConfigRefused
from engine.programs.train import edit_points, epoch_points, points
from engine.programs.train.gate_points import GATE
from events.store.base import EventLog
from events.store.memory import MemoryLog
from events.types.skill import SkillRejected
from events.types.training import CandidateMade, GateDecided, RolloutsScored, SkillAccepted
from replay.rerun import rerun
from tests.support.mutation import mutate
from tests.support.orders import CountingClock
from tests.support.training import FEW, SETS, jars, told, trained, training

SKILL: Final = """\
---
name: jar-labels
description: How the jars of this house are labelled.
---

# Labels

{rules}
"""


def skilled(folder: Path, rules: str) -> Path:
    """Lay out the jars, and a skill that holds some rules already."""
    base = jars(folder)
    skill = base / "skills" / "jar-labels"
    skill.mkdir(parents=True)
    (skill / "SKILL.md").write_text(SKILL.format(rules=rules))
    return base


async def lived(base: Path, **changes: Any) -> tuple[EventLog, str]:
    """Train to the end."""
    log = MemoryLog(clock=CountingClock())
    report = await trained(log, base, training(**{**FEW, **changes}))
    assert report.outcomes == {"train": "completed"}
    return log, report.run


async def test_a_paired_gate_vetoes_what_breaks_an_item_that_worked(tmp_path: Path) -> None:
    """Given a rule for all jars, both sides are run, and an item that it breaks rejects it, whatever else it wins."""
    sets = {purpose: {"folder": "items", "split": each["split"]} for purpose, each in SETS.items()}
    few = {"batch": 12, "minibatch": 4, "epochs": 1, "remeasure": False, "test": False}
    log, run = await lived(jars(tmp_path), gate={"name": "paired"}, sets=sets, **few)
    ruled = await told(log, run, GateDecided)
    labels = [each.label for each in await told(log, run, RolloutsScored)]
    assert [label for label in labels if label.endswith(".beside")]
    vetoed = [each for each in ruled if each.outcome == "reject" and each.figures.get("broken", 0) > 0]
    assert vetoed
    reasons = [each.reasons for each in await told(log, run, SkillRejected)]
    assert (vetoed[0].reason,) in reasons
    assert (await rerun(log, run)).complete


async def test_a_skill_to_begin_with_is_kept_where_no_edit_touches_it(tmp_path: Path) -> None:
    """Front matter and what no edit names stay as they were, byte for byte."""
    base = skilled(tmp_path, "Wipe each jar.")
    log, run = await lived(base, skill="skills/jar-labels", gate={"name": "force"})
    accepted = await told(log, run, SkillAccepted)
    assert accepted
    text = (await log.get(accepted[-1].files[0].digest)).decode()
    assert text.startswith(SKILL.split("# Labels", maxsplit=1)[0])
    assert "Wipe each jar." in text


async def test_a_gate_that_sees_too_little_refuses_before_anything_is_paid_for(tmp_path: Path) -> None:
    """`evidence` says what it cannot see under its bound; told to start anyway, it starts."""
    base = jars(tmp_path)
    bound: dict[str, Any] = {"name": "evidence", "settings": {"power": 0.8}}
    log = MemoryLog(clock=CountingClock())
    with pytest.raises(ConfigRefused, match="sees too little"):
        await trained(log, base, training(**FEW, gate=bound))
    assert await log.runs() == []
    bound["settings"]["anyway"] = True
    report = await trained(log, base, training(**FEW, gate=bound))
    assert report.outcomes == {"train": "completed"}


@pytest.mark.parametrize("mode", ["linear", "cosine"])
async def test_a_schedule_that_goes_up_is_refused(tmp_path: Path, mode: str) -> None:
    """Its last step cannot apply more edits than its first; a constant rate has no last one."""
    base, log = jars(tmp_path), MemoryLog(clock=CountingClock())
    rate = {"mode": mode, "most": 2, "least": 3}
    with pytest.raises(ConfigRefused, match="goes down from 2 to 3"):
        await trained(log, base, training(**FEW, rate=rate))
    report = await trained(log, base, training(**FEW, rate={**rate, "mode": "constant"}))
    assert report.outcomes == {"train": "completed"}


async def test_a_candidate_that_changes_nothing_is_not_run(tmp_path: Path) -> None:
    """Given edits that are all refused for want of room, no pass is paid for; SkillOpt would score it again."""
    log, run = await lived(jars(tmp_path), edits={"max_chars": 1})
    made = [each for each in await told(log, run, CandidateMade) if each.origin == "step"]
    assert made
    assert not any(each.changed for each in made)
    assert all(each.refused and not each.applied for each in made)
    reasons = [each.reasons for each in await told(log, run, SkillRejected)]
    unchanged = [each for each in await told(log, run, CandidateMade) if not each.changed]
    assert reasons.count(("it changes nothing",)) == len(unchanged), "guidance, too, has no room"
    labels = [each.label for each in await told(log, run, RolloutsScored)]
    assert not [label for label in labels if label.startswith("s") and label.endswith(".gate")]


COURSE: Final = [each.name for each in (*points.POINTS, *edit_points.POINTS, *epoch_points.POINTS, GATE)]
"""The points of this program."""


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "changes",
    [
        {"gate": {"name": "items"}, "shadows": {"strict": {"name": "strict"}}, "skill_aware": True, "consolidate": 1},
        {"update": "rewrite", "rate": {"mode": "autonomous"}, "accumulation": 2},
    ],
    ids=["gates", "rewrite"],
)
async def test_no_ruling_is_passed_on_in_disguise(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Each ruling of the course is answered otherwise once; later inputs are what substitution gives."""
    log, run = await lived(jars(tmp_path), **changes)
    came = await mutate(log, run, COURSE)
    assert came.mutations > 50
    assert came.compared > 0
    assert came.found == ()


@pytest.mark.slow
async def test_a_ruling_of_the_gate_goes_into_the_next_as_such(tmp_path: Path) -> None:
    """The same of the gate alone, which is quick."""
    log, run = await lived(jars(tmp_path), epochs=1)
    came = await mutate(log, run, [GATE.name])
    assert came.mutations > 0
    assert came.found == ()
