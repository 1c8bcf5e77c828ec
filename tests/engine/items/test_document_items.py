"""Items that rest on files: pages of DocVQA and documents of OfficeQA, whole or refused by name."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from engine.items.base import Folder, Item
from engine.items.errors import ItemsInvalid
from engine.items.images import LARGEST as LARGEST_IMAGE
from engine.items.item_set import ItemSelection, decode_item, load_items
from engine.items.registry import item_format
from engine.items.rows import LARGEST
from events.digest import Digest, digest_of
from events.store.base import Selection
from events.store.memory import MemoryLog
from replay.rerun import rerun
from tests.engine.items.test_images import AMBER
from tests.engine.programs.evaluate.test_evaluate import calls, evaluated, evaluation
from tests.support.orders import CountingClock
from tests.support.quiz import quiz_installed

PAGE: Final = {"questionId": 7, "question": "Which date?", "image": "page.png"}
FIGURE: Final = {"uid": "U1", "question": "What were receipts?", "answer": "2,602", "source_files": "a.txt\nold/b.txt"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Lay out a page and two documents, one of them below a folder."""
    (tmp_path / "documents" / "old").mkdir(parents=True)
    (tmp_path / "documents" / "a.txt").write_text("A")
    (tmp_path / "documents" / "old" / "b.txt").write_text("B")
    (tmp_path / "documents" / "c.md").write_text("C")
    (tmp_path / "documents" / ".hidden.txt").write_text("no")
    (tmp_path / "page.png").write_bytes(AMBER)
    return tmp_path


def loaded(folder: Path, name: str, *rows: dict[str, Any]) -> list[tuple[Item, dict[str, str]]]:
    """Load items with the texts of their folders."""
    (folder / "test.json").write_text(json.dumps(rows))
    kept: dict[Digest, bytes] = {}

    def put(data: bytes) -> Digest:
        kept[digest_of(data)] = data
        return digest_of(data)

    found = load_items("s", item_format(name), folder, ItemSelection(), put)
    assert {*found.shown} <= {*kept}
    items = [decode_item(kept[each.digest]) for each in found.items]
    return [
        (item, {} if item.folder is None else msgspec.json.decode(kept[item.folder], type=Folder).files)
        for item in items
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"answers": '["3 May", "May 3"]'}, ["3 May", "May 3"]),
        ({"ground_truth": "['3 May']", "answer": "other"}, ["3 May"]),
        ({"answer": "3 May"}, ["3 May"]),
        ({"answers": "", "answer": " 3 May "}, ["3 May"]),
        ({"answers": [{"text": "3 May"}, 3]}, ["3 May", "3"]),
        ({"answers": '{"answers": ["3 May"]}'}, ["3 May"]),
    ],
)
def test_answers_are_read_under_the_names_that_tables_have(
    changes: dict[str, Any], expected: list[str], folder: Path
) -> None:
    """As SkillOpt's tables are written, too; types of questions come from lists in texts."""
    ((item, _),) = loaded(folder, "docvqa", {**PAGE, **changes, "question_types": "['form', 'table/list']"})
    assert item.expected == expected


def test_a_question_may_hold_the_path_of_its_page(folder: Path) -> None:
    """As SkillOpt's tables are written; a path under its own name counts before it, and neither reaches the model."""
    row = {"questionId": 7, "question": "Which date? document_path: page.png", "answers": ["x"]}
    ((item, _),) = loaded(folder, "docvqa", row)
    assert (item.question, item.images[0].digest) == ("Which date?", digest_of(AMBER))
    other = {**row, "question": "Which date? document_path: gone.png", "image_path": "page.png"}
    ((item, _),) = loaded(folder, "docvqa", other)
    assert item.question == "Which date?"
    with pytest.raises(ItemsInvalid, match="asks nothing before document_path:"):
        loaded(folder, "docvqa", {**row, "question": "document_path: page.png"})
    with pytest.raises(ItemsInvalid, match="`image` must be a text that is not empty"):
        loaded(folder, "docvqa", {**row, "question": "Which date? document_path:"})


@pytest.mark.parametrize(
    "sources",
    ["a.txt\nold/b.txt", "a.txt; old/b.txt\r\n", "a.txt, old/b.txt", '["a.txt", "old/b.txt"]', ["a.txt", "old/b.txt"]],
)
def test_sources_of_a_figure_are_listed_in_many_forms(sources: Any, folder: Path) -> None:
    """One a line, between signs, or as a list; a comma within a name parts nothing."""
    ((_, texts),) = loaded(folder, "officeqa", {**FIGURE, "source_files": sources})
    assert texts == {"a.txt": "A", "old/b.txt": "B"}
    (folder / "documents" / "a, b.txt").write_text("AB")
    ((_, texts),) = loaded(folder, "officeqa", {**FIGURE, "source_files": "a, b.txt"})
    assert texts == {"a, b.txt": "AB"}


def test_a_figure_has_its_name_answer_and_type_under_either_name(folder: Path) -> None:
    """The first that is not empty; an answer that is missing is none."""
    row = {"uid": "", "id": "U9", "question": "Q?", "ground_truth": "[1, −2]", "category": "hard"}  # noqa: RUF001
    ((item, _),) = loaded(folder, "officeqa", row)
    assert item.expected == "[1, −2]"  # noqa: RUF001
    for changes, told in (({"ground_truth": ""}, "`answer` must be"), ({"id": ""}, "`uid` must be")):
        with pytest.raises(ItemsInvalid, match=f"test.json:1: {told}"):
            loaded(folder, "officeqa", {**row, **changes})


