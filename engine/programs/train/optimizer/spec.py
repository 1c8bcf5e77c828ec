"""Settings of an optimizer: the table ``optimizer`` of a program that has one. The texts below are the reference."""

import msgspec

from engine.config.spec import RunSpec
from events.types.optimizing import CheckFeedback


class OptimizerSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an optimizer is shown, and how often it is asked again."""

    repairs: int = 1
    """How often an answer that cannot be read is asked for again, with what is wrong with it; 0 or more. Of edits whose
    anchors are not in the document, too."""
    show_chars: int | None = 24_000
    """Characters of one trajectory that the optimizer is shown; its beginning and its end are kept, and what is left
    out is marked. The log keeps all of it. None: all."""
    part_chars: int | None = 6_000
    """The same of one part of a trajectory, such as what a command printed. None: all."""
    feedback: CheckFeedback = "checks"
    """What it is told of the verifier or scorer: whether it was satisfied (``binary``); which checks failed, too, with
    every value hidden that the task does not say (``checks``); or their messages as they stand (``rich``), which may
    quote what is expected."""


def optimizer_spec(spec: RunSpec) -> OptimizerSpec:
    """Read the settings from a spec."""
    return msgspec.convert(spec.own.get("optimizer", {}), OptimizerSpec)
