"""Whole trainings come out as SkillOpt's do, in places that the recorded ones may leave out.

SkillOpt 0.2.0 was run over the same made-up environment in 800 generated trainings, and all came out the same.
"""

from typing import Any, Final

import pytest

from tests.vectors.training_run import TrainingRun

TRAIN: Final = [["A"], ["B"], ["A", "B"], ["C", "!HARM"]]
APPEND_A: Final = {"op": "append", "content": "A"}


def _train(edits: dict[str, list[Any]], *, slow: str = "guidance", **overrides: Any) -> dict[str, Any]:
    given = {
        "env": {"train": TRAIN, "val": TRAIN, "test": TRAIN[:2]},
        "initial_skill": "# Seed\n",
        "edits_by_step": edits,
        "config_overrides": overrides,
        "slow_update_stub": slow,
        "meta_skill_stub": "memory",
    }
    result: dict[str, Any] = TrainingRun(given).run()
    return result


def test_accumulated_batches_are_told_apart() -> None:
    """Each is rolled out and reflected on in a folder of its own, and what both propose is joined."""
    done = _train({"1": [APPEND_A]}, batch_size=2, accumulation=2)
    assert [call[:2] for call in done["rollout_calls"]] == [
        ["selection_eval_baseline", 4],
        ["steps/step_0001/batch_0/rollout", 2],
        ["steps/step_0001/batch_1/rollout", 2],
        ["steps/step_0001/selection_eval", 4],
    ]
    (record,) = done["history"]
    assert (record["rollout_n"], record["n_failure_patches"], record["n_edits_merged"]) == (4, 2, 2)
    assert record["support_counts"] == [2, 2]
    assert [part["batch_seed"] for part in record["accumulation_batches"]] == [1043, 1044]
    assert [context["step"] for context in done["reflect_contexts"]] == [1, 1]


def test_a_rejected_edit_is_remembered_until_the_epoch_ends() -> None:
    """With the scores that it lost by."""
    done = _train({"1": [{"op": "append", "content": "noise"}]}, batch_size=2, num_epochs=2)
    first, second, *later = [context["step_buffer_context"] for context in done["reflect_contexts"]]
    assert first == later[0] == ""
    assert '  - "need" (×2, tasks: ' in second  # noqa: RUF001 - its sign
    assert "### Step 1 — REJECT (2/2 failed)\n" in second
    assert second.endswith('  Rejected edits (score 0.0 → 0.0):\n    1. [append] "noise"')


def test_a_chosen_rate_of_nothing_still_applies_one_edit() -> None:
    """The optimizer names no rate, which is a rate of 0, and one edit is applied all the same (W15)."""
    done = _train({"1": [APPEND_A, {"op": "append", "content": "B"}]}, lr_control_mode="auto")
    (record,) = done["history"]
    assert (record["edit_budget"], record["n_edits_ranked"], record["lr_decision"]["fallback"]) == (0, 1, True)
    assert "lr_history.jsonl" in done["files"]


def test_no_limit_is_still_limited() -> None:
    """Outside of full rewrites a schedule runs on (W14)."""
    edits = [{"op": "append", "content": str(at)} for at in range(6)]
    (record,) = _train({"1": edits}, lr_control_mode="none")["history"]
    assert (record["lr_control_mode"], record["edit_budget"], record["n_edits_ranked"]) == ("none", 4, 4)


@pytest.mark.parametrize(("draft", "action"), [("# New\n\nA\n\n\n", "accept_new_best"), ("  ", "skip_no_rewrite")])
def test_a_whole_document_stands_for_the_skill(draft: str, action: str) -> None:
    """Unless it is empty; then the step ends there, and its record is short."""
    drafts = [{"title": "t", "change_summary": ["c"], "new_skill": draft}]
    done = _train({"1": drafts}, skill_update_mode="full_rewrite")
    (record,) = done["history"]
    assert (record["action"], record["edit_budget"]) == (action, None)
    assert ("selection_hard" in record) is ("full_rewrite_result.json" in " ".join(done["files"]))
    assert done["best_skill"] == ("# New\n\nA\n" if draft.strip() else "# Seed\n")


def test_few_changes_are_topped_up_one_by_one() -> None:
    """Over items that were not compared yet, as long as too few changed."""
    edits = {"1": [APPEND_A], "2": [{"op": "append", "content": "B"}]}
    done = _train(edits, num_epochs=2, use_slow_update=True, slow_update_samples=2, longitudinal_pair_policy="changed")
    slow = [call[:2] for call in done["rollout_calls"] if call[0].startswith("slow_update")]
    assert slow[:2] == [["slow_update/epoch_02/rollout_prev", 2], ["slow_update/epoch_02/rollout_curr", 2]]
    assert all(count == 1 and "/topup/train" in folder for folder, count in slow[2:])
    assert "slow_update/epoch_02/comparison_pairs_all.json" in done["files"]


def test_guidance_that_is_gated_can_become_the_best_skill() -> None:
    """With the last step as its own."""
    done = _train({"1": [APPEND_A]}, slow="B", num_epochs=2, use_slow_update=True, slow_update_gate_with_selection=True)
    state = done["runtime_state"]
    assert (state["best_origin"], state["best_step"]) == ("slow_update_epoch_02", 2)
    assert done["best_skill"] == done["skills"]["skill_v0002.md"]


def test_an_epoch_without_guidance_leaves_the_skill() -> None:
    """And one without memory inherits none from the epoch before it (W23)."""
    done = _train({}, slow="", num_epochs=3, use_slow_update=True, use_meta_skill=True)
    assert "slow_update/epoch_02/candidate_skill.md" not in done["files"]
    assert done["runtime_state"]["current_origin"] == "slow_update_placeholder_epoch_01"
    assert [context["meta_skill_context"] for context in done["reflect_contexts"]] == ["", "", "memory"]


def test_memory_compares_for_itself_where_nothing_else_does() -> None:
    """Both skills are rolled out again."""
    done = _train({"1": [APPEND_A]}, num_epochs=2, use_meta_skill=True)
    folders = [call[0] for call in done["rollout_calls"]]
    assert {"meta_skill/epoch_02/rollout_prev", "meta_skill/epoch_02/rollout_curr"} <= set(folders)


def test_what_was_measured_is_not_measured_again() -> None:
    """A candidate that is the skill in force comes out as it did, and is rejected."""
    done = _train({"1": [{"op": "delete", "target": "nothing"}]})
    (record,) = done["history"]
    assert (record["action"], record["edit_apply_summary"]["skipped"]) == ("reject", 1)
    assert [call[0] for call in done["rollout_calls"]] == ["selection_eval_baseline", "steps/step_0001/rollout"]
