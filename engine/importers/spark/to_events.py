"""A story of SPARK as events: the streams a live run has, with only what was recorded in them."""

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from engine.importers.assumed import Assumed, texts_of
from engine.importers.spark.decisions import Reflecting
from engine.importers.spark.files import ATTEMPTS, TRAJECTORY
from engine.importers.spark.injections import Injection, injections
from engine.importers.spark.reader import Fields, SourceLocation, Warnings, read_object
from engine.importers.spark.records import Call, Rewritten, SparkAttempt, Story
from engine.importers.streams import AppendBatch, StreamBuilder
from engine.importers.transcripts.reader import spent_in
from engine.policies.skill.check import check_skill
from engine.policies.skill.finding import SkillContext
from events.base import Ref
from events.digest import Digest
from events.streams import attempt_stream, trial_stream
from events.types.attempt import AttemptJudged, ImportedAttempt, InjectionImported, UsageImported
from events.types.decision import Text
from events.types.memo import MemoImported
from events.types.model import ModelImported
from events.types.pdi import PdiImported
from events.types.run import RunImported
from events.types.sandbox import ActionAsked, ActionObserved
from events.types.skill import SkillImported
from events.types.trial import AttemptConcluded, TrialClosed, TrialOpened
from events.values import NamedDigest, Outcome, Usage


class SparkAction(NamedTuple):
    """A command, and how it ended."""

    command: str
    """As the agent wrote it, its shell included."""
    output: str
    """Both streams, as Codex joins them."""
    exit_code: int | None
    """None: it never ended."""

    @property
    def ended(self) -> Literal["exited", "killed"]:
        """How, in the words of the log."""
        return "killed" if self.exit_code is None else "exited"


def read_actions(stdout: str) -> list[SparkAction]:
    """Read the commands in the order in which they ended; those that never did come last.

    Other lines are no damage: an agent may print anything.
    """
    quiet = Warnings()
    ended: list[SparkAction] = []
    begun: dict[str, SparkAction] = {}
    for number, line in enumerate(stdout.split("\n"), start=1):
        record = (
            read_object(line, SourceLocation("agent_stdout_full", number), quiet) if line.lstrip()[:1] == "{" else None
        )
        item = None if record is None else _command(record)
        if record is None or item is None:
            continue
        action = SparkAction(item.text("command") or "", item.text("aggregated_output") or "", item.whole("exit_code"))
        name = item.text("id") or f"line {number}"
        if record.value.get("type") == "item.completed":
            begun.pop(name, None)
            ended.append(action)
        else:
            begun[name] = action
    return [*ended, *begun.values()]


def _command(record: Fields) -> Fields | None:
    item: Any = record.value.get("item")
    if not isinstance(item, dict) or item.get("type") != "command_execution":
        return None
    found = record.within("item")
    return found if found.text("command") else None


CONDITION = "imported"
SOURCES = (ATTEMPTS, TRAJECTORY)
"""The files that say how an attempt ended."""
LONGEST_ERROR = 4_000
"""Characters of an attempt's error text that its event holds."""


class SparkImport(NamedTuple):
    """A story with what only the whole import knows."""

    story: Story
    files: tuple[NamedDigest, ...]
    warnings: tuple[str, ...]


