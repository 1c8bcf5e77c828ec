"""The method value `compatible` decides in a whole run of the program as SkillOpt's recorded trainings do.

The items and the edits of a run are given to the driver that answers the recorded trainings. What both come to is
compared: batches and their seeds, rates, scores, what is accepted, and the final text.
"""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from engine.programs.train.document import HEAD, texts_of
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.training import (
    CandidateMade,
    EditsMerged,
    EpochPlanned,
    GateDecided,
    RateChosen,
    RolloutsScored,
    SkillAccepted,
)
from tests.support.orders import CountingClock
from tests.support.training import told, trained, training
from tests.vectors.training_run import TrainingRun

TRAIN: Final = (("RULE-A",), ("RULE-B",), ("RULE-A", "RULE-B"), ("RULE-C", "!HARM"))
SPLITS: Final = {"train": TRAIN, "val": TRAIN, "test": TRAIN[:3]}
TARGET: Final = """
[[rule]]
name = "{name}"
model = "target"
contains = [{contains}]
absent = [{absent}]
[[rule.turn]]
text = "<answer>done</answer>"
"""
OPTIMIZER: Final = """
[[rule]]
name = "{name}"
model = "optimizer"
contains = [{contains}]
absent = [{absent}]
[[rule.turn]]
text = '{text}'
"""
REST: Final = """
[[rule]]
name = "open"
model = "target"
[[rule.turn]]
text = "<answer>open</answer>"
"""


def _quoted(*texts: str) -> str:
    return ", ".join(json.dumps(each) for each in texts)


def _appended(*contents: str) -> str:
    edits = [{"op": "append", "content": each} for each in contents]
    return json.dumps({"findings": [], "edits": edits})


def _script() -> str:
    """A target that goes by its skill, and an optimizer that goes by the document and by what was tried before."""
    parts = ['name = "words"\n']
    for split, items in SPLITS.items():
        for at, needs in enumerate(items):
            wanted = [f"{split} case {at}?", *(each for each in needs if not each.startswith("!"))]
            harm = [each[1:] for each in needs if each.startswith("!")]
            parts.append(TARGET.format(name=f"{split}{at}", contains=_quoted(*wanted), absent=_quoted(*harm)))
    stages = (
        ("ranks", ("Stage: rank",), (), '{"selected_indices": [0, 1, 2, 3, 4, 5, 6, 7]}'),
        ("slow", ("Stage: slow update",), (), '{"reasoning": "", "guidance": "Keep calm."}'),
        ("nothing", ("Stage: reflect successes",), (), '{"findings": [], "edits": []}'),
        ("first", (), ("RULE-A",), _appended("RULE-A", *"uvwxyz")),
        ("in vain", (), ("noise",), _appended("noise")),
        ("second", (), ("RULE-B",), _appended("RULE-B", "more")),
        ("third", (), (), _appended("RULE-C HARM")),
    )
    for name, contains, absent, text in stages:
        parts.append(OPTIMIZER.format(name=name, contains=_quoted(*contains), absent=_quoted(*absent), text=text))
    return "".join((*parts, REST))


def _lay_out(folder: Path) -> None:
    for split, items in SPLITS.items():
        rows = [
            {"id": f"{split}{at}", "question": f"{split} case {at}?", "context": None, "answers": ["done"]}
            for at in range(len(items))
        ]
        (folder / "items" / split).mkdir(parents=True)
        (folder / "items" / split / "items.json").write_text(json.dumps(rows), "utf-8")
    (folder / "script.toml").write_text(_script(), "utf-8")


async def _edits(log: EventLog, run: str) -> dict[str, Any]:
    """Give what each step came to propose, without what the program adds."""
    found: dict[str, Any] = {}
    for merged in await told(log, run, EditsMerged):
        items = json.loads(await log.get(merged.items))
        found[str(merged.step)] = [{key: item[key] for key in ("op", "content")} for item in items]
    return found


async def _run(folder: Path, gate: str, batch: int, *, slow: bool) -> tuple[EventLog, str]:
    _lay_out(folder)
    log = MemoryLog(clock=CountingClock())
    sets = {purpose: {"folder": "items"} for purpose in ("train", "selection", "test")}
    spec = training(
        sets=sets, batch=batch, minibatch=8, epochs=3, rate={"mode": "linear", "most": 4, "least": 1},
        slow={"on": slow, "samples": 2}, meta=False, gate={"name": gate}, method={"name": "compatible"},
    )  # fmt: skip
    return log, (await trained(log, folder, spec)).run


async def _recorded(log: EventLog, run: str, gate: str, batch: int, *, slow: bool) -> dict[str, Any]:
    """Train by the driver of the recorded trainings, on the edits that the optimizer proposed to the run."""
    overrides = {
        "num_epochs": 3,
        "batch_size": batch,
        "lr_scheduler": "linear",
        "min_edit_budget": 1,
        "use_gate": gate == "strict",
        "use_slow_update": slow,
        "slow_update_samples": 2,
    }
    given = {"env": SPLITS, "initial_skill": "", "edits_by_step": await _edits(log, run), "config_overrides": overrides}
    result: dict[str, Any] = TrainingRun({**given, "slow_update_stub": "Keep calm."}).run()
    return result


async def _batches(log: EventLog, run: str) -> list[tuple[int, int]]:
    planned = await told(log, run, EpochPlanned)
    parts = [part for epoch in planned for step in epoch.steps for part in step.batches]
    return [(part.seed, len(part.items)) for part in parts]


async def _ruled(log: EventLog, run: str) -> list[str]:
    """Give what the gate said of the candidates of steps."""
    read = [each async for each in log.read(Selection(run=run, tags={"candidate.made"}))]
    made = {each.ref for each in read if isinstance(each.event, CandidateMade) and each.event.origin == "step"}
    return [
        each.outcome for each in await told(log, run, GateDecided) if each.outcome != "more" and each.candidate in made
    ]


async def _text(log: EventLog, run: str) -> str:
    accepted = (await told(log, run, SkillAccepted))[-1]
    return texts_of({each.name: await log.get(each.digest) for each in accepted.files})[HEAD]


@pytest.mark.parametrize(("gate", "batch", "slow"), [("strict", 2, False), ("strict", 3, True), ("force", 2, True)])
async def test_a_run_of_the_program_decides_as_the_recorded_trainings(
    tmp_path: Path, gate: str, batch: int, *, slow: bool
) -> None:
    """Given the same answers of the optimizer, over three epochs with rejected candidates in between."""
    log, run = await _run(tmp_path, gate, batch, slow=slow)
    recorded = await _recorded(log, run, gate, batch, slow=slow)
    history = recorded["history"]
    gated = [record for record in history if "selection_hard" in record]
    assert len(gated) >= 3
    parts = [part for record in history for part in record["accumulation_batches"]]
    assert await _batches(log, run) == [(part["batch_seed"], part["n_envs"]) for part in parts]
    assert [each.rate for each in await told(log, run, RateChosen)] == [record["edit_budget"] for record in gated]
    assert await _ruled(log, run) == ["reject" if each["action"] == "reject" else "accept" for each in gated]
    rolled = {each.label: each.hard for each in await told(log, run, RolloutsScored)}
    scores = {f"s{record['step']}.gate": record["selection_hard"] for record in gated}
    common = rolled.keys() & scores.keys()
    assert common
    assert {label: float(rolled[label].exact) for label in common} == {label: scores[label] for label in common}
    assert await _text(log, run) == recorded["skills"][f"skill_v{history[-1]['step']:04d}.md"]
