"""Steps of which nothing is to be expected, made of recorded ones: what a trigger on them tells is how little it means.

| noise | what is drawn | what it keeps | what it asks |
| --- | --- | --- | --- |
| ``values`` | each component by itself, out of its recorded values over all trials | the size and spread of each component, and zeros that are there by construction | does the rule fire on independent figures? (SPARK, W1) |
| ``order`` | memos, commands and test rows of a trial, each in an order of its own | the texts of the task | does the rule see in which order things happened? |
| ``tasks`` | commands and test rows come from a trial of another task | the memos, in their order | does the rule see that a memo rests on nothing that was run? |

The first two are noise: there is nothing to be alarmed about. The third is a control: such a memo does rest on nothing,
so a rule that measures grounding ought to fire.
"""  # noqa: E501 - a table

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from projections.pdi.index import Components, PdiInput, PdiSettings, PdiState, Reading, judge, measure, measured
from projections.pdi.rng import pick, shuffled
from projections.pdi.trials import ReadTrial

Noise = Literal["values", "order", "tasks"]
NOISES: tuple[Noise, ...] = ("values", "order", "tasks")
FALSE: tuple[Noise, ...] = ("values", "order")
"""Those on which a trigger is a false alarm."""


class DrawKey(NamedTuple):
    """Where a draw is made."""

    seed: int
    round: int
    """From 0: how often everything was drawn before."""


class MeasuredStep(NamedTuple):
    """A step, and what was measured at it."""

    given: PdiInput
    found: Components


Steps: TypeAlias = Sequence[MeasuredStep]
"""Of one trial, in order."""


def show(given: Sequence[PdiInput], settings: PdiSettings) -> list[MeasuredStep]:
    """Measure each step of a trial."""
    return [MeasuredStep(each, measure(each, settings)) for each in given]


def read(steps: Steps, settings: PdiSettings) -> list[Reading]:
    """Read PDI at each step of a trial."""
    state, readings = PdiState(), []
    for given, found in steps:
        state, reading = judge(state, given, settings, found)
        readings.append(reading)
    return readings


def in_order_drawn(trial: ReadTrial, place: DrawKey) -> list[PdiInput]:
    """Give the texts of a trial, each kind in an order of its own."""
    at = (place.seed, "order", trial.run, trial.trial, place.round)
    given = [step.given for step in trial.steps]
    memos = shuffled([(each.memo, each.healthy) for each in given], *at, "memos")
    return _told(given, memos, shuffled(given, *at, "commands"), shuffled(given, *at, "summaries"))


def of_other_tasks(trial: ReadTrial, others: Sequence[ReadTrial], place: DrawKey) -> list[PdiInput]:
    """Give a trial's memos with commands and test rows of another task's trial; none if there is no other task."""
    donors = [each for each in others if each.task != trial.task]
    if not donors:
        return []
    at = (place.seed, "tasks", trial.run, trial.trial, place.round)
    steps = [step.given for step in pick(donors, *at).steps]
    given = [step.given for step in trial.steps]
    ran, failed = ([pick(steps, *at, kind, index) for index in range(len(given))] for kind in ("commands", "summaries"))
    return _told(given, [(each.memo, each.healthy) for each in given], ran, failed)


def _told(
    given: Sequence[PdiInput],
    memos: Sequence[tuple[str, bool]],
    ran: Sequence[PdiInput],
    failed: Sequence[PdiInput],
) -> list[PdiInput]:
    """Put steps together as a trial would have told them: the memo before is the one of the step before."""
    told: list[PdiInput] = []
    for index, step in enumerate(given):
        before = told[-1] if told else None
        told.append(
            msgspec.structs.replace(
                step,
                memo=memos[index][0],
                previous_memo=before.memo if before else "",
                commands=ran[index].commands,
                summary=failed[index].summary,
                previous_summary=before.summary if before else "",
                healthy=memos[index][1],
            )
        )
    return told


def of_values_drawn(trials: Sequence[Steps], settings: PdiSettings, place: DrawKey) -> list[list[MeasuredStep]]:
    """Give every trial's steps with each component drawn out of those of all, and never twice the same one."""
    flat = [step for steps in trials for step in steps]
    present = _present(settings)
    for index, name in enumerate(("proxy_exec", "proxy_plan", "proxy_oss")):
        where = [at for at, step in enumerate(flat) if present(step)[index]]
        drawn = shuffled([getattr(flat[at].found, name) for at in where], place.seed, "values", place.round, name)
        for at, value in zip(where, drawn, strict=True):
            flat[at] = MeasuredStep(flat[at].given, msgspec.structs.replace(flat[at].found, **{name: value}))
    ends = list(accumulate(len(steps) for steps in trials))
    return [flat[end - len(steps) : end] for end, steps in zip(ends, trials, strict=True)]


def _present(settings: PdiSettings) -> Callable[[MeasuredStep], tuple[bool, bool, bool]]:
    """Say how to tell which components of a step are values, and not zeros for want of anything to measure."""
    if settings.method == "calibrated":
        return _measured
    return _not_first


def _measured(step: MeasuredStep) -> tuple[bool, bool, bool]:
    proxy_exec, proxy_plan, proxy_oss = measured(*step)
    whole = proxy_exec is not None and proxy_plan is not None and proxy_oss is not None
    return whole, whole, whole


def _not_first(step: MeasuredStep) -> tuple[bool, bool, bool]:
    after = bool(step.given.previous_memo)
    return True, after, after
