"""The audit of PDI as people read it."""

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from views.pdi.audit_rows import AuditedRow, AuditRow, ForesightRow, RateRow, SpreadRow
from views.pdi.statistics import Interval
from views.terminal.tables import heading, table

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
    parts += [heading("how often PDI triggers"), _overall(row for row in rates if row.step is None), ""]
    parts += [*(Text(line, style="dim") for line in _MEANING), ""]
    parts += [heading("by reflections before the step"), _by_step([row for row in rates if row.step is not None]), ""]
    spread = [row for row in rows if isinstance(row, SpreadRow)]
    if spread:
        parts += [heading("calibrated on the other half, over many splits"), _splits(spread), ""]
    parts += [
        heading("does low PDI foretell failure?"),
        _foretold(row for row in rows if isinstance(row, ForesightRow)),
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


def _overall(rows: Iterable[RateRow]) -> RenderableType:
    columns = [
        "method",
        "steps",
        "eligible",
        "triggered",
        "rate",
        "95 %",
        "recorded less this",
        "95 % (tasks)",
        "ratio",
    ]
    cells = [
        (
            row.method,
            row.made,
            str(row.eligible),
            str(row.triggered),
            f"{row.rate:.1%}",
            _shares(row.interval),
            "-" if row.difference is None else f"{row.difference:+.1%}",
            "-" if row.difference_interval is None else _shares(row.difference_interval),
            "-" if row.ratio is None else f"{row.ratio:.2f}",
        )
        for row in rows
    ]
    return table(columns, cells, right=columns[2:])


def _by_step(rows: Sequence[RateRow]) -> RenderableType:
    """Draw a line for each method and place, recorded steps beside noise."""
    columns = ["method", "step", "eligible", "triggered", "rate", "95 %", "values", "order", "tasks"]
    places = dict.fromkeys((row.method, row.step) for row in rows)
    cells = []
    for method, step in places:
        there = {row.made: row for row in rows if (row.method, row.step) == (method, step)}
        recorded = there.get("recorded")
        beside = [there.get(made) for made in ("values", "order", "tasks")]
        cells.append(
            (
                method,
                str(step),
                *(
                    (
                        str(recorded.eligible),
                        str(recorded.triggered),
                        f"{recorded.rate:.1%}",
                        _shares(recorded.interval),
                    )
                    if recorded
                    else ("0", "-", "-", "-")
                ),
                *("-" if row is None else f"{row.rate:.1%}" for row in beside),
            )
        )
    return table(columns, cells, right=columns[1:])


def _splits(rows: Iterable[SpreadRow]) -> RenderableType:
    columns = ["steps", "splits", "mean", "median", "largest", "within target"]
    cells = [
        (
            row.made,
            str(row.splits),
            f"{row.mean:.1%}",
            f"{row.median:.1%}",
            f"{row.largest:.1%}",
            "-" if row.made == "recorded" else f"{row.within / row.splits:.0%}",
        )
        for row in rows
    ]
    return table(columns, cells, right=columns[1:])


def _foretold(rows: Iterable[ForesightRow]) -> RenderableType:
    columns = ["method", "of the", "failed", "solved", "AUC", "95 %", "p", "failed of flagged", "failed of others"]
    cells = [
        (
            row.method,
            row.about,
            str(row.failed),
            str(row.solved),
            "-" if row.auc is None else f"{row.auc:.2f}",
            "-" if row.interval is None else f"{row.interval.low:.2f} to {row.interval.high:.2f}",
            "-" if row.p is None else f"{row.p:.2f}",
            f"{row.flagged_failed}/{row.flagged}",
            f"{row.failed - row.flagged_failed}/{row.failed + row.solved - row.flagged}",
        )
        for row in rows
    ]
    return table(columns, cells, right=columns[2:])


def _shares(interval: Interval) -> str:
    return f"{interval.low:.1%} to {interval.high:.1%}"
