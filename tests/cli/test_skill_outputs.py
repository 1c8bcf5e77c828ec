"""Which skill bytes were in play for an output, and which outputs a skill touched: both ways, and they agree."""

from pathlib import Path

import anyio
import pytest

from events.digest import digest_of
from events.store.sqlite.store import SqliteLog
from events.types.agent import AgentRunFinished, SkillRead
from events.types.condition import AgentKey, Condition, MethodKey, SkillRef
from events.types.evaluation import CellOpened
from events.types.item import ItemOpened
from events.values import NamedDigest
from tests.cli.terminal import CommandOutcome, ticking, type_in
from tests.views.histories import PlacedEvent, opened, record
from tests.views.libraries.story import KEY, SECOND, evolved

ATTEMPT = "attempt/always.E1/rows-adversarial/1/1"
CELL = "cell/plain/jars.one/1"
ITEM = "item/plain/jars.one/1"


def condition(*skills: SkillRef) -> Condition:
    """Make the condition of an arm."""
    return Condition(
        agent=AgentKey("shell", "stillroom@1", KEY),
        models=(),
        method=MethodKey("spark", KEY),
        prompts=KEY,  # type: ignore[arg-type]
        skills=skills,
        note=None,
        feedback="none",
    )


async def _write(path: Path) -> None:
    async with await SqliteLog.open(path, clock=ticking()) as log:
        await evolved(log)
        file = NamedDigest("SKILL.md", log.put(SECOND.encode()))
        with_it = log.put(condition(SkillRef("rows", "", (file,))).canonical)
        without = log.put(condition().canonical)
        key = log.put(b"{}")
        story = [
            *opened(log, "jars"),
            PlacedEvent(CELL, CellOpened("plain", "jars.one", "jars.one", 1, key, with_it)),
            PlacedEvent(ITEM, ItemOpened("jars", "one", key, with_it, "call", 1, (), None)),
            PlacedEvent("cell/bare/jars.one/1", CellOpened("bare", "jars.one", "jars.one", 1, key, without)),
        ]
        await record(log, "r2", story)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace whose log has outputs of three runs."""
    anyio.run(_write, tmp_path / "log.db")
    return tmp_path


def look(folder: Path, *words: str) -> CommandOutcome:
    """Type it."""
    return type_in(folder, "skills", *words, "--log", "log.db", "--json")


def test_an_attempt_names_the_bytes_that_it_was_given(folder: Path) -> None:
    """With the revision that has them, and whether the agent read them."""
    (row,) = look(folder, "given", "r1:always.E1/rows-adversarial/1/1").rows
    assert (row["output"], row["skill"], row["revision"], row["read"]) == (
        ATTEMPT,
        "rows",
        "r1:always/E1/rows@2",
        "yes",
    )


def test_a_skill_names_all_outputs_that_it_touched_in_all_runs(folder: Path) -> None:
    """An attempt that read it, an item whose model was told it, and the cell that was scored so."""
    rows = look(folder, "outputs", "rows@2").rows
    assert [(row["run"], row["output"], row["kind"], row["read"]) for row in rows] == [
        ("r1", ATTEMPT, "attempt", "yes"),
        ("r2", CELL, "cell", None),
        ("r2", ITEM, "item", "yes"),
    ]
    assert look(folder, "outputs", "rows@1").rows == []


def test_the_bytes_of_a_folder_or_of_a_file_will_do(folder: Path) -> None:
    """A skill that no library has is named by its digest, and so is a file that several skills may have."""
    (row,) = look(folder, "given", "r1:always.E1/rows-adversarial/1/1").rows
    by_folder = look(folder, "outputs", row["digest"][:12]).rows
    assert [each["output"] for each in by_folder] == [ATTEMPT, CELL, ITEM]
    assert look(folder, "outputs", f"sha256:{row['digest']}").rows == by_folder
    assert look(folder, "outputs", "0" * 64).rows == []


def test_both_ways_agree(folder: Path) -> None:
    """Every skill of every output of every run is found from the skill, too."""
    forward = [row for run in ("r1", "r2") for row in look(folder, "given", run).rows]
    assert len(forward) == 3
    for row in forward:
        assert row in look(folder, "outputs", row["digest"]).rows


def test_an_installed_agent_was_given_what_was_mounted(tmp_path: Path) -> None:
    """Such runs have no condition; and that it read SKILL.md when it started says nothing."""

    async def write() -> None:
        async with await SqliteLog.open(tmp_path / "log.db", clock=ticking()) as log:
            more, head = log.put(b"more"), log.put(SECOND.encode())
            files = (NamedDigest("rows/SKILL.md", head), NamedDigest("rows/more.md", more))
            story = opened(log, "jars")
            for number, name in enumerate(("rows/SKILL.md", "rows/more.md"), start=1):
                ended = AgentRunFinished(
                    KEY,  # type: ignore[arg-type]
                    0,
                    "exited",
                    head,
                    head,
                    1,
                    1,
                    None,
                    files,
                    (SkillRead(name, 1, 1),),
                    None,
                    None,
                )
                story.append(PlacedEvent(f"attempt/jars/{number}", ended))
            await record(log, "r1", story)

    anyio.run(write)
    rows = look(tmp_path, "outputs", f"sha256:{digest_of(b'more')}").rows
    assert [(row["output"], row["read"], row["condition"]) for row in rows] == [
        ("attempt/jars/1", "unknown", None),
        ("attempt/jars/2", "yes", None),
    ]


def test_an_output_is_named_as_it_is_printed(folder: Path) -> None:
    """By its stream, of the run that is named, or of the latest that has it."""
    for name, outputs in {
        f"r2:{ITEM}": [ITEM],
        CELL: [CELL],
        ATTEMPT: [ATTEMPT],
    }.items():
        assert [row["output"] for row in look(folder, "given", name).rows] == outputs
    assert look(folder, "given", "r2:cell/bare/jars.one/1").rows == []


def test_what_is_no_output_is_a_usage_error(folder: Path) -> None:
    """And so is an output that was told of no skills."""
    assert look(folder, "given", "1").code == 2
    assert look(folder, "outputs", "nothing").code == 2
