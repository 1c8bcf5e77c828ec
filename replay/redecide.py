"""Redecide: each policy given its recorded inputs again, under its own settings or under others."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from engine.histories import Histories, load_histories
from engine.lineage import era_of
from engine.methods.base import Method
from engine.methods.registry import method_named
from engine.planning import recorded_prompts, recorded_specs
from engine.prompting import Prompts, make_prompts
from engine.spec import MethodSpec, RunSpec
from events.log import EventLog
from events.run import RunImported, RunOpened
from replay.decisions.base import Chain, Decision, Step, Under
from replay.decisions.imported import read_imported
from replay.decisions.trials import TrialReader
from replay.errors import NothingDecided


class DecidedRun(NamedTuple):
    """A run with every recorded decision and all each rested on: read once, decided any number of times."""

    run: str
    specs: tuple[RunSpec, ...]
    """Its own last, those of the runs it was forked from before it. Of an imported run: what its source is known to
    have been set to, and our defaults."""
    prompts: Prompts
    imported: bool
    steps: Mapping[str, tuple[Step, ...]]
    """By trial, in the order of their streams."""
    histories: Histories

    def decide(self, spec: RunSpec | None = None, method: Method | None = None) -> dict[str, list[Decision]]:
        """Make every decision again, trial by trial; pure.

        Args:
            spec: Under which settings. None: under the run's own, and each from exactly what it saw. Under other
                settings, what comes out otherwise is handed on to the decisions after it in the same trial.
            method: Whose policies. None: those of the method that the spec names.

        Raises:
            NameUnknown: No installed package registers the method.
        """
        asked = self.specs if spec is None else [spec] * len(self.specs)
        eras = [
            Under(each, method or method_named(each.method.name), self.prompts, changed=spec is not None)
            for each in asked
        ]
        return {name: list(self._decide(steps, eras)) for name, steps in self.steps.items()}

    @property
    def spec(self) -> RunSpec:
        """The settings in force at its end."""
        return self.specs[-1]

    def _decide(self, steps: Sequence[Step], eras: Sequence[Under]) -> Iterator[Decision]:
        """Decide each step under the settings of its own place: a fork may have changed them."""
        chain = Chain()
        for step in steps:
            place = step.recorded
            made = step.decide(eras[era_of(self.histories.lineage, place.stream.name, place.version - 1)], chain)
            if made.recorded or made.decided or made.missing:
                yield made


async def read_decisions(log: EventLog, run: str, trial: str | None = None) -> DecidedRun:
    """Read a run's decisions with all they rested on.

    Args:
        log: Which holds the run.
        run: Its id.
        trial: Only the decisions of this one; no other is read. None: of all.

    Raises:
        RunUnknown: There is no such run.
        NothingDecided: It was cut off before it began.
        BlobMissing: Bytes that a decision rests on are gone; the error says which.
    """
    histories = await load_histories(log, run, trial)
    opened = opening_of(histories)
    match opened:
        case RunOpened():
            specs = await recorded_specs(log, opened, histories.lineage)
            prompts = await recorded_prompts(log, opened)
            readers = {
                name.removeprefix("trial/"): TrialReader(log, name.removeprefix("trial/"), histories.by_stream)
                for name in histories.by_stream
                if name.startswith("trial/")
            }
            steps = {name: tuple(await reader.read()) for name, reader in readers.items()}
            return DecidedRun(run, specs, prompts, imported=False, steps=steps, histories=histories)
        case RunImported():
            told = await read_imported(log, opened, histories.by_stream)
            steps = {name: tuple(each) for name, each in told.items()}
            prompts = make_prompts({})
            return DecidedRun(run, (imported_spec(opened),), prompts, imported=True, steps=steps, histories=histories)
        case None:
            raise NothingDecided(run)


async def decisions(
    log: EventLog, run: str, *, changed: RunSpec | None = None, method: Method | None = None
) -> list[Decision]:
    """Make every recorded decision of a run again, in the order of the log.

    Args:
        log: Which holds the run.
        run: Its id.
        changed: Under which settings. None: the run's own.
        method: Whose policies. None: those of the method that the settings name.

    Raises:
        RunUnknown: There is no such run.
        NothingDecided: It was cut off before it began.
        BlobMissing: Bytes that a decision rests on are gone; the error says which.
        NameUnknown: No installed package registers the method.
    """
    made = (await read_decisions(log, run)).decide(changed, method)
    return sorted((each for trial in made.values() for each in trial), key=lambda each: each.position)


def opening_of(histories: Histories) -> RunOpened | RunImported | None:
    """Give what a run began with. None: it was cut off before that."""
    history = histories.by_stream.get("run", ())
    first = history[0].event if history else None
    return first if isinstance(first, RunOpened | RunImported) else None


def imported_spec(opened: RunImported) -> RunSpec:
    """Say under which settings an imported run stands: its source records no more of them than its attempts."""
    attempts = opened.max_attempts or MethodSpec().attempts
    return RunSpec(tasks="", method=MethodSpec(attempts=attempts))
