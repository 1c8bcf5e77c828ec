"""Facts about the proof of a task: whether it judges as it should.

Stream ``proof/<task>``, or that of the construction which made the task.
"""

from typing import Literal, TypeAlias

import msgspec

from events.base import Event, LookupAsked
from events.digest import Fingerprint
from events.types.decision import Decided

ProofStep: TypeAlias = Literal["oracle", "nop", "repeat", "image", "cheat_reward", "cheat_tests", "cheat_solution"]
"""oracle: the solution earns the full reward, twice. nop: doing nothing does not, twice. repeat: the verifier says the
same twice of the same final state. image: neither tests nor solution are where the agent can read them. cheat_…: an
agent that writes the reward, edits the tests, or looks for the solution gains nothing by it."""
ProofVerdict: TypeAlias = Literal["sound", "unsound", "not_proved"]
"""unsound: a step says what is wrong with the task. not_proved: nothing is, as far as it could be tried."""


class AnswerFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of a task that an agent must not see."""

    path: str
    """POSIX path below the task's folder, in ``tests/``, ``solution/`` or those of a step."""
    size: int
    """Bytes."""
    digest: Fingerprint
    """SHA-256 of its bytes."""


class ExposedAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something of the environment that hands such a file to the agent."""

    place: str
    """File below the task's folder, with a line where there is one."""
    answer: str
    """What it hands out: a path below the task's folder."""


class ProofOpened(Event, frozen=True, tag="proof.opened"):
    """The proof of a task was begun."""

    task: str


class InspectionAsked(LookupAsked, frozen=True, tag="proof.inspection_asked"):
    """The folder of a task was to be looked through for what an agent must not see."""

    task: str


class TaskInspected(Event, frozen=True, tag="proof.inspected"):
    """It was."""

    digest: Fingerprint
    """Package digest of the folder."""
    solved: bool
    """Whether it has a solution for the oracle to run."""
    answers: tuple[AnswerFile, ...]
    """Files of tests and solution that are not empty."""
    exposed: tuple[ExposedAnswer, ...]
    """What the build context or the compose file hands to the agent."""
    tested: tuple[str, ...]
    """Absolute paths that scripts of the tests name, those of the verification itself left out."""
    told: tuple[str, ...]
    """Absolute paths that the instruction names."""


class InspectionFailed(Event, frozen=True, tag="proof.inspection_failed"):
    """The folder could not be read. This is no fault of the task."""

    detail: str


class ProofFinding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one step of a proof found."""

    step: ProofStep
    state: Literal["held", "failed", "not_proved", "skipped"]
    """failed: the task is at fault. not_proved: the infrastructure failed, or something is missing. skipped: the step
    says nothing of a task of this kind."""
    detail: str


class ProofConcluded(Decided, frozen=True, tag="proof.concluded"):
    """The proof ended."""

    verdict: ProofVerdict
    findings: tuple[ProofFinding, ...]
    """One for each step that was part of it."""
