"""The corners of Harbor's format, on a real engine. `benchmarks/harbor_differential.py` runs the same in Harbor."""

import shutil
from pathlib import Path

import pytest

from tests.cli.terminal import type_in

CORNERS = Path(__file__).parent.parent / "harbor_corners"
EARNED = {
    "agent-timeout": 1.0,
    "artifacts": 1.0,
    "build-arch": 1.0,
    "build-heredoc": 1.0,
    "compose-logs": 1.0,
    "compose-main": 1.0,
    "compose-secret": 1.0,
    "entrypoint-server": 1.0,
    "env-templates": 1.0,
    "exit-codes": 1.0,
    "healthcheck": 1.0,
    "image-healthcheck": 1.0,
    "image-user": 1.0,
    "image-user-reads": 1.0,
    "many-cpus": 1.0,
    "network-of-agent": 1.0,
    "network-phases": 1.0,
    "no-network": 1.0,
    "no-run-bit": 1.0,
    "reward-boolean": 1.0,
    "reward-both": 1.0,
    "reward-half": 0.5,
    "reward-json": 1.0,
    "server-left-running": 1.0,
    "sidecar": 1.0,
    "steps": 0.5,
    "steps-final": 1.0,
    "tests-in-image": 1.0,
    "users": 1.0,
    "verifier-apart": 1.0,
    "windows-line-ends": 1.0,
    "workdir": 1.0,
}
SILENT = {
    "healthcheck-fails": "environment.healthcheck failed 2 times in a row",
    "reward-empty": "empty_reward_file",
    "reward-none": "no_reward_file",
    "reward-two-names": "ambiguous_reward",
    "reward-words": "malformed_reward",
    "verifier-timeout": "timed_out",
    "workdir-missing": "workdir_missing",
}
"""No verdict, and why."""


@pytest.mark.docker
@pytest.mark.timeout(300)
def test_the_oracle_earns_in_every_corner_what_harbor_gives(tmp_path: Path) -> None:
    """One run for all of them: a task without a verdict, or that cannot start, takes none of the others with it."""
    if shutil.which("docker") is None:
        pytest.skip("there is no Docker here")
    outcome = type_in(
        tmp_path, "tasks", "run", str(CORNERS), "--agent", "oracle", "--sandbox", "docker", "-n", "4", "--json"
    )
    rows = {row["task"]: row for row in outcome.rows if row["kind"] == "proof"}
    assert {name: row["reward"] for name, row in rows.items() if row["reward"] is not None} == EARNED
    silent = {name: row["detail"] for name, row in rows.items() if row["reward"] is None}
    assert set(silent) == set(SILENT)
    assert [name for name, why in SILENT.items() if why not in silent[name]] == []
    assert {row["verdict"] for row in rows.values()} == {"held", "unsound", "no verdict"}


@pytest.mark.docker
def test_whether_tests_reach_the_network_is_for_the_operator_to_say(tmp_path: Path) -> None:
    """The same task, whose tests want a network: it has one unless that is switched off, whatever its agent had."""
    if shutil.which("docker") is None:
        pytest.skip("there is no Docker here")
    task = str(CORNERS / "network-of-agent")
    assert {choice: [row["reward"] for row in _proofs(tmp_path, task, choice)] for choice in ("task", "off", "on")} == {
        "task": [1.0],
        "off": [0.0],
        "on": [1.0],
    }


def _proofs(folder: Path, task: str, choice: str) -> list[dict[str, object]]:
    outcome = type_in(folder, "tasks", "run", task, "--agent", "oracle", "--verifier-network", choice, "--json")
    return [row for row in outcome.rows if row["kind"] == "proof"]
