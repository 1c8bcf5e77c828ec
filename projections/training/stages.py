"""Stages of training: which of them a stream belongs to, and what each cost."""

from typing import Final, NamedTuple

from typing_extensions import override

from events.streams import ATTEMPT, CALL, CELL, ITEM, OPTIMIZER, TRIAL
from projections.cost import Cost

STAGES: Final = (
    *("rollout", "reflect", "merge", "rank", "rate", "rewrite", "selection"),
    *("slow rollout", "slow", "meta", "appendix", "test", "do nothing", "other"),
)
"""In the order in which they are told."""
_ROLLED: Final = frozenset({CELL, ITEM, TRIAL, ATTEMPT, CALL})


class StagePlace(NamedTuple):
    """A stage, and where in the run."""

    stage: str
    """One of `STAGES`."""
    place: str
    """``s3``: step 3; ``e2``: the end of epoch 2; or the label of the cells. Empty: neither."""


def stage_of(stream: str) -> StagePlace:
    """Say to which stage of training a stream belongs."""
    family, _, name = stream.partition("/")
    if family in OPTIMIZER:
        at = name.partition(".")[0]
        return StagePlace(family, f"{'e' if family in {'slow', 'meta'} else 's'}{at}")
    return stage_of_label(name.partition("/")[0]) if family in _ROLLED else StagePlace("other", "")


def stage_of_label(label: str) -> StagePlace:
    """Say to which stage the cells of a label belong."""
    first, _, what = label.partition("~")[0].partition(".")
    if first in {"test", "final", "start", "idle"}:
        return StagePlace({"test": "test", "idle": "do nothing"}.get(first, "selection"), label)
    if first[:1] not in {"s", "e"} or not first[1:].isdigit():
        return StagePlace("other", "")
    if first.startswith("s"):
        return StagePlace("rollout" if what.startswith("rollout") else "selection", first)
    return StagePlace("slow rollout" if what.startswith(("slow.before", "slow.after")) else "selection", first)


class TrainingCosts(Cost):
    """The projection: what model calls cost, as `Cost` has it, by stage of training instead of by trial."""

    name = "training_costs"

    @override
    def account(self, stream: str) -> str:
        """Name the stage and the place."""
        found = stage_of(stream)
        return f"{found.stage}/{found.place}"


def place_of(account: str) -> StagePlace:
    """Read an account of `TrainingCosts` back."""
    stage, _, place = account.partition("/")
    return StagePlace(stage, place)
