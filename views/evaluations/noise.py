"""How much single runs of one item differ, and whose doing that is: the agent's, or the verifier's."""

from collections.abc import Iterable
from fractions import Fraction

from projections.cells import EvaluatedCell
from projections.comparison.noise import NoiseSplit, VerifiedRun, split_noise
from projections.comparison.power import RunNoise
from projections.evaluations import Evaluation


def noise_of(scored: Iterable[EvaluatedCell | Evaluation]) -> NoiseSplit:
    """Tell the agent's noise and the verifier's apart, in scores that are 1 for solved and 0 for not.

    Runs of one item under one condition are compared with each other, those of arms that repeat it among them.
    """
    return split_noise(
        VerifiedRun(each.condition, each.item, _verdicts(each)) for each in scored if each.solved is not None
    )


def measured(stored: Iterable[Evaluation], verifications: int) -> RunNoise:
    """Give the noise that a plan is to expect: what was measured, and as on most benchmarks where nothing was.

    Args:
        stored: Evaluations of the plan's items.
        verifications: Of each final state, as planned.
    """
    found, usual = noise_of(stored), RunNoise(verifications=verifications)
    agent = usual.agent if found.agent is None else found.agent
    return RunNoise(agent, usual.flake if found.flake is None else found.flake, verifications)


def _verdicts(scored: EvaluatedCell | Evaluation) -> tuple[Fraction, ...]:
    return tuple(Fraction(each.solved) for each in scored.verdicts) or (Fraction(bool(scored.solved)),)
