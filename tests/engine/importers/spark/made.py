"""Records of SPARK, made up: small, and whole unless a story breaks them."""

import json
from pathlib import Path

from engine.importers.spark.importer import ImportedSparkTask, import_spark
from events.store.memory import MemoryLog

MEMO = "## Exploration Memo (1 failed attempts)\n\n### Verified Facts\n- cp works\n\n### Next Strategy\nuse cp\n"


async def tasks(log: MemoryLog, folder: Path) -> list[ImportedSparkTask]:
    """Import tasks of which none is left out."""
    found = await import_spark(log, folder)
    assert found.left_out == ()
    return list(found.found)


def as_lines(*records: object) -> str:
    """Write records one a line."""
    return "\n".join(json.dumps(record) for record in records) + "\n"


def result(attempt: object, **changes: object) -> dict[str, object]:
    """Make what an attempt left."""
    solved = changes.get("reward") == 1.0
    return {
        "type": "execution_result",
        "attempt": attempt,
        "reward": 0.0,
        "status": "PASS" if solved else "FAIL",
        "n_passed": int(solved),
        "n_tests": 1,
        "agent_stdout_full": "",
        "test_stdout_full": "",
        "agent_commands": "cp a b",
        "test_summary": "FAILED (fix these):\n  ✗ tests::word",
        "result_json": {"config": {"agent": {"name": "codex", "model_name": "m", "env": {"API_KEY": "sk-REDACTED"}}}},
        "error": "",
        **changes,
    }


def snapshot(attempt: int, *, step: int = 0) -> dict[str, object]:
    """Make recorded PDI."""
    values = dict.fromkeys(("proxy_exec", "proxy_plan", "proxy_oss", "raw_pdi", "weight", "weighted_pdi"), 0.0)
    return {"type": "pdi_snapshot", "attempt": attempt, "step": step, **values, "triggered": False, "level": None}


def reflection(attempt: int, **changes: object) -> dict[str, object]:
    """Make a call of the reflector."""
    call = {"model": "m", "system_prompt": "s", "user_prompt": "u", "response": MEMO, "input_tokens": 1}
    memos = {"memo_before": "", "memo_after": MEMO}
    return {"type": "reflect_call", "attempt": attempt, **call, "output_tokens": None, **memos, **changes}


def tried(attempt: int, reward: float = 0.0) -> dict[str, object]:
    """Make an attempt as attempts.json has it."""
    kept = ("attempt", "status", "reward", "agent_commands", "test_summary", "n_passed", "n_tests")
    whole = result(attempt, reward=reward)
    return {name: whole[name] for name in kept}


def attempts(*attempts: dict[str, object]) -> dict[str, object]:
    """Make attempts.json."""
    return {"task_name": "greet", "max_retries": 3, "exploration_memo": MEMO, "memo_history": [], "attempts": attempts}


def codex(command: str) -> str:
    """Make the line of a command that ended well."""
    item = {"id": "1", "type": "command_execution", "command": command, "aggregated_output": "out", "exit_code": 0}
    return json.dumps({"type": "item.completed", "item": item})
