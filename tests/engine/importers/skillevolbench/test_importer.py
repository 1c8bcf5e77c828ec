"""Runs of SkillEvolBench in the log: what their records tell, and a count of what they do not."""

from pathlib import Path
from typing import TypeVar

import pytest

from engine.importers.left_out import NothingImported
from engine.importers.skillevolbench.importer import import_skillevolbench
from engine.importers.streams import ALREADY
from events.base import Event
from events.store.base import Selection
from events.store.memory import MemoryLog
from events.types.attempt import AttemptJudged, UsageImported
from events.types.run import RunImported
from events.types.skill import SkillImported
from events.types.trial import TrialClosed, TrialOpened
from replay.redecide import decisions
from tests.cli.terminal import type_in
from tests.engine.importers.skillevolbench.made import RECORDS, record, write_run
from tests.support.worlds import memory_log

_Kind = TypeVar("_Kind", bound=Event)


async def _events(log: MemoryLog, kind: type[_Kind]) -> dict[str, list[_Kind]]:
    found: dict[str, list[_Kind]] = {}
    async for each in log.read(Selection()):
        if isinstance(each.event, kind):
            found.setdefault(each.stream.name, []).append(each.event)
    return found


async def test_each_record_is_a_trial_of_its_pass(tmp_path: Path) -> None:
    """Replays and shadows stand apart; they were pooled with primary trials by the source's own rates (W36)."""
    log = memory_log()
    (found,) = (await import_skillevolbench(log, write_run(tmp_path / "run"))).found
    opened = await _events(log, TrialOpened)
    assert {name: (each.task, each.condition) for name, (each,) in opened.items()} == {
        "trial/E1-LS1-T1": ("E1-LS1-T1", "primary"),
        "trial/E1-LS1-T2": ("E1-LS1-T2", "primary"),
        "trial/E1-LS1-T1.replay": ("E1-LS1-T1", "replay"),
        "trial/E1-LS1-T6.oracle": ("E1-LS1-T6", "oracle"),
        "trial/E1-LS1-T3": ("E1-LS1-T3", "primary"),
    }
    assert (found.trials, found.skills) == (5, 1)


async def test_a_reward_of_zero_that_stands_for_none_is_no_score(tmp_path: Path) -> None:
    """The source writes 0.0 where the verifier left no reward; nothing else of that record says that tests ran."""
    log = memory_log()
    await import_skillevolbench(log, write_run(tmp_path / "run"))
    closed = await _events(log, TrialClosed)
    assert {name[6:]: (each.outcome, each.reward) for name, (each,) in closed.items()} == {
        "E1-LS1-T1": ("unsolved", 0.5),
        "E1-LS1-T2": ("solved", 1.0),
        "E1-LS1-T1.replay": ("solved", 1.0),
        "E1-LS1-T6.oracle": ("solved", 1.0),
        "E1-LS1-T3": ("infrastructure", None),
    }
    judged = await _events(log, AttemptJudged)
    assert judged["attempt/E1-LS1-T3/1"][0].outcome.kind == "no_verdict"
    summary = await log.get(judged["attempt/E1-LS1-T1/1"][0].test_summary)
    assert b"[outcome] test_h1 - no sum" in summary


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "failed"),
        ({"failed_tests": [], "rubric_dimensions": []}, "failed"),
        ({"failed_tests": [], "rubric_dimensions": [], "outcome_passed": None}, "failed"),
        ({"failed_tests": [], "rubric_dimensions": [], "outcome_passed": None, "process_passed": None}, "no_verdict"),
    ],
)
async def test_any_sign_of_tests_makes_a_zero_a_score(tmp_path: Path, changes: dict[str, object], kind: str) -> None:
    """A report, a failed test or a dimension was written by tests that ran."""
    log = memory_log()
    await import_skillevolbench(log, write_run(tmp_path / "run", (record("E1-LS1-T1", 0.0, **changes),)))
    (judged,) = (await _events(log, AttemptJudged)).values()
    assert judged[0].outcome.kind == kind


