"""Stories of agents that ask a model and do a task of several steps: each is judged before the next."""

import re
from pathlib import Path

import pytest

from engine.core.history import load_histories
from engine.runtime.run import resume_run, start_run
from events.base import Event
from events.store.base import EventLog
from events.store.memory import MemoryLog
from events.types.sandbox import ActionObserved, VerifierRewarded
from events.types.steps import StepAsked, StepJudged
from replay.rerun import rerun
from tests.engine.runtime.test_resume import answered, cut
from tests.support.runs import LEARNING, setting, spec
from tests.support.worlds import Ticking

TASK = """\
[[steps]]
name = "first"
min_reward = 1.0
[steps.agent]
timeout_sec = 60.0

[[steps]]
name = "second"
"""
SCRIPT = f"""
name = "steps"

{LEARNING}
[[rule]]
name = "the first step, each time"
contains = ["Write one"]
absent = ["Write two"]
[[rule.turn]]
command = "ls /tests /logs/verifier; cat material; echo one > one; echo 1 > /logs/verifier/reward.txt"
[[rule.turn]]
text = "DONE"

[[rule]]
name = "the second step, a guess"
contains = ["Write two", "Attempt: 1 of"]
absent = ["Write one"]
[[rule.turn]]
command = "ls /tests /logs/verifier; cat one; echo three > two"
[[rule.turn]]
text = "DONE"

[[rule]]
name = "the second step, after it was told of the first attempt"
contains = ["Write two", "Attempt: 2 of", "read words.txt first"]
absent = ["Write one"]
[[rule.turn]]
command = "cat one material; echo two > two"
[[rule.turn]]
text = "DONE"
"""


def written(base: Path, script: str = SCRIPT) -> Path:
    """Write a task of two steps, and the script of its model."""
    files = {
        "script.toml": script,
        "tasks/pair/task.toml": TASK,
        "tasks/pair/environment/Dockerfile": "FROM debian:bookworm-slim\nWORKDIR /app\n",
    }
    for step, word in (("first", "one"), ("second", "two")):
        folder = f"tasks/pair/steps/{step}"
        files[f"{folder}/instruction.md"] = f"Write {word} into a file of that name.\n"
        files[f"{folder}/workdir/material"] = f"material of the {step}\n"
        files[f"{folder}/tests/test.sh"] = (
            f'#!/bin/sh\n[ "$(cat /app/{word})" = {word} ] && echo 1 >/logs/verifier/reward.txt && exit\n'
            "echo 0 >/logs/verifier/reward.txt\n"
        )
    for name, text in files.items():
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return base


async def kinds(log: EventLog, run: str, attempt: int, *wanted: type[Event]) -> list[Event]:
    """List events of some kinds in an attempt."""
    history = (await load_histories(log, run)).by_stream[f"attempt/pair/{attempt}"]
    return [each.event for each in history if isinstance(each.event, wanted)]


async def outputs(log: EventLog, run: str, attempt: int) -> list[str]:
    """List what each command of an attempt printed."""
    history = (await load_histories(log, run)).by_stream[f"attempt/pair/{attempt}"]
    return [(await log.get(each.event.stdout)).decode() for each in history if isinstance(each.event, ActionObserved)]


@pytest.mark.slow
async def test_steps_are_done_and_judged_one_after_the_other(tmp_path: Path) -> None:
    """The second falls short, so that the whole earns a half and is tried again with what was learnt of it."""
    log, base = MemoryLog(clock=Ticking()), written(tmp_path)
    report = await start_run(await setting(log, base), spec())
    assert report.outcomes == {"pair": "solved"}
    judged = [await kinds(log, report.run, number, StepJudged) for number in (1, 2)]
    assert [[(each.reward, each.goes_on) for each in steps if isinstance(each, StepJudged)] for steps in judged] == [
        [(1.0, True), (0.0, True)],
        [(1.0, True), (1.0, True)],
    ]
    whole = [await kinds(log, report.run, number, VerifierRewarded) for number in (1, 2)]
    assert [[each.reward for each in one if isinstance(each, VerifierRewarded)] for one in whole] == [[0.5], [1.0]]
    nothing = "/logs/verifier:\n\n/tests:\n"
    # Where nothing isolates, the folders of a sandbox lie somewhere else.
    seen = [
        re.sub(r"^\S*/root/(?=logs|tests)", "/", each, flags=re.MULTILINE) for each in await outputs(log, report.run, 1)
    ]
    assert seen == [f"{nothing}material of the first\n", f"{nothing}one\n"]
    assert (await rerun(log, report.run)).complete


async def test_a_step_below_its_least_reward_is_the_last(tmp_path: Path) -> None:
    """The agent wrote a reward of its own into the log folder; it counts for nothing."""
    log, base = MemoryLog(clock=Ticking()), written(tmp_path, SCRIPT.replace("echo one > one", "true"))
    report = await start_run(await setting(log, base), spec(method={"attempts": 1}))
    assert report.outcomes == {"pair": "unsolved"}
    asked = await kinds(log, report.run, 1, StepAsked)
    assert [each.step for each in asked if isinstance(each, StepAsked)] == ["first"]
    [judged] = await kinds(log, report.run, 1, StepJudged)
    assert isinstance(judged, StepJudged)
    assert (judged.reward, judged.goes_on) == (0.0, False)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [StepAsked, StepJudged])
async def test_an_attempt_that_was_cut_off_between_steps_is_no_score(kind: type[Event], tmp_path: Path) -> None:
    """Its sandbox is gone, and what tests did in it is not done again: another attempt begins with the first step."""
    log, base = MemoryLog(clock=Ticking()), written(tmp_path)
    whole = await start_run(await setting(log, base), spec(on_loss="rebuild"))
    history = (await load_histories(log, whole.run)).by_stream["attempt/pair/1"]
    rest = await cut(log, next(each.position for each in history if isinstance(each.event, kind)))
    report = await resume_run(await setting(rest, base), whole.run)
    assert report.outcomes == {"pair": "solved"}
    assert set((await answered(rest, whole.run)).values()) == {1}
    assert (await rerun(rest, whole.run)).complete
