"""What an optimizer may be shown of a cell is put together from what the run recorded, whatever the item was."""

import json
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from engine.core.ports import EffectAddress
from engine.core.prompts import load_prompts
from engine.policies.feedback import HIDDEN
from engine.programs.train.trajectories import TrajectoryPort
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.base import Draft, Event, Ref, StreamId
from events.digest import Digest, Fingerprint, digest_of
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.agent import AgentActed, AgentSaid
from events.types.attempt import AgentEnded, AttemptAbandoned, AttemptJudged, AttemptOpened
from events.types.evaluation import CellOpened, EvaluationScored
from events.types.item import ItemAnswered, ItemOpened, ItemScored
from events.types.model import ConversationNode, ModelAnswered, ModelAsked
from events.types.optimizing import CheckFeedback, TrajectoryAsked, TrajectoryMissing, TrajectoryRead
from events.types.sandbox import ActionAsked
from events.types.session import RunForked
from events.types.trial import TaskAsked, TaskRead, TrialOpened
from events.values import Outcome, Ratio
from tests.engine.agents.installed.test_agents import backend_named
from tests.engine.items.test_agent_way import base_of, worked
from tests.engine.items.test_code_way import base_of as programs
from tests.engine.items.test_code_way import coded
from tests.engine.items.test_steps_way import ARMS as TOLD
from tests.engine.items.test_steps_way import OWN as STEPS
from tests.engine.items.test_steps_way import base_of as errands
from tests.engine.items.test_steps_way import way_to
from tests.engine.programs.evaluate.test_evaluate import evaluated, evaluation
from tests.events.samples import sample
from tests.support.orders import CountingClock
from tests.support.pretend import PretendBackend
from tests.support.quiz_runs import STUDENT, make_items
from tests.support.runs import SCRIPT, make_base, setting

ARMS: Final[dict[str, Any]] = {"none": {"set": {"method.attempts": 1}}, "two": {"set": {"method.attempts": 2}}}


TESTS: Final = 'assert word == "hello there"'


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


@pytest.mark.slow
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


