"""What is said at the end of a run: what came of each trial, what was learnt, what it cost, what to type next."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from events.errors import ExitCode
from views.runs.rows import WORDS, RunRow, TrialRow, render_trials
from views.runs.show import calls, spending, tokens
from views.runs.skills import SkillText
from views.terminal.format import plural, short
from views.terminal.tables import heading, one_line

SKILL_LINES = 14
"""How much of a skill is shown."""


class Suggestion(msgspec.Struct, frozen=True):
    """A command worth typing next, and what it shows."""

    command: str
    shows: str


def suggestions(run: RunRow, trials: Sequence[TrialRow]) -> list[Suggestion]:
    """Pick the four commands that say most about this run."""
    name = short(run.run)
    unusual = next((row for row in trials if row.interventions), None) or next(iter(trials), None)
    trial = f" {name}:{unusual.trial}" if unusual else f" {name}"
    return [
        Suggestion(f"stillroom show{trial}", "a trial, attempt by attempt"),
        Suggestion(f"stillroom pdi {name}", "how far each memo is grounded in evidence"),
        Suggestion("stillroom skills list", "the distilled skills"),
        Suggestion(f"stillroom replay {name}", "replay it from the log alone"),
    ]


def head_of(run: RunRow) -> Text:
    """Name a run and say where it stands."""
    called = run.run if run.name is None else f"{run.run} {run.name}"
    return Text.assemble(("run ", "bold"), (called, "bold"), f"  {run.state}")


def render(
    run: RunRow, trials: Sequence[TrialRow], skills: Sequence[SkillText], refused: Sequence[str] = ()
) -> RenderableType:
    """Draw the summary.

    Args:
        run: The run.
        trials: Its trials.
        skills: What it learnt.
        refused: What is to be said of memos and skills that were not taken.
    """
    parts: list[RenderableType] = ["", head_of(run)]
    if run.scripted:
        parts.append(Text("scripted model: its answers are canned, everything else is real", style="cyan"))
    parts += ["", render_trials(trials), ""]
    parts.append(Text(_totals(run)))
    parts += [Text(line, style="yellow") for line in refused]
    if run.no_verdict:
        parts.append(
            Text("no verdict: an infrastructure failure, or a limit was reached; it is not scored", style="dim")
        )
    if any(row.outcome == WORDS["budget"] for row in trials):
        parts.append(Text("budget reached: the upper bound of the next call exceeds what is left of it", style="dim"))
    # The one that was learnt from failures says most.
    made = {row.skill: len(row.interventions) for row in trials}
    skills = sorted(skills, key=lambda skill: -made.get(skill.skill, 0))
    for skill in skills[:1]:
        parts += [
            "",
            heading(f"distilled: {skill.skill}, revision {skill.revision}"),
            *_head(next(iter(skill.files.values()))),
        ]
    if skills[1:]:
        parts.append(Text(f"  and {plural(len(skills) - 1, 'more skill')}", style="dim"))
    parts += ["", heading("next")]
    picked = suggestions(run, trials)
    width = max(len(each.command) for each in picked)
    parts += [one_line(Text.assemble(f"  {each.command:<{width}}  ", (each.shows, "dim"))) for each in picked]
    return Group(*parts)


def _totals(run: RunRow) -> str:
    ended = f"{run.solved} solved, {run.unsolved} unsolved, {run.no_verdict} without a verdict"
    return f"{ended} · {calls(run)} · {tokens(run)} · {spending(run)}"


def _head(text: str) -> Iterable[RenderableType]:
    lines = text.splitlines()
    yield from (
        one_line(Text(f"  {line}", style="green" if line.startswith("#") else "")) for line in lines[:SKILL_LINES]
    )
    if len(lines) > SKILL_LINES:
        yield Text(f"  … {len(lines) - SKILL_LINES} more lines", style="dim")


def exit_code(outcomes: Mapping[str, str]) -> ExitCode:
    """Say what a run's end tells the shell. A task nobody solved is a result; a missing verdict is none."""
    ended = set(outcomes.values())
    if "budget" in ended:
        return ExitCode.BUDGET
    if "infrastructure" in ended:
        return ExitCode.NO_VERDICT
    return ExitCode.CANCELLED if "stopped" in ended else ExitCode.DONE
