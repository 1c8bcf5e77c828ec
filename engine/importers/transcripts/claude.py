"""Transcripts of Claude Code and of agents that follow it: the stream that it prints, and its session files.

An answer of a model is written in several lines, one for each part of it; all have the answer's id and its usage, of
which the last is the whole. Lines of a session that was taken up again stand in two files under one ``uuid``.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from engine.agents.installed.adapter import Json
from engine.importers.transcripts.base import (
    StatedUsage,
    Talk,
    Transcript,
    TranscriptHead,
    TranscriptTurn,
    count,
    metrics_of,
    money,
    text,
    total,
    trajectory_of,
    words_in,
)
from events.values import Usage

STREAM: Final = "claude-code stream-json"
SESSION: Final = "claude-code session"
QWEN: Final = "qwen-code stream-json"
_SYNTHETIC: Final = "<synthetic>"
"""Model of what Claude Code says itself in the place of an answer, such as that of an endpoint's error."""

_VERSIONS: Final = ("claude_code_version", "qwen_code_version", "version")

Count = Callable[[Json], Usage]


class Kind(NamedTuple):
    """One of them."""

    format: str
    agent: str
    usage: Count
    """Reads what a call took."""


def kind_of(lines: Sequence[Json]) -> Kind | None:
    """Say which of them wrote some lines. None: another did."""
    messages = [each for each in lines if isinstance(each.get("message"), dict)]
    if not any(each.get("type") == "assistant" for each in messages):
        return None
    if any("qwen_code_version" in each for each in lines):
        return Kind(QWEN, "qwen-code", _inclusive)
    session = any("sessionId" in each for each in messages)
    return Kind(SESSION if session else STREAM, "claude-code", _apart)


def read(file: str, lines: Sequence[Json], kind: Kind, seen: set[str]) -> Transcript:
    """Read lines.

    Args:
        file: Path of the file.
        lines: Of it.
        kind: What wrote them.
        seen: Ids of lines that were told from another file; those of this one are added.
    """
    reading = _Reading(kind)
    for line in lines:
        name = text(line.get("uuid"))
        if name is not None and name in seen:
            continue
        if name is not None and kind.format == SESSION:
            seen.add(name)
        reading.line(line)
    steps = list(reading.talk.steps())
    doubts = list(reading.talk.doubts())
    if reading.parts:
        doubts.append(f"{reading.parts} parts of messages are no text, thought or tool: they are not told")
    return Transcript(
        file, kind.format, trajectory_of(kind.format, reading.head, steps), (), reading.spent, tuple(doubts)
    )


class _Reading:
    def __init__(self, kind: Kind) -> None:
        self.head = TranscriptHead(kind.agent)
        self.talk = Talk()
        self.spent: StatedUsage | None = None
        self.parts = 0
        self._kind = kind
        self._turns: dict[str, TranscriptTurn] = {}

    def line(self, line: Json) -> None:
        """Take a line in."""
        message = line.get("message")
        match line.get("type"), message:
            case "assistant", dict():
                self._answer(line, message)
            case "user", dict():
                self._others(line, message)
            case "result", _:
                self._result(line)
            case _:
                self._about(line)

    def _about(self, line: Json) -> None:
        """Take in what is said of the whole."""
        head = self.head
        version = (
            text(line.get("claude_code_version")) or text(line.get("qwen_code_version")) or text(line.get("version"))
        )
        session = text(line.get("session_id")) or text(line.get("sessionId"))
        self.head = TranscriptHead(
            head.agent,
            version if version and head.version == "unknown" else head.version,
            head.model or text(line.get("model")),
            head.session or session,
        )

    def _answer(self, line: Json, message: Json) -> None:
        self._about(line)
        name = text(message.get("id"))
        turn = self._turns.get(name) if name is not None else None
        model = text(message.get("model"))
        if turn is None:
            turn = self.talk.turn(line.get("timestamp"), None if model == _SYNTHETIC else model)
            self._begin(turn, line, synthetic=model == _SYNTHETIC)
            if name is not None:
                self._turns[name] = turn
            self.head = self.head._replace(model=self.head.model or turn.model)
        usage = message.get("usage")
        if isinstance(usage, dict) and turn.asked:
            turn.metrics = metrics_of(self._kind.usage(usage))
        self._say(turn, message.get("content"))

    def _begin(self, turn: TranscriptTurn, line: Json, *, synthetic: bool) -> None:
        if synthetic:
            turn.asked = 0
            turn.extra["said_by"] = "the agent itself: no model was asked"
        below = text(line.get("parent_tool_use_id"))
        if line.get("isSidechain") is True or below is not None:
            turn.extra["sidechain"] = below or True

    def _say(self, turn: TranscriptTurn, content: object) -> None:
        if isinstance(content, str):
            turn.said += [content] if content else []
            return
        for part in content if isinstance(content, list) else []:
            match part:
                case {"type": "text", "text": str(said)}:
                    turn.said += [said] if said else []
                case {"type": "thinking", "thinking": str(thought)}:
                    turn.thought += [thought] if thought else []
                case {"type": "tool_use" | "server_tool_use", "name": function, **rest}:
                    self.talk.call(turn, rest.get("id"), function, rest.get("input"))
                case {"type": "redacted_thinking"}:
                    turn.extra["thought_withheld"] = True
                case _:
                    self.parts += 1

    def _others(self, line: Json, message: Json) -> None:
        """Take in what the user said, and what came of tools."""
        self._about(line)
        content = message.get("content")
        parts = content if isinstance(content, list) else []
        for part in parts:
            match part:
                case {"type": "tool_result", "tool_use_id": name, **rest}:
                    self.talk.result(name, rest.get("content"), is_error=rest.get("is_error") or None)
                case {"type": "text"}:
                    pass
                case _:
                    self.parts += 1
        said = words_in(content)
        if said:
            self.talk.say("system" if line.get("isMeta") is True else "user", said, line.get("timestamp"))

    def _result(self, line: Json) -> None:
        """Take the sums in: of all models where they are listed, which agents below are among."""
        models = line.get("modelUsage")
        listed = [each for each in models.values() if isinstance(each, dict)] if isinstance(models, dict) else []
        usage = line.get("usage")
        if listed:
            found = [_of_model(each) for each in listed]
            summed = Usage(
                total([each.input_tokens for each in found]),
                total([each.output_tokens for each in found]),
                total([each.cached_input_tokens for each in found]),
                None,
            )
        else:
            summed = self._kind.usage(usage) if isinstance(usage, dict) else Usage(None, None, None, None)
        cost = money(line.get("total_cost_usd"))
        if (summed.input_tokens, summed.output_tokens, cost) != (None, None, None):
            self.spent = StatedUsage(summed, cost)


def _apart(usage: Json) -> Usage:
    """Read usage as Anthropic counts it: what went into and came out of the cache stands apart from the input."""
    cached = count(usage.get("cache_read_input_tokens"))
    parts = [count(usage.get("input_tokens")), cached, count(usage.get("cache_creation_input_tokens"))]
    return Usage(total(parts), count(usage.get("output_tokens")), cached, None)


def _inclusive(usage: Json) -> Usage:
    """Read usage as others count it: the input includes what came out of the cache."""
    cached = count(usage.get("cache_read_input_tokens"))
    return Usage(count(usage.get("input_tokens")), count(usage.get("output_tokens")), cached, None)


def _of_model(usage: Json) -> Usage:
    cached = count(usage.get("cacheReadInputTokens"))
    parts = [count(usage.get("inputTokens")), cached, count(usage.get("cacheCreationInputTokens"))]
    return Usage(total(parts), count(usage.get("outputTokens")), cached, None)
