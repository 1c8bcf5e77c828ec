"""A run told on one page: what came of each trial, attempt by attempt, over time, with skills, costs and failures.

For every run that is not told by a page of its own program; of imported runs as far as their source goes.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from engine.config.program_registry import CONSTRUCT, PROVE
from engine.core.fold import fold, fold_run
from engine.core.lineage import pages_of
from events.digest import Digest
from events.errors import BlobErased
from events.store.base import EventLog, Head, Selection
from events.types.run import RunOpened
from projections.constructions import Constructions
from projections.cost import RunCost, Spending
from projections.library import Library, SkillLibrary
from projections.pdi.dynamics import Dynamics, DynamicsReading, TrialDynamics
from projections.timeline import RunTimeline, TimedAttempt, Timelines
from projections.trials.state import Run
from views.runs.rows import AttemptRow, RunRow, RunsView, TrialRow, attempt_rows, look, run_row, trial_rows
from views.runs.show import calls, spending, text_of, tokens
from views.runs.spending import sums, written
from views.runs.timeline_chart import TimelineChart, timeline_chart
from views.terminal.format import UNKNOWN, count, duration, plural, reward, short, when
from views.terminal.log_access import OpenedLog
from views.terminal.pages import page_template
from views.terminal.table_formats import TableFormat, latex_text, markdown_text, write_table
from views.terminal.tables import TableView

MOST_OPEN: Final = 12
"""Trials whose attempts are unfolded at first; of more, all are folded."""


class ReportedAttempt(msgspec.Struct, frozen=True):
    """An attempt, with its times and with PDI after it."""

    row: AttemptRow
    began: int | None
    """Microseconds of work since the run began. None: the run was imported, or nothing says."""
    took: int | None
    """Microseconds. None: as for `began`, or it has not ended."""
    reading: DynamicsReading | None
    """None: nothing was reflected upon after it."""


class ReportedTrial(msgspec.Struct, frozen=True):
    """A trial with its attempts."""

    anchor: str
    row: TrialRow
    problem: str | None
    """Why what was distilled of it was refused. None: nothing was."""
    attempts: tuple[ReportedAttempt, ...]


class ReportedSkill(msgspec.Struct, frozen=True):
    """A skill that was accepted, imported, or refused."""

    name: str
    trial: str
    standing: str
    at: int | None
    """Microseconds since 1970, UTC. None: nothing says."""
    remarks: tuple[str, ...]
    """Warnings of an accepted one; why another was refused, or which rules it breaks."""
    files: tuple[tuple[str, str], ...]
    """Names and texts; of a refused one, the last answer."""


class SpentRow(msgspec.Struct, frozen=True):
    """What one model was asked in one role; the last row is their sum."""

    role: str
    model: str
    calls: int
    """Physical requests, failed ones too."""
    failed: int
    input_tokens: int
    """As far as anybody counted; so are the following."""
    output_tokens: int
    cost_nano_usd: int | None
    """Known cost, in units of 10^-9 US dollars. None: no call said what it cost."""
    unknown_cost_calls: int
    """Calls whose cost is missing from that."""


class ReportedRun(NamedTuple):
    """What the page holds."""

    title: str
    opening: str
    written: str
    """When, and by which version."""
    head: Head
    run: RunRow
    took: str | None
    """None: nothing says how long it took."""
    chart: TimelineChart | None
    trials: Sequence[ReportedTrial]
    skills: Sequence[ReportedSkill]
    spent: Sequence[SpentRow]
    failures: Mapping[str, int]
    """By kind, how often."""
    unknown: Sequence[str]

    @property
    def open(self) -> bool:
        """Whether attempts are unfolded at first."""
        return len(self.trials) <= MOST_OPEN

    @property
    def several_conditions(self) -> bool:
        """Whether the trials differ in their conditions."""
        return len({(each.row.condition, each.row.condition_digest) for each in self.trials}) > 1


async def read_run_report(desk: OpenedLog, run: str, version: str) -> ReportedRun:
    """Gather what is told of a run.

    Args:
        desk: Where it is.
        run: Its whole id.
        version: Of stillroom, which writes the page.
    """
    seen = await look(desk, run)
    found, row = seen.trials.runs[run], run_row(seen, seen.trials.runs[run])
    line, dynamics, lacking = await _folded(desk.log, run)
    library = (await fold(desk.log, Library(), Selection(run=run))).runs.get(run, SkillLibrary())
    opened = await _opened(desk.log, run)
    skills = [each async for each in _skills(desk.log, library)]
    made = await _made(desk.log, run) if row.program == CONSTRUCT else ()
    return ReportedRun(
        title=f"Run {row.run}" if row.name is None else f"Run {row.name} ({row.run})",
        opening=" ".join((*_opening(seen, found, opened, skills), *made)),
        written=f"{when(desk.machine.clock())} UTC by stillroom {version}",
        head=await desk.log.head(),
        run=row,
        took=None if found.imported else duration(found.took),
        chart=timeline_chart(line),
        trials=_trials(seen, found, line, dynamics),
        skills=skills,
        spent=spent_rows(seen.cost.runs.get(run)),
        failures=_failures(found),
        unknown=list(_unknown(row, lacking)),
    )


async def _folded(log: EventLog, run: str) -> tuple[RunTimeline, Mapping[str, TrialDynamics], set[Digest]]:
    """Fold when what happened, and PDI; settings of readings that were erased are told as lacking."""
    lacking = set[Digest]()
    try:
        times, dynamics = await fold_run(log, [Timelines(), Dynamics()], run, erased=None)
    except BlobErased as error:
        lacking.add(Digest(error.digest))
        (times,), dynamics = await fold_run(log, [Timelines()], run), Dynamics().initial()
    return times.runs.get(run, RunTimeline(began=0, last=0)), dynamics.runs.get(run, {}), lacking


async def _opened(log: EventLog, run: str) -> RunOpened | None:
    async for page in pages_of(log, Selection(run=run, tags={"run.opened"})):
        for each in page:
            if isinstance(each.event, RunOpened):
                return each.event
    return None


async def _made(log: EventLog, run: str) -> Sequence[str]:
    """Say what became of the tasks that a run was to make."""
    (state,) = await fold_run(log, [Constructions()], run, erased=set())
    ends = [
        f"{each.name} {(each.ending or 'not ended').replace('_', ' ')} after {plural(len(each.rounds), 'round')}"
        for each in state.runs.get(run, {}).values()
    ]
    return (f"Tasks: {'; '.join(ends)}.",) if ends else ()


def _opening(seen: RunsView, run: Run, opened: RunOpened | None, skills: Sequence[ReportedSkill]) -> Iterator[str]:
    """Say in words what was done and what came of it."""
    row = run_row(seen, run)
    models = sorted({model for roles in _lines(seen.cost.runs.get(run.id)) for model in roles if model})
    asked = f", asking {', '.join(models)}" if models else ""
    if opened is None:
        what = f"was imported from {run.imported}" if run.imported else "did not begin"
        yield f"This run {what} at {when(run.started_at)} UTC{asked}."
    else:
        method = f" by the method {row.method}" if row.method else ""
        yield (
            f"Program {row.program}, over {plural(row.tasks, 'task')}{method}{asked}; begun {when(run.started_at)} UTC "
            f"under stillroom {opened.package}, at work for {duration(run.took)}; it is {row.state}."
        )
    yield from _results(row, run, skills)
    yield f"{calls(row).capitalize()}, {tokens(row)}, {spending(row)}."


def _results(row: RunRow, run: Run, skills: Sequence[ReportedSkill]) -> Iterator[str]:
    unscored = ", which is not a score of 0" if row.no_verdict else ""
    ended = f"{row.solved:,} solved, {row.unsolved:,} unsolved, {row.no_verdict:,} without a verdict{unscored}"
    if row.program in {CONSTRUCT, PROVE}:  # whoever does nothing, or cheats, is not to solve a task
        yield f"Tasks were tried in {plural(row.trials, 'trial')}, to prove them."
    else:
        yield f"Of {plural(row.trials if row.cells is None else row.cells, 'trial')}: {ended}."
    told = Counter(
        attempt.intervention
        for trial in run.trials.values()
        for attempt in trial.attempts.values()
        if attempt.intervention in {"soft", "strong"}
    )
    said = f", {told['soft']:,} after a soft and {told['strong']:,} after a strong intervention" if told else ""
    yield f"{plural(row.attempts, 'attempt')}{said}."
    standing = Counter(each.standing for each in skills)
    if standing:
        yield f"Skills: {', '.join(f'{number:,} {words}' for words, number in standing.items())}."


def _trials(seen: RunsView, run: Run, line: RunTimeline, dynamics: Mapping[str, TrialDynamics]) -> list[ReportedTrial]:
    return [
        ReportedTrial(
            anchor=f"t{index}",
            row=row,
            problem=run.trials[row.trial].skill_problem,
            attempts=tuple(_attempts(run, row, line, dynamics.get(row.trial))),
        )
        for index, row in enumerate(trial_rows(seen, run), 1)
    ]


def _attempts(
    run: Run, trial: TrialRow, line: RunTimeline, dynamics: TrialDynamics | None
) -> Iterator[ReportedAttempt]:
    timed = line.trials.get(trial.trial)
    for row in attempt_rows(run, run.trials[trial.trial]):
        key = str(row.attempt)
        point = None if dynamics is None else dynamics.attempts.get(key)
        times = None if timed is None or line.imported else timed.attempts.get(key)
        yield ReportedAttempt(
            row=row,
            began=None if times is None else times.began,
            took=_took(times),
            reading=None if point is None else point.reading,
        )


def _took(times: TimedAttempt | None) -> int | None:
    return None if times is None or times.ended is None else times.ended - times.began


async def _skills(log: EventLog, library: SkillLibrary) -> AsyncIterator[ReportedSkill]:
    for skill in library.skills.values():
        for each in skill.revisions:
            imported = each.revision == 0
            yield ReportedSkill(
                name=skill.name,
                trial=each.trial,
                standing="imported" if imported else "accepted",
                at=each.at,
                remarks=(*each.warnings, *each.problems),
                files=tuple([(file.name, await text_of(log, file.digest)) for file in each.files]),
            )
    for refused in library.refused:
        answer = () if refused.answer is None else (("the last answer", await text_of(log, refused.answer)),)
        yield ReportedSkill(refused.skill, refused.trial, "refused", None, refused.problems, answer)


def spent_rows(cost: RunCost | None) -> list[SpentRow]:
    """Sum up what a run spent, by role and model, and all together; empty if no model was asked."""
    found: dict[tuple[str, str], list[Spending]] = {}
    for roles in () if cost is None else cost.lines.values():
        for role, models in roles.items():
            for model, line in models.items():
                found.setdefault((role, model), []).append(line)
    rows = [_spent(role, model, lines) for (role, model), lines in found.items()]
    return [*rows, _spent("all", "", [each for lines in found.values() for each in lines])] if rows else []


def _spent(role: str, model: str, lines: Sequence[Spending]) -> SpentRow:
    # The source of an imported run may count its calls alone.
    calls = sum(max(line.tries, line.calls) for line in lines)
    return SpentRow(role or UNKNOWN, model or ("" if role == "all" else UNKNOWN), calls, *sums(lines))


def _lines(cost: RunCost | None) -> Iterator[Mapping[str, Spending]]:
    for roles in () if cost is None else cost.lines.values():
        yield from roles.values()


def _failures(run: Run) -> Mapping[str, int]:
    """Count what went wrong, by kind, the most frequent first: trials' own, and what runs beside the actors."""
    found = Counter[str]()
    for trial in run.trials.values():
        found.update(trial.errors)
    found.update({f"background {part}": times for part, times in run.failures.items()})
    return dict(found.most_common())


