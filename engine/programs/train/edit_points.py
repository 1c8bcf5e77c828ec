"""Points of decision of what a step changes: how many edits, which, and the candidate that they make."""

from functools import partial
from typing import Any, Final, Literal

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import NoSettings, Point, no_settings
from engine.policies.edits.edit import EditRule
from engine.policies.training.rate import RateRule
from engine.programs.train.document import front_of
from engine.programs.train.points import rate_rule
from engine.programs.train.spec import is_compatible, train_spec
from events.digest import Digest
from events.types.decision import Held, Seen, Text
from events.types.training import (
    CandidateMade,
    CandidateOrigin,
    EditsSelected,
    RateChosen,
)
from events.values import NamedDigest

# -- rate and selection -----------------------------------------------------------------------------------------------


class RateTakenSaw(msgspec.Struct, frozen=True):
    """Proposals, of which a schedule says how many are taken."""

    taken: int
    """Rates that were taken before."""
    items: int
    """That are learnt from."""


class RateAskedSaw(msgspec.Struct, frozen=True):
    """Proposals, of which the optimizer was asked how many are taken."""

    available: int
    """Proposals."""
    asked: int | None
    """What it chose. None: it could not be read."""


class RateTaken(msgspec.Struct, frozen=True):
    """How many."""

    rate: int | None
    """None: any number."""
    reason: str


def _rate_rule(spec: RunSpec, saw: RateTakenSaw) -> RateRule:
    return rate_rule(spec, saw.items)


def _rate_heard(event: Any, *, asked: bool) -> RateTaken | None:
    """Read a rate back, if it came about in this way: one that the optimizer was asked for has a reason."""
    return RateTaken(event.rate, event.reason) if bool(event.reason) is asked else None


RATE_TAKEN: Final = Point(
    name="rate",
    revision=1,
    saw=RateTakenSaw,
    settings=RateRule,
    ruling=RateTaken,
    decisive=("rate",),
    steers=True,
    rule=_rate_rule,
    events=(RateChosen,),
    heard=partial(_rate_heard, asked=False),
)
RATE_ASKED: Final = Point(
    name="rate_asked",
    revision=1,
    saw=RateAskedSaw,
    settings=NoSettings,
    ruling=RateTaken,
    decisive=("rate",),
    steers=True,
    rule=no_settings,
    events=(RateChosen,),
    heard=partial(_rate_heard, asked=True),
)
"""A point of its own: whether the optimizer is asked follows from how steps go."""


class RateSeen(msgspec.Struct, frozen=True):
    """Of `RateChosen`."""

    rate: int | None


class UnrankedSaw(msgspec.Struct, frozen=True):
    """Proposals among which nobody has to choose."""

    available: int
    rate: Seen[RateSeen]


class RankedSaw(msgspec.Struct, frozen=True):
    """Proposals among which the optimizer was asked to choose."""

    available: int
    rate: Seen[RateSeen]
    ranked: tuple[int, ...] | None
    """What it chose, the best first. None: it could not be read."""
    readable: bool
    """Whether its answer was read; else the first ones stand for it."""


class EditSelection(msgspec.Struct, frozen=True):
    """Which."""

    selected: tuple[int, ...]
    available: int
    how: Literal["all", "ranked", "first"]


def _heard(event: Any, *, all_taken: bool) -> EditSelection | None:
    """Read a selection back, if it came about in this way."""
    if (event.how == "all") is not all_taken:
        return None
    return EditSelection(event.selected, event.available, event.how)


UNRANKED: Final = Point(
    name="selection_unranked",
    revision=1,
    saw=UnrankedSaw,
    settings=NoSettings,
    ruling=EditSelection,
    decisive=("selected",),
    steers=True,
    rule=no_settings,
    events=(EditsSelected,),
    heard=partial(_heard, all_taken=True),
)
"""A point of its own: whether the optimizer is asked follows from the rate."""
RANKED: Final = Point(
    name="selection",
    revision=1,
    saw=RankedSaw,
    settings=NoSettings,
    ruling=EditSelection,
    decisive=("selected",),
    steers=True,
    rule=no_settings,
    events=(EditsSelected,),
    heard=partial(_heard, all_taken=False),
)

