"""Where the recorded trajectories of SPARK lie, when they lie anywhere."""

import json
from pathlib import Path
from typing import Any

import pytest

SHARED = (Path(__file__).parents[5] / ".." / "shared").resolve()
TRAJECTORIES = SHARED / "data" / "spark-trajectories"

needs_shared = pytest.mark.skipif(not TRAJECTORIES.is_dir(), reason="no recorded trajectories on this machine")


def attempt_records() -> dict[str, dict[str, Any]]:
    """Each recorded ``attempts.json``, by task."""
    return {
        path.parent.name: json.loads(path.read_text("utf-8")) for path in sorted(TRAJECTORIES.glob("*/attempts.json"))
    }


def skills() -> dict[str, str]:
    """Each recorded ``SKILL.md``, by task."""
    return {path.parent.name: path.read_text("utf-8") for path in sorted(TRAJECTORIES.glob("*/SKILL.md"))}
