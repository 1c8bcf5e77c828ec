"""Pictures are optional, and say so."""

import subprocess
import sys


def test_without_matplotlib_it_says_what_to_install() -> None:
    """In a process of its own, where nothing called matplotlib can be loaded."""
    script = """
import sys
sys.modules["matplotlib"] = None
from views.figures.charts import ChartLine, ChartsAbsent, Panel, panels_svg
try:
    panels_svg("title", "axis", [0, 1], [Panel("panel", [ChartLine("line", [0, 1])], share=True)])
except ChartsAbsent as error:
    print(error.problem, "/", error.remedy)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said == (
        "drawing needs matplotlib, which is not installed / "
        "run `pip install matplotlib`, or install this package with its extra `figures`\n"
    )
