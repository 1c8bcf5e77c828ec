"""Whole trainings as SkillOpt records them: our policies in the compatible value, over the made-up environment.

It keeps no log and asks no model: what the optimizer answers is given. Where SkillOpt writes what, and under which
name, is said here and nowhere else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, cast

from engine.policies.edits.compatible import CompatibleRegions, apply_compatible
from engine.policies.edits.edit import EditFault, read_edit
from engine.policies.edits.modes import FULL_REWRITE, PATCH, REWRITE
from engine.policies.training.acceptance import Standing, accept_any, accept_better
from engine.policies.training.batches import (
    BatchRule,
    TrainingBatch,
    order_for_top_up,
    plan_epoch,
    sample_for_slow_update,
    steps_of_epoch,
)
from engine.policies.training.buffer import patterns_of
from engine.policies.training.minibatches import failed
from engine.policies.training.pairs import filter_pairs, pair_category
from engine.policies.training.rate import RateMode, RateRule, rate_at
from engine.policies.training.scores import (
    GateMetric,
    Means,
    gate_score,
    leading_word_density,
    means_of,
    pooled,
    short_digest,
)
from tests.vectors.modes import items_of, read_mode, summary_of
from tests.vectors.notes import Note, written_notes
from tests.vectors.optimizer import Merging, choose, decided_rate
from tests.vectors.training_layout import (
    CONTROLS,
    PAIR_POLICIES,
    TESTED,
    Record,
    SkillsInForce,
    runtime_state,
    summary_of_run,
)
from tests.vectors.training_world import FakeEnvironment, FakeRow, settings_of
from tests.vectors.values import Inputs, Kind, Value, leading_words

NO_LIMIT: Final = 999
_REGIONS: Final = CompatibleRegions()
_RANKED: Final[Mapping[str, Any]] = {"selected_indices": list(range(8))}


@dataclass
class StepWork:
    """One step under way."""

    step: int
    folder: str
    record: Record
    rows: list[FakeRow] = field(default_factory=list)
    proposals: list[dict[str, Any]] = field(default_factory=list)
    told: str = ""
    """What the optimizer was told of the steps before."""


class ItemPair(NamedTuple):
    """An item under two skills."""

    item: str
    category: str


class TrainingRun:
    """A training over the made-up environment."""

    def __init__(self, given: Inputs) -> None:
        self._given = given
        self._settings = settings_of(given)
        self._mode = read_mode(self._settings.skill_update_mode)
        self._world = FakeEnvironment(given["env"])
        self._train = self._world.items("train")
        self._batches = BatchRule(
            self._settings.batch_size, self._settings.accumulation, self._settings.seed, compatible=True
        )
        initial = given["initial_skill"]
        self._initial = initial
        self._in_force = SkillsInForce(initial, initial, Standing(None, None, 0))
        self._measured: dict[str, Means] = {}
        self._history: list[Record] = []
        self._contexts: list[Record] = []
        self._skills = {"skill_v0000.md": initial}
        self._files = {"config.json", "init.md", "history.json", "runtime_state.json", "best_skill.md", "summary.json"}
        self._notes: list[Note] = []
        self._memory: dict[int, str] = {}
        """Text of the meta skill, by epoch."""
        self._acted = 0
        """Steps that came as far as choosing edits."""

    def run(self) -> Value:
        """Train, and give what SkillOpt leaves behind."""
        settings = self._settings
        if settings.use_skill_aware_reflection:
            self._in_force.current = _REGIONS.with_appendix_placeholder(self._initial)
        means = self._measure(self._initial, "selection_eval_baseline")
        score = self._score(self._initial, means)
        self._in_force.standing = Standing(score, score, 0)
        for epoch in range(1, settings.num_epochs + 1):
            self._notes = []
            for at, batches in enumerate(plan_epoch(self._batches, self._train, epoch)):
                self._step(epoch, at, batches)
            self._end_epoch(epoch)
        last = self._last_step
        begun = self._measured[short_digest(self._initial)].hard
        ended = self._tests() if settings.eval_test else dict.fromkeys(TESTED)
        if not last:
            self._files.discard("history.json")
        return {
            "history": self._history,
            "runtime_state": runtime_state(self._in_force, last),
            "best_skill": self._in_force.best,
            "skills": self._skills,
            "rollout_calls": self._world.calls,
            "reflect_contexts": self._contexts,
            "files": sorted(self._files | {f"skills/{name}" for name in self._skills}),
            "summary": summary_of_run(self._in_force, self._history, begun) | ended,
        }

    @property
    def _last_step(self) -> int:
        return self._history[-1]["step"] if self._history else 0

    # --- one step ---

    def _step(self, epoch: int, at: int, batches: Sequence[TrainingBatch]) -> None:
        step = self._last_step + 1
        folder = f"steps/step_{step:04d}"
        record = {"step": step, "epoch": epoch, "step_in_epoch": at}
        work = StepWork(step, folder, record, told=written_notes(self._notes))
        self._roll_out(work, epoch, batches)
        if not work.proposals:
            self._skip(work, "skip_no_patches")
            return
        items = self._chosen(work)
        candidate = self._candidate(work, items)
        if candidate is None:
            self._skip(work, "skip_no_rewrite")
            return
        self._judge(work, candidate)
        self._note(work, items)
        self._keep(work, origins=True)

    def _roll_out(self, work: StepWork, epoch: int, batches: Sequence[TrainingBatch]) -> None:
        parts, listed = [], []
        for at, batch in enumerate(batches):
            folder = work.folder if len(batches) == 1 else f"{work.folder}/batch_{at}"
            rows = self._world.rollout(f"{folder}/rollout", batch.items, self._in_force.current)
            means = _means(rows)
            proposals = self._reflect(work, epoch, rows)
            work.rows.extend(rows)
            work.proposals.extend(proposals)
            parts.append((means, len(rows)))
            listed.append(
                {
                    "batch_idx": at,
                    "batch_seed": batch.seed,
                    "n_envs": len(rows),
                    "hard": means.hard,
                    "soft": means.soft,
                    "n_failure_patches": len(proposals),
                    "n_success_patches": 0,
                }
            )
        together = pooled(parts)
        work.record |= {
            "rollout_hard": round(together.hard, 6),
            "rollout_soft": round(together.soft, 6),
            "rollout_n": len(work.rows),
            "accumulation_batches": listed,
            "n_patches": len(work.proposals),
            "n_failure_patches": len(work.proposals),
            "n_success_patches": 0,
        }

    def _reflect(self, work: StepWork, epoch: int, rows: Sequence[FakeRow]) -> list[dict[str, Any]]:
        memory = self._memory.get(epoch - 1, "")
        self._contexts.append({"step": work.step, "step_buffer_context": work.told, "meta_skill_context": memory})
        items = self._given["edits_by_step"].get(str(work.step), [])
        said = {"source_type": "failure", "support_count": len(rows)}
        return [{self._mode.key: [{**said, **item} for item in items]}] if items else []

    def _chosen(self, work: StepWork) -> list[Any]:
        merging = Merging(_silent, self._mode, self._settings.merge_batch_size)
        merged = items_of(merging.merged(work.proposals, ()), self._mode)
        self._wrote(work, "merged_patch.json", "ranked_edits.json")
        budget, control = self._budget(work, len(merged))
        items = merged if budget is None else choose(merged, budget, lambda: _RANKED).items
        work.record |= {
            "n_edits_merged": len(merged),
            "n_edits_ranked": len(items),
            "edit_budget": budget,
            "lr_control_mode": control,
            "support_counts": [item.get("support_count", 0) for item in items],
        }
        return items

    def _budget(self, work: StepWork, available: int) -> tuple[int | None, str]:
        settings = self._settings
        if self._mode == FULL_REWRITE:
            return None, "none"
        control = CONTROLS[settings.lr_control_mode.strip().lower()]
        if control == "autonomous":
            work.record["lr_decision"] = decided_rate(lambda: _RANKED, available)
            self._wrote(work, "lr_decision.json")
            self._files.add("lr_history.jsonl")
            return int(work.record["lr_decision"]["learning_rate"]), control
        self._acted += 1
        steps = settings.num_epochs * steps_of_epoch(self._batches, len(self._train))
        mode = cast("RateMode", settings.lr_scheduler)
        rule = RateRule(mode, settings.edit_budget, settings.min_edit_budget, steps, compatible=True)
        rate = rate_at(rule, self._acted)
        return NO_LIMIT if rate is None else rate, control

    def _candidate(self, work: StepWork, items: Sequence[Any]) -> str | None:
        if self._mode == PATCH:
            candidate, applied = self._edited(work, items), True
        else:
            draft = self._draft(work, items)
            candidate, applied = draft or self._in_force.current, draft is not None
        self._wrote(work, "candidate_skill.md")
        work.record |= {"candidate_hash": short_digest(candidate), "candidate_skill_len": len(candidate)}
        return candidate if applied else None

    def _edited(self, work: StepWork, items: Sequence[Any]) -> str:
        text, statuses = self._in_force.current, []
        for item in items:
            try:
                text, status = apply_compatible(text, read_edit(item))
            except EditFault:
                status = "error"
            statuses.append(status)
        if statuses:
            self._wrote(work, "edit_apply_report.json")
            begun = {name: sum(each.startswith(name) for each in statuses) for name in ("applied", "skipped")}
            work.record["edit_apply_summary"] = {"total": len(statuses), **begun, "errors": statuses.count("error")}
        return text

    def _draft(self, work: StepWork, items: Sequence[Any]) -> str | None:
        if self._mode == REWRITE:
            return None
        drafts = [item for item in items if str(item.get("new_skill", "")).strip()]
        if not drafts:
            return None
        self._wrote(work, "full_rewrite_result.json")
        work.record["rewrite_change_summary"] = drafts[0].get("change_summary", [])
        return str(drafts[0]["new_skill"]).rstrip() + "\n"

    def _judge(self, work: StepWork, candidate: str) -> None:
        means = self._measure(candidate, f"{work.folder}/selection_eval")
        score = self._score(candidate, means)
        accept = accept_better if self._settings.use_gate else accept_any
        accepted = accept(self._in_force.standing, score, work.step)
        self._in_force.settle(accepted, candidate, f"step_{work.step:04d}", work.step)
        work.record |= {
            "selection_hard": means.hard,
            "selection_soft": means.soft,
            "gate_metric": self._metric,
            "candidate_gate_score": score,
            "action": accepted.action,
        }

    def _note(self, work: StepWork, items: Sequence[Any]) -> None:
        note: Record = {
            "step": work.step,
            "action": work.record["action"],
            "n_total": len(work.rows) or 1,
            "n_fail": sum(failed(row, compatible=True) for row in work.rows),
            "failure_patterns": [
                {"pattern": each.label, "count": len(each.items), "task_ids": each.items}
                for each in patterns_of(work.rows, (), compatible=True)
            ],
        }
        if work.record["action"] == "reject":
            note["score_before"] = self._in_force.standing.current
            note["score_after"] = work.record["candidate_gate_score"]
            note["rejected_edits"] = [summary_of(item, self._mode) for item in items]
        self._notes.append(note)
        self._wrote(work, "trajectory_digest.json")

    def _skip(self, work: StepWork, action: str) -> None:
        work.record["action"] = action
        self._keep(work, origins=False)

    def _keep(self, work: StepWork, *, origins: bool) -> None:
        standing = self._in_force.standing
        work.record |= {
            "current_score": standing.current,
            "best_score": standing.best,
            "best_step": standing.best_step,
            "skill_len": len(self._in_force.current),
        }
        if origins:
            work.record["current_origin"] = self._in_force.current_origin
            work.record["best_origin"] = self._in_force.best_origin
        self._history.append(work.record)
        self._wrote(work, "step_record.json")
        self._keep_skill()

    def _wrote(self, work: StepWork, *names: str) -> None:
        self._files.update(f"{work.folder}/{name}" for name in names)

    def _keep_skill(self) -> None:
        self._skills[f"skill_v{self._last_step:04d}.md"] = self._in_force.current

    # --- the end of an epoch ---

    def _end_epoch(self, epoch: int) -> None:
        ended_with, pairs = self._in_force.current, None
        if self._settings.use_slow_update:
            pairs = self._slow_update(epoch)
            self._keep_skill()
        if self._settings.use_meta_skill:
            self._meta_skill(epoch, ended_with, pairs)

    def _slow_update(self, epoch: int) -> tuple[ItemPair, ...] | None:
        folder = f"slow_update/epoch_{epoch:02d}"
        self._files.add(f"{folder}/slow_result.json")
        force = self._in_force
        if epoch == 1:
            force.current = _REGIONS.with_slow_placeholder(force.current)
            force.current_origin = f"slow_update_placeholder_epoch_{epoch:02d}"
            return None
        pairs = self._compare(epoch, folder, force.current)
        guidance = str(self._given.get("slow_update_stub") or "").strip()
        if guidance:
            self._files.add(f"{folder}/candidate_skill.md")
            self._take_guidance(epoch, folder, _REGIONS.with_slow_update(force.current, guidance))
        return pairs

    def _take_guidance(self, epoch: int, folder: str, candidate: str) -> None:
        origin, force = f"slow_update_epoch_{epoch:02d}", self._in_force
        if self._settings.slow_update_gate_with_selection:
            score = self._score(candidate, self._measure(candidate, f"{folder}/selection_eval"))
            force.settle(accept_better(force.standing, score, self._last_step), candidate, origin, self._last_step)
            return
        # It is not measured: the next candidate is compared with the score of another text (W10).
        self._measured[short_digest(candidate)] = Means(_known(force.standing.current), 0.0)
        force.current, force.current_origin = candidate, origin

    def _meta_skill(self, epoch: int, ended_with: str, pairs: tuple[ItemPair, ...] | None) -> None:
        folder = f"meta_skill/epoch_{epoch:02d}"
        self._files.add(f"{folder}/meta_skill_result.json")
        if epoch == 1:
            return
        if pairs is None:
            self._compare(epoch, folder, ended_with)
        written = str(self._given.get("meta_skill_stub") or "").strip()
        if written:
            self._memory[epoch] = written

    def _compare(self, epoch: int, folder: str, skill: str) -> tuple[ItemPair, ...]:
        settings = self._settings
        before = self._skills[f"skill_v{self._last_of(epoch - 1):04d}.md"]
        sample = sample_for_slow_update(self._batches, self._train, epoch, settings.slow_update_samples)
        policy = PAIR_POLICIES[settings.longitudinal_pair_policy.strip().lower()]
        pairs = self._pairs(folder, sample, before, skill)
        shown = list(filter_pairs(pairs, policy))
        if policy == "changed":
            for item in order_for_top_up(self._batches, self._train, epoch, sample):
                if len(shown) >= settings.slow_update_samples:
                    break
                more = self._pairs(folder, (item,), before, skill, below=f"/topup/{item}")
                shown.extend(filter_pairs(more, policy))
        self._files.add(f"{folder}/comparison_pairs.json")
        if policy != "mixed":
            self._files.add(f"{folder}/comparison_pairs_all.json")
        return tuple(shown[: settings.slow_update_samples])

    def _pairs(self, folder: str, items: Sequence[str], before: str, now: str, *, below: str = "") -> list[ItemPair]:
        was = self._world.rollout(f"{folder}/rollout_prev{below}", items, before)
        is_now = self._world.rollout(f"{folder}/rollout_curr{below}", items, now)
        return [
            ItemPair(one.item, str(pair_category(one.hard, other.hard, compatible=True)))
            for one, other in zip(was, is_now, strict=True)
        ]

    def _last_of(self, epoch: int) -> int:
        return max(int(record["step"]) for record in self._history if record["epoch"] == epoch)

    # --- scores ---

    @property
    def _metric(self) -> GateMetric:
        return cast("GateMetric", self._settings.gate_metric.strip().lower())

    def _measure(self, skill: str, folder: str) -> Means:
        key = short_digest(skill)
        if key not in self._measured:
            self._measured[key] = self._rolled_out(folder, "val", skill)
        return self._measured[key]

    def _rolled_out(self, folder: str, split: str, skill: str) -> Means:
        count = self._settings.sel_env_num if split == "val" else self._settings.test_env_num
        return _means(self._world.rollout(folder, self._world.items(split, count), skill))

    def _score(self, skill: str, means: Means) -> float:
        settings = self._settings
        score = gate_score(*means, self._metric, settings.gate_mixed_weight)
        if not settings.use_semantic_density:
            return score
        density = leading_word_density(skill, leading_words(settings.leading_words))
        return score + settings.semantic_density_weight * density

    # --- the end ---

    def _tests(self) -> Record:
        force = self._in_force
        hard, soft = _known(force.standing.best), None
        if short_digest(force.current) != short_digest(force.best):
            hard, soft = final = self._rolled_out("final_selection_eval", "val", force.current)
            score = self._score(force.current, final)
            if score > _known(force.standing.best):
                force.standing = force.standing._replace(best=score, best_step=self._last_step)
                force.best, force.best_origin = force.current, force.current_origin
        self._files.update(f"test_eval{which}/summary.json" for which in ("", "_baseline", "_final"))
        begun = self._rolled_out("test_eval_baseline", "test", self._initial)
        best = self._rolled_out("test_eval", "test", force.best)
        final = best
        if short_digest(force.current) != short_digest(force.best):
            final = self._rolled_out("test_eval_final", "test", force.current)
        return {
            "final_selection_hard": hard,
            "final_selection_soft": soft,
            "baseline_test_hard": begun.hard,
            "baseline_test_soft": begun.soft,
            "test_hard": best.hard,
            "test_soft": best.soft,
            "final_test_hard": final.hard,
            "final_test_soft": final.soft,
            "test_delta_hard": best.hard - begun.hard,
            "final_test_delta_hard": final.hard - begun.hard,
        }


def _means(rows: Sequence[FakeRow]) -> Means:
    means = means_of([(row.hard, row.soft) for row in rows], compatible=True)
    return Means(0.0, 0.0) if means is None else means


def _known(score: float | None) -> float:
    return 0.0 if score is None else score


def _silent() -> None:
    """Merge nothing: the cases give no answer to that question."""


def _trained(given: Inputs, _: str | None) -> Value:
    return TrainingRun(given).run()


KINDS: Final[dict[str, Kind]] = {"trainer_e2e/ReflACTTrainer.train (fake env)": _trained}
