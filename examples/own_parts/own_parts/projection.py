"""A projection: how many answers each attempt took."""

import msgspec

import stillroom as st


class TurnsState(msgspec.Struct):
    """Answers by run and stream."""

    runs: dict[str, dict[str, int]] = {}


class Turns:
    """Counts answers of models."""

    name = "turns"
    revision = 1
    tags: frozenset[str] | None = frozenset({"model.call_answered"})

    def initial(self) -> TurnsState:
        """None so far."""
        return TurnsState()

    def state_type(self) -> type[TurnsState]:
        """For snapshots."""
        return TurnsState

    def needs(self, recorded: st.Recorded) -> tuple[st.Digest, ...]:
        """No bytes."""
        del recorded
        return ()

    def apply(self, state: TurnsState, recorded: st.Recorded, blobs: st.Blobs) -> TurnsState:
        """Count one."""
        del blobs
        run, stream = recorded.stream
        counts = state.runs.setdefault(run, {})
        if isinstance(recorded.event, st.ModelAnswered):
            counts[stream] = counts.get(stream, 0) + 1
        return state
