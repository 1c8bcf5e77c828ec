"""Skills of a log written into a person's folder of skills from the command line, and taken back."""

import io
import json
from pathlib import Path

import anyio
import pytest

from events.store.sqlite.store import SqliteLog
from events.types.evolution import SkillQuarantined
from events.types.skill import SkillImported, SkillProposed, SkillRevised
from events.values import NamedDigest
from tests.cli.terminal import SQLITE, CommandOutcome, Terminal, machine, ticking, type_in
from tests.cli.test_trouble import FailingStream
from tests.views.histories import SKILL, PlacedEvent, opened, record, whole
from tests.views.libraries.story import SECOND, evolved
from views.terminal.host import Host

MORE = {"SKILL.md": SKILL, "references/more.md": b"more\n"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace whose log holds one distilled skill, and a folder of skills beside it."""
    anyio.run(_write, tmp_path / "log.db")
    (tmp_path / "skills").mkdir()
    return tmp_path


async def _write(path: Path) -> None:
    async with await SqliteLog.open(path, clock=ticking()) as log:
        await record(log, "r1", whole(log))


def adopt(folder: Path, *words: str, on: Host | None = None) -> CommandOutcome:
    """Adopt."""
    return type_in(folder, "skills", "adopt", *words, "--to", "skills", "--log", "log.db", on=on)


def held(folder: Path) -> dict[str, bytes]:
    """Read the skill's folder."""
    at = folder / "skills/greet"
    return {str(path.relative_to(at)): path.read_bytes() for path in at.rglob("*") if path.is_file()}


def test_a_skill_is_adopted_and_taken_back(folder: Path) -> None:
    """The diff comes first; the receipt names the event that accepted it; nothing is left but what is ours."""
    outcome = adopt(folder, "greet", "--yes", "--json")
    assert outcome.code == 0
    *diffs, row = outcome.rows
    assert [(each["file"], each["change"]) for each in diffs] == [
        ("SKILL.md", "added"),
        ("references/more.md", "added"),
    ]
    assert (row["action"], row["was"], row["revision"], row["written"]) == ("adopt", "absent", "r1:greet@1", True)
    assert held(folder) == MORE
    receipt = json.loads(Path(row["receipt"]).read_bytes())
    (listed,) = type_in(folder, "skills", "list", "--log", "log.db", "--json").rows
    assert receipt["pinned"] == row["pinned"] == listed["digest"]
    (event,) = [
        each for each in type_in(folder, "log", "tail", "-n", "99", "--log", "log.db", "--json").rows
        if each["tag"] == "skill.revised"
    ]  # fmt: skip
    assert (receipt["source"]["stream"], receipt["source"]["version"]) == (event["stream"], event["version"])
    (adopted,) = type_in(folder, "skills", "adopted", "skills", "--json").rows
    assert (adopted["standing"], adopted["revision"], adopted["event"]) == ("adopted", 1, receipt["source"]["event"])
    back = type_in(folder, "skills", "rollback", "greet", "--to", "skills", "--yes", "--json")
    assert (back.code, back.rows[-1]["action"], back.rows[-1]["written"]) == (0, "rollback", True)
    assert sorted(path.name for path in (folder / "skills").iterdir()) == [".stillroom-adopted"]
    assert type_in(folder, "skills", "adopted", "skills", "--json").rows == []


def test_a_skill_is_adopted_though_nobody_reads_of_it(folder: Path) -> None:
    """``adopt … --yes | head -1``: what was asked for is done, and not ended with 0 halfway through."""
    on = Host({}, folder, FailingStream(BrokenPipeError()), io.StringIO(), ticking(), SQLITE)
    assert adopt(folder, "greet", "--yes", on=on).code == 0
    assert held(folder) == MORE
    on = Host({}, folder, FailingStream(BrokenPipeError()), io.StringIO(), ticking(), SQLITE)
    assert type_in(folder, "skills", "rollback", "greet", "--to", "skills", "--yes", on=on).code == 0
    assert not (folder / "skills/greet").exists()


def test_nothing_is_written_until_somebody_says_so(folder: Path) -> None:
    """Without a terminal to ask at, the changes are shown and the exit code is 2."""
    outcome = adopt(folder, "greet")
    assert outcome.code == 2
    assert "+# Greeting" in outcome.out
    assert "greet  would be r1:greet@1" in outcome.out
    assert "--yes" in outcome.err
    assert list((folder / "skills").iterdir()) == []


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 2), ("", 2)])
def test_a_person_is_asked(answer: str, code: int, folder: Path) -> None:
    """At a terminal; anything but yes is no."""
    stdin = Terminal(answer)
    on = Host({}, folder, Terminal(), Terminal(), ticking(), SQLITE, stdin=stdin)
    outcome = adopt(folder, "greet", on=on)
    assert outcome.code == code
    assert "[y/N]" in outcome.err
    assert held(folder) == (MORE if code == 0 else {})


