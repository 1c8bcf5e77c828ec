"""What bounds a call of a training: sizes that settings give, or the setting that is to be given."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from engine.config.spec import PriceSpec, RunSpec
from engine.core.prompts import load_prompts
from tests.support.training import training
from views.training.cost_bounds import CostBound, SkillSize, optimizer_bound, question_bound

PRICES: Any = {role: {"input": "1", "output": "1"} for role in ("target", "optimizer")}
SKILL = SkillSize(20_000, 1)
STAGES = ("reflect", "merge", "rank, rate, rewrite", "slow update, meta skill", "appendix")


def priced(**own: Any) -> RunSpec:
    """Say what to train, a token a dollar per million: 1000 nano-USD."""
    return replace(training(**own), prices=msgspec.convert(PRICES, dict[str, PriceSpec]))


def of(spec: RunSpec, stage: str, skill: SkillSize = SKILL, steps: int = 2) -> CostBound:
    """Bound a call of the optimizer."""
    return optimizer_bound(spec, stage, load_prompts(), skill, steps)


@pytest.mark.parametrize(
    ("own", "lacks"),
    [
        ({"optimizer": {"show_chars": None}}, "train.optimizer.show_chars"),
        ({"optimizer": {"part_chars": None}}, "train.optimizer.part_chars"),
    ],
)
def test_a_trajectory_without_a_limit_is_what_is_named(own: dict[str, Any], lacks: str) -> None:
    """For an optimizer could be shown any length of it."""
    assert of(priced(**own), "reflect") == CostBound(None, lacks)


def test_a_document_without_a_budget_is_what_is_named() -> None:
    """For the target and the optimizer are both shown it."""
    endless = SkillSize(None, 1)
    assert of(priced(), "reflect", endless) == CostBound(None, "train.edits.max_chars")
    assert question_bound(priced(), load_prompts(), endless, 10) == CostBound(None, "train.edits.max_chars")


@pytest.mark.parametrize("way", ["tools", "agent", "code", "steps"])
def test_a_question_of_several_calls_is_bounded_by_the_budget_alone(way: str) -> None:
    """What tools and programs print has no limit as a whole."""
    assert question_bound(priced(rollout={"way": way}), load_prompts(), SKILL, 10) == CostBound(None, "budget.run_usd")


def test_each_character_counts_as_a_token_and_a_longer_one_costs_more() -> None:
    """Of the item, the skill, the trajectories of a minibatch, and the answer."""
    base = question_bound(priced(), load_prompts(), SKILL, 10).nano_usd
    assert base is not None
    assert base > (20_000 + 10 + 4000) * 1000
    assert question_bound(priced(), load_prompts(), SKILL, 11).nano_usd == base + 1000
    assert question_bound(priced(), load_prompts(), SkillSize(20_001, 1), 10).nano_usd == base + 1000
    reflect = of(priced(minibatch=4), "reflect").nano_usd
    more = of(priced(minibatch=5), "reflect").nano_usd
    assert reflect is not None
    assert more is not None
    assert more - reflect == (24_000 + 1000) * 1000
    parts = of(priced(minibatch=4, optimizer={"part_chars": 13_000}), "reflect").nano_usd
    assert parts is not None
    assert parts - reflect == 4 * 2000 * 1000, "the first and the last part are shown whole"


@pytest.mark.parametrize("stage", STAGES)
def test_files_of_a_skill_are_shown_to_the_optimizer_all_of_them(stage: str) -> None:
    """Each at its budget; before and after an epoch it sees both."""
    one, two = (of(priced(), stage, SkillSize(20_000, files)).nano_usd for files in (1, 2))
    assert one is not None
    assert two is not None
    assert two - one == (2 if stage.startswith("slow") else 1) * 20_000 * 1000
