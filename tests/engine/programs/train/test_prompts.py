"""Prompts that reach only an optimizer are pinned like all others, and are no part of what an item is scored under."""

from engine.core.prompts import OPTIMIZER_ONLY, load_prompts, make_prompts


def test_prompts_of_the_optimizer_are_no_part_of_a_condition() -> None:
    """Otherwise each change of their wording would hide every score that is stored."""
    prompts = load_prompts()
    shipped = [each for each in prompts.digests if each.startswith(OPTIMIZER_ONLY)]
    assert {"train_reflect_failure", "train_form_patch", "train_merge_system"} <= set(shipped)
    others = {each.name: each.text for each in prompts.prompts if each.name not in shipped}
    assert prompts.reaching_items == make_prompts(others).digests
