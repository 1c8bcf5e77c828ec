"""How a trial ends, by what was decided last and how its attempts ended; pure."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from events.values import Outcome

TrialEnding = Literal["solved", "unsolved", "infrastructure", "budget", "stopped"]

ENDINGS: Final[Mapping[str, TrialEnding]] = {
    "solved": "solved",
    "exhausted": "unsolved",
    "give_up_infrastructure": "infrastructure",
    "budget_reached": "budget",
    "cancelled": "stopped",
    "continue": "stopped",
}
"""How a trial ends, by what was decided last."""


def best_reward(outcomes: Iterable[Outcome]) -> float | None:
    """Give the best reward that an attempt earned. None: no attempt was scored."""
    rewards = [each.reward for each in outcomes if each.kind in {"solved", "failed"}]
    return max((each for each in rewards if each is not None), default=None)
