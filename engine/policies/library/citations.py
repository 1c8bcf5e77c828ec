"""Which files of a skill its document cites; pure. A file that nothing cites is never opened."""

import re
from collections.abc import Mapping
from typing import Final

from engine.policies.library.layout import HEAD, tier_of
from engine.policies.skill.split import SplitFault, split_skill

_WORD: Final = r"[\w./-]"


def uncited(files: Mapping[str, str]) -> tuple[str, ...]:
    """Name the files of tier 3 that the body of a skill's document does not cite by their path, sorted."""
    parts = split_skill(files.get(HEAD, ""))
    body = files.get(HEAD, "") if isinstance(parts, SplitFault) else parts.body
    return tuple(path for path in sorted(files) if tier_of(path) == 3 and not _cites(body, path))


def _cites(body: str, path: str) -> bool:
    """Say whether a path stands in a text as a whole, below the skill's folder or below ``./``, or behind another one.

    ``scripts/run.py`` is cited by ``python /skills/greet/scripts/run.py``, and not by ``scripts/run.pyc``.
    """
    return re.search(rf"(?:(?<!{_WORD})|(?<=/)){re.escape(path)}(?!\.?[\w/-])", body) is not None
