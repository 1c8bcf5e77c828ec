"""Read the reward a verifier left, as ``reference/harbor.md`` section a.4 has it. Pure."""

import json
import math
from typing import Final, Literal

from msgspec import Struct

from sandbox.archive import FileEntry

REWARD_JSON: Final = "reward.json"
REWARD_TEXT: Final = "reward.txt"

RewardFault = Literal["no_reward_file", "empty_reward_file", "malformed_reward", "ambiguous_reward"]


class Rewards(Struct, frozen=True):
    """What the verifier gave."""

    by_name: dict[str, float]
    """Finite numbers, at least one. Harbor sets no range."""
    reward: float
    """The one that counts: named ``reward``, or the only one there is."""


class RewardProblem(Struct, frozen=True):
    """Why there is no reward to be read."""

    reason: RewardFault
    detail: str


def read_reward(files: tuple[FileEntry, ...]) -> Rewards | RewardProblem:
    """The reward in ``/logs/verifier``; ``reward.json`` wins over ``reward.txt``.

    Several names without ``reward`` among them are ambiguous: which of them counts, or how, only the task's
    author could say (Harbor's own mean refuses them too), and a made-up mean would look like a fact. A ``reward.txt``
    beside them says: tasks of SkillEvolBench leave their score there, and parts of it in ``reward.json``.
    """
    by_path = {entry.path: entry for entry in files}
    table, text = by_path.get(REWARD_JSON), by_path.get(REWARD_TEXT)
    if table is not None:
        found = _read(table)
        return found if text is None or isinstance(found, Rewards) else _beside(table, text, found)
    if text is not None:
        return _read(text)
    return RewardProblem("no_reward_file", f"neither {REWARD_JSON} nor {REWARD_TEXT} is in /logs/verifier")


def _beside(table: FileEntry, text: FileEntry, unclear: RewardProblem) -> Rewards | RewardProblem:
    """Let the number in ``reward.txt`` count, and keep the names of ``reward.json`` beside it.

    A ``reward.json`` that cannot be read stays a problem, whatever stands beside it.
    """
    said = _read(text)
    named = _from_json((table.data or b"").decode("utf-8", "replace"))
    if isinstance(said, RewardProblem) or isinstance(named, str):
        return unclear
    return Rewards({**named, "reward": said.reward}, said.reward)


def _read(entry: FileEntry) -> Rewards | RewardProblem:
    if entry.data is None:
        return RewardProblem("malformed_reward", f"{entry.path} is a {entry.kind}, not a file")
    text = entry.data.decode("utf-8", "replace").strip()
    if not text:
        return RewardProblem("empty_reward_file", f"{entry.path} is empty")
    values = _from_json(text) if entry.path == REWARD_JSON else _from_text(text)
    if isinstance(values, str):
        return RewardProblem("malformed_reward", f"{entry.path}: {values}")
    return _choose(values)


def _from_text(text: str) -> dict[str, float] | str:
    try:
        number = float(text)
    except ValueError:
        return f"{text[:200]!r} is not a number"
    return {"reward": number} if math.isfinite(number) else f"{text} is not finite"


def _from_json(text: str) -> dict[str, float] | str:
    try:
        found = json.loads(text)
    except ValueError as error:
        return f"not JSON: {error}"
    if not isinstance(found, dict) or not found:
        return "not an object of numbers"
    wrong = [key for key, value in found.items() if not _is_number(value)]
    if wrong:
        return f"{wrong[0]!r} is {json.dumps(found[wrong[0]])[:200]}, not a finite number"
    return {key: float(value) for key, value in found.items()}


def _is_number(value: object) -> bool:
    """A finite number; a boolean is 1.0 or 0.0, as for Harbor."""
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:
        return False


def _choose(values: dict[str, float]) -> Rewards | RewardProblem:
    if "reward" in values:
        return Rewards(values, values["reward"])
    if len(values) == 1:
        return Rewards(values, next(iter(values.values())))
    return RewardProblem("ambiguous_reward", f"{', '.join(sorted(values))}: none of them is named 'reward'")
