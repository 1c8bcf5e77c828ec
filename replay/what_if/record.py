"""Keeping what was asked of a past run: as derived events in a stream of their own, beside what they are about."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec

from engine.config.changes import Change
from engine.core.history import DERIVED
from events.base import Draft, Event, Ref, StreamId
from events.digest import Digest
from events.store.base import EventLog
from events.types.whatif import DecisionFlipped, PathLeft, WhatIfAnswered
from replay.what_if.ask import Flip, TrialAsked, WhatIf


async def record(log: EventLog, found: WhatIf, package: str) -> list[str]:
    """Append what was found, run by run; give the runs that had it already.

    Args:
        log: Which holds the runs.
        found: What came of it.
        package: Version of stillroom that decided.

    Raises:
        LogFull, LogLocked, LogCorrupt: The file failed us.
    """
    settings = log.put(encoded(found.changes, package))
    there = []
    for run, group in groupby(found.trials, key=lambda each: each.run):
        stream = StreamId(run, f"{DERIVED}{settings[:16]}")
        if stream.name in await log.streams(run):
            there.append(run)
            continue
        await log.append(stream, list(_drafts(list(group), settings)), expected_version=0)
    return there


def encoded(changes: Sequence[Change], package: str) -> bytes:
    """Write changed settings the same way everywhere."""
    values = {each.name: each.value for each in changes}
    return msgspec.json.encode({"changes": values, "package": package}, order="deterministic")


def _drafts(trials: Sequence[TrialAsked], settings: Digest) -> list[Draft]:
    drafts = [_about(flip.at, _flipped(flip, settings)) for trial in trials for flip in trial.flips]
    for trial in trials:
        for left in trial.left:
            at, behind = left.flip.at, left.impact
            costs = (behind.attempts, behind.interventions, behind.cost, behind.unknown_calls)
            drafts.append(_about(at, PathLeft(settings, trial.trial, at, *costs)))
    answered = WhatIfAnswered(
        settings=settings,
        decisions=sum(each.decisions for each in trials),
        flips=sum(len(each.flips) for each in trials),
        trials_left=sum(1 for each in trials if each.left),
        unanswerable=sum(each.unanswerable for each in trials),
        missing=sum(each.missing for each in trials),
    )
    return [*drafts, Draft(answered, None)]


def _flipped(flip: Flip, settings: Digest) -> DecisionFlipped:
    return DecisionFlipped(settings, flip.point, flip.at, flip.field, _json(flip.recorded), _json(flip.decided))


def _about(at: Ref, event: Event) -> Draft:
    return Draft(event, at)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
