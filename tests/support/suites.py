"""Suites of the form that SkillEvolBench has, in a folder: all kinds of verifiers, and a binary fixture.

Each task has a file of bytes and wants their sum. Nothing is installed: whoever has Python can run them.
"""

from pathlib import Path
from textwrap import dedent
from typing import Final, Literal, NamedTuple

from events.types.suite import PHASES, ROLES

VerifierKind = Literal["rubric", "groups", "count", "javascript"]
"""rubric: ``score.py`` has weights. groups: each group of checks has the same weight. count: passed by total.
javascript: a rubric inside ``test.sh``, which needs node."""
KINDS: Final[tuple[VerifierKind, ...]] = ("rubric", "groups", "count")
_INSTALL: Final = "python3 -m pip install --no-cache-dir pytest==8.3.5 >/dev/null\n"


class SuiteShape(NamedTuple):
    """How large a suite is, and what it is made of."""

    environments: int = 2
    families: int = 2
    """Of each environment."""
    base: str = "agent-runtime:latest"
    """Image that tasks are built from."""
    release: str | None = "1.1"
    """None: no ``suite.toml``."""
    installs: bool = False
    """Whether tests install something first, as those of SkillEvolBench do."""
    kinds: tuple[VerifierKind, ...] = KINDS
    """Which verifiers tasks have, in turn."""
    internet: bool = False
    """Whether tasks ask for the network, as those of SkillEvolBench do."""
    nested: bool = False
    """Whether it lies below ``benchmark``, as in SkillEvolBench's repository."""


def write_suite(folder: Path, shape: SuiteShape = SuiteShape()) -> Path:  # noqa: B008 -- it is frozen
    """Write a suite; gives its folder. Kinds of verifiers alternate from task to task."""
    root = folder / "benchmark" if shape.nested else folder
    if shape.release is not None:
        _write(folder / "suite.toml", f'name = "sums"\nrelease = "{shape.release}"\n')
    number = 0
    for environment in range(1, shape.environments + 1):
        for family in range(1, shape.families + 1):
            _write_family(root, environment, family)
            for index in range(1, len(ROLES) + 1):
                _write_task(
                    root,
                    TaskPlace(environment, family, index, shape.families),
                    shape.kinds[number % len(shape.kinds)],
                    shape,
                )
                number += 1
    return folder


class TaskPlace(NamedTuple):
    """Where a task stands in the grid, from 1."""

    environment: int
    family: int
    role: int
    families: int

    @property
    def family_id(self) -> str:
        """Such as ``E1-LS2``."""
        return f"E{self.environment}-LS{self.family}"

    @property
    def slug(self) -> str:
        """Name of the family's folder."""
        return f"sum-{self.environment}-{self.family}"

    @property
    def skill(self) -> str:
        """Id of the family's skill."""
        return f"{self.family_id}.{self.slug}"

    @property
    def task(self) -> str:
        """Name of the task's folder."""
        return f"{self.slug}-{ROLES[self.role - 1]}"

    @property
    def needs(self) -> list[str]:
        """Ids of the skills that a composition needs."""
        other = self._replace(family=self.family % self.families + 1)
        return [] if self.role != len(ROLES) else sorted({self.skill, other.skill})

    @property
    def data(self) -> bytes:
        """The binary fixture: no text in any encoding."""
        return bytes([0, 255, 254, 128, self.environment, self.family, self.role]) * 3


def _write_family(root: Path, environment: int, family: int) -> None:
    place = TaskPlace(environment, family, 1, 1)
    ids = "\n".join(f"- {place.family_id}-T{index}" for index in range(1, len(ROLES) + 1))
    _write(
        root / "skills" / place.slug / "meta.yaml",
        f"schema_version: '1.0'\nfamily_id: {place.family_id}\nenvironment_id: E{environment}\n"
        f"latent_skill_id: {place.skill}\nslug: {place.slug}\nname: {place.slug}\n"
        f"description: Add up the bytes of a file.\ncurated_skill_path: SKILL.md\ncurated_skill_version: '1.0'\n"
        f"curated_skill_author: tests\ntask_ids:\n{ids}\n"
        "gap_1_summary: 'Bytes are unsigned: a byte above 127 is no negative number.'\n"
        "gap_2_summary: 'Empty files have the sum zero.'\n",
    )
    _write(
        root / "skills" / place.slug / "SKILL.md",
        f"---\nname: {place.slug}\ndescription: Add up bytes. Use it for files of bytes.\nmetadata:\n"
        f"  skill_id: {place.family_id}\n---\n\n# Adding bytes\n\n1. Open the file as bytes.\n2. Add them up.\n",
    )


