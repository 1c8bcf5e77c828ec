"""Stories of what agents write about themselves, where no trajectory tells what they did."""

import json
from collections.abc import AsyncIterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from engine.core.fold import fold_many
from engine.importers.harbor.importer import import_harbor
from engine.importers.transcripts.reader import read_transcripts
from events.store.base import Selection
from events.store.memory import MemoryLog
from events.types.agent import AgentActed, AgentSaid
from events.types.attempt import UsageImported
from events.types.run import RunImported
from events.types.trajectory import ObservationImported, StepImported, TrajectoryImported
from events.types.trial import AttemptConcluded
from projections.cost import Cost
from projections.trials.view import Trials
from tests.engine.importers.harbor.made import every, job, only, rewarded, took, trial

GOOD = {"verifier_result": rewarded(reward=1.0)}
AT = "2026-03-04T05:06:07.000Z"


@pytest.fixture
async def log() -> AsyncIterator[MemoryLog]:
    """Open a log in memory."""
    times = count(1_790_000_000_000_000, 1_000)
    async with MemoryLog(clock=lambda: next(times)) as opened:
        yield opened


def lines(*records: Any) -> str:
    """Write records one a line."""
    return "".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in records)


def answer(name: str, *parts: dict[str, Any], said: int = 7, **more: Any) -> dict[str, Any]:
    """Make a line of an answer of Claude Code's model."""
    usage = {
        "input_tokens": 3,
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 100,
        "output_tokens": said,
    }
    message = {"id": name, "role": "assistant", "model": "cl-1", "content": list(parts), "usage": usage}
    return {"type": "assistant", "message": message, **more}


def used(name: str, command: str) -> dict[str, Any]:
    """Make a part that calls a shell."""
    return {"type": "tool_use", "id": name, "name": "Bash", "input": {"command": command}}


def came(name: str, text: str, *, bad: bool = False) -> dict[str, Any]:
    """Make a line of what came of it."""
    part = {"type": "tool_result", "tool_use_id": name, "content": text, "is_error": bad}
    return {"type": "user", "message": {"role": "user", "content": [part]}}


CLAUDE = (
    {"type": "system", "subtype": "init", "session_id": "s-9", "model": "cl-1", "claude_code_version": "2.1"},
    answer("m1", {"type": "thinking", "thinking": "Which files?"}, said=1),
    answer("m1", {"type": "text", "text": "I look."}, said=1),
    answer("m1", used("t1", "ls -a")),
    answer("m1", used("t2", "cat x")),
    came("t1", "notes\n"),
    came("t2", "no such file", bad=True),
    answer("m2", {"type": "text", "text": "It is done."}, said=5),
)
SPENT = {
    "type": "result",
    "subtype": "success",
    "result": "It is done.",
    "total_cost_usd": 0.0125,
    "usage": {
        "input_tokens": 6,
        "cache_creation_input_tokens": 40,
        "cache_read_input_tokens": 200,
        "output_tokens": 12,
    },
}
SESSION = lines(
    {"type": "summary", "summary": "a greeting"},
    {
        "type": "user",
        "uuid": "u0",
        "sessionId": "s-9",
        "timestamp": AT,
        "message": {"role": "user", "content": "Greet me."},
    },
    *({**each, "uuid": f"u{n}", "sessionId": "s-9", "timestamp": AT} for n, each in enumerate(CLAUDE[1:], start=1)),
)


async def told(log: MemoryLog, folder: Path, files: Mapping[str, Any], **changes: Any) -> Any:
    """Import a trial with these files, and fold it."""
    info = {"name": changes.pop("agent", "claude-code"), "version": "2.1", "model_info": None}
    story = trial("word__aaaaaaa", "word", files, verifier_result=rewarded(reward=1.0), agent_info=info, **changes)
    found = await only(log, job(folder / "nightly", story))
    (trials, cost) = await fold_many(log, [Trials(), Cost()], Selection(run=found.run))
    return found, trials.runs[found.run].trials["word"].attempts["1"], cost.runs.get(found.run)


async def text(log: MemoryLog, digest: Any) -> str:
    """Read a blob."""
    return (await log.get(digest)).decode()


