"""What a look at a suite found."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.suites.checks.check import SuiteCheck, check_suite
from engine.suites.checks.finding import SuiteFinding
from events.types.suite import ROLES, Suite
from views.terminal.format import plural
from views.terminal.tables import TableView

_SHOWN: Final = 5
"""Findings of a rule that are drawn one by one, unless they are errors."""
_DIGITS: Final = 12


class SuiteRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="suite"):
    """A suite that was read."""

    name: str
    release: str | None
    """None: no ``suite.toml`` says."""
    digest: str
    environments: int
    families: int
    tasks: int
    roles: dict[str, int]
    """Tasks of each role."""
    curated: int
    """Families with a curated skill."""
    verifiers: dict[str, int]
    """Tasks by the kind of their tests: rubric, groups, count, other."""


class SuiteFindingRow(msgspec.Struct, frozen=True, tag_field="kind", tag="suite_finding"):
    """One thing about a suite."""

    weight: Literal["error", "warning", "note"]
    """error: it cannot be read, or its numbers would mean something else. warning: probably not what its author meant.
    note: worth knowing."""
    rule: str
    """What was looked for; ``file`` where a file of the suite is not as it has to be."""
    place: str
    what: str
    remedy: str


SuiteCheckRow: TypeAlias = SuiteRow | SuiteFindingRow


def suite_rows(folder: Path) -> list[SuiteCheckRow]:
    """Look a suite through. Blocking.

    Raises:
        SuiteAbsent: There is none.
    """
    found = check_suite(folder)
    faults = [SuiteFindingRow("error", "file", each.file, each.problem, each.remedy) for each in found.faults]
    findings = [
        SuiteFindingRow(each.weight, each.rule, each.place, each.what, each.remedy) for each in _by_weight(found)
    ]
    return [*([] if found.suite is None else [_row(found, found.suite)]), *faults, *findings]


def _by_weight(found: SuiteCheck) -> list[SuiteFinding]:
    order = ("error", "warning", "note")
    return sorted(found.findings, key=lambda each: (order.index(each.weight), each.rule, each.place, each.what))


def _row(found: SuiteCheck, suite: Suite) -> SuiteRow:
    roles = Counter(task.role for task in suite.tasks)
    return SuiteRow(
        name=suite.name,
        release=suite.release,
        digest=suite.digest,
        environments=len(suite.environments),
        families=len(suite.families),
        tasks=len(suite.tasks),
        roles={role: roles[role] for role in ROLES},
        curated=sum(bool(family.curated) for family in suite.families),
        verifiers=dict(sorted(found.verifiers.items())),
    )


def render(rows: Sequence[SuiteCheckRow]) -> RenderableType:
    """Draw what was found: errors whole, and of other rules the first few."""
    suites = [row for row in rows if isinstance(row, SuiteRow)]
    findings = [row for row in rows if isinstance(row, SuiteFindingRow)]
    counts = Counter(row.weight for row in findings)
    told = ", ".join(plural(counts[weight], weight) for weight in ("error", "warning", "note") if counts[weight])
    parts: list[RenderableType] = [Text(line) for row in suites for line in _lines(row)]
    if findings:
        parts += [Text(), _FINDINGS(list(_shown(findings)))]
    return Group(*parts, Text(told or "nothing is wrong with it"))


def _lines(row: SuiteRow) -> Iterator[str]:
    release = "no release" if row.release is None else f"release {row.release}"
    yield f"{row.name}, {release}, digest {row.digest[:_DIGITS]}"
    roles = ", ".join(f"T{number} {role} {row.roles[role]}" for number, role in enumerate(ROLES, start=1))
    families = f"{row.families} {'family' if row.families == 1 else 'families'}"
    grid = f"{plural(row.environments, 'environment')}, {families}"
    yield f"{grid} ({row.curated} with a curated skill), {plural(row.tasks, 'task')}: {roles}"
    yield f"tests: {', '.join(f'{kind} {number}' for kind, number in row.verifiers.items())}"


def _shown(rows: Sequence[SuiteFindingRow]) -> Iterator[SuiteFindingRow]:
    """Give errors whole; of other rules the first few, and how many more there are."""
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row.rule] += row.weight != "error"
        if row.weight == "error" or counts[row.rule] <= _SHOWN:
            yield row
    for rule, number in sorted(counts.items()):
        if number > _SHOWN:
            what = f"{number - _SHOWN} more of this rule"
            yield SuiteFindingRow("note", rule, "", what, "--json lists them all")


_FINDINGS: Final = TableView(
    SuiteFindingRow,
    "weight rule",
    ("place…", lambda row: row.place),
    ("what…", lambda row: f"{row.what} ({row.remedy})"),
)
