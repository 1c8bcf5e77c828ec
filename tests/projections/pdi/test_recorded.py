"""PDI against what SPARK recorded, and against what its own code gives on the same inputs.

The vectors and recordings lie beside the checkout and are never copied. Every folder that is there is read, so that
further ones are tested by being put there.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from projections.pdi.index import AT_THRESHOLD, PdiSettings, PdiState, Reading, read_step
from projections.pdi.spark_records import ReflectStep, reflect_steps

SHARED: Final = Path(__file__).parents[4] / "shared"
VECTORS: Final = SHARED / "vectors" / "spark_pdi.json"
FOLDERS: Final = SHARED / "data" / "spark-trajectories"
TASKS: Final = sorted(path.name for path in FOLDERS.iterdir()) if VECTORS.exists() and FOLDERS.exists() else []
EXPECTED: Final[dict[str, Any]] = json.loads(VECTORS.read_text(encoding="utf-8"))["tasks"] if TASKS else {}
VALUES: Final = ("proxy_exec", "proxy_plan", "proxy_oss", "raw_pdi", "weight", "weighted_pdi")

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not TASKS, reason="../shared is missing"),
]
each_task = pytest.mark.parametrize("task", TASKS)


def lines(task: str) -> list[dict[str, Any]]:
    """Read the lines of a trajectory that are objects; none if it is missing or empty."""
    path = FOLDERS / task / "trajectory.jsonl"
    read = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    return [value for line in read if line.strip() and isinstance(value := _json(line), dict)]


def attempts(task: str) -> dict[str, Any] | None:
    """Read attempts.json; None if it is missing or broken."""
    path = FOLDERS / task / "attempts.json"
    value = _json(path.read_text(encoding="utf-8")) if path.exists() else None
    return value if isinstance(value, dict) else None


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def readings(steps: Sequence[ReflectStep], settings: PdiSettings) -> list[Reading]:
    """Read PDI at each step."""
    state, found = PdiState(), []
    for step in steps:
        state, reading = read_step(state, step.given, settings)
        found.append(reading)
    return found


def differences(reading: Reading, expected: dict[str, Any]) -> list[str]:
    """Name the fields that differ by more than the last of four decimals; triggers only where rounding is no matter."""
    off = [name for name in VALUES if abs(getattr(reading, name) - expected[name]) > 0.5001e-4]
    if AT_THRESHOLD_REASON not in reading.reasons:
        off += [name for name in ("triggered", "level") if getattr(reading, name) != expected[name]]
    return off


AT_THRESHOLD_REASON: Final = "the value is at the threshold: rounding decides"


@each_task
def test_the_token_method_gives_what_was_recorded(task: str) -> None:
    """A published number can be checked here without running an agent."""
    steps = reflect_steps(lines(task), attempts(task))
    recorded = EXPECTED[task]["recorded"]["history"]
    found = readings(steps, PdiSettings())
    assert [step.attempt for step in steps] == [row["attempt"] for row in recorded]
    assert [reading.step for reading in found] == [row["step"] for row in recorded]
    assert [differences(*pair) for pair in zip(found, recorded, strict=True)] == [[]] * len(recorded)


@each_task
@pytest.mark.parametrize("method", ["token_overlap", "js_divergence"])
def test_both_methods_give_what_the_original_gives(task: str, method: Any) -> None:
    """Under the step rule of today; three recordings were written under an older one."""
    expected = EXPECTED[task][f"recomputed_{method}"]
    steps = reflect_steps([line for line in lines(task) if line.get("type") != "pdi_snapshot"], _without_pdi(task))
    found = readings(steps, PdiSettings(method=method))
    assert [reading.step for reading in found] == [row["step"] for row in expected]
    assert [differences(*pair) for pair in zip(found, expected, strict=True)] == [[]] * len(expected)


@each_task
@pytest.mark.parametrize("method", ["token_overlap", "js_divergence"])
def test_unrounded_values_agree_far_beyond_four_decimals(task: str, method: Any) -> None:
    """Four decimals could hide another formula; twelve cannot. Tokens even agree to the last bit."""
    expected = EXPECTED[task][f"recomputed_{method}_unrounded"]
    steps = reflect_steps([line for line in lines(task) if line.get("type") != "pdi_snapshot"], _without_pdi(task))
    found = readings(steps, PdiSettings(method=method))
    allowed = 0.0 if method == "token_overlap" else 1e-9
    for reading, row in zip(found, expected, strict=True):
        assert {name: getattr(reading, name) for name in row} == pytest.approx(row, rel=0, abs=allowed)


@each_task
def test_either_file_alone_gives_the_same_inputs(task: str) -> None:
    """A folder may have lost one of its files; what is left must not be read differently."""
    trajectory, record = lines(task), attempts(task)
    if not trajectory or record is None:
        pytest.skip("one file is missing")
    assert reflect_steps([], record) == reflect_steps(trajectory, None)


def test_a_recording_at_the_threshold_says_so() -> None:
    """Step 1 of two recordings lies on the threshold, where the order of additions decides (W2)."""
    found = readings(reflect_steps(lines("data-to-d3"), None), PdiSettings())
    assert found[1].weighted_pdi == pytest.approx(-0.5, abs=AT_THRESHOLD)
    assert AT_THRESHOLD_REASON in found[1].reasons


def test_a_step_on_an_error_text_is_not_valid() -> None:
    """SPARK counts a wiped memo as progress (W3); its recovery of 3d-scan-calc is one."""
    found = readings(reflect_steps(lines("3d-scan-calc"), None), PdiSettings())
    assert "the memo is no memo" in found[5].reasons
    assert not found[5].valid


def _without_pdi(task: str) -> dict[str, Any] | None:
    record = attempts(task)
    return None if record is None else {key: value for key, value in record.items() if key != "pdi"}
