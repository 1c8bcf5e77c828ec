"""What answers SkillOpt's vectors of the course of a training run, in the compatible value."""

from typing import Any, Final, NamedTuple

from engine.core.seeded_order import shuffled
from engine.items.errors import SplitUnknown
from engine.items.split_ratio import SplitRatio, read_ratio, split_counts
from engine.items.splits import read_split
from engine.policies.training.acceptance import Standing, accept_better
from engine.policies.training.batches import BatchRule, plan_epoch
from engine.policies.training.buffer import NamedFailure, patterns_of
from engine.policies.training.cut import cut
from engine.policies.training.merging import claimed_support
from engine.policies.training.pairs import filter_pairs, pair_category
from engine.policies.training.rate import RateRule, rate_at
from engine.policies.training.scores import gate_score, leading_word_density, means_of, short_digest
from tests.vectors.modes import items_of, read_mode
from tests.vectors.notes import written_notes
from tests.vectors.optimizer import Merging, answering, choose, decided_rate
from tests.vectors.values import Inputs, Kind, RefusedOnPurpose, Value, leading_words, number

NO_LIMIT: Final = 999
"""What SkillOpt's schedule says where there is no limit."""


# --- rates ---


def _rates(given: Inputs, _: str | None) -> Value:
    most, least, steps = (given.get(key, other) for key, other in (("max_lr", 8), ("min_lr", 2), ("total_steps", 8)))
    rule = RateRule(given["mode"], most, least, steps, compatible=True)
    begun = given.get("state", {}).get("current_step", 0)
    rates = [rate_at(rule, begun + each) for each in range(1, given.get("n_calls", 1) + 1)]
    return [NO_LIMIT if rate is None else rate for rate in rates]


def _autonomous_rate(given: Inputs, stub: str | None) -> Value:
    return decided_rate(answering(stub), given["available_items"])


# --- scores and acceptance ---


def _gate_score(given: Inputs, _: str | None) -> Value:
    score = gate_score(
        number(given["hard"]),
        number(given["soft"]),
        given.get("metric", "hard"),
        number(given.get("mixed_weight", 0.5)),
    )
    if not given.get("use_semantic_density"):
        return score
    return score + number(given.get("semantic_density_weight", 0.05)) * _density(given, None)


def _density(given: Inputs, _: str | None) -> float:
    return leading_word_density(given.get("skill_content") or "", leading_words(given.get("leading_words")))


def _gate(given: Inputs, stub: str | None) -> Value:
    score = _gate_score({**given, "hard": given["cand_hard"], "soft": given.get("cand_soft", 0.0)}, stub)
    standing = Standing(number(given["current_score"]), number(given["best_score"]), given["best_step"])
    action, now = accept_better(standing, score, given["global_step"])
    return {
        "action": action,
        "current_skill": given["current_skill" if action == "reject" else "candidate_skill"],
        "current_score": now.current,
        "best_skill": given["candidate_skill" if action == "accept_new_best" else "best_skill"],
        "best_score": now.best,
        "best_step": now.best_step,
    }


def _means(given: Inputs, _: str | None) -> Value:
    return means_of(
        [(float(number(row.get("hard", 0))), float(number(row.get("soft", 0.0)))) for row in given["results"]],
        compatible=True,
    )


# --- merging and choosing ---


def _merge(given: Inputs, stub: str | None) -> Value:
    merging = Merging(answering(stub), read_mode(given.get("update_mode")), given.get("batch_size", 8))
    merged = merging.merged(given["failure_patches"], given["success_patches"])
    return {"merged": {"reasoning": "", **merged}, "n_llm_calls": len(merging.calls), "calls": merging.calls}


def _rank(given: Inputs, stub: str | None) -> Value:
    mode, patch, budget = read_mode(given.get("update_mode")), given["patch"], given["max_edits"]
    items = items_of(patch, mode)
    if len(items) <= budget:
        return patch
    chosen = choose(items, budget, answering(stub))
    ranked = {"reasoning": "", mode.key: chosen.items}
    return ranked if chosen.ranking is None else {**ranked, "ranking_details": chosen.ranking}


def _normalised(given: Inputs, _: str | None) -> Value:
    sides: dict[str, list[Any]] = {"failure": [], "success": []}
    mode = read_mode(given.get("update_mode"))
    for raw in given["raw_patches" if "raw_patches" in given else "patches"]:
        patch = raw.get("patch", raw) if isinstance(raw, dict) else None
        items = items_of(patch, mode)
        if not items or not isinstance(patch, dict):
            continue
        source = raw.get("source_type", "failure")
        said = {"source_type": source, "support_count": claimed_support(raw.get("batch_size", 0))}
        items = [{**said, **item} if isinstance(item, dict) else item for item in items]
        sides["success" if source == "success" else "failure"].append({**patch, mode.key: items})
    return [sides["failure"], sides["success"]]


# --- rows ---


class _Row(NamedTuple):
    item: str
    hard: float
    reason: str | None


def _patterns(given: Inputs, _: str | None) -> Value:
    rows = [
        _Row(str(row.get("id", "?")), float(row.get("hard") or 0), row.get("fail_reason"))
        for row in given["rollout_results"]
    ]
    files = sorted((name, file) for name, file in given.items() if name.endswith(".json"))
    named = [
        NamedFailure(each.get("failure_type", ""), each.get("description", ""))
        for _name, file in files
        for each in file.get("failure_summary", [])
    ]
    return [
        {"pattern": each.label, "count": len(each.items), "task_ids": list(each.items)}
        for each in patterns_of(rows, named, compatible=True)
    ]


