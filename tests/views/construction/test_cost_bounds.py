"""Bounds of what a construction may take: worked out by hand for small settings, and what each setting adds."""

from typing import Any

import msgspec

from engine.config.spec import RunSpec
from engine.core.prompts import Prompts, make_prompts
from engine.programs.construct.actor import MOST_FOUND
from engine.programs.construct.rulings import MOST_PROBLEMS_TOLD
from engine.providers.prices import FRAME_BYTES
from views.construction.cost_bounds import bounds_of

NAMES = ("layout", "system", "variant", "repair", "user", "revise_user", "critique_system", "critique_user")
PROMPTS: Prompts = make_prompts({f"construct_{name}": "x" * 10 for name in NAMES})
IMAGE = len("python:3.12-slim")
ANSWER = 1_000
BRIEF = 50
FIRST = 3 * 10 + IMAGE + 10 + BRIEF
"""Layout, system prompt and variant, the image, the user prompt, and the prompt spec."""


def spec(parameters: dict[str, Any] | None = None, prices: dict[str, Any] | None = None, **own: Any) -> RunSpec:
    """Ask for a construction that is as small as can be."""
    model = {"model": "author", "base_url": "http://x", "parameters": parameters or {"max_tokens": ANSWER}}
    least = {"rounds": 1, "critique": False, "answer_repairs": 0, "times": 1, "verifier_repeats": 1, "specs": "x"}
    asked = {
        "tasks": "",
        "program": "construct",
        "agent": {"name": "nop", "timeout_s": 100},
        "models": {"author": model},
        "prices": {"author": {"input": "1", "output": "1"}} if prices is None else prices,
        "own": {**least, **own},
    }
    return msgspec.convert(asked, RunSpec)


def test_one_answer_is_bounded_by_what_is_sent_and_by_what_it_may_have() -> None:
    """At a dollar for a million tokens a token costs 1,000 units."""
    found = bounds_of(spec(), PROMPTS, BRIEF)
    assert found.tokens == FIRST + ANSWER
    assert found.nano_usd == (FIRST + FRAME_BYTES + ANSWER) * 1_000
    assert found.lacks == ""
    # One image is built; solution, nobody and three cheats act within the run's limit, and are judged once each.
    assert found.sandbox_s == 3600 + 5 * (100 + 3600)


def test_each_setting_adds_what_it_may_cost() -> None:
    """A repair sends the answer again, a round the blueprint with what was found, and a critic sees every blueprint."""
    plain = bounds_of(spec(), PROMPTS, BRIEF).tokens or 0
    repaired = bounds_of(spec(answer_repairs=1), PROMPTS, BRIEF).tokens or 0
    assert repaired - plain == FIRST + ANSWER + 10 + 4 * MOST_PROBLEMS_TOLD + ANSWER
    blueprint = ANSWER + 4_000
    revised = bounds_of(spec(rounds=2), PROMPTS, BRIEF)
    assert (revised.tokens or 0) - plain == FIRST + blueprint + 4 * MOST_FOUND + ANSWER
    assert revised.sandbox_s == 2 * bounds_of(spec(), PROMPTS, BRIEF).sandbox_s
    criticised = bounds_of(spec(critique=True), PROMPTS, BRIEF).tokens or 0
    assert criticised - plain == 3 * 10 + BRIEF + blueprint + ANSWER
    longer = bounds_of(spec(verifier_repeats=2), PROMPTS, BRIEF).sandbox_s
    assert longer - bounds_of(spec(), PROMPTS, BRIEF).sandbox_s == 2 * 3600


def test_what_nothing_bounds_names_the_setting_that_would() -> None:
    """Without a limit of answers there is none of tokens; without a price, none of money alone."""
    unbounded = bounds_of(spec({"temperature": 0}), PROMPTS, BRIEF)
    assert (unbounded.tokens, unbounded.nano_usd) == (None, None)
    assert unbounded.lacks == "models.author.parameters.max_tokens"
    unpriced = bounds_of(spec(prices={}), PROMPTS, BRIEF)
    assert (unpriced.tokens, unpriced.nano_usd, unpriced.lacks) == (FIRST + ANSWER, None, "prices.author")
