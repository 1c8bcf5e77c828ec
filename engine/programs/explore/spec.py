"""Settings of exploring: those of SPARK's loop, and of PDI in it. The texts below the fields are the reference."""

from typing import Literal

import msgspec

from projections.pdi.reference import SPARK_RELEASE


class ReferenceSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `calibrated` compares a step with: all of it from one fit (`stillroom pdi calibrate`). See docs/pdi.md."""

    likeness: Literal["token_overlap", "js_divergence"] = SPARK_RELEASE.likeness
    """How texts are compared."""
    exec_mean: float = SPARK_RELEASE.exec_mean
    """Of the share of verified facts that was run, over the steps it was fitted on."""
    exec_sd: float = SPARK_RELEASE.exec_sd
    plan_mean: float = SPARK_RELEASE.plan_mean
    """Of how far a plan repeats the one before."""
    plan_sd: float = SPARK_RELEASE.plan_sd
    oss_mean: float = SPARK_RELEASE.oss_mean
    """Of how little facts and failed tests moved."""
    oss_sd: float = SPARK_RELEASE.oss_sd
    threshold: float = SPARK_RELEASE.threshold
    """Triggers strictly below it."""
    false_alarm: float = SPARK_RELEASE.false_alarm
    """Share of noise that the threshold was chosen to stay at or below."""
    source: str = SPARK_RELEASE.source
    """Where these figures come from."""


class MonitorSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of one PDI monitor (SPARK, 1). The defaults are SPARK's."""

    method: Literal["token_overlap", "js_divergence", "calibrated"] = "token_overlap"
    threshold: float = -0.5
    """Triggers strictly below it. `calibrated` goes by that of its reference."""
    warmup: int = 2
    """Steps until the weight is 1; 0 or less: always 1. `calibrated` has none."""
    reference: ReferenceSpec = ReferenceSpec()


class PdiSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What PDI may do, and what is watched beside it."""

    mode: Literal["off", "observe", "intervene"] = "intervene"
    """``observe`` computes and shows levels and changes nothing the agent sees."""
    active: MonitorSpec = MonitorSpec()
    shadows: dict[str, MonitorSpec] = msgspec.field(default_factory=dict)
    """Further monitors by name, computed next to the active one and never acted upon."""
    stale: Literal["forget", "repeat"] = "forget"
    """What an attempt without a reading means: nothing, or (as in SPARK) the last reading again."""
    invalid: Literal["ignore", "trust"] = "trust"
    """What a reading that is not valid means: nothing, or (as in SPARK) what it says."""


class SparkSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of SPARK's loop."""

    name: str = "spark"
    hint: bool = False
    """Whether the agent is given the verifier's tests with every answer hidden."""
    attempts: int = 5
    """Judged attempts per trial."""
    infrastructure_retries: int = 2
    """Attempts in a row that may be lost to infrastructure before the trial is given up."""
    counting: Literal["judged", "spark"] = "judged"
    """Which attempts use up `attempts`: those with a reward, or (as SPARK counts) all; then infrastructure failures in
    all, instead of in a row, are compared with `infrastructure_retries`."""
    solved_at: float = 1.0
    """Reward from which a task counts as solved."""
    reflect: bool = True
    """Whether a failure that another attempt follows is reflected on, if a reflector is named."""
    distil: bool = True
    """Whether a success is distilled, if a distiller is named."""
    pdi: PdiSpec = PdiSpec()
