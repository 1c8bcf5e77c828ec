"""Variants of a task: the same procedure with new data, or refused by name."""

import json
import tomllib
from pathlib import Path
from shutil import copytree
from typing import Any

import msgspec
import pytest

from engine.config.errors import ConfigRefused
from engine.core.system import clock
from engine.programs.construct.blueprint import Blueprint, read_blueprint
from engine.programs.construct.briefs import BriefInvalid, PromptSpec, read_briefs
from engine.programs.construct.policies.leaks import leaks_of
from engine.programs.construct.policies.rendering import rendered
from engine.programs.construct.variant_texts import expected_in, same_program
from engine.programs.construct.variants import read_variants
from events.store.base import Selection
from events.store.memory import MemoryLog
from events.types.construction import BriefsAsked, OriginalsAsked
from replay.redecide import decisions
from replay.rerun import rerun
from sandbox.harbor.task import load_task
from tests.engine.programs.construct.test_constructing import constructed, issues
from tests.support.constructing import BRIEF, SUM, blueprint, constructing, fixed, make_briefs
from tests.support.proving import needs_isolation

NEW = blueprint(support_files=[{"relative_path": "numbers.txt", "content": "7\n8\n90\n1\n"}])


def made(**changes: Any) -> Blueprint:
    """Read a blueprint of the sum, changed."""
    found = read_blueprint(blueprint(**changes))
    assert isinstance(found, Blueprint)
    return found


def original(folder: Path, **changes: Any) -> Path:
    """Write the task of the sum, changed, into a folder."""
    task = folder / "originals" / "add-up"
    for path, (data, runs) in rendered(made(**changes)).items():
        (task / path).parent.mkdir(parents=True, exist_ok=True)
        (task / path).write_bytes(data)
        (task / path).chmod(0o755 if runs else 0o644)
    return task


def described(task: Path) -> PromptSpec:
    """Describe the one variant of a task."""
    (brief,) = read_variants(task, 1).values()
    return brief


def leaks(task: Path, variant: Blueprint) -> list[str]:
    """Say what keeps a blueprint from being a variant."""
    brief = described(task)
    assert brief.original is not None
    return [f"{each.area}: {each.message}" for each in leaks_of(variant, brief.original, brief.prompt)]


def varying(folder: Path, task: Path, *answers: dict[str, Any], revised: dict[str, Any], **own: Any) -> Any:
    """Ask for variants of a task, of an author that gives these answers."""
    (folder / "script.toml").write_text(fixed(*answers, revised=revised))
    models = {"author": {"model": "author", "base_url": "script:script.toml"}}
    return constructing(folder, models, critique=False, **{"specs": "", "variant_of": str(task), **own})


@pytest.mark.slow
@pytest.mark.timeout(300)
@needs_isolation
async def test_a_variant_is_published_after_the_one_that_reuses_the_data_is_refused_by_name(tmp_path: Path) -> None:
    """The author is told the whole original; what it publishes names it by digest; a replay publishes nothing."""
    task = original(tmp_path)
    log = MemoryLog(clock=clock)
    report, found = await constructed(tmp_path, log, varying(tmp_path, task, SUM, revised=NEW), pretend=False)
    record = found["add-up-variant-1"]
    assert (record.ending, len(record.rounds)) == ("published", 2)
    reason = "support_files: numbers.txt equals environment/files/numbers.txt of add-up: a variant has new data"
    assert issues(record) == [reason]
    assert record.rounds[0].task is None, "nothing was made of the leak"
    # What stands there names the original, and the original is as it was.
    published = tmp_path / "out" / "add-up-variant-1"
    metadata = tomllib.loads((published / "task.toml").read_text())["metadata"]
    assert (metadata["variant_of"], metadata["variant_of_digest"]) == ("add-up", load_task(task).digest)
    assert str(load_task(published).digest) == record.published
    assert (published / "environment/files/numbers.txt").read_text() == "7\n8\n90\n1\n"
    # Without the original and what was published, all is gone through again, and nothing is published.
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    (tmp_path / "originals").rename(tmp_path / "gone")
    again = await rerun(log, report.run)
    assert again.complete
    assert all(each.agrees for each in await decisions(log, report.run))
    assert not (tmp_path / "out").exists()


