"""Records of SkillOpt, as it writes them; fields that are not named here have no place in the log."""

import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, Literal, NamedTuple

import msgspec

from engine.importers.left_out import ImportOmission
from engine.importers.loose_json import JsonUnreadable, converted, read_json, read_json_list
from engine.importers.skillopt.files import HISTORY, RECORD, STEPS
from events.values import Ratio

Action = Literal[
    "accept_new_best", "accept", "reject", "force_accept", "skip_no_patches", "skip_no_rewrite", "skip_undecided"
]
_REMEDY: Final = "restore it as SkillOpt wrote it"
_STEP: Final = re.compile(rf"{STEPS}/step_([0-9]{{1,9}})/")
_SIMPLE: Final = 10**6
_FINE: Final = 10**15


class SkillOptBatch(msgspec.Struct, frozen=True):
    """A part of a step that accumulates batches."""

    hard: float | None = None
    soft: float | None = None
    n_envs: int | None = None


class SkillOptStep(msgspec.Struct, frozen=True):
    """A step record, or the result of an update at the end of an epoch, which has no step."""

    step: int = 0
    epoch: int | None = None
    step_in_epoch: int | None = None
    """As SkillOpt counts, from 0; `read_history` counts from 1."""
    action: Action | None = None
    rollout_hard: float | None = None
    rollout_soft: float | None = None
    rollout_n: int | None = None
    accumulation_batches: tuple[SkillOptBatch, ...] = ()
    edit_budget: int | None = None
    selection_hard: float | None = None
    selection_soft: float | None = None
    candidate_gate_score: float | None = None
    current_score: float | None = None
    best_step: int | None = None
    n_appendix_notes_added: int | None = None


class SkillOptSummary(msgspec.Struct, frozen=True):
    """What a training ended with."""

    version: str | None = None
    ending: Literal["completed", "budget", "stopped", "infrastructure"] | None = None
    """Of a folder that stillroom wrote."""
    baseline_selection_hard: float | None = None
    best_selection_hard: float | None = None
    final_selection_hard: float | None = None
    baseline_test_hard: float | None = None
    baseline_test_soft: float | None = None
    test_hard: float | None = None
    test_soft: float | None = None
    final_test_hard: float | None = None
    final_test_soft: float | None = None


class ReadHistory(NamedTuple):
    """The steps of a folder."""

    steps: tuple[SkillOptStep, ...]
    """In order; a step without a number, or whose number is not above the one before, is left out."""
    doubts: tuple[str, ...]
    left_out: tuple[ImportOmission, ...]


def read_history(files: Mapping[str, bytes]) -> ReadHistory:
    """Read ``history.json``; of a folder whose history cannot be read, the records in the folders of its steps."""
    left_out: list[ImportOmission] = []
    doubts: list[str] = []
    told: list[tuple[str, Any]] = []
    try:
        if HISTORY in files:
            values, more = read_json_list(files[HISTORY])
            told = [(f"{HISTORY}[{place}]", value) for place, value in enumerate(values)]
            doubts += (f"{HISTORY}: {each}" for each in more)
    except JsonUnreadable as error:
        left_out.append(ImportOmission(HISTORY, f"{error}; records of steps stand for it", _REMEDY))
    if not told:
        told = list(_records(files, left_out))
    steps: list[SkillOptStep] = []
    for name, value in told:
        try:
            step, more = converted(value if isinstance(value, dict) else {}, SkillOptStep)
        except JsonUnreadable as error:
            left_out.append(ImportOmission(name, str(error), _REMEDY))
            continue
        if step.step <= (steps[-1].step if steps else 0):
            left_out.append(ImportOmission(name, "its step is none that comes after the one before it", _REMEDY))
            continue
        steps.append(step)
        doubts += (f"{name}: {each}" for each in more)
    recorded = {each.step for each in steps}
    doubts += (
        f"{STEPS}/step_{step:04d} was begun, and no record of it can be read: it is no step of the run"
        for step in sorted(_begun(files) - recorded)
    )
    return ReadHistory(tuple(_counted_from_one(steps)), tuple(doubts), tuple(left_out))


def _counted_from_one(steps: Sequence[SkillOptStep]) -> Iterator[SkillOptStep]:
    """Count the steps of an epoch from 1: SkillOpt counts from 0, and what stillroom 0.1 exported from 1."""
    from_one = any(each.step == each.step_in_epoch == 1 for each in steps)
    for each in steps:
        number = each.step_in_epoch
        yield each if number is None or from_one else msgspec.structs.replace(each, step_in_epoch=number + 1)


def _begun(files: Mapping[str, bytes]) -> set[int]:
    """List the steps that have a folder."""
    found = (_STEP.match(name) for name in files)
    return {int(each[1]) for each in found if each is not None}


def read_object(files: Mapping[str, bytes], name: str, left_out: list[ImportOmission]) -> dict[str, Any] | None:
    """Read an object of a folder. None: there is none, or it cannot be read, and is named."""
    if name not in files:
        return None
    try:
        value, _ = read_json(files[name])
    except JsonUnreadable as error:
        left_out.append(ImportOmission(name, str(error), _REMEDY))
        return None
    return value


def read_rows(files: Mapping[str, bytes], name: str) -> list[dict[str, Any]] | None:
    """Read the lines of ``results.jsonl`` that can be read, by the ids of items. None: there is no such file."""
    if name not in files:
        return None
    rows: list[dict[str, Any]] = []
    for line in files[name].splitlines():
        try:
            rows.append(read_json(line)[0])
        except JsonUnreadable:
            continue
    return sorted(rows, key=lambda row: str(row.get("id")))


def score_of(value: float | None) -> Ratio | None:
    """Give a score as a fraction: the simplest one that is the same number. None: it is none in [0, 1]."""
    if value is None or not 0 <= value <= 1:
        return None
    simple = Fraction(value).limit_denominator(_SIMPLE)
    return Ratio.of(simple if float(simple) == value else Fraction(value).limit_denominator(_FINE))


def _records(files: Mapping[str, bytes], left_out: list[ImportOmission]) -> Iterator[tuple[str, Any]]:
    for name in sorted(files):
        if name.startswith(f"{STEPS}/") and name.endswith(f"/{RECORD}") and name.count("/") == 2:
            value = read_object(files, name, left_out)
            if value is not None:
                yield name, value