class SparkStreams:
    """Lays events out in streams. The same story always gives the same events."""

    def __init__(self, put: Callable[[bytes], Digest], assumed: Assumed) -> None:
        """Begin with nothing.

        Args:
            put: Takes the bytes of a blob in.
            assumed: What decisions are taken to rest on.
        """
        self._layout = StreamBuilder()
        self._put = put
        self._assumed = assumed
        self._reflecting = Reflecting(assumed)
        self._model: str | None = None
        self._sources: tuple[Text, ...] = ()

    def write(self, told: SparkImport) -> list[AppendBatch]:
        """Lay out the whole story, in the order in which it happened."""
        story = told.story
        trial = trial_stream(story.task)
        self._model = story.facts.model
        opened = TrialOpened(story.task, CONDITION, _max_attempts(story))
        facts = story.facts
        run = RunImported(
            "spark",
            story.task,
            told.files,
            facts.model,
            facts.agent,
            facts.max_attempts or None,
            told.warnings,
            self._assumed.opening(),
        )
        self._sources = texts_of(told.files, SOURCES)
        self._layout.add(trial, opened, self._layout.add("run", run))
        waiting = list(story.memos)
        injected = {each.attempt: each for each in injections(story)}
        for tried in story.attempts:
            spoken = self._reflecting.spoken(injected[tried.number])
            if spoken is not None:
                self._assumed.add(self._layout, trial, spoken)
            event, judged = self._tried(story.task, tried, injected[tried.number])
            concluded = self._layout.add(trial, event, judged)
            self._reflecting.concluded(event, concluded)
            while waiting and waiting[0].attempt <= tried.number:
                self._rewritten(trial, waiting.pop(0), concluded)
        for memo in waiting:
            self._rewritten(trial, memo, None)
        self._end(trial, story)
        return self._layout.chunks

    def _text(self, text: str) -> Digest:
        return self._put(text.encode())

    def _maybe(self, text: str | None) -> Digest | None:
        return None if text is None else self._text(text)

    def _tried(self, task: str, tried: SparkAttempt, told: Injection) -> tuple[AttemptConcluded, Ref]:
        """Write an attempt's own stream; give what its trial takes note of, and why."""
        stream = attempt_stream(task, tried.number)
        error = tried.error if len(tried.error) <= LONGEST_ERROR else tried.error[:LONGEST_ERROR] + " …"
        stdout, verifier = self._maybe(tried.stdout), self._maybe(tried.verifier_stdout)
        self._layout.add(stream, ImportedAttempt(task, tried.number, stdout, verifier, error))
        if told.intervention is not None or tried.injection is not None:
            injection = self._maybe(tried.injection)
            self._layout.add(stream, InjectionImported(told.intervention, injection, told.follows_from))
        nothing = self._text("")
        for action in read_actions(tried.stdout or ""):
            asked = self._layout.add(stream, ActionAsked(self._text(action.command), timeout_s=None))
            printed = self._text(action.output)
            self._layout.add(stream, ActionObserved(action.exit_code, action.ended, printed, nothing), asked)
        spent = spent_in((tried.stdout or "").encode())
        if spent is not None:
            self._layout.add(stream, UsageImported(self._model, spent.usage, spent.cost))
        outcome, summary = outcome_of(tried), self._text(tried.summary)
        verdict = AttemptJudged(outcome, tried.passed, tried.total, summary)
        judged = self._assumed.add(self._layout, stream, self._assumed.verdict(verdict, self._sources))
        commands = self._text(tried.commands)
        counts = (tried.passed, tried.total)
        return AttemptConcluded(tried.number, outcome, tried.status, *counts, commands, summary), judged

    def _rewritten(self, trial: str, memo: Rewritten, cause: Ref | None) -> None:
        """Write a reflection: the call, PDI as recorded, then the memo that PDI is about."""
        if memo.call is not None:
            cause = self._layout.add(trial, self._call(memo.call), cause)
        previous = self._text(memo.previous) if memo.previous else None
        event = MemoImported(memo.attempt, self._text(memo.memo), previous, memo.reflected)
        if memo.snapshot is not None:
            reading = PdiImported(memo.attempt, *memo.snapshot)
            told = self._reflecting.reading(reading, event, self._layout.next(trial, ahead=1), cause)
            self._reflecting.read(reading, self._assumed.add(self._layout, trial, told))
        self._layout.add(trial, event, cause)

    def _call(self, call: Call) -> ModelImported:
        return ModelImported(
            role=call.role,
            attempt=call.attempt,
            model=call.model,
            system=self._maybe(call.system),
            user=self._maybe(call.user),
            response=self._maybe(call.response),
            usage=Usage(call.input_tokens, call.output_tokens, None, None),
            latency_s=call.latency_s,
        )

    def _end(self, trial: str, story: Story) -> None:
        cause = None
        for call in story.distilled:
            cause = self._layout.add(trial, self._call(call), cause)
        if story.skill is not None:
            files = (NamedDigest("SKILL.md", self._text(story.skill)),)
            self._layout.add(trial, SkillImported(story.task, files, tuple(_problems(story))), cause)
        best = max((each.reward for each in story.attempts if each.judged and each.reward is not None), default=None)
        self._layout.add(trial, TrialClosed(ending_of(story), len(story.attempts), best))


def outcome_of(tried: SparkAttempt) -> Outcome:
    """Say how an attempt ended, in our words: what broke and what was not scored is never a score of 0."""
    if not tried.judged:
        reason = tried.error or tried.summary.partition("\n")[0] or "the source blames the infrastructure"
        return Outcome("infrastructure", None, reason[:LONGEST_ERROR])
    if tried.reward is None:
        return Outcome("no_verdict", None, "the source holds no readable reward")
    return Outcome("solved" if tried.reward >= 1.0 else "failed", tried.reward, "")


def ending_of(story: Story) -> Literal["solved", "unsolved", "infrastructure", "stopped"]:
    """Say how the trial ended: SPARK writes no ``attempts.json`` for a task that was cancelled (SPARK, 2.2)."""
    if any(each.solved for each in story.attempts):
        return "solved"
    if not story.ended:
        return "stopped"
    return "unsolved" if any(each.judged for each in story.attempts) else "infrastructure"


def _max_attempts(story: Story) -> int:
    """Give how many attempts there could be; as many as there were if nothing says."""
    return max(story.facts.max_attempts or 0, len(story.attempts), 1)


def _problems(story: Story) -> Iterator[str]:
    """List the rules the skill breaks. What the task's instruction says is not known."""
    verdict = check_skill(story.skill or "", SkillContext(folder=story.task, instruction=""))
    for finding in verdict.errors:
        line = "" if finding.line is None else f" (line {finding.line})"
        yield f"{finding.rule}: {finding.problem}{line}"
