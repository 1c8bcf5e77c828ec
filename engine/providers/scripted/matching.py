"""Finding the turn that answers a request: a pure function of the script and the request."""

from typing import NamedTuple

import msgspec
from msgspec import Struct

from engine.providers.scripted.script import Rule, Script, Turn


class _Part(Struct, frozen=True):
    """One part of a message that is given in parts; only text counts."""

    text: str = ""


class _Message(Struct, frozen=True):
    """One message, as far as scripts look at it."""

    role: str
    content: str | list[_Part] | None = None


class _Function(Struct, frozen=True):
    """What a tool is called."""

    name: str = ""


class _Tool(Struct, frozen=True):
    """One tool on offer."""

    function: _Function = _Function()


class _StreamOptions(Struct, frozen=True):
    """How a stream is wanted."""

    include_usage: bool = False


class Asked(Struct, frozen=True):
    """A request, as far as scripts look at it.

    Attributes:
        model: The model asked for.
        messages: The conversation, at least one message.
        tools: What the model may call. None: nothing.
        stream: Whether server-sent events are wanted.
        stream_options: Whether the stream ends with the usage. None: it does not.
    """

    model: str
    messages: list[_Message]
    tools: list[_Tool] | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None

    @property
    def opening(self) -> str:
        """All text before the first assistant message: it stays the same for a whole conversation."""
        texts: list[str] = []
        for message in self.messages:
            if message.role == "assistant":
                break
            match message.content:
                case None:
                    pass
                case str(text):
                    texts.append(text)
                case parts:
                    texts.extend(part.text for part in parts)
        return "\n".join(texts)

    @property
    def turn(self) -> int:
        """How many assistant messages there are, from 0."""
        return sum(message.role == "assistant" for message in self.messages)

    @property
    def offers_run(self) -> bool:
        """Whether commands can be given as calls of the tool `run`."""
        return any(tool.function.name == "run" for tool in self.tools or ())

    @property
    def wants_usage(self) -> bool:
        """Whether a stream should end with the usage."""
        return self.stream_options is not None and self.stream_options.include_usage


class Choice(NamedTuple):
    """What the script says to a request."""

    rule: Rule
    number: int
    """Of the turn asked for, from 0; a repeated turn answers later ones too."""
    turn: Turn


class NoAnswer(NamedTuple):
    """The script says nothing to a request, and nothing is made up."""

    status: int
    code: str
    """``script_...``, for programs."""
    problem: str
    """For people."""


class Found(NamedTuple):
    """A request that the script answers, and how."""

    asked: Asked
    choice: Choice


def find(script: Script, body: bytes) -> Found | NoAnswer:
    """Read the body of a request and find what the script says to it."""
    asked = _read(body)
    if isinstance(asked, NoAnswer):
        return asked
    choice = _choose(script, asked)
    return choice if isinstance(choice, NoAnswer) else Found(asked, choice)


def _read(body: bytes) -> Asked | NoAnswer:
    try:
        asked = msgspec.json.decode(body, type=Asked)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return NoAnswer(400, "script_request_unread", f"the body is not a chat completion request: {error}")
    if not asked.messages:
        return NoAnswer(400, "script_request_unread", "the body is not a chat completion request: no messages")
    return asked


def _choose(script: Script, asked: Asked) -> Choice | NoAnswer:
    opening = asked.opening
    for rule in script.rules:
        if not _lacks(rule, asked.model, opening):
            return _turn(script, rule, asked)
    nearest = min(script.rules, key=lambda rule: len(_lacks(rule, asked.model, opening)))
    return NoAnswer(
        404,
        "script_no_rule",
        f"no rule of script {script.name!r} matches model {asked.model!r} and an opening that begins with "
        f"{opening[:120]!r}; nearest is rule {nearest.name!r}: {'; '.join(_lacks(nearest, asked.model, opening))}",
    )


def _turn(script: Script, rule: Rule, asked: Asked) -> Choice | NoAnswer:
    number = asked.turn
    last = rule.turns[-1]
    if number >= len(rule.turns) and not last.repeat:
        return NoAnswer(
            400,
            "script_ended",
            f"rule {rule.name!r} of script {script.name!r} has {len(rule.turns)} turns (from 0), and this conversation "
            f"asks for turn {number}; add a turn, or set `repeat = true` in the last one",
        )
    turn = rule.turns[min(number, len(rule.turns) - 1)]
    if turn.command is not None and not asked.offers_run and _fenced(turn.command):
        return NoAnswer(
            400,
            "script_command_fenced",
            f"turn {number} of rule {rule.name!r} gives a command with a line that begins with ```, which cannot "
            "stand in a fenced block; offer the tool `run`, or write the command otherwise",
        )
    return Choice(rule, number, turn)


def _fenced(command: str) -> bool:
    return any(line.lstrip().startswith("```") for line in command.splitlines())


def _lacks(rule: Rule, model: str, opening: str) -> list[str]:
    """Say what keeps a rule from matching; nothing if it does."""
    lacks = [] if rule.model in (None, model) else [f"it wants model {rule.model!r}"]
    lacks += [f"it wants the text {text!r}" for text in rule.contains if text not in opening]
    lacks += [f"it does not want the text {text!r}" for text in rule.absent if text in opening]
    return lacks
