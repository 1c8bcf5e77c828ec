"""The audit of PDI as people read it."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from rich.console import Group, RenderableType
from rich.text import Text

from projections.pdi.audit import Made
from views.pdi.audit_rows import AuditedRow, AuditRow, ForesightRow, RateRow, SpreadRow
from views.pdi.statistics import Interval
from views.terminal.tables import TableView, heading

_MEANING: Final = (
    "values: each component drawn by itself out of those recorded; order: the texts of a trial in a drawn order;",
    "tasks: commands and test rows of another task. A trigger on values or order is a false alarm. A memo beside",
    "another task's commands does rest on nothing: there, a method that measures grounding ought to trigger.",
)

_RANKED: Final = "of the steps that every method can read; AUC 0.5 says nothing, a handful of solved ones not much more"


def render(rows: Sequence[AuditRow]) -> RenderableType:
    """Draw an audit."""
    parts: list[RenderableType] = []
    for row in rows:
        if isinstance(row, AuditedRow):
            parts += [*_head(row), ""]
    rates = [row for row in rows if isinstance(row, RateRow)]
    parts += [heading("how often PDI triggers"), _OVERALL([row for row in rates if row.step is None]), ""]
    parts += [*(Text(line, style="dim") for line in _MEANING), ""]
    parts += [
        heading("by reflections before the step"),
        _BY_STEP(_steps([row for row in rates if row.step is not None])),
        "",
    ]
    spread = [row for row in rows if isinstance(row, SpreadRow)]
    if spread:
        parts += [heading("calibrated on the other half, over many splits"), _SPLITS(spread), ""]
    parts += [
        heading("does low PDI foretell failure?"),
        _FORETOLD([row for row in rows if isinstance(row, ForesightRow)]),
    ]
    return Group(*parts, Text(_RANKED, style="dim"))


def _head(row: AuditedRow) -> list[Text]:
    stated = row.reference
    figures = ", ".join(
        f"{name} {mean:.4f} ± {sd:.4f}"
        for name, (mean, sd) in zip(("exec", "plan", "oss"), stated.spreads, strict=True)
    )
    said = [f"audited  {len(row.audited)} tasks: {', '.join(row.audited)}"]
    if row.fitted:
        said.append(f"fitted   {len(row.fitted)} tasks: {', '.join(row.fitted)}")
    said += [
        f"seed {row.seed}, {row.rounds} rounds of noise",
        f"calibrated goes by {figures}; threshold {stated.threshold:.4f} for {stated.false_alarm:.0%} false alarms",
        f"from {stated.source}",
    ]
    return [Text(line) for line in said]


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.1%}"


def _shares(interval: Interval | None) -> str | None:
    return None if interval is None else f"{interval.low:.1%} to {interval.high:.1%}"


def _figure(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"


class _Step(NamedTuple):
    """The rates of a method at one place in a trial, by the kind of steps."""

    method: str
    step: int | None
    rates: Mapping[Made, RateRow]

    def rate(self, made: Made) -> str | None:
        row = self.rates.get(made)
        return _share(None if row is None else row.rate)


_OVERALL: Final = TableView(
    RateRow,
    "method",
    ("steps", lambda row: row.made),
    ">eligible >triggered",
    (">rate", lambda row: _share(row.rate)),
    (">95 %", lambda row: _shares(row.interval)),
    (">recorded less this", lambda row: None if row.difference is None else f"{row.difference:+.1%}"),
    (">95 % (tasks)", lambda row: _shares(row.difference_interval)),
    (">ratio", lambda row: _figure(row.ratio)),
)
_BY_STEP: Final = TableView(
    _Step,
    "method >step",
    (">eligible", lambda at: at.rates["recorded"].eligible if "recorded" in at.rates else 0),
    (">triggered", lambda at: at.rates["recorded"].triggered if "recorded" in at.rates else None),
    (">rate", lambda at: at.rate("recorded")),
    (">95 %", lambda at: _shares(at.rates["recorded"].interval if "recorded" in at.rates else None)),
    (">values", lambda at: at.rate("values")),
    (">order", lambda at: at.rate("order")),
    (">tasks", lambda at: at.rate("tasks")),
)
_SPLITS: Final = TableView(
    SpreadRow,
    ("steps", lambda row: row.made),
    ">splits",
    (">mean", lambda row: _share(row.mean)),
    (">median", lambda row: _share(row.median)),
    (">largest", lambda row: _share(row.largest)),
    (">within target", lambda row: None if row.made == "recorded" else f"{row.within / row.splits:.0%}"),
)
_FORETOLD: Final = TableView(
    ForesightRow,
    "method",
    ("of the", lambda row: row.about),
    ">failed >solved",
    (">AUC", lambda row: _figure(row.auc)),
    (">95 %", lambda row: row.interval and f"{row.interval.low:.2f} to {row.interval.high:.2f}"),
    (">p", lambda row: _figure(row.p)),
    (">failed of flagged", lambda row: f"{row.flagged_failed}/{row.flagged}"),
    (">failed of others", lambda row: f"{row.failed - row.flagged_failed}/{_others(row)}"),
)


def _others(row: ForesightRow) -> int:
    return row.failed + row.solved - row.flagged


def _steps(rows: Sequence[RateRow]) -> list[_Step]:
    """Put the kinds of steps at each place beside each other."""
    places: dict[tuple[str, int | None], dict[Made, RateRow]] = {}
    for row in rows:
        places.setdefault((row.method, row.step), {})[row.made] = row
    return [_Step(method, step, rates) for (method, step), rates in places.items()]
