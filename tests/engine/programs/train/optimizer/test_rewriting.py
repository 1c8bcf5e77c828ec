"""Texts that an optimizer writes: whatever it makes of what others keep in the document, that stays."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from engine.policies.edits.edit import EditRule
from engine.policies.edits.modes import RevisionSuggestion, SkillCandidate
from engine.programs.train.optimizer.rewriting import consolidate, first_draft, meta_skill, rewrite, slow_update
from engine.programs.train.optimizer.terms import (
    Came,
    ConsolidateBrief,
    MetaBrief,
    RewriteBrief,
    ShownPair,
    SlowBrief,
)
from events.types.optimizing import TrajectoryAsked
from tests.engine.programs.train.optimizer.test_merging import asked, proposals
from tests.support.optimizing import RolledItems, answer, optimized, rule

BLOCK: Final = "<!-- SLOW_UPDATE_START -->\nNever guess.\n<!-- SLOW_UPDATE_END -->"
DOCUMENT: Final = f"# Lamps\n\nLook at the lamp.\n\n{BLOCK}\n"


def rewriting(rolled: RolledItems) -> RewriteBrief:
    """Carry one suggestion out."""
    listed = proposals(rolled, "1.final", [RevisionSuggestion(instruction="Say the code.", title="code")], 3)
    return RewriteBrief(rolled.terms, rolled.document(DOCUMENT), listed, "Step 1: rejected.")


async def test_a_rewrite_keeps_what_others_keep_in_the_document(tmp_path: Path) -> None:
    """Given a new text that drops the block, or changes it, the block stands as it was (W18)."""
    for number, text in enumerate(
        ("# Lamps\n\nSay the code.\n", f"# Lamps\n\n{BLOCK.replace('Never', 'Always')}\n\nSay.")
    ):
        said = answer({"new_skill": text, "change_summary": "It says the code."})
        run, came = await asked(
            tmp_path / str(number), "rewrite/1", rewrite, rewriting, rule("rewrite", said), mode="rewrite"
        )
        assert came.ending == "read"
        body = came.value.files["SKILL.md"]
        assert body.count(BLOCK) == 1
        assert "Always" not in body
        assert "Look at the lamp." not in body
        assert came.value.summary == "It says the code."
        assert "Say the code." in (await run.told())[1]


async def test_a_rewrite_without_a_document_is_none(tmp_path: Path) -> None:
    """An empty text, twice, is unreadable; the document is never emptied by it."""
    said = answer({"new_skill": " ", "change_summary": "Nothing."})
    _, came = await asked(tmp_path, "rewrite/1", rewrite, rewriting, rule("rewrite", said, said), mode="rewrite")
    assert (came.value, came.ending) == (None, "unreadable")


async def test_the_first_draft_that_can_stand_is_the_candidate(tmp_path: Path) -> None:
    """One that is empty, but for what others keep, is passed over."""
    found: list[Any] = []

    async def course(rolled: RolledItems) -> Mapping[str, str]:
        drafts = [SkillCandidate(new_skill=BLOCK), SkillCandidate(new_skill="# Lamps\n\nSay the code.")]
        listed = [proposals(rolled, "1.final", items, 2) for items in (drafts, [])]
        found.extend(first_draft(each, rolled.document(DOCUMENT), EditRule()) for each in listed)
        return {"draft": "made"}

    await optimized(tmp_path, course, "", mode="full_rewrite")
    assert found[0].files["SKILL.md"].startswith("# Lamps\n\nSay the code.")
    assert BLOCK in found[0].files["SKILL.md"]
    assert found[1] is None


def pairs(rolled: RolledItems) -> list[ShownPair]:
    """Give both items under two documents; here both are the same."""
    return [
        ShownPair("stable_success" if row.hard else "regressed", row, row)
        for row in sorted(rolled.rows, key=lambda row: not row.hard)
    ]


def epoch(rolled: RolledItems) -> SlowBrief:
    """Compare two documents."""
    return SlowBrief(
        rolled.terms, rolled.document("# Before\n"), rolled.document("# Now\n"), "Never guess.", pairs(rolled)
    )


async def test_advice_is_drawn_from_what_both_documents_did(tmp_path: Path) -> None:
    """Items that got worse are shown first, with both trajectories; of those that stayed solved only that they did."""
    said = answer({"reasoning": "It got worse.", "guidance": " Say codes.\n"})
    run, came = await asked(tmp_path, "slow/2", slow_update, epoch, rule("slow update", said))
    assert (came.ending, came.value) == ("read", "Say codes.")
    told = (await run.told())[1]
    assert told.index("no longer") < told.index("still is")
    assert told.count("amber lamp?") == 2
    assert "blue lamp?" not in told
    assert "with the document before" in told
    assert "Never guess." in told
    assert "K7" not in told
    asked_for = [each.event for each in await run.events("trajectory.asked")]
    assert asked_for == [TrajectoryAsked("cell/start/quiz.amber.1", "checks", reference=False)] * 2


async def test_no_advice_is_advice_too_and_another_answer_is_none(tmp_path: Path) -> None:
    """An empty text says that there is none to give; a missing one is unreadable."""
    _, came = await asked(
        tmp_path / "none", "slow/2", slow_update, epoch, rule("slow update", answer({"guidance": ""}))
    )
    assert (came.ending, came.value) == ("read", "")
    said = answer({"reasoning": "It got worse."})
    _, came = await asked(tmp_path / "other", "slow/2", slow_update, epoch, rule("slow update", said, said))
    assert (came.ending, came.value) == ("unreadable", None)


async def test_an_optimizer_notes_for_itself_what_an_epoch_taught_it(tmp_path: Path) -> None:
    """It is told what it noted before."""

    def make(rolled: RolledItems) -> MetaBrief:
        terms = rolled.terms._replace(meta="- Short rules help.")
        return MetaBrief(terms, rolled.document("# Before\n"), rolled.document("# Now\n"), pairs(rolled))

    said = answer({"reasoning": "It did.", "notes": "- Rules about codes help."})
    run, came = await asked(tmp_path, "meta/2", meta_skill, make, rule("meta skill", said))
    assert (came.ending, came.value) == ("read", "- Rules about codes help.")
    assert "- Short rules help." in (await run.told())[1]


async def consolidated(base: Path, *said: Any) -> Came[tuple[str, ...]]:
    """Have three notes made fewer."""

    def make(rolled: RolledItems) -> ConsolidateBrief:
        return ConsolidateBrief(rolled.terms, ("Say codes.", "Say the code.", "Look first."))

    answers = rule("appendix", *[answer(each) for each in said])
    _, came = await asked(base, "appendix/1", consolidate, make, answers)
    assert isinstance(came, Came)
    return came


async def test_notes_are_only_replaced_by_fewer(tmp_path: Path) -> None:
    """As many as before, or none, are asked about once, and then not taken."""
    came = await consolidated(tmp_path / "fewer", {"notes": ["Say codes.", "Look first."]})
    assert (came.ending, came.value) == ("read", ("Say codes.", "Look first."))
    for name, notes in (("many", ["a", "b", "c"]), ("none", [])):
        came = await consolidated(tmp_path / name, {"notes": notes}, {"notes": notes})
        assert (came.ending, came.value) == ("unreadable", None)
