"""Where evidence is cut, counted and left out: whole blocks of small trials, and both sides of each cap."""

import pytest
from msgspec.structs import replace

from engine.programs.explore.policies.evidence.block import (
    BlockName,
    Claim,
    ClaimDraft,
    EvidenceBlock,
    assemble,
    one_line,
    shortened,
)
from engine.programs.explore.policies.evidence.facts import (
    CheckRow,
    EvidenceAction,
    EvidenceCaps,
    EvidenceNote,
    FailedAttempt,
    SolvedTrial,
)
from engine.programs.explore.policies.evidence.gather import gather_evidence
from engine.programs.explore.policies.memo import MemoSections
from events.base import Ref

NAME = BlockName("n", "N")


def ref(version: int) -> tuple[Ref, ...]:
    """An event of the attempt."""
    return (Ref("attempt/t/1", version),)


def row(name: str, version: int, *, passed: bool = False, message: str = "") -> CheckRow:
    """A check."""
    return CheckRow(name, passed, message, ref(version))


def memo(facts: str, error: str) -> MemoSections:
    """A memo with two sections."""
    return MemoSections(
        failed_attempts=1, attempts_log="", commands="", verified_facts=facts, current_error=error, next_strategy=""
    )


def failed(
    attempt: int, *rows: CheckRow, command: str | None = "sh", kept: MemoSections | None = None
) -> FailedAttempt:
    """An attempt before."""
    first = 10 * attempt
    return FailedAttempt(attempt, "FAIL", command, rows, kept, ref(first), ref(first + 1))


BARE = SolvedTrial(
    trial="t", instruction="Do it.", actions=(), notes=(), rows=(), reward=1.0, exception=None,
    verdict_references=ref(1), failed=(), dockerfile=None, raw_output="", raw_references=ref(2),
)  # fmt: skip


def block(solved: SolvedTrial, name: str, caps: EvidenceCaps | None = None) -> EvidenceBlock:
    """One block of the six."""
    return next(each for each in gather_evidence(solved, caps or EvidenceCaps()) if each.name == name)


def test_as_much_is_shown_as_spark_shows_unless_told_otherwise() -> None:
    """Published skills rest on these numbers (SPARK, 2.7 and 4.1); those of commands and their output are ours."""
    assert EvidenceCaps() == EvidenceCaps(
        task_pattern=16_000, execution_chain=24_000, verification=4_000, lessons=8_000, environment=8_000,
        raw_tail=4_000, notes=12, note=240, command=8_000, output=600, rows=8, row=180, cautions=8, caution=220,
        packages=10,
    )  # fmt: skip


def test_a_block_keeps_whole_entries_and_says_which_lines_rest_on_what() -> None:
    """Lines are counted from 1, over entries of several lines; a heading rests on nothing."""
    entries = [ClaimDraft("head"), ClaimDraft("a\nb\nc", ref(3)), ClaimDraft("d", ref(4))]
    whole = assemble(NAME, entries, cap=10)
    assert whole == EvidenceBlock("n", "N", "head\na\nb\nc\nd", (Claim(2, 4, ref(3)), Claim(5, 5, ref(4))), 10, 10)
    cut = assemble(NAME, entries, cap=9)
    assert cut.text == "head\na\nb\nc\n(cut: 9 of 10 characters are shown)"
    assert (cut.claims, cut.kept_chars, cut.total_chars) == ((Claim(2, 4, ref(3)),), 9, 10)
    assert assemble(NAME, entries, cap=4).text == "head\n(cut: 4 of 10 characters are shown)"
    assert assemble(NAME, entries, cap=3).text == "hea\n(cut: 3 of 10 characters are shown)"
    left_out = assemble(NAME, [ClaimDraft("abc", ref(3))], cap=0)
    assert left_out == EvidenceBlock("n", "N", "(cut: 0 of 3 characters are shown)", (), 0, 3)


def test_what_does_not_fit_ends_the_block_though_something_shorter_would_fit() -> None:
    """The most useful come first; a gap would look as if nothing had been there."""
    entries = [ClaimDraft("aa"), ClaimDraft("bbbbbb"), ClaimDraft("c")]
    assert assemble(NAME, entries, cap=4).text == "aa\n(cut: 2 of 9 characters are shown)"