def _write_task(root: Path, place: TaskPlace, kind: VerifierKind, shape: SuiteShape) -> None:
    folder = root / "tasks" / place.task
    _write(folder / "task.toml", _toml(place, internet=shape.internet))
    _write(folder / "task-spec.yaml", _spec(place))
    told = f"# {place.task}\n\nWrite the sum of the bytes of data.bin to answer.txt, with Python in sum.py."
    _write(folder / "instruction.md", told + "\n")
    _write(
        folder / "environment" / "Dockerfile",
        f"FROM {shape.base}\n\nWORKDIR /root/task\n\nCOPY . /root/task/\n\nRUN rm -f /root/task/Dockerfile\n",
    )
    (folder / "environment" / "data.bin").write_bytes(place.data)
    _write(folder / "environment" / "README.md", "The project.\n")
    _write(folder / "solution" / "solve.sh", _SOLUTION)
    for name, text in _verifier(kind, sum(place.data)).items():
        _write(folder / "tests" / name, text.replace("@INSTALL@\n", _INSTALL if shape.installs else ""))


def _toml(place: TaskPlace, *, internet: bool) -> str:
    role = ROLES[place.role - 1]
    return (
        f'version = "1.0"\n\n[metadata]\ntask_id = "{place.family_id}-T{place.role}"\n'
        f'environment = "sums-{place.environment}"\nskill_id = "{place.family_id}"\nskill = "{place.slug}"\n'
        f'split = "{PHASES[role]}"\nrole = "{role}"\ndifficulty = "easy"\ngap_exposure = "none"\n\n'
        "[verifier]\ntimeout_sec = 60.0\n"
        'env = { PROJECT_ROOT = "/root/task", HARBOR_LOG_DIR = "/logs/verifier" }\n\n'
        "[agent]\ntimeout_sec = 60.0\n\n"
        "[environment]\nbuild_timeout_sec = 900.0\ncpus = 1\nmemory_mb = 4096\nstorage_mb = 10240\n"
        f"allow_internet = {str(internet).lower()}\n"
    )


def _spec(place: TaskPlace) -> str:
    role, needs = ROLES[place.role - 1], place.needs
    composed = "none" if not needs else "within_family" if len(needs) == 1 else "cross_family"
    return (
        f"schema_version: '1.0'\ntask_id: {place.family_id}-T{place.role}\ntask_slug: {place.task}\n"
        f"environment_id: E{place.environment}\nfamily_id: {place.family_id}\nlatent_skill_id: {place.skill}\n"
        f"task_index: {place.role}\nrole: {role}\nphase: {PHASES[role]}\n"
        f"within_family_difficulty_rank: {place.role}\nharbor:\n  task_toml: task.toml\n"
        f"primary_skill: {place.skill}\nrequired_skills: {needs}\nrequired_skill_compose_order: {needs[::-1]}\n"
        f"composition_type: {composed}\ntrap_types: {'[generic_trap]' if role == 'adversarial' else '[]'}\n"
        "domain_group: sums\nreview_notes: []\n"
    )


_SOLUTION: Final = dedent("""\
    #!/bin/bash
    set -e
    cd /root/task
    printf 'print(sum(open("data.bin", "rb").read()))\\n' > sum.py
    python3 sum.py > answer.txt
    """)
_HEAD: Final = dedent("""\
    #!/bin/bash
    set -euo pipefail
    export SCRIPT_DIR="$(cd "$(dirname "$0")" && pwd)" PROJECT_ROOT="${PROJECT_ROOT:-/root/task}"
    export LOG_DIR="${HARBOR_LOG_DIR:-/logs/verifier}" PYTHONDONTWRITEBYTECODE=1
    mkdir -p "$LOG_DIR"
    @INSTALL@
    """)
