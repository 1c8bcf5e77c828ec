"""What an arm's feedback withholds reaches nobody: not an author, not a solver that is told of earlier trials."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from engine.core.prompts import load_prompts
from engine.policies.feedback import HIDDEN
from engine.programs.evolve.author.session import reflect_in_session
from engine.programs.evolve.author.writing import revise
from engine.programs.evolve.trace_notes import ToldTraces, note_of, tell_traces
from events.types.authoring import TraceRead
from replay.rerun import rerun
from tests.support.authoring import Authored, TriedTasks, answer, authored, rule

NOTHING: Final = answer({"summary": "nothing", "files": {}})
ANSWERS: Final = f"[[rule.turn]]\ntext = {json.dumps(NOTHING)}\n" + rule("revise", NOTHING)
"""The first turn is that of the solver's session, when it goes on."""
EXPECTED: Final = "hello77"
"""What the verifier compares with."""
CHECKS: Final = ("t_word", "test_h1_secret_word", "no word", "say it aloud")
"""Names and messages of failed checks."""
VERDICTS: Final = re.compile(r"[Nn]ot solved|\bSolved\b|[Rr]eward|0\.25|verdict|\bfailed\b|\bpassed\b", re.IGNORECASE)
"""Words of a verdict, as feedback has them; the prompts of no stage hold one."""


class TracesHeard:
    """What a course came to."""

    traces: ToldTraces
    note: str


async def told(base: Path, feedback: str, *, tasks: tuple[str, ...] = ("one", "two")) -> tuple[Authored, TracesHeard]:
    """Have an author revise after two failed trials, a session reflect on the last, and a note be written of both."""

    async def course(tried: TriedTasks) -> None:
        await tried.ask("author/arm/E1/two", revise, tried.brief())
        await tried.ask("author/arm/E1/reflect", reflect_in_session, tried.brief(), "solver")
        heard.traces = await tell_traces(tried.scope, tried.trials)
        heard.note = await note_of(tried.scope, tried.prompts, heard.traces.worded.value)

    heard = TracesHeard()
    run = await authored(base, course, ANSWERS, tasks=tasks, feedback=feedback)
    assert (await rerun(run.log, run.run)).complete
    return run, heard


async def sent(run: Authored) -> Mapping[str, str]:
    """Give every byte that was sent to an author, or to a session once its trial had ended."""
    author = "\n".join(await run.told("author"))
    session = [each for each in await run.told("solver") if "Stage: reflect" in each]
    assert len(session) == 1
    return {"author": author, "session": session[0]}


async def test_without_feedback_no_byte_tells_how_a_trial_ended(tmp_path: Path) -> None:
    """Neither verdict nor reward, name or message of a check, nor a heading of an earlier trial that says so (W9)."""
    run, heard = await told(tmp_path, "none")
    for whom, text in {**await sent(run), "note": heard.note}.items():
        assert not [each for each in CHECKS if each in text], whom
        assert VERDICTS.findall(_without_prompts(text)) == [], whom
        assert EXPECTED not in text, whom
    assert "echo nope > answer.txt" in heard.note
    assert "Trial 2: two (enriched)" in heard.note
    assert (await run.log.get(heard.traces.worded.value.feedback)) == b""
    (_, last) = [each.event for each in await run.events("trace.read") if each.ref.stream == "run"]
    assert isinstance(last, TraceRead)
    assert last.failed, "it was there to be withheld"


def _without_prompts(text: str) -> str:
    """Leave out lines that stand in a prompt."""
    known = {line for each in load_prompts().prompts for line in each.text.split("\n")}
    return "\n".join(line for line in text.split("\n") if line not in known)


async def test_binary_feedback_tells_the_verdict_and_nothing_else(tmp_path: Path) -> None:
    """Whether each trial is solved; no reward, and no check by name."""
    run, heard = await told(tmp_path, "binary")
    for whom, text in {**await sent(run), "note": heard.note}.items():
        assert "Not solved." in text, whom
        assert not [each for each in (*CHECKS, "0.25", "Diagnosis", EXPECTED) if each in text], whom


async def test_rich_feedback_names_failed_checks_and_hides_what_is_expected(tmp_path: Path) -> None:
    """The message of a check is told without the value that it compares with."""
    run, heard = await told(tmp_path, "rich")
    for whom, text in {**await sent(run), "note": heard.note}.items():
        for each in ("Reward: 0.25.", *CHECKS, HIDDEN):
            assert each in text, (whom, each)
        assert EXPECTED not in text, whom
        assert "Diagnosis" not in text, whom
        assert "What was made" not in text, whom
        assert load_prompts().text("evolve_diagnosis_procedural").rstrip() not in text, whom


async def test_process_feedback_tells_groups_and_a_diagnosis(tmp_path: Path) -> None:
    """What was made is wrong, how is right: procedural but wrong. Only whoever writes skills is told what follows."""
    run, heard = await told(tmp_path, "process")
    advice = load_prompts().text("evolve_diagnosis_procedural").rstrip()
    for whom, text in {**await sent(run), "note": heard.note}.items():
        assert "What was made: not right.\nHow it was made: right.\nDiagnosis: procedural but wrong." in text, whom
        assert "Failed checks of what was made:\n- t_word: no word" in text, whom
        assert EXPECTED not in text, whom
        assert (advice in text) is (whom != "note"), whom


async def test_a_verifier_without_reports_is_read_by_its_rows(tmp_path: Path) -> None:
    """Then no check belongs to a group, and nothing is diagnosed."""

    async def course(tried: TriedTasks) -> None:
        await tried.ask("author/arm/E1/one", revise, tried.brief())

    run = await authored(tmp_path, course, ANSWERS, reports=False, feedback="process")
    said = "\n".join(await run.told("author"))
    assert "Failed checks:\n- tests::plain_check: another word" in said
    assert "Diagnosis" not in said


@pytest.mark.parametrize("feedback", ["none", "rich"])
async def test_author_and_solver_are_told_the_same(tmp_path: Path, feedback: str) -> None:
    """One compaction with one budget and one feedback: what differs between arms is the memory only (W9, W10)."""
    run, heard = await told(tmp_path, feedback)
    worded = heard.traces.worded.value
    trajectories, checks = [(await run.log.get(each)).decode() for each in (worded.trajectories, worded.feedback)]
    author = (await sent(run))["author"]
    assert trajectories
    assert trajectories in author
    assert trajectories in heard.note
    assert checks in author
    assert checks in heard.note


async def test_texts_keep_within_the_budget_and_say_what_they_leave_out(tmp_path: Path) -> None:
    """Trajectories and feedback together; what is left out stands in the ruling, part by part."""

    async def course(tried: TriedTasks) -> None:
        heard.traces = await tell_traces(tried.scope, tried.trials)

    heard = TracesHeard()
    run = await authored(tmp_path, course, "", tasks=("one", "two", "three"), feedback="process", budget_chars=1_400)
    worded = heard.traces.worded.value
    texts = [(await run.log.get(each)).decode() for each in (worded.trajectories, worded.feedback)]
    assert 700 < sum(map(len, texts)) <= 1_400
    dropped = json.loads(await run.log.get(worded.dropped))
    assert (len(dropped), sum(each["chars"] for each in dropped)) == (worded.dropped_parts, worded.dropped_chars)
    assert dropped
    assert {"cell/arm.E1/one/1"} <= {each["cell"] for each in dropped}
    newest = texts[0].partition("Trial 3")[2]
    assert "DONE" in newest
    assert "the agent said so" in newest
