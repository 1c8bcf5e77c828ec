"""The peer of `train_qa`: skillopt's trainer on its SearchQA loop. Run by an interpreter that has skillopt 0.2.0.

It prints one line of JSON: user and system CPU of the process for `ReflACTTrainer.train`, the time it took, and what it
came to. Imports are left out. The wheel of 0.2.0 on PyPI holds no prompts, so that nothing of it runs as installed:
texts of our own, of the length that prompts have, are put where it keeps those it has read. Its log goes to a file.
"""

import contextlib
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import skillopt.prompts as kept
from skillopt.engine.trainer import ReflACTTrainer
from skillopt.envs.searchqa.adapter import SearchQAAdapter

plan = json.loads(sys.argv[1])

_PROSE = "Read what is given with care, find what several items share, and say what holds for items nobody has seen. "
_STAGES = {
    "analyst_error": "reflect failures",
    "analyst_success": "reflect successes",
    "merge_failure": "merge",
    "merge_success": "merge",
    "merge_final": "merge",
    "ranking": "rank",
    "slow_update": "slow update",
    "meta_skill": "meta skill",
}


def fill() -> None:
    """Put prompts where the loader keeps what it has read."""
    package = Path(kept.__file__).parent
    for name, stage in _STAGES.items():
        kept._cache[str(package / f"{name}.md")] = f"Stage: {stage}\n\n{_PROSE * 14}\nAnswer with one JSON object."  # noqa: SLF001
    rollout = package.parent / "envs" / "searchqa" / "prompts" / "rollout_system.md"
    said = "You answer a question from the passages that are given. {skill_section}Answer inside <answer></answer>."
    kept._cache[str(rollout)] = said  # noqa: SLF001


def settings(out: Path) -> dict[str, Any]:
    """Give the paper's settings, and those of the loop's size."""
    return {
        "env": "searchqa",
        "out_root": str(out),
        "skill_init": str(out.parent / "none.md"),
        "split_mode": "split_dir",
        "split_dir": plan["items"],
        "model_backend": "azure_openai",
        "optimizer_model": "optimizer",
        "target_model": "target",
        "optimizer_backend": "openai_chat",
        "target_backend": "openai_chat",
        "azure_openai_endpoint": plan["url"],
        "azure_openai_api_key": "unused",
        "azure_openai_auth_mode": "openai_compatible",
        "num_epochs": plan["epochs"],
        "train_size": 0,
        "batch_size": plan["batch"],
        "accumulation": 1,
        "seed": 42,
        "minibatch_size": 8,
        "merge_batch_size": 8,
        "analyst_workers": 16,
        "edit_budget": 4,
        "min_edit_budget": 2,
        "lr_scheduler": "cosine",
        "skill_update_mode": "patch",
        "use_slow_update": True,
        "slow_update_samples": 20,
        "use_meta_skill": True,
        "use_gate": True,
        "gate_metric": "hard",
        "sel_env_num": 0,
        "test_env_num": 0,
        "eval_test": False,
        "reasoning_effort": "",
    }


def main() -> None:
    """Train once."""
    fill()
    out = Path(plan["out"])
    cfg = settings(out)
    adapter = SearchQAAdapter(
        split_dir=plan["items"], split_mode="split_dir", workers=plan["at_once"], minibatch_size=8, edit_budget=4
    )
    with (out / "log.txt").open("w") as log, contextlib.redirect_stdout(log):
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        summary = ReflACTTrainer(cfg, adapter).train()
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    told = {
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "wall_s": wall,
        "accepted": summary["total_accepts"],
        "best": summary["best_selection_hard"],
        "peak_mib": after.ru_maxrss / 1024,
    }
    print(json.dumps(told))


main()
