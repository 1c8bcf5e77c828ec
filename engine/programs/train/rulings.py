"""Policies of a training's course; pure. What SkillOpt does otherwise is a value of each rule (`compatible`)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from engine.core.decision import NoSettings, Policy, PolicyContext
from engine.items.do_nothing import do_nothing_mark
from engine.items.item_set import decode_item
from engine.policies.edits.apply import apply_edits
from engine.policies.edits.checks import too_long
from engine.policies.edits.edit import APPEND, Edit, EditOutcome, EditRule
from engine.policies.edits.refusals import refusal_lines
from engine.policies.edits.regions import regions_for
from engine.policies.skill.placebo import neutral_text
from engine.policies.training.batches import order_for_top_up, plan_epoch, sample_for_slow_update
from engine.policies.training.buffer import NamedFailure, StepNote, patterns_of, render_notes
from engine.policies.training.change_size import lengths_of_change
from engine.policies.training.minibatches import MinibatchRule, failed, split_rows
from engine.policies.training.pairs import filter_pairs, pair_category
from engine.policies.training.rate import RateRule, rate_at, reflect_budget
from engine.policies.training.selection import first_items
from engine.programs.evaluate.points import CellSaw
from engine.programs.train import points
from engine.programs.train.document import HEAD, named_files, texts_of, written_back
from engine.programs.train.edit_points import (
    CANDIDATE,
    PLACEBO,
    RANKED,
    RATE_ASKED,
    RATE_TAKEN,
    UNRANKED,
    CandidateRule,
    CandidateSaw,
    CandidateSkill,
    EditSelection,
    PlaceboSaw,
    RankedSaw,
    RateAskedSaw,
    RateTaken,
    RateTakenSaw,
    UnrankedSaw,
)
from engine.programs.train.epoch_points import (
    APPENDIX_NOTES,
    CLOSING,
    META_NOTES,
    PAIRS,
    SAMPLE,
    TOP_UP,
    AppendixRule,
    AppendixSaw,
    ClosingPasses,
    ClosingRule,
    ClosingSaw,
    EpochPair,
    EpochPairs,
    EpochSample,
    MetaNotes,
    MetaSaw,
    PairsRule,
    PairsSaw,
    Reminders,
    SampleRule,
    SampleSaw,
    TopUp,
    TopUpRule,
    TopUpSaw,
)
from engine.programs.train.gate_points import GATE
from engine.programs.train.gate_rulings import rule_on_candidate
from events.digest import Digest
from events.types.decision import Held
from events.types.training import PlannedBatch, PlannedStep
from projections.comparison.rows import exact

_cells: Final = msgspec.json.Decoder(tuple[CellSaw, ...])
_findings: Final = msgspec.json.Decoder(tuple[NamedFailure, ...])
_report: Final = msgspec.json.Decoder(tuple[EditOutcome, ...])
_encoder: Final = msgspec.json.Encoder(order="deterministic")


def score_untouched(saw: points.DoNothingSaw, rule: NoSettings, desk: PolicyContext) -> points.DoNothing:
    """Say which items are right if nobody works on them."""
    del rule
    blobs = {each.text: each for each in saw.files}

    def read(digest: Digest) -> bytes:
        return desk.read(blobs[digest])

    marks = {
        name: do_nothing_mark(decode_item(desk.read(item)), read)
        for name, item in zip(saw.names, saw.items, strict=True)
    }
    solved = tuple(name for name, mark in marks.items() if mark.outcome == "solved")
    tried = () if saw.untouched is None else rows_in(_cells.decode(desk.read(saw.untouched)))
    passed = tuple(row.item for row in tried if row.hard == 1)
    return points.DoNothing(
        solved + passed, sum(mark.outcome != "infrastructure" for mark in marks.values()) + len(tried)
    )


def plan_next_epoch(saw: points.EpochSaw, rule: points.EpochRule, desk: PolicyContext) -> points.EpochPlan:
    """Divide the training items among the steps of an epoch."""
    del desk
    items = saw.planned.value.names("train")
    if saw.epoch > rule.epochs or not items:
        return points.EpochPlan(saw.epoch, ())
    steps = plan_epoch(rule.batches, items, saw.epoch)
    return points.EpochPlan(
        saw.epoch,
        tuple(PlannedStep(tuple(PlannedBatch(each.items, each.seed) for each in step)) for step in steps),
    )


def rule_on_batch(saw: points.BatchSaw, rule: points.BatchFloor, desk: PolicyContext) -> points.BatchEnding:
    """Use a batch of which anything has a score; else say what stands in the way."""
    cells = _cells.decode(desk.read(saw.rows))
    reasons = [_reason(each) for each in cells]
    scored = reasons.count(None)
    if "stopped" in reasons:
        return points.BatchEnding("stopped", "an operator ended it")
    if "budget" in reasons and scored < exact(rule.floor) * len(cells):
        return points.BatchEnding("budget", f"{scored} of {len(cells)} cells have a score: there is no money left")
    if scored or not cells:
        return points.BatchEnding("use", "")
    said = ", ".join(sorted(set(map(str, reasons))))
    return points.BatchEnding("pause", f"none of {len(cells)} cells has a score: {said}")


def _reason(cell: CellSaw) -> str | None:
    return None if cell.score is None else cell.score.value.reason


def terms_of_step(saw: points.StepTermsSaw, rule: points.StepTermsRule, desk: PolicyContext) -> points.StepTerms:
    """Say how a step goes, and how many proposals each of its reflections is asked for."""
    del desk
    limited = rule.rate.mode != "none" or rule.rate.compatible
    budget = reflect_budget(rule.rate, saw.taken + 1) if limited else None
    asks = rule.rate.mode == "autonomous" and rule.update != "full_rewrite"
    compatible = rule.rate.compatible
    return points.StepTerms(rule.update, budget, rule.appendix, rule.merge_batch, asks, compatible, pause=True)


def rows_in(cells: Sequence[CellSaw], why: Mapping[str, str] = MappingProxyType({})) -> tuple[points.HardRow, ...]:
    """Give the cells of a table that have a score, in its order."""
    found = []
    for cell in cells:
        seen = cell.score or cell.found
        if seen is not None and seen.value.solved is not None:
            found.append(points.HardRow(cell.item, float(seen.value.solved), seen.value.reward, why.get(cell.item)))
    return tuple(found)


def divide(saw: points.MinibatchesSaw, rule: MinibatchRule, desk: PolicyContext) -> points.MinibatchPlan:
    """Divide failures and successes into what single reflections see."""
    found = split_rows(rule, rows_in(_cells.decode(desk.read(saw.rows))), saw.seed)
    return points.MinibatchPlan(_names(found.failures), _names(found.successes))


def _names(parts: Sequence[Sequence[points.HardRow]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(row.item for row in part) for part in parts)


def take_rate(saw: RateTakenSaw, rule: RateRule, desk: PolicyContext) -> RateTaken:
    """Say how many proposals are taken, by the schedule."""
    del desk
    return RateTaken(rate_at(rule, saw.taken + 1), "")


def take_asked_rate(saw: RateAskedSaw, rule: NoSettings, desk: PolicyContext) -> RateTaken:
    """Say how many proposals are taken, by what the optimizer chose."""
    del rule, desk
    if saw.asked is None:
        return RateTaken(0, "no rate could be read from the optimizer's answer")
    return RateTaken(min(saw.asked, saw.available), "the optimizer chose it")


def take_all(saw: UnrankedSaw, rule: NoSettings, desk: PolicyContext) -> EditSelection:
    """Take all that is proposed; at a rate of 0, nothing."""
    del rule, desk
    return EditSelection(() if saw.rate.value.rate == 0 else tuple(range(saw.available)), saw.available, "all")


def take_ranked(saw: RankedSaw, rule: NoSettings, desk: PolicyContext) -> EditSelection:
    """Take those that were ranked first, or the first ones."""
    del rule, desk
    chosen = first_items(saw.available, saw.rate.value.rate or 0) if saw.ranked is None else saw.ranked
    return EditSelection(chosen, saw.available, "ranked" if saw.readable else "first")


def make_candidate(saw: CandidateSaw, rule: CandidateRule, desk: PolicyContext) -> CandidateSkill:
    """Make a candidate of the revision in force."""
    before = {each.path: desk.read(each.text) for each in saw.files}
    texts = {HEAD: "", **texts_of(before)}
    after, report = _changed(saw, rule, texts, desk)
    files = written_back(before, after, rule.front) if after != texts or before else {}
    named = named_files(files, desk.put)
    return CandidateSkill(
        files=named,
        report=desk.put(_encoder.encode(report)),
        applied=sum(each.applied for each in report),
        refused=sum(not each.applied for each in report),
        changed=files != before,
    )


def make_placebo(saw: PlaceboSaw, rule: CandidateRule, desk: PolicyContext) -> CandidateSkill:
    """Give the revision in force with neutral text of the length of a candidate's change, in the files it changed."""
    now, before, after = (
        {each.path: desk.read(each.text) for each in files} for files in (saw.files, saw.before, saw.after)
    )
    texts = {HEAD: "", **texts_of(now)}
    edits = [
        Edit(APPEND, neutral_text(size), file=path)
        for path, size in lengths_of_change(texts_of(before), texts_of(after)).items()
    ]
    applied = apply_edits(texts, edits, EditRule(rule.compatible, None, None))
    files = written_back(now, applied.files, rule.front) if applied.files != texts or now else {}
    return CandidateSkill(
        files=named_files(files, desk.put),
        report=desk.put(_encoder.encode(applied.report)),
        applied=sum(each.applied for each in applied.report),
        refused=sum(not each.applied for each in applied.report),
        changed=files != now,
    )


