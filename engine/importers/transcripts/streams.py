"""Event streams that do not say which call of a model a thing came of: told as our own installed agents' are."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from engine.agents.installed.adapter import AgentAdapter, Json
from engine.agents.installed.codex import Codex
from engine.agents.installed.gemini_cli import GeminiCli
from engine.agents.installed.opencode import OpenCode
from engine.importers.transcripts.base import (
    StatedUsage,
    Transcript,
    TranscriptHead,
    count,
    money,
    text,
    total,
    trajectory_of,
)
from engine.importers.transcripts.codex import usage_of
from events.values import NanoUsd, Usage

_FREE: Final = "it states a cost of 0, as it does where it knows no price: the cost counts as unknown"


class Stream(NamedTuple):
    """One of them."""

    format: str
    recipe: AgentAdapter
    head: Callable[[Sequence[Json]], TranscriptHead]
    spent: Callable[[Sequence[Json]], StatedUsage | None]


def stream_of(lines: Sequence[Json]) -> Stream | None:
    """Say which of them some lines are. None: none."""
    kinds = {str(each.get("type")) for each in lines}
    if any(each.startswith(("item.", "thread.", "turn.")) for each in kinds):
        return Stream("codex exec --json", Codex(), _codex_head, _codex)
    if any(isinstance(each.get("part"), dict) for each in lines):
        return Stream("opencode run --format json", OpenCode(), _opencode_head, _opencode)
    if any(each.get("type") in {"tool_use", "tool_result"} and "tool_id" in each for each in lines) or (
        "init" in kinds and "message" in kinds
    ):
        return Stream("gemini-cli stream-json", GeminiCli(), _gemini_head, _gemini)
    return None


def read(file: str, lines: Sequence[Json], stream: Stream) -> Transcript:
    """Read lines of one."""
    told = tuple(stream.recipe.read(lines))
    spent = stream.spent(lines)
    doubts: list[str] = []
    if spent is not None and spent.cost == 0 and stream.recipe.name == OpenCode.name:
        spent = spent._replace(cost=None)
        doubts.append(_FREE)
    trajectory = trajectory_of(stream.format, stream.head(lines), ())
    return Transcript(file, stream.format, trajectory, told, spent, tuple(doubts))


def _codex_head(lines: Sequence[Json]) -> TranscriptHead:
    return TranscriptHead("codex", session=_first(lines, "thread_id"))


def _codex(lines: Sequence[Json]) -> StatedUsage | None:
    """Give the last sums: each is of the whole thread."""
    ended = [
        each["usage"] for each in lines if each.get("type") == "turn.completed" and isinstance(each.get("usage"), dict)
    ]
    return StatedUsage(usage_of(ended[-1]), None) if ended else None


def _gemini_head(lines: Sequence[Json]) -> TranscriptHead:
    return TranscriptHead("gemini-cli", model=_first(lines, "model"), session=_first(lines, "session_id"))


def _gemini(lines: Sequence[Json]) -> StatedUsage | None:
    ended = _found(lines, "result", "stats")
    if not ended:
        return None
    stats = ended[-1]
    read, said, cached = (count(stats.get(key)) for key in ("input_tokens", "output_tokens", "cached"))
    return StatedUsage(Usage(read, said, cached, None), None)


def _opencode_head(lines: Sequence[Json]) -> TranscriptHead:
    return TranscriptHead("opencode", session=_first(lines, "sessionID"))


def _opencode(lines: Sequence[Json]) -> StatedUsage | None:
    """Add up the steps: what went into and came out of the cache stands apart from the input."""
    ends = _found(lines, "step_finish", "part")
    found = [usage for usage in (_step(each.get("tokens")) for each in ends) if usage is not None]
    prices = [money(each.get("cost")) for each in ends]
    if not found:
        return None
    return StatedUsage(
        Usage(
            total([each.input_tokens for each in found]),
            total([each.output_tokens for each in found]),
            total([each.cached_input_tokens for each in found]),
            total([each.reasoning_tokens for each in found]),
        ),
        _sum(prices),
    )


def _step(tokens: object) -> Usage | None:
    if not isinstance(tokens, dict):
        return None
    cache = tokens["cache"] if isinstance(tokens.get("cache"), dict) else {}
    cached, thought = count(cache.get("read")), count(tokens.get("reasoning"))
    read = total([count(tokens.get("input")), cached, count(cache.get("write"))])
    said, whole = count(tokens.get("output")), count(tokens.get("total"))
    if None not in {read, said, thought, whole} and whole == (read or 0) + (said or 0) + (thought or 0):
        said = (said or 0) + (thought or 0)  # later versions count apart what was thought
    return Usage(read, said, cached, thought)


def _sum(prices: Sequence[NanoUsd | None]) -> NanoUsd | None:
    known = [each for each in prices if each is not None]
    return sum(known) if prices and len(known) == len(prices) else None


def _found(lines: Sequence[Json], kind: str, key: str) -> list[Json]:
    """Give the objects that lines of a kind hold under a key."""
    return [each[key] for each in lines if each.get("type") == kind and isinstance(each.get(key), dict)]


def _first(lines: Sequence[Json], key: str) -> str | None:
    return next((found for each in lines if (found := text(each.get(key))) is not None), None)
