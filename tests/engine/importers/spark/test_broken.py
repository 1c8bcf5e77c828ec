"""Folders of SPARK that are damaged: all that can be read is kept, and each thing that cannot is named."""

import json
from collections.abc import AsyncIterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from engine.importers.left_out import NothingImported
from engine.importers.spark.importer import ImportedSparkTask, import_spark
from engine.importers.streams import ALREADY
from events.base import Draft, Event
from events.errors import ExitCode
from events.store.memory import MemoryLog
from events.types.attempt import ImportedAttempt
from events.types.memo import MemoImported
from events.types.pdi import PdiImported
from events.types.run import RunImported
from events.types.sandbox import ActionAsked, ActionObserved
from events.types.skill import SkillImported
from events.types.trial import AttemptConcluded, TrialClosed, TrialOpened
from tests.engine.importers.spark.made import as_lines, attempts, codex, reflection, result, snapshot, tasks, tried

SECRET = "made-up-key-0123456789"


@pytest.fixture
async def log() -> AsyncIterator[MemoryLog]:
    """Give an empty log."""
    ticks = count(1)
    async with MemoryLog(clock=lambda: next(ticks)) as made:
        yield made


async def test_a_truncated_line_costs_only_itself(log: MemoryLog, tmp_path: Path) -> None:
    """A crash cuts the last line short; the ones before it are whole."""
    lines = [json.dumps(result(0)), json.dumps(reflection(0)), json.dumps(result(1))[:60]]
    task = _task(tmp_path, {"trajectory.jsonl": "\n".join(lines)})
    imported = await _only(log, task)
    assert any(text.startswith("trajectory.jsonl line 3: no JSON (") for text in imported.warnings)
    assert imported.attempts == 1
    assert len(await _all(log, MemoImported)) == 1
    assert (await _all(log, TrialClosed))[0].outcome == "stopped"


async def test_a_file_of_zero_bytes_leaves_the_others(log: MemoryLog, tmp_path: Path) -> None:
    """Two trajectories of the release are zero bytes; attempts.json tells of the attempts."""
    task = _task(tmp_path, {"trajectory.jsonl": b"", "attempts.json": json.dumps(attempts(tried(0), tried(1, 1.0)))})
    imported = await _only(log, task)
    assert "trajectory.jsonl: is empty; it is kept, and counts as missing" in imported.warnings
    assert [event.status for event in await _all(log, AttemptConcluded)] == ["FAIL", "PASS"]
    assert [event.stdout for event in await _all(log, ImportedAttempt)] == [None, None]
    assert (await _all(log, TrialClosed))[0].outcome == "solved"
    files = {file.name: await log.get(file.digest) for file in (await _all(log, RunImported))[0].files}
    assert files["trajectory.jsonl"] == b""


async def test_bytes_that_are_no_text_are_marked(log: MemoryLog, tmp_path: Path) -> None:
    """Output of a binary in the middle of a line breaks no more than itself."""
    line = json.dumps(result(0, test_stdout_full="MARK")).encode().replace(b"MARK", b"\xff\xfe")
    imported = await _only(log, _task(tmp_path, {"trajectory.jsonl": line}))
    assert any("line 1: invalid UTF-8 at byte" in text for text in imported.warnings)
    printed = (await _all(log, ImportedAttempt))[0].verifier_stdout
    assert printed is not None
    assert (await log.get(printed)).decode() == "\ufffd\ufffd"


async def test_w13_a_null_reward_is_no_score(log: MemoryLog, tmp_path: Path) -> None:
    """SPARK's thread dies of it, and the task is gone. Nor is NaN a score, nor a text."""
    lines = [result(0, reward=None), result(1, reward=float("nan")), result(2, reward="1.0")]
    imported = await _only(log, _task(tmp_path, {"trajectory.jsonl": as_lines(*lines)}))
    outcomes = [event.outcome for event in await _all(log, AttemptConcluded)]
    assert [(outcome.kind, outcome.reward) for outcome in outcomes] == [("no_verdict", None)] * 3
    assert sum("there is no readable reward" in text for text in imported.warnings) == 3
    assert (await _all(log, TrialClosed))[0].reward is None


