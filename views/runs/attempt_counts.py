"""How many attempts a trial had, beside how many it may have."""

from projections.trials.state import Trial


def broken_of(trial: Trial) -> int:
    """Count the attempts of a trial that the infrastructure ended without a verdict."""
    ended = [each.outcome for each in trial.attempts.values() if each.abandoned is None]
    return sum(each is not None and each.kind == "infrastructure" for each in ended)


def attempts_told(finished: int, broken: int, most: int) -> str:
    """Write how many attempts were made of how many; those that did not count stand apart once there are more.

    Args:
        finished: Attempts that were not abandoned, those included that the infrastructure ended.
        broken: The latter.
        most: How many a trial may have.
    """
    return f"{finished} of {most}" if finished <= most else f"{finished - broken} of {most} + {broken} infrastructure"
