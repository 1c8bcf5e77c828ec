"""Memos which SPARK recorded, read by our parser."""

import pytest

from engine.programs.explore.policies.memo import MemoFault, MemoSections, parse_memo, render_memo
from tests.engine.programs.explore.policies.recorded import attempt_records, needs_shared

pytestmark = [pytest.mark.shared, needs_shared]


def _memos() -> list[str]:
    records = attempt_records().values()
    return [memo for each in records for memo in [*each["memo_history"], each["exploration_memo"]] if memo]


def test_every_healthy_recorded_memo_is_read() -> None:
    """Stricter than SPARK, and yet nothing a model wrote well is lost."""
    healthy = [memo for memo in _memos() if not memo.startswith("[LLM ERROR]")]
    faults = [parsed for memo in healthy if isinstance(parsed := parse_memo(memo), MemoFault)]
    assert len(healthy) >= 40
    assert faults == []


def test_w3_every_recorded_error_text_is_a_fault() -> None:
    """26 of the 179 memos of the full release are error texts; the subset here holds some of them."""
    errors = [memo for memo in _memos() if memo.startswith("[LLM ERROR]")]
    assert errors
    assert all(isinstance(parse_memo(memo), MemoFault) for memo in errors)


def test_recorded_memos_survive_a_rewriting() -> None:
    """Reading and rendering loses nothing but the dress."""
    for text in _memos():
        memo = parse_memo(text)
        if isinstance(memo, MemoSections):
            assert parse_memo(render_memo(memo)) == memo
