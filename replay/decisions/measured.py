"""What was measured at a reflect step, kept for all settings that measure alike."""

from projections.pdi import Components, PdiInput, PdiSettings, measure


class Measured:
    """The components of one step. Fifty thresholds ask the same of the same texts, which may be long."""

    def __init__(self) -> None:
        self._found: dict[tuple[object, ...], Components] = {}

    def under(self, given: PdiInput, settings: PdiSettings) -> Components:
        """Measure, unless that was done.

        Args:
            given: What the step gives to read; always the same.
            settings: Of which only those are looked at that `measure` looks at.
        """
        calibrated = settings.method == "calibrated"
        key = (settings.likeness, settings.alpha, settings.facts_share, settings.sections, calibrated)
        if key not in self._found:
            self._found[key] = measure(given, settings)
        return self._found[key]