def test_a_pipe_is_not_asked(folder: Path) -> None:
    """A yes that comes by a pipe was not said to this question."""
    on = machine(folder, terminal=True)._replace(stdin=io.StringIO("y\n"))
    assert adopt(folder, "greet", on=on).code == 2
    assert held(folder) == {}


def test_what_is_adopted_already_is_not_written_again(folder: Path) -> None:
    """No second receipt, and nobody is asked."""
    assert adopt(folder, "greet", "--yes").code == 0
    outcome = adopt(folder, "greet", "--json")
    assert outcome.code == 0
    assert [(row["written"], row["changes"]) for row in outcome.rows] == [(False, [])]
    assert len(list((folder / "skills/.stillroom-adopted/receipts").iterdir())) == 1


def test_a_folder_that_was_changed_is_refused_and_listed(folder: Path) -> None:
    """With what was changed; --replace keeps it, and a rollback brings it back."""
    assert adopt(folder, "--skill", "greet", "--yes").code == 0
    (folder / "skills/greet/SKILL.md").write_bytes(b"mine\n")
    refused = adopt(folder, "greet", "--yes")
    assert refused.code == 2
    assert "SKILL.md was changed" in refused.err
    assert "--replace" in refused.err
    listed = type_in(folder, "skills", "adopted", "skills", "--json")
    assert (listed.code, listed.rows[0]["standing"], listed.rows[0]["changes"]) == (
        3,
        "edited",
        ["SKILL.md was changed"],
    )
    assert adopt(folder, "greet", "--yes", "--replace").code == 0
    assert held(folder) == MORE
    assert type_in(folder, "skills", "rollback", "greet", "--to", "skills", "--yes").code == 0
    assert held(folder) == {**MORE, "SKILL.md": b"mine\n"}


def test_an_interrupted_adoption_is_undone_by_the_next_command(folder: Path) -> None:
    """And that is said."""
    assert adopt(folder, "greet", "--yes").code == 0
    own = folder / "skills/.stillroom-adopted"
    (own / "staging/file").write_text("half of a fi")
    (own / "receipts/000001.json").rename(own / "pending.json")
    outcome = type_in(folder, "skills", "adopted", "skills")
    assert "an interrupted adopt of greet was finished" in outcome.err
    assert list((own / "staging").iterdir()) == []
    assert outcome.code == 0


async def _libraries(path: Path) -> None:
    async with await SqliteLog.open(path, clock=ticking()) as log:
        await evolved(log)
        files = (NamedDigest("SKILL.md", log.put(SKILL)),)
        story = [
            *opened(log, "greet"),
            PlacedEvent("trial/greet", SkillRevised("kept", 1, files, log.put(b"{}"), (), "shared")),
            PlacedEvent("trial/greet", SkillRevised("held", 1, files, log.put(b"{}"), (), "shared")),
            PlacedEvent("trial/greet", SkillQuarantined("held", 1, "it deletes files", "shared")),
            PlacedEvent("trial/greet", SkillImported("brought", files, ())),
            PlacedEvent("trial/greet", SkillProposed("hoped", files, "written", "shared")),
        ]
        await record(log, "r2", story)


@pytest.mark.parametrize(
    ("skill", "standing"),
    [
        ("held", "quarantined"),
        ("rows", "retired"),
        ("rows@2", "rolled-back"),
        ("brought", "imported"),
        ("hoped@sha256:{}", "candidate"),
    ],
)
def test_what_was_not_accepted_is_refused_unless_it_is_allowed_by_name(
    skill: str, standing: str, tmp_path: Path
) -> None:
    """With the reason; and another word does not allow it."""
    anyio.run(_libraries, tmp_path / "log.db")
    (tmp_path / "skills").mkdir()
    (digest,) = {
        row["digest"]
        for row in type_in(tmp_path, "skills", "list", "--log", "log.db", "--json").rows
        if row["skill"] == "hoped"
    }
    name = skill.format(digest[:8])
    for words in ((), ("--allow", "rejected")):
        refused = adopt(tmp_path, name, "--yes", *words)
        assert refused.code == 2
        assert f"--allow {standing}" in refused.err
    assert list((tmp_path / "skills").iterdir()) == []
    outcome = adopt(tmp_path, name, "--yes", "--allow", standing, "--json")
    assert outcome.code == 0, outcome.err
    assert (outcome.rows[-1]["written"], outcome.rows[-1]["skill"]) == (True, name.partition("@")[0])