def _changed(
    saw: CandidateSaw, rule: CandidateRule, texts: Mapping[str, str], desk: PolicyContext
) -> tuple[Mapping[str, str], Sequence[EditOutcome]]:
    """Give the document after the change, and what became of each edit."""
    written = regions_for(EditRule(compatible=rule.compatible))
    if saw.edits is not None and saw.selected is not None:
        edits = msgspec.json.decode(desk.read(saw.edits), type=tuple[Edit, ...])
        applied = apply_edits(texts, [edits[index] for index in saw.selected.value.selected], rule.edits)
        return applied.files, applied.report
    if saw.rewritten is not None:
        return {**texts, **msgspec.json.decode(desk.read(saw.rewritten), type=dict[str, str])}, ()
    if saw.guidance is not None:
        guidance = msgspec.json.decode(desk.read(saw.guidance), type=str)
        head = texts[HEAD]
        head = written.with_slow_update(head, guidance) if guidance else written.with_slow_placeholder(head)
        return _within_budget(texts, head, Edit(_GUIDANCE, guidance), rule.edits)
    if saw.notes is not None:
        notes = saw.notes.value.notes
        return _within_budget(
            texts, written.with_only_notes(texts[HEAD], notes), Edit(_NOTES, "\n".join(notes)), rule.edits
        )
    return texts, ()


