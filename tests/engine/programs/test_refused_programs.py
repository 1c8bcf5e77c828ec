"""Stories of programs whose calls are refused, whichever role's: each stops at once, and a resume ends it."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from engine.config.spec import RunSpec
from engine.core.errors import CallsRefused, ProviderUnreachable
from engine.runtime.context import RunContext
from engine.runtime.run import resume_run, start_run
from events.errors import ExitCode
from events.store.base import EventLog
from events.store.memory import MemoryLog
from events.types.attempt import AttemptAbandoned
from events.types.construction import ConstructionClosed
from events.types.evolution import LibraryClosed
from events.types.model import ModelFailed
from events.types.run import RunClosed
from events.types.session import CallLeftOpen
from replay.rerun import rerun
from tests.engine.gateway.test_refused_calls import closed_port
from tests.engine.runtime.test_refusals import events_of, only_run
from tests.support.constructing import BRIEF, SUM, PretendProofs, constructing, fixed, make_briefs
from tests.support.evolving import evolution, pretending, sums
from tests.support.orders import CountingClock

NO_KEY: Final = '[[rule]]\nname = "no"\nmodel = "{}"\n[[rule.turn]]\nerror = "authentication"\nrepeat = true\n'


class ProgramStory(NamedTuple):
    """A program, whose models are scripts, and how it is run without a sandbox of its own."""

    spec: RunSpec
    means: Callable[[EventLog], RunContext]


def evolved(folder: Path, url: str) -> ProgramStory:
    """An arm that learns from its trials, and measures."""
    sums(folder)
    spec = evolution("curated_with_revision_always", url=url)
    return ProgramStory(spec, lambda log: pretending(log, folder))


def constructed(folder: Path, url: str) -> ProgramStory:
    """Two tasks, each written by the author and looked through by the critic."""
    make_briefs(folder, BRIEF, {**BRIEF, "task_name_hint": "add more"})
    author, critic = (f'[[rule]]\nname = "{role}"\n' for role in ("author", "critic"))
    criticised = f'{critic}model = "critic"\nfunction = "task-critic"\n{author}'
    (folder / "script.toml").write_text(fixed(SUM).replace(author, criticised))
    models = {role: {"model": role, "base_url": url} for role in ("author", "critic")}
    spec = constructing(folder, models)
    return ProgramStory(spec, lambda log: pretending(log, folder)._replace(backend=PretendProofs()))


@pytest.mark.parametrize(
    ("lay", "role"),
    [(evolved, "solver"), (evolved, "author"), (constructed, "author"), (constructed, "critic")],
    ids=["evolve: solver", "evolve: author", "construct: author", "construct: critic"],
)
async def test_a_wrong_key_of_any_role_stops_the_program_and_a_resume_ends_it(
    lay: Callable[[Path, str], ProgramStory], role: str, tmp_path: Path
) -> None:
    """One remedy, which names the role; what the others answered is kept; nothing that was refused is an outcome."""
    story = lay(tmp_path, "script:script.toml")
    good = (tmp_path / "script.toml").read_text()
    head, _, rules = good.partition("\n")
    (tmp_path / "script.toml").write_text(head + "\n" + NO_KEY.format(role) + rules)
    log = MemoryLog(clock=CountingClock())
    with pytest.raises(CallsRefused) as caught:
        await start_run(story.means(log), story.spec)
    run = await only_run(log)
    assert caught.value.exit_code == ExitCode.SETTINGS
    assert f"models.{role}.api_key_env" in caught.value.remedy
    assert f"stillroom resume {run}" in caught.value.remedy
    assert {each.model for each in await events_of(log, CallLeftOpen)} == {role}
    for kind in (ConstructionClosed, LibraryClosed, RunClosed, ModelFailed, AttemptAbandoned):
        assert not await events_of(log, kind)

    (tmp_path / "script.toml").write_text(good)
    await resume_run(story.means(log), run, accept_changes=True)
    (closed,) = await events_of(log, RunClosed)
    assert closed.no_verdict == 0
    assert not [*await events_of(log, ModelFailed), *await events_of(log, AttemptAbandoned)]
    assert (await rerun(log, run)).complete


@pytest.mark.parametrize("lay", [evolved, constructed], ids=["evolve", "construct"])
async def test_a_url_that_nobody_answers_stops_the_program(
    lay: Callable[[Path, str], ProgramStory], tmp_path: Path
) -> None:
    """Its own exit code: the machine at the other end may only be down."""
    story = lay(tmp_path, closed_port())
    log = MemoryLog(clock=CountingClock())
    with pytest.raises(ProviderUnreachable) as caught:
        await start_run(story.means(log), story.spec)
    assert caught.value.exit_code == ExitCode.UNREACHABLE
    assert f"stillroom resume {await only_run(log)}" in caught.value.remedy
    assert not await events_of(log, RunClosed)