def _unknown(row: RunRow, lacking: set[Digest]) -> Iterator[str]:
    """Say what nobody knows, or what has to be taken on trust."""
    if row.scripted:
        yield "A script stood in for a model: its answers are canned, everything else is real."
    if row.source != "stillroom":
        yield f"Imported from {row.source}: nothing in it was verified by stillroom, and its times are not on record."
    if row.parent is not None:
        yield f"A fork of {row.parent}: the first {row.shared:,} events are that run's, and are counted here too."
    if row.state not in {"done", "imported"}:
        yield f"The run is {row.state}: what has not ended is told as it was when the page was written."
    if row.unknown_cost_calls:
        yield f"The cost of {plural(row.unknown_cost_calls, 'call')} is not known; a cost with + lacks it."
    yield from (
        f"Incomplete, since its source or a provider does not say: {key}."
        for key in row.at_least
        if key != "cost_nano_usd"
    )
    if lacking:
        yield "Settings of PDI were erased from the log: readings are left out."


def run_page(told: ReportedRun) -> str:
    """Write the page: one file that needs nothing else."""
    words = {
        "count": count,
        "duration": duration,
        "reward": reward,
        "short": short,
        "when": when,
        "cost_of": cost_of,
        "figure": lambda value: UNKNOWN if value is None else value,
        "trial_cost": lambda row: written(row.cost_nano_usd, lacks="cost_nano_usd" in row.at_least),
        "pdi": pdi_of,
        "ended": ended_of,
        "told_in": told_in,
    }
    return page_template("views.runs", "run.html.j2").render(told=told, **words)


