"""Constructed tasks in Harbor itself: does it take them, and score the solution and nobody as Stillroom's proof does?

    python benchmarks/harbor_constructed.py --harbor PATH [--tasks DIR]

``PATH`` is the ``harbor`` program of a virtual environment of its own. Without ``--tasks``, those of `demo construct`
are constructed first, in containers of debian:bookworm-slim. Harbor calls ``docker compose``: where the plugin is in a
folder of its own, `DOCKER_CONFIG` names it. Harbor is given copies with a network: on machines without
packet filters its Docker environment refuses every task that is closed off, which constructed ones are.
"""

import argparse
import json
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Final

import anyio

from benchmarks.harbor_differential import HarborVerdict, asked_of_harbor, run_words

DEMO: Final = Path(__file__).parent.parent / "engine" / "demo" / "construct"
_CLOSED: Final = "allow_internet = false"
_AGENTS: Final = ("oracle", "nop")


async def construct(folder: Path) -> Path:
    """Construct the tasks of the demo in containers; give the folder that they stand in."""
    words = [sys.executable, "-m", "cli", "construct", str(DEMO / "construct.toml"), "--sandbox", "docker", "--json"]
    words += ["--output", str(folder / "out"), "--set", "construct.base_image=debian:bookworm-slim"]
    await run_words(words, folder)
    return folder / "out"


async def proved(tasks: Path, folder: Path) -> dict[tuple[str, str], str]:
    """Prove tasks in containers; give what the steps of oracle and nop found."""
    words = [sys.executable, "-m", "cli", "tasks", "prove", str(tasks), "--sandbox", "docker", "--json"]
    rows = [json.loads(line) for line in (await run_words(words, folder)).splitlines() if line.startswith("{")]
    found = [row for row in rows if row.get("kind") == "task_proof"]
    return {(row["task"], each["step"]): each["state"] for row in found for each in row["findings"]}


async def compare(harbor: str, given: Path | None) -> bool:
    """Run both, and print a table.

    Returns:
        Whether Harbor gives the solution 1 and nobody 0 wherever the proof holds.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        tasks = await construct(folder) if given is None else given
        ours = await proved(tasks, folder)
        agree = bool(ours)
        for task in sorted(each for each in tasks.iterdir() if (each / "task.toml").is_file()):
            copy = folder / "open" / task.name
            shutil.copytree(task, copy)
            settings = (copy / "task.toml").read_text()
            (copy / "task.toml").write_text(settings.replace(_CLOSED, "allow_internet = true"))
            for agent in _AGENTS:
                said: HarborVerdict = await asked_of_harbor(harbor, copy, agent)
                held = ours.get((task.name, agent)) == "held"
                same = held == (said.reward == (1.0 if agent == "oracle" else 0.0))
                agree &= same
                print(
                    f"{task.name:28} {agent:7} ours {ours.get((task.name, agent))}, harbor {said.reward} {said.detail}"
                )
        return agree


def main() -> None:
    """Read the flags, and end with 0 if both agree everywhere."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--harbor", required=True, help="the harbor program")
    parser.add_argument("--tasks", type=Path, default=None, help="folder of task folders")
    given = parser.parse_args()
    sys.exit(0 if anyio.run(partial(compare, given.harbor, given.tasks)) else 1)


if __name__ == "__main__":
    main()
