"""What two revisions of a skill differ in, file by file."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.policies.scan.hidden_text import written_out
from events.values import NamedDigest
from views.runs import skills
from views.runs.show import text_of
from views.terminal.errors import UsageWrong
from views.terminal.format import plural
from views.terminal.log_access import OpenedLog
from views.training.trained_log import TrainedLog, skill_of_run

FileChange: TypeAlias = Literal["added", "removed", "changed"]
CONTEXT: Final = 3
"""Lines that are shown around each change."""


class FileDiffRow(msgspec.Struct, frozen=True, tag_field="row", tag="file_diff"):
    """A file in which two revisions of a skill differ."""

    before: str
    """The earlier revision, as `skills show` takes it."""
    after: str
    """The later one."""
    file: str
    """Path below the skill's folder."""
    change: FileChange
    added: int
    """Lines that only the later one has."""
    removed: int
    """Lines that only the earlier one has."""
    diff: str
    """Unified, with three lines of context. Lines end in LF."""


class _Side(NamedTuple):
    """A state of a skill."""

    name: str
    """As `skills show` takes it."""
    files: tuple[NamedDigest, ...]


async def tell(desk: OpenedLog, before: str, after: str | None) -> None:
    """Show what two revisions differ in; of one, what it changed of the one before it.

    Args:
        desk: The log.
        before: Names a revision; of a skill that was trained, 0 is the one that training began with.
        after: Names another one. None: the first is the later one, and compared with the revision before it.

    Raises:
        IdUnknown, IdAmbiguous: There is no such skill or revision, or several.
        UsageWrong: There is no revision before it.
    """
    first = await _side(desk, before)
    sides = (await _before(desk, before, first), first) if after is None else (first, await _side(desk, after))
    names = sides[0].name, sides[1].name
    texts = [{file.name: await text_of(desk.log, file.digest) for file in side.files} for side in sides]
    rows = list(diff_rows(names, *texts))
    desk.screen.show(rows, lambda rows: render(rows, names))


async def _side(desk: OpenedLog, text: str) -> _Side:
    skill, number = await skills.choose_skill(desk, text)
    if number == 0 and all(each.revision for each in skill.revisions):
        trained = await skill_of_run(desk.log, skill.latest.run)
        if trained is not None:
            return _initial(trained)
    chosen = await skills.choose(desk, text)
    return _Side(_name(chosen.run, chosen.skill, chosen.revision.revision), chosen.revision.files)


async def _before(desk: OpenedLog, text: str, later: _Side) -> _Side:
    skill = (await skills.choose_skill(desk, text)).skill
    names = [_name(each.run, skill.name, each.revision) for each in skill.revisions]
    index = names.index(later.name) if later.name in names else 0
    if index:
        return _Side(names[index - 1], skill.revisions[index - 1].files)
    trained = await skill_of_run(desk.log, skill.latest.run) if later.name in names else None
    if trained is None:
        raise UsageWrong(
            f"{later.name} is the first revision: there is none before it",
            remedy="name two revisions; `stillroom skills log` lists those of a skill",
        )
    return _initial(trained)


def _initial(trained: TrainedLog) -> _Side:
    return _Side(_name(trained.run.run, trained.run.skill, 0), trained.run.initial)


def _name(run: str, skill: str, revision: int) -> str:
    return f"{run}:{skill}@{revision}"


def diff_rows(names: tuple[str, str], before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[FileDiffRow]:
    """Compare two skills, file by file; those that are the same are left out.

    Args:
        names: What the two are called.
        before: Texts by path.
        after: The same.
    """
    for file in dict.fromkeys([*before, *after]):
        old, new = before.get(file), after.get(file)
        if old != new:
            change: FileChange = "added" if old is None else "removed" if new is None else "changed"
            lines = diff_lines(old or "", new or "", *(f"{name}/{file}" for name in names))
            changed = lines[2:]
            yield FileDiffRow(
                *names,
                file,
                change,
                sum(line.startswith("+") for line in changed),
                sum(line.startswith("-") for line in changed),
                "\n".join(lines) + "\n",
            )


def diff_lines(old: str, new: str, before: str = "before", after: str = "after") -> list[str]:
    """Give the lines of a unified diff of two texts; the first two name them."""
    split = old.splitlines(), new.splitlines()
    return list(unified_diff(*split, before, after, n=CONTEXT, lineterm=""))


def render(rows: Sequence[FileDiffRow], names: tuple[str, str]) -> RenderableType:
    """Draw diffs."""
    if not rows:
        return Text(f"{names[0]} and {names[1]} are the same", style="dim")
    parts: list[RenderableType] = []
    for row in rows:
        parts += [Text(), drawn_diff(row.diff.splitlines())] if parts else [drawn_diff(row.diff.splitlines())]
    added, removed = sum(row.added for row in rows), sum(row.removed for row in rows)
    total = f"\n{plural(len(rows), 'file')}, {plural(added, 'line')} added, {removed:,} removed"
    return Group(*parts, Text(total, style="dim"))


def drawn_diff(lines: Sequence[str]) -> Text:
    """Draw the lines of a diff; what is not seen is written out."""
    return Text("\n").join(Text(written_out(line.expandtabs()), style=_style(line)) for line in lines)


def _style(line: str) -> str:
    if line.startswith(("---", "+++")):
        return "bold"
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
