"""Stories of what a task wants kept."""

from sandbox.harbor.schema import Artifact
from sandbox.harbor.task import load_task
from sandbox.verification.artifacts import restore, taken
from sandbox.verification.verifier import Rewarded, verify
from tests.sandbox.conftest import OpenTask, WriteTask


async def test_files_and_folders_are_kept_and_what_is_missing_fails_nothing(
    open_task: OpenTask, write_task: WriteTask
) -> None:
    """By their absolute paths, without what the task leaves out; the folder for artifacts is always kept."""
    text = 'artifacts = ["/app/answer.txt", { source = "/app/out", exclude = ["*.tmp"] }, "/not/there"]\n'
    task = load_task(write_task({"task.toml": text}))
    sandbox = await open_task(task)
    await sandbox.exec(
        "echo 42 > answer.txt; mkdir out; echo a > out/a; echo b > out/b.tmp; echo c > /logs/artifacts/c"
    )
    found = await verify(sandbox, task)
    assert isinstance(found, Rewarded)
    kept = {entry.path: entry.data for entry in found.evidence.artifacts}
    assert kept == {"/app/answer.txt": b"42\n", "/app/out/a": b"a\n", "/logs/artifacts/c": b"c\n"}


async def test_artifacts_are_put_where_they_were(open_task: OpenTask, write_task: WriteTask) -> None:
    """What a verifier in a sandbox of its own is given."""
    sandbox = await open_task(load_task(write_task()))
    await sandbox.exec("mkdir out; echo '#!/bin/sh' > out/run; chmod 755 out/run")
    kept = await taken(sandbox, (Artifact("/app/out"),))
    await sandbox.exec("rm -rf out")
    await restore(sandbox, kept)
    assert (await sandbox.exec("stat -c %a out/run; cat out/run")).stdout == b"755\n#!/bin/sh\n"
