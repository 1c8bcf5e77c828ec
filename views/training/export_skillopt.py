"""A training run as SkillOpt's output folder, with a report of what it does not hold (SkillOpt, 1.11 and 9)."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from hashlib import sha256
from pathlib import Path, PurePath
from typing import Any, Final

import msgspec
from anyio import Path as AsyncPath
from anyio import to_thread
from rich.console import Group, RenderableType
from rich.text import Text

from engine.adoption.tree import is_safe_path
from engine.config.spec import RunSpec, read_spec
from engine.programs.train.spec import train_spec
from events.store.base import EventLog, Selection
from events.types.run import RunImported, RunOpened
from events.values import NamedDigest, Ratio
from projections.training.measures import cells_of, passes_of, reward_of, selection_score, share_of
from projections.training.state import CandidateRecord, ProposedEdit, RevisionRecord, StepRecord, TrainedRun
from views.terminal.errors import UsageWrong
from views.terminal.format import plural
from views.terminal.log_access import OpenedLog
from views.training.skillopt_epoch_ends import epoch_end_files
from views.training.trained_log import TrainedLog, read_training

_RATES: Final[Mapping[str, tuple[str, str]]] = {
    "constant": ("constant", "fixed"),
    "linear": ("linear", "fixed"),
    "cosine": ("cosine", "fixed"),
    "autonomous": ("cosine", "autonomous"),
    "none": ("constant", "none"),
}
"""SkillOpt's ``lr_scheduler`` and ``lr_control_mode`` by the mode of our rate."""
_UPDATES: Final[Mapping[str, str]] = {
    "patch": "patch",
    "rewrite": "rewrite_from_suggestions",
    "full_rewrite": "full_rewrite_minibatch",
}
_STATE: Final = "runtime_state.json"
_PATHS: Final = f"the old paths in {_STATE}: those of the new folder stand there; the rest is as it was imported"
_NOT_HELD: Final = (
    "why a gate ruled as it did, its doubts and its shadows: `edits list` and `gate` have them",
    "requests and answers of models: `export atif` and `show` have them",
)


class SkillOptExportRow(msgspec.Struct, frozen=True, tag_field="kind", tag="skillopt_export"):
    """A folder that was written."""

    path: str
    run: str
    steps: int
    accepted: int
    rejected: int
    skipped: int
    """Steps without a candidate."""
    undecided: int
    """Steps whose candidate was left undecided: SkillOpt has no such outcome."""
    best_step: int
    """0: the initial skill."""
    lost: tuple[str, ...]
    """What the format does not hold, or holds otherwise."""


