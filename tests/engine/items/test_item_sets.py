"""Item sets are read whole or not at all, in an order that is the same everywhere."""

import json
import re
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from engine.core.errors import NameUnknown
from engine.items.base import Item, ItemAnswer, ItemFormat
from engine.items.errors import ItemsInvalid, ItemsMissing, SplitUnknown
from engine.items.formats.documents import DOCUMENTS
from engine.items.formats.mathematics import MATHEMATICS
from engine.items.formats.office import OFFICE
from engine.items.formats.question import QUESTION, cut_context
from engine.items.formats.spreadsheet import SPREADSHEET
from engine.items.item_set import ItemSelection, ItemSet, decode_item, load_items
from engine.items.registry import item_format, item_format_names
from engine.items.splits import read_split
from engine.items.workbook import Workbook, WorkbookUnreadable
from events.digest import Digest, digest_of
from tests.support.quiz_runs import ROWS, make_items

REAL: Final = Path(__file__).parents[4] / "shared" / "data" / "skillopt"
real = pytest.mark.skipif(not REAL.exists(), reason="the samples of the benchmarks are not on this machine")


ALL: Final = ItemSelection()
GOOD: Final = '{"id": "x", "question": "Q?", "answers": ["a"]}'


class Kept:
    """Bytes by digest."""

    def __init__(self) -> None:
        self.blobs: dict[Digest, bytes] = {}

    def __call__(self, data: bytes) -> Digest:
        """Keep some."""
        digest = digest_of(data)
        self.blobs[digest] = data
        return digest

    def item(self, digest: Digest) -> Item:
        """Read an item back."""
        return decode_item(self.blobs[digest])


def _load(folder: Path, wanted: ItemSelection = ALL, form: ItemFormat = QUESTION, kept: Kept | None = None) -> ItemSet:
    return load_items("quiz", form, folder, wanted, kept or Kept())


def _names(found: ItemSet) -> list[str]:
    return [each.name for each in found.items]


def _numbered(count: int, first: int = 0) -> list[Mapping[str, Any]]:
    return [
        {"id": f"q{n}", "question": f"What is {n}?", "context": None, "answers": [str(n)]}
        for n in range(first, first + count)
    ]


def test_a_split_is_read_by_each_of_its_names(tmp_path: Path) -> None:
    """SkillOpt's names of splits are names, too; any other is refused, where SkillOpt reads val in silence."""
    make_items(tmp_path, _numbered(2), split="train")
    make_items(tmp_path, _numbered(1, 2), split="valid_seen")
    make_items(tmp_path, _numbered(1, 3), split="valid_unseen")
    by_name = {
        name: _names(_load(tmp_path, ItemSelection(read_split(name)))) for name in ("train", "valid_seen", "test")
    }
    assert by_name == {"train": ["q0", "q1"], "valid_seen": ["q2"], "test": ["q3"]}
    assert _names(_load(tmp_path)) == ["q0", "q1", "q2", "q3"]
    with pytest.raises(SplitUnknown, match="'bogus'"):
        read_split("bogus")


def test_files_of_lines_and_files_of_one_array_say_the_same(tmp_path: Path) -> None:
    """A set without splits lies in its folder as it is."""
    make_items(tmp_path / "array")
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "test.jsonl").write_text("\n".join(map(json.dumps, ROWS)) + "\n\n")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "rows.json").write_text(json.dumps(ROWS))
    digests = {_load(tmp_path / name).digest for name in ("array", "lines", "plain")}
    assert len(digests) == 1


def test_a_context_may_be_null_and_a_long_one_is_cut_at_a_document(tmp_path: Path) -> None:
    """As SearchQA's released items have it."""
    kept = Kept()
    items = [kept.item(each.digest) for each in _load(make_items(tmp_path), kept=kept).items]
    assert [each.context for each in items] == [None, "[DOC] Blue is B2."]
    text = "[DOC] " + "a" * 90 + " [DOC] " + "b" * 90
    assert cut_context(text, 150) == "[DOC] " + "a" * 90
    assert cut_context(text, 90) == text[:90]
    assert cut_context(text, len(text)) == text


