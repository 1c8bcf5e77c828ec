"""Trajectories that are made up for tests, a change at a time."""

import json
from typing import Any


def call(name: str = "c1", command: str = "ls", **more: Any) -> dict[str, Any]:
    """Make a call of a shell."""
    return {"tool_call_id": name, "function_name": "bash", "arguments": {"command": command}, **more}


def result(name: str | None = "c1", content: Any = "notes.txt\n", **more: Any) -> dict[str, Any]:
    """Make what came of one."""
    return {"source_call_id": name, "content": content, **more}


def said(text: Any = "Hello.", source: str = "user", **more: Any) -> dict[str, Any]:
    """Make a step that only says something, without its number."""
    return {"source": source, "message": text, **more}


def acted(text: Any = "I look.", **more: Any) -> dict[str, Any]:
    """Make a step of the agent, without its number."""
    metrics = {"prompt_tokens": 100, "completion_tokens": 20, "cached_tokens": 50, "cost_usd": 0.002}
    step = {"source": "agent", "message": text, "model_name": "small-1", "metrics": metrics, "llm_call_count": 1}
    return {**step, "tool_calls": [call()], "observation": {"results": [result()]}, **more}


def trajectory(*steps: dict[str, Any], version: str = "ATIF-v1.7", **more: Any) -> dict[str, Any]:
    """Make a document; its steps are numbered unless they are."""
    numbered = [{"step_id": number, **step} for number, step in enumerate(steps or (said(), acted()), start=1)]
    agent = {"name": "harness", "version": "2.1", "model_name": "small-1"}
    return {"schema_version": version, "session_id": "s-1", "agent": agent, "steps": numbered, **more}


def written(document: Any) -> bytes:
    """Write it as a producer would."""
    return json.dumps(document).encode()