_TESTS: Final = dedent("""\
    import os
    from pathlib import Path

    ROOT = Path(os.environ["PROJECT_ROOT"])


    class TestPublic:
        def test_p1_written(self):
            assert (ROOT / "answer.txt").is_file(), "answer.txt is missing"


    class TestHidden:
        def test_h1_sum(self):
            assert (ROOT / "answer.txt").read_text().strip() == "@SUM@", "it is not the sum"
    """)
_PROCESS: Final = dedent("""\
    import os
    from pathlib import Path

    ROOT = Path(os.environ["PROJECT_ROOT"])


    class TestProcess:
        def test_p1_program(self):
            assert (ROOT / "sum.py").is_file(), "sum.py is missing"
    """)
_SCORE: Final = dedent("""\
    from dataclasses import dataclass


    @dataclass
    class Dimension:
        name: str
        weight: float
        test_ids: list
        scoring: str = "proportional"


    RUBRIC = [
        Dimension(name="Public", weight=20.0, test_ids=["TestPublic::test_p1_"]),
        Dimension(name="Sum", weight=50.0, test_ids=["test_h1_"], scoring="all_or_nothing"),
        Dimension(name="Process", weight=30.0, test_ids=["TestProcess"]),
    ]


    def compute_score(results):
        rows, total = [], 0.0
        for each in RUBRIC:
            marks = [ok for node, ok in results.items() if any(p.lower() in node.lower() for p in each.test_ids)]
            ratio = sum(marks) / len(marks) if marks else 0.0
            if each.scoring == "all_or_nothing":
                ratio = float(ratio == 1.0)
            total += each.weight * ratio
            rows.append({"name": each.name, "weight": each.weight, "tests_matched": len(marks),
                         "tests_passed": sum(marks), "scoring": each.scoring, "ratio": round(ratio, 3),
                         "score": round(each.weight * ratio, 2)})
        return {"total_score": round(total, 2), "max_score": 100.0, "dimensions": rows}
    """)
_RUN_RUBRIC: Final = dedent("""\
    python3 - <<'PY'
    import importlib.util, json, os
    from pathlib import Path

    here, logs = Path(os.environ["SCRIPT_DIR"]), Path(os.environ["LOG_DIR"])


    def load(name):
        spec = importlib.util.spec_from_file_location(name, here / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        import sys
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module


    def run(name):
        module, found = load(name), {}
        for kind in [value for key, value in vars(module).items() if key.startswith("Test")]:
            for test in [each for each in dir(kind) if each.startswith("test_")]:
                try:
                    getattr(kind(), test)()
                    found[f"{name}.py::{kind.__name__}::{test}"] = ""
                except Exception as error:
                    found[f"{name}.py::{kind.__name__}::{test}"] = f"{type(error).__name__}: {error}"[:500]
        return found


    def report(found):
        groups = {}
        for node, error in found.items():
            group = groups.setdefault("hidden" if "hidden" in node.lower() else "public", [])
            group.append({"name": node.split("::")[-1], "passed": not error, "error": error})
        return {name: {"total": len(rows), "passed": sum(row["passed"] for row in rows), "results": rows}
                for name, rows in groups.items()}


    outcome, process = run("test_outcome"), run("test_process")
    score = load("score").compute_score({node: not error for node, error in {**outcome, **process}.items()})
    (logs / "outcome_report.json").write_text(json.dumps(report(outcome)))
    (logs / "process_report.json").write_text(json.dumps(report(process)))
    (logs / "score_report.json").write_text(json.dumps(score))
    share = score["total_score"] / score["max_score"]
    (logs / "reward.txt").write_text(f"{share:.6f}\\n")
    (logs / "reward.json").write_text(json.dumps({
        "total_score": score["total_score"], "max_score": 100.0, "normalized_score": share,
        "outcome_passed": float(not any(outcome.values())), "process_passed": float(not any(process.values()))}))
    PY
    """)
_CHECKS: Final = dedent("""\
    import os
    from pathlib import Path

    from verifier_lib.runtime import emit_report, run_checks

    ROOT = Path(os.environ["PROJECT_ROOT"])


    def _written():
        assert (ROOT / "answer.txt").is_file(), "answer.txt is missing"


    def _sum():
        assert (ROOT / "answer.txt").read_text().strip() == "@SUM@", "it is not the sum"


    def run():
        public = run_checks("public", [("written", _written)])
        hidden = run_checks("hidden", [("sum", _sum)])
        return emit_report("T", public, hidden)
    """)
