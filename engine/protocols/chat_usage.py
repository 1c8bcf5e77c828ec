"""Usage and cost as chat completions state them: in many places, and in the words of OpenAI or of Anthropic."""

from collections.abc import Iterable, Iterator
from functools import reduce
from typing import Any, Final

from engine.protocols.body import objects
from engine.protocols.json_text import Json
from engine.protocols.usage import NOT_SAID, ReportedUsage, Stated, cost_in, count_of, first_count, merged, together

_ASIDE: Final = frozenset({"eval_count", "meta", "prompt_eval_count", "timings", "x_groq"})
"""Where some servers state usage beside the answer: Ollama, Cohere, llama.cpp, Groq."""


def stated_in(pieces: tuple[Json, ...]) -> Stated:
    """Say what an answer states, wherever. A count at the top replaces one in a choice, which replaces one aside."""
    aside, inside, top = list[Json](), list[Json](), list[Json]()
    for piece in pieces:
        if not _ASIDE.isdisjoint(piece):
            aside += _aside(piece)
        for choice in objects(piece.get("choices")):
            for each in (choice.get("delta"), choice.get("message"), choice):  # Moonshot, and proxies that move it
                if isinstance(each, dict) and isinstance(each.get("usage"), dict):
                    inside.append(each["usage"])
        if isinstance(piece.get("usage"), dict):
            top += _at_the_top(piece["usage"])
    usage = usage_in(top) if not aside and not inside else reduce(merged, map(usage_in, (aside, inside, top)))
    costs = [piece["cost"] for piece in pieces if "cost" in piece]
    costs += [cost for said in (*aside, *inside, *top) for cost in costs_of(said)]
    return Stated(usage, cost_in(costs, usage))


def usage_in(said: Iterable[Json]) -> ReportedUsage:
    """Put together what is said one after the other."""
    return reduce(merged, map(_usage_of, said), NOT_SAID)


def costs_of(said: Json) -> Iterator[Any]:
    """Give what may be the provider's own figure, last the surest: DeepInfra, Perplexity, OpenRouter."""
    if not _COSTS.isdisjoint(said):
        cost = said.get("cost")
        inner = cost.get("total_cost") if isinstance(cost, dict) else None
        yield from (said.get("estimated_cost"), said.get("total_cost"), inner, cost)


_COSTS: Final = frozenset({"cost", "estimated_cost", "total_cost"})


def _aside(piece: Json) -> Iterator[Json]:
    """Give the usage that stands beside an answer, in OpenAI's words."""
    yield {"prompt_tokens": piece.get("prompt_eval_count"), "completion_tokens": piece.get("eval_count")}
    timings, meta, groq = piece.get("timings"), piece.get("meta"), piece.get("x_groq")
    if isinstance(timings, dict):  # what the cache held is counted beside what was read
        cached = count_of(timings.get("cache_n"))
        entered = together(count_of(timings.get("prompt_n")), cached)
        yield {"prompt_tokens": entered, "completion_tokens": timings.get("predicted_n"), "cached_tokens": cached}
    if isinstance(meta, dict):
        yield from objects([meta.get("billed_units"), meta.get("tokens")])
    if isinstance(groq, dict):
        yield from objects(groq.get("usage"))


def _at_the_top(usage: Json) -> Iterator[Json]:
    """Give an answer's own usage, last as a whole; Cohere has its counts in tables."""
    yield from objects([usage.get("billed_units"), usage.get("tokens")])
    yield usage


def _usage_of(said: Json) -> ReportedUsage:
    """Read one set of counts, in the words of OpenAI or of Anthropic."""
    details = objects([said.get("prompt_tokens_details"), said.get("input_tokens_details")])
    parts = objects([said.get("completion_tokens_details"), said.get("output_tokens_details")])
    read = first_count(
        *[each.get("cached_tokens") for each in details],
        said.get("cached_tokens"),  # Moonshot
        said.get("prompt_cache_hit_tokens"),  # DeepSeek
        said.get("cache_read_input_tokens"),
    )
    made = first_count(
        *[each.get(name) for each in details for name in ("cache_write_tokens", "cache_creation_tokens")],
        said.get("cache_creation_input_tokens"),
    )
    thought = first_count(
        *[each.get("reasoning_tokens") for each in parts],
        said.get("reasoning_tokens"),
    )
    cached = together(read, made) or 0
    entered, left = _entered(said, cached), _left(said, thought or 0)
    total = count_of(said.get("total_tokens"))
    if entered is not None and left is not None and total is not None and total > entered + left:
        if total == entered + left + cached:
            entered += cached
        else:  # what Gemini and xAI think is in the total only, and charged as output
            left = total - entered
    return ReportedUsage(
        input_tokens=entered,
        output_tokens=left,
        cached_input_tokens=read,
        cache_write_tokens=made,
        reasoning_tokens=thought,
    )


def _entered(said: Json, cached: int) -> int | None:
    """Count the input. Anthropic counts what its cache held, or was given to hold, beside it."""
    entered = first_count(said.get("prompt_tokens"), said.get("input_tokens"))
    beside = count_of(said.get("prompt_tokens")) is None and "cache_read_input_tokens" in said
    return entered if entered is None or not (beside or cached > entered) else entered + cached


def _left(said: Json, thought: int) -> int | None:
    """Count the output; what was thought is part of it, but for xAI, which counts it beside."""
    left = first_count(said.get("completion_tokens"), said.get("output_tokens"))
    return left if left is None or thought <= left else left + thought
