"""Cells: what each run that evaluates has planned, scored and found, arm by arm."""

from typing import Any, Literal

import msgspec

from events.base import Recorded, Ref
from events.digest import Digest
from events.types.evaluation import CellOpened, CellUnscored, EvaluationFound, EvaluationScored, VerifierVerdict
from events.types.session import ArmSkillsPinned, FoundImageSkills, GivenSkill, ImageSkillsFound
from projections.base import Blobs


class EvaluatedCell(msgspec.Struct, kw_only=True):
    """One item under one arm, once."""

    arm: str
    item: str
    unit: str
    """What is independent of all else: the item's family, or the item itself."""
    repeat: int
    """From 1."""
    key: Digest
    condition: Digest
    solved: bool | None = None
    """None: it has no score, or none so far."""
    reward: float | None = None
    """In the verifier's own unit. None: there is none."""
    verdicts: tuple[VerifierVerdict, ...] = ()
    """As in `EvaluationScored`."""
    unscored: Literal["infrastructure", "budget", "stopped", "no_information"] | None = None
    """Why it has no score. None: it has one, or has not ended."""
    at: Ref | None = None
    """The event that says so. None: it has not ended."""
    run: str = ""
    """Which rolled it out; another run where its evaluation was found. Empty: it has not ended."""
    rolled: str = ""
    """Stream of the cell in that run."""


class CellsState(msgspec.Struct):
    """All runs that evaluate."""

    runs: dict[str, dict[str, EvaluatedCell]] = {}
    """By run and stream, in the order in which they were opened."""
    given: dict[str, tuple[GivenSkill, ...]] = {}
    """By run, the skills of its arms, with where each came from."""
    images: dict[str, tuple[FoundImageSkills, ...]] = {}
    """By run, the skills that images of its tasks bring."""


class Cells:
    """The projection."""

    name = "cells"
    revision = 3
    tags: frozenset[str] | None = frozenset(
        {
            "cell.opened",
            "evaluation.scored",
            "evaluation.found",
            "cell.unscored",
            "session.arm_skills_pinned",
            "session.image_skills_found",
        }
    )

    def initial(self) -> CellsState:
        """Give the state before any event."""
        return CellsState({}, {}, {})

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Need nothing."""
        del recorded
        return ()

    def apply(self, state: CellsState, recorded: Recorded, blobs: Blobs) -> CellsState:
        """Fold one event in."""
        del blobs
        run, stream = recorded.stream
        cells = state.runs.setdefault(run, {}) if isinstance(recorded.event, CellOpened) else state.runs.get(run, {})
        cell = cells.get(stream)
        match recorded.event:
            case ArmSkillsPinned() as pinned:
                state.given[run] = pinned.skills
            case ImageSkillsFound() as found:
                state.images[run] = found.tasks
            case CellOpened() as opened:
                cells[stream] = _opened(opened)
            case EvaluationScored() as scored if cell is not None:
                cell.solved, cell.reward, cell.at = scored.solved, scored.reward, recorded.ref
                cell.verdicts = scored.verdicts
                cell.run, cell.rolled = run, stream
            case EvaluationFound() as found if cell is not None:
                cell.solved, cell.reward, cell.at = found.solved, found.reward, recorded.ref
                cell.verdicts = found.verdicts
                cell.run, cell.rolled = found.run, found.stream
            case CellUnscored() as unscored if cell is not None:
                cell.unscored, cell.at, cell.run, cell.rolled = unscored.reason, recorded.ref, run, stream
            case _:
                pass
        return state

    def state_type(self) -> type[Any]:
        """Say which type a snapshot decodes to."""
        return CellsState


def _opened(event: CellOpened) -> EvaluatedCell:
    return EvaluatedCell(
        arm=event.arm,
        item=event.item,
        unit=event.unit,
        repeat=event.repeat,
        key=event.key,
        condition=event.condition,
    )
