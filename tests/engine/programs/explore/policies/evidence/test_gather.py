"""What a distiller is shown of a solved trial."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.core.prompts import load_prompts
from engine.programs.explore.policies.evidence.block import BlockName, ClaimDraft, EvidenceBlock, assemble
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

PROGRAM = "python3 - <<'X'\nimport openpyxl\nprint('crossref')\nX"


def _ref(version: int, stream: str = "attempt/t/2") -> tuple[Ref, ...]:
    return (Ref(stream, version),)


def _action(version: int, command: str, exit_code: int | None = 0, stdout: str = "") -> EvidenceAction:
    return EvidenceAction(command, exit_code, stdout, "", _ref(version))


SOLVED = SolvedTrial(
    trial="t",
    instruction="Weigh the part.\n\n\n\nWrite it down.",
    actions=(_action(4, "ls", stdout="a.stl"), _action(6, "cat nope", 1), _action(8, PROGRAM), _action(10, "ls")),
    notes=(EvidenceNote("I shall read the header before I trust the counts.", _ref(3)), EvidenceNote("ok", _ref(5))),
    rows=(CheckRow("test_mass", passed=True, message="", references=_ref(12)),),
    reward=1.0,
    exception=None,
    verdict_references=_ref(11),
    failed=(
        FailedAttempt(
            attempt=1,
            status="FAIL",
            first_command="python3 guess.py\nmore",
            rows=(CheckRow("test_mass", passed=False, message="7 is wrong", references=_ref(7, "attempt/t/1")),),
            memo=MemoSections(
                failed_attempts=1,
                attempts_log="- #1",
                commands="ls",
                verified_facts="- The header must be skipped.\n- It is binary.",
                current_error="- The unit is wrong.",
                next_strategy="- You must guess again; it is required.",
            ),
            references=_ref(2, "attempt/t/1"),
            memo_references=_ref(3, "trial/t"),
        ),
    ),
    dockerfile=(
        "FROM python:3.11 AS build\nFROM --platform=linux/amd64 debian:12\n# apt-get install nothing\n"
        "RUN apt-get update && apt-get install -y --no-install-recommends \\\n    git \\\n    curl && rm -rf /x\n"
        "RUN pip install numpy==1.26.4 'scipy==1.11'\n"
    ),
    raw_output="x" * 5000,
    raw_references=_ref(13),
)


def _blocks(solved: SolvedTrial = SOLVED, caps: EvidenceCaps | None = None) -> dict[str, EvidenceBlock]:
    return {block.name: block for block in gather_evidence(solved, caps or EvidenceCaps())}


def test_the_blocks_fill_the_prompt() -> None:
    """Six blocks, six placeholders."""
    prompt = load_prompts().fill(
        "distil_user", task="t", **{block.name: block.text for block in gather_evidence(SOLVED)}
    )
    assert "Weigh the part.\n\nWrite it down." in prompt


def test_w24_commands_say_how_they_ended_and_programs_stay_whole() -> None:
    """SPARK's chain has no exit codes and one line of each program (W24)."""
    text = _blocks()["execution_chain"].text
    assert "Action 2, exit code 1:\n```sh\ncat nope\n```" in text
    assert PROGRAM in text


def test_a_repeated_command_stays() -> None:
    """An edit-test loop is what happened; SPARK's deduplication destroys it."""
    assert _blocks()["execution_chain"].text.count("```sh\nls\n```") == 2


def test_w23_no_word_of_a_benchmark_changes_what_is_shown() -> None:
    """SPARK scores crossref, openpyxl and others (W23); here a word is worth as much as any other."""
    caps = EvidenceCaps(execution_chain=900)
    plain = replace(SOLVED, actions=tuple(_action(n, f"echo {'abcdefgh' * 10}{n:03}") for n in range(40)))
    known = replace(plain, actions=tuple(_action(n, f"echo {'crossref' * 10}{n:03}") for n in range(40)))
    blocks = [_blocks(each, caps)["execution_chain"] for each in (plain, known)]
    assert blocks[0].references == blocks[1].references
    assert blocks[0].text.replace("abcdefgh", "crossref") == blocks[1].text


