"""What PDI was given, told from records that lack something; no recording here shows all of it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from projections.pdi.compare import read_all
from projections.pdi.index import PdiSettings
from projections.pdi.spark_records import reflect_steps

MEMO = "### Verified Facts\na\n\n### Next Strategy\nx\n"
TEMPLATE = "### Attempts Log\n-\n\n### Next Strategy\nagain\n"


def ran(attempt: int, summary: str = "", status: str = "FAIL") -> dict[str, Any]:
    """A line about an attempt."""
    return {
        "type": "execution_result",
        "attempt": attempt,
        "status": status,
        "agent_commands": f"run {attempt}",
        "test_summary": summary,
    }


def reflected(attempt: int, before: str, after: str) -> dict[str, Any]:
    """A line about a memo."""
    return {"type": "reflect_call", "attempt": attempt, "memo_before": before, "memo_after": after}


def read_at(attempt: int, step: int) -> dict[str, Any]:
    """A line about a reading, of which only the step matters here."""
    return {"type": "pdi_snapshot", "attempt": attempt, "step": step}


def kept(memos: list[str], attempts: list[dict[str, Any]], steps: list[int] | None = None) -> dict[str, Any]:
    """What attempts.json keeps."""
    history = [{"step": step} for step in steps or []]
    return {
        "attempts": attempts,
        "memo_history": memos[:-1],
        "exploration_memo": memos[-1],
        "pdi": {"history": history},
    }


def test_a_failure_of_execution_before_the_first_memo_shifts_the_step() -> None:
    """Its template is archived like a memo, so the first reading is step 1 (SPARK, 10)."""
    lines = [ran(0, "Execution failed: gone", "ERROR"), ran(1, "  ✗ t"), reflected(1, TEMPLATE, MEMO)]
    (step,) = reflect_steps(lines, None)
    (reading,) = read_all([step.given], PdiSettings())
    assert (step.attempt, step.given.previous_memo, step.given.previous_summary) == (1, TEMPLATE, "")
    assert (reading.step, reading.weight, reading.exec_score.of) == (1, 0.5, 0)


def test_the_same_is_told_by_what_attempts_json_keeps() -> None:
    """One memo more than reflect calls: the first one is the template."""
    attempts = [ran(0, "Execution failed: gone", "ERROR"), ran(1, "  ✗ t")]
    (step,) = reflect_steps([], kept([TEMPLATE, MEMO], attempts))
    assert (step.attempt, step.given.previous_memo, step.given.memo, step.given.step) == (1, TEMPLATE, MEMO, 1)


def test_the_attempt_before_gives_its_rows_if_it_was_reflected_upon() -> None:
    """Told by either file: of two failures the first is what the second is compared with."""
    attempts = [ran(0, "  ✗ a"), ran(1, "  ✗ b"), ran(2, "  ✗ c")]
    lines = [
        *(attempts[0], reflected(0, "", MEMO)),
        *(attempts[1], reflected(1, MEMO, MEMO)),
        *(attempts[2], reflected(2, MEMO, MEMO)),
    ]
    for steps in (reflect_steps(lines, None), reflect_steps([], kept([MEMO, MEMO, MEMO], attempts))):
        assert [step.given.previous_summary for step in steps] == ["", "  ✗ a", "  ✗ b"]
        assert [step.given.summary for step in steps] == ["  ✗ a", "  ✗ b", "  ✗ c"]
        assert [step.given.step for step in steps] == [0, 1, 2]
        assert [step.given.previous_memo for step in steps] == ["", MEMO, MEMO]


def test_an_infrastructure_error_gives_no_failed_rows_to_the_next_attempt() -> None:
    """SPARK puts a text of its own in the place of its rows, whatever the trajectory kept of them."""
    lines = [
        ran(0, "  ✗ t"),
        reflected(0, "", MEMO),
        ran(1, "  ✗ real", "INFRA_ERROR"),
        ran(2, "  ✗ t"),
        reflected(2, MEMO, MEMO),
    ]
    assert [step.given.previous_summary for step in reflect_steps(lines, None)] == ["", ""]


def test_an_empty_memo_holds_the_step_up() -> None:
    """It is never archived, so the count of archived memos stands still (SPARK, 10)."""
    lines = [ran(0), reflected(0, "", MEMO), ran(1), reflected(1, MEMO, ""), ran(2), reflected(2, "", MEMO)]
    found = reflect_steps(lines, None)
    assert [step.given.step for step in found] == [0, 1, 1]
    assert [step.given.healthy for step in found] == [True, False, True]


def test_where_an_empty_memo_was_is_told_by_the_recorded_steps() -> None:
    """The history holds no empty memo; the step that stands still shows its place."""
    found = reflect_steps([], kept([MEMO, TEMPLATE], [ran(0), ran(1), ran(2)], [0, 1, 1]))
    assert [step.given.memo for step in found] == [MEMO, "", TEMPLATE]
    assert [step.given.previous_memo for step in found] == ["", MEMO, ""]


def test_a_recorded_step_stands_before_a_counted_one() -> None:
    """An older rule began at -1."""
    lines = [ran(0), read_at(0, -1), reflected(0, "", MEMO)]
    assert [step.given.step for step in reflect_steps(lines, None)] == [-1]


def test_a_pass_and_nothing_at_all_have_no_steps() -> None:
    """34 tasks passed at once; some folders hold next to nothing."""
    assert reflect_steps([ran(0, status="PASS")], None) == ()
    assert reflect_steps([], kept([""], [ran(0, status="PASS")])) == ()
    assert reflect_steps([], None) == ()


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))
FIELDS = ["type", "attempt", "step", "memo_before", "memo_after", "agent_commands", "test_summary", "attempts", "pdi"]
KINDS = st.sampled_from(["execution_result", "reflect_call", "pdi_snapshot", "task_summary"])
RECORDS = st.dictionaries(st.sampled_from(FIELDS), KINDS | JSON | st.lists(st.just({"status": "FAIL"}), max_size=3))


@given(st.lists(RECORDS, max_size=6), RECORDS)
def test_any_records_are_read(trajectory: list[dict[str, Any]], attempts: dict[str, Any]) -> None:
    """What is missing or of another type counts as empty; nothing raises."""
    for step in (*reflect_steps(trajectory, attempts), *reflect_steps([], attempts)):
        assert isinstance(step.given.memo, str)
