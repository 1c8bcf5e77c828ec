"""What an optimizer may be shown of a cell is put together from what the run recorded, whatever the item was."""

from pathlib import Path
from typing import Any, Final

import pytest

from engine.core.ports import EffectAddress
from engine.core.prompts import load_prompts
from engine.programs.train.trajectories import TrajectoryPort
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.optimizing import CheckFeedback, TrajectoryAsked, TrajectoryMissing, TrajectoryRead
from events.types.sandbox import ActionAsked
from tests.engine.programs.evaluate.test_evaluate import evaluation
from tests.support.orders import CountingClock
from tests.support.pretend import PretendBackend
from tests.support.quiz_runs import STUDENT, make_items
from tests.support.runs import SCRIPT, make_base, setting

ARMS: Final[dict[str, Any]] = {"none": {"set": {"method.attempts": 1}}, "two": {"set": {"method.attempts": 2}}}


async def shown(
    log: EventLog, run: str, cell: str, feedback: CheckFeedback = "checks", *, reference: bool = False
) -> list[tuple[str, str, str]]:
    """Ask for a trajectory; give its parts with their texts."""
    found = await TrajectoryPort(log)(TrajectoryAsked(cell, feedback, reference), EffectAddress(run, "reflect/x", 1))
    assert isinstance(found, TrajectoryRead), found
    return [(each.kind, each.label, (await log.get(each.text)).decode()) for each in found.parts]


async def questions(base: Path, reuse: str = "all") -> tuple[MemoryLog, str]:
    """Roll the two questions out, one of which the student cannot answer."""
    log = MemoryLog(clock=CountingClock())
    make_base(base, STUDENT)
    make_items(base / "items")
    what = evaluation(ARMS, tasks="", own={"items": {"folder": "items", "split": "test"}, "reuse": reuse})
    report = await start_run(RunContext(log, PretendBackend(), load_prompts(), "test", {}, base), what)
    return log, report.run


async def test_a_question_is_shown_with_its_context_and_not_with_what_is_expected(tmp_path: Path) -> None:
    """Given an answer that is wrong, all that was asked and said is there; K7, which was expected, is nowhere."""
    log, run = await questions(tmp_path)
    parts = await shown(log, run, "cell/none/items.amber.1")
    assert [kind for kind, _, _ in parts] == ["question", "said", "answer", "checks"]
    assert "Which code has the amber lamp?" in parts[0][2]
    assert parts[1][2] == "<answer>I do not know</answer>"
    assert parts[2][2] == "I do not know"
    assert "K7" not in str(parts)
    told = await shown(log, run, "cell/none/items.blue.1")
    assert "[DOC] Blue is B2." in told[0][2]
    assert not any(kind == "checks" for kind, _, _ in told)


async def test_what_is_expected_is_shown_only_where_the_settings_say_so(tmp_path: Path) -> None:
    """With a reference, the expected answer is a part of its own, named as such."""
    log, run = await questions(tmp_path)
    parts = await shown(log, run, "cell/none/items.amber.1", reference=True)
    assert [text for kind, _, text in parts if kind == "reference"] == ['["K7"]']


async def test_of_a_scorer_only_the_outcome_is_told_where_feedback_is_binary(tmp_path: Path) -> None:
    """Whether it is solved is in the answer of the effect; why it is not, is left out."""
    log, run = await questions(tmp_path)
    assert "checks" not in [kind for kind, _, _ in await shown(log, run, "cell/none/items.amber.1", "binary")]


@pytest.mark.parametrize("feedback", ["binary", "checks", "rich"])
async def test_a_trial_is_shown_by_its_commands_and_failed_checks(tmp_path: Path, feedback: CheckFeedback) -> None:
    """Given a first attempt that guesses, its command and what its verifier found are there, as far as may be told."""
    log = MemoryLog(clock=CountingClock())
    report = await start_run(await setting(log, make_base(tmp_path, SCRIPT, "one")), evaluation(ARMS))
    parts = await shown(log, report.run, "cell/none/one/1", feedback)
    kinds = [kind for kind, _, _ in parts]
    assert kinds[0] == "question"
    assert "words.txt names" in parts[0][2]
    assert ("call", "command", "echo nope > answer.txt") in parts
    assert ("output", "exit code 0", "") in parts
    checks = [(label, text) for kind, label, text in parts if kind == "checks"]
    judged = [each for each in checks if "passed" in each[0]]
    assert judged == ([] if feedback == "binary" else [("0 of 1 checks passed", "tests::word - another word")])


async def test_each_judged_attempt_of_a_trial_is_shown(tmp_path: Path) -> None:
    """Given two attempts, the commands of both are there, in their order."""
    log = MemoryLog(clock=CountingClock())
    report = await start_run(await setting(log, make_base(tmp_path, SCRIPT, "one")), evaluation(ARMS))
    commands = [text for kind, _, text in await shown(log, report.run, "cell/two/one/1") if kind == "call"]
    assert commands == ["echo nope > answer.txt", "cat words.txt | tee answer.txt"]


async def test_a_cell_without_a_score_of_its_own_has_no_trajectory_and_says_why(tmp_path: Path) -> None:
    """A score that was found belongs to another run; a cell that nobody began has none."""
    log, first = await questions(tmp_path)
    what = evaluation(ARMS, tasks="", own={"items": {"folder": "items", "split": "test"}})
    again = await start_run(RunContext(log, PretendBackend(), load_prompts(), "test", {}, tmp_path), what)
    port = TrajectoryPort(log)

    async def why(cell: str) -> str:
        found = await port(TrajectoryAsked(cell, "checks", False), EffectAddress(again.run, "reflect/x", 1))
        assert isinstance(found, TrajectoryMissing)
        return found.reason

    assert first in await why("cell/none/items.amber.1")
    assert "no cell" in await why("cell/none/items.green.1")


async def test_nothing_of_a_trajectory_is_shortened_and_no_text_is_copied(tmp_path: Path) -> None:
    """Each part names a blob; where the run's own events name the text, it is the same blob."""
    log = MemoryLog(clock=CountingClock())
    report = await start_run(await setting(log, make_base(tmp_path, SCRIPT, "one")), evaluation(ARMS))
    found = await TrajectoryPort(log)(
        TrajectoryAsked("cell/none/one/1", "checks", False), EffectAddress(report.run, "reflect/x", 1)
    )
    assert isinstance(found, TrajectoryRead)
    asked = [each.event async for each in log.read(Selection(run=report.run, tags={"action.asked"}))]
    assert found.parts[2].text in {each.command for each in asked if isinstance(each, ActionAsked)}
    assert found.turns == 2
