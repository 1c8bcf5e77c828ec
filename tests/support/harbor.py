"""Harbor itself as a judge of what we write in its formats. It is never a dependency: without it, such tests skip."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

PYTHON: Final = Path.home() / ".cache/reference-harbor/hv/bin/python"
"""Of the virtual environment that Harbor is installed in, apart from ours (docs/harbor.md)."""

needs_harbor: Final = pytest.mark.skipif(not PYTHON.exists(), reason="harbor is not installed beside us")

_JUDGE: Final = """
import json, sys
from pathlib import Path
from harbor.models.job.config import JobConfig
from harbor.models.job.result import JobResult, JobStats
from harbor.models.trajectories.trajectory import Trajectory
from harbor.models.trial.config import TrialConfig
from harbor.models.trial.result import TrialResult
from harbor.viewer.scanner import JobScanner

jobs = Path(sys.argv[1])
scanner, told = JobScanner(jobs), {}
for name in scanner.list_jobs():
    config = JobConfig.model_validate_json((jobs / name / "config.json").read_text())
    result = JobResult.model_validate_json((jobs / name / "result.json").read_text())
    trials = []
    for trial in scanner.list_trials(name):
        folder = jobs / name / trial
        TrialConfig.model_validate_json((folder / "config.json").read_text())
        if (folder / "result.json").exists():
            trials.append(TrialResult.model_validate_json((folder / "result.json").read_text()))
        if (folder / "agent/trajectory.json").exists():
            Trajectory.model_validate_json((folder / "agent/trajectory.json").read_text())
    again = JobStats.from_trial_results(trials, n_total_trials=result.n_total_trials)
    told[name] = {
        "job": result.model_dump(mode="json"),
        "trials": [each.model_dump(mode="json") for each in trials],
        "stats": again.model_dump(mode="json"),
    }
print(json.dumps(told))
"""


def ask(program: str, *words: str) -> Any:
    """Run a program with Harbor's python, and read the JSON that it prints.

    Raises:
        AssertionError: Harbor refuses something, and says what.
    """
    done = subprocess.run(
        [str(PYTHON), "-c", program, *words], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def judge(jobs: Path) -> dict[str, Any]:
    """Have Harbor's own models and scanner read a folder of jobs; the stats are what Harbor makes of the trials.

    Raises:
        AssertionError: Harbor refuses something, and says what.
    """
    told: dict[str, Any] = ask(_JUDGE, str(jobs))
    return told
