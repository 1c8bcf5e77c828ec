"""Corners of a training, with written answers of the optimizer: what is undecided, what is 0, what is fewer."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from engine.policies.edits.edit import EditRule
from engine.policies.edits.regions import regions_for
from engine.policies.training.buffer import StepNote
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.skill import SkillRejected
from events.types.training import (
    AppendixNoted,
    BufferNoted,
    CandidateMade,
    EditsMerged,
    EditsSelected,
    GateDecided,
    RateChosen,
    RolloutsScored,
    SkillAccepted,
    SlowProposed,
    StepSkipped,
    TrainingClosed,
)
from replay.rerun import rerun
from tests.support.orders import CountingClock
from tests.support.training import told, trained, training

RULE: Final = """
[[rule]]
name = {name}
model = {model}
contains = {contains}
absent = {absent}
[[rule.turn]]
text = {text}
repeat = true
"""
NOTHING: Final[Mapping[str, Any]] = {"findings": [], "edits": []}
EDITS: Final[Mapping[str, Any]] = {
    "findings": [],
    "edits": [{"op": "append", "content": each} for each in ("Wipe it.", "Weigh it.")],
}
Said = tuple[tuple[str, ...], tuple[str, ...], Mapping[str, Any]]
"""What a request holds, what it does not, and the answer."""


def lay_out(folder: Path, *said: Said, told_by: str = "") -> Path:
    """Lay out a dozen questions for each set, an optimizer, and a target that knows none; or all, told by its skill."""
    for split in ("train", "val", "test"):
        rows = [
            {"id": f"{split}{at}", "question": f"{split} {at}?", "context": None, "answers": ["x"]} for at in range(12)
        ]
        (folder / "items" / split).mkdir(parents=True)
        (folder / "items" / split / "items.json").write_text(json.dumps(rows), "utf-8")
    rules: list[tuple[str, Any, Any, str]] = [
        ("optimizer", contains, absent, json.dumps(answer)) for contains, absent, answer in said
    ]
    rules += [("target", (told_by,), (), "<answer>x</answer>")] * bool(told_by)
    rules.append(("target", (), (), "<answer>none</answer>"))
    parts = [
        RULE.format(
            name=json.dumps(f"rule {at}"), model=json.dumps(model), contains=json.dumps(contains),
            absent=json.dumps(absent), text=json.dumps(text),
        )
        for at, (model, contains, absent, text) in enumerate(rules)
    ]  # fmt: skip
    (folder / "script.toml").write_text('name = "corners"\n' + "".join(parts), "utf-8")
    return folder


async def lived(folder: Path, **changes: Any) -> tuple[EventLog, str]:
    """Train to the end, and replay it."""
    log = MemoryLog(clock=CountingClock())
    sets = {purpose: {"folder": "items"} for purpose in ("train", "selection", "test")}
    few = {"sets": sets, "epochs": 1, "minibatch": 12, "remeasure": False, "test": False}
    run = (await trained(log, folder, training(**{**few, **changes}))).run
    assert (await rerun(log, run)).complete
    return log, run


async def test_what_is_left_undecided_is_no_rejection(tmp_path: Path) -> None:
    """Given a score that is 0 everywhere, nothing is said against an edit: not in the log, and not to the optimizer."""
    log, run = await lived(lay_out(tmp_path, ((), (), EDITS)), batch=6)
    ruled = [each.outcome for each in await told(log, run, GateDecided) if each.outcome != "more"]
    assert ruled == ["undecided", "undecided"]
    assert await told(log, run, SkillRejected) == []
    notes = [msgspec.json.decode(await log.get(each.note), type=StepNote) for each in await told(log, run, BufferNoted)]
    assert [(each.action.partition(":")[0], each.edits, each.before, each.after) for each in notes] == [
        ("undecided", (), None, None)
    ] * 2
    (closed,) = await told(log, run, TrainingClosed)
    assert (closed.accepted, closed.rejected) == (0, 0)


async def test_what_is_rejected_is_told_to_the_optimizer(tmp_path: Path) -> None:
    """The same under a gate that reads a tie as a rejection."""
    folder = lay_out(tmp_path, ((), (), EDITS))
    log, run = await lived(folder, batch=12, method={"name": "compatible"}, slow={"on": False})
    assert len(await told(log, run, SkillRejected)) == 1
    (noted,) = await told(log, run, BufferNoted)
    note = msgspec.json.decode(await log.get(noted.note), type=StepNote)
    assert (note.edits, note.before, note.after) == (("append: Wipe it.", "append: Weigh it."), 0.0, 0.0)


async def test_failures_and_successes_are_merged_side_by_side(tmp_path: Path) -> None:
    """Level by level, neither side waiting for the other's last; merges are told failures first, then by level."""
    folder = lay_out(tmp_path, ((), (), EDITS), told_by="train 1")
    changes = {"batch": 12, "minibatch": 1, "merge_batch": 2, "slow": {"on": False}, "meta": False}
    log, run = await lived(folder, **changes)
    (merged,) = await told(log, run, EditsMerged)
    fail = [
        f"merge/1.fail.{level}.{number}" for level, many in ((1, 4), (2, 2), (3, 1), (4, 1)) for number in range(many)
    ]
    assert list(merged.merges) == [*fail, "merge/1.succ.1.0", "merge/1.succ.2.0", "merge/1.final.1.0"]
    opened = {each.stream.name: each.position async for each in log.read(Selection(run=run, tags={"optimizer.opened"}))}
    assert opened["merge/1.succ.2.0"] < opened["merge/1.fail.3.0"] < opened["merge/1.final.1.0"]


