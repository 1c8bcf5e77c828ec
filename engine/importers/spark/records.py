"""What happened in one task of SPARK, as far as its files can be read."""

from typing import Final, Literal, NamedTuple, TypeAlias

from events.values import Role

Status: TypeAlias = Literal["PASS", "PARTIAL", "FAIL", "ERROR", "INFRA_ERROR"]
STATUSES: Final[dict[str, Status]] = {
    "PASS": "PASS",
    "PARTIAL": "PARTIAL",
    "FAIL": "FAIL",
    "ERROR": "ERROR",
    "INFRA_ERROR": "INFRA_ERROR",
}
NO_TRIAL: Final = "Execution failed:"
"""How SPARK begins the rows of an attempt that never came to a trial (SPARK, 2.2)."""


class Call(NamedTuple):
    """A recorded call of a model. None: the source does not hold it."""

    role: Role
    attempt: int
    model: str | None
    system: str | None
    user: str | None
    response: str | None
    input_tokens: int | None
    output_tokens: int | None
    latency_s: float | None


class PdiSnapshot(NamedTuple):
    """PDI as it was recorded."""

    step: int
    proxy_exec: float
    proxy_plan: float
    proxy_oss: float
    raw_pdi: float
    weight: float
    weighted_pdi: float
    triggered: bool
    level: Literal["soft", "strong"] | None


class SparkAttempt(NamedTuple):
    """An attempt."""

    number: int
    """As SPARK counts, from 0."""
    status: Status
    reward: float | None
    """None: nothing readable."""
    passed: int
    total: int
    commands: str
    summary: str
    stdout: str | None
    verifier_stdout: str | None
    error: str
    trial: bool
    """False: no trial came of it, so that nothing was judged."""
    injection: str | None = None
    """What was added to its instruction. None: the source does not hold it."""

    @property
    def judged(self) -> bool:
        """Whether a verifier was asked."""
        return self.trial and self.status != "INFRA_ERROR"

    @property
    def solved(self) -> bool:
        """Whether SPARK takes it for a success, whatever else went wrong."""
        return self.judged and self.reward is not None and self.reward >= 1.0


class Rewritten(NamedTuple):
    """A memo that came to be after an attempt."""

    attempt: int
    memo: str
    previous: str
    """Empty: there was none."""
    reflected: bool
    """False: a template, for which no model was asked."""
    snapshot: PdiSnapshot | None
    call: Call | None


class Facts(NamedTuple):
    """What is said about the whole. None: nothing says."""

    model: str | None
    agent: str | None
    max_attempts: int | None


class Story(NamedTuple):
    """All of it."""

    task: str
    facts: Facts
    attempts: tuple[SparkAttempt, ...]
    """By number."""
    memos: tuple[Rewritten, ...]
    """In the order in which they came to be."""
    distilled: tuple[Call, ...]
    skill: str | None
    injects: bool | None
    """Whether a reading that triggers is acted upon. None: the source does not say that it is only observed."""
    ended: bool
    """Whether SPARK finished the task: it writes no ``attempts.json`` for one that was cancelled."""


EMPTY: Final = Story("", Facts(None, None, None), (), (), (), None, None, ended=False)
"""What is told by files of which none can be read."""
