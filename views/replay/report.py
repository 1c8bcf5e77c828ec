"""What a replay shows: every view, every decision and every stream of a run again, and each place that differs."""

from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from engine.core.prompts import load_prompts
from events.errors import ExitCode
from projections.registry import broken, registered
from replay.diff import Difference, Here, PromptChanged, RevisionNote
from replay.rebuild import Rebuilt, SnapshotCompared, compare_snapshots
from replay.redecide_report import PointCount
from replay.report import Checked, Strengths, check
from replay.rerun import RerunReport
from views.replay.report_rows import (
    CauseRow,
    DifferenceRow,
    NoteRow,
    NotRedecidedRow,
    NotRerunRow,
    PromptRow,
    RebuildRow,
    RedecideRow,
    RemedyRow,
    RerunRow,
    SnapshotRow,
    UnreadRow,
)
from views.runs.run_list import compare_rows
from views.terminal.format import plural
from views.terminal.log_access import OpenedLog
from views.terminal.tables import RecordView, TableView
from views.terminal.versions import package_version


async def tell(desk: OpenedLog, runs: Sequence[str], strengths: Strengths) -> ExitCode:
    """Do runs again, and say of each what came out.

    A run that rests on bytes that are gone, or names a part that is not there, is named, and the others are done all
    the same.
    """
    here = Here(package_version(), load_prompts())
    codes = {ExitCode.DONE}
    for each in broken() if strengths.rebuild else ():
        desk.screen.warn(f"{each.problem}; it is not rebuilt")
    for run in runs:
        checked = await check(desk.log, run, here, strengths)
        _show(desk, checked, listed=strengths == Strengths(rebuild=True, redecide=False, rerun=False))
        codes.add(ExitCode.DONE if checked.equal else ExitCode.DIVERGED)
        codes.add(ExitCode.NEGATIVE if checked.lacking else ExitCode.DONE)
        gone = checked.unread or (checked.redecided is not None and checked.redecided.erased)
        codes.add(ExitCode.INTEGRITY if gone else ExitCode.DONE)
    if strengths.rebuild:
        rows = [_snapshot_row(each) async for each in compare_snapshots(desk.log)]
        if listed := await compare_rows(desk.log):
            rows.append(_snapshot_row(listed))
        desk.screen.show(rows, render_snapshots)
        codes |= {ExitCode.DIVERGED for row in rows if not row.equal}
    return max(codes)


def revisions() -> dict[str, int]:
    """List the views there are, with their revisions."""
    return {each.name: each.revision for each in registered()}


def _show(desk: OpenedLog, checked: Checked, *, listed: bool) -> None:
    screen, run = desk.screen, checked.run
    for error in checked.unread:
        screen.draw(UnreadRow(run, error.digest, error.problem), render_unread)
    if checked.rebuilt is not None:
        rebuilt = [_rebuild_row(run, each) for each in checked.rebuilt]
        screen.show(rebuilt, render_views if listed else render_rebuilt)
    if checked.redecided is not None:
        screen.show([_redecide_row(run, each) for each in checked.redecided.points], render_redecided)
    if checked.not_redecided:
        screen.draw(NotRedecidedRow(run, checked.not_redecided), render_not_redecided)
    if checked.rerun is not None:
        screen.draw(_rerun_row(checked.rerun), render_rerun)
    if checked.not_rerun:
        screen.draw(NotRerunRow(run, checked.not_rerun), render_not_rerun)
    _show_differences(desk, checked)


def _show_differences(desk: OpenedLog, checked: Checked) -> None:
    """Show what differs, with what may be behind it; and what is no difference, though it is not the same."""
    screen, run = desk.screen, checked.run
    for each in checked.differences:
        screen.draw(_difference_row(run, each), render_difference)
    if checked.causes:
        screen.show([CauseRow(run, cause) for cause in checked.causes], render_causes)
    if checked.remedies:
        screen.show([RemedyRow(run, each) for each in checked.remedies], render_remedies)
    for note in checked.notes:
        screen.draw(_note_row(run, note), render_note)
    if checked.prompts:
        screen.show([_prompt_row(run, each) for each in checked.prompts], render_prompts)


def _rebuild_row(run: str, each: Rebuilt) -> RebuildRow:
    return RebuildRow(run, each.view, each.revision, each.digest, each.agrees)


def _snapshot_row(each: SnapshotCompared) -> SnapshotRow:
    return SnapshotRow(each.view, each.revision, each.position, each.kept, each.rebuilt, each.agrees)


def _redecide_row(run: str, each: PointCount) -> RedecideRow:
    missing = tuple(f"{at.stream}@{at.version}: {why}" for at, why in each.missing)
    return RedecideRow(run, each.point, each.decisions, each.differ, missing)


def _rerun_row(report: RerunReport) -> RerunRow:
    return RerunRow(report.run, report.streams, report.events, report.complete, report.ends_at, 0)


def _difference_row(run: str, each: Difference) -> DifferenceRow:
    near = each.nearest
    place, why = (f"{near.at.stream}@{near.at.version}", near.why) if near else ("", "")
    at, values = each.at, (each.recorded, each.decided)
    return DifferenceRow(run, each.strength, each.point, at.stream, at.version, each.field, *values, place, why)


