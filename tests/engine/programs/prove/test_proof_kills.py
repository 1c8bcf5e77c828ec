"""A proof whose process is killed at any event: it is concluded all the same, with a state that was verified twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from engine.config.spec import RunSpec
from engine.core.fold import fold
from engine.scripted.reader import load_script
from engine.scripted.server import ScriptedEndpoint
from events.store.base import EventLog, Selection
from events.types.proving import ProofFinding
from projections.proofs import ProofRecord, Proofs, ProofsState
from tests.support.constructing import PretendProofs
from tests.support.crashes import CrashMatrix, ended, in_memory, wrong_with_cap
from tests.support.proving import make_tasks


@asynccontextmanager
async def mortal(folder: Path) -> AsyncIterator[CrashMatrix]:
    """Say what is to be proved in lives that end: one task, by who solves it and by nobody, once each."""
    make_tasks(folder / "tasks", "sound")
    (folder / "script.toml").write_text('name = "silent"\n[[rule]]\nname = "all"\n[[rule.turn]]\ntext = "DONE"\n')
    async with ScriptedEndpoint(load_script(folder / "script.toml")) as endpoint:
        own = {"steps": ["oracle", "nop"], "times": 1}
        asked = {"tasks": "tasks", "program": "prove", "agent": {"name": "nop"}, "concurrency": 6, "own": own}
        # Where lost sandboxes are made again, none is missing in the end, and nothing is made up for.
        spec = msgspec.convert({**asked, "on_loss": "abandon", "budget": {"run_usd": "1"}}, RunSpec)
        yield CrashMatrix(folder, endpoint, PretendProofs, spec)


async def proof_in(log: EventLog) -> ProofRecord:
    """Find the one proof of the one run."""
    run = (await log.runs())[-1]
    state: ProofsState = await fold(log, Proofs(), Selection(run=run))
    return state.runs[run]["sound"]


def repeats(proof: ProofRecord) -> ProofFinding:
    """Find what it says of verifying a state again."""
    (found,) = [each for each in proof.findings if each.step == "repeat"]
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_proof_that_is_killed_at_any_event_is_concluded_and_is_whole(tmp_path: Path) -> None:
    """Before and after every write and every effect, and resumed: the same verdict, and a state verified twice."""
    async with mortal(tmp_path) as here:
        plain = await ended(here, (), in_memory())
        made_up = 0
        for moment in range(1, plain.moments[0]):
            opened = in_memory()
            seen = await ended(here, (moment,), opened)
            assert wrong_with_cap(seen) == [], seen.deaths
            async with opened() as log:
                proof = await proof_in(log)
                run = (await log.runs())[-1]
                made_up += any(
                    [each.stream.name.startswith("trial/sound.oracle.2") async for each in log.read(Selection(run=run))]
                )
            assert proof.verdict == "sound", seen.deaths
            assert repeats(proof).state == "held", seen.deaths
        assert made_up > 0