def test_what_was_left_out_before_counts_as_not_shown() -> None:
    """The whole is what there was, not what was passed on."""
    assert assemble(NAME, [ClaimDraft("ab")], cap=9, total_chars=5).text == "ab\n(cut: 2 of 5 characters are shown)"
    assert assemble(NAME, [ClaimDraft("ab")], cap=9, total_chars=2).text == "ab"


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcd\n[... 1 characters ...]\nfg"),
        ("abcdefghij", 3, "ab\n[... 7 characters ...]\nj"),
    ],
)
def test_a_long_text_keeps_two_thirds_of_its_head_and_its_end(text: str, limit: int, expected: str) -> None:
    """Both ends say what it is; how much is missing stands between."""
    assert shortened(text, limit) == expected


def test_one_line_is_as_long_as_it_may_be() -> None:
    """Its last character is then an ellipsis."""
    assert one_line(" ab\n c ", 4) == "ab c"
    assert one_line("abcde", 4) == "abc…"


def test_an_action_is_shown_with_what_it_printed() -> None:
    """Blank output is none, and a command that was stopped has no exit code."""
    actions = (
        EvidenceAction("\nls\n", 0, " a \n", "  ", ref(3)),
        EvidenceAction("sleep 9", None, "", "late\n", ref(4)),
    )
    text = block(replace(BARE, actions=actions), "execution_chain").text
    assert text == (
        "Actions in order (2):\n"
        "Action 1, exit code 0:\n```sh\nls\n```\nstdout:\n```text\na\n```\n"
        "Action 2, was stopped:\n```sh\nsleep 9\n```\nstderr:\n```text\nlate\n```"
    )
    assert block(BARE, "execution_chain").text == "The agent ran no command."


def test_notes_that_say_something_come_first_and_once() -> None:
    """Twenty characters say something; the same words in another case are the same."""
    notes = ("x" * 20, "y" * 19, "X" * 20, "z" * 21)
    solved = replace(BARE, notes=tuple(EvidenceNote(each, ref(at)) for at, each in enumerate(notes, start=3)))
    found = block(solved, "execution_chain", EvidenceCaps(notes=2))
    assert found.text == f"Notes of the agent:\n- {'x' * 20}\n- {'z' * 21}\nThe agent ran no command."
    assert found.references == (*ref(3), *ref(6))
    one = block(solved, "execution_chain", EvidenceCaps(notes=1))
    assert "z" not in one.text


SHOWN = "Action 1, exit code 0:\n```sh\ncmd\n```"
PRINTED = f"{SHOWN}\nstdout:\n```text\nout\n```"


@pytest.mark.parametrize(
    ("room", "outputs", "actions"),
    [
        (2 * len(PRINTED), 2, 2),
        (2 * len(PRINTED) - 1, 1, 2),
        (len(PRINTED) + len(SHOWN), 1, 2),
        (len(PRINTED) + len(SHOWN) - 1, 0, 2),
        (2 * len(SHOWN), 0, 2),
        (2 * len(SHOWN) - 1, 0, 1),
        (len(SHOWN), 0, 1),
        (len(SHOWN) - 1, 0, 1),
    ],
)
def test_output_of_what_went_well_goes_first_then_all_output_then_the_earliest(
    room: int, outputs: int, actions: int
) -> None:
    """At each border to the character; the last action stays whatever its length."""
    two = (EvidenceAction("cmd", 0, "out", "", ref(3)), EvidenceAction("cmd", 1, "out", "", ref(4)))
    found = block(replace(BARE, actions=two), "execution_chain", EvidenceCaps(execution_chain=room + 400))
    assert found.text.count("stdout:") == outputs
    assert found.text.count("```sh") == actions
    assert ("Action 1," in found.text) == (actions == 2)
    assert ("(2, the 1 earliest left out)" in found.text) == (actions == 1)
    assert ("(cut:" in found.text) == (outputs < 2)


def test_the_verdict_is_told_with_its_checks() -> None:
    """Passed before failed, each kind up to its cap; what was raised is told although the task is solved."""
    rows = (row("c1", 3), row("c2", 4, passed=True), row("c3", 5, passed=True), row("c4", 6))
    solved = replace(BARE, rows=rows, reward=0.98765, exception="Timeout\n  at 3")
    found = block(solved, "verification", EvidenceCaps(rows=1))
    assert found.text == (
        "- Reward: 0.9877\n- Checks: 2 of 4 passed\n- The attempt also raised: Timeout at 3\n"
        "- passed: c2\n- failed: c1\n- Trial: t"
    )
    assert found.references == (*ref(1), *ref(4), *ref(3))
    assert block(BARE, "verification").text == "- Reward: 1.0000\n- Trial: t"