def _note_row(run: str, note: RevisionNote) -> NoteRow:
    places = tuple(f"{at.stream}@{at.version}" for at in note.places)
    return NoteRow(run, note.point, note.recorded_revision, note.revision, places)


def _prompt_row(run: str, each: PromptChanged) -> PromptRow:
    return PromptRow(run, each.name, each.recorded, each.here)


# -- for people -------------------------------------------------------------------------------------------------------


def _said(word: str, style: str, text: str) -> Text:
    return Text.assemble((f"{word:<8}", style), text)


def _result(*, equal: bool, text: str) -> Text:
    return _said("equal" if equal else "DIFFERS", "green" if equal else "red", text)


def render_rebuilt(rows: Sequence[RebuildRow]) -> RenderableType:
    """Say in a line whether all views came to the same."""
    wrong = [row.view for row in rows if not row.equal]
    text = f"run {rows[0].run}: {plural(len(rows), 'view')} rebuilt, twice"
    return _result(
        equal=not wrong, text=text + (f"; folded separately, these differ: {', '.join(wrong)}" if wrong else "")
    )


_VIEWS: Final = TableView(RebuildRow, "view revision digest")


def render_views(rows: Sequence[RebuildRow]) -> RenderableType:
    """Draw the views and their digests."""
    return Group(render_rebuilt(rows), _VIEWS(rows))


def render_snapshots(rows: Sequence[SnapshotRow]) -> RenderableType:
    """Say of each view that was kept whether it is what the events say."""
    if not rows:
        return Text("no view of a run is stored: nothing to compare", style="dim")
    lines = []
    for row in rows:
        rest = "" if row.equal else f": kept {row.kept[:16]}, rebuilt {row.rebuilt[:16]}"
        lines.append(_result(equal=row.equal, text=f"view {row.view} as stored at position {row.position:,}{rest}"))
    return Group(*lines)


def render_redecided(rows: Sequence[RedecideRow]) -> RenderableType:
    """Say how many decisions came out as recorded, and of which kinds."""
    if not rows:
        return _result(equal=True, text="no decisions")
    differ, missing = sum(row.differ for row in rows), [each for row in rows for each in row.missing]
    kinds = ", ".join(f"{row.decisions} {row.point}" for row in rows)
    made = sum(row.decisions for row in rows) - len(missing)
    verb = f", of which {differ} differ" if differ else " as recorded"
    lines = [
        _result(equal=not differ, text=f"run {rows[0].run}: {plural(made, 'decision')} re-evaluated{verb}: {kinds}")
    ]
    lines += [_said("missing", "yellow", each) for each in missing]
    return Group(*lines)


def render_rerun(row: RerunRow) -> RenderableType:
    """Say what came out."""
    text = f"{row.events:,} events in {plural(row.streams, 'stream')} reproduced as recorded, 0 model calls"
    tail = "" if row.complete else f"; cut off: {row.ends_at}"
    return _result(equal=True, text=f"run {row.run}: {text}{tail}")


def render_not_rerun(row: NotRerunRow) -> RenderableType:
    """Say why not."""
    return _said("no rerun", "yellow", f" run {row.run}: {row.why}")


def render_not_redecided(row: NotRedecidedRow) -> RenderableType:
    """Say why no decision could be made again."""
    return _said("missing", "yellow", f"run {row.run}: {row.why}")


def render_remedies(rows: Sequence[RemedyRow]) -> RenderableType:
    """List what can be done about it."""
    return Group(*[_said("remedy", "yellow", row.remedy) for row in rows])


def render_note(row: NoteRow) -> RenderableType:
    """Say what this version rules otherwise, and where."""
    before, now = f"recorded under revision {row.recorded_revision} of {row.point}", f"revision {row.revision}"
    places = ", ".join(row.places[:3]) + (", …" if len(row.places) > 3 else "")
    return _said(
        "note", "yellow", f"{before}; {now} decides differently at {plural(len(row.places), 'place')}: {places}"
    )


_VALUES: Final = RecordView(
    DifferenceRow,
    ("  recorded", lambda row: row.recorded[:400]),
    ("  decided", lambda row: row.decided[:400]),
    ("  nearest", lambda row: row.nearest and f"{row.nearest}: {row.nearest_is}"),
)


def render_difference(row: DifferenceRow) -> RenderableType:
    """Draw a difference with both values."""
    what = f"{row.strength} of run {row.run}" + (f", {row.point}" if row.point else "")
    head = _result(equal=False, text=f"{what}: {row.stream}@{row.version}, field {row.field}")
    return Group(head, _VALUES(row))


def render_causes(rows: Sequence[CauseRow]) -> RenderableType:
    """List what may be behind it."""
    return Group(*[_said("likely", "yellow", row.cause) for row in rows])


def render_prompts(rows: Sequence[PromptRow]) -> RenderableType:
    """Name the prompts that have changed since."""
    lines = [
        _said(
            "note",
            "yellow",
            f"prompt {row.name}: recorded {row.recorded[:12] or 'none'}, here {row.here[:12] or 'none'}",
        )
        for row in rows
    ]
    return Group(*lines, Text("        a rerun and a resume use the recorded texts", style="dim"))


def render_unread(row: UnreadRow) -> RenderableType:
    """Say which bytes are gone."""
    return _said("gone", "red", f"run {row.run}: {row.problem}")
