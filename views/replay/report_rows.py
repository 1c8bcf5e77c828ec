"""What a replay prints with ``--json``."""

from typing import Literal

import msgspec


class RebuildRow(msgspec.Struct, frozen=True, tag_field="kind", tag="view"):
    """A view of a run, folded again from its first event, twice."""

    run: str
    view: str
    revision: int
    digest: str
    """Equal digests mean equal views, on any machine."""
    equal: bool
    """Whether the second fold, in two parts with the state written down between them, came to the same."""


class SnapshotRow(msgspec.Struct, frozen=True, tag_field="kind", tag="snapshot"):
    """A view of a run that was kept, folded again up to where it was."""

    view: str
    """With the run it is of: ``trials/3fa9w1m7kx``."""
    revision: int
    position: int
    kept: str
    """Digest of what was kept."""
    rebuilt: str
    equal: bool


class RedecideRow(msgspec.Struct, frozen=True, tag_field="kind", tag="redecided"):
    """Decisions of one kind, re-evaluated from their recorded inputs."""

    run: str
    point: str
    decisions: int
    differ: int
    missing: tuple[str, ...]
    """Decisions that cannot be re-evaluated, as STREAM@VERSION with the reason."""


class RerunRow(msgspec.Struct, frozen=True, tag_field="kind", tag="rerun"):
    """The actors ran again over the record, and nothing differed."""

    run: str
    streams: int
    events: int
    """Events that came out as recorded."""
    complete: bool
    """False: the run was cut off; everything up to there came out as recorded."""
    ends_at: str
    model_calls: int
    """Always 0: no port was open."""


class NotRerunRow(msgspec.Struct, frozen=True, tag_field="kind", tag="not_rerun"):
    """A run that cannot be run again: it has no actors, or a part that it names is not there."""

    run: str
    why: str


class NotRedecidedRow(msgspec.Struct, frozen=True, tag_field="kind", tag="not_redecided"):
    """A run whose decisions cannot be re-evaluated, since their inputs were not recorded."""

    run: str
    why: str


class NoteRow(msgspec.Struct, frozen=True, tag_field="kind", tag="note"):
    """Rulings of a point that was revised since, and that this version makes otherwise. No difference."""

    run: str
    point: str
    recorded_revision: int
    revision: int
    """This version's."""
    places: tuple[str, ...]
    """Each as STREAM@VERSION."""


class RemedyRow(msgspec.Struct, frozen=True, tag_field="kind", tag="remedy"):
    """What can be done about a run whose control flow is not the recorded one."""

    run: str
    remedy: str


class DifferenceRow(msgspec.Struct, frozen=True, tag_field="kind", tag="difference"):
    """One place at which the same again is not the same. Exit code 4."""

    run: str
    strength: Literal["redecide", "rerun"]
    point: str
    """Kind of the decision; empty where a rerun does not know."""
    stream: str
    version: int
    field: str
    recorded: str
    """As JSON; ``nothing`` if it is not there, like the next."""
    decided: str
    nearest: str
    """Place of the nearest recorded fact, as STREAM@VERSION; empty if there is none."""
    nearest_is: str
    """What it has to do with what was decided."""


class CauseRow(msgspec.Struct, frozen=True, tag_field="kind", tag="cause"):
    """What may be behind the differences of a run, the surest first."""

    run: str
    cause: str


class PromptRow(msgspec.Struct, frozen=True, tag_field="kind", tag="prompt"):
    """A text that is not what this installation would give. No difference: a rerun uses the recorded one."""

    run: str
    name: str
    recorded: str
    """Digest; empty if the run had none of that name."""
    here: str
    """Digest; empty if this installation has none of that name."""


class UnreadRow(msgspec.Struct, frozen=True, tag_field="kind", tag="unread"):
    """Bytes that are gone, and without which a run cannot be done again at some strength. Exit code 5."""

    run: str
    digest: str
    problem: str