async def test_the_author_is_told_the_original_and_which_variant_it_makes(tmp_path: Path) -> None:
    """Instruction, data, solution and tests; each variant with its own number; and the log holds the digest."""
    task = original(tmp_path)
    log = MemoryLog(clock=clock)
    spec = varying(tmp_path, task.parent, NEW, revised=NEW, count=2)
    told = [SUM["instruction_md"], "numbers.txt", "39", "open('/root/sum.txt', 'w')", "def test_sum", "number {} of 2"]
    rule = fixed(NEW).partition("\n")[2].replace("shell = false", f"shell = false\ncontains = {json.dumps(told)}")
    rules = [rule.replace("number {}", f"number {at}").replace('"author"', f'"author{at}"') for at in (1, 2)]
    (tmp_path / "script.toml").write_text('name = "told"\n' + "".join(rules))
    report, found = await constructed(tmp_path, log, spec)
    assert {name: each.ending for name, each in found.items()} == {
        "add-up-variant-1": "published",
        "add-up-variant-2": "published",
    }
    events = [each.event async for each in log.read(Selection(run=report.run))]
    assert [each for each in events if isinstance(each, OriginalsAsked)] == [OriginalsAsked(str(task.parent), 2)]
    assert not [each for each in events if isinstance(each, BriefsAsked)]
    for number, record in enumerate(found.values(), start=1):
        brief = msgspec.json.decode(await log.get(record.brief), type=PromptSpec)
        assert brief.original is not None
        assert (brief.original.digest, brief.original.number) == (load_task(task).digest, number)
        texts = {each.path: each.text for each in brief.original.files}
        assert texts["environment/files/numbers.txt"] == "1\n2\n39\n"
        assert {"solution/solve.sh", "tests/test_outputs.py", "task.toml"} <= texts.keys()
        assert brief.prompt.strip() == SUM["instruction_md"]


def test_data_of_the_original_is_refused_wherever_it_comes_back(tmp_path: Path) -> None:
    """As a file, with other line ends, within the builder or the tests, and made by the same builder."""
    rows = "name,height\nada,170\ngrace,168\n"
    builder = "import random\nrandom.seed(1)\nopen('more.txt', 'w').write(str(random.random()))\n"
    files = [{"relative_path": "rows.csv", "content": rows}]
    task = original(tmp_path, support_files=files, data_builder_python=builder)
    held = "environment/files/rows.csv of add-up"
    other = [{"relative_path": "b.csv", "content": "name,height\nlin,161\n"}]
    assert leaks(task, made(support_files=other, data_builder_python=builder.replace("1", "2"))) == []
    windows = [{"relative_path": "b.csv", "content": rows.replace("\n", " \r\n")}]
    assert leaks(task, made(support_files=windows)) == [f"support_files: b.csv equals {held}: a variant has new data"]
    written = f"open('b.csv', 'w').write({rows!r})\n"
    assert leaks(task, made(support_files=other, data_builder_python=written)) == [
        f"data_builder_python: it holds {held}: a variant has new data"
    ]
    commented = f"# another one\n{builder}"
    assert leaks(task, made(support_files=other, data_builder_python=commented)) == [
        "data_builder_python: it is environment/scripts/build_data.py of add-up: a variant has new data"
    ]


ROWS = ["name,height", "ada,1701", "grace,168", "edsger,18", "barbara,1"]


