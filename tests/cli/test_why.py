"""Why, asked as a person would, over a real run: what is printed, what the shell is told, and what a page holds."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from shutil import copytree
from typing import Any, NamedTuple

import anyio
import pytest

from engine.runtime.run import start_run
from events.store.sqlite.store import SqliteLog
from tests.cli.terminal import ticking, type_in
from tests.support.edits import edit_events
from tests.support.runs import SCRIPT, make_base, setting, spec


class RunFolder(NamedTuple):
    """A folder whose log holds a run."""

    folder: Path
    run: str

    def copy(self, to: Path) -> "RunFolder":
        """Give a log of one's own, to damage."""
        copytree(self.folder / ".stillroom", to / ".stillroom")
        return RunFolder(to, self.run)

    @property
    def log(self) -> Path:
        """The log's file."""
        return self.folder / ".stillroom/log.db"


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A task that fails once and is solved then."""
    folder = tmp_path_factory.mktemp("why")

    async def live() -> str:
        (folder / ".stillroom").mkdir()
        async with await SqliteLog.open(folder / ".stillroom/log.db", clock=ticking()) as log:
            return (await start_run(await setting(log, make_base(folder, SCRIPT)), spec())).run

    return RunFolder(folder, anyio.run(live))


def steps(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out the sum."""
    return [row for row in rows if row["row"] == "node"]


