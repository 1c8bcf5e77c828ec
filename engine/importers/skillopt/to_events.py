"""A training of SkillOpt as events: what its folder says of steps, candidates, rulings and skills, and no more.

Rulings have no inputs, for the folder does not hold them: they are on record, and cannot be made again.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any, Final, Literal, NamedTuple, TypeVar

import msgspec

from engine.importers.assumed import OPENING
from engine.importers.left_out import ImportOmission
from engine.importers.loose_json import JsonUnreadable, converted, read_json_list
from engine.importers.skillopt.files import BASELINE, BEST, INITIAL, STEPS, SUMMARY
from engine.importers.skillopt.records import (
    ReadHistory,
    SkillOptStep,
    SkillOptSummary,
    read_object,
    read_rows,
    score_of,
)
from engine.importers.streams import StreamBuilder
from events.base import Ref
from events.digest import Digest, Fingerprint
from events.streams import TRAIN, epoch_label, train_label
from events.types.item_set import SetPurpose
from events.types.skill import SkillRejected
from events.types.training import (
    CandidateMade,
    ChangeOrigin,
    EditsMerged,
    EditsSelected,
    GateDecided,
    GateOutcome,
    RateChosen,
    RolloutsScored,
    SkillAccepted,
    SkillResult,
    StepOpened,
    StepSkipped,
    TrainingClosed,
    TrainingEnding,
    TrainingPlanned,
)
from events.values import NamedDigest, Ratio
from projections.library import folder_digest
from projections.training.state import ProposedEdit

GATE: Final = "skillopt"
_Record = TypeVar("_Record")
_NAME: Final = re.compile(rb"\A---\r?\n(?:.*\r?\n)*?name:[ \t]*([a-z0-9-]{1,64})[ \t]*\r?\n")
_LISTS: Final = ("edits", "revise_suggestions", "skill_candidates")
"""Where a patch has what it proposes, by SkillOpt's mode of updates."""
_RESTORE: Final = "restore the file, and import the folder into a new log"
_RULINGS: Final[Mapping[str, GateOutcome]] = {
    "accept_new_best": "accept",
    "accept": "accept",
    "reject": "reject",
    "skip_undecided": "undecided",
}


class _ReportRow(msgspec.Struct, frozen=True):
    """What became of an edit, in SkillOpt's words."""

    status: str = ""
    hint: str = ""


class _Candidate(NamedTuple):
    """A candidate that was laid out."""

    at: Ref
    files: tuple[NamedDigest, ...]
    origin: ChangeOrigin


