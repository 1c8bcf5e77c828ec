"""Tasks to be proved: a sound one, and others that are broken in one way each."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.support.isolation import isolates
from tests.support.runs import make_task

needs_isolation = pytest.mark.skipif(not isolates(), reason="proofs are refused where nothing isolates")

_JUDGED: Final = """\
#!/bin/sh
mkdir -p /logs/verifier
if [ "$(cat /app/answer.txt 2>/dev/null)" = "hello" ]; then echo 1; else echo 0; fi > /logs/verifier/reward.txt
"""


def _write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    if name.endswith(".sh"):
        (folder / name).chmod(0o755)


def sound(folder: Path) -> None:
    """Nothing is wrong with it."""
    make_task(folder)


def bad_oracle(folder: Path) -> None:
    """Its own solution writes another word."""
    make_task(folder)
    _write(folder, "solution/solve.sh", "#!/bin/sh\necho goodbye > /app/answer.txt\n")


def leaky_image(folder: Path) -> None:
    """Its build context has a copy of the solution, under another name."""
    make_task(folder)
    _write(folder, "environment/helper.sh", (folder / "solution/solve.sh").read_text())
    _write(
        folder,
        "environment/Dockerfile",
        "FROM debian:bookworm-slim\nWORKDIR /app\nCOPY words.txt /app/words.txt\nCOPY helper.sh /opt/helper.sh\n",
    )


def baked_answer(folder: Path) -> None:
    """Its image is built with the expected result in it, readable and writable (SPARK, task gen, H)."""
    make_task(folder)
    _write(
        folder,
        "environment/Dockerfile",
        "FROM debian:bookworm-slim\nWORKDIR /app\nCOPY words.txt /app/words.txt\n"
        "RUN cp /app/words.txt /app/.expected.txt\n",
    )
    _write(
        folder,
        "tests/test.sh",
        "#!/bin/sh\nif cmp -s /app/answer.txt /app/.expected.txt; then echo 1; else echo 0; fi"
        " > /logs/verifier/reward.txt\n",
    )


def unsteady_verifier(folder: Path) -> None:
    """Its verifier says otherwise when it is asked again."""
    make_task(folder)
    _write(
        folder,
        "tests/test.sh",
        _JUDGED + "[ -e /app/judged ] && echo 0.5 > /logs/verifier/reward.txt\n: > /app/judged\n",
    )


def nop_earns(folder: Path) -> None:
    """Its verifier is satisfied with anything."""
    make_task(folder)
    _write(folder, "tests/test.sh", "#!/bin/sh\necho 1 > /logs/verifier/reward.txt\n")


def reward_can_be_written(folder: Path) -> None:
    """Its verifier believes a reward that stands where the agent may write."""
    make_task(folder)
    believed = "[ -f /app/reward.txt ] && cp /app/reward.txt /logs/verifier/reward.txt\nexit 0\n"
    _write(folder, "tests/test.sh", _JUDGED + believed)


def tests_can_be_edited(folder: Path) -> None:
    """Its verifier runs a script of the agent's image."""
    make_task(folder)
    _write(folder, "environment/check.sh", _JUDGED)
    _write(
        folder,
        "environment/Dockerfile",
        "FROM debian:bookworm-slim\nWORKDIR /app\nCOPY words.txt check.sh /app/\n",
    )
    _write(folder, "tests/test.sh", "#!/bin/sh\nsh /app/check.sh\n")


def solution_lies_about(folder: Path) -> None:
    """Its image holds a script that solves it, though not the solution byte for byte."""
    make_task(folder)
    _write(folder, "environment/solve.sh", "#!/bin/sh\n# an older one\ncat /app/words.txt > /app/answer.txt\n")
    _write(
        folder,
        "environment/Dockerfile",
        "FROM debian:bookworm-slim\nWORKDIR /app\nCOPY words.txt /app/words.txt\nCOPY solve.sh /opt/old/solve.sh\n",
    )


BROKEN: Final[Mapping[str, Callable[[Path], None]]] = {
    "bad-oracle": bad_oracle,
    "leaky-image": leaky_image,
    "baked-answer": baked_answer,
    "unsteady-verifier": unsteady_verifier,
    "nop-earns": nop_earns,
    "reward-can-be-written": reward_can_be_written,
    "tests-can-be-edited": tests_can_be_edited,
    "solution-lies-about": solution_lies_about,
}
"""By name."""
FAILED: Final[Mapping[str, frozenset[str]]] = {
    "sound": frozenset(),
    "bad-oracle": frozenset({"oracle"}),
    "leaky-image": frozenset({"image"}),
    "baked-answer": frozenset({"image", "cheat_tests", "cheat_solution"}),
    "unsteady-verifier": frozenset({"repeat"}),
    "nop-earns": frozenset({"nop", "cheat_reward", "cheat_tests", "cheat_solution"}),
    "reward-can-be-written": frozenset({"cheat_reward"}),
    "tests-can-be-edited": frozenset({"cheat_tests"}),
    "solution-lies-about": frozenset({"cheat_solution"}),
}
"""Steps that find something, by task."""


def make_tasks(folder: Path, *names: str) -> Path:
    """Make tasks in a folder: those named, or all."""
    for name in names or FAILED:
        {**BROKEN, "sound": sound}[name](folder / name)
    return folder
