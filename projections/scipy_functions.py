"""Distribution functions of scipy: the one door to it.

It is loaded when the first figure is asked for, since loading it takes up to a second that no other command should pay.
"""

from importlib import import_module
from typing import Any, ClassVar

from events.errors import ExitCode, StillroomError


class StatisticsAbsent(StillroomError):
    """Raised when a figure needs scipy, and it is not installed."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(
            "intervals need scipy, which is not installed",
            remedy="run `pip install scipy`",
        )


def require() -> None:
    """Load what verdicts need, so that a command which pays for runs can refuse before the first.

    Raises:
        StatisticsAbsent: scipy is not installed.
    """
    _special()


def student_quantile(freedom: float, share: float) -> float:
    """Give the value under which Student's t lies with a probability.

    Args:
        freedom: Degrees of freedom; above 0, whole or not.
        share: The probability; in ]0, 1[.

    Raises:
        StatisticsAbsent: scipy is not installed.
    """
    return float(_special().stdtrit(freedom, share))


def student_tail(freedom: float, value: float) -> float:
    """Give the probability that Student's t lies under a value.

    Raises:
        StatisticsAbsent: scipy is not installed.
    """
    return float(_special().stdtr(freedom, value))


def shifted_student_tail(freedom: float, shift: float, value: float) -> float:
    """Give the probability that a noncentral t, with this noncentrality, lies under a value.

    Raises:
        StatisticsAbsent: scipy is not installed.
    """
    return float(_special().nctdtr(freedom, shift, value))


def scipy_stats() -> Any:
    """Give ``scipy.stats``, which has no types.

    Raises:
        StatisticsAbsent: scipy is not installed.
    """
    return _load("scipy.stats")


def _special() -> Any:
    return _load("scipy.special")


def _load(module: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise StatisticsAbsent from error
