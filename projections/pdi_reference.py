"""What one step's components are compared with by the method ``calibrated``: figures of other tasks, stated; pure."""

import msgspec

from projections.pdi_likeness import Likeness


class PdiReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Means and spreads of the three components over the steps of other tasks, and from where on a step is flagged.

    `projections.pdi_calibrate.calibrated` makes one from recorded steps.
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
