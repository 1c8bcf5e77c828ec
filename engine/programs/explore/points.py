"""Points of decision of a trial and its attempts: what each sees, under which settings, and what it rules."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from engine.agents.points import BreakdownSeen
from engine.config.program_registry import roles_of
from engine.config.spec import RunSpec, model_for
from engine.core.decision import ENDINGS_RECORDED, NoSettings, Point, no_settings
from engine.programs.explore.spec import MonitorSpec
from events import values
from events.base import Event
from events.digest import Digest
from events.types.attempt import AttemptJudged
from events.types.decision import DecisionMade, Seen, Text
from events.types.pdi import InterventionChosen, PdiImported, PdiRead
from events.types.trial import AttemptPlanned, HintPrepared, NextChosen
from projections.pdi import index
from projections.pdi.inputs import PdiSaw
from projections.pdi.reference import SPARK_RELEASE, PdiReference

ACTIVE: Final = "active"
"""Name of the monitor that decides."""


# -- counting checks ------------------------------------------------------------------------------------------------


class VerdictSaw(msgspec.Struct, frozen=True):
    """What a verifier left, from which its checks are read."""

    printed: Text
    report: Text | None
    """Its report in Common Test Report Format. None: it left none."""


class CountedChecks(msgspec.Struct, frozen=True):
    """What a verifier checked, as `AttemptJudged` has it."""

    passed: int
    total: int
    test_summary: Digest
    """Blob: rows of passed and failed tests, as reflection and PDI read them; empty if the verifier names none."""


def _checks_beside(event: Event) -> CountedChecks | None:
    if not isinstance(event, AttemptJudged):
        return None
    return CountedChecks(event.passed, event.total, event.test_summary)


CHECKS: Final = Point(
    name="checks",
    revision=2,  # since 323f770, a report with a byte order mark is read, and counts that cannot be are not
    saw=VerdictSaw,
    settings=NoSettings,
    ruling=CountedChecks,
    decisive=("passed", "total", "test_summary"),
    steers=True,
    rule=no_settings,
    since=ENDINGS_RECORDED,
    beside=_checks_beside,
)

# -- judging --------------------------------------------------------------------------------------------------------


class EndedSeen(msgspec.Struct, frozen=True):
    """Of `AgentEnded`."""

    reason: str
    detail: str


class RewardSeen(msgspec.Struct, frozen=True):
    """Of `VerifierRewarded`."""

    reward: float


class SilenceSeen(msgspec.Struct, frozen=True):
    """Of `VerifierSilent`."""

    reason: str
    detail: str


class SourceSaid(msgspec.Struct, frozen=True):
    """What the files of an imported run say of an attempt's end."""

    files: tuple[Text, ...]
    """Which say it."""
    reward: float | None
    """None: none that can be read."""
    silence: str
    """Why there is no reward, if nothing broke; empty if there is one."""
    broken: str | None
    """What broke around the attempt. None: nothing did."""
    verdict: values.Outcome | None
    """A verdict in our own words, which another log of ours had reached. None: it holds none."""