_GUIDANCE: Final = "slow_update"
_NOTES: Final = "appendix"
"""In place of an operation: what was to be written into a protected block."""


def _within_budget(
    texts: Mapping[str, str], head: str, block: Edit, rule: EditRule
) -> tuple[Mapping[str, str], Sequence[EditOutcome]]:
    """Take a document whose protected block was written, if that does not grow beyond its budget."""
    refused = too_long(len(texts[HEAD]), len(head), rule)
    if refused is None:
        return {**texts, HEAD: head}, ()
    return texts, (EditOutcome(1, block, refused.status, applied=False, hint=refused.hint),)


def note_step(saw: points.BufferSaw, rule: points.CompatibleRule, desk: PolicyContext) -> points.StepNoted:
    """Note what became of a step, for those after it."""
    why = {each.item: _said(each.why.value.reasons) for part in saw.reasons for each in _failed_items(desk, part)}
    rows = [row for part in saw.rows for row in rows_in(_cells.decode(desk.read(part)), why)]
    findings = () if saw.findings is None else _findings.decode(desk.read(saw.findings))
    report = () if saw.report is None else _report.decode(desk.read(saw.report))
    gate = None if saw.gate is None else saw.gate.value
    accepted = gate is not None and gate.outcome == "accept"
    rejected = None if gate is None or gate.outcome != "reject" else gate
    note = StepNote(
        step=saw.step,
        action=_action(saw, accepted=accepted),
        rows=len(rows),
        failed=sum(failed(row, compatible=rule.compatible) for row in rows),
        patterns=patterns_of(rows, findings, compatible=rule.compatible),
        before=None if rejected is None else rejected.figures.get("raw_mean"),
        after=None if rejected is None or rejected.score is None else float(rejected.score.exact),
        edits=() if rejected is None else tuple(_worded(each.edit) for each in report if each.applied),
        hints=() if rule.compatible else refusal_lines(report),
    )
    return points.StepNoted(desk.put(_encoder.encode(note)))