async def test_wrong_types_count_as_missing(log: MemoryLog, tmp_path: Path) -> None:
    """Each field for itself: the rows of tests are read from the output, numbers counted on."""
    strange = result(
        "first",
        status=["FAIL"],
        agent_commands=7,
        test_summary={},
        n_passed=-1,
        n_tests=10**400,
        test_stdout_full="PASSED tests::a\nFAILED tests::b - no",
        agent_stdout_full=codex("ls"),
    )
    imported = await _only(log, _task(tmp_path, {"trajectory.jsonl": as_lines(strange, [], result(1))}))
    first, second = await _all(log, AttemptConcluded)
    assert (first.attempt, first.status, first.passed, first.total) == (0, "FAIL", 1, 2)
    assert (await log.get(first.commands)).decode() == "ls"
    assert "✗ tests::b - no" in (await log.get(first.test_summary)).decode()
    assert second.attempt == 1
    for doubt in (
        "line 1: attempt is a text instead of a whole number",
        "line 1: agent_commands is the number 7 instead of a text",
        "line 1: n_tests is a huge number instead of a whole number",
        "line 2: a list instead of an object",
    ):
        assert any(doubt in text for text in imported.warnings), doubt


async def test_lone_surrogates_are_replaced(log: MemoryLog, tmp_path: Path) -> None:
    """JSON may hold half a character, which nothing of ours can write."""
    line = json.dumps(result(0, agent_commands="echo \ud800", error="\udc00"))
    skill = "---\nname: greet\n---\nSay hello."
    imported = await _only(log, _task(tmp_path, {"trajectory.jsonl": line, "SKILL.md": skill}))
    assert sum("holds lone surrogates" in text for text in imported.warnings) == 2
    assert (await log.get((await _all(log, AttemptConcluded))[0].commands)).decode() == "echo \ufffd"


async def test_strangers_and_second_tellings_are_left_out(log: MemoryLog, tmp_path: Path) -> None:
    """A record of a later version, an attempt told twice, PDI with a hole in it, and PDI after nothing."""
    lines = as_lines(
        {"type": "from_the_future", "attempt": 0},
        result(0),
        result(0, reward=1.0),
        {**snapshot(0), "raw_pdi": None},
        reflection(0),
        snapshot(5),
        {"attempt": 0},
    )
    imported = await _only(log, _task(tmp_path, {"trajectory.jsonl": lines}))
    for doubt in (
        "line 1: unknown type of record 'from_the_future'",
        "line 3: attempt 0 is told twice; the first telling stands",
        "line 4: a value of PDI is missing",
        "trajectory.jsonl: PDI after attempt 5 has no memo",
        "line 7: unknown type of record 'none'",
    ):
        assert any(doubt in text for text in imported.warnings), doubt
    assert [event.outcome.reward for event in await _all(log, AttemptConcluded)] == [0.0]
    assert await _all(log, PdiImported) == []


async def test_an_attempt_without_a_trial_leaves_a_template(log: MemoryLog, tmp_path: Path) -> None:
    """SPARK writes a memo of its own then: seen only as what the next one replaced. It shifts the step by one."""
    nothing = {"result_json": None, "error": "Harbor timed out", "test_summary": "Execution failed: Harbor timed out"}
    template = "### Attempts Log\n- #1\n\n### Next Strategy\nagain\n"
    lines = as_lines(
        result(0, status="ERROR", **nothing), result(1), snapshot(1, step=1), reflection(1, memo_before=template)
    )
    imported = await _only(log, _task(tmp_path, {"trajectory.jsonl": lines}))
    first, second = await _all(log, MemoImported)
    assert (first.attempt, first.previous, first.reflected) == (0, None, False)
    assert (second.attempt, second.previous, second.reflected) == (1, first.memo, True)
    assert (await _all(log, AttemptConcluded))[0].outcome.kind == "infrastructure"
    assert [text for text in imported.warnings if "PDI" not in text] == [
        "attempts.json: is missing; the task counts as stopped unless it was solved"
    ]


