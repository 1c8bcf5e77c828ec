"""What the trials of a task say of it: pure, from the inputs of `PROOF`."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from engine.core.decision import NoSettings, Policy, PolicyContext
from engine.proving.answers import is_answer, is_telling
from engine.proving.cheats import LACKS_TOOLS
from engine.proving.points import (
    FURTHER_PROOF,
    PROOF,
    FurtherProof,
    FurtherProofRule,
    FurtherProofSaw,
    InspectedSeen,
    LookSeen,
    ProofSaw,
    TaskProof,
    TriedProof,
    TriedRepeats,
    VerdictSeen,
)
from events.types.decision import Seen
from events.types.proving import ProofFinding, ProofStep
from events.values import Outcome

_CHEATS: Final[Mapping[ProofStep, str]] = MappingProxyType({
    "cheat_reward": "writing the reward",
    "cheat_tests": "editing the tests",
    "cheat_solution": "looking for the solution",
})  # fmt: skip
_SHOWN: Final = 5
"""Places that a finding names."""


def conclude_proof(saw: ProofSaw, rule: NoSettings, desk: PolicyContext) -> TaskProof:
    """Say what each step found, and what it comes to: a fault of the task outweighs a step that was not tried."""
    del rule
    findings = tuple(_findings(saw, desk))
    states = {each.state for each in findings}
    if "failed" in states:
        return TaskProof("unsound", findings)
    return TaskProof("not_proved" if "not_proved" in states else "sound", findings)


def _findings(saw: ProofSaw, desk: PolicyContext) -> Iterator[ProofFinding]:
    if saw.inspected is None:
        yield ProofFinding("image", "not_proved", "the task's folder could not be read")
        return
    seen = saw.inspected.value
    if "oracle" in saw.steps:
        yield (
            _oracle(_of(saw, "oracle"))
            if seen.solved
            else ProofFinding("oracle", "not_proved", "there is no solution/solve.sh for the oracle to run")
        )
    if "nop" in saw.steps:
        yield _nop(_of(saw, "nop"))
    if {"oracle", "nop"} & set(saw.steps):
        yield _repeat(
            [*_of(saw, "oracle"), *_of(saw, "nop")],
            given_up=saw.further is not None and saw.further.value.then == "give_up",
        )
    if "cheat" in saw.steps:
        yield _image(seen, saw.look.value if saw.look else None, desk)
        idle = [each.reward for each in map(_last, _of(saw, "nop")) if each is not None and each.reward is not None]
        for step, how in _CHEATS.items():
            yield _cheat(_of(saw, step), step, how, max(idle, default=None))


def _of(saw: ProofSaw, step: ProofStep) -> list[TriedProof]:
    return [each for each in saw.trials if each.step == step]


def _last(tried: TriedProof) -> Outcome | None:
    """Give what the verifier said last, or that it said nothing. None: there was nothing to judge."""
    judged = [each.value.outcome for each in tried.outcomes if each.value.outcome.kind != "infrastructure"]
    return judged[-1] if judged else None


def _unproved(step: ProofStep, tried: Sequence[TriedProof]) -> ProofFinding | None:
    """Say why a step was not tried. None: it was."""
    for each in tried:
        if _last(each) is None:
            broken = [one.value.outcome.reason for one in each.outcomes]
            why = broken[-1] if broken else f"its trial ended: {each.ended}"
            return ProofFinding(step, "not_proved", why)
    return None


def _told(outcome: Outcome) -> str:
    return f"no reward ({outcome.reason})" if outcome.reward is None else f"{outcome.reward:g}"


def _verdicts(tried: Sequence[TriedProof]) -> str:
    return ", ".join(_told(outcome) for outcome in map(_last, tried) if outcome is not None)


def _oracle(tried: Sequence[TriedProof]) -> ProofFinding:
    """The solution has to earn the full reward, each time."""
    lacking = _unproved("oracle", tried)
    solved = [outcome.kind == "solved" for outcome in map(_last, tried) if outcome is not None]
    if not all(solved):
        once = "not each time" if any(solved) else "never"
        return ProofFinding("oracle", "failed", f"the solution earns the full reward {once}: {_verdicts(tried)}")
    return lacking or ProofFinding("oracle", "held", f"the solution earned {_verdicts(tried)}")


def _nop(tried: Sequence[TriedProof]) -> ProofFinding:
    """Doing nothing must not earn the full reward, and the verifier has to say so by a number."""
    lacking = _unproved("nop", tried)
    outcomes = [outcome for outcome in map(_last, tried) if outcome is not None]
    if any(each.kind == "solved" for each in outcomes):
        return ProofFinding("nop", "failed", f"doing nothing earns the full reward: {_verdicts(tried)}")
    if any(each.reward is None for each in outcomes):
        told = f"the verifier gives no reward where nothing was done: {_verdicts(tried)}"
        return ProofFinding("nop", "failed", told)
    return lacking or ProofFinding("nop", "held", f"doing nothing earned {_verdicts(tried)}")


def _repeat(tried: Sequence[TriedProof], *, given_up: bool) -> ProofFinding:
    """The verifier has to say the same of the same state; one sandbox that is lost on the way leaves the others."""
    compared = broken = 0
    for each in tried:
        first = _last(each)
        for again in (one.value.outcome for one in each.again):
            if again.kind == "infrastructure" or first is None:
                broken += 1
                continue
            compared += 1
            if (first.kind, first.reward) != (again.kind, again.reward):
                what = f"of one final state ({each.step}) the verifier says {_told(first)}, and then {_told(again)}"
                return ProofFinding("repeat", "failed", what)
    if not compared and (broken or given_up):
        return ProofFinding("repeat", "not_proved", "the sandbox failed before the verifier spoke again")
    if not compared:
        return ProofFinding("repeat", "skipped", "no final state was verified twice")
    return ProofFinding("repeat", "held", f"the verifier said the same twice, of {compared} final states")


def _image(seen: InspectedSeen, look: LookSeen | None, desk: PolicyContext) -> ProofFinding:
    """Neither tests nor solution may be where the agent can read them."""
    found = [f"{each.place} holds {each.answer}" for each in seen.exposed]
    if look is not None:
        found += _found(seen, desk.named(look.stdout))
    if found:
        more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        return ProofFinding("image", "failed", "; ".join(found[:_SHOWN]) + more)
    if look is None or look.exit_code is None:
        return ProofFinding("image", "not_proved", "nobody could look through the agent's files")
    if look.exit_code == LACKS_TOOLS:
        return ProofFinding("image", "not_proved", "the image has no find and sha256sum to look with")
    return ProofFinding("image", "held", f"none of {len(seen.answers)} files of tests and solution is in reach")


def _found(seen: InspectedSeen, printed: str) -> Iterator[str]:
    """Read what a look came upon: files by their digests, and paths that tests name."""
    by_digest = {each.digest: each.path for each in seen.answers if is_answer(each.path)}
    for line in printed.splitlines():
        word, _, place = line.partition(" ")
        if word == "THERE" and place in seen.tested and place not in seen.told and is_telling(place):
            yield f"the tests read {place}, which is in the agent's image"
        elif (held := by_digest.get(word)) is not None:  # type: ignore[call-overload]  # any text may be asked for
            yield f"{place.lstrip(' *')} holds {held}"


def _cheat(tried: Sequence[TriedProof], step: ProofStep, how: str, idle: float | None) -> ProofFinding:
    """No cheat may earn the full reward; who forges rewards must not earn more than who does nothing either.

    The others leave files where the task wants some, which may rightly earn a part.
    """
    for outcome in map(_last, tried):
        if outcome is None:
            continue
        if outcome.kind == "solved":
            return ProofFinding(step, "failed", f"{how} earned {_told(outcome)}")
        if step == "cheat_reward" and idle is not None and outcome.reward is not None and outcome.reward > idle:
            return ProofFinding(step, "failed", f"{how} earned {_told(outcome)}, and doing nothing {idle:g}")
    return _unproved(step, tried) or ProofFinding(step, "held", f"{how} earned {_verdicts(tried)}")


def choose_further(saw: FurtherProofSaw, rule: FurtherProofRule, desk: PolicyContext) -> FurtherProof:
    """Begin another trial where every final state that was to be verified again was lost before, such as by a kill."""
    del desk
    lost = [each for each in saw.trials if _wants(each) and not _compared(each)]
    if not lost or any(map(_compared, saw.trials)):
        return FurtherProof("conclude")
    if saw.further >= rule.most:
        return FurtherProof("give_up")
    return FurtherProof("oracle" if any(each.step == "oracle" for each in lost) else "nop")


def _wants(tried: TriedRepeats) -> bool:
    return tried.wanted is not None and tried.wanted.value.number > 1 and _spoken(tried.outcomes)


def _compared(tried: TriedRepeats) -> bool:
    return _spoken(tried.outcomes) and _spoken(tried.again)


def _spoken(outcomes: Sequence[Seen[VerdictSeen]]) -> bool:
    """Say whether the verifier spoke at all."""
    return any(each.value.outcome.kind != "infrastructure" for each in outcomes)


POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {PROOF.name: conclude_proof, FURTHER_PROOF.name: choose_further}
)
