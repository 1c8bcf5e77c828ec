"""Stories of how far a run is: what it waits for, what went wrong, and the best that was reached so far."""

import msgspec
import pytest

from events.base import Event, Ref, StreamId
from events.digest import Digest, Fingerprint
from events.types.attempt import AgentEnded, AttemptAbandoned, AttemptJudged, AttemptOpened, ImportedAttempt
from events.types.evaluation import CellOpened, CellUnscored, EvaluationFound, EvaluationScored
from events.types.model import ModelAsked, ModelImported, TryMade
from events.types.run import RunClosed, RunImported, RunOpened, TaskPinned
from events.types.sandbox import ActionAsked, ActionObserved, SandboxAsked, SandboxFailed, SandboxOpened, VerifierSilent
from events.types.session import (
    RunForked,
    SandboxRebuilt,
    SandboxReopened,
    ScopeStopped,
    SessionEnded,
    SessionStarted,
    SettingChange,
)
from events.types.skill import SkillRefused, SkillRevised
from events.types.trial import AttemptConcluded, AttemptPlanned, TaskAsked, TrialClosed, TrialOpened
from events.values import Outcome, Usage
from projections.trials.state import CellCounts, InFlight, Run
from projections.trials.view import Trials
from tests.projections.histories import folded, recorded
from tests.support.outcomes import answered, failed

NOTHING = Digest("0" * 64)
FIRST, SECOND = "attempt/a/1", "attempt/a/2"
OPENED = ("trial/a", TrialOpened("task a", "default", 3))
FAILED, SOLVED = Outcome("failed", 0.25, ""), Outcome("solved", 1.0, "")
BROKEN = Outcome("infrastructure", None, "no disk")


def run_of(*told: tuple[str, Event]) -> Run:
    """Fold a run whose events stand in the streams named beside them."""
    return folded(Trials(), recorded((StreamId("r1", stream), event) for stream, event in told)).runs["r1"]


def asked() -> ModelAsked:
    """A request."""
    return ModelAsked("teacher", "p/m", NOTHING, None, {}, stream=False, timeout_s=None)


def judged(outcome: Outcome) -> AttemptJudged:
    """A verdict."""
    return AttemptJudged(outcome, 1, 4, NOTHING)


def concluded(attempt: int, outcome: Outcome) -> AttemptConcluded:
    """What the trial took note of."""
    return AttemptConcluded(attempt, outcome, "FAIL", 1, 4, NOTHING, NOTHING)


def test_a_sandbox_that_outlived_its_process_counts_for_its_attempt() -> None:
    """Each time anew; and one of an attempt that nobody opened counts for nothing."""
    again = [("session", SandboxReopened(FIRST, 2)), ("session", SandboxRebuilt(FIRST, 3, ()))]
    run = run_of(OPENED, (FIRST, asked()), *again, ("session", SandboxReopened("attempt/b/1", 0)))
    assert run.trials["a"].attempts["1"].recovered == ("went on", "made again")
    assert list(run.trials) == ["a"]


def test_a_trial_that_goes_on_in_a_fork_has_the_attempts_of_the_fork() -> None:
    """One that was over before the cut keeps those that it was opened with."""
    over = [("trial/b", TrialOpened("task b", "default", 3)), ("trial/b", TrialClosed("unsolved", 3, 0.0))]
    changed = (SettingChange("method.attempts", "3", "5"), SettingChange("method.hint", "false", "true"))
    run = run_of(OPENED, *over, ("session", RunForked("r0", NOTHING, NOTHING, changed)))
    assert {name: trial.max_attempts for name, trial in run.trials.items()} == {"a": 5, "b": 3}
    assert run.changes == ("method.attempts=5", "method.hint=true")


def test_a_run_says_what_it_is() -> None:
    """From its first event on, before anything was tried; and whether its process still stands."""
    opened = RunOpened(NOTHING, "spark", (TaskPinned("a", Fingerprint(NOTHING)),), (), "1.0", scripted=True)
    session = ("session", SessionStarted("live", 1, "host", "1.0"))
    run = run_of(session, ("run", opened), ("run", RunClosed(1, 0, 0)), ("session", SessionEnded("completed")))
    assert (run.method, run.tasks, run.scripted, run.imported) == ("spark", ("a",), True, None)
    assert (run.closed, run.sessions, run.ended, run.events, run.last_at) == (True, 1, "completed", 4, 4)


def test_the_time_in_which_nobody_had_a_run_is_not_what_it_took() -> None:
    """Between a death and the next process that took it up, or between a run and its fork; each event takes a tick."""
    session = ("session", SessionStarted("live", 1, "host", "1.0"))
    first = [session, OPENED, (FIRST, asked())]
    assert (run_of(*first).took, run_of(*first).idle) == (2, 0)
    resumed = run_of(*first, session, (SECOND, asked()), session)
    assert (resumed.took, resumed.idle, resumed.last_at) == (3, 2, 6)
    forked = run_of(*first, ("session", RunForked("r0", NOTHING, NOTHING, ())), session, (SECOND, asked()))
    assert (forked.took, forked.idle) == (3, 2)


