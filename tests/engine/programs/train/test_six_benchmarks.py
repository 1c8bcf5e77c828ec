"""One short training on each benchmark: the target knows its skill alone, the optimizer reads failed items alone."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from engine.core.prompts import load_prompts
from engine.effects.conversation import ConversationReader
from engine.items.worlds.household import CLOSED, HOUSEHOLD
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.model import ModelAsked
from events.types.sandbox import SandboxAsked
from events.types.training import DoNothingScored, SkillAccepted, TrainingClosed, TrainingPlanned
from replay.redecide import decisions
from replay.rerun import rerun
from tests.engine.agents.installed.test_agents import backend_named
from tests.support.orders import CountingClock
from tests.support.quiz import quiz_installed
from tests.support.six_benchmarks import OPEN, RULE, TOLD, workbook
from tests.support.training import told, training

SPLITS: Final[Mapping[str, range]] = {"train": range(4), "val": range(4, 8), "test": range(8, 12)}
SCRIPT: Final = """\
name = "six"
[[rule]]
name = "works"
model = "target"
function = "six-target"
[[rule]]
name = "learns"
model = "optimizer"
function = "six-optimizer"
"""
PNG: Final = b"\x89PNG\r\n\x1a\n"


def word(n: int) -> str:
    """Give the answer to an item; it reads otherwise backwards."""
    return f"word{n:02}"


def searchqa(folder: Path, numbers: range) -> None:
    """Questions whose context tells clue and rule; one has no context."""
    rows = [
        {"id": f"s{n}", "question": f"Which word is meant by {n}?", "answers": [word(n)],
         "context": f"[DOC] [TLE] {n} [PAR] Clue: {word(n)[::-1]}. {TOLD}"}
        for n in numbers
    ]  # fmt: skip
    (folder / "items.json").write_text(json.dumps(rows))


def livemath(folder: Path, numbers: range) -> None:
    """Choices of which the correct one is left out, as on the pages."""
    rows = []
    for n in numbers:
        choices = [{"label": label, "text": f"{word(n)}{label}"} for label in "ABDE"]
        mcq = {"question": f"Which holds? Clue: {word(n)[::-1]}. {TOLD}", "choices": choices}
        rows.append({"month": "202511", "no": n, "mcq": {**mcq, "correct_choice": {"label": "C", "text": word(n)}}})
    (folder / "qa_202511_final.json").write_text(json.dumps(rows))


def officeqa(folder: Path, numbers: range) -> None:
    """A table, and documents beside it."""
    (folder / "documents").mkdir()
    with (folder / "officeqa.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["uid", "question", "answer", "source_files", "difficulty"])
        for n in numbers:
            writer.writerow([f"UID{n}", f"What were receipts of {n}?", f"26,{n:02}", f"bulletin_{n}.txt", "hard"])
            clue = f"26{n:02}"[::-1]
            (folder / "documents" / f"bulletin_{n}.txt").write_text(f"Treasury bulletin {n}\nClue: {clue}\n{TOLD}\n")


def docvqa(folder: Path, numbers: range) -> None:
    """A table, and pages beside it: the answer stands on the page alone, which is sent as an image."""
    with (folder / "validation.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["questionId", "question", "answers", "image"])
        for n in numbers:
            page = PNG + bytes([n])
            (folder / f"q{n}.png").write_bytes(page)
            answer = sha256(page).hexdigest()[:8][::-1]
            writer.writerow([n, f"What is the code of page {n}? {TOLD}", json.dumps([answer, "xq-other"]), f"q{n}.png"])


def spreadsheetbench(folder: Path, numbers: range) -> None:
    """A dataset, and pairs of workbooks."""
    rows = []
    for n in numbers:
        there = folder / "spreadsheet" / str(n)
        there.mkdir(parents=True)
        (there / f"1_{n}_input.xlsx").write_bytes(workbook(None))
        (there / f"1_{n}_answer.xlsx").write_bytes(workbook(word(n)))
        rows.append({"id": n, "spreadsheet_path": f"spreadsheet/{n}", "answer_position": "A1",
                     "instruction_type": "Cell-Level Manipulation",
                     "instruction": f"Write the word. Clue: {word(n)[::-1]}. {TOLD}"})  # fmt: skip
    (folder / "dataset.json").write_text(json.dumps(rows))


def household(folder: Path, numbers: range) -> None:
    """Tasks whose object lies in something that is closed."""
    seeds = [seed for seed in range(200) if _mug_in(seed) in CLOSED]
    rows = [
        {"id": f"h{n}", "seed": seeds[n], "task": "pick_and_place_simple", "object": "mug", "receptacle": "bed"}
        for n in numbers
    ]
    (folder / "items.json").write_text(json.dumps(rows))


def _mug_in(seed: int) -> str:
    goal = {"task": "pick_and_place_simple", "object": "mug", "receptacle": "bed", "state": None}
    return str(HOUSEHOLD.begin({"seed": seed, "goal": goal}).state["where"]["mug"])


BENCHMARKS: Final[Mapping[str, tuple[Callable[[Path, range], None], str, str]]] = {
    "question": (searchqa, "call", RULE),
    "livemathematicianbench": (livemath, "call", RULE),
    "officeqa": (officeqa, "tools", RULE),
    "docvqa": (docvqa, "call", RULE),
    "spreadsheetbench": (spreadsheetbench, "code", RULE),
    "household": (household, "steps", OPEN),
}
"""By format: who writes its files, the way of its items, and what there is to be learnt."""
IN_SANDBOXES: Final = frozenset({"spreadsheetbench"})
NAMES: Final = [pytest.param(each, marks=[pytest.mark.slow] if each in IN_SANDBOXES else []) for each in BENCHMARKS]


@pytest.fixture(autouse=True)
def models(tmp_path: Path) -> Iterator[None]:
    """Install the scripted models as a package on the path is."""
    own = ("six-target = tests.support.six_benchmarks:work", "six-optimizer = tests.support.six_benchmarks:learn")
    with quiz_installed(tmp_path / "installed", "[stillroom.script_functions]", *own):
        yield


async def taught(log: EventLog, base: Path, name: str, **changes: Any) -> str:
    """Train on one benchmark: one epoch of two steps."""
    write, way, _ = BENCHMARKS[name]
    for split, numbers in SPLITS.items():
        (base / "items" / split).mkdir(parents=True)
        write(base / "items" / split, numbers)
    (base / "script.toml").write_text(SCRIPT)
    sets = {
        purpose: {"folder": "items", "split": split, "format": name}
        for purpose, split in (("train", "train"), ("selection", "val"), ("test", "test"))
    }
    own: dict[str, Any] = {
        "sets": sets,
        "rollout": {"way": way, "turns": 40},
        "epochs": 1,
        "batch": 2,
        "minibatch": 2,
        **changes,
    }
    spec = msgspec.structs.replace(training(**own, gate={"name": "strict"}, name="six"), sandbox="local")
    async with backend_named("local", base) as backend:
        report = await start_run(RunContext(log, backend, load_prompts(), "test", {}, base), spec)
    assert report.outcomes == {"train": "completed"}
    return report.run


@pytest.mark.parametrize("name", NAMES)
async def test_a_training_on_it_finds_the_rule_that_its_failed_items_tell(name: str, tmp_path: Path) -> None:
    """Given a skill that is empty, nothing is solved; with what was accepted, all is; and it replays without a call."""
    if name == "spreadsheetbench":
        pytest.importorskip("openpyxl")
    log = MemoryLog(clock=CountingClock())
    run = await taught(log, tmp_path, name)
    (accepted,) = await told(log, run, SkillAccepted)
    (file,) = accepted.files
    assert BENCHMARKS[name][2] in (await log.get(file.digest)).decode()
    (closed,) = await told(log, run, TrainingClosed)
    initial, best, _ = closed.skills
    assert (initial.test_hard.exact, best.test_hard.exact) == (0, 1)
    for each in await told(log, run, DoNothingScored):
        assert (each.solved, each.measured) == ((), 4), "nobody has anything for nothing"
    assert (await rerun(log, run)).complete
    assert all(each.agrees for each in await decisions(log, run))


def secrets(name: str) -> tuple[str, ...]:
    """Give what stands in no request as long as nobody reads clues backwards, and no model is told by right."""
    numbers = [n for each in SPLITS.values() for n in each]
    match name:
        case "question" | "spreadsheetbench":
            return tuple(map(word, numbers))
        case "officeqa":
            return tuple(f"26{comma}{n:02}" for n in numbers for comma in ("", ","))
        case "docvqa":
            return (*(sha256(PNG + bytes([n])).hexdigest()[:8][::-1] for n in numbers), "xq-other")
        case "livemathematicianbench":  # choices are told, which of them is right is not
            return ("correct",)
        case _:
            return ("seed", "treated")


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_expected_reaches_neither_model_nor_sandbox(name: str, tmp_path: Path) -> None:
    """Until a first skill is accepted, nobody has read a clue: no request and no file of a sandbox holds an answer."""
    if name == "spreadsheetbench":
        pytest.importorskip("openpyxl")
    log = MemoryLog(clock=CountingClock())
    run = await taught(log, tmp_path, name)
    accepted = [each async for each in log.read(Selection(run=run, tags={"skill.accepted"}))]
    early = [each async for each in log.read(Selection(run=run)) if each.position < accepted[0].position]
    asked = [each.event.conversation for each in early if isinstance(each.event, ModelAsked)]
    assert len(asked) > 4
    texts = [b"\n".join(await ConversationReader(log).messages(each)).decode() for each in asked]
    for secret in secrets(name):
        before = [text for text in texts if RULE not in _skills_in(text)]
        assert not [text for text in before if secret in text], secret
    spaces = [each.event.workspace for each in early if isinstance(each.event, SandboxAsked) and each.event.workspace]
    assert bool(spaces) == (BENCHMARKS[name][1] == "code")
    assert all(file.name.endswith("_input.xlsx") for space in spaces for file in space.files)


def _skills_in(text: str) -> str:
    return text.partition("<skills>")[2].partition("</skills>")[0]


SLOW: Final = "<!-- SLOW_UPDATE_START -->\nKeep to what the page says.\n<!-- SLOW_UPDATE_END -->\n"


@pytest.mark.parametrize(
    "block",
    [
        SLOW,
        "<!-- SLOW_UPDATE_START -->\n<!-- SLOW_UPDATE_END -->\n",
        f"{SLOW}\n## Behind it\n\n- “Tampa Bay”, not “Tampa”.\n",
    ],
    ids=["advice", "empty", "in the middle"],
)
async def test_a_skill_that_skillopt_trained_goes_on_as_it_is(block: str, tmp_path: Path) -> None:
    """One Markdown file without front matter: steps write before its protected block, and that stays byte for byte.

    Of the published ones, some have an empty block; all have typographic quotes, backticks and no name of their own.
    """
    text = f"# How to answer\n\n(No learned rules yet.)\n\n## Copying\n- Keep `'` and “St.” as they stand.\n\n{block}"
    (tmp_path / "ckpt").mkdir()
    (tmp_path / "ckpt" / "gpt5.5_skill.md").write_text(text)
    log = MemoryLog(clock=CountingClock())
    run = await taught(log, tmp_path, "question", skill="ckpt/gpt5.5_skill.md")
    (planned,) = await told(log, run, TrainingPlanned)
    assert planned.skill == "gpt5-5-skill"
    assert (await log.get(planned.files[0].digest)).decode().endswith(f"\n---\n\n{text}")
    (accepted,) = await told(log, run, SkillAccepted)
    written = (await log.get(accepted.files[0].digest)).decode()
    protected = block.partition("<!-- SLOW_UPDATE_END -->\n")[0]
    assert protected in written
    assert text.partition("<!-- SLOW")[0].rstrip() in written
    assert RULE in written.replace(protected, "")
    assert written.count("<!-- SLOW_UPDATE_") == 2
