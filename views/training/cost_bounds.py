"""What bounds the cost of one call of a training, where the log has no such call: sizes of requests and of answers.

A tokenizer makes at most one token of each character of plain text, so a bound is far above what calls come to.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from engine.config.spec import ModelSpec, RunSpec
from engine.core.prompts import Prompts
from engine.effects.callers import most_output, price_of
from engine.programs.train.spec import TrainSpec, train_spec
from engine.providers.prices import upper_bound

MAX_TOKENS: Final = "models.{}.parameters.max_tokens"


class CostBound(NamedTuple):
    """The most that one call costs."""

    nano_usd: int | None
    """In units of 10^-9 US dollars. None: nothing bounds it, or a price is unknown."""
    lacks: str = ""
    """The setting that would bound it. Empty: it is bounded."""


class SkillSize(NamedTuple):
    """A skill as large as it may become, in characters."""

    main: int | None
    """``SKILL.md``, at its budget. None: it has none."""
    files: int
    """How many files training begins with, 1 or more; those that edits add come on top."""

    @property
    def whole(self) -> int:
        """All of these files, each at its budget."""
        return self.files * (self.main or 0)


def question_bound(spec: RunSpec, prompts: Prompts, skill: SkillSize, item: int) -> CostBound:
    """Bound a call of the target on a question that takes one.

    Args:
        spec: Of the training.
        prompts: All that the target may be told.
        skill: Which it is told; of its files ``SKILL.md`` alone.
        item: Characters of the longest item, with what its images count for.
    """
    if train_spec(spec).rollout.way != "call" or "judge" in spec.models:
        return CostBound(None, "budget.run_usd")
    if skill.main is None:
        return CostBound(None, "train.edits.max_chars")
    return _bound(spec, "target", _told(prompts, "item_") + skill.main + item)


def optimizer_bound(spec: RunSpec, stage: str, prompts: Prompts, skill: SkillSize, steps: int) -> CostBound:
    """Bound a call of the optimizer: what it is shown is bounded by settings, what it wrote before by its own answers.

    Args:
        spec: Of the training.
        stage: Which of those of `planned.stages`.
        prompts: All that it may be told.
        skill: The document that it is shown.
        steps: Of an epoch, each of which leaves notes behind.
    """
    settings, model = train_spec(spec), spec.models["optimizer"]
    answer, shown = most_output(model), _trajectory(settings)
    if answer is None:
        return CostBound(None, MAX_TOKENS.format("optimizer"))
    if skill.main is None:
        return CostBound(None, "train.edits.max_chars")
    if shown is None:
        unset = "show_chars" if settings.optimizer.show_chars is None else "part_chars"
        return CostBound(None, f"train.optimizer.{unset}")
    # Beside files, a document holds advice of a slow update; notes and the meta skill are answers, too.
    document, notes = skill.whole + answer, steps * answer + answer
    beside: Mapping[str, int] = {
        "reflect": document + notes + settings.minibatch * shown,
        "merge": document + answer + settings.merge_batch * answer,
        "rank, rate, rewrite": document + notes + answer,
        "slow update, meta skill": 2 * document + 2 * answer + 2 * settings.slow.samples * shown,
        "appendix": document,
    }
    return _bound(spec, "optimizer", _told(prompts, "train_") + beside[stage])


def _trajectory(settings: TrainSpec) -> int | None:
    """Bound one trajectory: its first and its last part are shown whole. None: nothing bounds it."""
    whole, part = settings.optimizer.show_chars, settings.optimizer.part_chars
    return None if whole is None or part is None else max(whole, 2 * part) + _HEADER


_HEADER: Final = 1000
"""Characters of what stands above a trajectory and between its parts."""


def _told(prompts: Prompts, family: str) -> int:
    return sum(len(each.text) for each in prompts.prompts if each.name.startswith(family))


def _bound(spec: RunSpec, role: str, characters: int) -> CostBound:
    model: ModelSpec = spec.models[role]
    answer, price = most_output(model), price_of(spec, model)
    if price is None:
        return CostBound(None, f"prices.{model.model}")
    if answer is None:
        return CostBound(None, MAX_TOKENS.format(role))
    return CostBound(upper_bound(characters, answer, price))
