"""Session files of Codex (``rollout-….jsonl``): items of responses, and how many tokens each response took.

A response ends where its tokens are told, or where another begins after results of its tools. The earliest files have
the items bare, without the envelope of time, type and payload.
"""

import shlex
from collections.abc import Sequence
from typing import Final

import msgspec

from engine.agents.installed.adapter import Json
from engine.importers.transcripts.base import (
    StatedUsage,
    Talk,
    Transcript,
    TranscriptHead,
    TranscriptTurn,
    count,
    metrics_of,
    text,
    trajectory_of,
    words_in,
)
from events.values import Usage

ROLLOUT: Final = "codex rollout"
_ENVELOPES: Final = frozenset({"session_meta", "turn_context", "response_item", "event_msg"})
_ITEMS: Final = frozenset(
    {
        "custom_tool_call",
        "custom_tool_call_output",
        "function_call",
        "function_call_output",
        "local_shell_call",
        "message",
        "reasoning",
        "web_search_call",
    }
)


def wrote(lines: Sequence[Json]) -> bool:
    """Say whether some lines are of such a file."""
    kinds = {each.get("type") for each in lines}
    bare = "function_call" in kinds or (
        "message" in kinds and any("role" in each and "content" in each for each in lines)
    )
    return bool(kinds & _ENVELOPES) or (bare and kinds <= _ITEMS | {""})


def read(file: str, lines: Sequence[Json]) -> Transcript:
    """Read such a file."""
    reading = _Reading()
    for line in lines:
        reading.line(line)
    doubts = list(reading.talk.doubts())
    if reading.unknown:
        doubts.append(f"items of unknown types are not told: {', '.join(sorted(reading.unknown))}")
    trajectory = trajectory_of(ROLLOUT, reading.head, reading.talk.steps())
    return Transcript(file, ROLLOUT, trajectory, (), reading.spent, tuple(doubts))


class _Reading:
    def __init__(self) -> None:
        self.head = TranscriptHead("codex")
        self.talk = Talk()
        self.spent: StatedUsage | None = None
        self.unknown: set[str] = set()
        self._turn: TranscriptTurn | None = None
        self._at: str | None = None

    def line(self, line: Json) -> None:
        """Take a line in."""
        payload = line.get("payload")
        self._at = text(line.get("timestamp")) or self._at
        match line.get("type"), payload:
            case "session_meta", dict():
                version, session = text(payload.get("cli_version")), text(payload.get("id"))
                self.head = self.head._replace(version=version or self.head.version, session=session)
            case "turn_context", dict():
                self.head = self.head._replace(model=text(payload.get("model")) or self.head.model)
            case "response_item", dict():
                self._item(payload)
            case "event_msg", dict():
                self._event(payload)
            case str() as kind, None if kind in _ITEMS:
                self._item(line)
            case _:
                pass

    def _item(self, item: Json) -> None:
        match item.get("type"):
            case "message":
                self._message(item)
            case "reasoning":
                turn = self._answering()
                turn.thought += [
                    each for each in (words_in(item.get("summary")), words_in(item.get("content"))) if each
                ]
            case "function_call":
                self._call(item, text(item.get("name")), _arguments(item.get("arguments")))
            case "custom_tool_call":
                self._call(item, text(item.get("name")), item.get("input"))
            case "local_shell_call":
                self._call(item, "local_shell", _shell(item.get("action")))
            case "function_call_output" | "custom_tool_call_output":
                output, code = _output(item.get("output"))
                self.talk.result(item.get("call_id"), output, exit_code=code)
            case "web_search_call" as kind:
                self._call(item, kind, item.get("action"))
            case kind:
                self.unknown.add(str(kind)[:40])

    def _message(self, item: Json) -> None:
        said = words_in(item.get("content"))
        if item.get("role") == "assistant":
            self._answering().said.append(said)
        elif said:
            self._turn = None
            self.talk.say(item.get("role"), said, self._at)

    def _call(self, item: Json, function: str | None, given: object) -> None:
        self.talk.call(self._answering(), item.get("call_id") or item.get("id"), function, given)

    def _answering(self) -> TranscriptTurn:
        """Give the response that is told, or begin one: a model does not go on after results without being asked."""
        if self._turn is None or self._turn.results:
            self._turn = self.talk.turn(self._at, self.head.model)
        return self._turn

    def _event(self, payload: Json) -> None:
        info = payload.get("info")
        if payload.get("type") != "token_count" or not isinstance(info, dict):
            return
        last, whole = info.get("last_token_usage"), info.get("total_token_usage")
        if isinstance(whole, dict):
            self.spent = StatedUsage(usage_of(whole), None)
        if self._turn is not None and isinstance(last, dict):
            self._turn.metrics = metrics_of(usage_of(last))
            self._turn = None


def usage_of(usage: Json) -> Usage:
    """Read what Codex counts: the input includes what came out of the cache, the output what was thought."""
    return Usage(
        count(usage.get("input_tokens")),
        count(usage.get("output_tokens")),
        count(usage.get("cached_input_tokens")),
        count(usage.get("reasoning_output_tokens")),
    )


def _arguments(given: object) -> object:
    if not isinstance(given, str):
        return given
    try:
        return msgspec.json.decode(given)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return given


def _shell(action: object) -> object:
    if isinstance(action, dict) and isinstance(action.get("command"), list):
        return {**action, "command": shlex.join(str(word) for word in action["command"])}
    return action


def _output(output: object) -> tuple[object, int | None]:
    """Give what came of a tool, and how it exited where that is said."""
    if isinstance(output, str) and output.lstrip().startswith("{"):
        output = _arguments(output)
    if not isinstance(output, dict):
        return output, None
    metadata = output.get("metadata")
    code = metadata.get("exit_code") if isinstance(metadata, dict) else None
    content = output["output"] if "output" in output else output.get("content", output)
    return content, code if isinstance(code, int) and not isinstance(code, bool) else None
