"""A training run looked at from the command line: its edits, its skill, and where each line of that comes from."""

from pathlib import Path

import anyio
import pytest

from events.store.sqlite.store import SqliteLog
from tests.cli.terminal import ticking, type_in
from tests.support.trained import record_trained
from tests.views.histories import record, whole


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose log holds a training run, and one that trains nothing."""

    async def write() -> None:
        path = tmp_path / ".stillroom" / "log.db"
        path.parent.mkdir()
        async with await SqliteLog.open(path, clock=ticking()) as log:
            await record(log, "other", whole(log))
            await record_trained(log, "r1")

    anyio.run(write)
    return tmp_path


def test_edits_are_listed_with_what_became_of_each(folder: Path) -> None:
    """Accepted and rejected with their candidate, refused, left out by the rate, and undecided, which is neither."""
    rows = type_in(folder, "edits", "list", "--json").rows
    assert [(row["edit"], row["standing"], row["revision"]) for row in rows] == [
        ("s1.1", "not selected", None),
        ("s1.2", "accepted", 1),
        ("s1.3", "accepted", 1),
        ("s2.1", "rejected", None),
        ("s2.2", "refused", None),
        ("s3.1", "accepted", 2),
        ("e2.slow", "undecided", None),
    ]
    by_name = {row["edit"]: row for row in rows}
    assert by_name["s1.2"]["shadows"] == {"as SkillOpt": "accept", "careful": "reject"}
    assert (by_name["s1.2"]["gain"], by_name["s2.1"]["gain"]) == (0.5, -0.5)
    assert (by_name["s1.2"]["reason"], by_name["s2.1"]["reason"]) == ("gain 0.2, harm 0.03", "harm 0.4")
    assert (by_name["s1.1"]["reason"], by_name["s1.1"]["gain"]) == ("outside the rate of 2 edits", None)
    assert by_name["s2.2"]["reason"] == "did you mean 'Name the country'?"


def test_the_list_is_read_by_people_too(folder: Path) -> None:
    """In a line each: what, from where, how it ended, the gain in points, and why."""
    told = type_in(folder, "edits", "list", "r1").out
    assert "replace: Name the country, not the cit… → Name the city." in told
    assert "2 failures, 1.0.fail.0, 1.0.succ.0" in told
    assert "accepted, revision 1  +50.0  items" in told
    assert "7 edits: 3 accepted, 1 rejected, 1 undecided, 1 refused, 1 not selected" in told


def test_the_list_can_be_narrowed_and_written_for_a_paper(folder: Path) -> None:
    """By outcome, as Markdown and as CSV."""
    refused = type_in(folder, "edits", "list", "r1", "--outcome", "refused", "--format", "csv").out.splitlines()
    assert len(refused) == 2
    assert refused[1].startswith("r1,s2.2,s2,2,1,step,replace")
    assert "| s2.1 | replace: " in type_in(folder, "edits", "list", "--outcome", "rejected", "--format", "markdown").out
    wrong = type_in(folder, "edits", "list", "--outcome", "lost")
    assert (wrong.code, "name one of accepted, rejected" in wrong.err) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("edits", "list", "other"), "runs that do: r1"),
        (("edits", "list", "nobody"), "known: other, r1"),
        (("edits", "show", "r1", "s9"), "known: s1, s2, s3, e2.slow"),
        (("edits", "show", "r1", "s1.9"), "known: s1.1, s1.2, s1.3"),
        (("edits", "show", "r1", "s1.two"), "known: s1.1, s1.2, s1.3"),
        (("edits", "show", "r1", "s11.1"), "did you mean s1.1? known: s1, s2, s3, e2.slow"),
        (("why", "r1:e2.slw"), "did you mean e2.slow?"),
        (("skills", "log", "nothing"), "known: answers, greet"),
        (("skills", "log", "answer-s"), "did you mean answers? known: answers, greet"),
        (("skills", "diff", "answers@7"), "known: answers@1, answers@2"),
        (("skills", "diff", "answers@0"), "name two revisions"),
        (("skills", "diff", "greet"), "name two revisions"),
        (("skills", "blame", "greet"), "`stillroom blame other:greet`"),
        (("skills", "blame", "answers@3"), "known: answers@1, answers@2"),
    ],
    ids=" ".join,
)
def test_what_is_not_there_is_refused_with_what_is(folder: Path, words: tuple[str, ...], said: str) -> None:
    """A wrong name gives the right ones, and a run that trains nothing those that do."""
    refused = type_in(folder, *words)
    assert refused.code == 2
    assert said in refused.err


def test_a_log_without_training_says_how_to_start_some(tmp_path: Path) -> None:
    """An empty state is no error of whoever asks."""

    async def write() -> None:
        (tmp_path / ".stillroom").mkdir()
        async with await SqliteLog.open(tmp_path / ".stillroom" / "log.db", clock=ticking()) as log:
            await record(log, "other", whole(log))

    anyio.run(write)
    refused = type_in(tmp_path, "edits", "list")
    assert (refused.code, "`stillroom train SPEC.toml` starts one" in refused.err) == (2, True)


def test_an_edit_is_shown_with_all_that_speaks_for_and_against_it(folder: Path) -> None:
    """Who proposed it from what, what every gate said, which items moved, and what the candidate changes."""
    rows = type_in(folder, "edits", "show", "r1", "s1.2", "--json").rows
    kinds = {kind: [row for row in rows if row["row"] == kind] for kind in {row["row"] for row in rows}}
    assert [row["edit"] for row in kinds["edit"]] == ["s1.2", "s1.1", "s1.3"]  # it, and the others of its candidate
    assert [(row["question"], row["model"], row["item"]) for row in kinds["edit_evidence"]] == [
        ("reflect/1.0.fail.0", "big-model", "t1"),
        ("merge/1.final.1.0", "big-model", None),
    ]
    assert [(row["gate"], row["shadow"], row["outcome"]) for row in kinds["gate"]] == [
        ("items", None, "more"),
        ("items", None, "more"),
        ("items", None, "accept"),
        ("strict", "as SkillOpt", "accept"),
        ("paired", "careful", "reject"),
    ]
    ruled = kinds["gate"][2]
    assert (ruled["rows"], ruled["beside"], ruled["believed"], ruled["deviation"]) == (4, 5, 0.55, 0.1)
    assert kinds["gate"][1]["asked"] == ["coins"]
    changes = {row["item"]: row for row in kinds["item_change"]}
    assert (changes["coins"]["before"], changes["coins"]["after"], changes["coins"]["change"]) == (0.0, 0.5, "won")
    assert changes["dates"]["after_outcomes"] == ["infrastructure"]
    assert changes["coins"]["after_cells"] == ["r1:cell/s1.gate/set.coins.1@2", "r1:cell/s1.gate/set.coins.2@2"]
    (diff,) = kinds["file_diff"]
    assert (diff["before"], diff["after"], diff["added"], diff["removed"]) == ("answers@0", "s1", 4, 0)
    shown = type_in(folder, "show", changes["coins"]["after_cells"][1])
    assert (
        shown.code,
        "evaluation.scored" in type_in(folder, "show", "--json", "r1:cell/s1.gate/set.coins.2@2").out,
    ) == (0, True)


def test_an_edit_without_a_run_is_one_of_the_latest(folder: Path) -> None:
    """As in the list: what stands there is shown by its name alone."""
    named = type_in(folder, "edits", "show", "r1", "s1.2", "--json")
    assert named.rows
    assert type_in(folder, "edits", "show", "s1.2", "--json").rows == named.rows


def test_an_edit_that_could_not_be_applied_says_what_would_have_done(folder: Path) -> None:
    """Its candidate is without it, whatever became of that."""
    told = type_in(folder, "edits", "show", "r1", "s2.2").out
    assert "refused (refused_target_not_found): the candidate is without it" in told
    assert "did you mean 'Name the country'?" in told
    assert "- Name the contry" in told


def test_guidance_of_an_epoch_is_shown_like_an_edit(folder: Path) -> None:
    """It has no parts, and its gate decided nothing."""
    told = type_in(folder, "edits", "show", "r1", "e2.slow").out
    assert "guidance of an epoch" in told
    assert "undecided  0 of 5 items have a score" in told
    assert "slow/2" in told


def test_a_trained_skill_has_a_log(folder: Path) -> None:
    """From what training began with: by which step and edits each came, and what was measured of it since."""
    rows = type_in(folder, "skills", "log", "answers", "--json").rows
    assert [(row["revision"], row["origin"], row["step"], row["edits"]) for row in rows] == [
        (0, "initial", None, []),
        (1, "step", 1, ["s1.2", "s1.3"]),
        (2, "step", 3, ["s3.1"]),
    ]
    initial, first, last = rows
    shown = type_in(folder, "show", "r1", "--json").rows
    (begun,) = [each["raw"] for each in shown if each.get("outcome") == "initial"]
    assert initial["score"] == begun
    assert (first["score"], first["believed"], first["measured"], first["measured_cells"]) == (0.625, 0.55, 0.25, 4)
    assert (last["in_force"], last["best"], first["in_force"]) == (True, True, False)
    assert (first["added"], first["removed"], last["added"], last["removed"]) == (4, 0, 1, 1)
    assert "62.5 %  55.0 % ± 10.0  25.0 % (4 items)" in type_in(folder, "skills", "log", "answers").out


def test_a_trained_skill_is_written_out_with_the_run_behind_it(folder: Path, tmp_path: Path) -> None:
    """It was not imported: the events of its training say what it rests on."""
    (row, *_) = [each for each in type_in(folder, "skills", "list", "--json").rows if each["run"] == "r1"]
    assert not row["imported"]
    out = tmp_path / "out"
    (exported,) = type_in(folder, "skills", "export", f"r1:{row['skill']}", str(out), "--json").rows
    assert (exported["trained_by"], exported["provenance"]) == ("r1", None)
    told = type_in(folder, "skills", "export", f"r1:{row['skill']}", str(tmp_path / "again")).out
    assert "training run r1: `stillroom skills blame " in told


def test_a_distilled_skill_has_a_log_too(folder: Path) -> None:
    """With what is known of it: no step, no score."""
    (row,) = type_in(folder, "skills", "log", "greet", "--json").rows
    assert (row["revision"], row["origin"], row["step"], row["score"]) == (1, "distilled", None, None)


def test_revisions_are_compared_line_by_line(folder: Path) -> None:
    """Two that are named, or one and that before it; 0 is what training began with."""
    (row,) = type_in(folder, "skills", "diff", "answers@0", "r1:answers", "--json").rows
    assert (row["before"], row["after"]) == ("r1:answers@0", "r1:answers@2")
    assert "+Give years as four digits.\n" in row["diff"]
    assert "-Read the question twice." in type_in(folder, "skills", "diff", "answers").out
    assert "+Read the question twice." in type_in(folder, "skills", "diff", "answers@1").out
    assert "are the same" in type_in(folder, "skills", "diff", "answers@2", "answers").out


def test_a_revision_is_shown_by_its_number(folder: Path) -> None:
    """As everywhere else: NAME@1."""
    assert "Read the question twice." in type_in(folder, "skills", "show", "answers@1").out
    assert "Read the question twice." not in type_in(folder, "skills", "show", "r1:answers").out
    assert type_in(folder, "skills", "show", "answers@9").code == 2


def test_every_line_of_a_trained_skill_has_an_edit_behind_it(folder: Path) -> None:
    """With the rollouts that it was proposed from, and the items that it moved; or training began with it."""
    rows = type_in(folder, "skills", "blame", "answers", "--json").rows
    by_line = {row["text"]: row for row in rows}
    assert [row["line"] for row in rows] == list(range(1, len(rows) + 1))
    assert by_line["Answer in one word."]["edit"] is None
    country = by_line["Name the country, not the city."]
    assert (country["edit"], country["since"], country["step"]) == ("s1.2", 1, 1)
    assert country["questions"] == ["reflect/1.0.fail.0", "merge/1.final.1.0"]
    assert country["evidence"] == ["r1:cell/s1.rollout/set.t1.1@2"]
    assert (country["won"], country["lost"]) == (["birds", "coins"], [])
    assert by_line["Give years as four digits."]["edit"] == "s3.1"
    assert "Read the question twice." not in by_line
    told = type_in(folder, "skills", "blame", "answers@1").out
    assert "s1.3      12  Read the question twice." in told
    assert "items: won birds, coins (with all edits of its candidate)" in told


def test_a_rejected_candidate_is_listed_with_its_reason(folder: Path) -> None:
    """It breaks no rule: a gate rejected it."""
    told = type_in(folder, "skills", "list").out
    assert "harm 0.4" in told
    assert "broken rule" not in told
