"""Placebos of a training as people and programs read them: never a rate without what the gate sees."""

from pathlib import Path

import anyio
import pytest

from events.store.sqlite.store import SqliteLog
from tests.cli.terminal import ticking, type_in
from tests.support.training import FEW, jars, trained, training


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in which a skill was trained with a placebo at each step."""

    async def train() -> None:
        path = tmp_path / ".stillroom" / "log.db"
        path.parent.mkdir()
        spec = training(**FEW, placebo=1, shadows={"strict": {"name": "strict"}})
        async with await SqliteLog.open(path, clock=ticking()) as log:
            await trained(log, jars(tmp_path), spec)

    anyio.run(train)
    return tmp_path


def test_each_page_says_how_many_were_accepted_beside_what_the_gate_sees(folder: Path) -> None:
    """`show`, `edits list` and both forms of `report` have one row for each gate; no edit is a placebo."""
    shown, listed = (
        [row for row in type_in(folder, *words, "--json").rows if row.get("kind") == "placebos"]
        for words in (("show",), ("edits", "list"))
    )
    assert shown == listed
    assert [(row["gate"], row["shadow"]) for row in shown] == [("level", None), ("strict", "strict")]
    assert all(row["accepted"] <= row["ruled"] for row in shown)
    assert all(row["smallest_gain"] > 0 for row in shown)
    for words in (("show",), ("edits", "list")):
        told = type_in(folder, *words).out
        assert "placebos accepted" in told
        assert f"{100 * shown[0]['smallest_gain']:.1f} points" in told
    edits = [row for row in type_in(folder, "edits", "list", "--json").rows if row.get("kind") != "placebos"]
    assert edits
    assert not [row for row in edits if "placebo" in (row["origin"], row["candidate"].partition(".")[2])]
    assert "placebos" not in type_in(folder, "edits", "list", "--format", "csv").out
    assert type_in(folder, "report", "--format", "markdown").code == 0
    assert "placebos accepted" in (folder / "report.md").read_text()
    assert type_in(folder, "report", "--out", "page.html").code == 0
    assert '<h2 id="placebos">' in (folder / "page.html").read_text()
