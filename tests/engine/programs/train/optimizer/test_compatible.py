"""The value `compatible` reads answers as SkillOpt does, defects included; and asks for none again."""

import json
from typing import Any

import pytest

from engine.core.decision import Policy, PolicyContext
from engine.core.prompts import load_prompts
from engine.effects.answer_points import ReadAnswer, ReplySeen
from engine.policies.edits.edit import Edit
from engine.programs.train.optimizer import points
from engine.programs.train.optimizer.proposals import EXAMPLES, decode_proposals, encode_proposals
from engine.programs.train.optimizer.rulings import COMPATIBLE, POLICIES
from events.base import Ref
from events.digest import Digest, digest_of
from events.types.decision import Held, Seen

AT = Ref("reflect/1.0.fail.0", 3)
RULE = points.ReadingRule(repairs=1, max_chars=20_000, max_files=16)
EDIT = {"op": "append", "content": "Say the code."}


class Blobs(dict[Digest, bytes]):
    """Bytes by digest."""

    def put(self, data: bytes) -> Digest:
        """Keep bytes."""
        self[digest_of(data)] = data
        return digest_of(data)

    def held(self, value: Any) -> Held:
        """Keep a value as JSON."""
        return Held(self.put(json.dumps(value).encode()), AT)

    def reply(self, text: str) -> Seen[ReplySeen]:
        """Keep an answer."""
        message = json.dumps({"role": "assistant", "content": text}).encode()
        return Seen(AT, ReplySeen(self.put(message), self.put(text.encode())))


def read(policy: Policy, saw: Any, blobs: Blobs) -> ReadAnswer:
    """Ask a policy."""
    ruling = policy(saw, RULE, PolicyContext(blobs, blobs.put, {}, ("x", AT_DIGEST, ())))
    assert isinstance(ruling, ReadAnswer)
    return ruling


AT_DIGEST = digest_of(b"")


def patch(blobs: Blobs, said: Any, budget: int | None = 4) -> points.PatchSaw:
    """Say what a reflection answered."""
    reply = blobs.reply(said if isinstance(said, str) else json.dumps(said))
    return points.PatchSaw(reply, "1.0.fail.0", "failure", "patch", blobs.held({"SKILL.md": ""}), 3, budget, False, 0)


def edits(blobs: Blobs, ruling: ReadAnswer) -> tuple[Any, ...]:
    """Give the edits that were read."""
    assert ruling.value is not None
    return decode_proposals(blobs[ruling.value], "patch")


@pytest.mark.parametrize(("claimed", "support"), [(40, 40), ("7", 7), (0, 1), (None, 1)])
def test_support_is_what_the_model_claims(claimed: Any, support: int) -> None:
    """At least 1; an edit's own claim comes first. The default counts the three that were shown."""
    blobs = Blobs()
    saw = patch(blobs, {"batch_size": claimed, "patch": {"edits": [EDIT, {**EDIT, "support_count": 9}]}})
    found = edits(blobs, read(COMPATIBLE["patch_read"], saw, blobs))
    assert [each.support_count for each in found] == [support, 9]
    assert [each.support_count for each in edits(blobs, read(POLICIES["patch_read"], saw, blobs))] == [3, 3]


def test_a_batch_size_that_is_no_number_makes_a_patch_unreadable_and_ends_nothing_else() -> None:
    """SkillOpt's training ends there (W17); here one reflection is lost, with the reason."""
    blobs = Blobs()
    saw = patch(blobs, {"batch_size": "many", "edits": [EDIT]})
    ruling = read(COMPATIBLE["patch_read"], saw, blobs)
    assert (ruling.verdict, ruling.value) == ("unreadable", None)
    assert "'many'" in ruling.problems[0]


def test_anchors_are_not_looked_at_and_nothing_is_asked_again() -> None:
    """The default asks once about a text that is not in the document."""
    blobs = Blobs()
    saw = patch(blobs, {"batch_size": 2, "edits": [{"op": "replace", "target": "no such text", "content": "x"}]})
    assert read(COMPATIBLE["patch_read"], saw, blobs).verdict == "read"
    assert read(POLICIES["patch_read"], saw, blobs).verdict == "repair"
    prose = patch(blobs, "I would append a rule.")
    assert read(COMPATIBLE["patch_read"], prose, blobs).verdict == "unreadable"
    assert read(POLICIES["patch_read"], prose, blobs).verdict == "repair"


def test_an_edit_that_changes_nothing_is_not_worth_a_further_call() -> None:
    """It is taken, and refused where it is applied."""
    blobs = Blobs()
    saw = patch(blobs, {"edits": [EDIT, EDIT]})
    assert read(POLICIES["patch_read"], saw, blobs).verdict == "read"


