"""Where the commands of a page are typed: a folder with what the page takes for granted."""

import re
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from events.errors import ExitCode
from tests.architecture.source import ROOT
from tests.cli.terminal import machine, type_in
from tests.support.isolation import sandbox_here
from tests.support.quiz_runs import STUDENT, make_items
from tests.support.runs import SCRIPT, SKILL, make_base
from tests.support.suites import SuiteShape, write_suite

SPARK: Final = ROOT.parent / "shared" / "data" / "spark-trajectories"
SAMPLES: Final = ROOT.parent / "shared" / "data" / "skillopt" / "spreadsheetbench"
DEMO: Final = ROOT / "engine" / "demo"


class PageStage(NamedTuple):
    """What a page is executed in."""

    prepare: Callable[[Path], None]
    """Makes what lies in the folder before the first command."""
    words: Mapping[str, str | Callable[[Path], str]] = {}
    """What is typed in place of a word that stands for the reader's own. A function looks it up in the folder."""
    untried: Mapping[str, str] = {}
    """Beginnings of commands that are not typed, each with the reason."""
    codes: Mapping[str, int] = {}
    """Exit codes other than 0, by how the command begins."""
    environment: Mapping[str, str] = {}
    """Variables of the terminal."""
    needs: Path | None = None
    """What lies beside the repository; without it the page is skipped. None: nothing does."""

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
    (folder / "adopted").mkdir(exist_ok=True)
    outcome = type_in(folder, "demo", on=machine(folder))
    assert outcome.code == 0, outcome.err


def beside_imports(folder: Path) -> None:
    """Leave that log with the published runs of SPARK beside its own."""
    explored(folder)
    outcome = type_in(folder, "import", "spark", str(SPARK))
    assert outcome.code == 0, outcome.err


def nothing(folder: Path) -> None:
    """Leave the folder empty."""
    assert not list(folder.iterdir())


def with_trajectories(folder: Path) -> None:
    """Leave what the demo exports as trajectories, in the folder that the page names."""
    explored(folder)
    assert type_in(folder, "export", "atif", "@latest", "--to", "jobs/2026-01-31").code == 0
    one = next(folder.glob("jobs/2026-01-31/**/*.json"))
    (folder / "trajectory.json").write_bytes(one.read_bytes())


def with_keys(folder: Path) -> None:
    """Leave the workshop with the keys of a team and of an auditor, and an output that was given a skill."""
    workshop(folder)
    assert (
        type_in(folder, "evaluate", "--tasks", "tasks", "--skill", "skills/greet", "-m", "script:script.toml").code == 0
    )
    for name in ("team.key", "auditor"):
        assert type_in(folder, "log", "keygen", name).code == 0


def sealed(folder: Path) -> str:
    """Seal the log with the auditor's key."""
    return type_in(folder, "log", "seal", "--key", "auditor").out.strip()


def given(folder: Path) -> str:
    """Look up the digest of the first skill that an output was given."""
    (row,) = type_in(folder, "skills", "given", "skill/greet/1/1", "--json").rows
    return str(row["digest"])


def with_samples(folder: Path) -> None:
    """Leave the published samples of SpreadsheetBench, where the page has them."""
    (folder / "data").mkdir()
    (folder / "data" / "spreadsheetbench").symlink_to(SAMPLES)


def with_suite(folder: Path) -> None:
    """Lay a suite as SkillEvolBench's repository does: below `benchmark`."""
    write_suite(folder / "SkillEvolBench", SuiteShape(1, 1, nested=True))


def with_pdi(folder: Path) -> None:
    """Leave the demo's log and a spec that explores."""
    explored(folder)
    spec = (DEMO / "run.toml").read_text(encoding="utf-8")
    (folder / "spec.toml").write_text(_placed(spec, {"script.toml": "script.toml", "tasks": "tasks"}))


def workshop(folder: Path) -> None:
    """Leave what somebody has who begins, and the demo's log."""
    furnished(folder)
    explored(folder)