async def test_an_answer_in_several_lines_is_one_step(log: MemoryLog, tmp_path: Path) -> None:
    """Its tokens are counted once, as the last line has them; results stand with their calls."""
    found, attempt, _ = await told(log, tmp_path, {"agent/claude-code.txt": lines("Starting …", *CLAUDE)})
    first, second = await every(log, StepImported)
    assert await text(log, first.text) == "I look."
    assert first.reasoning is not None
    assert await text(log, first.reasoning) == "Which files?"
    assert [(each.id, each.name, await text(log, each.arguments)) for each in first.calls] == [
        ("t1", "Bash", '{"command":"ls -a"}'),
        ("t2", "Bash", '{"command":"cat x"}'),
    ]
    assert first.usage is not None
    assert (first.usage.input_tokens, first.usage.cached_input_tokens, first.usage.output_tokens) == (123, 100, 7)
    assert (first.model, first.asked, second.asked) == ("cl-1", 1, 1)
    observed = await every(log, ObservationImported)
    assert [(each.call, await text(log, each.text)) for each in observed] == [("t1", "notes\n"), ("t2", "no such file")]
    (opened,) = await every(log, TrajectoryImported)
    assert (opened.version, opened.agent, opened.agent_version) == ("claude-code stream-json", "claude-code", "2.1")
    assert (attempt.turns, attempt.actions, attempt.tokens) == (2, 2, 123 + 7 + 123 + 5)
    (concluded,) = await every(log, AttemptConcluded)
    assert await text(log, concluded.commands) == "ls -a\ncat x"
    assert (found.steps, found.losses.get("files of agent", 0)) == (2, 0)
    assert any("told from agent/claude-code.txt (claude-code stream-json)" in each for each in found.warnings)
    assert not any("what the agent did is not known" in each for each in found.warnings)


async def test_sessions_are_told_before_what_was_printed(log: MemoryLog, tmp_path: Path) -> None:
    """They hold times and what the user said; what the agent states at its end is what it took."""
    files = {
        "agent/claude-code.txt": lines(*CLAUDE, SPENT),
        "agent/sessions/projects/-app/s-9.jsonl": SESSION,
        "agent/sessions/projects/-app/again.jsonl": SESSION,
    }
    found, attempt, cost = await told(log, tmp_path, files)
    asked, *answers = await every(log, StepImported)
    assert (asked.source, await text(log, asked.text), asked.said_at) == ("user", "Greet me.", AT)
    assert len(answers) == 2
    (spent,) = await every(log, UsageImported)
    assert (spent.usage.input_tokens, spent.usage.output_tokens, spent.cost) == (246, 12, 12_500_000)
    assert (attempt.turns, attempt.tokens, attempt.cost) == (2, 258, 12_500_000)
    assert sum(line.cost for roles in cost.lines.values() for each in roles.values() for line in each.values()) == (
        12_500_000
    )
    (opened,) = await every(log, RunImported)
    assert "word__aaaaaaa/agent/sessions/projects/-app/s-9.jsonl" in {each.name for each in opened.files}
    assert not any("the agent states" in each for each in found.warnings)


async def test_what_the_agent_states_counts_where_its_steps_come_to_less(log: MemoryLog, tmp_path: Path) -> None:
    """Lines of a stream are written before the answer has ended; both figures are said, and none counts twice."""
    stated = {
        "cl-1": {"inputTokens": 50, "cacheReadInputTokens": 400, "cacheCreationInputTokens": 0, "outputTokens": 90},
        "cl-0": {"inputTokens": 5, "outputTokens": 1},
    }
    spent = {**SPENT, "modelUsage": stated}
    found, attempt, _ = await told(log, tmp_path, {"agent/claude-code.txt": lines(*CLAUDE, spent)})
    assert attempt.tokens == 455 + 91
    assert any("246 tokens read and 12 written, and the agent states 455 and 91" in each for each in found.warnings)


async def test_what_an_agent_says_in_place_of_an_answer_is_no_call(log: MemoryLog, tmp_path: Path) -> None:
    """Claude Code tells of an endpoint's error as of an answer; a model did not give it."""
    line = answer("m9", {"type": "text", "text": "API Error: 529"})
    line["message"]["model"] = "<synthetic>"
    _, attempt, _ = await told(log, tmp_path, {"agent/claude-code.txt": lines(*CLAUDE, line)})
    assert attempt.turns == 2
    assert (await every(log, StepImported))[-1].usage is None


async def test_broken_lines_cost_themselves(log: MemoryLog, tmp_path: Path) -> None:
    """A file that ends in the middle of a line tells what stands before; odd values count as missing."""
    odd = answer("m3", {"type": "text", "text": "And \ud800."}, {"type": "mystery"})
    odd["message"]["usage"] = {"input_tokens": "many", "output_tokens": -4}
    cut = json.dumps(CLAUDE[-1])[:50]
    found, attempt, _ = await told(
        log, tmp_path, {"agent/claude-code.txt": lines(*CLAUDE[:-1], odd, came("nobody", "x"), cut)}
    )
    assert attempt.turns == 2
    said = " ".join(found.warnings)
    for each in ("cannot be read: what stood there is not told", "1 parts of messages", "1 results of tools name no"):
        assert each in said


