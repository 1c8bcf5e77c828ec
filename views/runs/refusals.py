"""Memos and skills of models that were refused: answers came, and none of them could be used."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, Literal

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.core.lineage import pages_of
from events.base import Recorded
from events.store.base import EventLog, Selection
from events.types.memo import MemoKept, MemoRewritten
from events.types.skill import SkillRefused
from views.terminal.format import plural, short
from views.terminal.log_access import OpenedLog
from views.terminal.tables import TableView

What = Literal["memo", "skill"]
_TAGS: Final = frozenset({"memo.kept", "memo.rewritten", "skill.refused"})


class RefusalRow(msgspec.Struct, frozen=True, tag_field="kind", tag="refused"):
    """A memo or a skill that was not taken."""

    run: str
    trial: str
    what: What
    attempt: int | None
    """After which a memo was to be rewritten. None: a skill, which is written at the end of its trial."""
    problems: tuple[str, ...]
    """What was wrong with the last answer, or why there was none."""


class Refusals(msgspec.Struct, frozen=True):
    """What was refused, and out of how many."""

    rows: tuple[RefusalRow, ...]
    memos: int
    """Memos that were asked for, refused or not."""

    def of(self, what: What) -> tuple[RefusalRow, ...]:
        """Give those of one kind."""
        return tuple(row for row in self.rows if row.what == what)

    def told(self) -> Iterator[str]:
        """Say how many, and why most often."""
        memos, skills = self.of("memo"), self.of("skill")
        if memos:
            yield f"refused: {len(memos)} of {plural(self.memos, 'memo')}, the one before stayed; {_why(memos)}"
        if skills:
            yield f"refused: {plural(len(skills), 'skill')} of solved trials; {_why(skills)}"


def _why(rows: Sequence[RefusalRow]) -> str:
    """Give the reason that is given most often, the first of several."""
    (reason, times), *others = Counter(row.problems[0] if row.problems else "no reason" for row in rows).most_common()
    return f"{reason} ({times})" if others else reason


async def refusals(log: EventLog, run: str | None = None) -> Refusals:
    """Read what was refused in a run, or in all runs of a log. A fork has what it shares, too."""
    rows: list[RefusalRow] = []
    memos = 0
    async for page in pages_of(log, Selection(run=run, tags=_TAGS)):
        for recorded in page:
            memos += isinstance(recorded.event, MemoKept | MemoRewritten)
            rows += _row(recorded)
    return Refusals(tuple(rows), memos)


def _row(recorded: Recorded) -> Iterator[RefusalRow]:
    run, trial = recorded.stream.run, recorded.stream.name.partition("/")[2]
    match recorded.event:
        case MemoKept() as kept:
            yield RefusalRow(run, trial, "memo", kept.attempt, kept.problems)
        case SkillRefused() as refused:
            yield RefusalRow(run, trial, "skill", None, refused.problems)
        case _:
            pass


def _notes(rows: Sequence[RefusalRow]) -> Iterator[RenderableType]:
    run = short(rows[0].run)
    yield Text(f"`stillroom why-not {run}:{rows[0].trial}` shows the answers and what was wrong with them", style="dim")


REFUSED: Final = TableView(
    RefusalRow,
    ("refused", lambda row: row.what),
    "run… trial…",
    (">attempt", lambda row: row.attempt),
    ("why…", lambda row: "; ".join(row.problems)),
    notes=_notes,
)


MOST_NAMED: Final = 3
"""Trials that a line names, of all that were refused for the same reason."""


class RefusalGroup(msgspec.Struct, frozen=True):
    """What a run refused for the same reason."""

    rows: tuple[RefusalRow, ...]
    """Never empty."""

    @property
    def places(self) -> str:
        """Name the first of them: attempts, or trials."""
        named = [each.trial if each.attempt is None else f"{each.trial}/{each.attempt}" for each in self.rows]
        more = len(named) - MOST_NAMED
        return ", ".join(named[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def groups_of(rows: Sequence[RefusalRow]) -> list[RefusalGroup]:
    """Put together what has the same reason, in the order in which it came first."""
    found: dict[tuple[str, str, tuple[str, ...]], list[RefusalRow]] = {}
    for row in rows:
        found.setdefault((row.run, row.what, row.problems), []).append(row)
    return [RefusalGroup(tuple(each)) for each in found.values()]


_GROUPS: Final = TableView(
    RefusalGroup,
    ("refused", lambda group: plural(len(group.rows), group.rows[0].what)),
    ("run", lambda group: group.rows[0].run),
    ("of…", lambda group: group.places),
    ("why…", lambda group: "; ".join(group.rows[0].problems)),
    notes=lambda groups: _notes(groups[0].rows),
)


async def tell_refused(desk: OpenedLog, what: What, run: str | None = None) -> None:
    """Show what was refused in a run, or in all runs, if anything was."""
    found = (await refusals(desk.log, run)).of(what)
    if found:
        desk.screen.show(found, lambda rows: Group("", _GROUPS(groups_of(rows))), REFUSED)
