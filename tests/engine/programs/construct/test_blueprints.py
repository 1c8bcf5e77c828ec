"""What an author writes is a stranger's: paths, sizes, names, code and texts, before a file is made of them."""

import tomllib
from pathlib import Path
from subprocess import run
from typing import Any

import pytest

from engine.programs.construct.blueprint import Blueprint, faults_of_paths, read_blueprint
from engine.programs.construct.briefs import slug
from engine.programs.construct.policies.critique import issues_of, paths_lost
from engine.programs.construct.policies.rendering import rendered
from engine.programs.construct.policies.repairs import repaired
from engine.programs.construct.publishing import publish
from events.digest import digest_of
from events.types.construction import PublishRefused, RenderedFile, TaskPublished
from tests.support.constructing import blueprint


def made(**changes: Any) -> Blueprint:
    """Read a blueprint with some parts changed."""
    found = read_blueprint(blueprint(**changes))
    assert isinstance(found, Blueprint), found
    return found


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"output_path": "sum.txt"}, "output_path 'sum.txt' is no plain absolute path"),
        ({"output_path": "/root/../etc/passwd"}, "no plain absolute path"),
        ({"output_path": "/root/a b"}, "no plain absolute path"),
        ({"output_path": "/root/"}, "no plain absolute path"),
        ({"environment": {"workdir": "/root\nRUN evil"}}, "environment.workdir"),
        ({"environment": {"base_image": "python\nRUN evil"}}, "no name of an image"),
        ({"environment": {"apt_packages": ["curl; evil"]}}, "no name of a package"),
        ({"environment": {"pip_packages": ["--pre"]}}, "no name of a package"),
        ({"verifier": {"pip_packages": ["a b"]}}, "no name of a package"),
        ({"support_files": [{"relative_path": "../x", "content": ""}]}, "has to lie in the working folder"),
        ({"support_files": [{"relative_path": "/etc/x", "content": ""}]}, "has to lie in the working folder"),
        ({"support_files": [{"relative_path": "", "content": ""}]}, "has to lie in the working folder"),
        ({"support_files": [{"relative_path": ".", "content": ""}]}, "has to lie in the working folder"),
        ({"support_files": [{"relative_path": "a/.", "content": ""}]}, "has to lie in the working folder"),
        ({"support_files": [{"relative_path": "a" * 201, "content": ""}]}, "of 201 letters, and 200 are allowed"),
        (
            {"support_files": [{"relative_path": n, "content": ""} for n in ("a", "a/b")]},
            "'a' is the folder of another",
        ),
        ({"support_files": [{"relative_path": "a", "content": ""}] * 2}, "stands twice"),
        (
            {"support_files": [{"relative_path": n, "content": ""} for n in "abcd"]},
            "4 support files, and 3 are allowed",
        ),
        ({"title": "x" * 5000}, "bytes, and 4000 are allowed"),
    ],
)
def test_paths_sizes_and_names_are_checked(changes: dict[str, Any], told: str) -> None:
    """One fault, one sentence for the author."""
    faults = faults_of_paths(made(**changes), most_files=3, most_bytes=4000)
    assert len(faults) == 1
    assert told in faults[0]


@pytest.mark.timeout(20)
def test_blank_lines_without_end_cost_no_time() -> None:
    """A rule that looked at each rest of them anew held the process for hours."""
    blank = made(verifier={"test_code": "\n" * 200_000 + "def test_sum():\n    assert '/root/sum.txt'\n"})
    assert issues_of(blank, "") == ()


def test_null_means_that_there_is_none() -> None:
    """SPARK writes null where nothing was said, and takes it; nesting without end is no matter of ours."""
    nulls = blueprint(tags=None, support_files=None, environment={"pip_packages": None}, agent_timeout_sec=None)
    found = read_blueprint({**nulls, "reference_tasks": [[[[[[None]]]]]]})
    assert isinstance(found, Blueprint)
    assert (found.tags, found.support_files, found.environment.pip_packages) == ((), (), ())


@pytest.mark.parametrize(("given", "held"), [(1e9, 3600.0), (float("inf"), 3600.0), (float("nan"), 10.0), (1.0, 10.0)])
def test_no_agent_is_given_more_than_an_hour(given: float, held: float) -> None:
    """Of what is no number at all, TOML would make one that Harbor refuses."""
    after, repairs = repaired(made(agent_timeout_sec=given), "add-them", allow_internet=False)
    assert (after.agent_timeout_sec, "agent_timeout_sec" in [each.field for each in repairs]) == (held, True)
    kept, others = repaired(made(agent_timeout_sec=3600.0), "add-them", allow_internet=False)
    assert (kept.agent_timeout_sec, "agent_timeout_sec" in [each.field for each in others]) == (3600.0, False)


