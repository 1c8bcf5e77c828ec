"""Stories of `stillroom suite`: what a suite holds, what is wrong with it, and that its tasks run as they are."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.terminal import CommandOutcome, type_in
from tests.support.suites import KINDS, SuiteShape, VerifierKind, write_suite

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def test_a_sound_suite_is_counted(tmp_path: Path) -> None:
    """By environment, family, role and kind of tests, with its release and digest; notes change no exit code."""
    write_suite(tmp_path / "s", SuiteShape(2, 2))
    outcome = type_in(tmp_path, "suite", "check", "s", "--json")
    suite, note = outcome.rows
    assert (outcome.code, note["rule"], note["weight"]) == (0, "base-image", "note")
    assert (suite["environments"], suite["families"], suite["tasks"], suite["curated"]) == (2, 4, 24, 4)
    assert set(suite["roles"].values()) == {4}
    assert suite["verifiers"] == {"count": 8, "groups": 8, "rubric": 8}
    told = type_in(tmp_path, "suite", "check", "s").out
    assert f"sums, release 1.1, digest {suite['digest'][:12]}" in told
    assert "2 environments, 4 families (4 with a curated skill), 24 tasks: T1 canonical 4" in told


def test_a_suite_that_cannot_be_read_names_every_fault(tmp_path: Path) -> None:
    """In one table, each with what to write; `show` refuses it."""
    folder = write_suite(tmp_path / "s")
    for name in ("sum-1-1-canonical", "sum-2-2-variant"):
        (folder / "tasks" / name / "task-spec.yaml").unlink()
    outcome = type_in(tmp_path, "suite", "check", "s", "--json")
    assert outcome.code == 3
    assert {row["place"] for row in outcome.rows if row["what"] == "is missing"} == {
        "tasks/sum-1-1-canonical/task-spec.yaml",
        "tasks/sum-2-2-variant/task-spec.yaml",
    }
    assert type_in(tmp_path, "suite", "show", "s").code == 2
    assert type_in(tmp_path, "suite", "check", "nowhere").code == 2


def test_many_findings_of_a_rule_are_drawn_in_part(tmp_path: Path) -> None:
    """Twenty-four warnings say what five say; `--json` has them all."""
    write_suite(tmp_path / "s", SuiteShape(installs=True, release=None))
    assert sum(row.get("rule") == "network" for row in type_in(tmp_path, "suite", "check", "s", "--json").rows) == 24
    told = type_in(tmp_path, "suite", "check", "s").out
    assert "19 more of this rule" in told
    assert "s, no release, digest" in told


def test_tasks_are_listed_with_what_they_are_for(tmp_path: Path) -> None:
    """And the suite in a line below."""
    write_suite(tmp_path / "s", SuiteShape(1, 2))
    rows = type_in(tmp_path, "suite", "show", "s", "--json").rows
    assert [row["id"] for row in rows[:2]] == ["E1-LS1-T1", "E1-LS1-T2"]
    assert (rows[5]["needs"], rows[4]["traps"], rows[0]["environment"]) == (
        ["sum-1-2", "sum-1-1"], ["generic_trap"], "sums-1",
    )  # fmt: skip
    assert "sums release 1.1" in type_in(tmp_path, "suite", "show", "s").out


def _isolated(outcome: CommandOutcome) -> CommandOutcome:
    """Give what came of a command over tasks that must have no network; the test is skipped where nothing isolates."""
    said = outcome.err.lower() + outcome.out
    if "without isolation" in said or "nothing keeps commands from this machine's network" in said:
        pytest.skip("tasks without a network are refused where nothing keeps them from it: install bubblewrap")
    return outcome


def _proved(folder: Path, agent: str, sandbox: str = "local") -> list[str]:
    ran = type_in(folder, "tasks", "run", "s/tasks", "--agent", agent, "--sandbox", sandbox, "--json")
    outcome = _isolated(ran) if sandbox == "local" else ran
    proofs = [row for row in outcome.rows if row["kind"] == "proof"]
    return [f"{row['task']}: {row['verdict']} {row['detail']}" for row in proofs if row["verdict"] != "held"] or [
        f"{len(proofs)} held"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*KINDS, pytest.param("javascript", marks=needs_node)])
def test_tasks_of_each_kind_judge_the_oracle_and_an_agent_that_does_nothing(tmp_path: Path, kind: VerifierKind) -> None:
    """They come out as they should: reward 1.0 and below, though `reward.json` names parts of the score only."""
    write_suite(tmp_path / "s", SuiteShape(1, 1, kinds=(kind,)))
    assert _proved(tmp_path, "oracle") == ["6 held"]
    assert _proved(tmp_path, "nop") == ["6 held"]


_SPEC = """\
program = "evolve"
sandbox = "local"
[models.solver]
model = "solver"
base_url = "script:script.toml"
[models.author]
model = "author"
base_url = "script:script.toml"
[evolve]
suite = "s"
arms = ["no_skill", "curated_static", "curated_with_revision_always", "curated_with_revision_always_dual_t6"]
"""


@pytest.mark.slow
def test_folders_of_the_original_s_size_are_scheduled_as_there(tmp_path: Path) -> None:
    """Six environments of five families: 180 trials, 270 with replays, 30 more with oracle shadows."""
    write_suite(tmp_path / "s", SuiteShape(6, 5, nested=True))
    (tmp_path / "evolve.toml").write_text(_SPEC)
    (tmp_path / "script.toml").write_text('name = "x"\n[[rule]]\nname = "a"\n[[rule.turn]]\ncommand = "true"\n')
    outcome = _isolated(type_in(tmp_path, "evolve", "evolve.toml", "--dry-run", "--json"))
    assert outcome.code == 0, outcome.err
    assert [row["trials"] for row in outcome.rows if "arm" in row] == [180, 180, 270, 300]


def test_a_family_is_taken_whole_or_left_out(tmp_path: Path) -> None:
    """Options that leave tasks out are gone by: one task of a family is refused, a family is not."""
    write_suite(tmp_path / "s", SuiteShape(1, 2))
    (tmp_path / "evolve.toml").write_text(_SPEC)
    (tmp_path / "script.toml").write_text('name = "x"\n[[rule]]\nname = "a"\n[[rule.turn]]\ncommand = "true"\n')
    plan = ("evolve", "evolve.toml", "--dry-run", "--json", "--arm", "no_skill")
    out = ("--exclude", "sum-1-2-variant")
    refused = _isolated(type_in(tmp_path, *plan, *out))
    assert refused.code == 2
    assert "not among the tasks of the run: sum-1-2-variant" in refused.err
    part = type_in(tmp_path, *plan, *out, "--family", "E1-LS1")
    assert [row["trials"] for row in part.rows if "arm" in row] == [6]


@pytest.fixture
def runtime() -> Iterator[str]:
    """Give an image of our own the name that such tasks are built from, and take it away again."""
    name = "agent-runtime:of-a-test"
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "tag", "debian:bookworm-slim", name], capture_output=True, check=False).returncode
    ):
        pytest.skip("no Docker Engine with the image debian:bookworm-slim")
    yield name
    subprocess.run(["docker", "rmi", "--no-prune", name], capture_output=True, check=False)


@pytest.mark.docker
@pytest.mark.timeout(300)
def test_tasks_run_in_an_image_that_a_person_gave_the_name(tmp_path: Path, runtime: str) -> None:
    """Built from it as the tasks say, with the network that they ask for: all kinds come out as they should."""
    write_suite(tmp_path / "s", SuiteShape(1, 1, base=runtime, internet=True))
    (note,) = [
        row for row in type_in(tmp_path, "suite", "check", "s", "--json").rows if row.get("rule") == "base-image"
    ]
    assert runtime in note["what"]
    assert _proved(tmp_path, "oracle", "docker") == ["6 held"]
    assert _proved(tmp_path, "nop", "docker") == ["6 held"]
