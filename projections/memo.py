"""The memo of each trial through time: every rewriting, every time it was kept, and what was imported."""

from typing import Literal, assert_never

import msgspec

from events.base import Recorded
from events.digest import Digest
from events.types.memo import MemoImported, MemoKept, MemoRewritten
from projections.base import Blobs


class MemoStep(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the memo after one attempt."""

    attempt: int
    """As the run counts: from 1; imported ones as the source counts."""
    kind: Literal["rewritten", "kept", "imported"]
    memo: Digest | None
    """Blob: the memo from here on. None: there is none yet."""
    previous: Digest | None
    """Blob: the memo before. None: there was none."""
    repaired: bool = False
    """True if a first answer was malformed and a second one was not."""
    reflected: bool = True
    """False if no model was asked: the source wrote a template."""
    problems: tuple[str, ...] = ()
    """Why the memo was kept."""
    version: int
    """Place of the event in the trial's stream."""


class TrialMemo(msgspec.Struct):
    """The memo of one trial."""

    current: Digest | None = None
    """Blob: the memo in force. None: there is none."""
    steps: list[MemoStep] = []
    rewritten: int = 0
    """Times a model wrote a memo that was taken."""
    kept: int = 0
    """Times reflection failed and the old memo stood."""


class MemoState(msgspec.Struct):
    """All memos, by run and trial."""

    runs: dict[str, dict[str, TrialMemo]] = {}


class Memo:
    """The projection."""

    name = "memo"
    revision = 1
    tags: frozenset[str] | None = frozenset({"memo.rewritten", "memo.kept", "memo.imported"})

    def initial(self) -> MemoState:
        """No memos."""
        return MemoState()

    def state_type(self) -> type[MemoState]:
        """For snapshots."""
        return MemoState

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Nothing but the events: texts are read when they are shown."""
        del recorded
        return ()

    def apply(self, state: MemoState, recorded: Recorded, blobs: Blobs) -> MemoState:
        """Fold one event in."""
        del blobs
        match recorded.event:
            case MemoRewritten() | MemoKept() | MemoImported():
                trial = recorded.stream.name.partition("/")[2]
                memo = state.runs.setdefault(recorded.stream.run, {}).setdefault(trial, TrialMemo())
                _add(memo, recorded.event, recorded.version)
            case _:
                pass
        return state


def _add(memo: TrialMemo, event: MemoRewritten | MemoKept | MemoImported, version: int) -> None:
    step = _step(event, version)
    memo.current = step.memo
    memo.steps.append(step)
    memo.kept += step.kind == "kept"
    memo.rewritten += step.kind != "kept" and step.reflected


def _step(event: MemoRewritten | MemoKept | MemoImported, version: int) -> MemoStep:
    match event:
        case MemoRewritten():
            return MemoStep(
                attempt=event.attempt,
                kind="rewritten",
                memo=event.memo,
                previous=event.previous,
                repaired=event.repaired,
                version=version,
            )
        case MemoKept():
            return MemoStep(
                attempt=event.attempt,
                kind="kept",
                memo=event.memo,
                previous=event.memo,
                problems=event.problems,
                version=version,
            )
        case MemoImported():
            return MemoStep(
                attempt=event.attempt,
                kind="imported",
                memo=event.memo,
                previous=event.previous,
                reflected=event.reflected,
                version=version,
            )
        case _:
            assert_never(event)
