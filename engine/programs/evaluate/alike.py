"""Arms that are written differently and are one: their cells would be stored, and found, under one key."""

from collections.abc import Mapping

from engine.config.errors import ConfigProblem, ConfigRefused
from engine.programs.evaluate.arms import series_of
from engine.programs.evaluate.spec import EvaluateSpec
from events.digest import Digest


def refuse_alike(settings: EvaluateSpec, conditions: Mapping[str, Digest]) -> None:
    """Compare arms by what reaches the model.

    Args:
        settings: The arms.
        conditions: Digests by arm; those of items with skills of their own under ``arm/item``.

    Raises:
        ConfigRefused: Two arms have one condition in one series. Fresh repeats (``again``) have a series of their own.
    """
    seen: dict[object, str] = {}
    problems: list[ConfigProblem] = []
    for name in sorted(settings.arms):
        of_items = tuple(
            (key.removeprefix(f"{name}/"), digest)
            for key, digest in sorted(conditions.items())
            if key.startswith(f"{name}/")
        )
        before = seen.setdefault((series_of(settings, name), conditions.get(name), of_items), name)
        if before != name:
            problem = f"the arms {before} and {name} are one condition, though they are written differently"
            remedy = f'leave one out, or write again = "{before}" to measure it with fresh runs'
            problems.append(ConfigProblem("the spec", f"evaluate.arms.{name}", problem, remedy))
    if problems:
        raise ConfigRefused(problems)
