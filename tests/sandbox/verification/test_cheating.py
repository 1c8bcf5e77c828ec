"""An agent that wants the reward and not the work. The task wants 42 in ``/app/answer.txt``; it writes none."""

import pytest

from sandbox.base import Sandbox, SandboxSpec
from sandbox.harbor.task import Task, load_task
from sandbox.local.backend import LocalBackend
from sandbox.verification.verifier import Rewarded, VerdictMissing, verify
from tests.sandbox.conftest import OpenTask, WriteTask

CHEATS = {
    "writes the reward beforehand": (
        "echo 1 > /logs/verifier/reward.txt; echo '{\"reward\": 1}' > /logs/verifier/reward.json"
    ),
    "leaves a process that rewrites the reward": (
        "(while :; do mkdir -p /logs/verifier; echo 1 > /logs/verifier/reward.txt; "
        "echo '{\"reward\": 1}' > /logs/verifier/reward.json; sleep 0.001; done) > /dev/null 2>&1 &"
    ),
    "detaches that process from its session": (
        "setsid bash -c 'while :; do echo 1 > /logs/verifier/reward.json; sleep 0.001; done' "
        "> /dev/null 2>&1 < /dev/null &"
    ),
    "puts a link in place of the folder": (
        "mkdir -p /app/mine && echo '{\"reward\": 1}' > /app/mine/reward.json && rm -rf /logs/verifier && "
        "ln -s /app/mine /logs/verifier"
    ),
    "puts a link in place of the folder above": (
        "mkdir -p /app/mine/verifier && echo '{\"reward\": 1}' > /app/mine/verifier/reward.json && rm -rf /logs && "
        "ln -s /app/mine /logs"
    ),
    "puts a file in place of the folder": "rm -rf /logs/verifier && echo 1 > /logs/verifier",
    "locks the folder": "echo '{\"reward\": 1}' > /logs/verifier/reward.json; chmod 000 /logs/verifier /logs",
    "edits the tests beforehand": (
        "mkdir -p /tests && printf '#!/bin/bash\\necho 1 > /logs/verifier/reward.txt\\n' > /tests/test.sh && "
        "chmod 555 /tests/test.sh /tests"
    ),
    "puts a link in place of the tests": "mkdir -p /app/t && rm -rf /tests && ln -s /app/t /tests",
    "leaves another reward file for the tests to miss": "echo '{\"reward\": 1}' > /logs/verifier/.reward.json",
}


@pytest.mark.slow
@pytest.mark.parametrize("cheat", CHEATS.values(), ids=[name.replace(" ", "-") for name in CHEATS])
async def test_a_cheat_earns_nothing(cheat: str, open_task: OpenTask, task: Task) -> None:
    """Whatever was prepared, the tests judge what is there: no answer, no reward."""
    sandbox = await open_task(task)
    await sandbox.exec(cheat)
    found = await verify(sandbox, task)
    assert isinstance(found, Rewarded), found
    assert found.reward == 0.0
    assert [entry.path for entry in found.evidence.files] == ["reward.txt"]


async def test_the_honest_answer_still_counts_after_all_cheats(open_task: OpenTask, task: Task) -> None:
    """The guards take away what was prepared, not the work."""
    sandbox = await open_task(task)
    for cheat in CHEATS.values():
        await sandbox.exec(cheat)
    await sandbox.exec("echo 42 > /app/answer.txt")
    found = await verify(sandbox, task)
    assert isinstance(found, Rewarded), found
    assert found.reward == 1.0


async def test_a_reward_written_beforehand_is_no_verdict_when_the_tests_are_silent(
    open_task: OpenTask, write_task: WriteTask
) -> None:
    """With tests that write nothing there is nothing, and not what the agent wrote."""
    silent = load_task(write_task({"tests/test.sh": "#!/bin/bash\ntrue\n"}))
    sandbox = await open_task(silent)
    await sandbox.exec("echo 1 > /logs/verifier/reward.txt; echo 1 > /logs/verifier/reward.json")
    found = await verify(sandbox, silent)
    assert isinstance(found, VerdictMissing)
    assert (found.reason, found.evidence.files) == ("no_reward_file", ())