class JudgingSaw(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an attempt ended.

    Of `rewarded`, `silent` and `broken` one is there, or none: then the verifier was not asked. Of an imported attempt
    there is `said`, and nothing else.
    """

    ended: Seen[EndedSeen] | None = None
    rewarded: Seen[RewardSeen] | None = None
    silent: Seen[SilenceSeen] | None = None
    broken: Seen[BreakdownSeen] | None = None
    said: SourceSaid | None = None


class JudgingRule(msgspec.Struct, frozen=True):
    """What a reward means."""

    solved_at: float
    """The reward from which a task counts as solved."""


class Judged(msgspec.Struct, frozen=True):
    """How an attempt ended."""

    outcome: values.Outcome


JUDGING: Final = Point(
    name="judging",
    revision=1,
    saw=JudgingSaw,
    settings=JudgingRule,
    ruling=Judged,
    decisive=("outcome",),
    steers=False,
    rule=lambda spec, _: JudgingRule(spec.method.solved_at),
    events=(AttemptJudged,),
)

# -- stopping -------------------------------------------------------------------------------------------------------


class StoppingSaw(msgspec.Struct, frozen=True):
    """Attempts so far."""

    outcomes: tuple[Seen[Judged], ...]
    """Of those that count: one that the death of our process cut off does not."""
    attempts: int
    """Of any kind."""
    last_counts: bool
    """Whether the last one counts; false before the first."""
    money: str | None
    """Why nothing more can be paid for. None: there may be money left."""
    cancelled: str | None
    """Who stopped the trial, and why. None: nobody did."""


class StoppingRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """How long to try, and what to do between attempts."""

    attempts: int
    """Judged attempts at the most; at least 1."""
    infrastructure_retries: int
    """Attempts in a row without a score at which to give up; at least 1."""
    counting: Literal["judged", "spark"]
    """Which attempts use up the allowance."""
    reflect: bool
    """Whether a failure that another attempt follows is reflected on."""
    distil: bool
    """Whether a success is distilled."""
    scoreless_attempts: int | None = None
    """Attempts without a score, in all, at which to give up; at least 1. None: three times as many as in a row."""


class Next(msgspec.Struct, frozen=True):
    """Whether there is another attempt, and what happens first."""

    decision: Literal["continue", "solved", "exhausted", "give_up_infrastructure", "budget_reached", "cancelled"]
    counted: int | None
    """Ordinal of the next attempt among those that count, from 1. None: there is none."""
    reason: str
    then: Literal["reflect", "distil"] | None


def _stopping_rule(spec: RunSpec, saw: StoppingSaw) -> StoppingRule:
    del saw
    method = spec.method
    return StoppingRule(
        attempts=method.attempts,
        infrastructure_retries=method.infrastructure_retries,
        counting=method.counting,
        reflect=method.reflect and _has_model(spec, "reflector"),
        distil=method.distil and _has_model(spec, "distiller"),
        scoreless_attempts=method.scoreless_attempts,
    )


def _has_model(spec: RunSpec, role: str) -> bool:
    """Say whether a model speaks for a role, be it that of another as the program has it."""
    return model_for(spec, role, roles_of(spec).get(role)) is not None


STOPPING: Final = Point(
    name="stopping",
    revision=1,
    saw=StoppingSaw,
    settings=StoppingRule,
    ruling=Next,
    decisive=("decision", "counted", "then"),
    steers=True,
    rule=_stopping_rule,
    events=(NextChosen,),
    later=("then",),
)

# -- the hint -------------------------------------------------------------------------------------------------------


class HintSaw(msgspec.Struct, frozen=True):
    """What a hint is made from."""

    instruction: Text
    tests: Text | None
    """The verifier's Python tests. None: it has none."""
    wording: Text
    """The prompt around it."""


class HintRule(msgspec.Struct, frozen=True):
    """Whether there may be one."""

    hint: bool


class Hint(msgspec.Struct, frozen=True):
    """What the agent is shown of the verifier."""

    hint: Digest | None
    """Blob. None: nothing, and `reason` says why."""
    report: Digest
    reason: str


HINT: Final = Point(
    name="hint",
    revision=1,
    saw=HintSaw,
    settings=HintRule,
    ruling=Hint,
    decisive=("hint",),
    steers=False,
    rule=lambda spec, _: HintRule(spec.method.hint),
    events=(HintPrepared,),
)

# -- the retry ------------------------------------------------------------------------------------------------------


class CountedSeen(msgspec.Struct, frozen=True):
    """Of `NextChosen`."""

    counted: int | None


class HintSeen(msgspec.Struct, frozen=True):
    """Of `HintPrepared`."""

    hint: Digest | None


class LevelSeen(msgspec.Struct, frozen=True):
    """Of `InterventionChosen`."""

    level: Literal["none", "soft", "strong"]


class RetrySaw(msgspec.Struct, frozen=True):
    """What an attempt may be told beside its instruction."""

    next: Seen[CountedSeen]
    hint: Seen[HintSeen] | None
    """None: none was asked for."""
    level: Seen[LevelSeen] | None
    """None: before the first intervention."""
    memo: Text | None
    """The memo in force. None: there is none yet."""
    before: tuple[Seen[Judged], ...]
    """Outcomes of the attempts before it that count."""
    wording: dict[str, Text]
    """The prompts it is made of, by name; empty for the first attempt."""


class RetryRule(msgspec.Struct, frozen=True):
    """What it may be told."""

    attempts: int
    hint: bool


class Retry(msgspec.Struct, frozen=True):
    """What it is told."""

    intervention: Literal["none", "soft", "strong"]
    injection: Digest | None
    """Blob. None: nothing is added."""


RETRY: Final = Point(
    name="retry",
    revision=1,
    saw=RetrySaw,
    settings=RetryRule,
    ruling=Retry,
    decisive=("intervention", "injection"),
    steers=True,
    rule=lambda spec, _: RetryRule(spec.method.attempts, spec.method.hint),
    events=(AttemptPlanned,),
)

# -- PDI and the intervention ----------------------------------------------------------------------------------------


class PdiRuling(msgspec.Struct, frozen=True):
    """PDI at one step, as `PdiRead` records it."""

    step: int
    method: index.Method | None
    """None: another system recorded it, and does not say."""
    proxy_exec: float | None
    proxy_plan: float | None
    proxy_oss: float | None
    raw_pdi: float | None
    weight: float
    weighted_pdi: float | None
    triggered: bool
    level: index.Level | None
    valid: bool | None
    """None: another system recorded it, and does not say."""
    reasons: tuple[str, ...]


def monitor_settings(monitor: MonitorSpec) -> index.PdiSettings:
    """Give a monitor's settings as the measure takes them."""
    given = {name: getattr(monitor, name) for name in monitor.__struct_fields__ if name != "reference"}
    settings = index.PdiSettings(**given)
    if monitor.method != "calibrated":
        return settings
    # Recorded with each reading: what it was compared with stays known though the shipped figures may change.
    reference = PdiReference(**msgspec.structs.asdict(monitor.reference))
    if reference != SPARK_RELEASE and reference.source == SPARK_RELEASE.source:
        reference = msgspec.structs.replace(reference, source=f"changed by hand, after: {reference.source}")
    return msgspec.structs.replace(settings, reference=reference)


def _pdi_shadows(spec: RunSpec, saw: PdiSaw) -> Mapping[str, index.PdiSettings]:
    del saw
    return {name: monitor_settings(each) for name, each in spec.method.pdi.shadows.items()}


def _shadow_monitor(event: Event) -> str | None:
    return event.monitor if isinstance(event, PdiRead) and event.monitor != ACTIVE else None


def _pdi_heard(event: PdiRead | PdiImported) -> PdiRuling:
    fields: dict[str, Any] = {name: getattr(event, name, None) for name in PdiRuling.__struct_fields__}
    return PdiRuling(**(fields | {"reasons": ()} if isinstance(event, PdiImported) else fields))


def _pdi_as_recorded(recorded: PdiRuling, decided: PdiRuling) -> PdiRuling:
    """Give values that agree with those of another system, to its decimals, as that has them."""
    if recorded.method is not None:
        return decided
    agreeing = {
        name: getattr(recorded, name) for name in _ROUNDED if _agree(getattr(recorded, name), getattr(decided, name))
    }
    return msgspec.structs.replace(decided, method=None, valid=recorded.valid, reasons=recorded.reasons, **agreeing)


_ROUNDED: Final = ("proxy_exec", "proxy_plan", "proxy_oss", "raw_pdi", "weight", "weighted_pdi")
DECIMALS: Final = 4
"""To which SPARK rounds what it records."""


def _agree(recorded: float | None, decided: float | None) -> bool:
    if recorded is None or decided is None:
        return recorded == decided
    return abs(round(decided, DECIMALS) - recorded) < index.AT_THRESHOLD


PDI: Final = Point(
    name="pdi",
    revision=1,
    saw=PdiSaw,
    settings=index.PdiSettings,
    ruling=PdiRuling,
    decisive=("triggered", "level"),
    steers=False,
    rule=lambda spec, _: monitor_settings(spec.method.pdi.active),
    shadows=_pdi_shadows,
    events=(PdiRead, PdiImported),
    heard=_pdi_heard,
    shadow_of=_shadow_monitor,
    as_recorded=_pdi_as_recorded,
)


class ReadingSeen(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of `PdiRead`, or of `PdiImported`."""

    triggered: bool
    level: index.Level | None
    valid: bool | None = None
    """None: another system recorded it, and does not say; it counts as valid."""


class InterventionSaw(msgspec.Struct, frozen=True):
    """What PDI showed."""

    reading: Seen[ReadingSeen] | None
    """After the last attempt. None: it gave none, since nothing was reflected upon."""
    latest: Seen[ReadingSeen] | None
    """The last one there was, after whichever attempt. None: there was none yet."""


class InterventionRule(msgspec.Struct, frozen=True):
    """How to act on readings."""

    mode: Literal["off", "observe", "intervene"]
    stale: Literal["forget", "repeat"]
    """What an attempt without a reading means: nothing, or (SPARK's) the last reading again."""
    invalid: Literal["ignore", "trust"]
    """What a reading means that is not valid: nothing, or (SPARK's) what it says."""


class Intervention(msgspec.Struct, frozen=True):
    """The intervention for the next attempt."""

    level: Literal["none", "soft", "strong"]
    mode: Literal["off", "observe", "intervene"]
    reason: str


INTERVENTION: Final = Point(
    name="intervention",
    revision=1,
    saw=InterventionSaw,
    settings=InterventionRule,
    ruling=Intervention,
    decisive=("level",),
    steers=False,
    rule=lambda spec, _: InterventionRule(spec.method.pdi.mode, spec.method.pdi.stale, spec.method.pdi.invalid),
    events=(InterventionChosen, DecisionMade),
)

POINTS: Final[tuple[Point[Any, Any, Any], ...]] = (CHECKS, JUDGING, STOPPING, HINT, RETRY, PDI, INTERVENTION)
"""Every point of a trial's loop."""
