"""Session records of Gemini CLI: a document of messages, or one message a line. Each of the model's is one call."""

from collections.abc import Sequence
from typing import Final

from engine.agents.installed.adapter import Json
from engine.importers.loose_json import JsonUnreadable, read_json
from engine.importers.transcripts.base import (
    Talk,
    Transcript,
    TranscriptHead,
    count,
    metrics_of,
    text,
    trajectory_of,
    typed,
    words_in,
)
from events.values import Usage

RECORD: Final = "gemini-cli session"


def messages_in(data: bytes) -> tuple[list[Json], list[str]]:
    """Give the messages of a document, its own facts before them. Empty: it is of another kind."""
    try:
        value, _ = read_json(data)
    except JsonUnreadable:
        return [], []
    messages = value.get("messages")
    if not isinstance(messages, list):
        return [], []
    return [{"sessionId": value.get("sessionId")}, *(typed(each) for each in messages if isinstance(each, dict))], []


def wrote(lines: Sequence[Json]) -> bool:
    """Say whether some lines are of such a record."""
    return any(each.get("type") == "gemini" for each in lines)


def read(file: str, lines: Sequence[Json]) -> Transcript:
    """Read one. A message that is written again with the same id takes the place of what it was."""
    whole: dict[str, Json] = {}
    for place, line in enumerate(lines):
        name = text(line.get("id")) or f"line {place}"
        whole[name] = {**whole.get(name, {}), **line}
    talk = Talk()
    for line in whole.values():
        if line.get("type") == "gemini":
            _answer(talk, line)
        elif line.get("type") in {"user", "info", "error", "warning"}:
            said = words_in(line.get("content"))
            if said:
                talk.say("user" if line["type"] == "user" else "system", said, line.get("timestamp"))
    session = next((found for each in lines if (found := text(each.get("sessionId")))), None)
    model = next((found for each in lines if (found := text(each.get("model")))), None)
    head = TranscriptHead("gemini-cli", model=model, session=session)
    return Transcript(file, RECORD, trajectory_of(RECORD, head, talk.steps()), (), None, tuple(talk.doubts()))


def _answer(talk: Talk, line: Json) -> None:
    turn = talk.turn(line.get("timestamp"), text(line.get("model")))
    said = words_in(line.get("content"))
    turn.said += [said] if said else []
    thoughts = line.get("thoughts")
    for each in thoughts if isinstance(thoughts, list) else []:
        if isinstance(each, dict):
            turn.thought += [": ".join(filter(None, (text(each.get("subject")), text(each.get("description")))))]
    tokens = line.get("tokens")
    if isinstance(tokens, dict):
        turn.metrics = metrics_of(_usage(tokens))
    calls = line.get("toolCalls")
    for call in calls if isinstance(calls, list) else []:
        if isinstance(call, dict):
            talk.call(turn, call.get("id"), call.get("name"), call.get("args"))
            if call.get("result") is not None or call.get("resultDisplay") is not None:
                result = call.get("result") if call.get("result") is not None else call.get("resultDisplay")
                turn.result(turn.calls[-1].tool_call_id, _content(result), status=text(call.get("status")))


def _content(result: object) -> object:
    """Give what came of a tool: the output in the function's response that it is wrapped in."""
    match result:
        case [{"functionResponse": {"response": {"output": str(output)}}}]:
            return output
        case _:
            return result


def _usage(tokens: Json) -> Usage:
    """Read tokens: the input includes what came out of the cache; what was thought stands apart from the output."""
    said, thought = count(tokens.get("output")), count(tokens.get("thoughts"))
    whole = None if said is None else said + (thought or 0)
    return Usage(count(tokens.get("input")), whole, count(tokens.get("cached")), thought)