async def test_a_process_of_the_tests_cannot_change_the_reward_afterwards(
    open_task: OpenTask, write_task: WriteTask
) -> None:
    """All are killed again before the files are read: two readings of one verification agree."""
    script = "#!/bin/bash\necho 0.25 > /logs/verifier/reward.txt\n(sleep 0.2; echo 1 > /logs/verifier/reward.txt) &\n"
    task = load_task(write_task({"tests/test.sh": script}))
    sandbox = await open_task(task)
    found = await verify(sandbox, task)
    assert isinstance(found, Rewarded)
    assert found.reward == 0.25
    assert await sandbox.read_file("/logs/verifier/reward.txt") == b"0.25\n"


async def test_the_solution_is_nowhere_to_be_found(confined: LocalBackend, task: Task) -> None:
    """Neither at its place in the container, nor at its place on the host, nor by a search of all files."""
    sandbox = await confined.open(SandboxSpec(id="thief", task=task))
    try:
        for place in ("/solution", "/tests", str(task.solution), str(task.path)):
            assert (await sandbox.exec(f"ls -A '{place}'")).stdout == b""
        search = await sandbox.exec("find / -xdev -name solve.sh -o -xdev -name task.toml 2>/dev/null")
        assert search.stdout == b""
    finally:
        await sandbox.close()


async def test_replacing_the_shell_for_the_verifier_does_not_work(confined: LocalBackend, task: Task) -> None:
    """The programs that the tests will run are not the agent's to replace, nor what they load."""
    sandbox = await confined.open(SandboxSpec(id="changeling", task=task))
    try:
        for attempt in _REPLACEMENTS:
            await sandbox.exec(attempt)
        found = await verify(sandbox, task)
        assert isinstance(found, Rewarded), found
        assert found.reward == 0.0
    finally:
        await sandbox.close()


_FAKE = "printf '#!/usr/bin/sh\\necho 1 > /logs/verifier/reward.txt\\n' > /app/fake; chmod 755 /app/fake; "
_REPLACEMENTS = (
    f"{_FAKE} mv /bin /bin.old; mkdir /bin; cp /app/fake /bin/bash",
    f"{_FAKE} cp /app/fake /usr/local/bin/cat; ln -sf /app/fake /usr/bin/bash",
    f"{_FAKE} mkdir -p ~/bin ~/.local/bin; cp /app/fake ~/bin/cat; cp /app/fake ~/.local/bin/cat",
    "echo /app/evil.so > /etc/ld.so.preload",
    "echo 'echo 1 > /logs/verifier/reward.txt; exit' | tee ~/.bashrc ~/.profile ~/.bash_profile",
    "mount --bind /app /usr; umount /etc",
)


async def test_a_python_start_up_file_of_the_agents_does_not_run_in_the_tests(
    open_task: OpenTask, write_task: WriteTask
) -> None:
    """A ``.pth`` file in the home is run by every Python; the verifier's Pythons do not look there."""
    look = "python3 -c 'import os; print(os.path.exists(\"/app/pwned\"))'"
    script = f"#!/bin/bash\n{look}\necho 0 > /logs/verifier/reward.txt\n"
    task = load_task(write_task({"tests/test.sh": script}))
    sandbox = await open_task(task)
    await _plant(sandbox)
    found = await verify(sandbox, task)
    assert isinstance(found, Rewarded)
    assert found.evidence.stdout == b"False\n"


async def _plant(sandbox: Sandbox) -> None:
    await sandbox.exec(
        "site=$(python3 -m site --user-site); mkdir -p $site; "
        "echo \"import os; open('/app/pwned', 'w')\" > $site/evil.pth; rm -f /app/pwned"
    )


def test_the_cheats_are_many() -> None:
    """A list that was emptied by accident would pass."""
    assert len(CHEATS) >= 10