def test_a_merged_edit_claims_its_support_and_one_bad_item_spoils_a_merge() -> None:
    """The default counts the reflections it came from, and leaves the bad item out after it has asked."""
    blobs = Blobs()
    before = Edit("append", "Say the code.", support_count=3, source_type="failure", sources=("1.0.fail.0",))
    group = (Held(blobs.put(encode_proposals([before])), AT),)

    def merge(items: list[Any], repairs: int = 0) -> points.MergeSaw:
        reply = blobs.reply(json.dumps({"edits": items}))
        held = blobs.held({"SKILL.md": ""})
        return points.MergeSaw(reply, "patch", held, group, (("1.0.fail.0", 3),), 1, repairs)

    one = merge([{**EDIT, "support_count": 12}])
    assert [each.support_count for each in edits(blobs, read(COMPATIBLE["merge_read"], one, blobs))] == [12]
    assert [each.support_count for each in edits(blobs, read(POLICIES["merge_read"], one, blobs))] == [3]
    bad = [EDIT, "and so on"]
    assert read(COMPATIBLE["merge_read"], merge(bad), blobs).verdict == "unreadable"
    assert read(POLICIES["merge_read"], merge(bad), blobs).verdict == "repair"
    last = read(POLICIES["merge_read"], merge(bad, repairs=1), blobs)
    assert (last.verdict, last.count) == ("read", 1)
    assert "number 2 of `edits`" in last.problems[0]


def test_a_budget_of_none_keeps_one_edit() -> None:
    """SkillOpt checks after it has added (W15); the default chooses none."""
    blobs = Blobs()
    saw = points.RankingSaw(blobs.reply(json.dumps({"selected_indices": [1, 0]})), 2, 0, 0)
    assert read(COMPATIBLE["ranking_read"], saw, blobs).count == 1
    assert read(POLICIES["ranking_read"], saw, blobs).count == 0


def test_a_rewrite_stands_as_it_is() -> None:
    """Protected blocks are gone if the model left them out (W18); the default puts them back."""
    blobs = Blobs()
    block = "<!-- SLOW_UPDATE_START -->\nNever guess.\n<!-- SLOW_UPDATE_END -->"
    reply = blobs.reply(json.dumps({"new_skill": "# New", "change_summary": ["shorter"]}))
    saw = points.RewriteSaw(reply, blobs.held({"SKILL.md": f"# Old\n\n{block}\n", "a.md": "kept"}), 0)
    for policies, kept in ((COMPATIBLE, False), (POLICIES, True)):
        ruling = read(policies["rewrite_read"], saw, blobs)
        assert ruling.value is not None
        files = json.loads(blobs[ruling.value])
        assert files["a.md"] == "kept"
        assert (block in files["SKILL.md"]) is kept
        assert "# Old" not in files["SKILL.md"]


def test_reasoning_is_no_part_of_an_answer() -> None:
    """An object that a model only thought of is not its answer."""
    blobs = Blobs()
    saw = patch(blobs, '<think>{"edits": [{"op": "delete", "target": "x"}]}</think>' + json.dumps({"edits": [EDIT]}))
    assert [each.op for each in edits(blobs, read(POLICIES["patch_read"], saw, blobs))] == ["append"]


@pytest.mark.parametrize(
    ("named", "support"), [([1, 3], 2), ([1, 1], 1), ([4, 0], 3), (["1"], 3), (None, 3), ([True], 3)]
)
def test_an_edit_rests_on_the_trajectories_that_it_names(named: Any, support: int) -> None:
    """Numbers that name none of those that were shown do not count; without any, it rests on all of them."""
    blobs = Blobs()
    saw = patch(blobs, {"edits": [{**EDIT, "from": named}]})
    assert [each.support_count for each in edits(blobs, read(POLICIES["patch_read"], saw, blobs))] == [support]


def test_the_example_that_a_model_is_given_is_no_finding_of_its_own() -> None:
    """A small model repeated it word for word; each content of the example is known, and it is asked for again."""
    prompt = load_prompts().text("train_form_patch")
    assert all(each in prompt for each in EXAMPLES)
    assert prompt.count('"content": ') == len(EXAMPLES)
    blobs = Blobs()
    copied = [{"op": "append", "content": each} for each in sorted(EXAMPLES)]
    assert read(POLICIES["patch_read"], patch(blobs, {"edits": copied}), blobs).verdict == "repair"
    assert read(COMPATIBLE["patch_read"], patch(blobs, {"edits": copied}), blobs).verdict == "unreadable"