class SkillOptStreams:
    """Lays out the events of one folder."""

    def __init__(self, put: Callable[[bytes], Digest], name: str, files: Mapping[str, bytes]) -> None:
        """Begin.

        Args:
            put: Takes the bytes of a blob in.
            name: Of the folder.
            files: Of the folder, by path.
        """
        self.layout = StreamBuilder()
        self.doubts: list[str] = []
        """What was missing, and what was done instead."""
        self.left_out: list[ImportOmission] = []
        self.accepted = 0
        """Of candidates of steps and of epochs' ends, like those below."""
        self.rejected = 0
        self.skipped = 0
        self._put = put
        self._files = files
        texts = (files[each] for each in (INITIAL, BEST) if each in files)
        named = next((found[1] for text in texts if (found := _NAME.match(text))), None)
        self._skill = name if named is None else named.decode()
        initial = self._document(INITIAL) if files.get(INITIAL) else None
        self._revisions: list[tuple[NamedDigest, ...]] = [initial or ()]
        self._best = 0
        self._epoch_before = 0
        """Revision in force at the end of the epoch before."""

    def write(self, history: ReadHistory) -> None:
        """Lay out all of it, behind the event that opens the run."""
        if INITIAL not in self._files:
            self.left_out.append(ImportOmission(INITIAL, "the initial skill is not there", _RESTORE))
        self.layout.add(TRAIN, TrainingPlanned(self._skill, self._revisions[0], ()), OPENING)
        self._passed("start", BASELINE, "selection", 0)
        for place, step in enumerate(history.steps):
            self._step(step)
            following = history.steps[place + 1] if place + 1 < len(history.steps) else None
            ends = following is None or following.epoch != step.epoch
            self._after(step, ends=ends)
            if ends:
                self._epoch_before = len(self._revisions) - 1
        self._close(history)

    def _step(self, step: SkillOptStep) -> None:
        at = f"{STEPS}/step_{step.step:04d}"
        epoch, number = step.epoch or 1, step.step_in_epoch or step.step
        if step.epoch is None or step.step_in_epoch is None:
            self.doubts.append(f"step {step.step}: its place in its epoch is not told: {epoch}.{number} stands for it")
        self.layout.add(TRAIN, StepOpened(step.step, epoch, number, self._in_force))
        self._rolled_out(step, at)
        merged = self._items(f"{at}/merged_patch.json")
        chosen = self._proposals(step, at, merged)
        if step.action in {"skip_no_patches", "skip_no_rewrite"}:
            self.skipped += 1
            self.layout.add(TRAIN, StepSkipped(step.step, f"SkillOpt: {step.action}"))
            return
        if step.action is None:
            self.left_out.append(ImportOmission(at, "what became of the step is not told", _RESTORE))
            return
        rewritten = any(f"{at}/{each}_result.json" in self._files for each in ("rewrite", "full_rewrite"))
        candidate = self._candidate(step, f"{at}/candidate_skill.md", "rewrite" if rewritten else "step", chosen)
        if candidate is None:
            self.left_out.append(ImportOmission(f"{at}/candidate_skill.md", "the candidate is not there", _RESTORE))
            return
        self._decide(step, candidate, at)

    def _rolled_out(self, step: SkillOptStep, at: str) -> None:
        """Lay out the rollouts of a step; of one that accumulates batches, each has a folder of its own."""
        parts = step.accumulation_batches
        if f"{at}/rollout/results.jsonl" in self._files or not parts[1:]:
            rolled = (step.rollout_hard, step.rollout_soft)
            self._scored(
                train_label(step.step, "rollout"), f"{at}/rollout", "train", rolled, step.rollout_n, self._in_force
            )
            return
        for place, part in enumerate(parts):
            label = train_label(step.step, "rollout", place)
            means, folder = (part.hard, part.soft), f"{at}/batch_{place}/rollout"
            self._scored(label, folder, "train", means, part.n_envs, self._in_force)

    def _proposals(self, step: SkillOptStep, at: str, merged: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
        """Lay out what was proposed and selected; give what was selected."""
        if merged is None:
            return []
        blob = self._put(msgspec.json.encode([_edit(each) for each in merged]))
        self.layout.add(TRAIN, EditsMerged(step.step, blob, len(merged), ()))
        if step.edit_budget is not None:
            self.layout.add(TRAIN, RateChosen(step.step, step.step, step.edit_budget, ""))
        ranked = self._items(f"{at}/ranked_edits.json")
        if ranked is None:
            return []
        places: list[int] = []
        for each in ranked:
            places += [place for place, item in enumerate(merged) if item == each and place not in places][:1]
        if len(places) < len(ranked):
            self.doubts.append(f"step {step.step}: its selected edits are not all in its merged list; none is marked")
            return ranked
        told = b"ranking_details" in self._files[f"{at}/ranked_edits.json"] or places != sorted(places)
        how: Literal["all", "ranked", "first"] = "ranked" if told else "first"
        how = "all" if len(places) == len(merged) else how
        self.layout.add(TRAIN, EditsSelected(step.step, tuple(places), len(merged), how))
        return ranked

    def _candidate(
        self, step: SkillOptStep, file: str, origin: ChangeOrigin, chosen: list[dict[str, Any]]
    ) -> _Candidate | None:
        files = self._document(file)
        if files is None:
            return None
        rows = self._reported(str(PurePosixPath(file).with_name("edit_apply_report.json")))
        edits = chosen if len(chosen) == len(rows) else rows
        report = [
            {
                "edit": _edit(edit),
                "status": said.status,
                "applied": said.status.startswith("applied"),
                "hint": said.hint,
            }
            for edit, said in zip(edits, (converted(dict(row), _ReportRow)[0] for row in rows), strict=True)
        ]
        applied = sum(bool(each["applied"]) for each in report)
        blob = self._put(msgspec.json.encode(report))
        parent = self._in_force
        made = CandidateMade(
            self._skill, origin, step.step, step.epoch or 1, files, parent, blob, applied, len(report) - applied,
            changed=folder_digest(files) != parent,
        )  # fmt: skip
        return _Candidate(self.layout.add(TRAIN, made), files, origin)

    def _decide(self, step: SkillOptStep, candidate: _Candidate, at: str) -> None:
        """Lay out what was ruled of a candidate, and what came of it."""
        action = step.action or ""
        measured = (step.selection_hard, step.selection_soft)
        what = "gate" if candidate.origin != "slow" else "slow"
        label = train_label(step.step, what)
        self._scored(label, f"{at}/selection_eval", "selection", measured, None, folder_digest(candidate.files))
        outcome = _RULINGS.get(action)
        best = action == "accept_new_best" or (action == "force_accept" and step.best_step == step.step != 0)
        gate: Ref | None = None
        if outcome is not None:
            gate = self.layout.add(TRAIN, self._ruling(step, candidate.at, outcome, best=best))
        if outcome == "reject" and gate is not None:
            self.rejected += 1
            rejected = SkillRejected(self._skill, candidate.at, (f"SkillOpt: {action}",))
            self.layout.add(TRAIN, rejected, gate)
        elif outcome != "undecided":
            self._accept(step, candidate, gate, best=best)

    def _ruling(self, step: SkillOptStep, candidate: Ref, outcome: GateOutcome, *, best: bool) -> GateDecided:
        told = {"selection_hard": step.selection_hard, "selection_soft": step.selection_soft}
        return GateDecided(
            candidate=candidate,
            gate=GATE,
            outcome=outcome,
            reason=f"SkillOpt: {step.action}",
            run=(),
            figures={name: value for name, value in told.items() if value is not None},
            score=self._score(step, "candidate_gate_score"),
            believed=self._score(step, "current_score"),
            variance=None,
            rows=0,
            beside=0,
            best=best,
            paired=False,
        )

    def _accept(self, step: SkillOptStep, candidate: _Candidate, gate: Ref | None, *, best: bool) -> None:
        self.accepted += 1
        number, before = len(self._revisions), self._in_force
        where = (candidate.at, gate, candidate.origin, step.step, step.epoch or 1)
        accepted = SkillAccepted(self._skill, number, candidate.files, before, *where, best)
        self.layout.add(TRAIN, accepted, gate or candidate.at)
        self._revisions.append(candidate.files)
        if best:
            self._best = number

    def _after(self, step: SkillOptStep, *, ends: bool) -> None:
        """Lay out how the skill changed after a step's own ruling: by notes, or by guidance at the end of its epoch."""
        at = f"slow_update/epoch_{step.epoch or 1:02d}"
        value = read_object(self._files, f"{at}/slow_result.json", self.left_out) if ends else None
        if value is not None:
            self._compared(at, step.epoch or 1)
        slow = None if value is None else _loose(value, SkillOptStep)
        then = msgspec.structs.replace(slow or SkillOptStep(), step=step.step, epoch=step.epoch)
        candidate = self._candidate(then, f"{at}/candidate_skill.md", "slow", []) if then.action is not None else None
        if candidate is not None:
            self._decide(then, candidate, at)
        document = f"skills/skill_v{step.step:04d}.md"
        files = self._document(document)
        if files is None:
            self.left_out.append(ImportOmission(document, "the skill after the step is not there", _RESTORE))
        elif files != self._revisions[-1] and (self._revisions[-1] or self._files[document]):
            origin: ChangeOrigin | None = "appendix" if step.n_appendix_notes_added else None
            origin = "slow" if value is not None and candidate is None else origin
            if origin is None:
                self.doubts.append(f"{document} is not what was in force after step {step.step}; nothing says why")
                return
            changed = self._candidate(then, document, origin, [])
            if changed is not None:
                self._accept(then, changed, None, best=False)

    def _passed(self, label: str, folder: str, purpose: SetPurpose, revision: int) -> None:
        """Lay out a pass of a revision over a set, whose means nothing but its rows tells."""
        rows = read_rows(self._files, f"{folder}/results.jsonl")
        if rows:
            means = (_mean(rows, "hard"), _mean(rows, "soft"))
            self._scored(label, folder, purpose, means, None, _digest(self._revisions[revision]))

    def _compared(self, at: str, epoch: int) -> None:
        """Lay out what the skill of the epoch before did, and that of now, on the same items."""
        self._passed(epoch_label(epoch, "slow.before"), f"{at}/rollout_prev", "train", self._epoch_before)
        self._passed(epoch_label(epoch, "slow.after"), f"{at}/rollout_curr", "train", len(self._revisions) - 1)

    def _close(self, history: ReadHistory) -> None:
        best = self._best_revision()
        last = len(self._revisions) - 1
        self._passed("final.selection", "final_selection_eval", "selection", last)
        self._passed("test.initial", "test_eval_baseline", "test", 0)
        if best is not None:
            self._passed("test.best", "test_eval", "test", best)
        self._passed("test.final", "test_eval_final", "test", last)
        value = read_object(self._files, SUMMARY, self.left_out)
        if value is None:
            self.doubts.append(f"no {SUMMARY} that can be read: the training is not said to have ended")
            return
        summary = _loose(value, SkillOptSummary)
        own = summary.version == "stillroom"
        ending: TrainingEnding | None = summary.ending if own else "completed"
        if ending is not None:
            counts = (self.accepted, self.rejected, self.skipped)
            results = self._results(summary, best, fresh=not own)
            self.layout.add(TRAIN, TrainingClosed(ending, len(history.steps), *counts, results))

    def _best_revision(self) -> int | None:
        """Find the revision that ``best_skill.md`` has. None: none has, and it is named.

        SkillOpt writes that file in place, so that a process that was killed leaves it empty or cut off; when it goes
        on, it takes what it finds there for the best skill, and tests that.
        """
        if BEST not in self._files:
            return self._best
        best = self._document(BEST) if self._files[BEST] or self._revisions[0] else ()
        found = [number for number, files in enumerate(self._revisions) if files == best]
        if not found:
            self.doubts.append(
                f"{BEST} is none of the skills that were in force (a cut-off write?): revision {self._best} counts as "
                "best, and what was tested as the best skill counts for none"
            )
            return None
        return self._best if self._best in found else found[-1]

    def _results(self, summary: SkillOptSummary, best: int | None, *, fresh: bool) -> tuple[SkillResult, ...]:
        places = {"initial": 0, "best": self._best if best is None else best, "final": len(self._revisions) - 1}
        final = score_of(summary.final_selection_hard)
        scores = {
            "initial": (summary.baseline_selection_hard, summary.baseline_test_hard, summary.baseline_test_soft),
            "best": (
                summary.best_selection_hard,
                None if best is None else summary.test_hard,
                None if best is None else summary.test_soft,
            ),
            "final": (
                None if fresh else summary.final_selection_hard,
                summary.final_test_hard,
                summary.final_test_soft,
            ),
        }
        results: list[SkillResult] = []
        for which, number in places.items():
            believed, hard, soft = (score_of(each) for each in scores[which])
            measured = final if fresh and which == "final" else None
            digest = _digest(self._revisions[number])
            results.append(SkillResult(which, number, digest, believed, measured, hard, soft))  # type: ignore[arg-type]
        return tuple(results)

    def _scored(
        self,
        label: str,
        folder: str,
        purpose: SetPurpose,
        means: tuple[float | None, float | None],
        planned: int | None,
        skill: Fingerprint | None,
    ) -> None:
        """Lay out a pass whose items are counted somewhere; of one that nobody counts there is only the ruling."""
        rows = read_rows(self._files, f"{folder}/results.jsonl")
        known = [row for row in rows or () if isinstance(row.get("hard"), int | float)]
        counts = (planned, planned) if rows is None else (len(rows), len(known))
        if counts[0] is None or counts[1] is None or counts[0] < 0:
            return
        blob = self._put(msgspec.json.encode(rows or []))
        hard, soft = (score_of(each) for each in means)
        self.layout.add(TRAIN, RolloutsScored(label, purpose, skill, blob, counts[0], counts[1], hard, soft))

    def _score(self, step: SkillOptStep, name: str) -> Ratio | None:
        value = getattr(step, name)
        score = score_of(value)
        if value is not None and score is None:
            self.doubts.append(f"step {step.step}: {name} {value} is no score in [0, 1]; it counts as missing")
        return score

    def _items(self, name: str) -> list[dict[str, Any]] | None:
        """Read a list of edits. None: there is none that can be read."""
        value = read_object(self._files, name, self.left_out) or {}
        found = next((value[key] for key in _LISTS if isinstance(value.get(key), list)), None)
        return None if found is None else [each for each in found if isinstance(each, dict)]

    def _reported(self, name: str) -> list[dict[str, Any]]:
        if name not in self._files:
            return []
        try:
            values, _ = read_json_list(self._files[name])
        except JsonUnreadable as error:
            self.left_out.append(ImportOmission(name, str(error), _RESTORE))
            return []
        return [each for each in values if isinstance(each, dict)]

    def _document(self, name: str) -> tuple[NamedDigest, ...] | None:
        """Take a document in as a skill's folder. None: it is not there."""
        if name not in self._files:
            return None
        return (NamedDigest("SKILL.md", self._put(self._files[name])),)

    @property
    def _in_force(self) -> Fingerprint | None:
        return _digest(self._revisions[-1])


def _digest(files: tuple[NamedDigest, ...]) -> Fingerprint | None:
    return folder_digest(files) if files else None


def _mean(rows: list[dict[str, Any]], key: str) -> float | None:
    """Give the mean of a column over the rows that have a score. None: none has."""
    values = [row.get(key) for row in rows if isinstance(row.get("hard"), int | float)]
    known = [float(each) for each in values if isinstance(each, int | float)]
    return sum(known) / len(known) if known else None


def _loose(value: dict[str, Any], kind: type[_Record]) -> _Record:
    try:
        return converted(dict(value), kind)[0]
    except JsonUnreadable:
        return kind()


def _edit(value: dict[str, Any]) -> ProposedEdit:
    return _loose(value, ProposedEdit)