def run_tables(told: ReportedRun, form: TableFormat) -> str:
    """Write what was done, and the tables of trials, attempts and costs, for a paper."""
    words = latex_text(told.opening) if form is TableFormat.LATEX else markdown_text(told.opening)
    attempts = [each for trial in told.trials for each in trial.attempts]
    tables = [
        write_table([each.row for each in told.trials], TRIALS, form),
        write_table(attempts, REPORTED_ATTEMPTS, form),
        write_table(told.spent, SPENT, form),
    ]
    return "\n".join([f"{words}\n", *tables])


def cost_of(row: SpentRow | AttemptRow) -> str:
    """Write what calls cost."""
    return written(row.cost_nano_usd, lacks=row.unknown_cost_calls > 0)


def pdi_of(reading: DynamicsReading | None) -> str:
    """Write a reading of PDI."""
    if reading is None or reading.pdi is None:
        return UNKNOWN
    doubt = ", not valid" if reading.valid is False else ""
    level = f", triggers: {reading.level}" if reading.level else ""
    return f"{reading.pdi:.3f}{level}{doubt}"


def ended_of(row: AttemptRow) -> str:
    """Say how an agent came to stop."""
    return row.ended or UNKNOWN if row.ended == "done" else ": ".join(filter(None, (row.ended, row.detail))) or UNKNOWN