def test_the_order_the_exclusions_and_the_limit_are_those_asked_for(tmp_path: Path) -> None:
    """First the order, which a seed may decide; then what is left out; then how many."""
    make_items(tmp_path, _numbered(6))
    assert _names(_load(tmp_path, ItemSelection(limit=2, exclude=("q0",)))) == ["q1", "q2"]
    assert _names(_load(tmp_path, ItemSelection(shuffle=42))) == ["q3", "q1", "q2", "q4", "q0", "q5"]
    assert _names(_load(tmp_path, ItemSelection(shuffle=42, exclude=("q1",), limit=2))) == ["q3", "q2"]
    assert _load(tmp_path, ItemSelection(shuffle=1)).digest != _load(tmp_path, ItemSelection(shuffle=42)).digest


def test_whatever_reaches_the_model_or_the_scorer_changes_the_digest(tmp_path: Path) -> None:
    """And nothing else does: neither the name nor the type of an item."""
    row = {"id": "x", "question": "Q?", "context": "C", "answers": ["a"]}
    changes: list[Mapping[str, Any]] = [{}, {"question": "R?"}, {"context": None}, {"answers": ["b"]}, {"id": "y"}]
    digests = []
    for n, change in enumerate([*changes, {"task_type": "t", "family": "f"}]):
        folder = make_items(tmp_path / str(n), [{**row, **change}])
        digests.append(_load(folder).items[0].digest)
    assert len({*digests[:4]}) == 4
    assert digests[4:] == [digests[0]] * 2


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (f'[\n {GOOD},\n {{"id": "y", "answers": ["a"]}}\n]', 3, "`question` must be"),
        ('[\n {"id": "x", "question": "Q?", "answers": []}\n]', 2, "`answers` must be a list of one text or more"),
        (f'[\n {GOOD},\n\n "y"]', 4, 'a JSON object is expected, and there is "y"'),
        ('[\n {"id": "x",\n  "question": }\n]', 3, "not JSON: Expecting value"),
        ('{"id": "x"}', 1, "a JSON array of items is expected"),
        (f"[\n {GOOD}\n {{}}]", 3, "`,` or `]` is expected"),
        (f"[{GOOD}]\n[]", 1, "something follows the array"),
        ('[{"id": "x", "question": "Q?", "answers": ["a"], "n": NaN}]', 1, "NaN is no number in JSON"),
        (f"[\n{GOOD},\n{GOOD}]", 3, "'x' stands in"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_line(tmp_path: Path, text: str, line: int, problem: str) -> None:
    """No row is passed over in silence, and nothing of the set is kept."""
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "items.json").write_text(text)
    with pytest.raises(ItemsInvalid) as caught:
        _load(tmp_path)
    (fault,) = caught.value.faults
    assert (fault.file.name, fault.line) == ("items.json", line)
    assert problem in fault.problem
    assert f"items.json:{line}: " in caught.value.problem


def test_every_fault_is_listed_at_once(tmp_path: Path) -> None:
    """A person corrects them all in one go; a long list is counted."""
    (tmp_path / "val.jsonl").write_text("\n".join([*['{"id": "x"}'] * 7, "[]", '{"id": 1} 2']))
    with pytest.raises(ItemsInvalid, match="and 4 more") as caught:
        _load(tmp_path, ItemSelection("val"))
    assert [fault.line for fault in caught.value.faults] == list(range(1, 10))


