"""An output folder as SkillOpt 0.2 leaves it, made up: four steps of two epochs, guidance at their ends, a summary."""

import json
from pathlib import Path
from typing import Any, Final

HEAD: Final = "---\nname: answers\ndescription: Answers.\n---\n"
FIRST: Final = HEAD + "Answer.\n"
SECOND: Final = FIRST + "Be brief.\n"
WORSE: Final = SECOND + "Guess.\n"
PLACED: Final = SECOND + "<!-- slow -->\n"
GUIDED: Final = PLACED + "Check units.\n"
_EDITS: Final = [
    {"op": "append", "content": "Be long.", "support_count": 1, "source_type": "failure"},
    {"op": "append", "content": "Be brief.", "support_count": 3, "source_type": "failure"},
]


def step(number: int, action: str, **told: object) -> dict[str, Any]:
    """Make a step record; `told` is what it has besides."""
    return {
        "step": number, "epoch": (number + 1) // 2, "step_in_epoch": 1 - number % 2, "timing": {"rollout_s": 1.5},
        "tokens": {}, "rollout_hard": 0.5, "rollout_soft": 0.5, "rollout_n": 4, "edit_budget": 1, "action": action,
        "current_score": 0.5, "best_score": 0.5, "best_step": 1, "skill_len": 9, "wall_time_s": 2.0, **told,
    }  # fmt: skip


HISTORY: Final = (
    step(
        1, "accept_new_best", selection_hard=2 / 3, selection_soft=0.7, candidate_gate_score=2 / 3, current_score=2 / 3
    ),
    step(2, "reject", selection_hard=0.25, selection_soft=0.25, candidate_gate_score=0.25, current_score=2 / 3),
    step(3, "skip_no_patches"),
    step(4, "skip_no_patches"),
)
SUMMARY: Final = {
    "version": "skillopt-0.1.0", "config": {}, "baseline_selection_hard": 0.5, "best_selection_hard": 2 / 3,
    "final_selection_hard": 0.6, "best_step": 1, "baseline_test_hard": 0.25, "test_hard": 0.5, "test_soft": None,
}  # fmt: skip


def files() -> dict[str, str]:
    """Give the files, by path."""
    merged, ranked = {"reasoning": "r", "edits": _EDITS}, {"edits": [_EDITS[1]], "ranking_details": {}}
    return {
        "config.json": json.dumps({"target_model": "small", "optimizer_api_key": "k-not-to-be-kept-1"}),
        "history.json": json.dumps(HISTORY),
        "summary.json": json.dumps(SUMMARY),
        "best_skill.md": SECOND,
        "skills/skill_v0000.md": FIRST,
        "skills/skill_v0001.md": SECOND,
        "skills/skill_v0002.md": PLACED,
        "skills/skill_v0003.md": PLACED,
        "skills/skill_v0004.md": GUIDED,
        "steps/step_0001/merged_patch.json": json.dumps(merged),
        "steps/step_0001/ranked_edits.json": json.dumps(ranked),
        "steps/step_0001/candidate_skill.md": SECOND,
        "steps/step_0001/edit_apply_report.json": json.dumps(
            [{"index": 1, "op": "append", "status": "applied_append"}]
        ),
        "steps/step_0001/selection_eval/results.jsonl": '{"id":"b","hard":1}\n{"id":"a","hard":1}\n{"id":"c","hard":0}',
        "steps/step_0002/candidate_skill.md": WORSE,
        **{f"steps/step_{each['step']:04d}/step_record.json": json.dumps(each) for each in HISTORY},
        "slow_update/epoch_01/slow_result.json": json.dumps({"action": "inject_placeholder", "epoch": 1}),
        "slow_update/epoch_02/slow_result.json": json.dumps({"action": "force_accept", "slow_update_content": "x"}),
        "slow_update/epoch_02/candidate_skill.md": GUIDED,
        "steps/step_0001/rollout/predictions/7/said.txt": "by the way\n",
    }


def write_output(folder: Path, **changed: str | None) -> Path:
    """Write the folder; `changed` are files by a path with ``__`` for ``/`` and ``_dot_`` for a dot. None: left out."""
    named = {name.replace("__", "/").replace("_dot_", "."): text for name, text in changed.items()}
    for name, text in {**files(), **named}.items():
        if text is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return folder
