"""Finding the turn that answers a request: a pure function of the script and the request."""

from typing import NamedTuple

import msgspec

from engine.core.plugins import PluginBroken
from engine.protocols.server_side import ServerRequest, ServerSide
from engine.scripted.functions import script_function
from engine.scripted.script import Rule, Script, ScriptedTurn


class Choice(NamedTuple):
    """What the script says to a request."""

    rule: Rule
    number: int
    """Of the turn asked for, from 0; a repeated turn answers later ones too."""
    turn: ScriptedTurn


class NoAnswer(NamedTuple):
    """The script says nothing to a request, and nothing is made up."""

    status: int
    code: str
    """``script_...``, for programs."""
    problem: str
    """For people."""


class MatchedRequest(NamedTuple):
    """A request that the script answers, and how."""

    asked: ServerRequest
    choice: Choice


def find(script: Script, side: ServerSide, body: bytes, path: str) -> MatchedRequest | NoAnswer:
    """Read a request and find what the script says to it."""
    asked = _read(side, body, path)
    if isinstance(asked, NoAnswer):
        return asked
    choice = _choose(script, asked)
    return choice if isinstance(choice, NoAnswer) else MatchedRequest(asked, choice)


def _read(side: ServerSide, body: bytes, path: str) -> ServerRequest | NoAnswer:
    try:
        return side.read(body, path)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return NoAnswer(400, "script_request_unread", f"the body is not a request of this protocol: {error}")


def _choose(script: Script, asked: ServerRequest) -> Choice | NoAnswer:
    for rule in script.rules:
        if not _lacks(rule, asked):
            return _turn(script, rule, asked)
    nearest = min(script.rules, key=lambda rule: len(_lacks(rule, asked)))
    return NoAnswer(
        400,
        "script_no_rule",
        f"no rule of script {script.name!r} matches model {asked.model!r} and an opening that begins with "
        f"{asked.opening[:120]!r}{_shown(asked)}; nearest is rule {nearest.name!r}: "
        f"{'; '.join(_lacks(nearest, asked))}",
    )


def _turn(script: Script, rule: Rule, asked: ServerRequest) -> Choice | NoAnswer:
    if rule.function is not None:
        return _computed(script, rule, asked)
    number = asked.turn
    last = rule.turns[-1]
    if number >= len(rule.turns) and not last.repeat:
        return NoAnswer(
            400,
            "script_ended",
            f"rule {rule.name!r} of script {script.name!r} has {len(rule.turns)} turns (from 0), and this conversation "
            f"asks for turn {number}; add a turn, or set `repeat = true` in the last one",
        )
    return _playable(rule, number, rule.turns[min(number, len(rule.turns) - 1)], asked)


def _computed(script: Script, rule: Rule, asked: ServerRequest) -> Choice | NoAnswer:
    """Have a function answer; where it fails or says nothing, nothing is made up."""
    assert rule.function is not None, "whoever calls looked"
    named = f"function {rule.function!r} of rule {rule.name!r} of script {script.name!r}"
    try:
        turn = script_function(rule.function)(asked)
    except PluginBroken as error:
        return NoAnswer(400, "script_function_failed", error.problem)
    except Exception as error:  # noqa: BLE001 - a package of another hand may raise anything; the request is refused
        return NoAnswer(400, "script_function_failed", f"{named} failed: {type(error).__name__}: {error}")
    if turn is None:
        problem = f"{named} has no answer to a request that begins with {asked.opening[:120]!r}"
        return NoAnswer(400, "script_no_answer", problem)
    return _playable(rule, asked.turn, turn, asked)


def _playable(rule: Rule, number: int, turn: ScriptedTurn, asked: ServerRequest) -> Choice | NoAnswer:
    """Refuse a command that could not be told from the text around it."""
    if turn.command is not None and asked.shell is None and _fenced(turn.command):
        return NoAnswer(
            400,
            "script_command_fenced",
            f"turn {number} of rule {rule.name!r} gives a command with a line that begins with ```, which cannot "
            "stand in a fenced block; offer the tool `run`, or write the command otherwise",
        )
    return Choice(rule, number, turn)


def _fenced(command: str) -> bool:
    return any(line.lstrip().startswith("```") for line in command.splitlines())


def _lacks(rule: Rule, asked: ServerRequest) -> list[str]:
    """Say what keeps a rule from matching; nothing if it does."""
    lacks = [] if rule.model in (None, asked.model) else [f"it wants model {rule.model!r}"]
    if rule.shell is not None and rule.shell != (asked.shell is not None):
        lacks.append("it wants a shell on offer" if rule.shell else "it wants no shell on offer")
    lacks += [f"it wants the text {text!r}" for text in rule.contains if text not in asked.opening]
    lacks += [f"it wants the image {named}" for named in rule.images if not _shows(asked, named)]
    lacks += [f"it does not want the text {text!r}" for text in rule.absent if text in asked.opening]
    return lacks


def _shows(asked: ServerRequest, named: str) -> bool:
    """Say whether an opening shows an image of this media type or digest."""
    return any(named == each.media_type or each.digest.startswith(named) for each in asked.images)


def _shown(asked: ServerRequest) -> str:
    """List the images of an opening, for people."""
    return "".join(f", with the image {each.media_type} {each.digest[:16]}" for each in asked.images)
