"""Scans of skills from the command line: of folders and of skills in the log, each finding with its line and text."""

from pathlib import Path

import pytest

from tests.cli.terminal import CommandOutcome, Terminal, machine, type_in
from tests.engine.policies.scan.planted import GOOD
from tests.engine.programs.evaluate.test_evaluate import questions

BAD = "\n## Clean up\n\n```bash\nrm -rf /\n```\n\nThe verifier checks the row count.\n"


def make_skill(folder: Path, text: str) -> Path:
    """Write a skill."""
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text(text)
    return folder


def scan(folder: Path, *words: str) -> CommandOutcome:
    """Scan."""
    return type_in(folder, "skills", "scan", *words)


def test_a_folder_is_scanned(tmp_path: Path) -> None:
    """Each finding names kind, severity, file, line, text and reason; the exit code is 3 where one is high."""
    make_skill(tmp_path / "skills" / "labels", GOOD + BAD)
    outcome = scan(tmp_path, "skills/labels", "--json")
    assert outcome.code == 3
    *findings, summary = outcome.rows
    lines = (GOOD + BAD).split("\n")
    assert [(row["kind"], row["severity"], row["file"], lines[row["line"] - 1], row["text"]) for row in findings] == [
        ("destructive", "high", "SKILL.md", "rm -rf /", "rm -rf /"),
        ("grader", "high", "SKILL.md", BAD.split("\n")[-2], BAD.split("\n")[-2]),
    ]
    assert (summary["row"], summary["high"], summary["tasks"]) == ("scanned", 2, 0)
    said = scan(tmp_path, "skills/labels").out
    assert "labels/SKILL.md:28  it removes a whole system or home" in said
    assert said.endswith("labels: 1 file scanned, answers of no task: 2 high, 0 medium, 0 low\n")


def test_a_good_skill_has_no_findings(tmp_path: Path) -> None:
    """So the exit code is 0; a folder of skills is scanned skill by skill, a file by itself."""
    make_skill(tmp_path / "skills" / "labels", GOOD)
    make_skill(tmp_path / "skills" / "others", GOOD)
    (tmp_path / "skills" / "others" / "scripts").mkdir()
    (tmp_path / "skills" / "others" / "scripts" / "go.sh").write_text("git push -f\n")
    outcome = scan(tmp_path, "skills", "--json")
    assert outcome.code == 0
    assert [(row["row"], row["skill"], row.get("file")) for row in outcome.rows] == [
        ("scanned", "labels", None),
        ("finding", "others", "scripts/go.sh"),
        ("scanned", "others", None),
    ]
    assert scan(tmp_path, "skills/labels/SKILL.md").out == (
        "SKILL.md: 1 file scanned, answers of no task: no findings\n"
    )


def test_answers_of_tasks_are_looked_for(tmp_path: Path) -> None:
    """Given the tasks that a skill is to help with."""
    task = tmp_path / "tasks" / "sum"
    for name in ("environment", "tests"):
        (task / name).mkdir(parents=True)
    (task / "task.toml").write_text("")
    (task / "instruction.md").write_text("Sum it up.")
    (task / "environment" / "Dockerfile").write_text("FROM debian:bookworm-slim\n")
    (task / "tests" / "test.sh").write_text("true\n")
    (task / "tests" / "test_outputs.py").write_text("def test_sum():\n    assert total() == 4821.75\n")
    make_skill(tmp_path / "labels", GOOD + "\nThe total is 4,821.75.\n")
    assert scan(tmp_path, "labels").code == 0
    outcome = scan(tmp_path, "labels", "--tasks", "tasks", "--json")
    assert outcome.code == 3
    finding, summary = outcome.rows
    assert (finding["kind"], finding["text"], summary["tasks"]) == ("answer", "The total is 4,821.75.", 1)