def test_an_evaluation_counts_its_cells_and_not_only_the_trials_that_it_needed() -> None:
    """A cell whose score was stored before has no trial; one without a score is not unsolved."""
    cells = [f"cell/a/item/{number}" for number in range(1, 6)]
    opened = CellOpened("a", "item", "item", 1, NOTHING, NOTHING)
    found = EvaluationFound("r0", "cell/a/item/1", 3, 9, 10, solved=True, reward=1.0)
    at = Ref("trial/a", 1)
    seen = Digest("1" * 64)
    run = run_of(
        *((cell, opened) for cell in cells),
        (cells[0], found),
        (cells[1], msgspec.structs.replace(found, solved=False, reward=0.0)),
        (cells[2], EvaluationScored(NOTHING, True, 1.0, at, inputs=seen, rule=seen, point_revision=1)),
        (cells[3], CellUnscored("budget", None, inputs=seen, rule=seen, point_revision=1)),
    )
    assert run.cells == CellCounts(opened=5, solved=2, unsolved=1, unscored=1, found=2)
    assert run_of(OPENED).cells is None


def test_an_attempt_is_told_from_its_own_stream_while_it_goes_on() -> None:
    """The trial hears of it only at its end; people want to see it before."""
    run = run_of(
        OPENED,
        ("trial/a", AttemptPlanned(1, "soft", None)),
        (FIRST, AttemptOpened("a", 1, "shell", NOTHING)),
        (FIRST, SandboxOpened("namespaces")),
        (FIRST, asked()),
        (FIRST, answered(5, Usage(10, 2, None, None))),
        (FIRST, ActionAsked(NOTHING, None)),
    )
    attempt = run.trials["a"].attempts["1"]
    assert (attempt.agent, attempt.isolation, attempt.intervention) == ("shell", "namespaces", "soft")
    assert (attempt.turns, attempt.actions, attempt.tokens, attempt.cost) == (1, 1, 12, 5)
    assert (attempt.outcome, run.trials["a"].state, run.trials["a"].reward) == (None, "running", None)


def test_the_best_reward_shows_before_the_trial_ends() -> None:
    """A worse attempt does not take it back, and what was not scored is no zero."""
    told = [OPENED, (FIRST, judged(FAILED)), ("trial/a", concluded(1, FAILED)), (SECOND, judged(BROKEN))]
    assert run_of(*told).trials["a"].reward == 0.25
    closed = run_of(*told, (SECOND, judged(SOLVED)), ("trial/a", TrialClosed("solved", 2, 1.0))).trials["a"]
    assert (closed.state, closed.reward, len(closed.attempts)) == ("solved", 1.0, 2)


def test_a_trial_may_have_a_name_of_several_parts() -> None:
    """Its attempts are found by the last part of their streams' names; what is no number is no attempt."""
    run = run_of(
        ("trial/set/a", TrialOpened("task a", "default", 3)),
        ("attempt/set/a/2", AttemptOpened("a", 2, "shell", NOTHING)),
        ("attempt/set/a/2", judged(FAILED)),
        ("attempt/set/2", judged(SOLVED)),
        ("attempt/set/a/x", judged(SOLVED)),
        ("session", SandboxReopened("attempt/set/a/2", 1)),
        ("session", SandboxReopened("attempt/a/2", 1)),
    )
    assert list(run.trials) == ["set/a"]
    (attempt,) = run.trials["set/a"].attempts.values()
    assert (attempt.agent, attempt.recovered) == ("shell", ("went on",))
    assert run.trials["set/a"].reward == 0.25


def test_a_run_that_only_began_is_neither_closed_nor_held() -> None:
    """Sessions are counted from the first that is on record."""
    run = run_of(OPENED)
    assert (run.closed, run.sessions, run.ended) == (False, 0, None)


def test_what_is_waited_for_is_known_by_its_place() -> None:
    """An answer, or anything else its stream records, ends the waiting."""
    run = run_of(OPENED, ("trial/a", TaskAsked("task a")), (FIRST, SandboxAsked("local", "task a")))
    assert run.in_flight == {
        "trial/a": InFlight(Ref("trial/a", 2), "task.asked", 2),
        FIRST: InFlight(Ref(FIRST, 1), "sandbox.asked", 3),
    }
    gone = run_of(OPENED, (FIRST, asked()), (FIRST, ScopeStopped("sandbox_lost", "gone")))
    assert gone.in_flight == {}


def test_what_went_wrong_is_counted_by_kind() -> None:
    """Who failed, and how: of a model, a sandbox, a verifier. In attempts and in the trial's own calls."""
    run = run_of(
        OPENED,
        (FIRST, failed("timeout")),
        (FIRST, failed("timeout")),
        (FIRST, VerifierSilent("missing", "", None, NOTHING, NOTHING, ())),
        (SECOND, SandboxFailed("lost", "gone")),
        ("trial/a", failed("server", 500)),
    )
    trial = run.trials["a"]
    assert trial.errors == {"model timeout": 2, "verifier missing": 1, "sandbox lost": 1, "model server": 1}
    assert (trial.failed_calls, trial.attempts["1"].failed_calls) == (3, 2)