ODD: tuple[dict[str, Any], ...] = (
    {"type": {}},
    {"type": []},
    {"type": None},
    {"type": 7},
    {"type": True},
    {"type": "assistant", "message": {"id": {}, "content": {"type": "text"}, "usage": []}},
    {"type": "item.completed", "item": {"type": "command_execution", "command": ["ls"], "exit_code": True}},
    {"type": "tool_use", "part": {"tool": "bash", "state": {"input": 1, "metadata": {"exit": False}}}},
    {"type": "tool_use", "tool_id": "c", "parameters": []},
    {"type": "response_item", "payload": {"type": ["x"], "call_id": {}}},
    {"type": "event_msg", "payload": {"type": "token_count", "info": {"last_token_usage": 3}}},
    {"type": "gemini", "content": {}, "tokens": [], "toolCalls": [1, {"id": 1, "args": []}]},
)


@pytest.mark.parametrize("name", ["agent/x.txt", "agent/sessions/x.jsonl"])
@pytest.mark.parametrize("odd", range(len(ODD)))
async def test_odd_records_cost_no_trial(odd: int, name: str, log: MemoryLog, tmp_path: Path) -> None:
    """A field of any type, alone and among lines of each kind: the verdict stands, whatever can be told of the rest."""
    streams = [lines(*CLAUDE), lines(*ROLLOUT), EXEC, OPENCODE, GEMINI, ""]
    names = [f"word__{letter * 7}" for letter in "abcdef"]
    told = [{name: stream + lines(ODD[odd])} for stream in streams]
    stories = [trial(each, "word", files, **GOOD) for each, files in zip(names, told, strict=True)]
    found = await import_harbor(log, job(tmp_path / "nightly", *stories))
    assert (found.found[0].trials, found.left_out) == (6, ())


async def test_a_file_that_is_no_record_is_named(log: MemoryLog, tmp_path: Path) -> None:
    """The trial is imported, and what the agent did is not known."""
    files = {"agent/claude-code.txt": "claude: command not found\n", "agent/other.jsonl": '{"hello": 1}\n{"cut'}
    found, attempt, _ = await told(log, tmp_path, files)
    assert attempt.outcome.kind == "solved"
    said = " ".join(found.warnings)
    assert "agent/other.jsonl is no record of an agent that can be read" in said
    assert "what the agent did is not known" in said


async def test_a_trajectory_that_can_be_read_is_told_alone(log: MemoryLog, tmp_path: Path) -> None:
    """What the agent wrote beside it says the same once more."""
    step = {"step_id": 1, "source": "agent", "message": "Hi.", "llm_call_count": 1}
    document = {"schema_version": "ATIF-v1.6", "agent": {"name": "claude-code", "version": "2"}, "steps": [step]}
    files = {"agent/trajectory.json": document, "agent/claude-code.txt": lines(*CLAUDE)}
    await told(log, tmp_path, files)
    assert [await text(log, each.text) for each in await every(log, StepImported)] == ["Hi."]