def test_a_task_that_is_about_other_files_than_the_description_is_no_task_of_it() -> None:
    """A small model gave the example of its prompt back, whatever it was asked for; folders and URLs are no files."""
    other = "Add the numbers of /data/list.csv, from https://example.com/a.b, in /root, at 2 km/h. Write /root/sum.txt."
    assert [each.message for each in paths_lost(made(), other)] == [
        "it does not name /data/list.csv, as the description does"
    ]
    assert paths_lost(made(), "Add the numbers of `/root/numbers.txt` to (/root/sum.txt).") == ()
    assert len(paths_lost(made(), " ".join(f"/data/{number}.csv" for number in range(20)))) == 10


def test_what_is_just_allowed_is_allowed() -> None:
    """The bounds themselves, and a path that is written in full where it lies in the working folder."""
    three = [{"relative_path": name, "content": ""} for name in ("a", "b/c", "/root/" + "d" * 200)]
    found = made(support_files=three)
    assert faults_of_paths(found, most_files=3, most_bytes=10_000) == []
    after, done = repaired(found, "x", allow_internet=False)
    assert [each.relative_path for each in after.support_files] == ["a", "b/c", "d" * 200]
    assert [each.field for each in done] == ["task_id", "support_files"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"title": "x"}, "missing required field"),
        (blueprint(title=" "), "empty: title"),
        (blueprint(environment={"memory_mb": "much"}), "int"),
        ([], "object"),
    ],
)
def test_what_is_no_blueprint_is_told_so(given: Any, told: str) -> None:
    """In words for the author."""
    found = read_blueprint(given)
    assert isinstance(found, str)
    assert told in found


def test_each_repair_has_its_reason_and_a_second_look_finds_none() -> None:
    """Whatever can be put right is, once; limits are held at their bounds."""
    crooked = made(
        instruction_md="Add the numbers.",
        difficulty="EASY ",
        oracle_python="```python\nprint('/root/sum.txt')\r\n```",
        verifier={"test_code": "import os\nassert os.path.exists('/root/sum.txt')\n", "timeout_sec": 1},
        environment={"cpus": 99, "memory_mb": 1, "pip_packages": ["json", "numpy", "numpy"], "allow_internet": True},
    )
    after, done = repaired(crooked, "add", allow_internet=False)
    assert [each.field for each in done] == [
        "task_id",
        "oracle_python",
        "oracle_python",
        "difficulty",
        "environment.cpus",
        "environment.memory_mb",
        "verifier.timeout_sec",
        "environment.pip_packages",
        "verifier.test_code",
        "instruction_md",
        "environment.allow_internet",
    ]
    assert all(each.reason for each in done)
    assert after.oracle_python == "print('/root/sum.txt')\n"
    assert after.verifier.test_code.splitlines()[-1] == "    assert os.path.exists('/root/sum.txt')"
    assert (after.environment.cpus, after.environment.memory_mb, after.verifier.timeout_sec) == (8, 256, 10.0)
    assert repaired(after, "add", allow_internet=False)[1] == ()
    assert repaired(made(environment={"allow_internet": True}), "", allow_internet=True)[1] == ()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"oracle_python": "print(1)"}, "oracle_python: it does not name output_path /root/sum.txt"),
        ({"evidence": [{"quote": "never said"}]}, "evidence: this is no quote"),
        ({"evidence": [{"quote": "Have an agent", "source_type": "web"}]}, "evidence: this is no quote"),
        ({"data_builder_python": "import random\nprint(random.random())"}, "it draws at random without a seed"),
        ({"data_builder_python": "import time\nprint(time.time())"}, "is another each time"),
        ({"data_builder_python": "import requests"}, "it needs a network"),
        ({"instruction_md": "/root/sum.txt sk-aaaaaaaaaaaaaaaaaaaaaaaa"}, "it holds what looks like a secret"),
        ({"verifier": {"test_code": "def test_x(a):\n    assert '/root/sum.txt'"}}, "test_x takes parameters"),
        ({"verifier": {"test_code": "def check():\n    '/root/sum.txt'"}}, "it has no function test_"),
        (
            {"verifier": {"test_code": "def test_x():\n    open('/logs/verifier/reward.txt'), '/root/sum.txt'"}},
            "reward",
        ),
        ({"oracle_python": "open('/logs/verifier/reward.txt'), '/root/sum.txt'"}, "touches the verifier's folder"),
    ],
)
def test_rules_find_what_would_make_a_task_worthless(changes: dict[str, Any], told: str) -> None:
    """Each by name, as an error."""
    found = issues_of(made(**changes), "Have an agent add numbers.")
    assert [each.severity for each in found] == ["error"]
    assert told in f"{found[0].area}: {found[0].message}"