# -- candidates -------------------------------------------------------------------------------------------------------


class SelectedSeen(msgspec.Struct, frozen=True):
    """Of `EditsSelected`."""

    selected: tuple[int, ...]


class NamedText(msgspec.Struct, frozen=True):
    """A file of the skill."""

    path: str
    text: Text


class NotesSeen(msgspec.Struct, frozen=True):
    """Of `AppendixNoted`."""

    notes: tuple[str, ...]


class CandidateSaw(msgspec.Struct, frozen=True):
    """What a candidate is made of; just one of the last four is there."""

    origin: CandidateOrigin
    files: tuple[NamedText, ...]
    """Of the revision in force. Empty: there is none."""
    edits: Held | None = None
    """JSON list of all proposed edits."""
    selected: Seen[SelectedSeen] | None = None
    """Which of them."""
    rewritten: Held | None = None
    """JSON: the document as it was written anew, text by path."""
    guidance: Held | None = None
    """JSON: advice at the end of an epoch, a text."""
    notes: Seen[NotesSeen] | None = None
    """Reminders for the appendix."""


class CandidateRule(msgspec.Struct, frozen=True):
    """How a document is changed, and what it is called where it begins empty."""

    edits: EditRule
    front: str
    """YAML of a skill that begins empty."""
    compatible: bool


class CandidateSkill(msgspec.Struct, frozen=True):
    """The candidate."""

    files: tuple[NamedDigest, ...]
    """Blobs: ``SKILL.md`` first."""
    report: Digest
    applied: int
    refused: int
    changed: bool


def _candidate_rule(spec: RunSpec, saw: Any) -> CandidateRule:
    del saw
    settings, compatible = train_spec(spec), is_compatible(spec)
    limits = settings.edits
    rule = EditRule(compatible, None if compatible else limits.max_chars, limits.max_files)
    return CandidateRule(rule, front_of(settings.name, settings.description), compatible)


class PlaceboSaw(msgspec.Struct, frozen=True):
    """A candidate that the gate decided on, for which a placebo stands in."""

    files: tuple[NamedText, ...]
    """Of the revision in force. Empty: there is none."""
    before: tuple[NamedText, ...]
    """Of the revision that the candidate was made from. Empty: there was none."""
    after: tuple[NamedText, ...]
    """Of the candidate."""


def _candidate_heard(event: Any, *, placebo: bool) -> CandidateSkill | None:
    """Read a candidate back, if it came about in this way."""
    if (event.origin == "placebo") is not placebo:
        return None
    return CandidateSkill(event.files, event.report, event.applied, event.refused, event.changed)


CANDIDATE: Final = Point(
    name="candidate",
    revision=2,  # since the first, guidance and reminders keep to the budget of the document
    saw=CandidateSaw,
    settings=CandidateRule,
    ruling=CandidateSkill,
    decisive=("files", "changed"),
    steers=True,
    rule=_candidate_rule,
    events=(CandidateMade,),
    heard=partial(_candidate_heard, placebo=False),
)
PLACEBO: Final = Point(
    name="placebo",
    revision=1,
    saw=PlaceboSaw,
    settings=CandidateRule,
    ruling=CandidateSkill,
    decisive=("files", "changed"),
    steers=True,
    rule=_candidate_rule,
    events=(CandidateMade,),
    heard=partial(_candidate_heard, placebo=True),
)

POINTS: Final[tuple[Point[Any, Any, Any], ...]] = (RATE_TAKEN, RATE_ASKED, UNRANKED, RANKED, CANDIDATE, PLACEBO)
