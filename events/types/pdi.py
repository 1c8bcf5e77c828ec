"""Facts about PDI and what was done about it. In the trial's stream."""

from typing import Literal

from events.digest import Digest
from events.types.decision import Decided


class PdiRead(Decided, frozen=True, tag="pdi.read"):
    """PDI was computed after a reflection (SPARK, 1). The values are those that the decision saw, unrounded."""

    attempt: int
    step: int
    """0 for the first reflection of the trial."""
    monitor: str
    """``active`` for the one that decides; a shadow monitor has its name from the spec."""
    settings: Digest
    """Blob: the settings as JSON."""
    method: Literal["token_overlap", "js_divergence", "calibrated"]
    proxy_exec: float | None
    """Execution grounding, [0, 1]; higher is better. None, here and below: there was nothing to measure."""
    proxy_plan: float | None
    """Plan stagnation, [0, 1]; lower is better."""
    proxy_oss: float | None
    """Memo ossification, [0, 1]; lower is better."""
    raw_pdi: float | None
    weight: float
    """Warm-up weight; below 0 only in recordings of an older rule."""
    weighted_pdi: float | None
    triggered: bool
    level: Literal["soft", "strong"] | None
    """None: not triggered."""
    valid: bool
    """False: the value is not reliable, and `reasons` say why."""
    reasons: tuple[str, ...]
    memo: Digest
    """Blob: an input, like the three below."""
    previous_memo: Digest | None
    commands: Digest
    test_summary: Digest


class InterventionChosen(Decided, frozen=True, tag="pdi.intervention_chosen"):
    """The intervention for the next attempt was chosen from PDI and the mode."""

    attempt: int
    """The attempt it is for."""
    level: Literal["none", "soft", "strong"]
    mode: Literal["off", "observe", "intervene"]
    reason: str


class PdiImported(Decided, frozen=True, tag="pdi.imported"):
    """PDI as another system recorded it, rounded to four decimals by the source. Precedes its memo."""

    attempt: int
    """As the source counts."""
    step: int
    """As the source counts; below 0 in recordings of an older rule."""
    proxy_exec: float
    proxy_plan: float
    proxy_oss: float
    raw_pdi: float
    weight: float
    weighted_pdi: float
    triggered: bool
    level: Literal["soft", "strong"] | None
