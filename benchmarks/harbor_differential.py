"""The same tasks in Harbor itself and in Stillroom, both with the oracle on Docker: do they give the same rewards?

    python benchmarks/harbor_differential.py --harbor PATH [--tasks DIR] [--only NAME ...]

``PATH`` is the ``harbor`` program of a virtual environment of its own. Harbor is given each task in a job of its own,
since one task that it refuses ends the whole job. Known deviations have their reasons in ``docs/harbor.md``.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import anyio

CORNERS: Final = Path(__file__).parent.parent / "tests" / "harbor_corners"
_LIMIT_S: Final = 1800.0
"""Seconds for one program."""
_AT_ONCE: Final = 2
"""Jobs of Harbor at a time."""


class HarborVerdict(NamedTuple):
    """What one of them said of a task."""

    reward: float | None
    """None: there is no reward, or no one reward."""
    detail: str


async def ours(tasks: Path, names: Sequence[str]) -> dict[str, HarborVerdict]:
    """Run the oracle in Stillroom, on each of these tasks."""
    with tempfile.TemporaryDirectory() as folder:
        chosen = Path(folder) / "tasks"
        chosen.mkdir()
        for name in names:
            (chosen / name).symlink_to(tasks / name)
        words = [sys.executable, "-m", "cli", "tasks", "run", str(chosen), "--sandbox", "docker", "--json"]
        told = await run_words(words, Path(folder))
    rows = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    return {row["task"]: HarborVerdict(row["reward"], row["detail"]) for row in rows if row.get("kind") == "proof"}


async def asked_of_harbor(harbor: str, task: Path, agent: str = "oracle") -> HarborVerdict:
    """Run an agent that needs no model in Harbor, on one task."""
    with tempfile.TemporaryDirectory() as folder:
        words = [harbor, "run", "-y", "-q", "-p", str(task), "-a", agent, "--job-name", "job", "-o", folder]
        told = await run_words(words, Path(folder))
        results = list((Path(folder) / "job").glob("*/result.json"))
        if not results:
            return HarborVerdict(None, f"no trial: {' '.join(told.replace('│', ' ').split())[-100:]}")
        return _read(json.loads(results[0].read_text()))


def _read(result: dict[str, dict[str, dict[str, float] | str] | None]) -> HarborVerdict:
    exception = result.get("exception_info") or {}
    verdict = result.get("verifier_result") or {}
    rewards = verdict.get("rewards") or {}
    detail = str(exception.get("exception_type") or "")
    if not isinstance(rewards, dict) or not rewards:
        return HarborVerdict(None, detail)
    if len(rewards) > 1 and "reward" not in rewards:
        return HarborVerdict(None, f"{detail} {rewards}".strip())
    return HarborVerdict(float(rewards.get("reward", next(iter(rewards.values())))), detail)


async def run_words(words: list[str], folder: Path) -> str:
    """Run a program in a folder; give all that it printed."""
    with anyio.fail_after(_LIMIT_S):
        done = await anyio.run_process(words, check=False, cwd=folder, stderr=subprocess.STDOUT)
    return done.stdout.decode(errors="replace")


async def compare(harbor: str, tasks: Path, names: Sequence[str]) -> bool:
    """Run both and print a table.

    Returns:
        Whether they agree on every task.
    """
    mine = await ours(tasks, names)
    gate, yours = anyio.Semaphore(_AT_ONCE), dict[str, HarborVerdict]()

    async def ask(name: str) -> None:
        async with gate:
            yours[name] = await asked_of_harbor(harbor, tasks / name)

    async with anyio.create_task_group() as group:
        for name in names:
            group.start_soon(ask, name)
    print(f"| {'task':20} | {'ours':6} | {'harbor':6} | same? | said |")
    print(f"|{'-' * 22}|{'-' * 8}|{'-' * 8}|-------|------|")
    for name in names:
        a, b = mine.get(name, HarborVerdict(None, "not run")), yours[name]
        same = "yes" if a.reward == b.reward else "NO"
        said = "; ".join(f"{who}: {each.detail[:90]}" for who, each in (("ours", a), ("harbor", b)) if each.detail)
        print(f"| {name:20} | {_told(a):6} | {_told(b):6} | {same:5} | {' '.join(said.split())} |")
    return all(mine.get(name, HarborVerdict(None, "")).reward == yours[name].reward for name in names)


def _told(said: HarborVerdict) -> str:
    return "-" if said.reward is None else f"{said.reward:g}"


def main() -> None:
    """Read the flags, and end with 0 if both agree everywhere."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--harbor", required=True, help="the harbor program")
    parser.add_argument("--tasks", type=Path, default=CORNERS, help="folder of task folders")
    parser.add_argument("--only", nargs="*", default=[], help="names of tasks; all without it")
    given = parser.parse_args()
    tasks: Path = given.tasks.resolve()
    names = given.only or sorted(each.name for each in tasks.iterdir() if (each / "task.toml").is_file())
    sys.exit(0 if anyio.run(partial(compare, given.harbor, tasks, names)) else 1)


if __name__ == "__main__":
    main()