@pytest.mark.parametrize("changes", [{}, {"answers": None}, {"answers": "[]"}, {"answers": [""]}, {"answer": " "}])
def test_a_page_that_expects_nothing_is_refused(changes: dict[str, Any], folder: Path) -> None:
    """An empty answer would be right, and whoever does nothing with it."""
    with pytest.raises(ItemsInvalid, match=r"test.json:1: it expects no answer"):
        loaded(folder, "docvqa", {**PAGE, **changes})


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is empty"),
        (b"%PDF-1.7", "is a PDF"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
        (b"II*\0", "is a TIFF"),
        (AMBER + bytes(LARGEST_IMAGE), "is the limit"),
    ],
)
def test_what_is_no_page_for_a_model_is_named(data: bytes, told: str, folder: Path) -> None:
    """By what it is, whatever its name says."""
    (folder / "page.png").write_bytes(data)
    with pytest.raises(ItemsInvalid, match=f"test.json:1: the image page.png .*{told}"):
        loaded(folder, "docvqa", {**PAGE, "answers": ["x"]})


def test_documents_are_those_of_the_row_or_all(folder: Path) -> None:
    """Of one's own, of all that lie there, or none where there is no folder of documents."""
    ((_, own),) = loaded(folder, "officeqa", FIGURE)
    assert own == {"a.txt": "A", "old/b.txt": "B"}
    every = loaded(folder, "officeqa_corpus", FIGURE, {**FIGURE, "uid": "U2", "source_files": ""})
    assert [texts for _, texts in every] == [{"a.txt": "A", "c.md": "C", "old/b.txt": "B"}] * 2
    assert len({item.folder for item, _ in every}) == 1
    (folder / "documents").rename(folder / "elsewhere")
    ((item, _),) = loaded(folder, "officeqa", FIGURE)
    assert item.folder is None
    with pytest.raises(ItemsInvalid, match="documents holds no"):
        loaded(folder, "officeqa_corpus", FIGURE)


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        ("gone.txt", "documents/gone.txt does not exist"),
        ("../test.json", "leads out of the folder"),
        ("/etc/hostname", "does not exist"),
        ("bytes.txt", "no text in UTF-8"),
        ("huge.txt", "is the limit"),
    ],
)
def test_a_document_that_cannot_be_given_is_named(sources: str, told: str, folder: Path) -> None:
    """None is left out in silence: without its source, a question is another one."""
    (folder / "documents" / "bytes.txt").write_bytes(b"\xff")
    (folder / "documents" / "huge.txt").touch()
    os.truncate(folder / "documents" / "huge.txt", LARGEST + 1)
    with pytest.raises(ItemsInvalid, match=f"test.json:1: .*{told}"):
        loaded(folder, "officeqa", {**FIGURE, "source_files": sources})


def test_a_folder_too_large_for_memory_is_refused(folder: Path) -> None:
    """All of its texts together count."""
    for name in ("x.txt", "y.txt"):
        (folder / "documents" / name).touch()
        os.truncate(folder / "documents" / name, LARGEST // 2 + 1)
    with pytest.raises(ItemsInvalid, match="the texts of the folder documents have"):
        loaded(folder, "officeqa_corpus", FIGURE)


@pytest.fixture
def searcher(tmp_path: Path) -> Iterator[Path]:
    """Make a set with a corpus, and a model that lists, reads and answers by what it read."""
    with quiz_installed(
        tmp_path / "installed", "[stillroom.script_functions]", "six = tests.support.six_benchmarks:work"
    ):
        base = tmp_path / "base"
        (base / "reports" / "documents").mkdir(parents=True)
        (base / "reports" / "documents" / "1941.txt").write_text("Clue: 2602\n")
        (base / "reports" / "test.json").write_text(json.dumps([FIGURE]))
        (base / "script.toml").write_text('name = "s"\n[[rule]]\nname = "any"\nfunction = "six"\n')
        yield base


async def test_a_folder_that_changes_later_changes_no_run_and_no_stored_score_of_it_counts(searcher: Path) -> None:
    """What the tools read is in the log: a replay needs no folder, and another document is another item."""
    log = MemoryLog(clock=CountingClock())
    own = {"items": {"folder": "reports", "format": "officeqa_corpus"}, "rollout": {"way": "tools", "turns": 24}}
    arms = {"none": {}, "note": {"note": "Take care."}}
    first = await evaluated(log, searcher, evaluation(arms, tasks="", own=own))
    assert {*first.outcomes.values()} == {"solved"}
    stored = await evaluated(log, searcher, evaluation(arms, tasks="", own=own))
    assert await calls(log, stored.run) == 0
    (searcher / "reports" / "documents" / "1941.txt").write_text("Clue: 9999\n")
    assert (await rerun(log, first.run)).complete
    other = await evaluated(log, searcher, evaluation(arms, tasks="", own=own))
    assert {*other.outcomes.values()} == {"unsolved"}
    assert await calls(log, other.run) == 6
    taken = [each async for each in log.read(Selection(run=first.run, tags={"item.answered"}))]
    assert {(each.event.turns, each.event.tool_calls) for each in taken} == {(3, 2)}  # type: ignore[attr-defined]