def test_lessons_of_two_attempts_are_told_in_full() -> None:
    """What failed twice, what the memos warn of, newest first, and what turned at last."""
    first = failed(
        1, row("a", 13, passed=True), row("b", 14, message="7 is wrong"), row("c", 15), command=None,
        kept=memo("- It must be binary.\n- It is big.\n```\n- never this\n```", "The unit is wrong.\n\nAll is well."),
    )  # fmt: skip
    second = failed(
        2, row("b", 23), row("d", 24), command=" python3 x.py\nmore",
        kept=memo("1) The header is REQUIRED.\n* it must be BINARY.", ""),
    )  # fmt: skip
    solved = replace(BARE, failed=(first, second), rows=(row("b", 3, passed=True), row("a", 4, passed=True)))
    found = block(solved, "lessons")
    assert found.text == (
        "Timeline:\n"
        "- Attempt 1 ran nothing; first failing check: b - 7 is wrong\n"
        "- Attempt 2 began with `python3 x.py more`; first failing check: b\n"
        "Checks that failed more than once:\n- b (2 times)\n"
        "Cautions:\n- The header is REQUIRED.\n- it must be BINARY.\n- The unit is wrong.\n"
        "Checks that failed last time and pass now:\n- b"
    )
    by_line = {claim.first_line: claim.references for claim in found.claims}
    assert by_line == {
        2: (*ref(10), *ref(14)),
        3: (*ref(20), *ref(23)),
        5: (*ref(14), *ref(23)),
        7: ref(21),
        8: ref(21),
        9: ref(11),
        11: (*ref(23), *ref(3)),
    }


def test_lessons_are_as_many_as_the_caps_say() -> None:
    """Of repeated checks, of cautions and of those that turned."""
    rows = [row(name, at) for at, name in enumerate("abc", start=3)]
    kept = memo("- must one\n- must two\n- must three", "")
    solved = replace(
        BARE, failed=(failed(1, *rows), failed(2, *rows, kept=kept)),
        rows=tuple(row(name, 30, passed=True) for name in "abc"),
    )  # fmt: skip
    text = block(solved, "lessons", EvidenceCaps(rows=2, cautions=2)).text
    assert text.count("times)") == 2
    assert ("must two" in text, "must three" in text) == (True, False)
    assert text.endswith("pass now:\n- a\n- b")


def test_an_attempt_without_a_failing_check_is_told_by_its_status() -> None:
    """And rests on its own events alone."""
    found = block(replace(BARE, failed=(failed(1, row("a", 9, passed=True), command="  "),)), "lessons")
    assert found.text == "Timeline:\n- Attempt 1 ran nothing; FAIL"
    assert found.references == ref(10)


@pytest.mark.parametrize(("most", "listed"), [(3, "a, b, c"), (2, "a, b and 1 more")])
def test_packages_are_listed_once_and_counted_beyond_the_cap(most: int, listed: str) -> None:
    """What is installed twice is one package."""
    dockerfile = "FROM debian\nRUN apt install -y a b a c && echo d\nRUN apt-get update\n"
    found = block(replace(BARE, dockerfile=dockerfile), "environment", EvidenceCaps(packages=most))
    assert found.text == f"- Base image: debian\n- System packages: {listed}"


def test_an_environment_is_told_by_its_file_where_nothing_is_recognised() -> None:
    """And said to have none where it is blank or missing."""
    assert block(replace(BARE, dockerfile=" \n"), "environment").text == "The task brings no Dockerfile."
    assert block(BARE, "environment").text == "The task brings no Dockerfile."
    assert block(replace(BARE, dockerfile="\nCOPY a b\n"), "environment").text == "COPY a b"
    sdk = "FROM a\nRUN sdk install java 17 && \\\n # no\n pip install x==1.2\n"
    assert block(replace(BARE, dockerfile=sdk), "environment").text == (
        "- Base image: a\n- Python packages: x==1.2\n- SDKs: java 17"
    )


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("abcdef", "abcdef"),
        ("abcdefg", "bcdefg\n(cut: 6 of 7 characters are shown)"),
        ("DONE", "(none)"),
        (" \n", "(none)"),
    ],
)
def test_the_raw_tail_is_the_last_of_it(raw: str, text: str) -> None:
    """Exactly as much as there is room for."""
    assert block(replace(BARE, raw_output=raw), "raw_tail", EvidenceCaps(raw_tail=6)).text == text