def furnished(folder: Path) -> None:
    """Leave tasks, a skill, questions, specs and a scripted model."""
    (folder / "adopted").mkdir()
    make_base(folder, SCRIPT + STUDENT.partition("\n\n")[2], "greet")
    skill = folder / "skills" / "greet" / "SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text(SKILL.replace("name: word", "name: greet"))
    make_items(folder / "questions")
    (folder / "audit.toml").write_text(AUDITING)
    for name, words in (("train", {"script.toml": "train/script.toml", "items": "train/items"}), ("evolve", EVOLVING)):
        text = (DEMO / name / f"{name}.toml").read_text(encoding="utf-8")
        (folder / f"{name}.toml").write_text(_placed(text, words))


AUDITING: Final = """\
program = "evaluate"
tasks = "tasks"
[models.teacher]
model = "teacher"
base_url = "script:script.toml"
"""
EVOLVING: Final = {"script.toml": "evolve/script.toml", "suite": "evolve/suite"}


def _placed(text: str, places: Mapping[str, str]) -> str:
    """Let a spec of a demo name the demo's files from wherever it lies."""
    for name, place in places.items():
        text = text.replace(f'"script:{name}"', f'"script:{DEMO / place}"').replace(f'"{name}"', f'"{DEMO / place}"')
    arms = 'arms = ["no_skill", "curated_static", "mine"]\nenvironments = ["E1"]\n'
    mine = '\n[evolve.custom.mine]\nbase = "curated_with_revision_always"\n'
    return re.sub(r"^arms = \[.*?^\]\n", arms + mine, text, flags=re.MULTILINE | re.DOTALL)


def trained(folder: Path) -> str:
    """Look up the last training."""
    found = [row["run"] for row in type_in(folder, "runs", "--json").rows if row["program"] == "train"]
    return str(found[-1])


def accepted(folder: Path) -> str:
    """Look up where a skill was accepted last."""
    with closing(sqlite3.connect(folder / ".stillroom" / "log.db")) as log:
        (found,) = log.execute("SELECT max(position) FROM log WHERE tag = 'skill.accepted'").fetchone()
    return str(found)


AUDIT: Final = "skills audit skills/greet --tasks tasks --model openai/NAME --repeats 3"
_LATEST: Final = {"RUN": "@latest", "openai/NAME": "script:script.toml"}

