"""What training measured, item by item: what a candidate changed, and what is known of each revision; pure.

A cell without a score counts nowhere: it is in no mean, and changed nothing.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from events.digest import Fingerprint
from projections.comparison.rows import exact, mean_of, soft_score
from projections.training.state import CandidateRecord, GateTerms, RevisionRecord, SetPass, TrainedCell, TrainedRun

ItemMove: TypeAlias = Literal["won", "lost", "kept", "no score"]
"""won, lost: the share of its cells that are solved went up or down. no score: one of the two sides has none."""


class MeasuredCell(NamedTuple):
    """A cell, with where it stands."""

    stream: str
    cell: TrainedCell


class ItemChange(NamedTuple):
    """One item of the selection set, under the revision in force and under a candidate."""

    item: str
    before: tuple[MeasuredCell, ...]
    """In the order in which they were opened."""
    after: tuple[MeasuredCell, ...]
    move: ItemMove
    nothing: bool
    """Whether it counts at no gate, since it is solved without anything being done: it says nothing of a skill."""

    @property
    def before_mean(self) -> Fraction | None:
        """Share of scored cells that are solved. None: none is scored."""
        return share_of(self.before)

    @property
    def after_mean(self) -> Fraction | None:
        """The same of the candidate."""
        return share_of(self.after)


def share_of(cells: Collection[MeasuredCell]) -> Fraction | None:
    """Give the share of scored cells that are solved. None: none is scored."""
    scores = [Fraction(each.cell.solved) for each in cells if each.cell.solved is not None]
    return mean_of(scores) if scores else None


def reward_of(cells: Collection[MeasuredCell]) -> Fraction | None:
    """Give the mean partial score of scored cells. None: none has one."""
    scores = [each.cell.reward for each in cells if each.cell.solved is not None]
    found = [score for score in map(soft_score, scores) if score is not None]
    return mean_of(found) if found else None


def cells_of(run: TrainedRun, labels: Collection[str]) -> dict[str, list[MeasuredCell]]:
    """List the cells under some labels by item, in the order in which they were opened."""
    found: dict[str, list[MeasuredCell]] = {}
    for label in dict.fromkeys(labels):
        for stream, cell in run.cells.get(label, {}).items():
            found.setdefault(cell.item, []).append(MeasuredCell(stream, cell))
    return found


def passes_of(run: TrainedRun, skill: Fingerprint | None, *, purpose: str = "selection") -> list[SetPass]:
    """List the passes of a skill over a set, in order."""
    return [each for each in run.passes if each.skill == skill and each.purpose == purpose]


def before_labels(run: TrainedRun, candidate: CandidateRecord) -> tuple[str, ...]:
    """Name the cells that say what the revision in force did before a candidate.

    Those that were run beside it, where its gate had the revision in force run again; else all passes before it.
    """
    if candidate.beside:
        return tuple(candidate.beside)
    passes = passes_of(run, candidate.in_force)
    return tuple(dict.fromkeys(each.label for each in passes if each.at.version < candidate.at.version))


def changes_of(run: TrainedRun, candidate: CandidateRecord) -> list[ItemChange]:
    """Say what a candidate changed, by item, in the order of the selection set."""
    before = cells_of(run, before_labels(run, candidate))
    after = cells_of(run, candidate.passes)
    planned = run.set_for("selection")
    names = dict.fromkeys([*(() if planned is None else planned.items), *before, *after])
    idle = run.idle
    return [
        _change(name, before.get(name, ()), after.get(name, ()), nothing=name in idle)
        for name in names
        if name in after
    ]


def _change(item: str, before: Sequence[MeasuredCell], after: Sequence[MeasuredCell], *, nothing: bool) -> ItemChange:
    return ItemChange(item, tuple(before), tuple(after), _move(before, after), nothing)


def _move(before: Sequence[MeasuredCell], after: Sequence[MeasuredCell]) -> ItemMove:
    """Say how the share of solved cells moved; partial scores that moved alone are told beside it."""
    old, new = share_of(before), share_of(after)
    if old is None or new is None:
        return "no score"
    return "kept" if old == new else "won" if new > old else "lost"


def gain_of(changes: Collection[ItemChange]) -> Fraction | None:
    """Give the mean over items of the paired difference in solved cells. None: no item has a score on both sides."""
    pairs = [(each.before_mean, each.after_mean) for each in changes if not each.nothing]
    found = [after - before for before, after in pairs if before is not None and after is not None]
    return mean_of(found) if found else None


class SelectionScore(NamedTuple):
    """What some cells over the selection set come to: items that count at no gate are left out, as gates do."""

    mean: Fraction
    """Mean over items of the mean of their scores, by the metric of the gate."""
    items: int
    """That have a score."""
    cells: int
    """That are scored."""


def selection_score(run: TrainedRun, labels: Collection[str]) -> SelectionScore | None:
    """Average cells over the selection set as the gate takes them, for comparison. None: none is scored."""
    idle = run.idle
    found = {item: cells for item, cells in cells_of(run, labels).items() if item not in idle}
    scores = {item: [*_scores(cells, run.terms)] for item, cells in found.items()}
    means = [mean_of(each) for each in scores.values() if each]
    return SelectionScore(mean_of(means), len(means), sum(map(len, scores.values()))) if means else None


def _scores(cells: Collection[MeasuredCell], terms: GateTerms) -> Iterator[Fraction]:
    for each in cells:
        solved, reward = each.cell.solved, each.cell.reward
        if solved is None:
            continue
        hard = Fraction(solved)
        soft = hard if reward is None else min(max(exact(reward), Fraction(0)), Fraction(1))
        match terms.metric:
            case "hard":
                yield hard
            case "soft":
                yield soft
            case "mixed":
                weight = exact(terms.mixed_weight)
                yield (1 - weight) * hard + weight * soft


def fresh_score(run: TrainedRun, revision: RevisionRecord) -> SelectionScore | None:
    """Measure a revision by the passes after it came into force, by which it was not chosen. None: there was none.

    The pass by which it was accepted is left out: it was chosen for being high. So is the first pass of the initial
    skill, beside which every candidate is held.
    """
    passes = [each for each in passes_of(run, revision.digest) if each.at.version > revision.at.version]
    labels = [each.label for each in (passes if revision.candidate is not None else passes[1:])]
    return selection_score(run, labels)


class SetCoverage(msgspec.Struct, frozen=True):
    """How many cells of a kind of items have a score; those that lack one are in no mean."""

    purpose: str
    """``train``, ``selection`` or ``test``."""
    cells: int
    scored: int
    lacking: dict[str, int]
    """Number of cells without a score by the reason, such as ``infrastructure``."""


def coverage_of(run: TrainedRun) -> tuple[SetCoverage, ...]:
    """Say of rollouts and of passes over sets how many of their cells have a score."""
    labels: dict[str, dict[str, None]] = {each.purpose: {} for each in run.sets}
    for each in run.passes:
        labels.setdefault(each.purpose, {})[each.label] = None
    return tuple(_coverage(run, purpose, found) for purpose, found in labels.items() if found)


def _coverage(run: TrainedRun, purpose: str, labels: Collection[str]) -> SetCoverage:
    cells = [cell for label in labels for cell in run.cells.get(label, {}).values()]
    lacking = Counter(each.unscored or "running" for each in cells if each.solved is None)
    return SetCoverage(purpose, len(cells), len(cells) - lacking.total(), dict(sorted(lacking.items())))


class TypedScore(NamedTuple):
    """Results of the items of one type."""

    task_type: str
    """Empty: the items have no type."""
    items: int
    scored: int
    """Cells."""
    hard: Fraction | None
    """Share of solved cells. None: none is scored."""
    soft: Fraction | None
    """Mean partial score. None: none has one."""


def by_type(run: TrainedRun, types: Mapping[str, str], labels: Collection[str]) -> Iterator[TypedScore]:
    """Sum cells up by the type of their items, sorted."""
    found: dict[str, dict[str, list[MeasuredCell]]] = {}
    for item, cells in cells_of(run, labels).items():
        found.setdefault(types.get(item, ""), {})[item] = cells
    for name, items in sorted(found.items()):
        cells = [each for some in items.values() for each in some]
        scored = sum(each.cell.solved is not None for each in cells)
        yield TypedScore(name, len(items), scored, share_of(cells), reward_of(cells))


def failed_ends(run: TrainedRun) -> list[tuple[int, Literal["slow", "meta"], str]]:
    """List slow updates and notes of the optimizer that came to nothing, by epoch, each with the reason."""
    ends: list[tuple[int, Literal["slow", "meta"], str]] = []
    for stream, asked in run.questions.items():
        if asked.ending not in {"unanswered", "unreadable"}:
            continue
        match asked.stage:
            case "slow" | "meta" as stage:
                ends.append((int(stream.rpartition("/")[2]), stage, asked.reason))
            case _:
                pass
    return sorted(ends)
