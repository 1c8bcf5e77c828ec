"""What a decision is, as it is made again: what was recorded, what it rested on, and what its policy says now."""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, Protocol

import msgspec

from engine.actors.monitor import watched
from engine.methods.base import Method
from engine.policies.intervention import Level, Reading
from engine.policies.judging import Outcome
from engine.prompting import Prompts
from engine.spec import RunSpec
from events.base import Event, Recorded, Ref
from events.digest import Digest
from projections.pdi import PdiSettings, PdiState

Point = Literal["judging", "stopping", "hint", "retry", "reflection", "pdi", "intervention", "evidence", "skill"]
POINTS: Final[tuple[Point, ...]] = (
    "judging",
    "stopping",
    "hint",
    "retry",
    "reflection",
    "pdi",
    "intervention",
    "evidence",
    "skill",
)

Fields = Mapping[str, Any]
"""Values that JSON can hold, by name."""


class Input(NamedTuple):
    """One value that a decision saw."""

    name: str
    ref: Ref | None
    """The event it came from. None: it stands in no event of its own."""
    digest: Digest | None
    """The blob that holds it. None: the event itself does."""
    value: Any
    """As JSON can hold it; the text of a blob."""


class Decision(NamedTuple):
    """One recorded decision, made again from the inputs it saw."""

    point: Point
    at: Ref
    """The event that records it."""
    position: int
    """Of that event in the log."""
    rule: Fields
    """The settings that decided, by their keys in the spec."""
    inputs: tuple[Input, ...]
    recorded: Fields
    """The fields of the event."""
    decided: Fields
    """The same as the policy has it now; empty if it cannot be asked."""
    missing: str
    """Why it cannot be made again; empty if it was."""
    note: str
    """What a reader should know of the comparison; empty if nothing."""

    @property
    def differences(self) -> tuple[str, ...]:
        """Name the fields that come out otherwise; none if it cannot be made again."""
        if self.missing or self.recorded == self.decided:
            return ()
        names = dict.fromkeys([*self.recorded, *self.decided])
        return tuple(name for name in names if self.recorded.get(name) != self.decided.get(name))

    @property
    def agrees(self) -> bool:
        """Whether it was made again, and came out as recorded."""
        return not self.missing and not self.differences


class Under(NamedTuple):
    """What decides."""

    spec: RunSpec
    method: Method
    prompts: Prompts
    changed: bool
    """Whether decisions that come out otherwise are passed on to those after them. Recorded ones are, if not."""


class Chain:
    """What a trial's decisions hand on to those after them: PDI so far, and under changed settings what changed."""

    def __init__(self) -> None:
        self.pdi: dict[str, PdiState] = {}
        """By monitor."""
        self.pdi_settings: dict[str, PdiSettings] = {}
        """Under which these states came about, by monitor."""
        self.outcomes: dict[int, Outcome] = {}
        """By attempt, like the three below; filled under changed settings only."""
        self.readings: dict[int, Reading] = {}
        self.levels: dict[int, Level] = {}
        self.hint: str | None = None
        """None: the hint is the recorded one."""


class Step(Protocol):
    """One recorded decision with all it rested on; deciding reads nothing more."""

    @property
    def recorded(self) -> Recorded:
        """The event that records it."""

    def decide(self, under: Under, chain: Chain) -> Decision:
        """Make it again."""


def fields_of(event: Event) -> dict[str, Any]:
    """Give an event as JSON can hold it."""
    fields: dict[str, Any] = msgspec.to_builtins(event)
    return fields


def decision(
    point: Point, recorded: Recorded, *, rule: Fields, inputs: tuple[Input, ...], decided: Fields, missing: str = ""
) -> Decision:
    """Put a decision together."""
    fields = fields_of(recorded.event)
    return Decision(point, recorded.ref, recorded.position, rule, inputs, fields, decided, missing, "")


class MissingStep(NamedTuple):
    """A decision that cannot be made again, since nothing says what it rested on."""

    point: Point
    recorded: Recorded
    why: str

    def decide(self, under: Under, chain: Chain) -> Decision:
        """Say so."""
        del chain
        return decision(
            self.point, self.recorded, rule=method_rule(under.spec), inputs=(), decided={}, missing=self.why
        )


def method_rule(spec: RunSpec, *names: str) -> dict[str, Any]:
    """Give settings of the method by their keys.

    Args:
        spec: Whose.
        names: Below ``method``, such as ``attempts`` or ``pdi.mode``. The method's own name always stands first.
    """
    rule: dict[str, Any] = {}
    for name in ("name", *names):
        value: Any = spec.method
        for part in name.split("."):
            value = getattr(value, part)
        rule[f"method.{name}"] = value
    return rule


def monitor_rule(spec: RunSpec, monitor: str) -> dict[str, Any]:
    """Give the settings of a monitor by their keys; none if the spec has no such monitor."""
    settings = watched(spec.method.pdi).get(monitor)
    table = "method.pdi.active" if monitor == "active" else f"method.pdi.shadows.{monitor}"
    if settings is None:
        return {}
    fields: dict[str, Any] = msgspec.to_builtins(settings)
    reference = fields.pop("reference")
    rule = {f"{table}.{name}": value for name, value in fields.items()}
    if settings.method == "calibrated":
        rule |= {f"{table}.reference.{name}": value for name, value in reference.items()}
    return rule