_PROCESS_CHECKS: Final = dedent("""\
    import os
    from pathlib import Path

    from verifier_lib.runtime import emit_report, run_checks

    ROOT = Path(os.environ["PROJECT_ROOT"])


    def _program():
        assert (ROOT / "sum.py").is_file(), "sum.py is missing"


    def run():
        public = run_checks("public", [("program", _program)])
        hidden = run_checks("hidden", [("reads_bytes", lambda: '"rb"' in (ROOT / "sum.py").read_text())])
        return emit_report("T", public, hidden)
    """)
_RUN_GROUPS: Final = dedent("""\
    python3 - <<'PY'
    import importlib.util, json, os, sys, types
    from pathlib import Path

    here, logs = Path(os.environ["SCRIPT_DIR"]), Path(os.environ["LOG_DIR"])
    runtime = types.ModuleType("verifier_lib.runtime")


    def run_checks(section, checks):
        rows = []
        for name, check in checks:
            try:
                ok, error = check() is not False, None
            except Exception as failed:
                ok, error = False, f"{type(failed).__name__}: {failed}"
            rows.append({"name": name, "passed": ok, "detail": None, "error": error})
        return {"section": section, "results": rows, "passed": sum(row["passed"] for row in rows), "total": len(rows)}


    runtime.run_checks = run_checks
    runtime.emit_report = lambda task, public, hidden, notes=None: {
        "task_id": task, "public": public, "hidden": hidden, "notes": notes or []}
    sys.modules["verifier_lib"], sys.modules["verifier_lib.runtime"] = types.ModuleType("verifier_lib"), runtime


    def load(name):
        spec = importlib.util.spec_from_file_location(name, here / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.run()


    def _group_to_dimension(name, group, weight):
        ratio = group["passed"] / group["total"]
        return {"name": name, "weight": round(weight, 2), "tests_matched": group["total"],
                "tests_passed": group["passed"], "scoring": "proportional", "ratio": round(ratio, 3),
                "score": round(weight * ratio, 2)}


    reports = {side: load(f"test_{side}") for side in ("outcome", "process")}
    groups = [(f"{side}_{name}", report[name]) for side, report in reports.items() for name in ("public", "hidden")
              if report[name]["total"]]
    rows = [_group_to_dimension(name, group, 100.0 / len(groups)) for name, group in groups]
    total = round(sum(row["score"] for row in rows), 2)
    for side, report in reports.items():
        (logs / f"{side}_report.json").write_text(json.dumps(report))
    (logs / "score_report.json").write_text(json.dumps({"total_score": total, "max_score": 100.0, "dimensions": rows}))
    (logs / "reward.txt").write_text(f"{total / 100:.6f}\\n")
    (logs / "reward.json").write_text(json.dumps({"total_score": total, "max_score": 100.0}))
    PY
    """)