def test_without_room_output_goes_first_and_then_the_earliest_actions() -> None:
    """The solution is at the end, and a failure's output explains the next step."""
    talkative = replace(SOLVED, actions=tuple(_action(n, f"step {n}", n % 2, "o" * 500) for n in range(1, 21)))
    less = _blocks(talkative, EvidenceCaps(execution_chain=8000))["execution_chain"]
    assert "step 1\n" in less.text
    assert less.text.count("ooo\n") == 10
    least = _blocks(talkative, EvidenceCaps(execution_chain=900))["execution_chain"]
    assert "step 20\n" in least.text
    assert "step 1\n" not in least.text
    assert "earliest left out" in least.text
    assert least.kept_chars < least.total_chars


def test_w24_cautions_are_never_plans() -> None:
    """SPARK calls unexecuted plans "confirmed" (W24)."""
    text = _blocks()["lessons"].text
    assert "- The header must be skipped." in text
    assert "- The unit is wrong." in text
    assert "guess again" not in text
    assert "It is binary" not in text


def test_w24_a_timeline_quotes_what_was_recorded_first() -> None:
    """SPARK quotes whatever line survives a cut, such as a scrap of Python (W24)."""
    text = _blocks()["lessons"].text
    assert "- Attempt 1 began with `python3 guess.py more`; first failing check: test_mass - 7 is wrong" in text


def test_the_breakthrough_is_the_checks_that_turned() -> None:
    """With both events: when it failed and when it passed."""
    block = _blocks()["lessons"]
    assert "pass now:\n- test_mass" in block.text
    assert {*_ref(7, "attempt/t/1"), *_ref(12)} <= set(block.references)


def test_a_first_try_has_no_lessons() -> None:
    """And says so."""
    assert "first attempt solved" in _blocks(replace(SOLVED, failed=()))["lessons"].text


def test_w24_counts_come_from_the_rows_that_are_shown() -> None:
    """SPARK prints 0/0 beside passed rows (W24)."""
    assert "- Checks: 1 of 1 passed" in _blocks()["verification"].text
    assert "Checks" not in _blocks(replace(SOLVED, rows=()))["verification"].text


def test_the_environment_is_read_from_the_dockerfile() -> None:
    """Of the stage that runs; a comment installs nothing."""
    text = _blocks()["environment"].text
    assert "- Base image: debian:12" in text
    assert "- System packages: git, curl\n" in text + "\n"
    assert "- Python packages: numpy==1.26.4, scipy==1.11" in text
    assert _blocks(replace(SOLVED, dockerfile="# nothing"))["environment"].text == "# nothing"


def test_the_raw_tail_is_the_end_and_says_what_is_missing() -> None:
    """A cut is never silent."""
    block = _blocks()["raw_tail"]
    assert (block.kept_chars, block.total_chars) == (4000, 5000)
    assert block.text.endswith("(cut: 4000 of 5000 characters are shown)")
    assert _blocks(replace(SOLVED, raw_output=" done\n"))["raw_tail"].text == "(none)"


def test_every_claim_points_at_its_lines() -> None:
    """The provenance side file maps lines of a block to events."""
    block = _blocks()["execution_chain"]
    lines = block.text.split("\n")
    by_event = {claim.references: lines[claim.first_line - 1 : claim.last_line] for claim in block.claims}
    assert by_event[_ref(6)] == ["Action 2, exit code 1:", "```sh", "cat nope", "```"]


@given(st.lists(st.text(alphabet="ab\n", max_size=30), min_size=1), st.integers(1, 60))
def test_a_block_keeps_to_its_cap_and_its_lines(texts: list[str], cap: int) -> None:
    """Whole claims only, unless the first alone is too long; every claim spans just its own lines."""
    entries = [ClaimDraft(text, (Ref("s", i),)) for i, text in enumerate(texts, start=1)]
    block = assemble(BlockName("n", "N"), entries, cap=cap)
    lines = block.text.split("\n")
    shown = ["\n".join(lines[claim.first_line - 1 : claim.last_line]) for claim in block.claims]
    assert sum(map(len, shown)) == block.kept_chars <= cap
    assert block.total_chars == sum(map(len, texts))
    assert shown[1:] == texts[1 : len(shown)]
    assert texts[0].startswith(shown[0])
