"""Edits of a training run as a list: what each says, where it is from, and what became of it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final, Literal, TypeAlias

import msgspec
from rich.console import RenderableType
from rich.text import Text

from engine.policies.scan.hidden_text import written_out
from events.streams import epoch_label
from events.types.training import CandidateOrigin, GateOutcome
from projections.training.measures import changes_of, failed_ends, gain_of
from projections.training.state import CandidateRecord, EditRecord, ProposedEdit, TrainedRun
from views.runs.train_rows import gained
from views.terminal.format import plural
from views.terminal.tables import TableView

EditStanding: TypeAlias = Literal["accepted", "rejected", "undecided", "open", "refused", "not selected", "failed"]
"""failed: a slow update that the optimizer did not answer, or not so that it can be read.

refused: it could not be applied, so that its candidate is without it. not selected: the rate allowed fewer."""
STANDINGS: Final = ("accepted", "rejected", "undecided", "open", "refused", "not selected", "failed")
ORIGINS: Final[Mapping[CandidateOrigin, str]] = {
    "step": "edits",
    "rewrite": "rewritten document",
    "slow": "guidance of an epoch",
    "appendix": "reminders",
    "placebo": "placebo",
}
_TAKEN: Final = 60
"""Characters of an edit that its line shows."""


class EditRow(msgspec.Struct, frozen=True, tag_field="row", tag="edit"):
    """An edit; of a candidate that was not made by edits, all of it."""

    run: str
    edit: str
    """As `edits show` takes it, such as ``s3.1``: step 3, first edit."""
    candidate: str
    """That it is a part of, such as ``s3``."""
    step: int
    epoch: int
    origin: CandidateOrigin
    op: str
    """``append``, ``insert_after``, ``replace`` or ``delete``. Empty: of a suggestion, a draft or guidance."""
    file: str
    """Path below the skill's folder."""
    target: str
    """The anchor. Empty: it needs none."""
    content: str
    sources: tuple[str, ...]
    """Reflections that it came from."""
    support: int | None
    """Rollouts that speak for it. None: nothing says."""
    drawn_from: str | None
    """``failure`` or ``success``. None: nothing says."""
    standing: EditStanding
    status: str | None
    """How it was applied or refused. None: it was not selected."""
    hint: str
    """Why it was refused, and what would do."""
    gate: str | None
    """Name of the gate that ruled on its candidate. None: none did."""
    reason: str
    """Of that ruling; of an edit that reached no gate, why it did not."""
    score: float | None
    """Mean of its candidate's scores, in [0, 1]. None: it has none."""
    gain: float | None
    """Mean over items of the paired difference of its candidate to the revision in force before, in solved cells; items
    that need no skill are left out. None: no item has a score on both sides."""
    shadows: Mapping[str, GateOutcome]
    """What the shadow gates came to, by name."""
    revision: int | None
    """That its candidate became. None: none."""


def edit_rows(run: TrainedRun) -> list[EditRow]:
    """List all edits of a run, in the order in which their candidates were made; slow updates that failed, too."""
    rows = [row for candidate in run.candidates for row in rows_of(run, candidate)]
    rows += [_failed(run, epoch, reason) for epoch, stage, reason in failed_ends(run) if stage == "slow"]
    return sorted(rows, key=lambda row: row.epoch)


def _failed(run: TrainedRun, epoch: int, reason: str) -> EditRow:
    name, nothing = epoch_label(epoch, "slow"), ProposedEdit()
    return EditRow(
        run=run.run,
        edit=name,
        candidate=name,
        step=max((each.step for each in run.steps if each.epoch == epoch), default=0),
        epoch=epoch,
        origin="slow",
        op=nothing.op,
        file=nothing.file,
        target="",
        content="",
        sources=(),
        support=None,
        drawn_from=None,
        standing="failed",
        status=None,
        hint="",
        gate=None,
        reason=reason,
        score=None,
        gain=None,
        shadows={},
        revision=None,
    )


def rows_of(run: TrainedRun, candidate: CandidateRecord) -> Iterator[EditRow]:
    """List the edits of a candidate; one that was not made by edits is one row."""
    gain = gain_of(changes_of(run, candidate))
    if not candidate.edits:
        yield _row(run, candidate, None, gain)
    for each in candidate.edits:
        yield _row(run, candidate, each, gain)