EXECUTED: Final[Mapping[str, PageStage]] = {
    "README.md": PageStage(
        furnished,
        {**_LATEST, "DIR": str(SPARK), "~/.claude/skills": "adopted", "NAME": "errors-per-hour"},
        {
            "run run.toml --agent codex": "codex comes through npm: tests/engine/agents/installed",
            "agents replay greet/1": "it is of that run",
            "demo evolve": "a minute: docs/evolve-demo.md",
            "demo construct": "half a minute: tests/cli/test_construct.py",
            "construct specs/": "needs a key: tests/cli/test_construct.py",
            "tasks prove constructed": "it follows on that one: tests/cli/test_construct.py",
            "init run.toml": "tests/cli/test_quick_start.py",
            "run explore --tasks DIR": "tests/cli/test_quick_start.py",
            "resume": "tests/cli/test_quick_start.py",
            "skills export NAME": "tests/cli/test_quick_start.py",
        },
        codes={"skills adopt": ExitCode.USAGE, "skills rollback": ExitCode.USAGE},  # nobody is there to be asked
        needs=SPARK,
    ),
    "docs/evaluate.md": PageStage(workshop, {**_LATEST, "NAME": "questions"}),
    "docs/construct.md": PageStage(
        workshop,
        {},
        {
            "construct weather.json": "needs a key: tests/cli/test_construct.py",
            "construct --variant-of": "needs a key: tests/cli/test_construct.py",
            "construct specs/": "needs a key: tests/cli/test_construct.py",
        },
    ),
    "docs/evolve.md": PageStage(
        workshop,
        {
            **_LATEST,
            "COURSE/SCOPE/NAME": "mine/E1/average-weights",
            "COURSE/SCOPE/NAME@2": "mine/E1/average-weights@2",
            "TRIAL": "curated_static.E1/average-weights-adversarial/1",
        },
        codes={"evolve evolve.toml --resume": ExitCode.USAGE},  # the one before it has ended
    ),
    "docs/replay.md": PageStage(beside_imports, _LATEST, needs=SPARK),
    "docs/cheating.md": PageStage(explored),
    "docs/log-format.md": PageStage(explored),
    "docs/retries.md": PageStage(explored, {**_LATEST, "TRIAL/2": "merge-settings/2"}),
    "docs/skills.md": PageStage(
        workshop,
        {**_LATEST, "greet": "errors-per-hour"},
        codes={f"{AUDIT} --yes": ExitCode.DONE, AUDIT: ExitCode.USAGE},  # it says how to start what it counted
    ),
    "docs/train.md": PageStage(
        workshop,
        {
            **_LATEST,
            "data/searchqa": "questions",
            "RUN": trained,
            "run:RUN/NAME": "run:@latest/jar-labels",
            "POSITION": accepted,
        },
    ),
    "docs/atif.md": PageStage(with_trajectories, {"atif-greet-1f0c9a2e:greet/1": "@latest:sales-by-region/1"}),
    "docs/evolve-demo.md": PageStage(
        nothing, _LATEST, {"what-if RUN --set evolve.resolved.curated_static": "tests/demo"}
    ),
    "docs/handover.md": PageStage(
        with_keys,
        {
            "greet": "errors-per-hour",
            "greet@2": "errors-per-hour@1",
            "sales-by-region/1": "skill/greet/1/1",
            "55e872fa4d22": given,
            "~/.claude/skills": "adopted",
        },
        codes={
            "skills adopt greet --to": ExitCode.USAGE,
            "skills rollback": ExitCode.USAGE,
        },  # nobody is there to be asked
    ),
    "docs/pictures.md": PageStage(
        with_keys,
        {**_LATEST, "NAME": "errors-per-hour", "$(cat seal.txt)": sealed},
        {} if find_spec("pyarrow") else {"export parquet": "pyarrow is not installed"},
    ),
    "docs/items.md": PageStage(
        with_samples,
        untried=dict.fromkeys(
            ("data materialize searchqa", "data materialize docvqa"),
            "rows that are not ours: tests/cli/test_data_materialize.py",
        ),
        needs=SAMPLES,
    ),
    "docs/pdi.md": PageStage(
        with_pdi,
        {
            **_LATEST,
            "examples/pdi/evaluate.toml": str(ROOT / "examples/pdi/evaluate.toml"),
            "../shared/data/spark-trajectories": str(SPARK),
            "TASK": "errors-per-hour",
            "RUN:TRIAL/1": "observe/errors-per-hour/1/1",
            "RUN:TRIAL/4": "observe/errors-per-hour/1/4",
        },
        # One trial of the demo has a model that cannot be reached.
        codes=dict.fromkeys(("run spec.toml", "evaluate examples/pdi/evaluate.toml"), ExitCode.NO_VERDICT),
        needs=SPARK,
    ),
    "docs/suites.md": PageStage(
        with_suite,
        {
            "path/to/SkillEvolBench": "SkillEvolBench",
            "path/to/SkillEvolBench/benchmark/tasks": "SkillEvolBench/benchmark/tasks",
            "local": lambda _: sandbox_here(),
        },
        untried={"tasks run path/to": "an image of one's own: tests/cli/test_suite.py"},
    ),
    "examples/train/README.md": PageStage(
        nothing,
        untried={
            "sets split examples/train/data": "the published sets are not ours to give: tests/cli/test_sets_split.py",
            "sets check examples/train/data": "the same: docs/items.md",
            "check examples/train/spreadsheetbench.toml": "the same: tests/cli/test_ready_specs.py",
            "train examples/train/spreadsheetbench.toml": "the same: tests/cli/test_ready_specs.py",
        },
    ),
}
ELSEWHERE: Final[Mapping[str, str]] = {
    "docs/quickstart-audit.md": "tests/docs/test_quickstarts.py",
    "docs/quickstart-embed.md": "tests/docs/test_quickstarts.py",
    "docs/quickstart-endpoint.md": "tests/docs/test_quickstarts.py",
    "docs/new-benchmark.md": "tests/cli/test_new_benchmark.py",
    "docs/trained-edits.md": "tests/cli/test_why_edits.py",
}
"""Pages that a test of their own executes."""
