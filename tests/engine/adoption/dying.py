"""Processes that adopt a skill and end by SIGKILL: ``python -m tests.engine.adoption.dying FOLDER``.

Each works in a folder of its own, named by the moment of its death; the last one lives. What each ended with is
printed.
"""

import os
import sys
from itertools import count
from pathlib import Path

from engine.testing.fault_injection import CrashSchedule
from replay.crash.child import killed
from tests.engine.adoption.workshop import FIRST, SECOND, adopt, adoptable, opened


def life(folder: Path, at: int) -> int:
    """Adopt a second revision in a process of its own; give what it ended with."""
    folder.mkdir()
    adopt(folder, FIRST, 1)
    child = os.fork()
    if child == 0:
        with opened(folder, CrashSchedule(at, killed)) as skills:
            skills.carry_out(skills.plan_adoption(*adoptable(SECOND, 2), replace=False))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    """Let one process after the other die a moment later, until one lives."""
    for at in count():
        end = life(Path(sys.argv[1]) / str(at), at)
        sys.stdout.write(f"{end}\n")
        sys.stdout.flush()
        if end == 0:
            return


if __name__ == "__main__":
    main()
