"""Facts about a run as a whole. Stream ``run``, written by the run's actor."""

from typing import Literal

import msgspec

from events.base import Event
from events.digest import Digest, Fingerprint
from events.values import NamedDigest


class TaskPinned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A task as it was when the run started."""

    name: str
    digest: Fingerprint
    """Package digest of the task folder (Harbor's rule)."""


class RunOpened(Event, frozen=True, omit_defaults=True, tag="run.opened"):
    """A run was started. Names every input that may change what it does."""

    spec: Digest
    """Blob: the resolved spec as canonical JSON, with the origin of each value."""
    method: str
    tasks: tuple[TaskPinned, ...]
    prompts: tuple[NamedDigest, ...]
    """Blobs: the texts that models are given."""
    package: str
    """Version of stillroom that started the run."""
    scripted: bool
    """True if a script stood in for a model; views say so."""
    program: str | None = None
    """Name of the program. None: ``explore``."""
    shape: int | None = None
    """Which decisions the actors record. 4: all, with their inputs. 3: all but scans of skills and how an evaluation
    goes: the sets that it opens, the cells that it begins next and the looks before its own. 2: nor limits, endings,
    retries of calls and counts of checks. None: those that earlier versions recorded."""
    conditions: tuple[NamedDigest, ...] | None = None
    """Blobs: the condition of each arm by its name, of an item with skills of its own under ``arm/item``, and of the
    run under the empty name. None: an earlier version recorded none."""


class RunClosed(Event, frozen=True, tag="run.closed"):
    """Every trial of the run has ended, or its training."""

    solved: int
    unsolved: int
    no_verdict: int
    """Trials that ended without a score: infrastructure, budget, stop. 1 for a training that one of these ended; 0 for
    one that was completed."""


class RunImported(Event, frozen=True, omit_defaults=True, tag="run.imported"):
    """A past run of another system was imported. Nothing in it was verified by stillroom."""

    source: Literal["spark", "atif", "harbor", "skillevolbench", "skillopt"]
    name: str
    """Name in the source: of the task, of its folder, or of the job."""
    files: tuple[NamedDigest, ...]
    """Blobs: the source files as they were, byte for byte."""
    model: str | None
    """None: the source does not say."""
    agent: str | None
    max_attempts: int | None
    warnings: tuple[str, ...]
    """What was missing or broken, and what was used instead."""
    assumed: Digest | None = None
    """Blob: the spec whose settings are assumed for its decisions, as canonical JSON; the source does not record them.
    None: an earlier version imported it, or nothing is assumed."""
