"""A skill leaves the log as the folder it is, with its provenance beside it and nothing overwritten."""

import io
import json
from pathlib import Path

import pytest

from engine.core.fold import fold
from events.base import Ref
from events.digest import Digest
from events.store.sqlite.store import SqliteLog
from events.types.evolution import SkillQuarantined
from events.types.skill import (
    SkillImported,
    SkillProposed,
    SkillRejected,
    SkillRetired,
    SkillRevised,
    SkillRolledBack,
)
from events.values import NamedDigest
from projections.library import Library, folder_digest
from tests.views.drawing import drawn
from tests.views.histories import SKILL, PlacedEvent, distilled, opened, record, trial_opened
from tests.views.runs.test_show import desk, out
from views.runs.skills import SKILLS, choose, export, heads, rows, tell
from views.terminal.errors import IdAmbiguous, IdUnknown, UsageWrong


async def with_skills(log: SqliteLog) -> SqliteLog:
    """Record two runs that led to skills, and one that was imported."""
    for run in ("r1", "r2"):
        await record(log, run, [*opened(log, "greet"), trial_opened("greet"), distilled(log, "greet")])
    files = (NamedDigest("SKILL.md", log.put(b"no front matter")),)
    await record(log, "spark-x", [PlacedEvent("trial/x", SkillImported("gear", files, ("front matter: missing",)))])
    return log


async def test_every_revision_is_listed_with_what_is_to_be_said(log: SqliteLog) -> None:
    """An imported skill that breaks rules is not hidden, and not passed off as ours."""
    listed = rows(await fold(await with_skills(log), Library()))
    assert [(row.skill, row.run, row.revision, row.imported) for row in listed] == [
        ("greet", "r1", 1, False), ("greet", "r2", 1, False), ("gear", "spark-x", 0, True),
    ]  # fmt: skip
    assert "1 broken rule" in drawn(SKILLS(listed))
    assert "no skills yet" in drawn(SKILLS([]))


async def test_a_name_means_its_latest_unless_a_run_is_named(log: SqliteLog, tmp_path: Path) -> None:
    """Shortened like every id."""
    at = desk(await with_skills(log), tmp_path)
    assert (await choose(at, "gree")).run == "r2"
    assert (await choose(at, "r1:greet")).run == "r1"
    with pytest.raises(IdAmbiguous):
        await choose(at, "g")
    with pytest.raises(IdUnknown):
        await choose(at, "nope")


async def test_showing_a_skill_prints_its_text_and_says_its_doubts_elsewhere(log: SqliteLog, tmp_path: Path) -> None:
    """What is piped into a file is the skill, and nothing but."""
    at = desk(await with_skills(log), tmp_path)
    await tell(at, "gear")
    assert out(at) == "no front matter\n"
    assert isinstance(at.machine.stderr, io.StringIO)
    assert "front matter: missing" in at.machine.stderr.getvalue()


async def test_a_skill_is_written_out_byte_for_byte(log: SqliteLog, tmp_path: Path) -> None:
    """Its provenance stands beside the folder, since it is no part of the skill."""
    at = desk(await with_skills(log), tmp_path)
    written = await export(at, await choose(at, "greet"), tmp_path / "out")
    assert (tmp_path / "out/greet/SKILL.md").read_bytes() == SKILL
    assert (tmp_path / "out/greet/references/more.md").read_bytes() == b"more\n"
    assert written.provenance == str(tmp_path / "out/greet.provenance.json")
    assert json.loads((tmp_path / "out/greet.provenance.json").read_bytes()) == {}


async def test_nothing_is_overwritten(log: SqliteLog, tmp_path: Path) -> None:
    """A skill somebody has edited since is theirs."""
    at = desk(await with_skills(log), tmp_path)
    (tmp_path / "greet").mkdir()
    with pytest.raises(UsageWrong, match="already exists"):
        await export(at, await choose(at, "greet"), tmp_path)


@pytest.mark.parametrize("name", ["../../escape.md", "/etc/passwd"])
async def test_a_file_that_would_end_up_elsewhere_is_refused(log: SqliteLog, tmp_path: Path, name: str) -> None:
    """An imported record is not trusted with paths."""
    files = (NamedDigest(name, log.put(b"x")),)
    await record(log, "r1", [PlacedEvent("trial/x", SkillRevised("greet", 1, files, Digest("0" * 64), ()))])
    at = desk(log, tmp_path)
    with pytest.raises(UsageWrong, match="outside its folder"):
        await export(at, await choose(at, "greet"), tmp_path)
    assert not (tmp_path / "greet").exists()


