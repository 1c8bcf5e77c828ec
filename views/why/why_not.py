"""Why not: what stood in the way of an attempt that was never judged solved, or of a skill that was never accepted."""

from collections.abc import Sequence
from typing import assert_never

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.core.lineage import streams_of
from engine.policies.skill.split import skill_name_for
from events.base import Ref
from events.errors import ExitCode
from replay.why.loader import Past
from replay.why.missing import Obstacle, WhyNotAnswer, attempt_unsolved, trial_without_skill
from views.terminal.errors import IdUnknown, UsageWrong
from views.terminal.ids import (
    AttemptTarget,
    BlobTarget,
    EventTarget,
    ItemTarget,
    PlaceTarget,
    RunTarget,
    TrialTarget,
    find_run,
    find_target,
)
from views.terminal.log_access import OpenedLog
from views.terminal.tables import one_line
from views.why.chain import check, render_checked, verdict
from views.why.target import EventAddress


class ObstacleRow(msgspec.Struct, frozen=True, tag_field="row", tag="obstacle"):
    """One thing that stood in the way, in order of time."""

    target: str
    at: str
    """Id of the event that says so; `show` and `why` take it."""
    tag: str
    said: str
    details: tuple[str, ...]
    """Failed checks, broken rules, or how it ended."""


async def tell(desk: OpenedLog, text: str) -> ExitCode:
    """Show what stood in the way, and make the decisions that it rests on again.

    Raises:
        IdUnknown, IdAmbiguous: There is no such attempt or trial, or there are several.
        UsageWrong: It was solved, or the skill was accepted; or nothing is known of it yet.
        CauseLost: Bytes that the last decision rests on are gone.
    """
    target = await _target(desk, text)
    past = Past(desk.log, target.run)
    answer = await _answer(past, target)
    if answer.won is not None:
        won = answer.won
        raise UsageWrong(
            f"{text} {'has an accepted skill' if isinstance(target, TrialTarget) else 'was judged solved'}",
            remedy=f"`stillroom why {target.run}:{won.stream.name}@{won.version}` shows why",
        )
    if not answer.obstacles:
        raise UsageWrong(f"no decision about {text} has been recorded yet", remedy=f"`stillroom resume {target.run}`")
    desk.screen.show([_row(text, each) for each in answer.obstacles], _render)
    last = answer.obstacles[-1].at
    place = EventAddress(target.run, Ref(last.stream.name, last.version))
    checking = await check(desk, place, f"{place.run}:{place.at.stream}@{place.at.version}")
    desk.screen.draw(checking.row(), render_checked)
    return verdict(checking)


async def _answer(past: Past, target: AttemptTarget | TrialTarget) -> WhyNotAnswer:
    match target:
        case AttemptTarget(_, trial, attempt):
            return await attempt_unsolved(past, trial, attempt)
        case TrialTarget(_, trial):
            return await trial_without_skill(past, trial)
        case _:
            assert_never(target)


async def _target(desk: OpenedLog, text: str) -> AttemptTarget | TrialTarget:
    """Find an attempt or a trial; by the name that its skill would have, too."""
    try:
        found = await find_target(desk.log, text)
    except IdUnknown:
        run_text, colon, name = text.rpartition(":")
        run = await find_run(desk.log, run_text if colon else "@latest")
        for stream in await streams_of(desk.log, run):
            kind, _, trial = stream.partition("/")
            if kind == "trial" and skill_name_for(trial) == name:
                return TrialTarget(run, trial)
        raise
    match found:
        case AttemptTarget() | TrialTarget():
            return found
        case ItemTarget() | PlaceTarget() | EventTarget() | RunTarget() | BlobTarget():
            raise UsageWrong(
                f"{text} is not an attempt, a trial or a skill", remedy="pass TRIAL/2, TRIAL, or the name of a skill"
            )
        case _:
            assert_never(found)


def _row(text: str, obstacle: Obstacle) -> ObstacleRow:
    at = obstacle.at
    place = f"{at.stream.run}:{at.stream.name}@{at.version}"
    details = tuple(each for each in obstacle.details if each)
    return ObstacleRow(text, place, str(at.event.__struct_config__.tag), obstacle.said, details)


def _render(rows: Sequence[ObstacleRow]) -> RenderableType:
    lines: list[RenderableType] = []
    for row in rows:
        lines.append(one_line(Text.assemble((row.said, "bold"), f"  {row.tag}  ", (row.at.partition(":")[2], "cyan"))))
        lines += [one_line(Text(f"  {each}")) for each in row.details]
    return Group(*lines)