@pytest.mark.parametrize(
    ("lines", "shared"),
    [
        ([ROWS[0], *reversed(ROWS[1:])], 4),
        (["who,tall", *ROWS[1:4], "tony,1711", "niklaus,17"], 3),
        (["who,tall", *ROWS[1:3], "tony,1711", "niklaus,17"], 0),
        ([ROWS[0], *(f"{row}0" for row in ROWS[1:])], 0),
    ],
)
def test_rows_of_the_original_are_refused_in_any_order_and_among_others(
    tmp_path: Path, lines: list[str], shared: int
) -> None:
    """Three and half of them are too many; a header is none, and rows with another value are new."""
    task = original(tmp_path, support_files=[{"relative_path": "rows.csv", "content": "\n".join(ROWS)}])
    told = f"holds {shared} of the 4 rows of environment/files/rows.csv of add-up, in another order or among others"
    wanted = [told] if shared else []
    as_file = leaks(task, made(support_files=[{"relative_path": "new.csv", "content": "\n".join(lines)}]))
    assert [each for each in wanted if f"support_files: new.csv {each}: a variant has new data" not in as_file] == []
    text = repr("\n".join(lines))
    as_text = leaks(task, made(support_files=[], data_builder_python=f"open('new.csv', 'w').write({text})\n"))
    assert [each for each in wanted if f"data_builder_python: it {each}: a variant has new data" not in as_text] == []
    assert bool(as_file) is bool(as_text) is bool(shared)


def test_half_of_many_rows_is_too_many(tmp_path: Path) -> None:
    """Of ten five; four are not. Short rows come about by chance."""
    rows = ["head", *(f"row-{number:02}" for number in range(10)), "1,2", "3,4", "5,6"]
    task = original(tmp_path, support_files=[{"relative_path": "rows.csv", "content": "\n".join(rows)}])
    for kept, refused in ((5, True), (4, False)):
        new = [*rows[1 : kept + 1], *rows[11:], *(f"new-{number:02}" for number in range(9))]
        found = leaks(task, made(support_files=[{"relative_path": "new.csv", "content": "\n".join(new)}]))
        assert bool(found) is refused, kept


def test_answers_of_the_original_are_refused(tmp_path: Path) -> None:
    """Numbers that tests hold, and files beside them; what is computed from fresh data is as new as the data."""
    fixed_answer = "def test_sum():\n    assert int(open('/root/sum.txt').read()) == {}\n"
    task = original(tmp_path, verifier={"test_code": fixed_answer.format(42)})
    (task / "tests" / "expected.txt").write_text("the sum is forty-two\n")
    new = NEW["support_files"]
    same = made(support_files=new, verifier={"test_code": fixed_answer.format(42)})
    assert leaks(task, same) == [
        "verifier.test_code: all that it expects, add-up expects (42): a variant has new answers"
    ]
    assert leaks(task, made(support_files=new, verifier={"test_code": fixed_answer.format(106)})) == []
    assert leaks(task, made(support_files=new)) == [], "it computes them"
    told = "def test_it():\n    assert open('/root/sum.txt').read() == 'the sum is forty-two'\n"
    assert leaks(task, made(support_files=new, verifier={"test_code": told})) == [
        "verifier.test_code: it expects what tests/expected.txt of add-up holds: a variant has new answers"
    ]


def test_another_kind_of_output_is_refused(tmp_path: Path) -> None:
    """The kind is that of the file which the original's instruction and its tests name, and which is no input."""
    task = original(tmp_path)
    renamed = json.loads(json.dumps(NEW).replace("/root/sum.txt", "/root/total.txt"))
    assert leaks(task, made(**renamed)) == []
    as_json = json.loads(json.dumps(NEW).replace("/root/sum.txt", "/root/sum.json"))
    assert leaks(task, made(**as_json)) == [
        "output_path: it asks for another kind of output (.json) than add-up (.txt)"
    ]


def test_what_is_no_data_and_no_answer_may_come_back(tmp_path: Path) -> None:
    """Programs, empty files, what an image is built by; constants of tests that compute, or some of them."""
    kept = {"tool.py": "print('a tool')\n", "requirements.txt": "numpy==2.0\n", "empty.txt": ""}
    files = [{"relative_path": name, "content": text} for name, text in kept.items()]
    fixed_answer = "def test_sum():\n    assert int(open('/root/sum.txt').read()) == 42\n"
    task = original(tmp_path, support_files=files, verifier={"test_code": fixed_answer})
    (task / "environment" / "image.bin").write_bytes(b"\xff\xfe")
    more = f"{fixed_answer}    assert open('/root/sum.txt').read() == '106'\n"
    fresh = f"from pristine import fresh_data\n{fixed_answer}"
    for code in (more, fresh):
        assert leaks(task, made(support_files=files, verifier={"test_code": code})) == []


