"""PDI as a trial watches it."""

from engine.actors.history import TrialHistory
from engine.actors.reflect import MemoState
from engine.policies.intervention import Reading
from engine.scope import Scope
from engine.spec import PdiSpec


class Monitor:
    """Scratch."""

    def __init__(self, trial: str, spec: PdiSpec) -> None:
        self._spec = spec

    async def read(self, scope: Scope, history: TrialHistory, before: MemoState, after: MemoState) -> Reading | None:
        return None
