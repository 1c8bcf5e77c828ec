"""Where the commands of a page are typed: a folder with what the page takes for granted, and words in place of its own."""

import re
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from events.errors import ExitCode
from tests.architecture.source import ROOT
from tests.cli.terminal import machine, type_in
from tests.support.quiz_runs import STUDENT, make_items
from tests.support.runs import SCRIPT, SKILL, make_base

SPARK: Final = ROOT.parent / "shared" / "data" / "spark-trajectories"
DEMO: Final = ROOT / "engine" / "demo"


class Stage(NamedTuple):
    """What a page is executed in."""

    prepare: Callable[[Path], None]
    """Makes what lies in the folder before the first command."""
    words: Mapping[str, str | Callable[[Path], str]] = {}
    """What is typed in place of a word of the page that stands for the reader's own; a function looks it up in the folder."""
    untried: Mapping[str, str] = {}
    """Beginnings of commands that are not typed, each with the reason."""
    codes: Mapping[str, int] = {}
    """Exit codes other than 0, by how the command begins."""
    environment: Mapping[str, str] = {}
    """Variables of the terminal."""

    def typed(self, words: tuple[str, ...], folder: Path) -> tuple[str, ...] | None:
        """Give what is typed for a command of the page. None: it is not tried."""
        if _begun(self.untried, words) is not None:
            return None
        found = [self.words.get(word, word) for word in words]
        return tuple(each if isinstance(each, str) else each(folder) for each in found)

    def code(self, words: tuple[str, ...]) -> int:
        """Give the exit code that the page lets expect of a command."""
        return _begun(self.codes, words) or 0


T = TypeVar("T")


def _begun(table: Mapping[str, T], words: tuple[str, ...]) -> T | None:
    line = " ".join(words)
    return next((each for beginning, each in table.items() if line.startswith(beginning)), None)


def explored(folder: Path) -> None:
    """Leave the log of the demo that explores."""
    outcome = type_in(folder, "demo", on=machine(folder))
    assert outcome.code == 0, outcome.err


def beside_imports(folder: Path) -> None:
    """Leave that log with the published runs of SPARK beside its own."""
    explored(folder)
    outcome = type_in(folder, "import", "spark", str(SPARK))
    assert outcome.code == 0, outcome.err


def workshop(folder: Path) -> None:
    """Leave tasks, a skill, questions, specs and a scripted model, as somebody has them who begins, and the demo's log."""
    explored(folder)
    make_base(folder, SCRIPT + STUDENT.partition("\n\n")[2], "greet")
    (folder / "run.toml").write_text(EXPLORING)
    skill = folder / "skills" / "greet" / "SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text(SKILL.replace("name: word", "name: greet"))
    make_items(folder / "questions")
    for name, words in (("train", {"script.toml": "train/script.toml", "items": "train/items"}), ("evolve", EVOLVING)):
        text = (DEMO / name / f"{name}.toml").read_text(encoding="utf-8")
        (folder / f"{name}.toml").write_text(_placed(text, words))


EVOLVING: Final = {"script.toml": "evolve/script.toml", "suite": "evolve/suite"}
EXPLORING: Final = """\
tasks = "tasks"
[models.teacher]
model = "teacher"
base_url = "script:script.toml"
"""


def _placed(text: str, places: Mapping[str, str]) -> str:
    """Let a spec of a demo name the demo's files from wherever it lies."""
    for name, place in places.items():
        text = text.replace(f'"script:{name}"', f'"script:{DEMO / place}"').replace(f'"{name}"', f'"{DEMO / place}"')
    arms = 'arms = ["no_skill", "curated_static", "mine"]\nenvironments = ["E1"]\n'
    mine = '\n[evolve.custom.mine]\nbase = "curated_with_revision_always"\n'
    return re.sub(r"^arms = \[.*?^\]\n", arms + mine, text, flags=re.MULTILINE | re.DOTALL)


def trained(folder: Path) -> str:
    """Look up the last training."""
    return [row["run"] for row in type_in(folder, "runs", "--json").rows if row["program"] == "train"][-1]


def accepted(folder: Path) -> str:
    """Look up where a skill was accepted last."""
    with closing(sqlite3.connect(folder / ".stillroom" / "log.db")) as log:
        (found,) = log.execute("SELECT max(position) FROM log WHERE tag = 'skill.accepted'").fetchone()
    return str(found)


AUDIT: Final = "skills audit skills/greet --tasks tasks --model openai/NAME --repeats 3"
_LATEST: Final = {"RUN": "@latest", "openai/NAME": "script:script.toml"}

EXECUTED: Final[Mapping[str, Stage]] = {
    "README.md": Stage(
        workshop,
        {**_LATEST, "DIR": str(SPARK)},
        {
            "run run.toml --agent codex": "codex comes through npm: tests/engine/agents/installed",
            "agents replay greet/1": "it is of that run",
            "demo evolve": "a minute: docs/evolve-demo.md",
        },
    ),
    "docs/evaluate.md": Stage(workshop, {**_LATEST, "NAME": "questions"}),
    "docs/evolve.md": Stage(
        workshop,
        {
            **_LATEST,
            "COURSE/SCOPE/NAME": "mine/E1/average-weights",
            "COURSE/SCOPE/NAME@2": "mine/E1/average-weights@2",
            "TRIAL": "curated_static.E1/average-weights-adversarial/1",
        },
        codes={"evolve evolve.toml --resume": ExitCode.USAGE},  # the one before it has ended
    ),
    "docs/replay.md": Stage(beside_imports, _LATEST),
    "docs/cheating.md": Stage(explored),
    "docs/log-format.md": Stage(explored),
    "docs/retries.md": Stage(explored, {**_LATEST, "TRIAL/2": "merge-settings/2"}),
    "docs/skills.md": Stage(
        workshop,
        {**_LATEST, "greet": "errors-per-hour"},
        codes={f"{AUDIT} --yes": ExitCode.DONE, AUDIT: ExitCode.USAGE},  # it says how to start what it counted
    ),
    "docs/train.md": Stage(
        workshop,
        {**_LATEST, "data/searchqa": "questions", "RUN": trained, "run:RUN/NAME": "run:@latest/jar-labels", "POSITION": accepted},
    ),
}