async def test_what_is_lost_is_counted_and_what_is_missing_is_said(tmp_path: Path) -> None:
    """Records say little of libraries and retrievals; trials without a record are in no rate of the source (W14)."""
    log = memory_log()
    (found,) = (await import_skillevolbench(log, write_run(tmp_path / "run"))).found
    assert found.losses["skills that an agent used"] == 5
    assert found.losses["hashes of libraries"] == 10
    assert found.losses["journal: library_frozen"] == 1
    assert found.losses["traces of retrievals"] == 1
    assert found.losses["earlier versions of skills, which only git keeps"] == 1
    assert found.losses["trials of harbor-job, which `import harbor` reads"] == 1
    said = "\n".join(found.warnings)
    assert "2 of 7 scheduled trials have no record" in said
    assert "1 trials ended without a result" in said
    assert "library/E1 names gone" in said
    (imported,) = (await _events(log, RunImported))["run"]
    assert (imported.name, imported.model, imported.agent) == ("curated__seedA", "anthropic/opus", "claude-code")
    assert "lost: hashes of libraries (10)" in imported.warnings


async def test_costs_that_the_source_does_not_know_are_unknown(tmp_path: Path) -> None:
    """``cost_source = "unknown"`` stands beside 0.0 there."""
    log = memory_log()
    await import_skillevolbench(log, write_run(tmp_path / "run"))
    used = await _events(log, UsageImported)
    assert used["attempt/E1-LS1-T1/1"][0].cost == 250_000_000
    assert used["attempt/E1-LS1-T3/1"][0].cost is None


async def test_skills_come_as_the_library_ended_and_secrets_do_not(tmp_path: Path) -> None:
    """What git keeps of it is not looked at: a stranger's repository can run programs."""
    log = memory_log()
    await import_skillevolbench(log, write_run(tmp_path / "run"))
    (skill,) = (await _events(log, SkillImported))["run"]
    assert [each.name for each in skill.files] == ["SKILL.md", "references/x.md"]
    assert b"k-not-to-be-kept-1" not in await log.get(skill.files[0].digest)
    (imported,) = (await _events(log, RunImported))["run"]
    assert not any(".git" in each.name or "harbor-job" in each.name for each in imported.files)


async def test_the_same_files_are_imported_once(tmp_path: Path) -> None:
    """A run is named after what its files hold."""
    log = memory_log()
    folder = write_run(tmp_path / "run")
    first = (await import_skillevolbench(log, folder)).found[0]
    again = (await import_skillevolbench(log, tmp_path)).found[0]
    assert (again.run, again.warnings) == (first.run, (ALREADY,))


async def test_a_record_that_cannot_be_read_costs_no_more_than_itself(tmp_path: Path) -> None:
    """It is left out by name; a folder without any is refused."""
    folder = write_run(tmp_path / "run")
    (folder / "stores/replay/records/E1-LS1-T2.json").write_text("{", encoding="utf-8")
    (folder / "stores/replay/records/out.json").symlink_to(tmp_path / "elsewhere.json")
    (tmp_path / "elsewhere.json").write_text("{}", encoding="utf-8")
    found = await import_skillevolbench(memory_log(), folder)
    assert found.found[0].trials == 4
    assert [each.name for each in found.left_out] == [
        "stores/replay/records/out.json",
        "stores/replay/records/E1-LS1-T2.json",
    ]
    for nothing in (tmp_path / "empty", tmp_path / "none"):
        with pytest.raises(NothingImported):
            await import_skillevolbench(memory_log(), nothing)
        (tmp_path / "none").mkdir(exist_ok=True)


async def test_verdicts_are_made_again_from_the_records(tmp_path: Path) -> None:
    """Every decision of the imported run comes out as it is recorded."""
    log = memory_log()
    (found,) = (await import_skillevolbench(log, write_run(tmp_path / "run"))).found
    made = await decisions(log, found.run)
    assert len(made) == len(RECORDS)
    assert [each.at for each in made if not each.agrees] == []


def test_a_run_is_imported_and_shown_at_the_terminal(tmp_path: Path) -> None:
    """With the report of losses, and the exit code for what was left out."""
    write_run(tmp_path / "run")
    (tmp_path / ".stillroom").mkdir()
    outcome = type_in(tmp_path, "import", "skillevolbench", "run", "--json")
    (row,) = outcome.rows
    assert (outcome.code, row["kind"], row["trials"]) == (0, "skillevolbench", 5)
    assert type_in(tmp_path, "import", "skillevolbench", "run").code == 0
    shown = type_in(tmp_path, "show", row["run"])
    assert shown.code == 0, shown.err
    assert "E1-LS1-T1.replay" in shown.out
    assert type_in(tmp_path, "replay", row["run"]).code == 0
    assert type_in(tmp_path, "import", "skillevolbench", "nowhere").code == 2
