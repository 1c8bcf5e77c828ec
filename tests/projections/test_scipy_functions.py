"""The door to scipy: shut until a figure is asked for, and it says what to install."""

import subprocess
import sys

from tests.architecture.source import ROOT


def said(script: str) -> str:
    """What a process of its own prints."""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_what_compares_loads_nothing_until_it_compares() -> None:
    """A command that only looks at comparisons should not pay for loading scipy; one that needs it can ask first."""
    modules = "compare, costs, intervals, noise, power, rank_correlation, rows, signal, verdicts"
    loaded = "print(*sorted({'scipy', 'numpy'} & sys.modules.keys()))"
    assert said(f"import sys\nfrom projections.comparison import {modules}\n{loaded}") == ""
    assert said(f"import sys\nfrom projections.scipy_functions import require\nrequire()\n{loaded}") == "numpy scipy"


def test_who_pays_for_runs_can_refuse_before() -> None:
    """Without scipy there is no verdict at the end, so it is said at the beginning."""
    script = """
import sys
sys.modules["scipy"] = sys.modules["scipy.special"] = None
from projections.scipy_functions import StatisticsAbsent, require
try:
    require()
except StatisticsAbsent as error:
    print(error.problem, "/", error.remedy, "/", error.exit_code.name)
"""
    assert said(script) == "intervals need scipy, which is not installed / run `pip install scipy` / USAGE"
