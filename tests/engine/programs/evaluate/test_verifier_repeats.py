"""A final state that is verified more than once: the agent's noise and the verifier's are told apart."""

from fractions import Fraction
from pathlib import Path

import msgspec
import pytest

from engine.config.errors import ConfigRefused
from engine.config.spec import RunSpec
from engine.core.ports import EffectAddress
from engine.programs.evaluate.arms import arm_specs
from engine.runtime.run import RunReport, start_run
from engine.testing.faulty_ports import Fault, FaultyPorts
from events.base import Event
from events.digest import digest_of
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.evaluation import EvaluationFound, EvaluationScored, VerifierVerdict
from events.types.sandbox import (
    SandboxFailed,
    StateKept,
    VerifierRewarded,
    VerifierSilent,
    VerifyAgainAsked,
)
from replay.redecide import decisions
from replay.rerun import rerun
from tests.engine.programs.evaluate.test_evaluate import ATTEMPTS, calls, cells_of, evaluated, evaluation
from tests.support.crashes import ended, in_memory, world
from tests.support.mutation import mutate
from tests.support.orders import CountingClock
from tests.support.runs import SCRIPT, make_base, setting
from views.evaluations.noise import measured, noise_of

ONCE = """\
#!/bin/sh
if [ -e /app/verified ]; then echo 0 > /logs/verifier/reward.txt; else echo 1 > /logs/verifier/reward.txt; fi
touch /app/verified
"""
"""A verifier that changes what it judges: a second look at what it left would be another verdict."""
SOLVED, FAILED = VerifierVerdict(solved=True, reward=1.0), VerifierVerdict(solved=False, reward=0.0)


def asked(repeats: int) -> RunSpec:
    """Verify each final state so often."""
    return evaluation(ATTEMPTS, own={"verifier_repeats": repeats})


async def scored(log: EventLog, run: str, arm: str) -> EvaluationScored:
    """Give the score of the one cell of an arm."""
    found = [each async for each in log.read(Selection(run=run, tags={"evaluation.scored"}))]
    (event,) = (each.event for each in found if each.stream.name.startswith(f"cell/{arm}/"))
    assert isinstance(event, EvaluationScored)
    return event


async def answered(log: EventLog, base: Path, what: RunSpec, fault: Fault) -> RunReport:
    """Evaluate while some effects are answered otherwise."""
    means = (await setting(log, base))._replace(between=lambda ports: FaultyPorts(ports, fault))
    return await start_run(means, what)


def in_turn(*outcomes: Event | None) -> Fault:
    """Answer the further verifications of the arm `two` in turn. None: as the verifier does."""
    waiting = list(outcomes)

    def fault(event: Event, place: EffectAddress) -> Event | None:
        further = isinstance(event, VerifyAgainAsked) and place.stream.startswith("attempt/two/word/1/2")
        return waiting.pop(0) if further and waiting else None

    return fault


def rewarded(reward: float) -> VerifierRewarded:
    """Make what a verifier left."""
    nothing = digest_of(b"")
    return VerifierRewarded({"reward": reward}, reward, 0, nothing, nothing, ())


@pytest.mark.slow
async def test_each_verification_finds_the_state_as_the_agent_left_it(tmp_path: Path) -> None:
    """Given a verifier that changes what it judges, when it is asked three times, it says the same three times."""
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path)
    (base / "tasks" / "word" / "tests" / "test.sh").write_text(ONCE)
    report = await evaluated(log, base, asked(3))
    assert (await scored(log, report.run, "none")).verdicts == (SOLVED,) * 3
    kept = [each.event async for each in log.read(Selection(run=report.run, tags={"state.kept"}))]
    assert kept == [StateKept(restorable=True)] * 2
    assert (await rerun(log, report.run)).complete
    assert all(each.agrees for each in await decisions(log, report.run))
    assert (await mutate(log, report.run)).found == ()


@pytest.mark.slow
async def test_the_score_is_what_most_verdicts_say_and_the_mean_of_rewards(tmp_path: Path) -> None:
    """Given a flaky verifier, each verdict counts, what is none does not, and a tie is not solved."""
    base = make_base(tmp_path, SCRIPT)
    silent = VerifierSilent("timed_out", "too slow", None, digest_of(b""), digest_of(b""), ())
    stories: list[tuple[tuple[Event | None, ...], tuple[VerifierVerdict, ...], bool, float]] = [
        ((None, rewarded(0.0)), (SOLVED, SOLVED, FAILED), True, 2 / 3),
        ((rewarded(0.0), rewarded(0.0)), (SOLVED, FAILED, FAILED), False, 1 / 3),
        ((SandboxFailed("lost", "gone"), rewarded(0.0)), (SOLVED, FAILED), False, 0.5),
        ((silent, None), (SOLVED, SOLVED), True, 1.0),
    ]
    for outcomes, verdicts, solved, reward in stories:
        log = MemoryLog(clock=CountingClock())
        report = await answered(log, base, asked(3), in_turn(*outcomes))
        found = await scored(log, report.run, "two")
        assert (found.verdicts, found.solved) == (verdicts, solved)
        assert found.reward == pytest.approx(reward)
        assert (await rerun(log, report.run)).complete


@pytest.mark.slow
async def test_how_often_a_state_is_verified_is_part_of_the_key(tmp_path: Path) -> None:
    """Given scores of one verdict each, more verdicts are other scores, found again with all of them."""
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path)
    first = await evaluated(log, base, evaluation(ATTEMPTS))
    assert {each.verdicts for each in await cells_of(log, first.run)} == {()}
    more = await evaluated(log, base, asked(2))
    assert await calls(log, more.run) == await calls(log, first.run)
    again = await evaluated(log, base, asked(2))
    assert await calls(log, again.run) == 0
    found = [each.event async for each in log.read(Selection(run=again.run, tags={"evaluation.found"}))]
    assert {len(each.verdicts) for each in found if isinstance(each, EvaluationFound)} == {2}
    assert [len(each.verdicts) for each in await cells_of(log, again.run)] == [2, 2]


@pytest.mark.slow
async def test_a_verdict_stands_though_its_sandbox_is_gone_before_the_next(tmp_path: Path) -> None:
    """Given deaths at many moments, no call is paid for again, and every cell ends solved or not as it did."""
    async with world(tmp_path, script=SCRIPT) as here:
        own = {"arms": ATTEMPTS, "reuse": "own", "verifier_repeats": 2}
        armed = here._replace(spec=msgspec.structs.replace(here.spec, program="evaluate", own=own))
        plain = await ended(armed, (), in_memory())
        for moment in range(5, plain.moments[0], 83):
            seen = await ended(armed, (moment,), in_memory())
            assert (seen.overdrawn, seen.again) == ([], 0), seen.deaths


@pytest.mark.slow
async def test_noise_of_the_agent_and_of_the_verifier_are_told_apart(tmp_path: Path) -> None:
    """Given a verifier that changes its mind, its variance is measured, and a plan expects it."""
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path)
    report = await answered(log, base, asked(2), in_turn(rewarded(0.0)))
    cells = await cells_of(log, report.run)
    noise = noise_of(cells)
    assert (noise.agent, noise.flake, noise.flaky) == (None, Fraction(1, 4), ("word",))
    assert measured((), 3).verifications == 3


@pytest.mark.parametrize("repeats", [0, -1])
def test_a_state_is_verified_once_or_more(repeats: int) -> None:
    """Less is refused before anything runs."""
    with pytest.raises(ConfigRefused, match="verifier_repeats"):
        arm_specs(asked(repeats))