def _row(run: TrainedRun, candidate: CandidateRecord, edit: EditRecord | None, gain: Fraction | None) -> EditRow:
    last = candidate.gates[-1] if candidate.gates else None
    proposed = ProposedEdit() if edit is None else edit.edit
    standing = standing_of(candidate, edit)
    ruled = standing in {"accepted", "rejected", "undecided", "open"}
    score = last.score if last is not None else None
    return EditRow(
        run=run.run,
        edit=candidate.name if edit is None else f"{candidate.name}.{edit.place}",
        candidate=candidate.name,
        step=candidate.step,
        epoch=candidate.epoch,
        origin=candidate.origin,
        op=proposed.op,
        file=proposed.file,
        target=proposed.target,
        content=proposed.content or proposed.instruction or proposed.change_summary or proposed.new_skill,
        sources=proposed.sources,
        support=proposed.support_count,
        drawn_from=proposed.source_type,
        standing=standing,
        status=None if edit is None else edit.status,
        hint="" if edit is None else edit.hint,
        gate=last.gate if last is not None and ruled else None,
        reason=_reason(run, candidate, edit, standing),
        score=float(score.exact) if score is not None and ruled else None,
        gain=None if gain is None or not ruled else float(gain),
        shadows={name: found[-1].outcome for name, found in candidate.shadows.items()} if ruled else {},
        revision=candidate.revision if ruled else None,
    )


def standing_of(candidate: CandidateRecord, edit: EditRecord | None) -> EditStanding:
    """Say what became of an edit; of None, of the whole candidate."""
    if edit is not None and not edit.selected:
        return "not selected"
    if edit is not None and not edit.applied:
        return "refused"
    return candidate.standing


def _reason(run: TrainedRun, candidate: CandidateRecord, edit: EditRecord | None, standing: EditStanding) -> str:
    if standing == "refused" and edit is not None:
        return edit.hint or (edit.status or "").replace("_", " ")
    if standing == "not selected":
        step = next((each for each in run.steps if candidate.name in each.candidates), None)
        allowed = "" if step is None or step.rate is None else f" of {plural(step.rate, 'edit')}"
        return f"outside the rate{allowed}"
    return candidate.gates[-1].reason if candidate.gates else "; ".join(candidate.reasons)


def what(row: EditRow) -> str:
    """Say in a line what an edit does."""
    said = first_line(row.content or row.target)
    if row.op == "replace" and row.target:
        said = f"{first_line(row.target, _TAKEN // 2)} → {first_line(row.content, _TAKEN // 2)}"
    verb = row.op.replace("_", " ") or ORIGINS[row.origin]
    return f"{verb}: {said}" if said else verb


def first_line(text: str, most: int = _TAKEN) -> str:
    """Give the beginning of a text on one line; what is not seen is written out."""
    line = written_out(" ".join(text.split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"


def source(row: EditRow) -> str:
    """Say in a few words where an edit is from."""
    if row.support is None and not row.sources:
        return ""
    counted = "" if row.support is None else plural(row.support, row.drawn_from or "rollout")
    return ", ".join(part for part in (counted, *row.sources) if part)


def _shadows(row: EditRow) -> str:
    return ", ".join(f"{name}: {outcome}" for name, outcome in row.shadows.items())


def _notes(rows: Sequence[EditRow]) -> Iterator[RenderableType]:
    counts = Counter(row.standing for row in rows)
    told = ", ".join(f"{counts[each]} {each}" for each in STANDINGS if counts[each])
    yield Text()
    yield Text(f"{plural(len(rows), 'edit')}: {told}")
    yield Text("gain: points that the whole candidate gained over the revision before it, item by item", style="dim")


EDITS: Final = TableView(
    EditRow,
    "edit",
    ("what…", what),
    ("from…", source),
    ("outcome", lambda row: row.standing if row.revision is None else f"{row.standing}, revision {row.revision}"),
    (">gain", lambda row: gained(row.gain)),
    "gate",
    "reason…",
    ("shadows…", _shadows),
    notes=_notes,
    empty=Text("no edits: no candidate was made so far", style="dim"),
)
