"""Stories of machines on which nothing isolates: commands run there only where somebody asked for that by name."""

from pathlib import Path

import pytest
from typing_extensions import override

from engine.config.spec import RunSpec
from engine.core.errors import InputsDiffer, IsolationMissing
from engine.core.history import load_histories
from engine.core.prompts import load_prompts
from engine.programs.train.program import Train
from engine.runtime.context import RunContext
from engine.runtime.fork import Fork, fork_run
from engine.runtime.isolation import first_isolation, opens_sandboxes
from engine.runtime.run import resume_run, start_run
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.model import ModelAnswered
from events.types.sandbox import SandboxOpened
from sandbox.base import Isolation
from sandbox.local.backend import Bare, LocalBackend, local_backend
from tests.engine.runtime.test_resume import cut, place_of
from tests.support.constructing import BRIEF, SUM, constructing, fixed, make_briefs
from tests.support.pretend import PretendBackend, pretended
from tests.support.quiz_runs import STUDENT, make_items
from tests.support.runs import make_base, spec
from tests.support.training import training
from tests.support.worlds import Ticking

INSTALL = "apt-get install bubblewrap"


class Isolating(PretendBackend):
    """Pretends to isolate, too."""

    @override
    def describe(self) -> Isolation:
        """Promise it."""
        return Isolation("namespaces", "it pretends to", None, frozenset())


def without(log: EventLog, base: Path) -> RunContext:
    """Give the means of a machine that has no bubblewrap, where nobody asked for no isolation."""
    backend = LocalBackend(base / "sandboxes", way=Bare("not installed: bwrap", INSTALL))
    return RunContext(log, backend, load_prompts(), "test", {}, base)


async def plain(log: EventLog, base: Path) -> RunContext:
    """Give the same machine to whoever asked for no isolation by name."""
    backend = await local_backend(base / "sandboxes", way="plain")
    return RunContext(log, backend, load_prompts(), "test", {}, base)


def questions(way: str = "call") -> RunSpec:
    """Say what to evaluate: questions, worked on in some way."""
    arms = {"none": {"skills": ""}, "told": {"note": "Be brief."}}
    own = {"arms": arms, "items": {"folder": "items"}, "rollout": {"way": way}}
    return spec(program="evaluate", tasks="", own=own)


async def test_a_run_is_refused_and_told_what_to_install_or_to_ask_for(tmp_path: Path) -> None:
    """A model's commands see this machine's files and run as whoever started them: a line of warning is not enough."""
    log = MemoryLog(clock=Ticking())
    with pytest.raises(IsolationMissing) as refused:
        await start_run(without(log, make_base(tmp_path)), spec())
    assert "not installed: bwrap" in refused.value.problem
    for remedy in (INSTALL, "--sandbox docker", "--sandbox none", 'sandbox = "none"'):
        assert remedy in refused.value.remedy
    assert refused.value.exit_code == 2
    assert (await log.head()).position == 0, "nothing was started"


async def test_the_oracle_is_refused_too(tmp_path: Path) -> None:
    """What a task's author wrote comes from elsewhere as well."""
    with pytest.raises(IsolationMissing):
        await start_run(without(MemoryLog(clock=Ticking()), make_base(tmp_path)), spec(agent={"name": "oracle"}))


@pytest.mark.parametrize("program", ["construct", "prove"])
async def test_what_proves_tasks_is_refused_before_anybody_is_asked(program: str, tmp_path: Path) -> None:
    """An author would be paid for what cannot be proved here; nor may that be asked for by name, so it is no remedy."""
    log = MemoryLog(clock=Ticking())
    make_briefs(make_base(tmp_path), BRIEF)
    (tmp_path / "script.toml").write_text(fixed(SUM))
    asked = constructing(tmp_path) if program == "construct" else spec(program="prove", agent={"name": "nop"})
    with pytest.raises(IsolationMissing) as refused:
        await start_run(without(log, tmp_path), asked)
    assert INSTALL in refused.value.remedy
    assert "--sandbox docker" in refused.value.remedy
    assert "--sandbox none" not in refused.value.remedy
    assert (await log.head()).position == 0, "nothing was started"