class _Pair(NamedTuple):
    item: str
    category: str


def _compared(given: Inputs, _: str | None) -> Value:
    was, is_now = ({str(row["id"]): row for row in given[key]} for key in ("results_prev", "results_curr"))
    return [_compare(item, was, is_now) for item in given["items"]]


def _compare(item: dict[str, Any], *sides: dict[str, dict[str, Any]]) -> dict[str, Any]:
    name = str(item.get("id", ""))
    was, is_now = (side.get(name, {}) for side in sides)
    task = next((item[key] for key in ("question", "task_description", "instruction") if key in item), name)
    return {
        "id": name,
        "task": task,
        "category": pair_category(was.get("hard"), is_now.get("hard"), compatible=True),
        "prev": _side(was),
        "curr": _side(is_now),
        "prev_trajectory": "",
        "curr_trajectory": "",
    }


def _side(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "hard": int(bool(row.get("hard"))),
        "soft": float(row.get("soft", 0.0)),
        "predicted_answer": row.get("predicted_answer", row.get("answer", "N/A")),
        "fail_reason": row.get("fail_reason", ""),
    }


_CATEGORIES: Final = ("regressed", "improved", "persistent_fail", "persistent_fail", "stable_success")


def _filtered(given: Inputs, _: str | None) -> Value:
    pairs = [_Pair(str(at), category) for at, category in enumerate(_CATEGORIES, 1)]
    return [pair.item for pair in filter_pairs(pairs, given["policy"])]


# --- data ---


def _names(kind: str, count: int) -> tuple[str, ...]:
    return tuple(f"{kind}{at}" for at in range(count))


def _plan(given: Inputs, _: str | None) -> Value:
    items = _names("t", given.get("n_train", 10))
    wanted = given["steps_per_epoch"] * given["accumulation"]
    # All batches of the epoch as those of one step: the cases say how many steps there are, which we derive.
    whole = max(wanted, -(-len(items) // given["batch_size"]))
    rule = BatchRule(given["batch_size"], whole, given["seed"], compatible=True)
    batches = [batch for step in plan_epoch(rule, items, given["epoch"]) for batch in step]
    return [{"seed": each.seed, "batch_size": len(each.items), "ids": each.items} for each in batches[:wanted]]


def _sample(given: Inputs, _: str | None) -> Value:
    return shuffled(_names("t", given.get("n_train", 10)), given["seed"])[: given["batch_size"]]


def _evaluated(given: Inputs, _: str | None) -> Value:
    try:
        split = read_split(given["split"])
    except SplitUnknown as error:
        raise RefusedOnPurpose(error, "W33") from error
    names = {"train": _names("t", given.get("n_train", 10)), "val": _names("v", 4), "test": _names("x", 3)}[split]
    return names[: given["env_num"] or None]


_COURSE: Final = "skillopt.optimizer"
_GATE: Final = "skillopt.evaluation.gate"
_LOADER: Final = "SplitDataLoader"

KINDS: Final[dict[str, Kind]] = {
    f"lr/{_COURSE}.scheduler.build_scheduler": _rates,
    f"lr/{_COURSE}.scheduler.build_scheduler(...).step()": _rates,
    "lr/load_state_dict then step()": _rates,
    f"lr_autonomous/{_COURSE}.lr_autonomous.decide_autonomous_learning_rate": _autonomous_rate,
    f"gate_score/{_GATE}.select_gate_score": _gate_score,
    "gate_score/select_gate_score(use_semantic_density)": _gate_score,
    f"gate_score/{_GATE}.compute_semantic_density": _density,
    f"gate/{_GATE}.evaluate_gate": _gate,
    "score/skillopt.utils.scoring.compute_score": _means,
    "score/skillopt.utils.scoring.skill_hash": lambda given, _: short_digest(given["content"]),
    "aggregate/skillopt.gradient.aggregate.merge_patches": _merge,
    f"rank_clip/{_COURSE}.clip.rank_and_select": _rank,
    "reflect/skillopt.gradient.reflect._split_minibatches": lambda given, _: cut(given["items"], given["batch_size"]),
    "reflect/_shuffle_for_minibatch": lambda given, _: (
        given["items"] if given["seed"] is None else shuffled(given["items"], given["seed"])
    ),
    "slow_pairs/_filter_longitudinal_pairs": _filtered,
    f"slow_pairs/{_COURSE}.slow_update.build_comparison_pairs": _compared,
    "slow_pairs/build_comparison_pairs": _compared,
    "trainer/_extract_failure_patterns (minibatch_fail_000.json present)": _patterns,
    "trainer/_format_step_buffer": lambda given, _: written_notes(given["buffer"]),
    "trainer/_normalise_patches": _normalised,
    "data/skillopt.datasets.base._compute_split_counts": lambda given, _: split_counts(
        given["total"], SplitRatio(*given["ratio"])
    ),
    "data/_parse_split_ratio": lambda given, _: read_ratio(str(given["text"] or "")),
    f"data/{_LOADER}.plan_train_epoch": _plan,
    f"data/{_LOADER}.build_train_batch (slow-update sample)": _sample,
    f"data/{_LOADER}.build_eval_batch": _evaluated,
}