def test_an_item_of_two_splits_is_found_whichever_is_asked_for(tmp_path: Path) -> None:
    """What is trained on and tested on says nothing."""
    make_items(tmp_path, _numbered(2), split="train")
    make_items(tmp_path, _numbered(2, 1), split="test")
    with pytest.raises(ItemsInvalid, match=r"'q1' stands in .*train"):
        _load(tmp_path, ItemSelection("test"))


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    """A folder, a split, an item to leave out; and nothing is no set."""
    with pytest.raises(ItemsMissing, match="does not exist"):
        _load(tmp_path / "nowhere")
    make_items(tmp_path)
    with pytest.raises(ItemsMissing, match="no split 'val'") as caught:
        _load(tmp_path, ItemSelection("val"))
    assert caught.value.remedy == "it holds test: take one of them, or the split `all`"
    with pytest.raises(ItemsInvalid, match="no item is called 'gone'"):
        _load(tmp_path, ItemSelection(exclude=("gone",)))
    with pytest.raises(ItemsMissing, match="no item is left"):
        _load(tmp_path, ItemSelection(exclude=("amber", "blue")))


def test_a_file_that_holds_a_secret_is_refused(tmp_path: Path) -> None:
    """Without the secret it would be another file than the one that the item names."""
    (tmp_path / "page.png").write_bytes(b"a secret")
    (tmp_path / "rows.jsonl").write_text(
        json.dumps({"id": "x", "question": "Q?", "answers": ["a"], "image": "page.png"})
    )
    with pytest.raises(ItemsInvalid, match="holds the value of a known secret"):
        load_items("s", DOCUMENTS, tmp_path, ItemSelection(), lambda data: digest_of(data.replace(b"secret", b"[...]")))


def test_formats_are_found_by_their_names() -> None:
    """Through entry points, as those of outsiders are."""
    assert {"question", "livemathematicianbench", "officeqa", "docvqa", "spreadsheetbench"} <= {*item_format_names()}
    assert all(item_format(name).name == name for name in item_format_names())
    with pytest.raises(NameUnknown, match="item format"):
        item_format("questions")


# -- the formats of benchmarks ----------------------------------------------------------------------------------------


def test_pages_show_their_image_and_a_path_leads_nowhere_else(tmp_path: Path) -> None:
    """DocVQA's tables name images beside them; expected answers may be a list that is written into a cell."""
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "1.png").write_bytes(b"an image")
    table = tmp_path / "test.csv"
    table.write_text('questionId,question,answers,image\n7,"Who,\nthen?","[""Ann"", ""Anne""]",pages/1.png\n')
    kept = Kept()
    (ref,) = _load(tmp_path, form=DOCUMENTS, kept=kept).items
    item = kept.item(ref.digest)
    assert (ref.name, ref.family, item.expected) == ("7", "pages/1.png", ["Ann", "Anne"])
    assert [kept.blobs[each.digest] for each in item.images] == [b"an image"]
    assert DOCUMENTS.score(item, ItemAnswer("<answer>anne</answer>", kept.blobs.__getitem__)).outcome == "solved"
    long = Item(format="docvqa", question="?", expected=["a" * 1000])
    for wrong, outcome in ((1, "solved"), (2, "unsolved")):
        said = ItemAnswer("a" * (1000 - wrong) + "b" * wrong, kept.blobs.__getitem__)
        assert DOCUMENTS.score(long, said).outcome == outcome
    table.write_text(table.read_text() + "8,Who?,Ann,../1.png\n9,Who?,Ann\n10,Who?,Ann,/1.png\n")
    with pytest.raises(ItemsInvalid) as caught:
        _load(tmp_path, form=DOCUMENTS)
    assert [(fault.line, fault.problem) for fault in caught.value.faults] == [
        (4, "the path ../1.png leads out of the folder of the set"), (5, "4 columns are expected"),
        (6, "the path /1.png leads out of the folder of the set"),
    ]  # fmt: skip