def test_a_terminal_is_not_acted_upon(tmp_path: Path) -> None:
    """A skill with escapes in a line of its own gives a finding in which they are written out."""
    make_skill(tmp_path / "labels", GOOD + "\n\x1b]0;owned\x07 rm -rf / \x1b[2J\u202e\n")
    on = machine(tmp_path, terminal=True)
    out = type_in(tmp_path, "skills", "scan", "labels", on=on).out
    assert isinstance(on.stdout, Terminal)
    assert "\\u001b]0;owned\\u0007 rm -rf /" in out
    assert "\x1b]0" not in out
    assert "\u202e" not in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "no log at"),
        (("empty",), "holds no file"),
        (("labels", "--scanner", "nobodys"), "nobodys"),
        (("labels", "--tasks", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_scanned_is_refused(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """With what is wrong."""
    make_skill(tmp_path / "labels", GOOD)
    (tmp_path / "empty").mkdir()
    outcome = scan(tmp_path, *words)
    assert outcome.code == 2
    assert said in outcome.err


@pytest.mark.slow
def test_a_skill_of_the_log_is_scanned_against_its_task(tmp_path: Path) -> None:
    """Given a distilled skill, its name is enough; its task's verifier is in the log."""
    assert type_in(tmp_path, "demo").code == 0
    name = type_in(tmp_path, "skills", "list", "--json").rows[0]["skill"]
    outcome = scan(tmp_path, name, "--json")
    assert (outcome.code, outcome.rows[-1]["skill"], outcome.rows[-1]["tasks"]) == (0, name, 1)


ARMS = ("--set", "evaluate.items.folder=quiz", "--skill", "skills", "-m", "script:script.toml")


def test_an_evaluation_tells_what_its_skills_hold(tmp_path: Path) -> None:
    """A lesser finding is told by the dry run, at the end and by `compare`; a grave one starts nothing."""
    questions(tmp_path)
    skill = tmp_path / "skills" / "told" / "SKILL.md"
    text = skill.read_text()
    skill.write_text(text + "\ngit push --force\n")
    planned = [row for row in type_in(tmp_path, "evaluate", *ARMS, "--dry-run", "--json").rows if "verdict" in row]
    (ran,) = [row for row in type_in(tmp_path, "evaluate", *ARMS, "--json").rows if row["kind"] == "arm_scan"]
    told, forced = ran["findings"]
    assert [each["findings"] for each in planned] == [[told, forced]], "the dry run compares questions, too"
    assert (ran["arm"], ran["verdict"], ran["medium"]) == ("skill", "pass", 2)
    assert (forced["file"], forced["text"]) == ("told/SKILL.md", "git push --force")
    assert (told["file"], told["kind"]) == ("told/SKILL.md", "answer"), "it says what is asked, beside the question"
    said = type_in(tmp_path, "compare").out
    assert "scan of the skills of skill: 0 high, 2 medium, 0 low" in said
    assert "git push --force  it rewrites the history of a shared repository" in said
    skill.write_text(text + "\nrm -rf /\n")
    for words in ((), ("--dry-run",)):
        refused = type_in(tmp_path, "evaluate", *ARMS, *words)
        assert refused.code == 2
        assert "told/SKILL.md line" in refused.err
        assert "it removes a whole system or home: rm -rf /" in refused.err
        assert "evaluate.scan.allow" in refused.err
    assert type_in(tmp_path, "evaluate", *ARMS, "--set", "evaluate.scan.refuse=never").code == 0


def test_a_grave_skill_is_not_exported(tmp_path: Path) -> None:
    """Given an imported skill that tells what the verifier checks, it takes a word of its own to adopt it."""
    source = tmp_path / "spark" / "jars"
    source.mkdir(parents=True)
    (source / "SKILL.md").write_text(GOOD + BAD)
    (source / "attempts.json").write_text("[]")
    assert type_in(tmp_path, "import", "spark", "spark").code in {0, 3}
    (row,) = type_in(tmp_path, "skills", "list", "--json").rows
    refused = type_in(tmp_path, "skills", "export", row["skill"], "out")
    assert refused.code == 2
    assert "2 findings of severity high" in refused.err
    assert "--allow-findings" in refused.err
    assert not (tmp_path / "out").exists()
    taken = type_in(tmp_path, "skills", "export", row["skill"], "out", "--allow-findings")
    assert taken.code == 0
    assert "high grader in SKILL.md line" in taken.err
