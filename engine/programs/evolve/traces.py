"""What happened in a trial and what its verifier found, as an effect: made of what the run recorded."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from engine.core.ports import EffectAddress
from engine.programs.train.trajectories import FAILED_ROW, HOW_ENDED, TrajectoryBuilder, TrajectoryPort
from events.base import Event
from events.store.base import EventLog
from events.types.attempt import AttemptJudged
from events.types.authoring import CheckGroup, FailedCheck, RubricShare, TraceAsked, TraceMissing, TraceRead
from events.types.optimizing import TrajectoryAsked, TrajectoryMissing, TrajectoryRead
from events.types.sandbox import VerifierRewarded, VerifierSilent
from projections.verifier_groups import GroupReading, RubricDimension, read_groups

_REPORTS: Final = frozenset(
    {"outcome_report.json", "outcome.json", "process_report.json", "process.json", "score_report.json"}
)


class TracePort:
    """Answers `TraceAsked` from the run's own streams; a fork's go back into those of its ancestors."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._trajectories = TrajectoryPort(log)

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Put a trace together."""
        assert isinstance(asked, TraceAsked)
        events = await self._trajectories.events_of(place.run, asked.cell)
        if isinstance(events, TrajectoryMissing):
            return TraceMissing(events.reason)
        builder = TrajectoryBuilder(self._log, TrajectoryAsked(asked.cell, "checks", reference=False))
        read = await builder.build(events)
        if not isinstance(read, TrajectoryRead):
            assert isinstance(read, TrajectoryMissing)
            return TraceMissing(read.reason)
        parts = tuple(each for each in read.parts if each.kind != "checks" or each.label == HOW_ENDED)
        groups = read_groups(await self._reports(events))
        failed = tuple(_failed(groups, builder)) or tuple(await self._listed(events, builder))
        rubric = tuple(_shares(groups.rubric))
        return TraceRead(read.solved, read.reward, read.turns, parts, groups.outcome, groups.process, failed, rubric)

    async def _reports(self, events: Sequence[Event]) -> Mapping[str, bytes]:
        """Read the reports of the last verification."""
        verified = [each for each in events if isinstance(each, VerifierRewarded | VerifierSilent)]
        files = verified[-1].files if verified else ()
        return {each.name: await self._log.get(each.digest) for each in files if each.name in _REPORTS}

    async def _listed(self, events: Sequence[Event], builder: TrajectoryBuilder) -> Sequence[FailedCheck]:
        """Read failed checks from the summary of the last verification, which tells no groups."""
        judged = [each for each in events if isinstance(each, AttemptJudged)]
        if not judged:
            return ()
        rows = (await self._log.get(judged[-1].test_summary)).decode("utf-8", "replace").split("\n")
        failed = [row.strip().removeprefix(FAILED_ROW) for row in rows if row.strip().startswith(FAILED_ROW)]
        return [_check("", *row.partition(" - ")[::2], builder) for row in failed]


def _failed(groups: GroupReading, builder: TrajectoryBuilder) -> Iterator[FailedCheck]:
    for test in groups.tests:
        if not test.passed:
            yield _check(test.side, test.name, test.message, builder)


def _check(group: CheckGroup, name: str, message: str, builder: TrajectoryBuilder) -> FailedCheck:
    return FailedCheck(group, name, builder.passed_on(message, item=False))


def _shares(rubric: Sequence[RubricDimension]) -> Iterator[RubricShare]:
    """Give the share of each dimension that was reached; one that does not say is left out."""
    for each in rubric:
        if each.matched:
            yield RubricShare(each.name, (each.passed or 0) / each.matched)
        elif each.weight and each.score is not None:
            yield RubricShare(each.name, each.score / each.weight)