async def test_the_summary_reads_the_first_file_of_each_skill(log: SqliteLog) -> None:
    """Of this run alone."""
    (found,) = await heads(await with_skills(log), "r1")
    assert found.files == {"SKILL.md": SKILL.decode()}


async def test_a_library_that_is_named_is_listed_shown_and_exported(log: SqliteLog, tmp_path: Path) -> None:
    """Revisions, what takes whose place, candidates and what was retired; `LIBRARY/NAME` means its latest revision."""
    files = (NamedDigest("SKILL.md", log.put(b"of all")),)
    own, parent = distilled(log, "greet"), folder_digest(files)
    why = log.put(b"{}")
    story = [
        PlacedEvent("evolve", SkillRevised("greet", 1, files, why, (), library="shared", origin="written")),
        PlacedEvent("evolve", SkillProposed("greet", files, "edited", library="shared", parent=parent)),
        PlacedEvent("evolve", SkillRejected("greet", Ref("evolve", 2), ("no gain",), library="shared")),
        PlacedEvent("evolve", SkillRevised("part", 1, files, why, (), library="shared")),
        PlacedEvent("evolve", SkillRetired("part", 1, "never read", library="shared")),
    ]
    await record(log, "r1", [*opened(log, "greet"), trial_opened("greet"), own, *story])
    listed = rows(await fold(log, Library()))
    assert [(row.skill, row.library, row.revision, row.state, row.origin, row.in_force) for row in listed] == [
        ("greet", None, 1, "in force", "distilled", True),
        ("greet", "shared", 1, "in force", "written", True),
        ("part", "shared", 1, "retired", "distilled", False),
        ("greet", "shared", None, "rejected", "edited", False),
    ]
    assert listed[-1].parent == listed[1].digest
    assert listed[-1].problems == ("no gain",)
    at = desk(log, tmp_path)
    chosen = await choose(at, "shared/gre")
    assert (chosen.run, chosen.revision.files) == ("r1", files)
    await export(at, chosen, tmp_path / "out")
    assert (tmp_path / "out/greet/SKILL.md").read_bytes() == b"of all"
    with pytest.raises(IdUnknown):
        await choose(at, "elsewhere/greet")
    told = " ".join(drawn(SKILLS(listed), width=200).split())
    for said in ("1 in shared", "1, retired in shared", "rejected in shared"):
        assert said in told


async def test_a_library_that_runs_evolve_is_named_by_course_and_scope(log: SqliteLog, tmp_path: Path) -> None:
    """Of the latest run, or of one that is named; what is quarantined or rolled back is told."""
    one, two = ((NamedDigest("SKILL.md", log.put(each)),) for each in (b"one", b"two"))
    why = log.put(b"{}")
    stream = "library/always/E1"

    def revised(revision: int, files: tuple[NamedDigest, ...], skill: str = "rows") -> PlacedEvent:
        return PlacedEvent(stream, SkillRevised(skill, revision, files, why, (), "always/E1", origin="edited"))

    back = SkillRolledBack("rows", 2, 1, folder_digest(one), "it harms", "always/E1")
    proposed = SkillProposed("rows", two, "edited", library="always/E1")
    await record(log, "r1", [*opened(log, "greet"), revised(1, one), revised(2, two), PlacedEvent(stream, back)])
    held = SkillQuarantined("pages", 1, "it harms", "always/E1")
    story = [revised(1, two), revised(1, one, "pages"), PlacedEvent(stream, held), PlacedEvent(stream, proposed)]
    await record(log, "r2", [*opened(log, "greet"), *story])
    listed = rows(await fold(log, Library()))
    assert [(row.run, row.skill, row.library, row.revision, row.state, row.in_force) for row in listed] == [
        ("r1", "rows", "always/E1", 1, "in force", True),
        ("r1", "rows", "always/E1", 2, "rolled back", False),
        ("r2", "rows", "always/E1", 1, "in force", True),
        ("r2", "pages", "always/E1", 1, "quarantined", True),
        ("r2", "rows", "always/E1", None, "candidate", False),
    ]
    told = " ".join(drawn(SKILLS(listed), width=200).split())
    assert "2, rolled back in always/E1" in told
    assert "1, quarantined in always/E1" in told
    at = desk(log, tmp_path)
    assert (await choose(at, "always/E1/rows")).run == "r2"
    assert (await choose(at, "r1:always/E1/rows")).revision.files == one
    assert (await choose(at, "r1:always/E1/rows@2")).revision.files == two
    with pytest.raises(IdUnknown, match="always/E2"):
        await choose(at, "always/E2/rows")