@pytest.mark.parametrize(
    ("method", "ranking", "selected", "applied"),
    [
        ("compatible", {"selected_indices": [1, 0]}, [((1,), "ranked")], [1]),
        ("compatible", {"chosen": "none"}, [((), "first")], [0]),
        ("spark", {"selected_indices": [1, 0]}, [((), "all")], []),
    ],
    ids=["one is kept", "no ranking", "default"],
)
async def test_a_rate_of_0(
    tmp_path: Path, method: str, ranking: dict[str, Any], selected: list[Any], applied: list[int]
) -> None:
    """SkillOpt ranks and keeps one edit all the same, or gates a candidate without any (W15); by default 0 is 0."""
    stages: tuple[Said, ...] = (
        (("Stage: rate",), (), {"learning_rate": 0, "reasoning": ""}),
        (("Stage: rank",), (), ranking),
        ((), (), EDITS),
    )
    changes = {"rate": {"mode": "autonomous"}, "method": {"name": method}, "slow": {"on": False}}
    log, run = await lived(lay_out(tmp_path, *stages), batch=12, **changes)
    assert [each.rate for each in await told(log, run, RateChosen)] == [0]
    assert [(each.selected, each.how) for each in await told(log, run, EditsSelected)] == selected
    assert [each.applied for each in await told(log, run, CandidateMade)] == applied
    assert [each.outcome for each in await told(log, run, GateDecided)][-1:] == ["reject"] * len(applied)
    assert len(await told(log, run, StepSkipped)) == (not applied)


async def test_fewer_reminders_take_the_place_of_those_there_were(tmp_path: Path) -> None:
    """Given one in the skill and one more, what the optimizer makes of both is all that is left."""
    stages: tuple[Said, ...] = (
        (("Stage: appendix",), (), {"notes": ["Read twice and slowly."]}),
        (("Read twice.",), (), {**NOTHING, "appendix_notes": ["Read slowly."]}),
        ((), (), {**NOTHING, "appendix_notes": ["Read twice."]}),
    )
    log, run = await lived(lay_out(tmp_path, *stages), batch=6, skill_aware=True, consolidate=1, gate={"name": "force"})
    noted = await told(log, run, AppendixNoted)
    assert [(each.notes, each.crowded) for each in noted] == [
        (("Read twice.",), False),
        (("Read twice.", "Read slowly."), True),
        (("Read twice and slowly.",), False),
    ]
    accepted = await told(log, run, SkillAccepted)
    text = (await log.get(accepted[-1].files[0].digest)).decode()
    assert regions_for(EditRule()).appendix_notes(text) == ("Read twice and slowly.",)


@pytest.mark.parametrize(
    ("method", "parts"), [("spark", [4, 4, 4]), ("compatible", [4, 1, 1, 1, 1, 1, 1, 1, 1])], ids=str
)
async def test_more_items_are_compared_until_enough_changed(tmp_path: Path, method: str, parts: list[int]) -> None:
    """Where none changes, all are looked at: as many as are missing at a time; by SkillOpt one by one (W32)."""
    slow = {"policy": "changed", "samples": 4}
    changes = {"epochs": 2, "batch": 12, "slow": slow, "meta": False, "method": {"name": method}}
    log, run = await lived(lay_out(tmp_path, ((), (), NOTHING)), **changes)
    scored = await told(log, run, RolloutsScored)
    for side in ("before", "after"):
        found = [each for each in scored if each.label.startswith(f"e2.slow.{side}")]
        assert [each.planned for each in found] == parts
        assert len({each.label for each in found}) == len(parts)
    (proposed,) = await told(log, run, SlowProposed)
    assert (proposed.improved, proposed.regressed, proposed.failing, proposed.passing) == (0, 0, 12, 0)
    assert json.loads(await log.get(proposed.pairs)) == []


