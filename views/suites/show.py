"""What a suite holds, task by task."""

from pathlib import Path
from typing import Final

import msgspec

from engine.suites.errors import suite_told
from engine.suites.read import read_suite
from events.digest import digest_of
from events.types.suite import slug_of_skill
from views.terminal.tables import TableView


class SuiteTaskRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="suite_task"):
    """A task of a suite."""

    suite: str
    """Name, release and digest of the suite in a line."""
    id: str
    task: str
    """Name of its folder."""
    environment: str
    family: str
    """Its id."""
    skill: str
    """Name of the folder of the family's skill."""
    role: str
    phase: str
    needs: tuple[str, ...]
    """Names of the skills that a composition needs, in their order."""
    traps: tuple[str, ...]


def suite_task_rows(folder: Path) -> list[SuiteTaskRow]:
    """Read a suite and list its tasks. Blocking.

    Raises:
        SuiteAbsent: There is none.
        SuiteInvalid: Something of it is wrong.
    """
    suite = read_suite(folder, digest_of, ())
    slugs = {family.id: family.slug for family in suite.families}
    named = {each.id: each.slug for each in suite.environments}
    return [
        SuiteTaskRow(
            suite=suite_told(suite),
            id=task.id,
            task=task.task,
            environment=named[task.environment],
            family=task.family,
            skill=slugs[task.family],
            role=task.role,
            phase=task.phase,
            needs=tuple(map(slug_of_skill, task.order)),
            traps=task.traps,
        )
        for task in suite.tasks
    ]


SUITE_TASKS: Final = TableView(
    SuiteTaskRow,
    "id",
    ("task…", lambda row: row.task),
    ("environment…", lambda row: row.environment),
    "skill role phase",
    ("needs…", lambda row: ", ".join(row.needs) or None),
    ("traps…", lambda row: ", ".join(row.traps) or None),
    notes=lambda rows: sorted({row.suite for row in rows}),
)