@pytest.mark.parametrize(
    ("instruction", "tests", "given", "wanted"),
    [
        ("Add `/root/numbers.csv` into `/root/sum.txt`.", "'/root/numbers.csv', '/root/sum.txt'", ".csv", ".txt"),
        ("Read `/root/notes.md`, write `/root/sum.txt`.", "'/root/sum.txt'", ".md", ".txt"),
        ("Say the sum.", "'/root/sum.txt'", ".md", ""),
    ],
)
def test_the_kind_of_a_result_is_told_by_no_input(
    tmp_path: Path, instruction: str, tests: str, given: str, wanted: str
) -> None:
    """A file of the environment is none, nor one that the tests do not look at; where none is named, any will do."""
    files = [{"relative_path": "numbers.csv", "content": "1\n2\n"}]
    code = {"test_code": f"def test_it():\n    assert ({tests})\n"}
    task = original(tmp_path, instruction_md=instruction, support_files=files, verifier=code)
    found = leaks(task, made(**json.loads(json.dumps(NEW).replace("/root/sum.txt", f"/root/sum{given}"))))
    told = f"output_path: it asks for another kind of output ({given}) than add-up ({wanted})"
    assert found == ([told] if wanted else [])


def test_two_tasks_whose_variants_would_have_one_name_are_refused(tmp_path: Path) -> None:
    """By name, with what to do."""
    task = original(tmp_path)
    copytree(task, task.parent / "add_up")
    with pytest.raises(BriefInvalid, match="another variant is called add-up-variant-1"):
        read_variants(task.parent, 1)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("assert x == 42", {"42"}),
        ("assert x != 42", set()),
        ("assert abs(x - 2.5) < 0.1", {"2.5"}),
        ("assert math.isclose(x, -7)", {"7"}),
        ("EXPECTED = {'a': [3, 'b']}", {"3", "'b'"}),
        ("rows = [3]", set()),
        ("assert x['key'] == y", set()),
        ("assert code == 0 and ok == True", set()),
        ("assert (", set()),
    ],
)
def test_what_a_test_expects_is_read_of_its_comparisons(code: str, expected: set[str]) -> None:
    """Constants that results are compared with; keys, bounds and success are none."""
    assert expected_in(code) == expected


def test_programs_are_the_same_but_for_comments_and_layout() -> None:
    """What is empty, or no Python, equals nothing."""
    assert same_program("x = 1  # one\n", "x=1")
    assert not same_program("x = 1", "x = 2")
    assert not same_program("", "# nothing")
    assert not same_program("(", "(")


async def test_what_cannot_be_varied_is_refused_before_anything_is_paid(tmp_path: Path) -> None:
    """By name: a task that is broken, texts that are too long, settings that exclude each other."""
    task = original(tmp_path)
    (task.parent / "broken").mkdir()
    (task.parent / "broken" / "task.toml").write_text("[")
    with pytest.raises(BriefInvalid, match="broken"):
        read_variants(task.parent, 1)
    for number in range(11):
        (task / "environment" / f"{number}.csv").write_text("a" * 39_999)
    with pytest.raises(BriefInvalid, match="its texts have"):
        read_variants(task, 1)
    make_briefs(tmp_path, {**BRIEF, "original": {"name": "x"}})
    with pytest.raises(BriefInvalid, match="original is not supported"):
        read_briefs(tmp_path / "specs")
    both = varying(tmp_path, task, NEW, revised=NEW, specs=str(tmp_path / "specs"), count=0)
    with pytest.raises(ConfigRefused, match="2 settings are invalid"):
        await constructed(tmp_path, MemoryLog(clock=clock), both)
