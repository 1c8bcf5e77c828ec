"""Records of SkillEvolBench, as it writes them; fields that are not named here have no place in the log."""

from typing import Any, Final, Literal, NamedTuple

import msgspec

from engine.importers.loose_json import JsonUnreadable, converted, read_json
from events.values import Outcome, Usage

Pass = Literal["primary", "replay", "oracle"]
_PASSES: Final[dict[str, Pass]] = {"primary": "primary", "within_env_replay": "replay", "shadow_oracle": "oracle"}
_SUFFIXES: Final[dict[str, Pass]] = {"__replay": "replay", "__oracle_shadow": "oracle"}
_KNOWN_COSTS: Final = frozenset({"agent_reported", "computed_from_tokens"})


class FailedTestRecord(msgspec.Struct, frozen=True):
    """A test that failed."""

    name: str = ""
    message: str = ""
    group: str = "outcome"


class OutcomeRecord(msgspec.Struct, frozen=True):
    """What the verifier said of a trial."""

    reward: float | None = None
    normalized_score: float = 0.0
    outcome_passed: bool | None = None
    process_passed: bool | None = None
    failed_tests: list[FailedTestRecord] = []
    rubric_dimensions: list[dict[str, Any]] = []
    n_input_tokens: int = 0
    n_output_tokens: int = 0
    n_cache_tokens: int = 0
    cost_usd: float = 0.0
    cost_source: str = ""


class ReplayRecord(msgspec.Struct, frozen=True):
    """A trial."""

    task_id: str
    family_id: str
    env_id: str
    task_role: str
    outcome: OutcomeRecord
    timestamp: str = ""
    replay_mode: str = "primary"
    library_hash_pre: str | None = None
    library_hash_post: str | None = None
    retrieval: dict[str, Any] | None = None
    skills_actually_used: list[str] = []
    trajectory_compact: dict[str, Any] = {}
    trajectory_compact_rough: dict[str, Any] = {}
    reflection: dict[str, Any] | None = None
    """Of the fork that lets the solver's own session reflect."""


class ReadRecord(NamedTuple):
    """A record, with where it stands."""

    file: str
    said: ReplayRecord
    doubts: tuple[str, ...]
    further: tuple[str, ...]
    """Keys that it has besides."""

    @property
    def passing(self) -> Pass:
        """Which pass over the tasks the trial belongs to."""
        by_name = next((found for end, found in _SUFFIXES.items() if self.said.task_id.endswith(end)), None)
        return by_name or _PASSES.get(self.said.replay_mode, "primary")

    @property
    def task(self) -> str:
        """Id of the task, such as ``E1-LS1-T6``."""
        return self.said.task_id.partition("__")[0]

    @property
    def trial(self) -> str:
        """What the trial is called here."""
        return self.task if self.passing == "primary" else f"{self.task}.{self.passing}"


def read_record(file: str, data: bytes) -> ReadRecord:
    """Read a record.

    Raises:
        JsonUnreadable: It is none.
    """
    value, doubts = read_json(data)
    said, more = converted(value, ReplayRecord)
    if not said.task_id or "/" in said.task_id:
        raise JsonUnreadable("names no task")
    further = sorted(set(value) - set(ReplayRecord.__struct_fields__))
    return ReadRecord(file, said, (*doubts, *more), tuple(further))


def outcome_of(record: ReplayRecord) -> Outcome:
    """Say how a trial ended, in our words.

    The source writes a reward of 0.0 where the verifier left none. Where nothing else of a record says that tests ran,
    that 0.0 is no score.
    """
    said = record.outcome
    if said.reward is None:
        return Outcome("no_verdict", None, "the record holds no reward")
    ran = said.failed_tests or said.rubric_dimensions or said.outcome_passed is not None or said.normalized_score
    if said.reward == 0.0 and not ran and said.process_passed is None:
        return Outcome("no_verdict", None, "reward 0.0 and no report: the source writes 0.0 where there is no reward")
    return Outcome("solved" if said.reward >= 1.0 else "failed", said.reward, "")


def usage_of(record: ReplayRecord) -> tuple[Usage, float | None] | None:
    """Give tokens, and dollars where the source knows them. None: it counted nothing."""
    said = record.outcome
    if not (said.n_input_tokens or said.n_output_tokens or said.n_cache_tokens or said.cost_usd):
        return None
    cost = said.cost_usd if said.cost_source in _KNOWN_COSTS else None
    return Usage(said.n_input_tokens, said.n_output_tokens, said.n_cache_tokens, None), cost
