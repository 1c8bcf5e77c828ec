"""Constructions for tests: the prompt specs of the demo, a scripted author, and sandboxes that only pretend."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import copytree
from typing import Any, Final

import msgspec
from typing_extensions import override

import engine
from engine.config.spec import RunSpec
from engine.scripted.reader import load_script
from engine.scripted.server import ScriptedEndpoint
from sandbox.archive import FileEntry
from sandbox.base import ExecResult, SandboxSpec
from tests.support.crashes import CrashMatrix
from tests.support.pretend import PretendBackend, PretendSandbox

DEMO: Final = Path(engine.__file__).parent / "demo" / "construct"
AUTHOR: Final = 'name = "author"\n[[rule]]\nname = "author"\nmodel = "author"\nfunction = "task-author"\n'
CRITIC: Final = '[[rule]]\nname = "critic"\nmodel = "critic"\nfunction = "task-critic"\n'
SUM: Final[dict[str, Any]] = {
    "title": "A sum",
    "instruction_md": "Add the numbers of `/root/numbers.txt`, one in each line, and write the sum to `/root/sum.txt`.",
    "output_path": "/root/sum.txt",
    "environment": {"base_image": "python:3.12-slim", "workdir": "/root"},
    "support_files": [{"relative_path": "numbers.txt", "content": "1\n2\n39\n"}],
    "oracle_python": (
        "numbers = map(int, open('/root/numbers.txt').read().split())\n"
        "open('/root/sum.txt', 'w').write(str(sum(numbers)))\n"
    ),
    "verifier": {
        "test_code": (
            "from pristine import fresh_data\n\n\ndef test_sum():\n"
            "    want = sum(map(int, (fresh_data() / 'numbers.txt').read_text().split()))\n"
            "    assert open('/root/sum.txt').read().strip() == str(want), 'another sum'\n"
        )
    },
}
"""A blueprint that nothing is wrong with."""
BRIEF: Final[dict[str, Any]] = {"prompt": "Have an agent add numbers.", "task_name_hint": "Add them!"}


def blueprint(**changes: Any) -> dict[str, Any]:
    """Change parts of a blueprint; tables are merged."""
    made: dict[str, Any] = json.loads(json.dumps(SUM))
    for key, value in changes.items():
        made[key] = {**made[key], **value} if isinstance(made.get(key), dict) and isinstance(value, dict) else value
    return made


def fixed(*answers: dict[str, Any] | str, revised: dict[str, Any] | None = None) -> str:
    """Write a script whose author gives these answers in turn, the last one again and again.

    Args:
        answers: To the first question, and where it is asked again.
        revised: The answer where something was found. None: as to the first question.
    """
    again = "" if revised is None else _rule("revised", (revised,), 'contains = ["# What was found"]\n')
    return 'name = "fixed"\n' + again + _rule("author", answers, "")


def _rule(name: str, answers: Sequence[dict[str, Any] | str], more: str) -> str:
    turns = []
    for number, answer in enumerate(answers, start=1):
        text = answer if isinstance(answer, str) else f"```json\n{json.dumps(answer)}\n```"
        repeat = "repeat = true\n" if number == len(answers) else ""
        turns.append(f"[[rule.turn]]\ntext = {json.dumps(text)}\n{repeat}")
    return f'[[rule]]\nname = "{name}"\nshell = false\n{more}' + "".join(turns)


def make_briefs(folder: Path, *briefs: Mapping[str, Any]) -> Path:
    """Write prompt specs into a folder: those of the demo where none is given."""
    if not briefs:
        copytree(DEMO / "specs", folder / "specs")
    for number, brief in enumerate(briefs):
        (folder / "specs").mkdir(exist_ok=True)
        (folder / "specs" / f"{number}.json").write_text(json.dumps(brief))
    return folder


def constructing(folder: Path, models: Mapping[str, Any] | None = None, **own: Any) -> RunSpec:
    """Ask for the construction of what stands in the folder of prompt specs."""
    script = {"base_url": "script:script.toml"}
    named = models or {"author": {"model": "author", **script}, "critic": {"model": "critic", **script}}
    spec = {
        "tasks": "",
        "program": "construct",
        "agent": {"name": "nop"},
        "concurrency": 6,
        "models": named,
        "own": {"specs": str(folder / "specs"), "output": str(folder / "out"), **own},
    }
    return msgspec.convert(spec, RunSpec)


class PretendProofSandbox(PretendSandbox):
    """Knows whether the solution was run, and nothing else."""

    _solved = False

    @override
    async def exec(self, command: str, **more: Any) -> ExecResult:
        if command == "/solution/solve.sh":
            self._solved = True
        if command == "/tests/test.sh":
            data = b"1" if self._solved else b"0"
            self._verdict = (FileEntry("reward.txt", "file", 0o644, data, None),)
        return ExecResult(0, b"", b"", "exited", 0, 0)


class PretendProofs(PretendBackend):
    """Makes such sandboxes."""

    @override
    async def open(self, spec: SandboxSpec) -> PretendProofSandbox:
        self.open_ids.add(spec.id)
        return PretendProofSandbox(spec, self.open_ids)


@asynccontextmanager
async def mortal(folder: Path, **own: Any) -> AsyncIterator[CrashMatrix]:
    """Say what is to be constructed in lives that end: two tasks, one of them after a revision, within a budget."""
    make_briefs(folder, BRIEF, {**BRIEF, "task_name_hint": "add more"})
    wrong = blueprint(verifier={"test_code": SUM["verifier"]["test_code"] + "def broken(:\n"})
    (folder / "script.toml").write_text(fixed(wrong, revised=SUM))
    async with ScriptedEndpoint(load_script(folder / "script.toml")) as endpoint:
        author = {"model": "author", "base_url": endpoint.base_url, "parameters": {"max_tokens": 100}}
        asked = constructing(folder, {"author": author}, critique=False, **own)
        prices = {"author": {"input": "1", "output": "1"}}
        extended = {**msgspec.to_builtins(asked), "prices": prices, "budget": {"run_usd": "1"}}
        yield CrashMatrix(folder, endpoint, PretendProofs, msgspec.convert(extended, RunSpec))