def _action(saw: points.BufferSaw, *, accepted: bool) -> str:
    if saw.gate is None:
        return f"no candidate ({saw.skipped})"
    if accepted:
        return "accepted"
    return "undecided" if saw.gate.value.outcome == "undecided" else "rejected"


def _failed_items(desk: PolicyContext, part: Held) -> tuple[points.FailedItem, ...]:
    return msgspec.json.decode(desk.read(part), type=tuple[points.FailedItem, ...])


def _said(reasons: Sequence[str]) -> str:
    return "; ".join(reasons) or "unknown"


def _worded(edit: Edit) -> str:
    """Word an edit in a line or more."""
    target = f" at {edit.target!r}" if edit.target else ""
    content = f": {edit.content}" if edit.content else ""
    where = "" if edit.file == HEAD else f" in {edit.file}"
    return f"{edit.op}{where}{target}{content}"


def word_notes(saw: points.StepNotesSaw, rule: NoSettings, desk: PolicyContext) -> points.NotesWorded:
    """Word the notes of an epoch's steps."""
    del rule
    notes = [msgspec.json.decode(desk.read(each), type=StepNote) for each in saw.notes]
    return points.NotesWorded(desk.put(render_notes(notes).encode()))


def sample_epoch(saw: SampleSaw, rule: SampleRule, desk: PolicyContext) -> EpochSample:
    """Draw the items on which the skills of two epochs are compared; there are none before the second."""
    del desk
    compatible = rule.batches.compatible
    wanted = rule.slow or rule.meta
    if saw.epoch == 1 or not wanted:
        placeholder = compatible and rule.slow and saw.epoch == 1
        return EpochSample((), slow=False, meta=False, placeholder=placeholder, top_up=False)
    items = sample_for_slow_update(rule.batches, saw.planned.value.names("train"), saw.epoch, rule.samples)
    return EpochSample(items, rule.slow, rule.meta, placeholder=False, top_up=rule.policy == "changed")


def pair_items(saw: PairsSaw, rule: PairsRule, desk: PolicyContext) -> EpochPairs:
    """Say what became of each item between two epochs."""
    pairs = _pairs(saw, desk, compatible=rule.compatible)
    shown = filter_pairs(pairs, rule.policy)

    def count(category: str) -> int:
        return sum(each.category == category for each in pairs)

    return EpochPairs(
        desk.put(_encoder.encode(shown)),
        count("improved"),
        count("regressed"),
        count("persistent_fail"),
        count("stable_success"),
    )


