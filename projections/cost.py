"""What model calls cost: per run, trial, role and model, in whole numbers only.

Beside what is known to have been spent stands what may have been: money that was granted and is not settled, calls
whose cost nobody knows, and calls that were in flight when a process died. `RunCost.committed` is the sum of all
that, and never below what was really spent; a budget keeper that takes up a run starts from it.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

import msgspec

from events.base import Recorded, Ref
from events.digest import Digest
from events.streams import CALL, family_of, trial_of
from events.types.agent import CallAsked
from events.types.attempt import UsageImported
from events.types.budget import BudgetAsked, BudgetGranted, BudgetRefused
from events.types.model import ModelAnswered, ModelAsked, ModelFailed, ModelImported
from events.types.session import InFlightFound
from events.types.trajectory import StepImported
from events.values import NanoUsd, Usage
from projections.base import Blobs
from projections.charges import charge, is_unknown, known_cost, known_tokens, unknown_before

UNNAMED: Final = ""
"""Stands for a role or model that the record does not name."""


class Spending(msgspec.Struct):
    """Calls and what they used. Sums are of what is known; beside each stands how much is not."""

    calls: int = 0
    """Asked, whatever came of it; imported ones too."""
    answered: int = 0
    failed: int = 0
    """Physical requests that were not answered."""
    tries: int = 0
    """Physical requests, of which versions until 323f770 made several for one call. Imported calls have none."""
    input_tokens: int = 0
    """Of failed calls too, as far as the provider counted them all the same."""
    output_tokens: int = 0
    cached_input_tokens: int = 0
    """Part of the input."""
    reasoning_tokens: int = 0
    """Part of the output that was not shown, as far as providers say."""
    unknown_usage: int = 0
    """Answers, and failures that may have cost, whose input or output nobody counted."""
    cost: NanoUsd = 0
    unknown_cost: int = 0
    """Answers without a cost, and failures that may have had one."""
    bound: NanoUsd = 0
    """What those of unknown cost may have cost at most, as far as money was granted for them."""
    unbounded: int = 0
    """Those of unknown cost for which none was."""


class Grant(msgspec.Struct):
    """Money that is set aside for one call."""

    trial: str
    amount: NanoUsd


class StreamCost(msgspec.Struct):
    """The call in flight of a stream; a stream has one call at a time."""

    asking: Grant | None = None
    """Asked for and not answered."""
    open: Grant | None = None
    """Granted and not settled."""
    calling: tuple[str, str] | None = None
    """Role and model of a call that has no outcome."""


class RunCost(msgspec.Struct):
    """One run."""

    lines: dict[str, dict[str, dict[str, Spending]]] = {}
    """By trial, role and model."""
    committed_by_trial: dict[str, NanoUsd] = {}
    """Upper bound of what was spent out of grants, and what is set aside."""
    lost: NanoUsd = 0
    """Part of that: bounds of calls that were in flight when a process died, and were asked again."""
    streams: dict[str, StreamCost] = {}
    """Streams with a call in flight."""

    @property
    def committed(self) -> NanoUsd:
        """Spent or set aside, all trials together: an upper bound, as far as grants were asked for."""
        return sum(self.committed_by_trial.values())

    @property
    def reserved(self) -> NanoUsd:
        """Part of that: granted, and not settled yet."""
        return sum(stream.open.amount for stream in self.streams.values() if stream.open is not None)


class CostState(msgspec.Struct):
    """All runs, oldest first."""

    runs: dict[str, RunCost] = {}


class Cost:
    """The projection."""

    name = "cost"
    revision = 7
    tags: frozenset[str] | None = frozenset(
        {
            "attempt.usage_imported",
            "budget.asked",
            "budget.granted",
            "budget.refused",
            "call.answered",
            "call.asked",
            "call.failed",
            "model.asked",
            "model.call_answered",
            "model.call_failed",
            "model.imported",
            "session.in_flight_found",
            "trajectory.step_imported",
        }
    )

    def initial(self) -> CostState:
        """No runs."""
        return CostState()

    def state_type(self) -> type[CostState]:
        """For snapshots."""
        return CostState

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Nothing but the events."""
        del recorded
        return ()

    def apply(self, state: CostState, recorded: Recorded, blobs: Blobs) -> CostState:
        """Fold one event in."""
        del blobs
        run_id, name = recorded.stream
        event = recorded.event
        match event:
            case BudgetAsked() | BudgetGranted() | BudgetRefused():
                _budget(state.runs.setdefault(run_id, RunCost()), name, event)
            case ModelAsked() | CallAsked() | ModelAnswered() | ModelFailed() | ModelImported():
                run = state.runs.setdefault(run_id, RunCost())
                _call(run, name, event, self._lines(run))
            case UsageImported():
                _summed(name, event, self._lines(state.runs.setdefault(run_id, RunCost())))
            case StepImported():
                _told(name, event, self._lines(state.runs.setdefault(run_id, RunCost())))
            case InFlightFound():
                run = state.runs.setdefault(run_id, RunCost())
                _found_in_flight(run, event.asked, self._lines(run))
            case _:
                pass
        return state

    def account(self, stream: str) -> str:
        """Say on whose account a stream asks."""
        return account_of(stream)

    def _lines(self, run: RunCost) -> "_Lines":
        return partial(_line, run, self.account)


_Lines: TypeAlias = Callable[[str, tuple[str, str]], Spending]
"""Gives the line of a stream, by role and model."""