def test_all_that_is_in_force_is_adopted_and_nothing_else(tmp_path: Path) -> None:
    """What is left out is named with its reason."""
    anyio.run(_libraries, tmp_path / "log.db")
    (tmp_path / "skills").mkdir()
    outcome = adopt(tmp_path, "--all", "--yes", "--json")
    assert [row["skill"] for row in outcome.rows if row["row"] == "adoption"] == ["kept"]
    warned = [json.loads(line)["warning"] for line in outcome.err.splitlines()]
    assert [each.partition(" is left out")[0] for each in warned] == [
        "r2:brought@0",
        "r2:shared/held@1",
        "r1:always/E1/rows@1",
    ]


def test_several_skills_are_adopted_and_taken_back_as_one(tmp_path: Path) -> None:
    """One that is refused stands for all; --together takes back what one command adopted, whichever of it is named."""
    anyio.run(_libraries, tmp_path / "log.db")
    skills = tmp_path / "skills"
    (skills / "brought").mkdir(parents=True)
    words = ("kept", "brought", "--allow", "imported", "--yes")
    assert adopt(tmp_path, *words).code == 2
    assert [each.name for each in skills.iterdir()] == ["brought"]
    outcome = adopt(tmp_path, *words, "--replace", "--json")
    assert [(row["skill"], row["written"]) for row in outcome.rows if row["row"] == "adoption"] == [
        ("kept", True),
        ("brought", True),
    ]
    back = type_in(tmp_path, "skills", "rollback", "brought", "--together", "--to", "skills", "--yes", "--json")
    assert {row["skill"] for row in back.rows if row["row"] == "adoption"} == {"kept", "brought"}
    assert sorted(each.name for each in skills.iterdir()) == [".stillroom-adopted", "brought"]
    assert list((skills / "brought").iterdir()) == []


def test_a_skill_with_a_grave_finding_is_refused(tmp_path: Path) -> None:
    """As by `skills export`: it is text that a model wrote."""

    async def write() -> None:
        async with await SqliteLog.open(tmp_path / "log.db", clock=ticking()) as log:
            files = (NamedDigest("SKILL.md", log.put(SKILL + b"\n```bash\nrm -rf /\n```\n")),)
            event = SkillRevised("greet", 1, files, log.put(b"{}"), ())
            await record(log, "r1", [*opened(log, "greet"), PlacedEvent("trial/greet", event)])

    anyio.run(write)
    (tmp_path / "skills").mkdir()
    assert adopt(tmp_path, "greet", "--yes").code == 2
    assert held(tmp_path) == {}
    assert adopt(tmp_path, "greet", "--yes", "--allow-findings").code == 0


@pytest.mark.parametrize(
    "words", [(), ("greet", "--all"), ("greet", "r1:greet"), ("greet", "--allow", "anything"), ("greet@sha256:abc",)]
)
def test_what_cannot_be_meant_is_a_usage_error(words: tuple[str, ...], folder: Path) -> None:
    """And nothing is written."""
    assert adopt(folder, *words, "--yes").code == 2
    assert list((folder / "skills").iterdir()) == []


def test_the_folder_of_skills_is_not_made(folder: Path) -> None:
    """A path that was mistyped would be one more folder that no agent reads."""
    outcome = type_in(folder, "skills", "adopt", "greet", "--to", "skils", "--log", "log.db", "--yes")
    assert outcome.code == 2
    assert not (folder / "skils").exists()


def test_a_revision_of_a_library_is_adopted_by_its_number(tmp_path: Path) -> None:
    """One that was replaced was accepted, too, and a warning says where its library gives it no more."""
    anyio.run(_libraries, tmp_path / "log.db")
    (tmp_path / "skills").mkdir()
    outcome = adopt(tmp_path, "always/E1/rows@2", "--yes", "--allow", "rolled-back")
    assert outcome.code == 0
    assert "not given in E2" in outcome.err
    assert (tmp_path / "skills/rows/SKILL.md").read_text() == SECOND