async def test_w21_keys_are_replaced_wherever_they_stand(log: MemoryLog, tmp_path: Path) -> None:
    """Harbor's configuration is in each record, keys and all; agents print them too. A warning names the variable."""
    agent = {"name": "codex", "env": {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": "https://example.org/v1"}}
    first = result(0, result_json={"config": {"agent": agent}}, agent_stdout_full=codex(f"curl -H {SECRET}"))
    cut = json.dumps(result(1, result_json={"config": {"agent": {"env": {"OTHER_TOKEN": "tok-fedcba9876"}}}}))
    cut = cut[: cut.index("tok-fedcba9876") + 14]
    files = {"trajectory.jsonl": f"{json.dumps(first)}\n{cut}", "SKILL.md": f"---\nname: greet\n---\nUse {SECRET}."}
    imported = await _only(log, _task(tmp_path, files))
    opened = (await _all(log, RunImported))[0]
    kept = b"".join([await log.get(file.digest) for file in opened.files])
    kept += await log.get((await _all(log, ActionAsked))[0].command)
    kept += await log.get((await _all(log, SkillImported))[0].files[0].digest)
    assert SECRET.encode() not in kept
    assert b"tok-fedcba9876" not in kept
    assert kept.count(b"[secret:OPENAI_API_KEY]") == 5
    said = " ".join(imported.warnings)
    assert "holds the value of OPENAI_API_KEY" in said
    assert "holds the value of OTHER_TOKEN" in said
    assert SECRET not in said
    assert (opened.agent, "https://example.org/v1" in kept.decode()) == ("codex", True)


async def test_w21_a_key_that_cannot_be_looked_for_is_named(log: MemoryLog, tmp_path: Path) -> None:
    """Too short, half a character, or under a name nobody can write: said, and no reason to stop."""
    env = {"SHORT_KEY": "abc", "HALF_SECRET": "\ud800-0123456789", "\udfff_TOKEN": "tok-0123456789", "MAX_TOKEN": 7}
    record = result(0, result_json={"config": {"agent": {"env": env}}}, error="tok-0123456789")
    imported = await _only(log, _task(tmp_path, {"trajectory.jsonl": json.dumps(record)}))
    assert (await _all(log, ImportedAttempt))[0].error == "[secret:__TOKEN]"
    for name in ("SHORT_KEY", "HALF_SECRET"):
        assert f"trajectory.jsonl: {name} has a value that cannot be looked for; it stays as it is" in imported.warnings


async def test_huge_memos_and_deep_nesting_do_no_harm(log: MemoryLog, tmp_path: Path) -> None:
    """An error page of a quarter of a megabyte was stored as a memo once; a line nested without end is no record."""
    dump = "[LLM ERROR] " + "x" * 300_000
    lines = [json.dumps(result(0)), json.dumps(reflection(0, memo_after=dump)), "[" * 100_000, '{"a":' * 100_000]
    imported = await _only(log, _task(tmp_path, {"trajectory.jsonl": "\n".join(lines)}))
    assert "trajectory.jsonl line 2: the memo has 300012 characters; it is kept as it is" in imported.warnings
    assert any("line 3: no JSON" in text for text in imported.warnings)
    assert any("line 4: no JSON" in text for text in imported.warnings)
    assert (await log.get((await _all(log, MemoImported))[0].memo)).decode() == dump


async def test_a_command_that_never_ended_was_killed(log: MemoryLog, tmp_path: Path) -> None:
    """The agent was stopped while it ran; other lines of its output are no events and do no harm."""
    begun = {"type": "item.started", "item": {"id": "2", "type": "command_execution", "command": "sleep 9"}}
    stdout = "\n".join([codex("ls"), "{not json", "plain", '{"item": 3}', json.dumps(begun)])
    await _only(log, _task(tmp_path, {"trajectory.jsonl": json.dumps(result(0, agent_stdout_full=stdout))}))
    asked, observed = await _all(log, ActionAsked), await _all(log, ActionObserved)
    assert [(await log.get(event.command)).decode() for event in asked] == ["ls", "sleep 9"]
    assert [(event.ended, event.exit_code) for event in observed] == [("exited", 0), ("killed", None)]


async def test_a_skill_alone_is_kept(log: MemoryLog, tmp_path: Path) -> None:
    """Nothing says how it came to be, and nothing is claimed."""
    imported = await _only(log, _task(tmp_path, {"SKILL.md": "[LLM ERROR] overloaded"}))
    assert imported.attempts == 0
    assert (await _all(log, TrialOpened))[0].condition == "imported"
    assert (await _all(log, SkillImported))[0].problems
    closed = (await _all(log, TrialClosed))[0]
    assert (closed.outcome, closed.attempts, closed.reward) == ("stopped", 0, None)


async def test_nothing_readable_is_a_mistake_of_the_caller(log: MemoryLog, tmp_path: Path) -> None:
    """The error names what was looked for; the log stays as it was."""
    broken = _task(tmp_path, {"attempts.json": "[1, 2]", "trajectory.jsonl": "\x00\n{}\n[]"})
    for folder in (tmp_path / "missing", broken, _task(tmp_path / "other", {"README.md": "no task"})):
        with pytest.raises(NothingImported) as caught:
            await import_spark(log, folder)
        assert caught.value.exit_code is ExitCode.USAGE
        for name in ("SKILL.md", "attempts.json", "trajectory.jsonl"):
            assert name in caught.value.remedy
    assert (await log.head()).position == 0


async def test_one_broken_task_does_not_cost_the_others(log: MemoryLog, tmp_path: Path) -> None:
    """It becomes a run without attempts, so that its files and the warnings are kept too."""
    _task(tmp_path, {"trajectory.jsonl": "broken"}, name="bad")
    _task(tmp_path, {"trajectory.jsonl": as_lines(result(0))}, name="good")
    imported = await import_spark(log, tmp_path)
    assert [(each.task, each.attempts) for each in imported.found] == [("bad", 0), ("good", 1)]
    (left_out,) = imported.left_out
    assert left_out.name == "bad"
    assert "no JSON" in left_out.problem
    assert f"run {imported.found[0].run} keeps its files" in left_out.problem


async def test_an_import_that_was_cut_short_goes_on(log: MemoryLog, tmp_path: Path) -> None:
    """The same files give the same events, so what is missing is appended and nothing twice."""
    task = _task(tmp_path, {"trajectory.jsonl": as_lines(result(0), snapshot(0), reflection(0), result(1, reward=1.0))})
    ticks = count(1)
    async with MemoryLog(clock=lambda: next(ticks)) as whole:
        run = (await _only(whole, task)).run
        wanted = [recorded async for recorded in whole.read()]
        for recorded in wanted[:7]:
            await log.append(
                recorded.stream, [Draft(recorded.event, recorded.cause)], expected_version=recorded.version - 1
            )
        assert ALREADY not in (await _only(log, task)).warnings
    found = [recorded async for recorded in log.read()]
    assert [(each.stream, each.payload, each.cause) for each in found] == [
        (each.stream, each.payload, each.cause) for each in wanted
    ]
    assert (await _only(log, task)) == ImportedSparkTask("greet", run, 2, (ALREADY,))


def _task(folder: Path, files: Mapping[str, str | bytes], *, name: str = "greet") -> Path:
    """Make a task's folder."""
    task = folder / name
    task.mkdir(parents=True)
    for file, content in files.items():
        (task / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    return task


async def _only(log: MemoryLog, task: Path) -> ImportedSparkTask:
    (imported,) = await tasks(log, task)
    return imported


async def _all(log: MemoryLog, kind: type[Any]) -> list[Any]:
    """Give the events of a class."""
    events: list[Event] = [recorded.event async for recorded in log.read()]
    return [event for event in events if isinstance(event, kind)]