def account_of(stream: str) -> str:
    """Say on whose account a stream asks: its trial's, or what its name says behind its family."""
    return trial_of(stream) or stream.partition("/")[2]


def _budget(run: RunCost, name: str, event: BudgetAsked | BudgetGranted | BudgetRefused) -> None:
    stream = run.streams.setdefault(name, StreamCost())
    asking, stream.asking = stream.asking, None
    match event:
        case BudgetAsked():
            stream.asking = Grant(event.account, event.amount)
        case BudgetGranted() if asking is not None:
            # A grant that was never used stays committed: nobody has said that it cost nothing.
            stream.open = asking
            _commit(run, asking.trial, asking.amount)
        case _:
            pass
    _tidy(run, name)


def _call(
    run: RunCost, name: str, event: ModelAsked | CallAsked | ModelAnswered | ModelFailed | ModelImported, lines: _Lines
) -> None:
    stream = run.streams.setdefault(name, StreamCost())
    match event:
        case ModelAsked() | CallAsked():
            stream.calling = (event.role, event.model)
            lines(name, stream.calling).calls += 1
        case ModelImported():
            line = lines(name, (event.role, event.model or UNNAMED))
            line.calls += 1
            _answered(line, event.usage, None)
        case ModelAnswered() | ModelFailed():
            bound = None if stream.open is None else stream.open.amount
            _ended(lines(name, stream.calling or (UNNAMED, UNNAMED)), event, bound)
            if stream.open is not None:
                _commit(run, stream.open.trial, charge(event, stream.open.amount) - stream.open.amount)
            stream.open = stream.calling = None
    _tidy(run, name)


def _ended(line: Spending, outcome: ModelAnswered | ModelFailed, bound: NanoUsd | None) -> None:
    """Count a physical call, and those before it that older versions recorded with its outcome."""
    before = unknown_before(outcome.earlier)
    unknown = is_unknown(outcome, bound) + before
    line.tries += 1 + len(outcome.earlier)
    line.failed += len(outcome.earlier)
    if isinstance(outcome, ModelAnswered):
        line.answered += 1
    else:
        line.failed += 1
    _count(line, outcome.usage, asked=isinstance(outcome, ModelAnswered) or is_unknown(outcome, bound))
    line.unknown_usage += before
    line.cost += known_cost(outcome.cost, bound) or 0
    _unknown(line, unknown, bound)


def _told(name: str, event: StepImported, lines: _Lines) -> None:
    """Count a step that another system recorded: it may stand for several calls, of which it knows only the sum."""
    if not event.answers:
        return
    line = lines(name, ("teacher", event.model or UNNAMED))
    line.calls += event.answers
    _answered(line, event.usage or Usage(None, None, None, None), event.cost)
    line.answered += event.answers - 1


def _summed(name: str, event: UsageImported, lines: _Lines) -> None:
    """Take a sum in of which nobody knows by how many calls it came about: it counts as no answer."""
    line = lines(name, ("teacher", event.model or UNNAMED))
    _answered(line, event.usage, event.cost)
    line.answered -= 1


def _found_in_flight(run: RunCost, asked: tuple[Ref, ...], lines: _Lines) -> None:
    """Count calls that were in flight in a dead process: each may have cost its bound, and is repeated on its grant."""
    for ref in asked:
        stream = run.streams.get(ref.stream)
        if stream is None or stream.calling is None:
            continue
        line = lines(ref.stream, stream.calling)
        _unknown(line, 1, None if stream.open is None else stream.open.amount)
        # The calls in flight of an installed agent ended with its sandbox: its grant stays, and is not used again.
        if stream.open is not None and family_of(ref.stream) != CALL:
            _commit(run, stream.open.trial, stream.open.amount)
            run.lost += stream.open.amount


def _line(run: RunCost, account: Callable[[str], str], name: str, by: tuple[str, str]) -> Spending:
    role, model = by
    return run.lines.setdefault(account(name), {}).setdefault(role, {}).setdefault(model, Spending())


def _answered(line: Spending, usage: Usage, cost: NanoUsd | None) -> None:
    line.answered += 1
    _count(line, usage, asked=True)
    line.cost += cost or 0
    _unknown(line, int(cost is None), None)


def _unknown(line: Spending, calls: int, bound: NanoUsd | None) -> None:
    """Count calls of unknown cost; `bound` is what each may have cost at most. None: nobody bounded it."""
    line.unknown_cost += calls
    line.bound += calls * (bound or 0)
    line.unbounded += calls if bound is None else 0


def _count(line: Spending, usage: Usage, *, asked: bool) -> None:
    """Add tokens up; `asked` says whether somebody should have counted them."""
    read, written = known_tokens(usage.input_tokens), known_tokens(usage.output_tokens)
    line.input_tokens += read or 0
    line.output_tokens += written or 0
    line.cached_input_tokens += known_tokens(usage.cached_input_tokens) or 0
    line.reasoning_tokens += known_tokens(usage.reasoning_tokens) or 0
    line.unknown_usage += asked and (read is None or written is None)


def _commit(run: RunCost, trial: str, amount: NanoUsd) -> None:
    run.committed_by_trial[trial] = run.committed_by_trial.get(trial, 0) + amount


def _tidy(run: RunCost, name: str) -> None:
    """Forget a stream without a call in flight, so that the state grows with open streams and not with all of them."""
    stream = run.streams[name]
    if stream.calling is None and stream.open is None and stream.asking is None:
        del run.streams[name]
