"""PDI as a trial watches it: one monitor that decides, and any number that look on."""

from engine.core.decision import Made
from engine.core.scope import Scope
from engine.programs.explore import points
from engine.programs.explore.history import TrialHistory
from events.types.decision import Earlier, Seen, Text
from events.types.pdi import PdiRead
from projections.pdi.inputs import PdiSaw


class Monitor:
    """Reads PDI after each reflection. It remembers where the reading before stands."""

    def __init__(self) -> None:
        self._earlier: Earlier | None = None

    async def read(
        self, scope: Scope, history: TrialHistory, memo: Text, before: Text | None
    ) -> Seen[points.PdiRuling]:
        """Read under every settings, record all, and give the reading that decides."""
        assert history.commands is not None
        assert history.summary is not None
        saw = PdiSaw(
            memo=memo,
            previous_memo=before,
            commands=history.commands,
            summary=history.summary,
            previous_summary=history.summary_before,
            step=history.steps,
            earlier=self._earlier,
        )

        def says(ruling: points.PdiRuling, made: Made) -> PdiRead:
            return read_event(history.attempts, saw, ruling, made)

        seen = await scope.decide(points.PDI, saw, says)
        self._earlier = scope.decided
        return seen


def read_event(attempt: int, saw: PdiSaw, ruling: points.PdiRuling, made: Made) -> PdiRead:
    """Record a reading with all that it saw."""
    assert ruling.method is not None, "we say by which method we read"
    assert ruling.valid is not None, "we say whether a reading is valid"
    assert saw.commands is not None, "an attempt came before"
    assert saw.summary is not None, "an attempt came before"
    return PdiRead(
        attempt=attempt,
        step=ruling.step,
        monitor=made.shadow or points.ACTIVE,
        settings=made.rule,
        method=ruling.method,
        proxy_exec=ruling.proxy_exec,
        proxy_plan=ruling.proxy_plan,
        proxy_oss=ruling.proxy_oss,
        raw_pdi=ruling.raw_pdi,
        weight=ruling.weight,
        weighted_pdi=ruling.weighted_pdi,
        triggered=ruling.triggered,
        level=ruling.level,
        valid=ruling.valid,
        reasons=ruling.reasons,
        memo=saw.memo.text,
        previous_memo=None if saw.previous_memo is None else saw.previous_memo.text,
        commands=saw.commands.text,
        test_summary=saw.summary.text,
    )