@pytest.mark.parametrize(
    ("target", "tag"),
    [
        ("word", "skill.revised"),
        ("word@1", "skill.revised"),
        ("@latest:word", "skill.revised"),
        ("word/1", "trial.attempt_concluded"),
        ("trial/word@2", "task.asked"),
        ("attempt/word/1@1", "attempt.opened"),
        ("@latest", "run.closed"),
        ("1", "session.started"),
    ],
)
def test_whatever_has_a_cause_can_be_asked_for(lived: RunFolder, target: str, tag: str) -> None:
    """A skill or a revision of it, an attempt, an event by place or position, a run."""
    outcome = type_in(lived.folder, "why", target, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.rows[0]["tag"] == tag


def test_each_step_is_an_object_that_can_be_opened(lived: RunFolder) -> None:
    """Ids that `why` gives are ids that `show` takes, shortened or not."""
    outcome = type_in(lived.folder, "why", "word", "--json")
    nodes, checked = steps(outcome.rows), outcome.rows[-1]
    assert all(row["schema"] == 1 for row in outcome.rows)
    keys = {"node", "parent", "depth", "label", "kind", "id", "tag", "digest", "verified", "text", "told", "decision"}
    assert all(keys <= row.keys() for row in nodes)
    assert [row["node"] for row in nodes] == list(range(len(nodes)))
    assert checked["row"] == "checked"
    assert (checked["broken"], checked["differ"]) == ([], [])
    assert checked["decisions"] == checked["agree"] > 5
    for kind in ("event", "blob", "request", "task"):
        row = next(row for row in nodes if row["kind"] == kind)
        assert type_in(lived.folder, "show", row["id"]).code == 0, row
    blob = next(row for row in nodes if row["label"] == "SKILL.md")
    assert "Copying a word" in type_in(lived.folder, "show", blob["id"][:17]).out


def test_people_see_a_tree_and_what_became_of_all_of_it(lived: RunFolder) -> None:
    """Cut at a depth, while all of it is hashed: the sum speaks of the whole chain."""
    short, long = (type_in(lived.folder, "why", "word", "--depth", depth).out for depth in ("1", "9"))
    assert "├─ " in short
    assert len(short.splitlines()) < len(long.splitlines())
    assert "re-evaluated: same decision" in short
    assert short.splitlines()[-3:] == long.splitlines()[-3:]


def test_what_nobody_has_a_cause_for_is_refused_with_words(lived: RunFolder) -> None:
    """Each says what to do instead."""
    for target in ("blob:00", "word@7", "nobody", "trial/word@999", "9999999"):
        outcome = type_in(lived.folder, "why", target)
        assert outcome.code == 2, target
        assert outcome.err
    skill = next(row for row in steps(type_in(lived.folder, "why", "word", "--json").rows) if row["kind"] == "blob")
    assert "has no cause" in type_in(lived.folder, "why", skill["id"]).err


def test_a_missing_byte_is_an_error_that_says_which(lived: RunFolder, tmp_path: Path) -> None:
    """The tree is told as far as it goes; the exit code is that of a damaged log."""
    own = lived.copy(tmp_path)
    nodes = steps(type_in(own.folder, "why", "word", "--json").rows)
    digest = next(row["digest"] for row in nodes if row["label"] == "command")
    with closing(sqlite3.connect(own.log)) as connection:
        connection.execute("DROP TRIGGER blobs_stay")
        connection.execute("DELETE FROM blobs WHERE digest = ?", (bytes.fromhex(digest),))
        connection.commit()
    outcome = type_in(own.folder, "why", "word", "--depth", "0")
    assert outcome.code == 5
    assert digest in outcome.err
    assert "skill.revised" in outcome.out
    broken = type_in(own.folder, "why", "word", "--json")
    assert broken.code == 5
    assert f"blob:{digest}" in broken.rows[-1]["broken"]
    assert type_in(own.folder, "show", f"blob:{digest}").code in {2, 5}


def test_an_erased_blob_is_told_and_is_no_error(lived: RunFolder, tmp_path: Path) -> None:
    """Why it was erased stands where its text would."""
    own = lived.copy(tmp_path)
    nodes = steps(type_in(own.folder, "why", "word", "--json").rows)
    digest = next(row["digest"] for row in nodes if row["label"] == "reply")

    async def erase() -> None:
        async with await SqliteLog.open(own.log, clock=ticking()) as log:
            await log.erase(digest, "it named a person")

    anyio.run(erase)
    outcome = type_in(own.folder, "why", "word", "--depth", "9")
    assert outcome.code == 0
    assert "ERASED: erased: it named a person" in outcome.out
    assert type_in(own.folder, "show", f"blob:{digest}").code == 5


def test_a_verdict_edited_in_the_file_is_seen_twice(lived: RunFolder, tmp_path: Path) -> None:
    """The event does not fit its digest, and the decision does not come out as it says."""
    own = lived.copy(tmp_path)
    edit_events(own.log, "attempt.judged", '"solved","reward":1.0', '"solved","reward":0.5')
    outcome = type_in(own.folder, "why", "word/2", "--json")
    assert outcome.code == 5
    assert any("attempt/word/2@" in place for place in outcome.rows[-1]["differ"])
    assert any("attempt/word/2@" in place for place in outcome.rows[-1]["broken"])


def test_a_page_holds_the_chain_and_its_bytes_and_needs_nothing_else(lived: RunFolder, tmp_path: Path) -> None:
    """It can be mailed: no script, no address to fetch from, and text from the log stays text."""
    own = lived.copy(tmp_path)
    outcome = type_in(own.folder, "why", "word", "--html", "why.html")
    assert (outcome.code, outcome.err.split()[-1]) == (0, str(tmp_path / "why.html"))
    text = (tmp_path / "why.html").read_text()
    nodes = steps(type_in(own.folder, "why", "word", "--json").rows)
    assert text.count("<details") == len(nodes)
    assert "Copying a word" in text
    assert "http" not in text.partition("<h2>The bytes</h2>")[0]
    assert "<script" not in text
    anchors = set(re.findall(r'href="#([^"]+)"', text))
    assert anchors <= set(re.findall(r'id="([^"]+)"', text))
    (tmp_path / "file").write_text("")
    assert type_in(own.folder, "why", "word", "--html", "file/page.html").code == 2


def test_a_page_shows_markup_of_an_agent_as_text(tmp_path: Path) -> None:
    """An agent writes what it likes; a reader's browser must not run it."""
    (tmp_path / ".stillroom").mkdir()
    script = SCRIPT.replace("I guess.", "<script>alert(1)</script>")

    async def live() -> None:
        async with await SqliteLog.open(tmp_path / ".stillroom/log.db", clock=ticking()) as log:
            await start_run(await setting(log, make_base(tmp_path, script)), spec())

    anyio.run(live)
    assert type_in(tmp_path, "why", "word", "--html", "why.html").code == 0
    text = (tmp_path / "why.html").read_text()
    assert "&lt;script&gt;alert(1)" in text
    assert "<script" not in text


def test_why_not_tells_what_stood_in_the_way(lived: RunFolder) -> None:
    """The checks that failed, where that is on record, and the decision made again."""
    outcome = type_in(lived.folder, "why-not", "word/1", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    *obstacles, checked = outcome.rows
    assert [row["tag"] for row in obstacles] == ["attempt.agent_ended", "trial.attempt_concluded"]
    assert obstacles[-1]["details"] == ["tests::word - another word"]
    assert checked["decisions"] == checked["agree"] > 0
    for row in obstacles:
        assert type_in(lived.folder, "show", row["at"]).code == 0
    assert "earned 0" in type_in(lived.folder, "why-not", "word/1").out
    for won in ("word/2", "word"):
        refused = type_in(lived.folder, "why-not", won)
        assert refused.code == 2
        assert "stillroom why" in refused.err
    assert type_in(lived.folder, "why-not", "@latest").code == 2
    assert type_in(lived.folder, "why-not", "nobody").code == 2


def test_why_not_of_a_skill_tells_which_rules_its_answers_broke(tmp_path: Path) -> None:
    """A solved task without a skill is what a person asks about first."""
    (tmp_path / ".stillroom").mkdir()

    async def live() -> None:
        async with await SqliteLog.open(tmp_path / ".stillroom/log.db", clock=ticking()) as log:
            script = SCRIPT.replace("name: word", "name: other")
            await start_run(await setting(log, make_base(tmp_path, script)), spec())

    anyio.run(live)
    rows = type_in(tmp_path, "why-not", "word", "--json").rows
    refused = next(row for row in rows if row.get("tag") == "skill.refused")
    assert refused["details"]
    assert any("solved the task" in row.get("said", "") for row in rows)


def test_blame_names_the_lines_each_section_rests_on(lived: RunFolder) -> None:
    """With ids that can be asked on from."""
    rows = type_in(lived.folder, "blame", "word", "--json").rows
    sections = [row for row in rows if row["row"] == "section"]
    assert sections[0]["section"] == "front matter"
    rests = [rest for row in sections for rest in row["rests"]]
    assert rests
    for place in {place for rest in rests for place in rest["events"]}:
        assert type_in(lived.folder, "why", place, "--depth", "0").code == 0
    assert "shown to: no model call" in type_in(lived.folder, "blame", "word").out
    unknown = type_in(lived.folder, "blame", "nobody")
    assert (unknown.code, "known: word" in unknown.err) == (2, True)


def said(page: Path) -> str:
    """Read the paragraph that a page begins with."""
    found = re.search(r'<p class="said">(.*?)</p>', page.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def test_a_page_begins_with_what_it_comes_to(lived: RunFolder, tmp_path: Path) -> None:
    """For an auditor: what was accepted, when, on what evidence, by which rule, under which version and seal."""
    own = lived.copy(tmp_path)
    assert type_in(own.folder, "why", "word", "--html", "page.html").code == 0
    words = said(own.folder / "page.html")
    assert re.match(
        r"Revision 1 of the skill word was accepted on 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC, in run \w+", words
    )
    assert "(distilled). Its evidence is attempt 2, judged on 20" in words
    assert "solved, reward 1, " in words
    assert "It was decided at the point skill, revision" in words
    assert "by the policy of spark" in words
    assert "Re-evaluated from its recorded inputs it comes out the same." in words
    assert re.search(r"Stillroom \S+ was at work\. A script stood in for a model", words)
    assert "unsealed as far as was said" in words
    whole = (own.folder / "page.html").read_text()
    assert "nano" not in re.sub(r"<pre>.*?</pre>", "", whole, flags=re.DOTALL)
    assert "{&#39;" not in re.sub(r"<pre>.*?</pre>", "", whole, flags=re.DOTALL)


def test_what_a_seal_shows_is_said(lived: RunFolder, tmp_path: Path) -> None:
    """One that fits, one of another log, and one that was taken before."""
    own = lived.copy(tmp_path)
    seal = type_in(own.folder, "log", "seal").out.strip()
    _, count, head, *_ = seal.split(":")

    def told(given: str) -> str:
        assert type_in(own.folder, "why", "word", "--html", "page.html", "--seal", given).code == 0
        return said(own.folder / "page.html")

    assert f"sealed up to event {int(count):,}, unsigned; that event has the digest that the seal names" in told(seal)
    assert "missing or has another digest than the seal" in told(f"1:{count}:{'0' * 64}")
    assert "missing or has another digest than the seal" in told(f"1:{int(count) + 9}:{head}")
    first = type_in(own.folder, "show", "1", "--json").rows[0]["digest"]
    assert "sealed up to event 1, before this one was recorded" in told(f"1:1:{first}")


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("word/1", "Attempt 1 of trial word was concluded on"),
        ("attempt/word/1@1", "The event attempt.opened, number 1 of stream attempt/word/1, was recorded on"),
        ("@latest", "The run was closed on"),
    ],
)
def test_whatever_is_asked_for_has_its_paragraph(lived: RunFolder, tmp_path: Path, target: str, wanted: str) -> None:
    """Attempts with their verdict; any other event by its name and place."""
    own = lived.copy(tmp_path)
    assert type_in(own.folder, "why", target, "--html", "page.html", "--depth", "1").code == 0
    assert said(own.folder / "page.html").startswith(wanted)


def test_trained_and_imported_skills_have_their_paragraph(tmp_path: Path) -> None:
    """A gate is named with what it saw; of an imported run nothing was verified."""
    golden = Path(__file__).parents[1] / "golden"
    trained = str(golden / "training-7f6e974.bundle")
    type_in(tmp_path, "why", "s1", "--log", trained, "--html", "a.html")
    words = said(tmp_path / "a.html")
    assert words.startswith("Revision 1 of the skill jar-labels was accepted on")
    assert (
        "The gate level ruled: its pass leads the level by 1.25 standard errors; the candidate scored 100.0 %" in words
    )
    assert "was decided at the point gate" in words
    type_in(tmp_path, "why", "s2", "--log", trained, "--html", "b.html")
    assert "was rejected on" in said(tmp_path / "b.html")
    imported = str(golden / "imported" / "spark-323f770.bundle")
    type_in(tmp_path, "why", "@latest", "--log", imported, "--html", "c.html")
    assert "The run was imported from spark: nothing in it was verified by stillroom." in said(tmp_path / "c.html")