async def write(desk: OpenedLog, text: str, folder: Path) -> SkillOptExportRow:
    """Write a training run as an output folder of SkillOpt, whole or not at all.

    Args:
        desk: With the log.
        text: Which run.
        folder: In which the run's folder is made, named after the run; never overwritten.

    Raises:
        IdUnknown, IdAmbiguous: There is no such run, or there are several.
        UsageWrong: It trains nothing, or its folder is there already or cannot be made.
        BlobMissing, BlobErased: Bytes of the run are gone.
    """
    trained = await read_training(desk.log, text)
    run = trained.run
    out = folder / run.run
    if await AsyncPath(out).exists():
        raise UsageWrong(f"{out} already exists", remedy="remove it, or choose another folder with --to")
    history = _history(run)
    imported = await _imported(desk.log, run.run)
    if imported is None:
        files, lost = await _files(desk.log, trained, out, history), tuple(_lost(run))
    else:
        files, lost = await _kept(desk.log, imported, out), tuple(_unkept(imported))
    try:
        await AsyncPath(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{run.run}.", dir=folder) as unfinished:
            await to_thread.run_sync(_save, Path(unfinished) / run.run, files)
            await AsyncPath(unfinished, run.run).rename(out)
    except OSError as error:
        raise UsageWrong(f"{out} cannot be written: {error.strerror}", remedy="choose a writable folder") from error
    return _row(run, out, history, lost)


def render(row: SkillOptExportRow) -> RenderableType:
    """Draw what was written, and what it lacks."""
    told = f"{row.accepted} accepted, {row.rejected} rejected, {row.skipped} skipped, {row.undecided} undecided"
    lines = [Text(f"{row.path}: {plural(row.steps, 'step')}, {told}; best: step {row.best_step}")]
    return Group(*lines, *(Text(f"  not in it: {each}", style="dim") for each in row.lost))


def _save(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


async def _imported(log: EventLog, run: str) -> RunImported | None:
    """Find the event by which a run of SkillOpt's own was imported. None: it is none."""
    async for each in log.read(Selection(run=run, streams=("run",), tags={"run.imported"})):
        if isinstance(each.event, RunImported) and each.event.source == "skillopt":
            return each.event
    return None


async def _kept(log: EventLog, imported: RunImported, out: Path) -> dict[str, bytes]:
    """Give the files that SkillOpt wrote; its trainer goes on with the skills of the folder that its state names.

    Raises:
        UsageWrong: A name leads out of the folder.
    """
    files: dict[str, bytes] = {}
    for each in imported.files:
        if not is_safe_path(each.name):
            problem = f"{imported.name} cannot be written: {each.name!r} is no path below its folder"
            raise UsageWrong(problem, remedy="do not use this log")
        files[each.name] = await log.get(each.digest)
    if _STATE in files:
        files[_STATE] = _moved(files[_STATE], out)
    return files


def _unkept(imported: RunImported) -> Iterator[str]:
    """Say what of an imported folder the log does not hold."""
    yield _PATHS
    for each in imported.warnings:
        if each.startswith("left out: "):
            yield each.removeprefix("left out: ")
        elif "[secret:" in each:
            yield f"values of secrets: the folder {each}"


def _moved(state: bytes, out: Path) -> bytes:
    """Let the state name the skills of its new folder. A state that cannot be read stays as it is."""
    try:
        told = msgspec.json.decode(state, type=dict[str, Any])
    except msgspec.MsgspecError:
        return state
    for key in ("current_skill_path", "best_skill_path"):
        if isinstance(told.get(key), str):
            named = PurePath(told[key])
            below = Path("skills", named.name) if key == "current_skill_path" else Path(named.name)
            told[key] = str(out.absolute() / below)
    return _json(told)


async def _files(
    log: EventLog, trained: TrainedLog, out: Path, history: Sequence[Mapping[str, Any]]
) -> dict[str, bytes]:
    run = trained.run
    files = {
        "config.json": _json(await _config(log, run)),
        "history.json": _json(history),
        _STATE: _json(_state(run, out, history)),
        "summary.json": _json(_summary(run, history)),
        "best_skill.md": await _document(log, run.best.files),
        "skills/skill_v0000.md": await _document(log, run.initial),
        "selection_eval_baseline/results.jsonl": _results(trained, _first_labels(run)),
    }
    for record, step in zip(history, run.steps, strict=False):
        at = f"steps/step_{step.step:04d}"
        files[f"skills/skill_v{step.step:04d}.md"] = await _document(log, _in_force(run, step.step).files)
        files[f"{at}/step_record.json"] = _json(record)
        files[f"{at}/rollout/results.jsonl"] = _results(trained, step.passes)
        if step.available is not None:
            files[f"{at}/merged_patch.json"] = _json({"edits": [_edit(each) for each in step.items]})
            chosen = [step.items[place] for place in step.selected if place < len(step.items)]
            files[f"{at}/ranked_edits.json"] = _json({"edits": [_edit(each) for each in chosen]})
        candidate = _candidate(run, step)
        if candidate is not None:
            files[f"{at}/candidate_skill.md"] = await _document(log, candidate.files)
            files[f"{at}/edit_apply_report.json"] = _json(list(_report(candidate)))
            files[f"{at}/selection_eval/results.jsonl"] = _results(trained, candidate.passes)
    ends = await epoch_end_files(log, run)
    return files | {name: each if isinstance(each, bytes) else _json(each) for name, each in ends.items()}


async def _document(log: EventLog, files: Sequence[NamedDigest]) -> bytes:
    """Read the skill itself. Empty: there is none."""
    return await log.get(files[0].digest) if files else b""


def _history(run: TrainedRun) -> list[dict[str, Any]]:
    """Tell the steps that have ended."""
    ended = []
    for step in run.steps:
        candidate = _candidate(run, step)
        if step.skipped is None and (candidate is None or candidate.standing == "open"):
            break
        ended.append(_record(run, step))
    return ended


def _record(run: TrainedRun, step: StepRecord) -> dict[str, Any]:
    """Tell a step as ``step_record.json`` does; what nobody knows is null or left out."""
    candidate, in_force, best = _candidate(run, step), _after_gate(run, step.step), _best(run, step.step)
    rollouts = [cell for cells in cells_of(run, step.passes).values() for cell in cells]
    record: dict[str, Any] = {
        "step": step.step,
        "epoch": step.epoch,
        "step_in_epoch": step.number - 1,
        "timing": {},
        "tokens": {},
        "rollout_hard": _number(share_of(rollouts)),
        "rollout_soft": _number(reward_of(rollouts)),
        "rollout_n": len(rollouts),
        "n_patches": len(step.patches),
        "n_failure_patches": sum(each.kind == "failure" for each in step.patches),
        "n_success_patches": sum(each.kind == "success" for each in step.patches),
        "n_edits_merged": step.available,
        "n_edits_ranked": len(step.selected),
        "edit_budget": step.rate,
        "support_counts": [step.items[place].support_count for place in step.selected if place < len(step.items)],
        "action": _action(candidate, best),
    }
    if candidate is not None:
        record |= _measured(run, candidate)
    return record | {
        "current_score": _score(run, in_force),
        "best_score": _score(run, best),
        "best_step": best.step,
        "current_origin": _origin(run, in_force),
        "best_origin": _origin(run, best),
        "wall_time_s": None,
    }


def _measured(run: TrainedRun, candidate: CandidateRecord) -> dict[str, Any]:
    cells = [cell for found in cells_of(run, candidate.passes).values() for cell in found]
    ruled = candidate.gates[-1] if candidate.gates else None
    return {
        "candidate_hash": candidate.files[0].digest[:16] if candidate.files else sha256(b"").hexdigest()[:16],
        "edit_apply_summary": {
            "total": candidate.applied + candidate.refused,
            "applied": candidate.applied,
            "skipped": candidate.refused,
            "errors": 0,
        },
        "selection_hard": _number(share_of(cells)),
        "selection_soft": _number(reward_of(cells)),
        "gate_metric": run.terms.metric,
        "candidate_gate_score": _ratio(None if ruled is None else ruled.score),
    }


def _action(candidate: CandidateRecord | None, best: RevisionRecord) -> str:
    """Name what became of a step in SkillOpt's words; of what it has no word for, ``skip_undecided``."""
    if candidate is None:
        return "skip_no_patches"
    if candidate.standing == "accepted":
        if not candidate.gates:
            return "force_accept"
        return "accept_new_best" if best.candidate == candidate.name else "accept"
    return "reject" if candidate.standing == "rejected" else "skip_undecided"


def _candidate(run: TrainedRun, step: StepRecord) -> CandidateRecord | None:
    """Find what a step led to, as SkillOpt gates it: guidance and notes come after it."""
    found = (run.candidate(name) for name in step.candidates)
    return next((each for each in found if each is not None and each.origin in {"step", "rewrite"}), None)


def _in_force(run: TrainedRun, step: int) -> RevisionRecord:
    """Give what was in force after a step, and after the end of its epoch where it is the last one."""
    return next(each for each in reversed(run.revisions) if each.step <= step)


def _after_gate(run: TrainedRun, step: int) -> RevisionRecord:
    """Give what was in force when a step was recorded: SkillOpt notes and guides its skill after that."""
    later = {"slow", "appendix"}
    return next(
        each for each in reversed(run.revisions) if each.step < step or (each.step == step and each.origin not in later)
    )


def _best(run: TrainedRun, step: int) -> RevisionRecord:
    so_far = [each for each in run.revisions if each.step <= step]
    return next((each for each in reversed(so_far) if each.best), so_far[0])


def _origin(run: TrainedRun, revision: RevisionRecord) -> str:
    """Name where a revision is from; notes in an appendix are no origin to SkillOpt."""
    match revision.origin:
        case "initial":
            return "initial_skill"
        case "slow":
            return f"slow_update_epoch_{revision.epoch:02d}"
        case "appendix":
            return _origin(run, run.revisions[revision.revision - 1])
        case _:
            return f"step_{revision.step:04d}"


def _first_labels(run: TrainedRun) -> list[str]:
    return [each.label for each in passes_of(run, run.revisions[0].digest)[:1]]


def _score(run: TrainedRun, revision: RevisionRecord) -> float | None:
    """Give the score that a revision came into force with; of the initial one, of its first pass.

    What nothing measured (guidance and notes that no gate ruled on) has the score of the revision before it, as
    SkillOpt goes on with: a state without a score would have it begin anew from the initial skill.
    """
    if revision.score is not None or not revision.revision:
        measured = None if revision.score is not None else selection_score(run, _first_labels(run))
        return _ratio(revision.score) if measured is None else float(measured.mean)
    if revision.origin in {"slow", "appendix"}:
        return _score(run, run.revisions[revision.revision - 1])
    return None


def _state(run: TrainedRun, out: Path, history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    last = len(history)
    in_force, best = _in_force(run, last), _best(run, last)
    return {
        "last_completed_step": last,
        "current_skill_path": str(out.absolute() / "skills" / f"skill_v{last:04d}.md"),
        "current_score": _score(run, in_force),
        "current_origin": _origin(run, in_force),
        "best_skill_path": str(out.absolute() / "best_skill.md"),
        "best_score": _score(run, best),
        "best_step": best.step,
        "best_origin": _origin(run, best),
    }


def _summary(run: TrainedRun, history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    results = {} if run.closed is None else {each.which: each for each in run.closed.skills}
    tested = {
        f"{name}_{kind}": _ratio(None if which not in results else getattr(results[which], f"test_{kind}"))
        for name, which in (("baseline_test", "initial"), ("test", "best"), ("final_test", "final"))
        for kind in ("hard", "soft")
    }
    first, best, final = (_score(run, each) for each in (run.revisions[0], run.best, run.in_force))
    return {
        "version": "stillroom",
        "ending": None if run.closed is None else run.closed.ending,
        "baseline_selection_hard": first,
        "best_selection_hard": best,
        "final_selection_hard": final,
        "best_step": run.best.step,
        "current_origin": _origin(run, run.in_force),
        "best_origin": _origin(run, run.best),
        "total_steps": len(history),
        "total_accepts": sum("accept" in each["action"] for each in history),
        "total_rejects": sum(each["action"] == "reject" for each in history),
        "total_skips": sum(each["action"].startswith("skip") for each in history),
        **tested,
        "total_wall_time_s": None,
        "token_summary": {},
    }


async def _config(log: EventLog, run: TrainedRun) -> dict[str, Any]:
    """Tell the settings by SkillOpt's flat keys, without addresses and names of keys."""
    opened = [each.event async for each in log.read(Selection(run=run.run, streams=("run",), tags={"run.opened"}))]
    spec = (
        read_spec(await log.get(opened[0].spec)) if opened and isinstance(opened[0], RunOpened) else RunSpec(tasks="")
    )
    settings = train_spec(spec)
    scheduler, control = _RATES[settings.rate.mode]
    models = {f"{role}_model": model.model for role, model in spec.models.items() if role in {"optimizer", "target"}}
    planned = run.set_for("train")
    return {
        **models,
        "env": "stillroom",
        "num_epochs": settings.epochs,
        "train_size": 0 if planned is None else len(planned.items),
        "batch_size": settings.batch,
        "accumulation": settings.accumulation,
        "seed": settings.seed,
        "minibatch_size": settings.minibatch,
        "merge_batch_size": settings.merge_batch,
        "failure_only": settings.failure_only,
        "edit_budget": settings.rate.most,
        "min_edit_budget": settings.rate.least,
        "lr_scheduler": scheduler,
        "lr_control_mode": control,
        "skill_update_mode": _UPDATES[settings.update],
        "use_slow_update": settings.slow.on,
        "slow_update_samples": settings.slow.samples,
        "longitudinal_pair_policy": settings.slow.policy,
        "use_meta_skill": settings.meta,
        "use_skill_aware_reflection": settings.skill_aware,
        "gate_metric": settings.metric,
        "gate_mixed_weight": settings.mixed_weight,
        "eval_test": settings.test,
    }


def _results(trained: TrainedLog, labels: Sequence[str]) -> bytes:
    """Write cells as rows of ``results.jsonl``; one without a score has none, and says why."""
    rows = [
        {
            "id": item,
            "task_type": trained.types.get(item),
            "hard": None if cell.cell.solved is None else int(cell.cell.solved),
            "soft": cell.cell.reward,
            "fail_reason": cell.cell.unscored or "",
        }
        for item, cells in cells_of(trained.run, labels).items()
        for cell in cells
    ]
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


def _edit(edit: ProposedEdit) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(edit)
    return told


def _report(candidate: CandidateRecord) -> Iterator[dict[str, Any]]:
    for each in candidate.edits:
        if each.selected:
            yield {"index": each.place, **_edit(each.edit), "status": each.status, "hint": each.hint}


def _row(run: TrainedRun, out: Path, history: Sequence[Mapping[str, Any]], lost: tuple[str, ...]) -> SkillOptExportRow:
    actions = [each["action"] for each in history]
    return SkillOptExportRow(
        path=str(out),
        run=run.run,
        steps=len(history),
        accepted=sum("accept" in each for each in actions),
        rejected=actions.count("reject"),
        skipped=actions.count("skip_no_patches"),
        undecided=actions.count("skip_undecided"),
        best_step=run.best.step,
        lost=lost,
    )


def _lost(run: TrainedRun) -> Iterator[str]:
    yield from _NOT_HELD
    yield "times and tokens of steps: null and empty; `report` and `log stats` have them"
    more = sorted({each.name for one in run.revisions for each in one.files[1:]})
    if more:
        yield f"files beside the document: {', '.join(more)}; `skills export` writes them"
    if any(each.standing == "undecided" for each in run.candidates):
        yield "candidates without a ruling: their action is `skip_undecided`, which SkillOpt never writes"


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def _ratio(value: Ratio | None) -> float | None:
    return None if value is None else float(value.exact)


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