async def test_no_more_items_are_compared_where_all_are_shown(tmp_path: Path) -> None:
    """The sample is what there is."""
    changes = {"epochs": 2, "batch": 12, "slow": {"samples": 4}, "meta": False}
    log, run = await lived(lay_out(tmp_path, ((), (), NOTHING)), **changes)
    (proposed,) = await told(log, run, SlowProposed)
    assert proposed.failing == 4


@pytest.mark.slow
async def test_no_more_items_are_compared_than_are_needed(tmp_path: Path) -> None:
    """Given a rule of the second epoch by which every item is solved, the sample is enough."""
    stages: tuple[Said, ...] = (
        (("Stage: slow update",), (), {"guidance": "Keep on."}),
        (("Wipe it.",), (), {"findings": [], "edits": [{"op": "append", "content": "Weigh it."}]}),
        ((), (), {"findings": [], "edits": [{"op": "append", "content": "Wipe it."}]}),
    )
    changes = {"epochs": 2, "batch": 12, "meta": False, "gate": {"name": "force"}}
    slow = {"policy": "changed", "samples": 4}
    log, run = await lived(lay_out(tmp_path, *stages, told_by="Weigh it."), slow=slow, **changes)
    (proposed,) = await told(log, run, SlowProposed)
    assert (proposed.improved, proposed.regressed, proposed.failing, proposed.passing) == (4, 0, 0, 0)
    assert len(json.loads(await log.get(proposed.pairs))) == 4


async def test_blank_guidance_makes_no_candidate(tmp_path: Path) -> None:
    """Nothing is advised by spaces: the gate is not asked, and the epoch has no candidate of its own."""
    folder = lay_out(tmp_path, (("Stage: slow update",), (), {"guidance": " \n "}), ((), (), NOTHING))
    log, run = await lived(folder, batch=12, epochs=2)
    assert await told(log, run, SlowProposed)
    assert await told(log, run, CandidateMade, GateDecided) == []


async def test_without_reminders_nothing_is_noted(tmp_path: Path) -> None:
    """Asked for reminders, the optimizer may find none: no candidate is made of none."""
    log, run = await lived(lay_out(tmp_path, ((), (), EDITS)), batch=12, skill_aware=True, slow={"on": False})
    assert [each.origin for each in await told(log, run, CandidateMade)] == ["step"]
    assert await told(log, run, AppendixNoted) == []


@pytest.mark.parametrize(
    ("other", "reason"),
    [({"neither": 1}, "no reflection could be read: unreadable"), (NOTHING, "nothing was proposed")],
    ids=["none is read", "one is read"],
)
async def test_why_a_step_has_no_candidate(tmp_path: Path, other: Mapping[str, Any], reason: str) -> None:
    """Answers that cannot be read are another reason than answers without a proposal, and one of these is enough.

    Where there is no candidate, there is none for a placebo to stand in for.
    """
    folder = lay_out(tmp_path, (("train 0?",), (), {"neither": 1}), ((), (), other))
    log, run = await lived(folder, batch=12, minibatch=6, placebo=1, slow={"on": False})
    (skipped,) = await told(log, run, StepSkipped)
    assert skipped.reason == reason
    assert await told(log, run, CandidateMade) == []


async def test_a_rate_of_0_rewrites_nothing(tmp_path: Path) -> None:
    """SkillOpt gates a candidate of no edits, but asks for no document by no suggestions."""
    suggestions = [{"title": each, "motivation": "", "instruction": each} for each in ("Wipe it.", "Weigh it.")]
    stages: tuple[Said, ...] = (
        (("Stage: rate",), (), {"learning_rate": 0, "reasoning": ""}),
        (("Stage: rank",), (), {"chosen": "none"}),
        ((), (), {"findings": [], "suggestions": suggestions}),
    )
    changes = {"rate": {"mode": "autonomous"}, "method": {"name": "compatible"}, "slow": {"on": False}}
    log, run = await lived(lay_out(tmp_path, *stages), batch=12, update="rewrite", **changes)
    assert [each.selected for each in await told(log, run, EditsSelected)] == [()]
    (skipped,) = await told(log, run, StepSkipped)
    assert skipped.reason == "the optimizer chose it"
    assert await told(log, run, CandidateMade) == []
