"""The learning rate: how many edits one step may apply at most; pure.

It is a function of how many steps came as far as choosing edits, so that a step which is skipped uses none of it up,
and a resumed run goes on where it stopped (SkillOpt resumes with the number of the step instead, W5).
"""

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final, Literal, get_args

from msgspec import Struct

from engine.policies.training.errors import SettingUnknown

RateMode = Literal["constant", "linear", "cosine", "autonomous", "none"]
"""How the rate runs: three schedules, a choice of the optimizer at each step, or no limit."""
MODES: Final[tuple[RateMode, ...]] = get_args(RateMode)
_DIGITS: Final = 12
_INTEGER: Final = re.compile(r"-?\d+")


class RateRule(Struct, frozen=True):
    """How the rate runs over a training run.

    Attributes:
        mode: The schedule. ``none`` sets no limit; SkillOpt's ``none`` still limits as its schedule does (W14),
            which is had by naming that schedule.
        most: Edits in the first step at most, 1 or more; in every step of a ``constant`` rate.
        least: Edits in the last step at most. A decaying rate with ``least`` above ``most`` gives ``least`` throughout.
        steps: Steps of the whole run, 0 or more. A run of one step has ``most``.
        compatible: Whether a rate that lies halfway between two numbers is rounded as the last bits of SkillOpt's
            binary arithmetic have it. False: exactly, or from 12 digits of a cosine, to the even number.
    """

    mode: RateMode = "cosine"
    most: int = 4
    least: int = 2
    steps: int = 1
    compatible: bool = False


def rate_at(rule: RateRule, step: int) -> int | None:
    """Say how many edits a step may apply.

    Args:
        rule: How the rate runs.
        step: Which of the steps that came as far as choosing edits, from 1. Beyond the last it stays as it was.

    Returns:
        Edits at most, or None: no limit, which is so for ``none``, and for ``autonomous``, where the optimizer is
        asked.

    Raises:
        SettingUnknown: There is no such mode.
    """
    match rule.mode:
        case "autonomous" | "none":
            return None
        case "constant":
            return rule.most
        case "linear" | "cosine" if rule.steps <= 1:
            return rule.most
        case "linear":
            return max(rule.least, round(_on_line(rule, step)))
        case "cosine":
            return max(rule.least, round(_on_cosine(rule, step)))
        case _:
            raise SettingUnknown("rate.mode", rule.mode, MODES)


def reflect_budget(rule: RateRule, step: int) -> int:
    """Say how many edits a reflection is asked for at most, at a step as in `rate_at`.

    It is the rate of the step, so that no edits are asked for which the step then throws away. SkillOpt asks for the
    highest rate at every step (W21); so does a rate that is not known when a step begins.
    """
    rate = None if rule.compatible else rate_at(rule, step)
    return rule.most if rate is None else rate


class RateRead(Struct, frozen=True):
    """What an optimizer chose that was asked for the rate of one step.

    Attributes:
        rate: Edits to apply, at most as many as there are.
        claimed: What it said, 0 or more. 0 as well if nothing could be read.
        readable: Whether a number could be read. If not, the rate is 0, and nothing is applied.
    """

    rate: int
    claimed: int
    readable: bool


def read_rate(answer: Mapping[str, object] | None, available: int) -> RateRead:
    """Read the rate from an optimizer's answer.

    Args:
        answer: The object it answered with; what counts is ``learning_rate``. None: there was none.
        available: Edits there are to choose from, 0 or more.
    """
    claimed = None if answer is None else _read_count(answer.get("learning_rate"))
    if claimed is None:
        return RateRead(rate=0, claimed=0, readable=False)
    return RateRead(rate=min(claimed, available), claimed=claimed, readable=True)


def _read_count(value: object) -> int | None:
    match value:
        case bool():
            return None
        case int():
            return max(0, value)
        case float() if value.is_integer():
            return max(0, int(value))
        case _:
            return _count_in(str(value or ""))


def _count_in(text: str) -> int | None:
    found = _INTEGER.search(text)
    try:
        return None if found is None else max(0, int(found.group()))
    except ValueError:  # thousands of digits, which Python does not convert
        return None


def _on_line(rule: RateRule, step: int) -> float | Fraction:
    done = min(step, rule.steps)
    share = done / rule.steps if rule.compatible else Fraction(done, rule.steps)
    return rule.most + (rule.least - rule.most) * share


def _on_cosine(rule: RateRule, step: int) -> float:
    share = min(step, rule.steps) / rule.steps
    value = rule.least + 0.5 * (rule.most - rule.least) * (1 + math.cos(math.pi * share))
    return value if rule.compatible else round(value, _DIGITS)