_RUN_JAVASCRIPT: Final = dedent("""\
    node <<'NODE'
    const fs = require('fs');
    const path = require('path');
    const root = process.env.PROJECT_ROOT;
    const logs = process.env.LOG_DIR;
    const results = {};
    function runTest(found, nodeid, check) {
      try { check(); found[nodeid] = { nodeid, outcome: 'passed' }; }
      catch (error) { found[nodeid] = { nodeid, outcome: 'failed', error: String(error) }; }
    }
    function report(found) {
      const groups = {};
      for (const each of Object.values(found)) {
        const name = each.nodeid.toLowerCase().includes('hidden') ? 'hidden' : 'public';
        groups[name] = groups[name] || { total: 0, passed: 0, results: [] };
        const passed = each.outcome === 'passed';
        groups[name].total += 1;
        groups[name].passed += passed ? 1 : 0;
        groups[name].results.push({ name: each.nodeid.split('::').pop(), passed, error: each.error || '' });
      }
      return groups;
    }
    const outcome = {};
    const made = {};
    const answer = path.join(root, 'answer.txt');
    runTest(outcome, 'test_outcome.py::TestPublic::test_p1_written', () => {
      if (!fs.existsSync(answer)) throw new Error('answer.txt is missing');
    });
    runTest(outcome, 'test_outcome.py::TestHidden::test_h1_sum', () => {
      if (fs.readFileSync(answer, 'utf8').trim() !== '@SUM@') throw new Error('it is not the sum');
    });
    runTest(made, 'test_process.py::TestProcess::test_p1_program', () => {
      if (!fs.existsSync(path.join(root, 'sum.py'))) throw new Error('sum.py is missing');
    });
    const rubric = [
      ['Public', 20.0, ['TestPublic::test_p1_'], 'proportional'],
      ['Sum', 50.0, ['test_h1_'], 'all_or_nothing'],
      ['Process', 30.0, ['TestProcess'], 'proportional'],
    ];
    const all = Object.assign({}, outcome, made);
    let total = 0;
    const dimensions = rubric.map(([name, weight, patterns, scoring]) => {
      const found = Object.values(all).filter((each) => patterns.some((p) => each.nodeid.includes(p)));
      const passed = found.filter((each) => each.outcome === 'passed').length;
      const ratio = found.length ? passed / found.length : 0;
      total += weight * ratio;
      return { name, weight, matched: found.length, passed, scoring, ratio, score: weight * ratio };
    });
    fs.writeFileSync(path.join(logs, 'outcome_report.json'), JSON.stringify(report(outcome)));
    fs.writeFileSync(path.join(logs, 'process_report.json'), JSON.stringify(report(made)));
    const scored = { total_score: total, max_score: 100.0, dimensions };
    fs.writeFileSync(path.join(logs, 'score_report.json'), JSON.stringify(scored));
    fs.writeFileSync(path.join(logs, 'reward.txt'), `${(total / 100).toFixed(6)}\\n`);
    fs.writeFileSync(path.join(logs, 'reward.json'), JSON.stringify({ total_score: total, max_score: 100.0 }));
    NODE
    """)
_RUN_COUNT: Final = dedent("""\
    python3 - <<'PY'
    import importlib.util, json, os
    from pathlib import Path

    here, logs = Path(os.environ["SCRIPT_DIR"]), Path(os.environ["LOG_DIR"])
    rows = {}
    for side in ("outcome", "process"):
        spec = importlib.util.spec_from_file_location(side, here / f"test_{side}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        rows[side] = []
        for name, kind in sorted(vars(module).items()):
            if name.startswith("Test"):
                for test in [each for each in dir(kind) if each.startswith("test_")]:
                    try:
                        getattr(kind(), test)()
                        rows[side].append({"name": f"{name}.{test}", "passed": True})
                    except Exception as error:
                        rows[side].append({"name": f"{name}.{test}", "passed": False, "error": str(error)})
    counts = {side: (sum(row["passed"] for row in found), len(found)) for side, found in rows.items()}
    for side, found in rows.items():
        passed, total = counts[side]
        text = json.dumps({"public": {"passed": passed, "total": total, "results": found}})
        (logs / f"{side}_report.json").write_text(text)
    passed, total = (sum(pair[i] for pair in counts.values()) for i in (0, 1))
    reward = round(passed / total, 4)
    (logs / "reward.txt").write_text(f"{reward:.4f}\\n")
    (logs / "score_report.json").write_text(json.dumps({"passed": passed, "total": total, "reward": reward,
        "dimensions": [{"name": side, "weight": 0.5, "tests_matched": total, "tests_passed": passed,
                        "ratio": round(passed / total, 4), "score": round(0.5 * passed / total, 4)}
                       for side, (passed, total) in counts.items()]}))
    PY
    """)


def _verifier(kind: VerifierKind, wanted: int) -> dict[str, str]:
    tests, process = (_CHECKS, _PROCESS_CHECKS) if kind == "groups" else (_TESTS, _PROCESS)
    bodies = {"rubric": _RUN_RUBRIC, "groups": _RUN_GROUPS, "count": _RUN_COUNT, "javascript": _RUN_JAVASCRIPT}
    files = {
        "test.sh": (_HEAD + bodies[kind]).replace("@SUM@", str(wanted)),
        "test_outcome.py": tests.replace("@SUM@", str(wanted)),
        "test_process.py": process,
    }
    return files | ({"score.py": _SCORE} if kind == "rubric" else {})


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
