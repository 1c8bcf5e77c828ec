"""Settings of exploring: those of SPARK's loop, and of PDI in it. The texts below the fields are the reference."""

from typing import ClassVar, Literal

import msgspec

from projections.pdi.reference import SPARK_RELEASE
from projections.pdi.similarity import ALPHA


class ReferenceSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Reference of `calibrated`, from a single fit (`stillroom pdi calibrate`). See docs/pdi.md."""

    likeness: Literal["token_overlap", "js_divergence"] = SPARK_RELEASE.likeness
    """Text similarity measure."""
    exec_mean: float = SPARK_RELEASE.exec_mean
    """Mean of exec (share of verified facts found in executed commands) over the fitted steps."""
    exec_sd: float = SPARK_RELEASE.exec_sd
    plan_mean: float = SPARK_RELEASE.plan_mean
    """Mean of plan (similarity of a plan to the previous one) over the fitted steps."""
    plan_sd: float = SPARK_RELEASE.plan_sd
    oss_mean: float = SPARK_RELEASE.oss_mean
    """Mean of oss (how little facts and failed tests changed) over the fitted steps."""
    oss_sd: float = SPARK_RELEASE.oss_sd
    threshold: float = SPARK_RELEASE.threshold
    """PDI triggers strictly below it."""
    false_alarm: float = SPARK_RELEASE.false_alarm
    """False alarm rate on noise that the threshold was chosen for, at most."""
    source: str = SPARK_RELEASE.source
    """Source of these figures."""


class MonitorSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of one PDI monitor (SPARK, 1). The defaults are SPARK's."""

    method: Literal["token_overlap", "js_divergence", "calibrated"] = "token_overlap"
    threshold: float = -0.5
    """PDI triggers strictly below it. `calibrated` uses the threshold of its reference."""
    warmup: int = 2
    """Steps until the weight reaches 1; 0 or less: always 1. `calibrated` has no warm-up."""
    exec_weight: float = 1.0
    """Weight of exec in PDI, from 0 to 1000. SPARK weighs exec, plan and oss alike."""
    plan_weight: float = 1.0
    """Weight of plan, which lowers PDI, from 0 to 1000."""
    oss_weight: float = 1.0
    """Weight of oss, which lowers PDI, from 0 to 1000."""
    facts_share: float = 0.5
    """Share of the verified facts in oss, from 0 to 1; the failed tests have the rest."""
    alpha: float = ALPHA
    """Smoothing of JS divergence: what is added to each word count, from 0.000001 to 1000."""
    tolerance: float = 0.0
    """How far below the threshold PDI must be to trigger, from 0 to 1000. With `1e-9`, rounding never decides."""
    sections: Literal["exact", "lenient"] = "exact"
    """How the sections of a memo are found: headings as SPARK writes them (`exact`), or in any case, bold type and
    line ends (`lenient`)."""
    unhealthy: Literal["counted", "left_out"] = "counted"
    """How to treat a text that is no memo, such as an error: read it (as SPARK does), or leave the step out of the
    means and never trigger. `calibrated` never reads it."""
    reference: ReferenceSpec = ReferenceSpec()

    ADDED: ClassVar = frozenset(
        {"exec_weight", "plan_weight", "oss_weight", "facts_share", "alpha", "tolerance", "sections", "unhealthy"}
    )


class PdiSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What PDI may do, and what is watched beside it."""

    mode: Literal["off", "observe", "intervene"] = "intervene"
    """``intervene`` changes the prompt of the next attempt; ``observe`` only shows levels; ``off`` disables PDI."""
    active: MonitorSpec = MonitorSpec()
    shadows: dict[str, MonitorSpec] = msgspec.field(default_factory=dict)
    """Further monitors by name, computed next to the active one and never acted upon."""
    stale: Literal["forget", "repeat"] = "forget"
    """How to treat an attempt without a reading: ignore it, or (as in SPARK) repeat the last reading."""
    invalid: Literal["ignore", "trust"] = "trust"
    """How to treat an invalid reading: ignore it, or (as in SPARK) use its value."""


class EvidenceSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much of a solved trial the distiller is shown, in characters of each block. The defaults are SPARK's."""

    scale: float = 1.0
    """Factor on the characters of every block, above 0: 0.5 halves the evidence."""
    task_pattern: int = 16_000
    """The instruction. 0 leaves a block out, here and below."""
    execution_chain: int = 24_000
    """What the attempt that solved the task did. Outputs are left out first, then the earliest actions."""
    verification: int = 4_000
    """What the verifier checked."""
    lessons: int = 8_000
    """What the failed attempts showed."""
    environment: int = 8_000
    """What the Dockerfile installs."""
    raw_tail: int = 4_000
    """The end of all outputs."""


class SparkSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of SPARK's loop."""

    name: str = "spark"
    hint: bool = False
    """Whether the agent is given the verifier's tests with every answer hidden."""
    attempts: int = 5
    """Judged attempts per trial."""
    infrastructure_retries: int = 2
    """Attempts in a row without a score (no verdict, or lost to infrastructure) at which the trial is given up."""
    scoreless_attempts: int | None = None
    """Attempts without a score, in total, at which the trial is given up. Without effect if `counting` is `spark`.
    None: three times `infrastructure_retries`."""
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
    evidence: EvidenceSpec = EvidenceSpec()

    ADDED: ClassVar = frozenset({"scoreless_attempts", "evidence"})
