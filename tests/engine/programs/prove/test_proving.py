"""Proofs of tasks: each broken task is found out by the step that is there for it, and nothing else is said of it."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.config.errors import ConfigRefused
from engine.config.spec import RunSpec
from engine.core.fold import fold
from engine.core.system import clock
from engine.programs.explore.verification_points import VERIFICATIONS
from engine.proving.points import FURTHER_PROOF, PROOF
from engine.runtime.run import RunReport, start_run
from engine.testing.faulty_ports import Fault, FaultyPorts
from events.base import Event
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.streams import is_trial, read_proof_trial, trial_of
from events.types.sandbox import SandboxAsked, SandboxFailed, VerifyAgainAsked
from projections.proofs import ProofRecord, Proofs
from replay.redecide import decisions
from replay.rerun import rerun
from tests.engine.programs.explore.test_steps import written
from tests.support.mutation import mutate
from tests.support.proving import FAILED, make_tasks, needs_isolation
from tests.support.runs import setting


def proving(**own: Any) -> RunSpec:
    """Ask for the proof of all tasks."""
    spec = {"tasks": "tasks", "program": "prove", "agent": {"name": "nop"}, "concurrency": 6, "own": own}
    return msgspec.convert(spec, RunSpec)


async def proved(
    base: Path, log: EventLog, *names: str, fault: Fault | None = None, **own: Any
) -> tuple[RunReport, dict[str, ProofRecord]]:
    """Prove tasks; give what came of each."""
    make_tasks(base / "tasks", *names)
    means = await setting(log, base)
    if fault is not None:
        means = means._replace(between=lambda ports: FaultyPorts(ports, fault))
    report = await start_run(means, proving(**own))
    state = await fold(log, Proofs(), Selection(run=report.run))
    return report, state.runs[report.run]


def failed(proof: ProofRecord) -> frozenset[str]:
    """Name the steps that found something."""
    return frozenset(each.step for each in proof.findings if each.state == "failed")


@pytest.mark.slow
@pytest.mark.timeout(300)
@needs_isolation
async def test_each_broken_task_is_found_out_by_its_own_step(tmp_path: Path) -> None:
    """Nine tasks in one run: the sound one is called sound, and of each other one the right thing is said."""
    log = MemoryLog(clock=clock)
    report, proofs = await proved(tmp_path, log)
    assert {name: failed(proof) for name, proof in proofs.items()} == FAILED
    assert {name: proof.verdict for name, proof in proofs.items()} == {
        name: "unsound" if steps else "sound" for name, steps in FAILED.items()
    }
    # What is said names what was found.
    told = {(name, each.step): each.detail for name, proof in proofs.items() for each in proof.findings}
    assert told["bad-oracle", "oracle"] == "the solution earns the full reward never: 0, 0"
    assert told["nop-earns", "nop"] == "doing nothing earns the full reward: 1, 1"
    assert told["unsteady-verifier", "repeat"] == "of one final state (oracle) the verifier says 1, and then 0.5"
    assert told["leaky-image", "image"] == (
        "environment/helper.sh holds solution/solve.sh; /opt/helper.sh holds solution/solve.sh"
    )
    assert told["baked-answer", "image"] == "the tests read /app/.expected.txt, which is in the agent's image"
    assert told["reward-can-be-written", "cheat_reward"] == "writing the reward earned 1"
    assert told["sound", "repeat"] == "the verifier said the same twice, of 4 final states"
    # And the run is gone through again from the log alone, with the same rulings.
    assert (await rerun(log, report.run)).complete
    assert all(each.agrees for each in await decisions(log, report.run))


@needs_isolation
async def test_infrastructure_that_fails_is_no_finding_about_the_task(tmp_path: Path) -> None:
    """No sandbox opens for who looks for the solution: those two steps are not proved, and the others hold."""

    def fault(event: Event, place: Any) -> Event | None:
        broken = isinstance(event, SandboxAsked) and ".cheat.3" in place.stream
        return SandboxFailed("unavailable", "no room") if broken else None

    _, proofs = await proved(tmp_path, MemoryLog(clock=clock), "sound", fault=fault)
    states = {each.step: each.state for each in proofs["sound"].findings}
    assert proofs["sound"].verdict == "not_proved"
    assert {step for step, state in states.items() if state == "not_proved"} == {"image", "cheat_solution"}
    assert {state for step, state in states.items() if step not in {"image", "cheat_solution"}} == {"held"}


@needs_isolation
async def test_a_fault_of_the_task_outweighs_what_could_not_be_tried(tmp_path: Path) -> None:
    """The oracle fails, and cheats have no sandbox: the task is unsound all the same."""

    def fault(event: Event, place: Any) -> Event | None:
        broken = isinstance(event, SandboxAsked) and ".cheat." in place.stream
        return SandboxFailed("unavailable", "no room") if broken else None

    _, proofs = await proved(tmp_path, MemoryLog(clock=clock), "bad-oracle", fault=fault)
    assert proofs["bad-oracle"].verdict == "unsound"
    assert failed(proofs["bad-oracle"]) == {"oracle"}


@pytest.mark.slow
@pytest.mark.timeout(300)
@needs_isolation
async def test_another_trial_is_begun_where_every_final_state_was_lost_before_it_was_looked_at_again(
    tmp_path: Path,
) -> None:
    """No state of the first four was verified twice; the solution is tried once more, and the proof is whole."""

    def fault(event: Event, place: Any) -> Event | None:
        first = isinstance(event, VerifyAgainAsked) and ".3/" not in place.stream
        return SandboxFailed("lost", "the machine went down") if first else None

    log = MemoryLog(clock=clock)
    report, proofs = await proved(tmp_path, log, "sound", fault=fault)
    assert proofs["sound"].verdict == "sound"
    repeat = next(each for each in proofs["sound"].findings if each.step == "repeat")
    assert repeat.detail == "the verifier said the same twice, of 1 final states"
    assert await _trials(log, report.run) == {"oracle": 3, "nop": 2, "cheat": 3}
    # And the run is gone through again from the log alone, with the same rulings.
    assert (await rerun(log, report.run)).complete
    assert all(each.agrees for each in await decisions(log, report.run))
    found = await mutate(log, report.run, [FURTHER_PROOF.name, VERIFICATIONS.name, PROOF.name])
    assert (found.mutations > 3, found.found, found.compared > 0) == (True, (), True)


@needs_isolation
async def test_where_no_final_state_can_be_looked_at_again_the_proof_gives_up_and_says_so(tmp_path: Path) -> None:
    """Two more trials at most, of nobody where nothing else is tried; a proof is never sound without what it is of."""

    def fault(event: Event, place: Any) -> Event | None:
        del place
        return SandboxFailed("lost", "the machine went down") if isinstance(event, VerifyAgainAsked) else None

    log = MemoryLog(clock=clock)
    report, proofs = await proved(tmp_path, log, "sound", fault=fault, steps=["nop"], times=1)
    assert proofs["sound"].verdict == "not_proved"
    assert {each.step: each.state for each in proofs["sound"].findings} == {"nop": "held", "repeat": "not_proved"}
    assert await _trials(log, report.run) == {"nop": 3}
    assert (await rerun(log, report.run)).complete


async def _trials(log: EventLog, run: str) -> Counter[str]:
    """Count the trials of each kind."""
    streams = {each.stream.name async for each in log.read(Selection(run=run))}
    return Counter(
        found.kind for name in streams if is_trial(name) and (found := read_proof_trial(trial_of(name) or ""))
    )


@pytest.mark.slow
@pytest.mark.timeout(300)
@needs_isolation
async def test_a_task_without_a_solution_is_not_proved(tmp_path: Path) -> None:
    """There is nothing for the oracle to run, which is said; all else is tried."""
    make_tasks(tmp_path / "tasks", "sound")
    (tmp_path / "tasks/sound/solution/solve.sh").unlink()
    log = MemoryLog(clock=clock)
    report = await start_run(await setting(log, tmp_path), proving())
    proof = (await fold(log, Proofs(), Selection(run=report.run))).runs[report.run]["sound"]
    assert proof.verdict == "not_proved"
    assert [(each.step, each.state) for each in proof.findings][:3] == [
        ("oracle", "not_proved"),
        ("nop", "held"),
        ("repeat", "held"),
    ]


@needs_isolation
async def test_only_the_steps_that_are_asked_for_are_part_of_it(tmp_path: Path) -> None:
    """Oracle and nop, once each: no cheat is tried, and nothing is said of one."""
    log = MemoryLog(clock=clock)
    report, proofs = await proved(tmp_path, log, "nop-earns", steps=["oracle", "nop"], times=1)
    assert [each.step for each in proofs["nop-earns"].findings] == ["oracle", "nop", "repeat"]
    assert failed(proofs["nop-earns"]) == {"nop"}
    streams = {each.stream.name async for each in log.read(Selection(run=report.run))}
    assert {name for name in streams if name.startswith("trial/")} == {
        "trial/nop-earns.oracle.1",
        "trial/nop-earns.nop.1",
    }


@pytest.mark.slow
@pytest.mark.timeout(300)
@needs_isolation
async def test_who_forges_the_reward_of_a_task_of_steps_gains_nothing(tmp_path: Path) -> None:
    """A cheat works step by step as agents do, so that what it left is away before each step is judged."""
    written(tmp_path)
    (tmp_path / "tasks/pair/task.toml").write_text('[[steps]]\nname = "first"\n\n[[steps]]\nname = "second"\n')
    log = MemoryLog(clock=clock)
    report = await start_run(await setting(log, tmp_path), proving(steps=["nop", "cheat"], times=1))
    proof = (await fold(log, Proofs(), Selection(run=report.run))).runs[report.run]["pair"]
    states = {each.step: (each.state, each.detail) for each in proof.findings}
    assert states["cheat_reward"] == ("held", "writing the reward earned 0")
    assert states["repeat"] == ("skipped", "no final state was verified twice")
    assert (await rerun(log, report.run)).complete


async def test_a_sandbox_that_isolates_nothing_is_refused(tmp_path: Path) -> None:
    """Whoever looks for answers there would find the task's own folder."""
    make_tasks(tmp_path / "tasks", "sound")
    with pytest.raises(ConfigRefused, match="isolates nothing"):
        await start_run(
            await setting(MemoryLog(clock=clock), tmp_path), msgspec.structs.replace(proving(), sandbox="none")
        )
