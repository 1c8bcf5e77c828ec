"""Stories of real sandboxes that are made again: each command needs what the one before it left behind."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.core.history import load_histories
from engine.runtime.replay_commands import held
from engine.runtime.run import resume_run, start_run
from events.base import Draft, Event
from events.digest import digest_of
from events.store.base import EventLog
from events.store.memory import MemoryLog
from events.types.attempt import AttemptAbandoned
from events.types.model import ModelAnswered
from events.types.sandbox import ActionAsked, ActionObserved, SandboxFailed, VerifyAsked
from events.types.session import ScopeStopped
from events.types.trial import AttemptConcluded, TaskAsked
from replay.crash.digests import trial_digests
from replay.rerun import rerun
from tests.engine.runtime.test_rebuild import REBUILD, rebuilt
from tests.engine.runtime.test_resume import answered, cut
from tests.support.runs import SCRIPT, make_base, setting, spec
from tests.support.worlds import Ticking

THREE = """\
[[rule.turn]]
command = "cp words.txt found.txt"
[[rule.turn]]
command = "wc -l < found.txt"
[[rule.turn]]
command = "test -f found.txt && mv found.txt answer.txt"
[[rule.turn]]
text = "DONE"
"""


async def lived(folder: Path) -> tuple[MemoryLog, Path, str]:
    """A run whose second attempt takes three commands, and that nobody disturbed."""
    base = make_base(folder)
    known, _, _ = SCRIPT.partition('[[rule.turn]]\ncommand = "cat words.txt')
    (base / "script.toml").write_text(known + THREE)
    log = MemoryLog(clock=Ticking())
    return log, base, (await start_run(await setting(log, base), spec(**REBUILD))).run


async def place_of(log: EventLog, run: str, kind: type[Event], nth: int) -> int:
    """Find the nth event of a kind in the second attempt."""
    history = (await load_histories(log, run)).by_stream["attempt/word/2"]
    return [each.position for each in history if isinstance(each.event, kind)][nth]


async def rewards(log: EventLog, run: str) -> Sequence[float | None]:
    """List what each attempt came to."""
    history = (await load_histories(log, run)).by_stream["trial/word"]
    return [each.event.outcome.reward for each in history if isinstance(each.event, AttemptConcluded)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "nth", "actions"),
    [(ActionObserved, 1, 2), (ModelAnswered, 3, 3), (ActionAsked, 2, 2), (VerifyAsked, 0, 3)],
)
async def test_what_commands_left_behind_is_there_again(
    kind: type[Event], nth: int, actions: int, tmp_path: Path
) -> None:
    """After an observation, after an answer, with a command and with the verifier in flight: the same bytes."""
    log, base, run = await lived(tmp_path)
    rest = await cut(log, await place_of(log, run, kind, nth))
    await resume_run(await setting(rest, base), run)
    assert [(each.stream, each.actions, each.differing) for each in await rebuilt(rest, run)] == [
        ("attempt/word/2", actions, ())
    ]
    assert await trial_digests(rest, run) == await trial_digests(log, run)
    assert await rewards(rest, run) == [0.0, 1.0]
    assert set((await answered(rest, run)).values()) == {1}
    assert (await rerun(rest, run)).complete


@pytest.mark.slow
async def test_a_task_that_has_changed_meanwhile_gives_the_attempt_up(tmp_path: Path) -> None:
    """Accepted by a person, but no longer what the model was told of; the next attempt begins anew."""
    log, base, run = await lived(tmp_path)
    rest = await cut(log, await place_of(log, run, ModelAnswered, 2))
    (base / "tasks/word/environment/words.txt").unlink()
    (base / "tasks/word/environment/words.txt").mkdir()
    await resume_run(await setting(rest, base), run, accept_changes=True)
    lost = (await load_histories(rest, run)).by_stream["attempt/word/2"]
    [stop] = [each.event for each in lost if isinstance(each.event, ScopeStopped)]
    assert "command 1 of 2, run again, ended with exit code 1, and not with exit code 0" in stop.detail
    assert isinstance(lost[-1].event, AttemptAbandoned)
    assert await rebuilt(rest, run) == []
    assert (await rerun(rest, run)).complete


async def test_a_sandbox_that_cannot_be_opened_again_gives_the_attempt_up(tmp_path: Path) -> None:
    """And says why; the stop is recorded, so that a rerun meets it too."""
    log, base, run = await lived(tmp_path)
    rest = await cut(log, await place_of(log, run, ActionObserved, 1))
    (base / "tasks/word/environment/Dockerfile").write_text("FROM debian:bookworm-slim\nRUN false\n")
    await resume_run(await setting(rest, base), run, accept_changes=True)
    lost = (await load_histories(rest, run)).by_stream["attempt/word/2"]
    [stop] = [each.event for each in lost if isinstance(each.event, ScopeStopped)]
    assert "no sandbox could be opened" in stop.detail
    assert (await rerun(rest, run)).complete


@pytest.mark.parametrize(
    ("follows", "beyond"),
    [
        ((ActionAsked(digest_of(b"ls"), None),), [None]),
        ((SandboxFailed("lost", "it broke"),), []),
        ((TaskAsked("word"),), ["task.asked"]),
    ],
    ids=["it stands", "it broke before", "something else was done in it"],
)
async def test_only_what_commands_did_is_done_again(
    follows: Sequence[Event], beyond: list[str | None], tmp_path: Path
) -> None:
    """A sandbox that broke while somebody looked is no loss of ours; and what cannot be repeated is not guessed."""
    log, _, run = await lived(tmp_path)
    history = (await load_histories(log, run)).by_stream["attempt/word/2"]
    seen = next(each for each in history if isinstance(each.event, ActionObserved))
    rest = await cut(log, seen.position)
    await rest.append(seen.stream, [Draft(event, None) for event in follows], expected_version=seen.version)
    found = held((await load_histories(rest, run)).by_stream["attempt/word/2"])
    assert [each.beyond for each in (found,) if each is not None] == beyond