def test_failed_calls_count_with_what_they_took() -> None:
    """Of the trial's own calls and its attempts': tokens, cost, and how many were physical."""
    refused = failed("malformed", 200, cost=6, usage=Usage(1000, 500, None, None), retryable=True)
    earlier = [TryMade(200, "malformed", 1.0), TryMade(429, "rate_limit", 1.0)]
    told = [(FIRST, asked()), (FIRST, refused), (FIRST, asked()), (FIRST, answered(4, earlier=earlier))]
    run = run_of(OPENED, *told, ("trial/a", asked()), ("trial/a", refused))
    trial, attempt = run.trials["a"], run.trials["a"].attempts["1"]
    assert (trial.calls, trial.failed_calls, trial.tokens, trial.cost, trial.unknown_cost) == (5, 4, 3000, 16, 1)
    assert (attempt.turns, attempt.failed_calls, attempt.tokens, attempt.cost, attempt.unknown_cost) == (
        1,
        3,
        1500,
        10,
        1,
    )
    # The answer names no tokens, and of two before it one may have been answered: what was paid is not known of both.
    assert (trial.unknown_tokens, attempt.unknown_tokens) == (2, 2)


def test_what_an_installed_agent_asks_counts_for_its_attempt() -> None:
    """Each of its calls has a stream of its own, below the attempt's; below none it counts for nothing."""
    told = [asked(), answered(5, Usage(10, 2, None, None)), failed("timeout")]
    run = run_of(
        OPENED,
        *[("call/a/1/7", event) for event in told],
        ("call/a/x/7", asked()),
        ("call/b/1/7", asked()),
        ("call/a/7", failed("server", 500)),
    )
    trial, attempt = run.trials["a"], run.trials["a"].attempts["1"]
    assert list(trial.attempts) == ["1"]
    assert (trial.calls, trial.errors) == (1, {"model timeout": 1})
    assert (attempt.turns, attempt.tokens, attempt.cost, attempt.failed_calls) == (1, 12, 5, 1)


def test_money_that_nobody_named_is_counted_as_missing() -> None:
    """A sum beside which something is missing must not pass for the whole."""
    told = [(FIRST, answered(5, Usage(1, 1, None, None))), (FIRST, answered(None, Usage(1, 1, None, None)))]
    trial = run_of(OPENED, *told).trials["a"]
    assert (trial.cost, trial.unknown_cost, trial.attempts["1"].unknown_cost) == (5, 1, 1)


def test_a_lost_sandbox_leaves_no_verdict() -> None:
    """The attempt is abandoned, whatever the trial concludes of it; our own failure is no score."""
    lost = AttemptAbandoned("sandbox_lost", "the process died")
    run = run_of(OPENED, (FIRST, lost), ("trial/a", concluded(1, BROKEN)))
    attempt = run.trials["a"].attempts["1"]
    assert (attempt.abandoned, attempt.outcome, attempt.status) == ("sandbox_lost", None, "FAIL")


def test_an_agent_that_ran_out_of_something_says_of_what() -> None:
    """Each limit is its own reason."""
    attempt = run_of(OPENED, (FIRST, AgentEnded("turn_limit", "30 turns", 30))).trials["a"].attempts["1"]
    assert (attempt.agent_ended, attempt.detail) == ("turn_limit", "30 turns")


def test_a_trial_names_the_skill_it_led_to_or_why_there_is_none() -> None:
    """The first problem is enough for a line."""
    revised = ("trial/a", SkillRevised("word", 1, (), NOTHING, ()))
    refused = ("trial/a", SkillRefused("word", None, ("too long", "no title")))
    assert run_of(OPENED, revised).trials["a"].skill == "word"
    assert run_of(OPENED, refused).trials["a"].skill_problem == "too long"


def test_an_imported_run_shows_as_one() -> None:
    """Its attempts count from wherever the source counts, and its calls have no price."""
    imported = RunImported("spark", "task a", (), "teacher", "codex", 3, ("a warning",))
    call = ModelImported("reflector", 0, None, None, None, None, Usage(40, 8, None, None), 1.5)
    told = [("attempt/a/0", ImportedAttempt("a", 0, None, None, "it broke")), ("trial/a", call)]
    run = run_of(("run", imported), OPENED, *told)
    assert (run.imported, run.model, run.warnings, run.tasks) == ("spark", "teacher", ("a warning",), ("task a",))
    trial = run.trials["a"]
    assert (trial.calls, trial.tokens, trial.cost, trial.unknown_cost) == (1, 48, 0, 1)
    assert trial.attempts["0"].detail == "it broke"


@pytest.mark.parametrize("stream", ["attempt/b/1", "attempt/a/x", "attempt/a/²", "attempt/a", "trial/b", "other/a"])
def test_what_belongs_to_no_trial_is_left_out(stream: str) -> None:
    """A later version may name streams as it likes."""
    observed = ActionObserved(0, "exited", NOTHING, NOTHING)
    run = run_of(OPENED, (stream, observed), (stream, failed("timeout")))
    assert (list(run.trials), run.trials["a"].attempts, run.trials["a"].errors) == (["a"], {}, {})