def told_in(row: TrialRow) -> str:
    """Say which interventions a trial had."""
    return ", ".join(row.interventions) or (UNKNOWN if "interventions" in row.at_least else "none")


TRIALS: Final = TableView(
    TrialRow,
    "trial task condition outcome",
    (">reward", lambda row: reward(row.reward)),
    (">attempts", lambda row: row.attempts),
    ("interventions", told_in),
    (">tokens", lambda row: count(row.tokens, lacks="tokens" in row.at_least)),
    (">cost", lambda row: written(row.cost_nano_usd, lacks="cost_nano_usd" in row.at_least)),
    "skill",
)
REPORTED_ATTEMPTS: Final = TableView(
    ReportedAttempt,
    ("trial", lambda each: each.row.trial),
    (">#", lambda each: each.row.attempt),
    ("intervention", lambda each: each.row.intervention),
    ("outcome", lambda each: each.row.outcome),
    (">reward", lambda each: reward(each.row.reward)),
    (">took", lambda each: None if each.took is None else duration(each.took)),
    ("PDI", lambda each: pdi_of(each.reading)),
    (">cost", lambda each: cost_of(each.row)),
    ("ended", lambda each: ended_of(each.row)),
)
SPENT: Final = TableView(
    SpentRow,
    "role model",
    (">calls", lambda row: count(row.calls)),
    (">failed", lambda row: row.failed),
    (">input tokens", lambda row: count(row.input_tokens)),
    (">output tokens", lambda row: count(row.output_tokens)),
    (">cost", cost_of),
)
