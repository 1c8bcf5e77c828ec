"""Pages are read on telephones, too: at 400 pixels nothing lies beyond the edge, and no column is a letter wide."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.terminal import type_in

GOLDEN = Path(__file__).parents[1] / "golden"
WIDTH = 400
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MEASURE = """
addEventListener("load", () => {
  document.querySelectorAll("details").forEach((each) => { each.open = true });
  const told = (each) => each.textContent.trim().length > 2;
  const boxes = [...document.querySelectorAll("summary, caption, th, td")].filter(told);
  const least = Math.min(...boxes.map((each) => each.getBoundingClientRect().width));
  parent.document.title = JSON.stringify([document.documentElement.scrollWidth, Math.round(least)]);
});
"""
"""Opens all that folds, and measures how wide the page is, and how wide the narrowest place of any text."""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]


def measured(page: Path) -> tuple[int, int]:
    """Show a page in a frame of 400 pixels; give the width that it takes, and that of its narrowest text."""
    assert CHROMIUM is not None
    free = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())
    told = free.replace("</body>", f"<script>{MEASURE}</script></body>")
    frame = page.with_name("frame.html")
    frame.write_text(f'<iframe style="width:{WIDTH}px;height:900px;border:0" srcdoc="{html.escape(told)}"></iframe>')
    words = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom", frame.as_uri())
    dumped = subprocess.run([CHROMIUM, *words], check=True, capture_output=True, text=True, timeout=120).stdout
    found = re.search(r"<title>(.*?)</title>", dumped)
    assert found is not None, dumped[:500]
    width, least = json.loads(html.unescape(found[1]))
    return width, least


@pytest.mark.parametrize(
    ("words", "bundle"),
    [
        (("why", "s1", "--html", "page.html"), "training-7f6e974.bundle"),
        (("report", "--to", "page.html"), "training-7f6e974.bundle"),
        (("report", "--to", "page.html"), "evaluation-e5eaad7.bundle"),
        (("report", "--to", "page.html"), "demo.bundle"),
    ],
    ids=["why", "training", "evaluation", "run"],
)
def test_a_page_is_as_narrow_as_its_reader(words: tuple[str, ...], bundle: str, tmp_path: Path) -> None:
    """The page of causes was 546 pixels wide, its deepest steps 15; arms of an evaluation were written downwards."""
    assert type_in(tmp_path, *words, "--log", str(GOLDEN / bundle)).code == 0
    width, least = measured(tmp_path / "page.html")
    assert width <= WIDTH
    assert least >= 24
