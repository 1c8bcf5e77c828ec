"""A run folder as SkillEvolBench leaves it, made up: records, journals, a library and a report."""

import json
from pathlib import Path
from typing import Any


def record(task: str, reward: float | None, **changes: object) -> dict[str, Any]:
    """Make the record of a trial; `changes` go to its outcome but for those that a record has itself."""
    own = {"replay_mode", "timestamp", "skills_actually_used", "reflection", "retrieval"}
    outcome = {
        "task_id": task,
        "verifier_passed": (reward or 0.0) >= 1.0,
        "reward": reward,
        "max_score": 100.0,
        "normalized_score": reward,
        "outcome_passed": (reward or 0.0) >= 1.0,
        "process_passed": True,
        "failed_tests": [] if reward == 1.0 else [{"name": "test_h1", "message": "no sum", "group": "outcome"}],
        "failure_summary": "",
        "rubric_dimensions": [{"name": "all", "weight": 100.0}],
        "n_input_tokens": 1000,
        "n_output_tokens": 50,
        "n_cache_tokens": 200,
        "cost_usd": 0.25,
        "cost_source": "agent_reported",
    }  # fmt: skip
    return {
        "task_id": task,
        "family_id": task[:6],
        "env_id": task[:2],
        "task_role": "canonical",
        "timestamp": "2026-05-01T00:00:00Z",
        "library_hash_pre": "a" * 40,
        "library_hash_post": "a" * 40,
        "outcome": outcome | {key: value for key, value in changes.items() if key not in own},
        "retrieval": None,
        "skills_actually_used": ["E1-LS1.sums"],
        "trajectory_compact": {"text": "did this"},
        "trajectory_compact_rough": {},
        "replay_mode": "primary",
    } | {key: value for key, value in changes.items() if key in own}


RECORDS = (
    record("E1-LS1-T1", 0.5, timestamp="2026-05-01T00:00:00Z"),
    record("E1-LS1-T2", 1.0, timestamp="2026-05-01T00:10:00Z"),
    record("E1-LS1-T1__replay", 1.0, timestamp="2026-05-01T00:20:00Z", replay_mode="within_env_replay"),
    record("E1-LS1-T6__oracle_shadow", 1.0, timestamp="2026-05-01T00:30:00Z", replay_mode="shadow_oracle"),
    record(
        "E1-LS1-T3", 0.0, timestamp="2026-05-01T00:40:00Z", outcome_passed=None, process_passed=None, failed_tests=[],
        rubric_dimensions=[], cost_usd=0.0, cost_source="unknown",
    ),
)  # fmt: skip


def write_run(folder: Path, records: tuple[dict[str, Any], ...] = RECORDS) -> Path:
    """Write a run's folder."""
    baseline = {"name": "curated_static", "harbor_agent_name": "claude-code", "model_name": "anthropic/opus"}
    journal = [
        {"ts": "t", "event_type": "run_started", "n_tasks": 7},
        {"ts": "t", "event_type": "trial_ended_no_result", "task_id": "E1-LS1-T4"},
        {"ts": "t", "event_type": "library_frozen", "env_id": "E1"},
    ]
    manifest = (
        "schema_version: 1\nskills:\n  E1-LS1.sums:\n    skill_id: E1-LS1.sums\n    status: active\n"
        "    versions: [{version: 1}, {version: 2}]\n"
        "  E1-LS1.gone:\n    status: retired\n    versions: [{version: 1}]\n"
    )
    files = {
        "config.json": json.dumps({"run_id": "curated__seedA", "baseline": baseline, "api_key": "k-not-to-be-kept-1"}),
        "benchmark_hash.txt": "f" * 64,
        "reports/full_report.json": json.dumps({"schema_version": "1.0", "task_success": {}}),
        "stores/events/lifecycle.jsonl": "".join(json.dumps(each) + "\n" for each in journal),
        "stores/retrieval/retrieval_events.jsonl": json.dumps({"task_id": "E1-LS1-T1"}) + "\n",
        "library/E1/manifest.yaml": manifest,
        "library/E1/active/sums/SKILL.md": "---\nname: sums\ndescription: d\n---\n\nk-not-to-be-kept-1\n",
        "library/E1/active/sums/references/x.md": "x\n",
        "library/E1/.git/config": "[core]\n",
        "harbor-job/E1-LS1-T1__abc/result.json": "{}",
        **{f"stores/replay/records/{each['task_id']}.json": json.dumps(each) for each in records},
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
