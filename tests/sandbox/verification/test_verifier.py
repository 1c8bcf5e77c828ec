"""What a verification comes to, file by file as Harbor 0.24 was seen to do, but for what is said here."""

import pytest

from sandbox.errors import SandboxLost
from sandbox.harbor.task import load_task
from sandbox.harbor.templates import TemplateUnresolved
from sandbox.verification.verifier import Rewarded, VerdictMissing, VerifierBroken, verify
from tests.sandbox.conftest import OpenTask, WriteTask

REWARDED = {
    "a number in the text": ("echo ' 0.5 ' > reward.txt", {"reward": 0.5}),
    "an object": ('echo \'{"reward": 0.25, "style": 1}\' > reward.json', {"reward": 0.25, "style": 1.0}),
    "a text beside parts of it": (
        'echo 0.5 > reward.txt; echo \'{"style": 1, "speed": 0}\' > reward.json',
        {"style": 1.0, "speed": 0.0, "reward": 0.5},
    ),
    "the object wins": ("echo 0 > reward.txt; echo '{\"reward\": 1}' > reward.json", {"reward": 1.0}),
    "one of another name": ("echo '{\"accuracy\": 0.75}' > reward.json", {"accuracy": 0.75}),
    "true is one": ("echo '{\"reward\": true}' > reward.json", {"reward": 1.0}),
    "false is zero": ("echo '{\"reward\": false}' > reward.json", {"reward": 0.0}),
    "below zero": ("echo -1 > reward.txt", {"reward": -1.0}),
    "the exit code has no say": ("echo 1 > reward.txt; exit 3", {"reward": 1.0}),
}
NO_VERDICT = {
    "nothing": ("true", "no_reward_file"),
    "an empty text": (": > reward.txt", "empty_reward_file"),
    "an empty object file": (": > reward.json; echo 1 > reward.txt", "empty_reward_file"),
    "a word": ("echo passed > reward.txt", "malformed_reward"),
    "not a number": ("echo NaN > reward.txt", "malformed_reward"),
    "infinity": ("echo inf > reward.txt", "malformed_reward"),
    "infinity in an object": ("echo '{\"reward\": 1e999}' > reward.json", "malformed_reward"),
    "a text in an object": ('echo \'{"reward": "1"}\' > reward.json', "malformed_reward"),
    "null in an object": ("echo '{\"reward\": null}' > reward.json", "malformed_reward"),
    "a bare number as JSON": ("echo 1 > reward.json", "malformed_reward"),
    "no numbers": ("echo '{}' > reward.json", "malformed_reward"),
    "broken JSON": ("echo '{' > reward.json", "malformed_reward"),
    "a link": ("echo 1 > /app/r; ln -s /app/r reward.txt", "malformed_reward"),
    "several without a main one": ('echo \'{"a": 1, "b": 0}\' > reward.json', "ambiguous_reward"),
    "several, and a word beside them": (
        'echo \'{"a": 1, "b": 0}\' > reward.json; echo passed > reward.txt',
        "ambiguous_reward",
    ),
}


def _script(body: str) -> dict[str, str]:
    return {"tests/test.sh": f"#!/bin/bash\ncd /logs/verifier\n{body}\n"}


@pytest.mark.slow
@pytest.mark.parametrize(("body", "rewards"), REWARDED.values(), ids=[each.replace(" ", "-") for each in REWARDED])
async def test_the_verifier_speaks(
    body: str, rewards: dict[str, float], open_task: OpenTask, write_task: WriteTask
) -> None:
    """Finite numbers by name, and one that counts."""
    task = load_task(write_task(_script(body)))
    found = await verify(await open_task(task), task)
    assert isinstance(found, Rewarded), found
    assert found.rewards == rewards
    assert found.reward == rewards.get("reward", next(iter(rewards.values())))


@pytest.mark.slow
@pytest.mark.parametrize(("body", "reason"), NO_VERDICT.values(), ids=[each.replace(" ", "-") for each in NO_VERDICT])
async def test_the_verifier_does_not_speak(body: str, reason: str, open_task: OpenTask, write_task: WriteTask) -> None:
    """No verdict is not a score of zero, and says why."""
    task = load_task(write_task(_script(body)))
    found = await verify(await open_task(task), task)
    assert isinstance(found, VerdictMissing), found
    assert found.reason == reason