def test_a_seeded_draw_and_a_true_quote_are_fine() -> None:
    """So is the blueprint that nothing is wrong with."""
    seeded = "import random\ndraw = random.Random(7)\nprint(draw.random(), random.seed(3), random.random())"
    fine = made(data_builder_python=seeded, evidence=[{"quote": "add   numbers"}])
    assert issues_of(fine, "Have an agent add numbers.") == ()


def test_a_rendered_task_says_the_same_whatever_its_texts_hold(tmp_path: Path) -> None:
    """Quotes, line ends, here-documents and placeholders of the author's break nothing out of their place."""
    odd = 'A "quoted" \\ title\nwith {builder} and \x7f'
    oracle = "print('''STILLROOM_END_OF_FILE''')\n# $(echo evil) `evil`\nprint('/root/sum.txt')"
    files = rendered(made(title=odd, oracle_python=oracle, data_builder_python="print('{files}')\nraise SystemExit(0)"))
    settings = tomllib.loads(files["task.toml"][0].decode())
    assert settings["metadata"]["title"] == odd
    assert (settings["environment"]["allow_internet"], settings["metadata"]["untrusted"]) == (False, True)
    script = tmp_path / "solve.sh"
    script.write_bytes(files["solution/solve.sh"][0])
    told = run(["sh", script], capture_output=True, text=True, check=True)
    assert told.stdout == "STILLROOM_END_OF_FILE\n/root/sum.txt\n"
    names = {path for path, (_, runs) in files.items() if runs}
    assert names == {"solution/solve.sh", "tests/test.sh"}
    space: dict[str, Any] = {}
    exec(compile(files["tests/pristine.py"][0], "pristine.py", "exec"), space)
    assert space["FILES"] == {"numbers.txt": "1\n2\n39\n"}
    assert files == rendered(made(title=odd, oracle_python=oracle, data_builder_python=space["BUILDER"]))


def test_names_are_made_of_letters_digits_and_single_hyphens() -> None:
    """As SPARK makes them."""
    assert slug("  Wav--Amplitude: Analysis! ") == "wav-amplitude-analysis"
    assert slug("../../etc") == "etc"
    assert slug("x" * 70) == "x" * 64


def files_of(**texts: str) -> list[tuple[RenderedFile, bytes]]:
    """Give files with their bytes."""
    held = {f"{name}.md": text.encode() for name, text in texts.items()}
    return [(RenderedFile(path, digest_of(data), runs=False), data) for path, data in held.items()]


def test_publishing_is_whole_or_not_at_all(tmp_path: Path) -> None:
    """What an earlier try left half-written is replaced; what cannot be written leaves nothing."""
    (tmp_path / ".stillroom-add").mkdir()
    (tmp_path / ".stillroom-add" / "half").write_text("x")
    first = publish(tmp_path, "add", ".stillroom-add", files_of(instruction="Add."))
    assert isinstance(first, TaskPublished)
    assert publish(tmp_path, "add", ".stillroom-add", files_of(instruction="Add.")) == first
    other = publish(tmp_path, "add", ".stillroom-add", files_of(instruction="Subtract."))
    assert isinstance(other, PublishRefused)
    assert [each.name for each in tmp_path.iterdir()] == ["add"]
    assert [each.name for each in (tmp_path / "add").iterdir()] == ["instruction.md"]
    (tmp_path / "file").write_text("")
    refused = publish(tmp_path / "file", "add", ".stillroom-add", files_of(instruction="Add."))
    assert isinstance(refused, PublishRefused)
    escaped = [(RenderedFile("../x", digest_of(b""), runs=False), b"")]
    assert isinstance(publish(tmp_path / "more", "add", ".stillroom-add", escaped), PublishRefused)
    assert list((tmp_path / "more").iterdir()) == []
    (tmp_path / "empty").mkdir()
    assert isinstance(publish(tmp_path, "empty", ".stillroom-e", files_of(instruction="Add.")), PublishRefused)