async def test_where_it_was_asked_for_by_name_the_run_starts_and_says_so(tmp_path: Path) -> None:
    """It is the person's machine."""
    log = MemoryLog(clock=Ticking())
    here = await plain(log, make_base(tmp_path))
    assert "WITHOUT ISOLATION" in " ".join(here.backend.describe().warnings)
    assert (await start_run(here, spec())).outcomes == {"word": "solved"}
    opened = [each.event async for each in log.read(Selection(tags={"sandbox.opened"}))]
    assert {each.isolation for each in opened if isinstance(each, SandboxOpened)} == {"none"}


async def test_a_run_that_opens_no_sandbox_starts_anywhere(tmp_path: Path) -> None:
    """Questions that a model answers run no command."""
    (tmp_path / "script.toml").write_text(STUDENT)
    make_items(tmp_path / "items")
    report = await start_run(without(MemoryLog(clock=Ticking()), tmp_path), questions())
    assert report.outcomes


def test_items_that_are_worked_on_in_a_sandbox_count_as_tasks_do() -> None:
    """An evaluation and a training of such items run commands of an agent, or programs that a model wrote."""
    for way, opens in (("call", False), ("tools", False), ("agent", True), ("code", True)):
        assert opens_sandboxes(questions(way)) is opens
        asked = training(rollout={"way": way})
        assert bool(Train().workspaces(asked)) is opens
        assert opens_sandboxes(asked) is opens
    assert opens_sandboxes(spec())


async def test_a_run_that_began_without_isolation_goes_on_so_and_says_it(tmp_path: Path) -> None:
    """Versions before this one began such runs after a warning: whoever resumes one means that run, as it was."""
    log, base = MemoryLog(clock=Ticking()), make_base(tmp_path)
    run = (await start_run(await plain(log, base), spec())).run
    rest = await cut(log, await place_of(log, ModelAnswered))
    said: list[str] = []
    report = await resume_run(without(rest, base)._replace(warn=said.append), run)
    assert report.outcomes == {"word": "solved"}
    assert len(said) == 1
    assert "began without isolation" in said[0]
    assert INSTALL in said[0]


async def test_a_run_that_began_with_isolation_does_not_go_on_without(tmp_path: Path) -> None:
    """Neither in silence, nor with changes that were accepted for another reason."""
    log, base = MemoryLog(clock=Ticking()), make_base(tmp_path)
    run = (await start_run(pretended(log, base)._replace(backend=Isolating()), spec())).run
    rest = await cut(log, await place_of(log, ModelAnswered))
    end = (await rest.head()).position
    with pytest.raises(InputsDiffer, match="isolation of sandboxes: was namespaces, is none"):
        await resume_run(without(rest, base), run)
    with pytest.raises(IsolationMissing, match="not installed: bwrap"):
        await resume_run(without(rest, base), run, accept_changes=True)
    assert (await rest.head()).position == end


async def test_a_run_that_opened_no_sandbox_yet_says_nothing_for_itself(tmp_path: Path) -> None:
    """Its spec asked for isolation, and no history says otherwise."""
    log, base = MemoryLog(clock=Ticking()), make_base(tmp_path)
    run = (await start_run(await plain(log, base), spec())).run
    rest = await cut(log, await place_of(log, SandboxOpened) - 1)
    assert first_isolation(await load_histories(rest, run)) is None
    with pytest.raises(IsolationMissing, match="without isolation"):
        await resume_run(without(rest, base), run)


async def test_a_fork_goes_by_what_it_shares(tmp_path: Path) -> None:
    """Its attempts run where those that it shares ran."""
    log, base = MemoryLog(clock=Ticking()), make_base(tmp_path)
    run = (await start_run(await plain(log, base), spec())).run
    opened, answered = await place_of(log, SandboxOpened), await place_of(log, ModelAnswered)
    with pytest.raises(IsolationMissing):
        await fork_run(without(log, base), Fork(run, opened - 2, spec(), ()))
    report = await fork_run(without(log, base), Fork(run, answered, spec(), ()))
    assert report.outcomes == {"word": "solved"}
