"""Stories of whole runs in which a model errs: it is told, it costs a turn, and the run goes on."""

import json
from pathlib import Path
from typing import Any

from engine.core.history import load_histories
from engine.runtime.run import start_run
from events.store.memory import MemoryLog
from events.types.attempt import AgentEnded
from events.types.sandbox import ActionAsked
from replay.rerun import rerun
from tests.support.provider import Provider, serving, whole
from tests.support.runs import make_base, setting, spec
from tests.support.worlds import Ticking


def said(text: str | None, finish: str = "stop", **more: object) -> bytes:
    """Write an answer."""
    message = {"role": "assistant", "content": text, **more}
    return whole(json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": finish}]}).encode())


def called(arguments: str, finish: str = "tool_calls", *, name: str = "run") -> bytes:
    """Write an answer that calls a tool."""
    call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return said(None, finish, tool_calls=[call])


RIGHT = "```sh\ncp words.txt answer.txt\n```"


class Played:
    """What came of an attempt."""

    def __init__(self, log: MemoryLog, outcome: str, asked: list[Any]) -> None:
        self.log = log
        self.outcome = outcome
        self.asked = asked
        """The messages of each request."""
        self.commands: list[str] = []
        self.ended: AgentEnded | None = None
        self.evidence: list[str] = []
        """What the distiller was shown, and then told."""

    @property
    def told(self) -> str:
        """The last message of the last request."""
        return str(self.asked[-1][-1]["content"])


async def play(folder: Path, *answers: bytes) -> Played:
    """Run one attempt whose model gives these answers; its record must then be enough to run it again."""
    log = MemoryLog(clock=Ticking())
    async with serving(Provider(*answers)) as provider:
        teacher = {"model": "m", "base_url": f"{provider.base_url}/v1", "tries": 1}
        asked = spec(models={"teacher": teacher}, method={"attempts": 1, "infrastructure_retries": 1})
        report = await start_run(await setting(log, make_base(folder)), asked)
    bodies = [part for came in provider.came for part in bytes(came).split(b"POST ")[1:]]
    asked_for = [json.loads(body.partition(b"\r\n\r\n")[2])["messages"] for body in bodies]
    mine = [each for each in asked_for if "Role: " not in each[-1]["content"]]
    played = Played(log, report.outcomes["word"], mine)
    played.evidence = [each[-1]["content"] for each in asked_for if "Role: distiller" in each[-1]["content"]]
    for each in (await load_histories(log, report.run)).by_stream["attempt/word/1"]:
        if isinstance(each.event, ActionAsked):
            played.commands.append((await log.get(each.event.command)).decode())
        elif isinstance(each.event, AgentEnded):
            played.ended = each.event
    assert (await rerun(log, report.run)).complete
    return played


UNUSED = [said("no skill")] * 3
"""For the distiller, or the reflector."""


async def test_a_command_in_a_thought_is_never_run(tmp_path: Path) -> None:
    """Nor is a word in it the end of the work."""
    thought = "<think>\nMaybe\n```sh\nrm words.txt\n```\nDONE\n</think>\nI copy it.\n"
    played = await play(tmp_path, said(thought + RIGHT), said("<think>ok</think>\nDONE"), *UNUSED)
    assert played.commands == ["cp words.txt answer.txt"]
    assert played.outcome == "solved"
    assert "rm words.txt" not in played.evidence[0]
    assert "I copy it." in played.evidence[0]


async def test_arguments_that_were_cut_are_told_and_not_sent_again(tmp_path: Path) -> None:
    """A server that parses the arguments of old calls would refuse each turn that follows."""
    played = await play(tmp_path, called('{"command": "cp wor', "length"), said(RIGHT), said("DONE"), *UNUSED)
    assert played.outcome == "solved"
    (call,) = played.asked[1][-2]["tool_calls"]
    assert (call["id"], json.loads(call["function"]["arguments"])) == ("c1", {})
    assert played.asked[1][-1]["tool_call_id"] == "c1"
    assert "length limit" in played.asked[1][-1]["content"]


async def test_a_harmless_key_is_told_beside_the_result(tmp_path: Path) -> None:
    """The command runs, and the model learns that the key has no effect."""
    arguments = '{"command": "cp words.txt answer.txt", "timeout": 30}'
    played = await play(tmp_path, called(arguments), said("DONE"), *UNUSED)
    assert played.commands == ["cp words.txt answer.txt"]
    assert played.told == "exit code: 0\n(`run` takes only `command`; without effect: `timeout`)"


async def test_an_answer_of_reasoning_only_is_a_turn(tmp_path: Path) -> None:
    """It is the model's doing: told to it, counted, and not sent back: providers refuse a message without content."""
    played = await play(tmp_path, said(None, reasoning_content="I copy it."), said(RIGHT), said("DONE"), *UNUSED)
    assert played.outcome == "solved"
    assert played.ended is not None
    assert (played.ended.reason, played.ended.detail, played.ended.turns) == ("done", "the agent said so", 3)
    assert [each["role"] for each in played.asked[1]] == ["system", "user", "user"]
    assert "all reasoning" in played.asked[1][-1]["content"]


async def test_done_before_any_command_is_questioned_once(tmp_path: Path) -> None:
    """Then the agent acts, and is believed."""
    played = await play(tmp_path, said("DONE"), said(RIGHT), said("DONE"), *UNUSED)
    assert played.ended is not None
    assert (played.ended.reason, played.ended.detail, played.ended.turns) == ("done", "the agent said so", 3)
    assert played.outcome == "solved"
    assert "no command was run yet" in played.asked[1][-1]["content"]


async def test_who_insists_on_being_done_is_judged(tmp_path: Path) -> None:
    """A task may leave nothing to do, and only the verifier knows."""
    played = await play(tmp_path, said("DONE"), said("It is. DONE"), said("DONE"), *UNUSED)
    assert played.ended is not None
    assert (played.ended.reason, played.ended.detail, played.ended.turns) == ("done", "the agent said so", 3)
    assert played.outcome == "unsolved"


async def test_half_of_a_here_document_is_not_run(tmp_path: Path) -> None:
    """The model is told which part is unclear, and gives it again."""
    cut = "```sh\ncat <<E > answer.txt\nhel\n```\nThen\n```sh\nls\nE\n```"
    played = await play(tmp_path, said(cut), said(RIGHT), said("DONE"), *UNUSED)
    assert played.commands == ["cp words.txt answer.txt"]
    assert "a fence inside its here-document E is never closed" in played.asked[1][-1]["content"]