ROLLOUT = (
    {"timestamp": AT, "type": "session_meta", "payload": {"id": "r-1", "cli_version": "0.99"}},
    {"timestamp": AT, "type": "turn_context", "payload": {"model": "gp-5"}},
    {
        "timestamp": AT,
        "type": "response_item",
        "payload": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Greet me."}]},
    },
    {
        "timestamp": AT,
        "type": "response_item",
        "payload": {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Look first."}]},
    },
    {
        "timestamp": AT,
        "type": "response_item",
        "payload": {"type": "function_call", "name": "shell", "call_id": "c1", "arguments": '{"command":["ls","a b"]}'},
    },
    {
        "timestamp": AT,
        "type": "event_msg",
        "payload": {
            "type": "token_count",
            "info": {
                "last_token_usage": {
                    "input_tokens": 100,
                    "cached_input_tokens": 60,
                    "output_tokens": 9,
                    "reasoning_output_tokens": 4,
                },
                "total_token_usage": {"input_tokens": 100, "cached_input_tokens": 60, "output_tokens": 9},
            },
        },
    },
    {
        "timestamp": AT,
        "type": "response_item",
        "payload": {
            "type": "function_call_output",
            "call_id": "c1",
            "output": '{"output":"gone\\n","metadata":{"exit_code":2}}',
        },
    },
    {"timestamp": AT, "type": "event_msg", "payload": {"type": "token_count", "info": None}},
    {
        "timestamp": AT,
        "type": "response_item",
        "payload": {"type": "custom_tool_call", "name": "apply_patch", "call_id": "c2", "input": "*** Begin"},
    },
    {
        "timestamp": AT,
        "type": "response_item",
        "payload": {"type": "custom_tool_call_output", "call_id": "c2", "output": "ok"},
    },
    {
        "timestamp": AT,
        "type": "response_item",
        "payload": {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Done."}]},
    },
)
EXEC = lines(
    {"type": "thread.started", "thread_id": "r-1"},
    {"type": "item.completed", "item": {"id": "0", "type": "agent_message", "text": "I look."}},
    {
        "type": "item.completed",
        "item": {
            "id": "1",
            "type": "command_execution",
            "command": "ls",
            "aggregated_output": "a\n",
            "exit_code": 3,
        },
    },
    {"type": "item.completed", "item": {"id": "2", "type": "agent_message", "text": "Done."}},
    {"type": "turn.completed", "usage": {"input_tokens": 400, "cached_input_tokens": 300, "output_tokens": 20}},
)


async def test_a_rollout_is_told_response_by_response(log: MemoryLog, tmp_path: Path) -> None:
    """A response ends where its tokens are told, or where another begins after results."""
    files = {"agent/sessions/2026/03/04/rollout-1.jsonl": lines(*ROLLOUT), "agent/codex.txt": EXEC}
    _, attempt, _ = await told(log, tmp_path, files, agent="codex")
    asked, *answers = await every(log, StepImported)
    assert (asked.source, await text(log, asked.text)) == ("user", "Greet me.")
    assert [[each.name for each in step.calls] for step in answers] == [["shell"], ["apply_patch"], []]
    first = answers[0]
    assert first.usage is not None
    assert (first.usage.input_tokens, first.usage.cached_input_tokens, first.usage.output_tokens) == (100, 60, 9)
    assert (first.usage.reasoning_tokens, first.model, answers[1].usage) == (4, "gp-5", None)
    assert [await text(log, each.text) for each in await every(log, ObservationImported)] == ["gone\n", "ok"]
    (opened,) = await every(log, TrajectoryImported)
    assert (opened.version, opened.session, opened.agent_version) == ("codex rollout", "r-1", "0.99")
    assert attempt.turns == 3
    assert not await every(log, AgentActed)


async def test_a_rollout_without_envelopes_is_told_too(log: MemoryLog, tmp_path: Path) -> None:
    """The earliest versions wrote the items bare."""
    bare = [each["payload"] for each in ROLLOUT if each["type"] == "response_item"]
    await told(log, tmp_path, {"agent/sessions/rollout-1.jsonl": lines({"id": "r-1"}, *bare)}, agent="codex")
    assert [[each.name for each in step.calls] for step in await every(log, StepImported)] == [
        [],
        ["shell"],
        ["apply_patch"],
        [],
    ]


async def test_events_of_codex_are_told_as_our_own_are(log: MemoryLog, tmp_path: Path) -> None:
    """They do not say which call of a model a thing came of: none is counted, and the sums are those it states."""
    found, attempt, _ = await told(log, tmp_path, {"agent/codex.txt": EXEC}, agent="codex")
    (acted,) = await every(log, AgentActed)
    assert (acted.exit_code, await text(log, acted.command), await text(log, acted.output)) == (3, "ls", "a\n")
    assert [(await text(log, each.text), each.final) for each in await every(log, AgentSaid)] == [
        ("I look.", False),
        ("Done.", True),
    ]
    (spent,) = await every(log, UsageImported)
    assert (spent.usage.input_tokens, spent.usage.cached_input_tokens, spent.usage.output_tokens) == (400, 300, 20)
    assert (attempt.actions, attempt.tokens, found.steps) == (1, 420, 3)
    (concluded,) = await every(log, AttemptConcluded)
    assert await text(log, concluded.commands) == "ls"


async def test_what_the_trial_states_counts_before_what_a_stream_does(log: MemoryLog, tmp_path: Path) -> None:
    """Harbor has its own reading of it; it counts once."""
    spent = took(n_input_tokens=410, n_output_tokens=21)
    _, attempt, _ = await told(log, tmp_path, {"agent/codex.txt": EXEC}, agent="codex", agent_result=spent)
    assert attempt.tokens == 431


OPENCODE = lines(
    {"type": "step_start", "sessionID": "ses_1", "part": {"type": "step-start"}},
    {
        "type": "tool_use",
        "part": {"tool": "bash", "state": {"input": {"command": "ls"}, "output": "a\n", "metadata": {"exit": 0}}},
    },
    {
        "type": "step_finish",
        "part": {"cost": 0.001, "tokens": {"input": 10, "output": 4, "reasoning": 2, "cache": {"read": 5, "write": 1}}},
    },
    {"type": "text", "part": {"text": "Done."}},
    {
        "type": "step_finish",
        "part": {
            "cost": 0.002,
            "tokens": {"total": 23, "input": 20, "output": 2, "reasoning": 1, "cache": {"read": 0, "write": 0}},
        },
    },
)
GEMINI = lines(
    {"type": "init", "session_id": "g-1", "model": "ge-3"},
    {"type": "message", "role": "user", "content": "Greet me."},
    {"type": "tool_use", "tool_name": "run_shell_command", "tool_id": "c", "parameters": {"command": "ls"}},
    {"type": "tool_result", "tool_id": "c", "status": "success", "output": "a"},
    {"type": "message", "role": "assistant", "content": "Done."},
    {"type": "result", "status": "success", "stats": {"input_tokens": 30, "output_tokens": 3, "cached": 10}},
)


@pytest.mark.parametrize(
    ("agent", "stream", "spent"),
    [("opencode", OPENCODE, (36, 7, 5, 3_000_000)), ("gemini-cli", GEMINI, (30, 3, 10, None))],
)
async def test_other_streams_are_read_by_what_they_hold(
    agent: str, stream: str, spent: tuple[int, int, int, int | None], log: MemoryLog, tmp_path: Path
) -> None:
    """Whatever their files are called: a command, an answer, and what it took."""
    await told(log, tmp_path, {"agent/whatever.txt": stream}, agent=agent)
    (acted,) = await every(log, AgentActed)
    assert await text(log, acted.command) == "ls"
    assert [await text(log, each.text) for each in await every(log, AgentSaid)] == ["Done."]
    (summed,) = await every(log, UsageImported)
    usage = summed.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_input_tokens, summed.cost) == spent


async def test_a_price_of_nothing_that_is_no_price_is_unknown(log: MemoryLog, tmp_path: Path) -> None:
    """OpenCode writes 0 for a model whose price it does not know."""
    free = OPENCODE.replace("0.001", "0").replace("0.002", "0")
    found, _, _ = await told(log, tmp_path, {"agent/opencode.txt": free}, agent="opencode")
    assert [each.cost for each in await every(log, UsageImported)] == [None]
    assert any("counts as unknown" in each for each in found.warnings)


async def test_qwen_counts_what_came_out_of_the_cache_within_the_input(log: MemoryLog, tmp_path: Path) -> None:
    """Its stream is Claude Code's in shape, and its counts are those of chat completions."""
    init = {"type": "system", "subtype": "init", "qwen_code_version": "0.2", "model": "qw-3"}
    _, attempt, _ = await told(log, tmp_path, {"agent/qwen.txt": lines(init, *CLAUDE[1:])}, agent="qwen-coder")
    assert attempt.tokens == 3 + 7 + 3 + 5


async def test_a_session_of_gemini_is_told_message_by_message(log: MemoryLog, tmp_path: Path) -> None:
    """As a document or as lines; a message that is written again takes the place of what it was."""
    call = {
        "id": "c",
        "name": "run_shell_command",
        "args": {"command": "ls"},
        "status": "success",
        "result": [{"functionResponse": {"response": {"output": "a"}}}],
    }
    said = {
        "id": "2",
        "type": "gemini",
        "timestamp": AT,
        "content": "I look.",
        "model": "ge-3",
        "thoughts": [{"subject": "Files", "description": "which"}],
        "tokens": {"input": 30, "output": 3, "cached": 10, "thoughts": 2, "total": 35},
    }
    messages = [{"id": "1", "type": "user", "content": "Greet me."}, said, {**said, "toolCalls": [call]}]
    document = json.dumps({"sessionId": "g-1", "messages": messages})
    _, attempt, _ = await told(log, tmp_path, {"agent/gemini-cli.trajectory.json": document}, agent="gemini-cli")
    asked, answered = await every(log, StepImported)
    assert (asked.source, answered.source) == ("user", "agent")
    assert [await text(log, each.text) for each in await every(log, ObservationImported)] == ["a"]
    assert (attempt.turns, attempt.tokens) == (1, 35)
    by_line = read_transcripts({"agent/gemini-cli.trajectory.jsonl": lines(*messages).encode()})
    assert [len(each.trajectory.steps) for each in by_line.told] == [2]
