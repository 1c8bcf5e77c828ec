"""How SkillOpt writes down a training: its state, its summary, and the names of its settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.policies.training.acceptance import Accepted, Standing
from engine.policies.training.pairs import PairPolicy

Record = dict[str, Any]
"""What is written of a step."""
_INITIAL: Final = "initial_skill"
TESTED: Final = (
    "final_selection_hard", "final_selection_soft", "baseline_test_hard", "baseline_test_soft", "test_hard",
    "test_soft", "final_test_hard", "final_test_soft", "test_delta_hard", "final_test_delta_hard",
)  # fmt: skip
CONTROLS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("fixed", "manual", "scheduler", "scheduled", ""), "fixed"),
    **dict.fromkeys(("autonomous", "auto", "optimizer"), "autonomous"),
    **dict.fromkeys(("none", "off", "no_lr"), "none"),
}
PAIR_POLICIES: Final[Mapping[str, PairPolicy]] = {
    **dict.fromkeys(("mixed", "default", "random", "all", ""), "mixed"),
    **dict.fromkeys(("changed", "change", "delta", "10_01", "01_10"), "changed"),
    **dict.fromkeys(("unchanged", "stable", "same", "00_11"), "unchanged"),
}


@dataclass
class SkillsInForce:
    """What a training has come to."""

    current: str
    best: str
    standing: Standing
    current_origin: str = _INITIAL
    best_origin: str = _INITIAL

    def settle(self, accepted: Accepted, candidate: str, origin: str, step: int) -> None:
        """Take what a candidate came to at a step."""
        self.standing = accepted.standing
        if accepted.action == "reject":
            return
        self.current, self.current_origin = candidate, origin
        if accepted.action != "accept" and accepted.standing.best_step == step:
            self.best, self.best_origin = candidate, origin


def runtime_state(force: SkillsInForce, step: int) -> Record:
    """Write the state after a step."""
    return {
        "last_completed_step": step,
        "current_skill_path": f"skills/skill_v{step:04d}.md",
        "current_score": force.standing.current,
        "current_origin": force.current_origin,
        "best_skill_path": "best_skill.md",
        "best_score": force.standing.best,
        "best_step": force.standing.best_step,
        "best_origin": force.best_origin,
    }


def summary_of_run(force: SkillsInForce, history: Sequence[Record], begun: float) -> Record:
    """Write the summary, but for what tests come to."""
    epochs = dict.fromkeys(record["epoch"] for record in history)
    return {
        "version": "skillopt-0.1.0",
        "baseline_selection_hard": begun,
        "best_selection_hard": force.standing.best,
        "best_step": force.standing.best_step,
        "current_origin": force.current_origin,
        "best_origin": force.best_origin,
        "total_steps": len(history),
        **{f"total_{name}": count for name, count in _counts(history).items()},
        "epoch_stats": [_epoch_stats([each for each in history if each["epoch"] == epoch]) for epoch in epochs],
    }


def _epoch_stats(records: Sequence[Record]) -> Record:
    return {
        "epoch": records[0]["epoch"],
        "steps": [record["step"] for record in records],
        **_counts(records),
        "best_score_at_epoch_end": records[-1]["best_score"],
        "current_score_at_epoch_end": records[-1]["current_score"],
    }


def _counts(records: Sequence[Record]) -> dict[str, int]:
    actions = [record["action"] for record in records]
    return {
        "accepts": sum("accept" in action for action in actions),
        "rejects": actions.count("reject"),
        "skips": actions.count("skip_no_patches"),
    }
