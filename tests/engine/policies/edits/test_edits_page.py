"""The page on edits: its example is run."""

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Final

from engine.policies.edits.edit import EditRule
from engine.policies.edits.paths import TEXT_SUFFIXES

PAGE: Final = (Path(__file__).parents[4] / "docs" / "edits.md").read_text(encoding="utf-8")


def test_the_example_prints_what_the_page_says() -> None:
    """Else the page would tell of edits that are no more."""
    code, printed = (re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)[0] for kind in ("python", "text"))
    out = StringIO()
    with redirect_stdout(out):
        exec(compile(code, "edits.md", "exec"), {})
    assert out.getvalue() == printed


def test_the_page_names_every_refusal_and_every_kind_of_new_file() -> None:
    """Each status that a module of edits gives stands in its table."""
    folder = Path(__file__).parents[4] / "engine" / "policies" / "edits"
    given = {
        status for file in folder.glob("*.py") for status in re.findall(r'"(refused_\w+)"', file.read_text("utf-8"))
    }
    assert given <= set(re.findall(r"`(refused_\w+)`", PAGE))
    assert len(given) > 10
    assert f"{EditRule().max_chars} characters by default" in PAGE
    assert f"has {EditRule().max_files} files already" in PAGE
    assert all(f"`{suffix}`" in PAGE for suffix in TEXT_SUFFIXES)