def _pairs(saw: PairsSaw | TopUpSaw, desk: PolicyContext, *, compatible: bool) -> list[EpochPair]:
    tables = [[cell for part in parts for cell in _cells.decode(desk.read(part))] for parts in (saw.before, saw.now)]
    before, now = ({each.item: each.hard for each in rows_in(table)} for table in tables)
    names = sorted({cell.item for table in tables for cell in table})
    found = [(item, pair_category(before.get(item), now.get(item), compatible=compatible)) for item in names]
    return [EpochPair(item, category) for item, category in found if category is not None]


def top_up(saw: TopUpSaw, rule: TopUpRule, desk: PolicyContext) -> TopUp:
    """Go on to as many items as are missing, all at once; SkillOpt takes one after another (W32)."""
    compatible = rule.batches.compatible
    had = [cell.item for part in saw.before for cell in _cells.decode(desk.read(part))]
    missing = rule.samples - len(filter_pairs(_pairs(saw, desk, compatible=compatible), "changed"))
    more = order_for_top_up(rule.batches, saw.planned.value.names("train"), saw.epoch, had)
    return TopUp(more[: max(min(missing, 1) if compatible else missing, 0)])


def keep_meta(saw: MetaSaw, rule: points.CompatibleRule, desk: PolicyContext) -> MetaNotes:
    """Remember what was written last; where nothing was, SkillOpt forgets what it knew before (W23)."""
    text = "" if saw.written is None else msgspec.json.decode(desk.read(saw.written), type=str)
    if text.strip():
        return MetaNotes(desk.put(text.encode()), kept=False)
    memory = None if saw.memory is None or rule.compatible else saw.memory.value.text
    return MetaNotes(memory, kept=memory is not None)


def note_appendix(saw: AppendixSaw, rule: AppendixRule, desk: PolicyContext) -> Reminders:
    """Add reminders to those that the skill has, each once."""
    written = regions_for(EditRule(compatible=rule.compatible))
    texts = texts_of({each.path: desk.read(each.text) for each in saw.files})
    before = written.appendix_notes(texts.get(HEAD, ""))
    given = msgspec.json.decode(desk.read(saw.notes), type=tuple[str, ...])
    after = written.appendix_notes(written.with_appendix_notes(texts.get(HEAD, ""), given))
    if saw.fewer is not None:
        after = msgspec.json.decode(desk.read(saw.fewer), type=tuple[str, ...])
    crowded = 0 < rule.above < len(after) and saw.fewer is None
    return Reminders(after, max(len(after) - len(before), 0), crowded)


def choose_closing(saw: ClosingSaw, rule: ClosingRule, desk: PolicyContext) -> ClosingPasses:
    """Say what is measured once training has ended."""
    del desk
    names = saw.planned.value.names
    return ClosingPasses(rule.remeasure and bool(names("selection")), rule.test and bool(names("test")))


POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {
        points.DO_NOTHING.name: score_untouched,
        points.EPOCH.name: plan_next_epoch,
        points.BATCH.name: rule_on_batch,
        points.STEP_TERMS.name: terms_of_step,
        points.MINIBATCHES.name: divide,
        RATE_TAKEN.name: take_rate,
        RATE_ASKED.name: take_asked_rate,
        UNRANKED.name: take_all,
        RANKED.name: take_ranked,
        CANDIDATE.name: make_candidate,
        PLACEBO.name: make_placebo,
        points.BUFFER.name: note_step,
        points.NOTES.name: word_notes,
        SAMPLE.name: sample_epoch,
        TOP_UP.name: top_up,
        PAIRS.name: pair_items,
        META_NOTES.name: keep_meta,
        APPENDIX_NOTES.name: note_appendix,
        CLOSING.name: choose_closing,
        GATE.name: rule_on_candidate,
    }
)