def test_a_link_is_followed_within_the_set_and_no_further(tmp_path: Path) -> None:
    """A set of a stranger may hold links: what they lead to on this machine is not of the set, and goes to no model."""
    (tmp_path / "secret.png").write_bytes(b"a key")
    folder = tmp_path / "set"
    (folder / "shared").mkdir(parents=True)
    (folder / "shared" / "page.png").write_bytes(b"a page")
    (folder / "test").mkdir()
    (folder / "test" / "in.png").symlink_to("../shared/page.png")
    (folder / "test" / "out.png").symlink_to(tmp_path / "secret.png")
    (folder / "test" / "folder").symlink_to(tmp_path)
    rows = folder / "test" / "items.jsonl"
    rows.write_text(json.dumps({**json.loads(GOOD), "images": ["in.png"]}))
    kept = Kept()
    assert digest_of(b"a page") in _load(folder, kept=kept).shown
    for path in ("out.png", "folder/secret.png"):
        rows.write_text(json.dumps({**json.loads(GOOD), "images": [path]}))
        with pytest.raises(ItemsInvalid, match="is a link that leads out of the folder of the set"):
            _load(folder, kept=kept)
    assert b"a key" not in kept.blobs.values()


def test_a_split_that_is_a_link_itself_is_read(tmp_path: Path) -> None:
    """Who links a whole split says where it lies; its rows name what lies beside them."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "page.png").write_bytes(b"a page")
    (tmp_path / "elsewhere" / "items.jsonl").write_text(json.dumps({**json.loads(GOOD), "images": ["page.png"]}))
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "test").symlink_to(tmp_path / "elsewhere")
    assert _names(_load(tmp_path / "set")) == ["x"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"question": "\ud800?"}, r"half of a surrogate pair, '\\ud800'"),
        ({"images": ["\udfff.png"]}, "half of a surrogate pair"),
        ({"images": ["x" * 400 + ".png"]}, "leads nowhere: File name too long"),
        ({"images": ["a\0b.png"]}, "leads nowhere"),
    ],
    ids=["question", "path", "long", "nul"],
)
def test_what_no_file_system_and_no_model_takes_is_a_fault_of_its_row(
    tmp_path: Path, fields: Mapping[str, Any], problem: str
) -> None:
    """JSON can write texts that are none, and paths that nothing has: the row is named, and nothing breaks."""
    (tmp_path / "test.jsonl").write_text(json.dumps({**json.loads(GOOD), **fields}))
    with pytest.raises(ItemsInvalid, match=problem) as raised:
        _load(tmp_path)
    assert raised.value.faults[0].line == 1


@pytest.mark.parametrize(
    ("labels", "correct", "problem"),
    [
        ("BB", "A", "the labels of the choices must differ: B, B"),
        ("AB", "A", "the choice A and correct_choice differ"),
        ("BC", "", "`correct_choice` names no label: write the label of the choice that is right"),
        ("BC", "C.", "the choice C. and correct_choice differ"),
    ],
)
def test_choices_that_contradict_each_other_are_none(tmp_path: Path, labels: str, correct: str, problem: str) -> None:
    """Two of one label, or a correct one that is another than the one that stands there."""
    choices = [{"label": label, "text": f"text {n}"} for n, label in enumerate(labels)]
    mcq = {"question": "Q?", "choices": choices, "correct_choice": {"label": correct, "text": "right"}}
    (tmp_path / "rows.jsonl").write_text(json.dumps({"no": 1, "month": "202511", "mcq": mcq}))
    with pytest.raises(ItemsInvalid) as caught:
        _load(tmp_path, form=MATHEMATICS)
    assert [fault.problem for fault in caught.value.faults] == [problem]


@pytest.mark.parametrize(
    ("choices", "correct"),
    [
        ([{"label": "A", "text": "x"}, {"label": "C", "text": "z"}], {"label": "B", "text": "y"}),
        ([{"label": "c", "text": "z"}, {"text": "y"}, {"label": "a.", "content": "x"}], "b"),
        (["x", "y", "z"], "B."),
        ({"C": "z", "B": "y", "A": "x"}, {"label": "b", "text": ""}),
    ],
)
def test_choices_are_written_in_many_forms(tmp_path: Path, choices: Any, correct: Any) -> None:
    """Objects, texts alone, or texts by label; the correct one may be its label alone, in either case."""
    row = {"no": 1, "month": "202511", "theorem_type": "Existence", "question": "Q?"}
    (tmp_path / "rows.jsonl").write_text(json.dumps({**row, "choices": choices, "correct_choice": correct}))
    kept = Kept()
    (ref,) = _load(tmp_path, form=MATHEMATICS, kept=kept).items
    item = kept.item(ref.digest)
    assert [each["text"] for each in item.expected["choices"]] == ["x", "y", "z"]
    assert ref.task_type == "Existence"
    for said, hard in (("<answer>b</answer>", True), ("Y", True), ("A", False), ("", False)):
        assert MATHEMATICS.score(item, ItemAnswer(said, kept.blobs.__getitem__)).hard is hard


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"choices": []}, "`choices` must be a list of 1 to 26 choices"),
        ({"choices": None}, "`choices` must be a list of 1 to 26 choices"),
        ({"choices": ["x"] * 27}, "`choices` must be a list of 1 to 26 choices"),
        ({"choices": ["x", ""]}, "each with a text"),
        ({"choices": [True]}, "`text` of a choice must be a text"),
        ({"correct_choice": None}, "`correct_choice` names no label"),
        ({"correct_choice": "D"}, "no choice is labelled D, and correct_choice has no text"),
        ({"question": " "}, "`question` must be a text"),
        ({"month": None}, "`month` must be a text"),
    ],
)
def test_what_is_no_question_with_choices_says_why(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    """By its row, before anything is paid for."""
    row = {"no": 1, "month": "202511", "question": "Q?", "choices": ["x", "y"], "correct_choice": "A", **changes}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    with pytest.raises(ItemsInvalid, match=f"rows.jsonl:1: .*{re.escape(told)}"):
        _load(tmp_path, form=MATHEMATICS)


def test_a_correct_choice_may_stand_among_the_others(tmp_path: Path) -> None:
    """It is not put there twice."""
    choices = [{"label": label, "text": label.lower()} for label in "CAB"]
    row = {"id": "x", "question": "Q?", "choices": choices, "correct_choice": {"label": "B", "text": "b"}}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    kept = Kept()
    (ref,) = _load(tmp_path, form=MATHEMATICS, kept=kept).items
    assert kept.item(ref.digest).question == "Q?\n\nA. a\nB. b\nC. c"


def test_what_lies_in_no_split_is_read_with_all_of_them(tmp_path: Path) -> None:
    """A file that is called so holds what belongs to no split."""
    make_items(tmp_path, _numbered(1), split="val")
    (tmp_path / "all.jsonl").write_text(json.dumps(_numbered(1, 1)[0]))
    assert _names(_load(tmp_path)) == ["q0", "q1"]
    assert _names(_load(tmp_path, ItemSelection("val"))) == ["q0"]


def test_reports_are_what_a_model_may_read(tmp_path: Path) -> None:
    """Only those that a question names; one that names none has none."""
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "a.txt").write_text("A")
    (tmp_path / "rows.csv").write_text('uid,question,answer,source_files\nU1,Q?,"2,602",a.txt\nU2,Q?,1,\n')
    kept = Kept()
    found = _load(tmp_path, form=OFFICE, kept=kept)
    folders = [kept.item(each.digest).folder for each in found.items]
    assert folders[0] is not None
    assert kept.blobs[folders[0]] == b'{"files":{"a.txt":"A"}}'
    assert folders[1] is None
    assert OFFICE.score(kept.item(found.items[0].digest), ItemAnswer("$2,602", kept.blobs.__getitem__)).hard


@real
@pytest.mark.shared
def test_real_rows_of_multiple_choice_load(tmp_path: Path) -> None:
    """The correct choice, which the pages leave out, stands in its place, and is the one that scores."""
    kept = Kept()
    found = _load(REAL / "livemath", form=MATHEMATICS, kept=kept)
    assert len(found.items) == 12
    for ref in found.items:
        item = kept.item(ref.digest)
        labels = [each["label"] for each in item.expected["choices"]]
        assert labels == ["A", "B", "C", "D", "E"]
        correct = item.expected["correct"]
        assert f"\n{correct['label']}. {correct['text']}" in item.question
        scored = {label: MATHEMATICS.score(item, ItemAnswer(f"<answer>{label}</answer>", kept.blobs.__getitem__)).hard
                  for label in labels}  # fmt: skip
        assert [label for label, hard in scored.items() if hard] == [correct["label"]]


@real
@pytest.mark.shared
def test_real_questions_about_reports_load() -> None:
    """Each expected answer is its own right answer."""
    kept = Kept()
    found = _load(REAL / "officeqa", form=OFFICE, kept=kept)
    items = [kept.item(each.digest) for each in found.items]
    assert len(items) == 30
    assert all(OFFICE.score(each, ItemAnswer(each.expected, kept.blobs.__getitem__)).hard for each in items)


@pytest.mark.slow
@real
@pytest.mark.shared
@pytest.mark.timeout(240)
def test_real_workbooks_load_and_each_answer_scores_against_itself() -> None:
    """And of the untouched inputs two in sixty are right as they are: a baseline to report."""
    pytest.importorskip("openpyxl")
    kept = Kept()
    found = _load(REAL / "spreadsheetbench", form=SPREADSHEET, kept=kept)
    assert len(found.items) == 20
    untouched = []
    for ref in found.items:
        item = kept.item(ref.digest)
        files = {each.name: each.digest for each in item.files}
        cases = item.expected["cases"]
        answers = ItemAnswer("", kept.blobs.__getitem__, {wanted: files[wanted] for _, wanted in cases})
        assert SPREADSHEET.score(item, answers).outcome == "solved", ref.name
        given = ItemAnswer("", kept.blobs.__getitem__, {wanted: files[given] for given, wanted in cases})
        untouched.append(SPREADSHEET.score(item, given))
    assert not any(each.hard for each in untouched)
    assert sum((each.soft or 0) * 3 for each in untouched) == 2


def test_a_workbook_that_is_missing_or_none_is_wrong_and_says_so(tmp_path: Path) -> None:
    """It is what the answer left behind: unsolved, with the reason by workbook, and never what is expected."""
    openpyxl = pytest.importorskip("openpyxl")
    folder = tmp_path / "spreadsheet" / "7"
    folder.mkdir(parents=True)
    for number in (1, 2):
        for kind, value in (("input", 1), ("answer", 2)):
            book = openpyxl.Workbook()
            book.active["B2"] = value
            book.save(folder / f"{number}_7_{kind}.xlsx")
    row = {"id": 7, "instruction": "Add.", "spreadsheet_path": "spreadsheet/7", "instruction_type": "Cell-Level",
           "answer_position": "B2"}  # fmt: skip
    (tmp_path / "dataset.json").write_text(json.dumps([row]))
    kept = Kept()
    (ref,) = _load(tmp_path, form=SPREADSHEET, kept=kept).items
    item = kept.item(ref.digest)
    files = {each.name: each.digest for each in item.files}
    came = {"1_7_answer.xlsx": files["1_7_answer.xlsx"], "2_7_answer.xlsx": kept(b"no workbook")}
    mark = SPREADSHEET.score(item, ItemAnswer("", kept.blobs.__getitem__, came))
    assert (mark.outcome, str(mark.soft)) == ("unsolved", "1/2")
    assert mark.reasons == ("not a readable workbook: File is not a zip file",)
    came = {"1_7_answer.xlsx": files["1_7_input.xlsx"]}
    mark = SPREADSHEET.score(item, ItemAnswer("", kept.blobs.__getitem__, came))
    assert mark.reasons == ("B2 differs", "the workbook was not written")


@pytest.mark.slow
def test_a_workbook_that_unpacks_to_too_much_is_not_opened() -> None:
    """A small file can hold more than fits into memory, and whoever answers may write one."""
    pytest.importorskip("openpyxl")
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive, archive.open("xl/workbook.xml", "w", force_zip64=True) as part:
        for _ in range(257):
            part.write(bytes(1024 * 1024))
    with pytest.raises(WorkbookUnreadable, match="and 268435456 is the limit"):
        Workbook(packed.getvalue())
