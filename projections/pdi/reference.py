"""What one step's components are compared with by the method ``calibrated``: figures of other tasks, stated; pure."""

from typing import Final

import msgspec

from projections.pdi.likeness import Likeness


class PdiReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Means and spreads of the three components over the steps of other tasks, and from where on a step is flagged.

    `projections.pdi.calibrate.calibrated` makes one from recorded steps.
    """

    likeness: Likeness
    """By which measure of likeness the figures were taken, and so those compared with them."""
    exec_mean: float
    exec_sd: float
    """Above 0, like the two below."""
    plan_mean: float
    plan_sd: float
    oss_mean: float
    oss_sd: float
    threshold: float
    """Triggers strictly below it."""
    false_alarm: float
    """The share of steps made of noise that the threshold was chosen to stay at or below, ]0, 1[."""
    source: str
    """Where the figures come from: which runs, how many steps of how many tasks, which noise, which command."""

    @property
    def spreads(self) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
        """Mean and standard deviation of exec, plan and oss."""
        return (self.exec_mean, self.exec_sd), (self.plan_mean, self.plan_sd), (self.oss_mean, self.oss_sd)


SPARK_RELEASE: Final = PdiReference(
    likeness="token_overlap",
    exec_mean=0.43,
    exec_sd=0.1076,
    plan_mean=0.3427,
    plan_sd=0.1037,
    oss_mean=0.5687,
    oss_sd=0.2403,
    threshold=-3.8996,
    false_alarm=0.1,
    source="36 steps of 9 tasks in 20 runs that SPARK released (EtaYang10th/spark-skills, 4c79c5a); seed 0, 20 rounds",
)
"""Fitted by `stillroom pdi calibrate` on all of the 20 runs; a test fits it again where they are at hand.

One teacher wrote nearly all of these memos, under SPARK's prompts: whoever has runs of their own does better to fit.
"""