async def test_an_agent_at_an_item_is_shown_by_what_it_ran_and_left(tmp_path: Path) -> None:
    """Its commands, what they printed, and the file that was scored, in the order in which they came."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    async with backend_named("local", tmp_path) as backend:
        run, _ = await worked(log, base, backend)
    parts = await shown(log, run, "cell/none/quiz.amber.1")
    kinds = [kind for kind, _, _ in parts]
    assert kinds[:3] == ["question", "call", "output"]
    assert "amber lamp?" in parts[0][2]
    assert ("answer", "answer.txt") in [part[:2] for part in parts]
    assert "K7 /opt" not in str(parts[0])


@pytest.mark.slow
async def test_programs_that_a_model_wrote_are_shown_with_what_they_printed(tmp_path: Path) -> None:
    """What the model wrote holds the program already, so it is shown once."""
    log, base = MemoryLog(clock=CountingClock()), programs(tmp_path)
    async with backend_named("local", tmp_path) as backend:
        run, _ = await coded(log, base, backend)
    parts = await shown(log, run, "cell/skill/quiz.amber.1")
    assert 'open("answer.txt", "w")' in "".join(text for kind, _, text in parts if kind == "said")
    assert "PROGRAM" in "".join(text for kind, _, text in parts if kind == "output")
    assert [text for kind, label, text in parts if (kind, label) == ("answer", "answer.txt")] == ["K7"]


async def test_steps_in_a_world_are_one_conversation(tmp_path: Path) -> None:
    """What is seen after each action is told, and each action was said."""
    log = MemoryLog(clock=CountingClock())
    report = await evaluated(log, errands(tmp_path, way_to()), evaluation(TOLD, tasks="", own=STEPS))
    parts = await shown(log, report.run, "cell/told/errands.one.1")
    assert [text for kind, _, text in parts if kind == "said"] == [f"<action>{each}</action>" for each in way_to()]
    assert [kind for kind, _, _ in parts][:3] == ["question", "said", "told"]


def named(log: MemoryLog, text: str) -> Digest:
    """Keep a text."""
    return log.put(text.encode())


async def recorded(log: MemoryLog, run: str, stream: str, *events: Event, version: int = 0) -> None:
    """Write what a run recorded."""
    await log.append(StreamId(run, stream), [Draft(each, None) for each in events], expected_version=version)


async def installed_agent(log: MemoryLog, run: str) -> None:
    """Record a trial of an installed agent whose first attempt was lost."""
    key = named(log, "key")
    scored = EvaluationScored(key, solved=False, reward=0.25, rolled=Ref("trial/start/one/1", 3))
    await recorded(log, run, "cell/start/one/1", CellOpened("start", "one", "one", 1, key, key))
    told = named(log, "Write the word.")
    task = TaskRead(Fingerprint(digest_of(b"task")), told, named(log, TESTS), None, None, ())
    await recorded(log, run, "trial/start/one/1", TrialOpened("one", "default", 1), TaskAsked("one"), task)
    lost = (AttemptOpened("start/one/1", 1, "codex", told), AgentActed("shell", named(log, "lost"), 0, key))
    await recorded(log, run, "attempt/start/one/1/1", *lost, AttemptAbandoned("sandbox_lost", "gone"))
    summary = named(log, "FAILED (1):\n  ✗ tests::word - assert 'hello' == 'hello there'")
    await recorded(
        log,
        run,
        "attempt/start/one/1/2",
        AttemptOpened("start/one/1", 2, "codex", told),
        AgentActed("shell", named(log, "cat words"), 1, named(log, "no such file")),
        AgentSaid(named(log, "I give up."), final=True),
        AgentEnded("done", "", 4),
        AttemptJudged(Outcome("failed", 0.25, ""), 1, 2, summary),
    )
    await recorded(log, run, "cell/start/one/1", scored, version=1)


async def test_an_installed_agent_is_shown_by_its_own_events_and_lost_attempts_are_left_out(tmp_path: Path) -> None:
    """Given an attempt that was lost and one that was judged, only the second says something of the skill."""
    del tmp_path
    log = MemoryLog(clock=CountingClock())
    await installed_agent(log, "r1")
    assert await shown(log, "r1", "cell/start/one/1") == [
        ("question", "", "Write the word."),
        ("call", "shell", "cat words"),
        ("output", "exit code 1", "no such file"),
        ("said", "", "I give up."),
        ("checks", "how the agent ended", "done"),
        ("checks", "1 of 2 checks passed", f"tests::word - assert '{HIDDEN}' == '{HIDDEN}'"),
    ]
    rich = await shown(log, "r1", "cell/start/one/1", "rich", reference=True)
    assert rich[-1][2] == "tests::word - assert 'hello' == 'hello there'"
    assert ("reference", "the verifier's tests", TESTS) in rich


async def test_a_fork_shows_what_its_ancestor_rolled_out(tmp_path: Path) -> None:
    """Its own streams begin where it was cut; a cell that ended before is its own, and one that ended behind is not."""
    del tmp_path
    log = MemoryLog(clock=CountingClock())
    await installed_agent(log, "r1")
    streams = await log.streams("r1")
    for run, cuts in (("r2", streams), ("r3", {name: 1 for name in streams if name.startswith("cell/")})):
        forked = RunForked("r1", named(log, json.dumps(cuts)), named(log, "spec"), ())
        await recorded(log, run, "session", forked)
    assert await shown(log, "r2", "cell/start/one/1") == await shown(log, "r1", "cell/start/one/1")
    asked = TrajectoryAsked("cell/start/one/1", "checks", reference=False)
    assert isinstance(await TrajectoryPort(log)(asked, EffectAddress("r3", "reflect/x", 1)), TrajectoryMissing)


def said(log: MemoryLog, role: str, asked: str, answered: str) -> tuple[Event, Event]:
    """Record a call of a model."""
    question = log.put(json.dumps({"role": "user", "content": asked}).encode())
    node = log.put_json(msgspec.json.encode(ConversationNode(None, (question,))))
    reply = log.put(json.dumps({"role": "assistant", "content": answered}).encode())
    answer = msgspec.structs.replace(
        sample(ModelAnswered), message=reply, text=named(log, answered), tool_calls=(), reasoning=None
    )
    return msgspec.structs.replace(sample(ModelAsked), role=role, conversation=node, tools=None), answer


async def test_what_a_judge_was_told_is_no_part_of_a_trajectory() -> None:
    """A judge is asked in the stream of the item, and told what is expected."""
    log = MemoryLog(clock=CountingClock())
    key = named(log, "key")
    item = log.put(json.dumps({"format": "question", "question": "Which code?", "expected": ["K7"]}).encode())
    await recorded(
        log,
        "r1",
        "item/start/quiz.amber.1",
        ItemOpened("quiz", "amber", item, key, "call", 1, (), None),
        *said(log, "teacher", "Which code?", "B2"),
        ItemAnswered(named(log, "B2"), 1, 0, ()),
        *said(log, "judge", "Is B2 the same as K7?", "No, K7 is."),
        ItemScored("unsolved", hard=False, soft=Ratio(0, 1), answer="B2", reasons=("a judge says no",)),
    )
    scored = EvaluationScored(key, solved=False, reward=0.0, rolled=Ref("item/start/quiz.amber.1", 7))
    await recorded(log, "r1", "cell/start/quiz.amber.1", CellOpened("start", "amber", "amber", 1, key, key), scored)
    assert await shown(log, "r1", "cell/start/quiz.amber.1") == [
        ("question", "", "Which code?"),
        ("said", "", "B2"),
        ("answer", "as it was read", "B2"),
        ("checks", "", "a judge says no"),
    ]
