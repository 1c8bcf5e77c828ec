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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_placebo_is_shown_and_explained_like_a_candidate(folder: Path) -> None:
    """`edits show` and `why` take its name: what it says, what gates said of it, which items moved, and why."""
    rows = type_in(folder, "edits", "show", "s1.placebo", "--json").rows
    (edit,) = [row for row in rows if row["row"] == "edit"]
    assert (edit["edit"], edit["origin"], edit["op"], edit["revision"]) == ("s1.placebo.1", "placebo", "append", None)
    assert edit["content"].startswith("This page holds no advice")
    assert {row["shadow"] for row in rows if row["row"] == "gate"} == {None, "strict"}
    assert {row["row"] for row in rows} == {"edit", "gate", "item_change", "file_diff"}
    (diff,) = [row for row in rows if row["row"] == "file_diff"]
    assert diff["removed"] == 0
    assert edit["content"].strip() in diff["diff"]
    told = type_in(folder, "edits", "show", "s1.placebo").out
    assert "rejected; a placebo never comes into force" in told
    assert "proposed from" not in told
    assert type_in(folder, "edits", "show", "s1.placebo.1", "--json").rows == rows
    explained = type_in(folder, "why", "s1.placebo")
    assert explained.code == 0
    assert explained.out.startswith("gate.decided")
    assert 'origin = "placebo"' in explained.out
    assert "cell/s1.placebo/" in explained.out
    assert type_in(folder, "why", "s1.placebo.1").out == explained.out


def test_a_placebo_that_is_not_there_is_refused_with_those_that_are(folder: Path) -> None:
    """Their names stand beside those of candidates."""
    refused = type_in(folder, "edits", "show", "s9.placebo")
    assert refused.code == 2
    assert "s1.placebo" in refused.err