async def test_a_reward_before_a_timeout_does_not_count(open_task: OpenTask, write_task: WriteTask) -> None:
    """The tests had not ended: what they wrote so far may be only a beginning."""
    files = {**_script("echo 1 > reward.txt; echo began; sleep 1000"), "task.toml": "[verifier]\ntimeout_sec = 3.0\n"}
    task = load_task(write_task(files))
    found = await verify(await open_task(task), task)
    assert isinstance(found, VerdictMissing)
    assert (found.reason, found.evidence.stdout) == ("timed_out", b"began\n")


async def test_windows_line_ends_are_mended(open_task: OpenTask, write_task: WriteTask) -> None:
    """Harbor says only that there is no reward file; the cause, and what its author meant, are plain to see."""
    task = load_task(write_task({"tests/test.sh": "#!/bin/bash\r\necho 1 > /logs/verifier/reward.txt\r\n"}))
    found = await verify(await open_task(task), task)
    assert isinstance(found, Rewarded)
    assert [entry.path for entry in found.evidence.files] == ["reward.txt"]


async def test_servers_of_the_solution_live_on_and_those_of_an_agent_do_not(
    open_task: OpenTask, write_task: WriteTask
) -> None:
    """Many a task is solved by starting a server; nobody else's process may be there when the tests judge."""
    task = load_task(
        write_task(_script("grep -q sleep /proc/$(cat /app/pid)/cmdline && echo 1 > reward.txt || echo 0 > reward.txt"))
    )
    sandbox = await open_task(task)
    await sandbox.exec("sleep 1000 & echo $! > /app/pid")
    trusted = await verify(sandbox, task, trust="author")
    await sandbox.exec("sleep 1000 & echo $! > /app/pid")
    judged = await verify(sandbox, task)
    assert isinstance(trusted, Rewarded)
    assert isinstance(judged, Rewarded)
    assert (trusted.reward, judged.reward) == (1.0, 0.0)


async def test_a_working_folder_that_is_gone_is_named(open_task: OpenTask, write_task: WriteTask) -> None:
    """The agent removed it: no tests can run, and that is not the sandbox's fault."""
    task = load_task(write_task())
    sandbox = await open_task(task)
    await sandbox.exec("cd /; rm -rf /app")
    found = await verify(sandbox, task)
    assert isinstance(found, VerdictMissing)
    assert found.reason == "workdir_missing"


async def test_all_that_the_tests_left_is_kept(open_task: OpenTask, write_task: WriteTask) -> None:
    """Outputs apart and whole, every file, and the test report by itself."""
    body = "echo out; echo err >&2; echo '{}' > ctrf.json; mkdir d; printf '\\0' > d/x; echo 1 > reward.txt"
    task = load_task(write_task(_script(body)))
    found = await verify(await open_task(task), task)
    assert isinstance(found, Rewarded)
    kept = found.evidence
    assert (kept.stdout, kept.stderr, kept.exit_code, kept.ctrf) == (b"out\n", b"err\n", 0, b"{}\n")
    assert [entry.path for entry in kept.files] == ["ctrf.json", "d", "d/x", "reward.txt"]


async def test_the_tests_see_their_variables_and_run_in_the_working_folder(
    open_task: OpenTask, write_task: WriteTask
) -> None:
    """The image's, then the environment's, then the verifier's; templates from what was given, never from us."""
    task = load_task(
        write_task(
            {
                "task.toml": '[environment.env]\nB = "env"\nC = "env"\n[verifier.env]\nC = "${GIVEN}"\n'
                'D = "${NOT:-d}"\n',
                "environment/Dockerfile": "FROM debian\nENV A=image B=image\nWORKDIR /work\n",
                "tests/test.sh": '#!/bin/bash\necho "$A $B $C $D ${PWD##*/}"\necho 1 > /logs/verifier/reward.txt\n',
            }
        )
    )
    sandbox = await open_task(task)
    found = await verify(sandbox, task, env={"GIVEN": "given"})
    assert isinstance(found, Rewarded)
    assert found.evidence.stdout == b"image env given d work\n"
    with pytest.raises(TemplateUnresolved, match="GIVEN"):
        await verify(sandbox, task)


async def test_a_lost_sandbox_is_not_a_verdict(open_task: OpenTask, write_task: WriteTask) -> None:
    """Ours, and told apart from everything a task or an agent can do."""
    task = load_task(write_task())
    sandbox = await open_task(task)
    await sandbox.close()
    with pytest.raises(SandboxLost):
        await sandbox.exec("true")
    assert isinstance(await verify(sandbox, task), VerifierBroken)
