"""The made-up environment in which SkillOpt's whole trainings were recorded, and their settings."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import Meta

from engine.policies.training.scores import short_digest
from tests.vectors.values import Inputs

Positive = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
TASK_TYPE: Final = "fake"
_REASON: Final = "need: missing"
_PREFIXES: Final = ("train", "val", "test")


class TrainingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a training, by SkillOpt's names, with the values that the cases leave unsaid."""

    num_epochs: int = 1
    train_size: int = 0
    batch_size: Positive = 4
    accumulation: Positive = 1
    merge_batch_size: Annotated[int, Meta(ge=2)] = 8
    edit_budget: int = 4
    min_edit_budget: int = 2
    lr_scheduler: str = "constant"
    lr_control_mode: str = "fixed"
    skill_update_mode: str = "patch"
    use_gate: bool = True
    gate_metric: str = "hard"
    gate_mixed_weight: Share = 0.5
    use_semantic_density: bool = False
    semantic_density_weight: float = 0.05
    leading_words: tuple[str, ...] | str | None = None
    use_slow_update: bool = False
    slow_update_samples: int = 20
    slow_update_gate_with_selection: bool = False
    longitudinal_pair_policy: str = "mixed"
    use_meta_skill: bool = False
    use_skill_aware_reflection: bool = False
    eval_test: bool = False
    sel_env_num: int = 0
    test_env_num: int = 0
    seed: int = 42


class FakeRow(NamedTuple):
    """An item that was rolled out."""

    item: str
    hard: float
    soft: float

    @property
    def reason(self) -> str:
        """Why it failed; empty if it did not."""
        return "" if self.hard else _REASON


class FakeEnvironment:
    """Items that a skill solves by the words it holds, and a list of what was rolled out."""

    def __init__(self, splits: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._needs = {f"{split}{at}": needs for split in _PREFIXES for at, needs in enumerate(splits.get(split, ()))}
        self.calls: list[list[Any]] = []
        """Folder, number of items, beginning of the digest of the skill."""

    def items(self, split: str, count: int = 0) -> tuple[str, ...]:
        """Give the first items of a split; all if ``count`` is 0."""
        return tuple(name for name in self._needs if name.rstrip("0123456789") == split)[: count or None]

    def rollout(self, folder: str, items: Sequence[str], skill: str) -> tuple[FakeRow, ...]:
        """Roll items out under a skill."""
        self.calls.append([folder, len(items), short_digest(skill)])
        return tuple(FakeRow(item, *_scores(self._needs[item], skill)) for item in items)


def settings_of(given: Inputs) -> TrainingSettings:
    """Read the settings of a case.

    Raises:
        msgspec.ValidationError: One of them is beyond its bounds.
    """
    return msgspec.convert(given.get("config_overrides", {}), TrainingSettings, strict=False)


def _scores(needs: Sequence[str], skill: str) -> tuple[float, float]:
    wanted = [each for each in needs if not each.startswith("!")]
    there = [each for each in wanted if each in skill]
    harmed = any(each[1:] in skill for each in needs if each.startswith("!"))
    if harmed:
        return 0.0, 0.0
    return float(there == wanted), len(there) / len(wanted) if wanted else 1.0
